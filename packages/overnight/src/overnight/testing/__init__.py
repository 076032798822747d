"""Fakes and contract suites that are products: use them to test your own studies and agents."""
