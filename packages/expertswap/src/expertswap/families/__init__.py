"""What differs between model families: every foreign weight name, one file per family."""
