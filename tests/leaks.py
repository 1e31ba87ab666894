"""What is secret in a run stands in nothing that it wrote: logs, databases, what it told GitHub, and errors.

The secrets are the run's own: the webhook's, the App's key, and every token that was made or shown. The
playground's folder holds them, as GitHub does; every other file of the run is read as bytes, the databases
(and in the playground's the answers to deliveries) among them. Of what went over the wire the bodies of
requests and of refusals are read: headers carry tokens, and so does the answer that makes one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.redaction import _spellings
from webhooks.playground.credentials import ensure
from webhooks.playground.exchanges import FILE, Exchange

HELD = ("app.pem", "app.json", FILE)
"""Where the playground has them."""


@contextmanager
def leaks_nothing(home: Path) -> Iterator[None]:
    """Meanwhile a system with its playground in `home / "playground"` writes down what it exchanges."""
    yield
    with (home / "playground" / FILE).open(encoding="ascii") as lines:
        found = leaks(home, [Exchange.of(line) for line in lines])
    assert not found, "secret, and to be read in:\n" + "\n".join(found)


def leaks(home: Path, exchanges: Iterable[Exchange]) -> list[str]:
    """The files and the calls in which a secret of that run stands, in any spelling."""
    exchanges, playground = list(exchanges), home / "playground"
    known = ensure(playground)
    secrets = {known.webhook_secret, known.private_key_file.read_text(), *_tokens(exchanges)}
    called = any(one.by_bot for one in exchanges)
    assert len(secrets) > 2 or not called, "calls of the bot's without a token: they were not read right"
    spelled = {spelling.encode() for secret in secrets for spelling in _spellings(secret.strip())}

    def shows(said: bytes) -> bool:
        return any(one in said for one in spelled)

    held = {playground / name for name in HELD}
    files = [file for file in sorted(home.rglob("*")) if file.is_file() and file not in held]
    assert files, f"the run wrote nothing in {home}"
    found = [str(file) for file in files if shows(file.read_bytes())]
    for one in exchanges:
        if shows(one.body) or (one.status >= 400 and shows(one.answer)):
            found.append(one.name)
    return found


def _tokens(exchanges: Iterable[Exchange]) -> Iterator[str]:
    """Those that were shown, and those that were made."""
    for one in exchanges:
        if token := one.headers.get("authorization", "").partition(" ")[2]:
            yield token
        if one.path.endswith("/access_tokens") and one.status == 201:
            yield json.loads(one.answer)["token"]
