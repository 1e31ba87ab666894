"""Drills: the whole bot as processes, and what is done to them. `thumbprint drill`."""
