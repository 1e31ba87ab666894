"""How a lesson is said to people: in the acknowledgement, on the pages, on the terminal. Pure.

Plain text; the caller escapes it for Markdown or HTML.
"""

from __future__ import annotations

import re
from datetime import datetime

from learning.memory.cuts import DOUBTFUL
from storage.records import (
    AnswerStatus,
    Decision,
    Feedback,
    FeedbackKind,
    Phrase,
    PhraseKind,
    PhraseWeight,
    Reaction,
    Story,
)

EMOJI = {
    Reaction.PLUS_ONE: "👍",
    Reaction.MINUS_ONE: "👎",
    Reaction.LAUGH: "😄",
    Reaction.HOORAY: "🎉",
    Reaction.CONFUSED: "😕",
    Reaction.HEART: "❤️",
    Reaction.ROCKET: "🚀",
    Reaction.EYES: "👀",
}

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """People's words for a terminal: what could move its cursor, rename its window or hide a line is a �."""
    return _CONTROL.sub("�", text.replace("\r\n", "\n"))


def stands(story: Story) -> str:
    """How it stands with an answer, in a few words: its status, or what became of its draft."""
    draft, status = story.draft, story.answer.status
    if draft is None or status is not AnswerStatus.CANCELLED:
        return status.value
    return (
        "a draft, waits for approval"
        if draft.decision is Decision.WAITING
        else f"a draft, {draft.decision.value}"
    )


def says(phrase: Phrase, weight: float | None = None) -> str:
    """One lesson in words: `write "a", not "b"`. A wording's direction is that of its weight."""
    if phrase.kind is PhraseKind.CORRECTION:
        return f"write “{phrase.right}”, not “{phrase.text}”"
    if phrase.kind is PhraseKind.MENTION:
        return f"mention “{phrase.right}”"
    if phrase.kind is PhraseKind.LENGTH:
        return f"at most {limit(phrase)}"
    if phrase.kind is PhraseKind.SILENCE:
        return "say nothing to questions like this"
    if weight is None or number(weight) == "0.00":
        return f"“{phrase.text}”"
    return f"{'prefer' if weight > 0 else 'avoid'} “{phrase.text}”"


def limit(phrase: Phrase) -> str:
    """How many words a lesson about length allows, and whether it waits for a second cut."""
    doubt = ", once a second cut says so" if phrase.context == DOUBTFUL else ""
    return f"{phrase.limit_words} words{doubt}"


def number(weight: float) -> str:
    """A weight with its sign: `+0.67`, `-0.20`, and `0.00` for what rounds to nothing."""
    return "0.00" if abs(weight) < 0.005 else f"{weight:+.2f}"


def state(weight: PhraseWeight) -> str:
    """Whether a lesson acts, and if not, why not."""
    if weight.active:
        return "balanced" if number(weight.weight) == "0.00" else "active"
    return "waits for more people"


def taught_ago(weight: PhraseWeight, now: datetime) -> str:
    """How long ago a lesson was last taught, wherever its age is shown."""
    return age(weight.taught_at or weight.as_of, now)


def age(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit: `3 d`, `2 h`, `5 min`, `now`."""
    seconds = max(0.0, (now - then).total_seconds())
    for unit, length in (("y", 365 * 86400), ("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "now"


def did(event: Feedback) -> str:
    """What somebody did, in words: `edited`, `reacted 👎`; and whether it waits (`bot/thawing.py`)."""
    return _did(event) + (", not used yet: learning was frozen" if event.pending else "")


def _did(event: Feedback) -> str:
    if event.kind is FeedbackKind.REACTION and event.reaction is not None:
        return f"reacted {EMOJI[event.reaction]}"
    if event.kind in (FeedbackKind.REASON, FeedbackKind.HIDDEN):
        return f"{'ticked' if event.kind is FeedbackKind.REASON else 'hid it as'} {printable(event.reason)}"
    words = {FeedbackKind.EDIT: "edited", FeedbackKind.DELETION: "deleted", FeedbackKind.REPLY: "confirmed"}
    return words.get(event.kind, "took it back")
