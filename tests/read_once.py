"""What every test would read anew and find the same is read once a process: keys, and who is trusted.

A third of many a short test went into checking the App's RSA key, as often as a token was made, and into the
certificates of all the world's authorities, for clients that talk to loopback. What is given out is never
changed by who gets it. Playgrounds have one key (`app_key`), unless they are in a process of their own.
"""

from __future__ import annotations

import ssl
from functools import cache
from importlib import import_module

from cryptography.hazmat.primitives import serialization

from webhooks.playground.credentials import new_key

READS = (
    ("cryptography.hazmat.primitives.serialization", "load_pem_private_key"),
    ("jwt.algorithms", "load_pem_private_key"),
    ("bot.signing", "load_pem_private_key"),
    ("ssl", "create_default_context"),
)
app_key = cache(new_key)
"""The key of this process's playgrounds: PEM."""


def install() -> None:
    """From now on, in this process."""
    kept = {
        one.__name__: cache(one) for one in (serialization.load_pem_private_key, ssl.create_default_context)
    }
    for module, name in READS:
        setattr(import_module(module), name, kept[name])
