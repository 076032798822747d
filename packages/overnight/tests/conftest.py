from hypothesis import settings

# The same examples every time, however busy the machine is.
settings.register_profile("overnight", max_examples=50, deadline=None, derandomize=True)
settings.load_profile("overnight")
