"""What tests of this package and of others built on it can use."""
