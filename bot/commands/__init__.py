"""The verbs of `thumbprint`, a file for each kind; `bot/cli.py` puts them together."""
