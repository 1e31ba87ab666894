"""`/setup`: a browser registers the GitHub App, once, for who sits at this machine or knows the token."""
