"""The checks, one function each, in files by their subject."""
