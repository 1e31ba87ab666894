"""The rule-based maintainer: what it takes for a broken rule, and what a careful person does about one.

An edit is as small as the rule allows: a form replaced, a sentence taken out, whole sentences cut from
the end, a line added. The maintainer never says what the rule is: all that a learner gets are the
`Feedback` events that a comment's edit, deletion or reactions would have been. Pure.
Run: `pytest tests/unit/bot/bench/test_maintainer.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.bench.rules import Rule, RuleKind, Teaching
from storage.records import Actor, Answer, Feedback, FeedbackKind, Permission, Reaction, stable_id

MAINTAINER = Actor(id=101, login="maintainer")
READERS = (Actor(id=102, login="reader-one"), Actor(id=103, login="reader-two"))

_FENCE = re.compile(r"(```.*?(?:```|\Z)\s*)", re.DOTALL)
_SENTENCE = re.compile(r".+?(?:[.!?:](?=\s)\s*|\n+|\Z)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Review:
    """What the maintainers made of one answer.

    `broken` names the rules that it breaks; `after` is the text that they want instead ("" for no
    answer at all); `cost` in [0, 1] is the share of words that this changes.
    """

    broken: tuple[str, ...]
    after: str
    cost: float


def breaks(rule: Rule, text: str, *, silent: bool = False) -> bool:
    """Whether an answer breaks a rule that concerns its question.

    Having said nothing (`silent`: abstained, or stayed silent on purpose) keeps only a rule of kind
    silence: else a learner could keep every rule by never answering.
    """
    if rule.kind is RuleKind.SILENCE:
        return not silent
    if silent:
        return True
    if rule.kind is RuleKind.LENGTH:
        return len(text.split()) > rule.limit_words
    found = rule.sought.search(text) is not None
    return not found if rule.kind is RuleKind.MENTION else found


def corrected(rule: Rule, text: str) -> str:
    """The text as a careful maintainer leaves it: `breaks` no more, and otherwise as it was."""
    if rule.kind is RuleKind.SILENCE:
        return ""
    if rule.kind.replaces or (rule.kind is RuleKind.WORDING and rule.right):
        return rule.sought.sub(lambda match: _written(rule, match.group()), text)
    if rule.kind is RuleKind.MENTION:
        return f"{_closed(text.rstrip())}\n\n{rule.right}"
    if rule.kind is RuleKind.LENGTH:
        return _cut(text, rule.limit_words)
    kept = ""
    for unit in _units(text):
        kept = _ended_like(kept, unit) if rule.sought.search(unit) else kept + unit
    kept = re.sub(r"\n{3,}", "\n\n", kept.strip())
    return kept if kept and not rule.sought.search(kept) else rule.sought.sub("", text).strip()


def review(rules: Sequence[Rule], text: str, *, silent: bool = False) -> Review:
    """What the maintainers make of an answer to a question that all of `rules` concern."""
    broken = tuple(rule for rule in rules if breaks(rule, text, silent=silent))
    after = "" if silent else text
    for rule in sorted(broken, key=lambda rule: rule.kind is RuleKind.MENTION):
        after = "" if silent else corrected(rule, after)
    cost = 1.0 if silent and broken else distance(text, after) if broken else 0.0
    return Review(broken=tuple(rule.name for rule in broken), after=after, cost=cost)


def feedback(rules: Sequence[Rule], answer: Answer, text: str, at: datetime) -> list[Feedback]:
    """The events by which the maintainers tell the bot what they made of its posted `answer`.

    `text` is what they see of it. An answer that breaks nothing gets the maintainer's 👍. One that
    breaks a rule taught by edits is edited (deleted, for a rule of kind silence); one taught by thumbs gets
    👎 from the maintainer and two readers. Nobody can react to an answer that was never posted.
    """
    if answer.abstained:
        return []
    broken = [rule for rule in rules if breaks(rule, text)]
    if not broken:
        return [_reaction(answer, MAINTAINER, Permission.MAINTAIN, Reaction.PLUS_ONE, at)]
    edited = [rule for rule in broken if rule.teach is Teaching.EDIT]
    events: list[Feedback] = []
    if edited:
        after = review(edited, text).after
        kind = FeedbackKind.EDIT if after else FeedbackKind.DELETION
        events.append(_event(answer, MAINTAINER, Permission.MAINTAIN, kind, at, before=text, after=after))
    if len(edited) < len(broken):
        events.append(_reaction(answer, MAINTAINER, Permission.MAINTAIN, Reaction.MINUS_ONE, at))
        events += [_reaction(answer, who, Permission.READ, Reaction.MINUS_ONE, at) for who in READERS]
    return events


def distance(before: str, after: str) -> float:
    """Word-level Levenshtein distance over the longer text's words: 0 for equal, 1 for nothing in common."""
    a, b = before.split(), after.split()
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1] / max(len(a), len(b), 1)


def _reaction(
    answer: Answer, who: Actor, permission: Permission, reaction: Reaction, at: datetime
) -> Feedback:
    return _event(answer, who, permission, FeedbackKind.REACTION, at, reaction=reaction)


def _event(
    answer: Answer,
    who: Actor,
    permission: Permission,
    kind: FeedbackKind,
    at: datetime,
    *,
    reaction: Reaction | None = None,
    before: str = "",
    after: str = "",
) -> Feedback:
    said = reaction.value if reaction else after
    return Feedback(
        id=stable_id("f", answer.id, who.id, kind.value, said),
        repository_id=answer.question.repository_id,
        answer_id=answer.id,
        kind=kind,
        actor=who,
        permission=permission,
        at=at,
        reaction=reaction,
        before=before,
        after=after,
    )


def _written(rule: Rule, wrong: str) -> str:
    """`right` with the ticks that `wrong` had and, for words but not for code, its capital."""
    bare = wrong.strip("`")
    words = rule.kind in (RuleKind.TERM, RuleKind.WORDING)
    said = rule.right[:1].upper() + rule.right[1:] if words and bare[:1].isupper() else rule.right
    return f"`{said}`" if wrong != bare else said


def _units(text: str) -> list[str]:
    """The text in pieces that a person cuts whole: code blocks, sentences, lines. They join to the text."""
    pieces: list[str] = []
    for part in _FENCE.split(text):
        pieces += [part] if part.startswith("```") else _SENTENCE.findall(part)
    return pieces


def _cut(text: str, limit_words: int) -> str:
    """The first whole pieces within the limit; the first words of the first piece when not even that fits."""
    kept = ""
    for unit in _units(text):
        if len((kept + unit).split()) > limit_words:
            break
        kept += unit
    kept = kept.strip()
    return kept or _closed(_words(text, limit_words - ("```" in _words(text, limit_words))))


def _words(text: str, count: int) -> str:
    """The first words, with the white space between them."""
    return "".join(re.findall(r"\s*\S+", text)[:count]).strip()


def _ended_like(kept: str, taken_out: str) -> str:
    """`kept` with the line break that a piece taken out behind it ended with: what follows keeps its line."""
    ending = taken_out[len(taken_out.rstrip()) :]
    return kept.rstrip() + ending if kept and "\n" in ending and not kept.endswith("\n") else kept


def _closed(text: str) -> str:
    """The text with its last code block closed: an answer cut off by the token limit may leave it open."""
    return f"{text}\n```" if text.count("```") % 2 else text
