"""Which experts a model uses for some prompts, and how much each of them adds."""
