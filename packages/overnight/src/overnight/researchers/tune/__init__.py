"""tune: search over the constants of the editable files; no model, no key."""

from overnight.researchers.tune.researcher import Tune, create

__all__ = ["Tune", "create"]
