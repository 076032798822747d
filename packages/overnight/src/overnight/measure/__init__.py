"""Running the measured command and reading what it reports."""
