"""Reply: an answer as the body of a comment, and the way back from a body to the answer. Pure.

A body is four parts: the text that people may edit; what was learned from their edit, once they did
(`bot/acknowledgement.py`); the fold *Why this answer* with the footer; and the metadata, in a comment that
nothing in it can close.
`answer_text` finds the text again whatever people did around it, so that an edit is compared with what
stood there and with nothing of ours. Only GitHub's word on a comment's author says whether a marker is
ours: check `Post.by_us` before `parse_marker` is believed.

Left out: making text inert (`bot/sanitise.py`), shortening it (`bot/shorten.py`), posting (`bot/answer.py`).
Run: `pytest tests/unit/bot/test_reply.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.effects import SUMMARY
from bot.marker import START, metadata
from bot.marker import Marker as Marker
from bot.marker import parse_marker as parse_marker
from bot.sanitise import code_span, inert, safe_url
from bot.shorten import SHORTENED, shorten
from bot.wording import limit
from storage.people import NOBODY, TAUGHT_BY
from storage.records import Answer, Evidence, Phrase, PhraseKind, PhraseWeight, Repair

LONGEST = 65_536
"""Characters that GitHub takes in one comment: https://github.com/orgs/community/discussions/27190."""

END = "<!-- thumbprint:end -->"
LEARNED = ("<!-- thumbprint:learned -->", "<!-- /thumbprint:learned -->")
"""Around what an edit taught. What stands between END and the metadata is the fold and the footer."""

PROPOSED = ("<!-- thumbprint:proposed -->", "<!-- /thumbprint:proposed -->")
"""Around the corrections that replies propose, in the fold (`bot/proposals.py`)."""

BOXES = {
    "wrong": "It is wrong",
    "outdated": "It was right once, and is no more",
    "beside": "It does not answer the question",
    "long": "It is too long",
    "unasked": "Questions like this one are for people",
}
"""Why an answer is not right, as boxes in its fold. Whoever may write in a repository may tick them: that
edits our comment in their name, and such an edit is a reason, not another text."""

_BOX = re.compile(r"^[-*+] \[([ xX])\] (.+?)\s*$", re.MULTILINE)
_FOOTER = "I am a bot and may be wrong."
_OURS = tuple(
    re.compile(rf"\n*(?:{pattern})\n*", re.DOTALL | re.IGNORECASE)
    for pattern in (
        rf"{re.escape(LEARNED[0])}.*?{re.escape(LEARNED[1])}",
        rf"{re.escape(PROPOSED[0])}.*?{re.escape(PROPOSED[1])}",
        rf"{re.escape(END)}.*?<!-- thumbprint:v1 \{{.*?\}} -->",
        rf"<details>\s*<summary>{SUMMARY}</summary>.*?</details>",
        rf"<sub>{re.escape(_FOOTER)}.*?</sub>",
        r"<!-- /?thumbprint:.*?-->",
        re.escape(SHORTENED),
    )
)


class Body(str):
    """A comment's body: `text`, which anyone may have written, and `own`, our parts, made in this file only.

    What goes out is `bot.outgoing.sealed(body)`, not the string itself.
    """

    __slots__ = ("own", "text")
    text: str
    own: str

    def __new__(cls, text: str, own: str) -> Body:
        """The body of both, a blank line between them."""
        made = super().__new__(cls, f"{text}\n\n{own}")
        made.text, made.own = text, own
        return made


@dataclass(frozen=True, kw_only=True)
class Why:
    """What the fold says. `evidence`: the events behind each phrase id; `sources` are (label, url).

    `warning` and `remarks` stand above it: a sentence to the asker, and some about the repository's
    configuration. `boxes` ask what is not right.
    """

    marker: Marker
    attempt: int = 1
    candidates: int = 1
    lessons: tuple[PhraseWeight, ...] = ()
    evidence: Mapping[str, Sequence[Evidence]] | None = None
    repairs: tuple[Repair, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    note: str = ""
    warning: str = ""
    remarks: tuple[str, ...] = ()
    boxes: bool = False


def ticked(body: str) -> frozenset[str]:
    """The reasons that are ticked in a comment's fold, whatever its text holds."""
    own = body.replace("\r\n", "\n").partition(END)[2]
    said = {words for mark, words in _BOX.findall(own) if mark != " "}
    return frozenset(reason for reason, words in BOXES.items() if words in said)


def with_boxes(body: str) -> str:
    """The body with the boxes in its fold, where that has none: an answer from before there were any."""
    text, end, own = body.replace("\r\n", "\n").partition(END)
    fold, closing, rest = own.rpartition("</details>")
    if not closing or any(f"] {words}" in own for words in BOXES.values()):
        return body
    return f"{text}{end}{fold.rstrip()}\n\n" + "\n".join(_asking_why()) + f"\n\n{closing}{rest}"


def as_unnamed(body: str, stored: str) -> str:
    """The body as GitHub has it, without names in those lines of ours that lost them in the `stored` one.

    A line is known by all else in it: who was forgotten is named nowhere any more.
    """
    text, end, own = body.replace("\r\n", "\n").partition(END)
    lines = own.split("\n")
    for kept in stored.partition(END)[2].split("\n"):
        if NOBODY in kept:
            same = re.compile(r"[\w-]+".join(re.escape(part) for part in kept.split(NOBODY)))
            lines = [kept if same.fullmatch(line) else line for line in lines]
    return text + end + "\n".join(lines) if end else body


def render_body(text: str, why: Why) -> Body:
    """The comment for an answer; at most `LONGEST` characters.

    A text that is too long is shortened at a line, its open fence closed.
    """
    tail = "\n\n".join(
        part
        for part in (
            END,
            *([why.warning] if why.warning else []),
            *_remarks(why.remarks),
            f"<details><summary>{SUMMARY}</summary>\n\n{_fold(why)}\n\n</details>",
            f"<sub>{_FOOTER} If this is not right, edit this comment or press 👎: the next answer will know."
            "</sub>",
            metadata(why.marker),
        )
    )
    return Body(shorten(text, LONGEST - len(tail) - 2), tail)


def stored_body(answer: Answer) -> Body:
    """The body of a stored answer. Own parts that name another answer are replaced by bare metadata."""
    text, end, rest = answer.body.partition(END)
    marker = parse_marker(rest)
    if marker is None or marker.answer_id != answer.id:
        return Body(text.strip("\n"), bare(Marker(answer_id=answer.id)))
    return Body(text.strip("\n"), end + rest)


def with_text(answer: Answer, text: str, note: str) -> Body:
    """The body of a stored answer with another text, and a sentence of ours that says whence it is."""
    body = stored_body(answer)
    own = body.own.replace(END, f"{END}\n\n{note}", 1)
    return Body(shorten(text, LONGEST - len(own) - 2), own)


def bare(marker: Marker) -> str:
    """Own parts of a comment that say nothing to people: its metadata alone."""
    return f"{END}\n\n{metadata(marker)}"


def with_marker(body: Body, marker: Marker) -> Body:
    """The body with another marker in place of the last one in our own parts."""
    head, _, _ = body.own.rpartition(START)
    return Body(body.text, head + metadata(marker))


def render_notice(text: str, marker: Marker, word: str = "/ask") -> Body:
    """The comment for a notice: no fold, and nothing to correct. `word` is the one that asks."""
    footer = f"<sub>{_FOOTER} {code_span(f'{word} help')} says what I understand.</sub>"
    tail = "\n\n".join((END, footer, metadata(marker)))
    return Body(shorten(text, LONGEST - len(tail) - 2), tail)


def as_posted(answer: Answer) -> Answer:
    """The answer with the text that its comment shows: less, where that was shortened."""
    return replace(answer, text=answer_text(answer.body)) if SHORTENED in answer.body else answer


def answer_text(body: str) -> str:
    """What stands in a body as the answer: everything that is not one of our own parts."""
    text = body.replace("\r\n", "\n").replace("\r", "\n")
    for pattern in _OURS:
        text = pattern.sub("\n\n", text)
    return text.strip()


def say(phrase: Phrase) -> str:
    """A lesson in words, its wordings quoted so that they can do nothing."""
    match phrase.kind:
        case PhraseKind.CORRECTION:
            return f"write {code_span(phrase.right)}, not {code_span(phrase.text)}"
        case PhraseKind.MENTION:
            return f"mention {code_span(phrase.right or phrase.text)}"
        case PhraseKind.LENGTH:
            return f"keep it within {limit(phrase)}"
        case PhraseKind.SILENCE:
            return "leave questions like this one to people"
        case PhraseKind.WORDING:
            return code_span(phrase.text)


def directed(phrase: Phrase, weight: float) -> str:
    """A lesson in words; a wording's direction is its weight's."""
    if phrase.kind is PhraseKind.WORDING:
        return f"{'prefer' if weight > 0 else 'avoid'} {say(phrase)}"
    return say(phrase)


def _remarks(remarks: Sequence[str]) -> list[str]:
    """What is wrong with the repository's configuration, for whoever can mend it."""
    if not remarks:
        return []
    return ["\n".join(("My configuration here needs a hand:\n", *(f"- {remark}" for remark in remarks)))]


def _fold(why: Why) -> str:
    lines = [f"- {_lesson(weight, why)}" for weight in why.lessons]
    lines += [
        f"- Repaired: {code_span(repair.before)} → {code_span(repair.after)}, no candidate kept the lesson."
        for repair in why.repairs
    ]
    lines += [f"- Read: [{_label(label)}]({safe_url(url)})" for label, url in why.sources if safe_url(url)]
    if why.note:
        lines.append(f"- {why.note}")
    if not why.lessons:
        lines.append("- Nothing that people taught me here concerned this question.")
    lines.append(
        f"- Written by {code_span(why.marker.model or 'no model')}, attempt {why.attempt}, "
        f"the best of {why.candidates}; `thumbprint why {why.marker.answer_id}` tells the whole story."
    )
    if why.boxes:
        lines += ["", *_asking_why()]
    return "\n".join(lines)


def _asking_why() -> list[str]:
    return [
        "Not right? Whoever may write here can tick why:",
        "",
        *(f"- [ ] {one}" for one in BOXES.values()),
    ]


def _lesson(weight: PhraseWeight, why: Why) -> str:
    phrase = weight.phrase
    words = directed(phrase, weight.weight)
    taught = (why.evidence or {}).get(phrase.id, ())
    links: dict[str, None] = {}
    for event in sorted(taught, key=lambda event: event.at, reverse=True):
        name = f"{_label(event.actor_login)}"
        url = safe_url(event.url)
        links.setdefault(f"[{name}]({url})" if url else name)
    by = f"{TAUGHT_BY}{', '.join(list(links)[:3])}" if links else ""
    return f"Learned: {words} ({weight.weight:+.2f}){by}"


def _label(text: str) -> str:
    """A short name inside a link: letters, digits and a few signs only."""
    return inert(text[:80])
