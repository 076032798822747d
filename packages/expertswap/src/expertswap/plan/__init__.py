"""What is resident at the start, how many slots each layer gets, and which policy runs the rest."""
