"""How a lesson is said to people: in the acknowledgement, on the pages, on the terminal. Pure.

Plain text; the caller escapes it for Markdown or HTML.
"""

from __future__ import annotations

from datetime import datetime

from storage.records import Phrase, PhraseKind, PhraseWeight

LABELS = {
    PhraseKind.WORDING: "wording",
    PhraseKind.CORRECTION: "correction",
    PhraseKind.MENTION: "mention",
    PhraseKind.LENGTH: "length",
    PhraseKind.SILENCE: "silence",
}


def says(phrase: Phrase, weight: float | None = None) -> str:
    """One lesson in words: `write "a", not "b"`. A wording's direction is that of its weight."""
    if phrase.kind is PhraseKind.CORRECTION:
        return f"write “{phrase.right}”, not “{phrase.text}”"
    if phrase.kind is PhraseKind.MENTION:
        return f"mention “{phrase.right}”"
    if phrase.kind is PhraseKind.LENGTH:
        return f"at most {phrase.limit_words} words"
    if phrase.kind is PhraseKind.SILENCE:
        return "say nothing to questions like this"
    if weight is None:
        return f"“{phrase.text}”"
    return f"{'prefer' if weight > 0 else 'avoid'} “{phrase.text}”"


def state(weight: PhraseWeight) -> str:
    """Whether a lesson acts, and if not, what it waits for."""
    if weight.active:
        return "active"
    return "waits for more people" if weight.people else "waits"


def age(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit: `3 d`, `2 h`, `5 min`, `now`."""
    seconds = max(0.0, (now - then).total_seconds())
    for unit, length in (("y", 365 * 86400), ("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "now"
