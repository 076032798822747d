"""A small Mixture-of-Experts model of our own, trained on text that every machine has."""
