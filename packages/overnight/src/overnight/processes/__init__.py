"""Running foreign programs so that nothing of them is left behind."""
