"""The command line: one thin file per command; heavy libraries load inside the commands."""
