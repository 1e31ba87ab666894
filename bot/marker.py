"""Markers: the metadata in a comment of ours, by which it is found again. Pure.

Whether a marker is ours is said by GitHub's word on the comment's author and by its signature
(`bot/signing.py`), never by its form. Run: `pytest tests/unit/bot/test_reply.py`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

START = "<!-- thumbprint:v1 "
_META = re.compile(r"<!-- thumbprint:v1 (\{.*?\}) -->", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Marker:
    """The metadata in a comment: which answer it is, and what made it; `mac` is its signature, or ""."""

    answer_id: str
    template: str = ""
    phrases: tuple[str, ...] = ()
    model: str = ""
    tokens: int = 0
    seed: int = 0
    mac: str = ""


def parse_marker(body: str) -> Marker | None:
    """The metadata of a body, or None when there is none that can be read. The last one counts."""
    found = _META.findall(body)
    if not found:
        return None
    try:
        said = json.loads(found[-1])
        return Marker(
            answer_id=str(said["answer"]),
            template=str(said.get("template", "")),
            phrases=tuple(str(phrase) for phrase in said.get("phrases", ())),
            model=str(said.get("model", "")),
            tokens=int(said.get("tokens", 0)),
            seed=int(said.get("seed", 0)),
            mac=str(said.get("mac", "")),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def said_of(marker: Marker) -> str:
    """All that a marker says, but for its signature, as the text that is signed."""
    return json.dumps(_said(marker), separators=(",", ":"))


def _said(marker: Marker) -> dict[str, object]:
    return {
        "answer": marker.answer_id,
        "template": marker.template,
        "phrases": list(marker.phrases),
        "model": marker.model,
        "tokens": marker.tokens,
        "seed": marker.seed,
    }


def metadata(marker: Marker) -> str:
    """A marker as an HTML comment that nothing in it can close."""
    said = _said(marker) | ({"mac": marker.mac} if marker.mac else {})
    safe = json.dumps(said, separators=(",", ":"))
    for sign in ("<", ">", "&"):
        safe = safe.replace(sign, f"\\u{ord(sign):04x}")
    return f"{START}{safe.replace('--', chr(92) + 'u002d' + chr(92) + 'u002d')} -->"
