"""What is secret never reaches a log, the database, a model or an error that people see: it is cut out here.

Two kinds are known: values that this process holds (`hide`), as texts spell them, and what looks like a
secret of a well-known service. `redact` is for lines of our own: errors when they are made
(`storage/errors.py`), logs when they are written (`bot/logs.py`). `redact_said` is for what people and models
write, at each door through which that comes in (ADR 0024): there a word too many that is cut out is a
question that nobody understands, so what has no form of its own, such as a password, has to look like one.
Left out: a secret that looks like a word. Run: `pytest tests/unit/storage/test_redaction.py`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from storage.secret_forms import CUT, OURS, SAID, Form

__all__ = ["CUT", "hide", "redact", "redact_all_said", "redact_said"]

SHORTEST = 6
"""A live value below this many characters is not looked for: it would be found in every line."""

SHORTEST_SAID, SHORTEST_MIXED = 12, 8
"""In what people write one is looked for from 12 characters on, from 8 where it has digits and letters: a
database's password `postgres` is not cut out of each question about that."""

_OURS, _SAID = ([(sign, form) for form in forms for sign in form.signs] for forms in (OURS, SAID))

_live: dict[str, bool] = {}
"""Live values as texts spell them, and whether each is looked for in what people write."""


def hide(values: Iterable[str]) -> None:
    """Keep these values of this process out of every text from now on. They are never let go."""
    for value in values:
        if len(value.strip()) >= SHORTEST:
            _live.update({one: _is_rare(one) for one in _spellings(value.strip())})


def redact(text: str) -> str:
    """A line of our own with each secret in it replaced by `CUT`."""
    return _cut(text, _live, _OURS)


def redact_said(text: str) -> str:
    """What people or a model wrote, with each secret in it replaced by `CUT`. Doing it twice is as once.

    Of two secrets without a sign between them the second may be seen only once the first is cut out.
    """
    live = [value for value, rare in _live.items() if rare]
    while (left := _cut(text, live, _SAID)) != text:
        text = left
    return text


def redact_all_said(said: Any) -> Any:
    """A JSON value with each text in it as `redact_said` leaves it; the same object where nothing is cut."""
    if isinstance(said, str):
        left = redact_said(said)
        return said if left == said else left
    if isinstance(said, list):
        items = [redact_all_said(one) for one in said]
        return said if all(a is b for a, b in zip(items, said, strict=True)) else items
    if isinstance(said, dict):
        values = {key: redact_all_said(one) for key, one in said.items()}
        return said if all(values[key] is one for key, one in said.items()) else values
    return said


def _cut(text: str, live: Collection[str], forms: Iterable[tuple[str, Form]]) -> str:
    for value in sorted(live, key=len, reverse=True):
        if value in text:
            text = text.replace(value, CUT)
    small = text.lower()
    for form in dict.fromkeys(form for sign, form in forms if sign in small):
        text = form.pattern.sub(form.left, text)
    return text


def _is_rare(value: str) -> bool:
    """Whether a live value is no word that people write without meaning it."""
    mixed = any(sign.isdigit() for sign in value) and any(sign.isalpha() for sign in value)
    return len(value) >= (SHORTEST_MIXED if mixed else SHORTEST_SAID)


def _spellings(value: str) -> Iterable[str]:
    """A value as texts spell it: itself, quoted for JSON, for Python, for a URL, and base64."""
    yield value
    yield json.dumps(value)[1:-1]
    yield repr(value)[1:-1]
    yield quote(value, safe="")
    yield quote_plus(value)
    yield base64.b64encode(value.encode()).decode().rstrip("=")
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= 16 and not line.startswith("-----"))
