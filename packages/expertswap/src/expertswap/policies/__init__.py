"""Who stays resident: policies, and the slots that simulator and runtime share."""
