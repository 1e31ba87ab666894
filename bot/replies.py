"""What a reply to an answer spells out: `no, use X`, `use X instead of Y`, `Y should be X`. Pure.

A sentence counts only as a whole, and a bare wording only where it is short: what is found is shown to people
before it acts, and a reply that was not meant so should not be shown. Where only the right wording is named,
the wrong one is the code span of the answer that is most like it. Left out: other languages than English;
whether the reply's author is trusted, and what follows (`bot/proposals.py`, `bot/feedback.py`).
Run: `pytest tests/unit/bot/test_replies.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from bot.github_shapes import account
from storage.records import Actor, Delivery, PostKind

LONGEST = 100
"""Characters of a wording that a reply may propose."""
SENTENCES = 8
"""Sentences of a reply that are read."""
FEW = 3
"""Lines up to which each line of a code block is a wording that may be meant."""
LIKE, APART = 0.5, 0.1
"""How like the right wording the wrong one has to be among several, and how much more than the next one."""

_SPAN = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)|\"([^\"\n]{1,100})\"|“([^”\n]{1,100})”")
_FENCE = re.compile(
    r"^ {0,3}(`{3,}+(?![^\n]*`)|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_QUOTE = re.compile(r"^ {0,3}>.*$", re.MULTILINE)
_QUICK = re.compile(
    r"\b(?:use|run|write|call|say|try|instead|rather|not|should|renamed|replaced?)\b|[→⇒]|[-=]>",
    re.IGNORECASE,
)
_NO = re.compile(
    r"(?:(?:no|nope|nah|wrong|incorrect|actually|not quite|sorry|hmm+|please"
    r"|(?:this|that)(?:'s| is) (?:wrong|outdated|incorrect|not (?:right|true|correct)))\b[\s,.:;!–—-]*)",
    re.IGNORECASE,
)
_AT = re.compile(r"@[\w-]+(?:\[bot\])?[\s,:]*")
_WORDS = r"[^\s,;:!?\ue000]+(?: [^\s,;:!?\ue000]+){0,3}"
_X, _Y = (rf"(?P<{name}>\ue000\d+\ue001|{_WORDS})" for name in "xy")
_SHOULD = r"(?:(?:we|you|one|they|please|should|must|can|now|always|better|just) )*"
_VERB = r"(?:use|run|write|call|say|try|prefer)"
_IS = r"(?:it|that|this)(?:'s| is| should be| must be)"
_END = r"(?: (?:here|now|today|these days|nowadays|please))*"
_BOTH = tuple(
    re.compile(pattern + _END, re.IGNORECASE)
    for pattern in (
        rf"(?:{_SHOULD}{_VERB} |{_IS} )?{_X}(?:, (?:and )?not| instead of| rather than| in place of) {_Y}",
        rf"(?:{_IS} )?not {_Y},? but (?:rather )?{_X}",
        rf"{_Y} (?:should be|should read|must be|is now|was renamed(?: to)?|became) {_X}",
        rf"{_Y} (?:was|is|has been) replaced by {_X}",
        rf"(?:{_SHOULD})?replace {_Y} (?:with|by) {_X}",
        rf"{_Y} ?(?:->|→|=>|⇒) ?{_X}",
    )
)
_RIGHT = re.compile(
    rf"(?:{_SHOULD}{_VERB}|{_IS}|the (?:right |correct )?[\w-]+ is(?: now)?)"
    rf" {_X}(?P<instead> instead)?{_END}",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"(?P<x>\ue000\d+\ue001)(?P<instead> instead)?{_END}", re.IGNORECASE)
_ARTICLE = re.compile(r"(?:the|an?) ", re.IGNORECASE)
_VAGUE = re.compile(
    r"(?:the|an?|this|that|these|those|it|its|my|your|our|their|one|some|something|any|anything|what|whatever"
    r"|to|for|in|on|at|of|with|only|more|less|better|worse|wrong|right|sure|done|not|because|if|when)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A comment by a person, as its delivery tells of it. `root`: of a review comment's thread, else 0."""

    repository_id: int
    full_name: str
    number: int
    post_id: int
    kind: PostKind
    actor: Actor
    body: str
    url: str
    at: datetime
    root: int = 0


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """Write `right`, not `wrong`; `wrong` is "" where the reply does not name it."""

    right: str
    wrong: str = ""


def read_reply(delivery: Delivery) -> Reply | None:
    """The comment in a delivery; None when a field that is needed is missing or odd."""
    try:
        said = json.loads(delivery.body)
        comment: Mapping[str, Any] = said["comment"]
        review = delivery.event == "pull_request_review_comment"
        return Reply(
            repository_id=int(said["repository"]["id"]),
            full_name=str(said["repository"]["full_name"]),
            number=int((said["pull_request"] if review else said["issue"])["number"]),
            post_id=int(comment["id"]),
            kind=PostKind.REVIEW_COMMENT if review else PostKind.COMMENT,
            actor=account(comment["user"]),
            body=str(comment.get("body") or ""),
            url=str(comment.get("html_url") or ""),
            at=datetime.fromisoformat(comment["created_at"]),
            root=int(comment.get("in_reply_to_id") or 0) if review else 0,
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def suggested(body: str) -> Suggestion | None:
    """The first correction that a reply spells out, or None. A question spells out none."""
    text = body.replace("\r\n", "\n")
    if len(text) > 5_000 or not (_QUICK.search(text) or _NO.match(text.lstrip())):
        return None
    spans: list[str] = []

    def kept(found: re.Match[str]) -> str:
        spans.append((found[2] or found[3] or found[4]).strip())
        return f"\ue000{len(spans) - 1}\ue001"

    plain = _SPAN.sub(kept, _QUOTE.sub("", _FENCE.sub("", re.sub("[\ue000\ue001]", "", text))))
    against = bool(_QUOTE.search(text))
    for sentence in [one for one in re.split(r"(?<=[.!?;])\s+|\n+", plain) if one.strip()][:SENTENCES]:
        said = (
            _AT.sub("", sentence.strip(), count=1) if sentence.strip().startswith("@") else sentence.strip()
        )
        if said.endswith("?") or len(said) > 300:
            continue
        while found := _NO.match(said):
            against, said = True, said[found.end() :]
        said = " ".join(said.rstrip(".!;").split()).lstrip("*_-+ ")
        if (made := _read(said, spans, against)) is not None:
            return made
    return None


def counterpart(right: str, answer: str) -> str:
    """The wording of an answer that a reply means which names only the right one: "" if that is unclear."""
    said = [found[2] for found in _SPAN.finditer(_FENCE.sub("", answer)) if found[2]]
    for block in _FENCE.finditer(answer):
        lines = block[0].splitlines()[1:-1]
        said += lines if len(lines) <= FEW else []
    spans = list(dict.fromkeys(one.strip() for one in said if one.strip() and len(one) <= LONGEST))
    spans = [one for one in spans if one != right]
    if len(spans) < 2:
        return spans[0] if spans else ""
    like = sorted(((_likeness(right, one), one) for one in spans), reverse=True)
    best, second = like[0], like[1]
    return best[1] if best[0] >= LIKE and best[0] - second[0] >= APART else ""


def corrected(answer: str, suggestion: Suggestion) -> tuple[str, str]:
    """Two texts whose difference is the suggestion: the answer's own where it holds the wrong wording."""
    wrong, right = suggestion.wrong, suggestion.right
    if not wrong:
        return answer, f"{answer.rstrip()}\n\nUse `{right}`."
    leading = right.split()[:-1]
    for count in range(len(leading), 0, -1):  # "port 8080, not 8000": the port is not doubled
        if (longer := " ".join([*leading[:count], wrong])) in answer:
            wrong = longer
            break
    edged = rf"(?<!\w){re.escape(wrong)}(?!\w)"
    after, times = re.subn(edged, lambda _: right, answer)
    return (answer, after) if times else (f"Use `{wrong}` for that.", f"Use `{right}` for that.")


def _read(said: str, spans: list[str], against: bool) -> Suggestion | None:
    for pattern in _BOTH:
        if found := pattern.fullmatch(said):
            right, wrong = _wording(found["x"], spans), _wording(found["y"], spans)
            return Suggestion(right=right, wrong=wrong) if right and wrong and right != wrong else None
    single = _RIGHT.fullmatch(said) or (_ALONE.fullmatch(said) if against else None)
    if single and (against or single["instead"]):
        right = _wording(single["x"].removesuffix(" instead"), spans)
        return Suggestion(right=right) if right else None
    return None


def _wording(said: str, spans: list[str]) -> str:
    """A wording as it is meant: what stands in a span, or a few words that name something."""
    if said.startswith("\ue000"):
        wording = spans[int(said[1:-1])]
    else:
        wording = _ARTICLE.sub("", said.strip(), count=1).strip("*_'()[]")
        if _VAGUE.match(wording):
            return ""
    return wording if 0 < len(wording) <= LONGEST and any(sign.isalnum() for sign in wording) else ""


def _likeness(one: str, other: str) -> float:
    shared = set(one.lower().split()) & set(other.lower().split())
    return max(SequenceMatcher(None, one.lower(), other.lower()).ratio(), 0.5 if shared else 0.0)
