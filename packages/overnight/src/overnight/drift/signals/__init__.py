"""One module for each kind of drift: which trials show its symptom, and how a person is told."""
