"""The APIs that the scripted model speaks; each module says the same turns in its own words."""
