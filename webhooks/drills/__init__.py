"""Drills that need GitHub's side in this process too, for a clock that is turned. `thumbprint drill`."""
