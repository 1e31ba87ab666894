"""What a prompt gets of what was learned, what a text scores, and which biases decoding gets. Pure.

Lessons act late: one stands in a prompt only when the question is near what taught it, or holds the wrong
form; all others wait until a text really breaks them (`assess`), and are then named in the retry or carried
out (`repair.py`). So an answer that no lesson concerns is the answer of a model without memory.
Left out: wording of the prompt around the lines (`learning/prompt.py`).
Run: `pytest tests/unit/learning/memory/test_choice.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from learning.memory.cuts import DOUBTFUL
from learning.memory.forms import CODE
from learning.memory.index import PhraseIndex, Similarity
from learning.memory.repair import UNWANTED, breaks, missing
from learning.memory.text import count_words
from storage.records import PhraseKind, PhraseWeight

CLAMP = 4.0
"""Bounds of a decoding bias, in logits: +50 repeats for ever."""

MOST = 12
"""Lines of one group (corrections, mentions) in a prompt, at most."""

MOST_WORDINGS = 4
"""Preferred and unwanted wordings in a prompt, at most: a long list is copied, not kept."""

QUANTILE = 0.5
"""Share of the taught limits, by weight, that the limit in force is not below."""

ALIKE = 0.65
"""Nearness to what taught it from which a question is left alone, or a wording stands in its prompt."""

_MASS = 1.0  # doubt that a text's mean weight is shrunk by


@dataclass(frozen=True, kw_only=True)
class Bias:
    """A wording to make likelier (value > 0) or less likely in decoding; `value` in logits, within ±CLAMP."""

    text: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The lessons that concern one question, most useful first. Empty for a question that none concerns.

    `length` is the limit to keep; `silence` says that the lesson is not to answer at all. `tokens` is what
    the lines take, as `count_tokens` counts them joined by line breaks.
    """

    corrections: tuple[PhraseWeight, ...] = ()
    mentions: tuple[PhraseWeight, ...] = ()
    positives: tuple[PhraseWeight, ...] = ()
    negatives: tuple[PhraseWeight, ...] = ()
    length: PhraseWeight | None = None
    silence: PhraseWeight | None = None
    tokens: int = 0

    @property
    def weights(self) -> tuple[PhraseWeight, ...]:
        """All that stands in the prompt, in the order of its lines; `silence` is not a line."""
        length = (self.length,) if self.length else ()
        return (*self.corrections, *self.mentions, *length, *self.negatives, *self.positives)

    @property
    def phrase_ids(self) -> tuple[str, ...]:
        """What the prompt can be traced to."""
        return tuple(weight.phrase.id for weight in self.weights)

    @property
    def lines(self) -> tuple[str, ...]:
        """One sentence for each lesson: what the cap counts and the prompt shows."""
        return tuple(line(weight) for weight in self.weights)

    def __bool__(self) -> bool:
        return bool(self.weights) or self.silence is not None


EMPTY = Choice()


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What the memory says of a text: `score` in [-1, 1], the lessons it met, and those it breaks."""

    score: float
    hits: tuple[PhraseWeight, ...] = ()
    violations: tuple[PhraseWeight, ...] = ()


def line(weight: PhraseWeight) -> str:
    """A lesson as one sentence, without line breaks."""
    phrase = weight.phrase
    text, right = " ".join(phrase.text.split()), " ".join(phrase.right.split())
    if phrase.kind is PhraseKind.CORRECTION:
        quote = "`" if phrase.context == CODE else '"'
        return f"Write {quote}{right}{quote}, not {quote}{text}{quote}."
    if phrase.kind is PhraseKind.MENTION:
        return f"Mention: {right}"
    if phrase.kind is PhraseKind.LENGTH:
        return f"Use at most {phrase.limit_words} words."
    if phrase.kind is PhraseKind.SILENCE:
        return f"Do not answer questions like: {text[:120]}"
    return f'Prefer the wording "{text}".' if weight.weight > 0 else f'Do not write "{text}".'


def choose(
    index: PhraseIndex,
    question: str,
    cap_tokens: int,
    count_tokens: Callable[[str], int],
    similarity: Similarity | None = None,
) -> Choice:
    """The lessons that concern a question: corrections first, then by |weight| × relevance, under the cap.

    `similarity` gives the cosines of the question with at most 24 other questions; without it, words decide.
    """
    relevance = _relevance(index, question, similarity)
    ranked = sorted(
        relevance,
        key=lambda name: (-abs(index.lesson(name).weight) * relevance[name], name),
    )
    groups: dict[str, list[PhraseWeight]] = {name: [] for name in _GROUPS}
    for name in ranked:
        lesson = index.lesson(name)
        if relevance[name] >= ALIKE or lesson.phrase.kind not in _NARROW:
            groups[_group(lesson)].append(lesson)
    silence = groups.pop("silence")
    length = _length(index.limits) if groups.pop("length") else None
    most = {name: found[: MOST_WORDINGS if name == "wordings" else MOST] for name, found in groups.items()}
    kept = _fit(most, length, cap_tokens, count_tokens)
    if not kept and not silence:
        return EMPTY
    return Choice(
        corrections=_of(kept, PhraseKind.CORRECTION),
        mentions=_of(kept, PhraseKind.MENTION),
        positives=tuple(w for w in _of(kept, PhraseKind.WORDING) if w.weight > 0),
        negatives=tuple(w for w in _of(kept, PhraseKind.WORDING) if w.weight < 0),
        length=next(iter(_of(kept, PhraseKind.LENGTH)), None),
        silence=silence[0] if silence else None,
        tokens=count_tokens("\n".join(line(w) for w in kept)) if kept else 0,
    )


def assess(index: PhraseIndex, text: str, choice: Choice = EMPTY) -> Assessment:
    """What all lessons of a repository say of a text that was written for the question of `choice`.

    The score is the mean weight of the wordings met, or, when something is broken, the weight of the worst
    of it, a little lower the more there is. Saying a thing twice or at length does not move it.
    """
    near = {w.phrase.id for w in choice.weights}
    met = [index.lesson(name) for name in index.scan(text)]
    broken = [w for w in met if w.phrase.kind is PhraseKind.CORRECTION and breaks(w, text)]
    hits = [
        w
        for w in met
        if w.phrase.kind is PhraseKind.WORDING
        and (w.weight <= UNWANTED or w.phrase.id in near)
        and breaks(w, text)
    ]
    broken += [w for w in hits if w.weight <= UNWANTED]
    broken += [w for w in choice.mentions if missing(w, text)]
    length = choice.length or _length(index.limits)
    if length and count_words(text) > length.phrase.limit_words:
        broken.append(length)
    mean = math.fsum(w.weight for w in hits) / (len(hits) + _MASS) if hits else 0.0
    worst = max((abs(w.weight) for w in broken), default=0.0)
    score = mean if not broken else -worst * (1.0 - 0.2 / len(broken))
    return Assessment(score=max(-1.0, min(1.0, score)), hits=tuple(hits), violations=tuple(broken))


def biases(choice: Choice, violations: Sequence[PhraseWeight] = ()) -> tuple[Bias, ...]:
    """Decoding biases for the lessons of a prompt and those that a former try broke, within ±CLAMP."""
    values: dict[str, float] = {}
    for weight in dict.fromkeys((*choice.weights, *violations)):
        phrase = weight.phrase
        if phrase.kind is PhraseKind.WORDING:
            values.setdefault(phrase.text, CLAMP * 2 * weight.weight)
        elif phrase.kind is PhraseKind.CORRECTION:
            values.setdefault(phrase.right, CLAMP * weight.weight)
            if phrase.text.casefold() not in phrase.right.casefold():
                values.setdefault(phrase.text, -CLAMP * 2 * weight.weight)
    return tuple(
        Bias(text=text, value=max(-CLAMP, min(CLAMP, value))) for text, value in values.items() if value
    )


_NARROW = (PhraseKind.SILENCE, PhraseKind.WORDING)
_GROUPS = ("corrections", "mentions", "length", "silence", "wordings")


def _group(weight: PhraseWeight) -> str:
    kind = weight.phrase.kind
    if kind is PhraseKind.CORRECTION:
        return "corrections"
    return (
        "wordings" if kind is PhraseKind.WORDING else "mentions" if kind is PhraseKind.MENTION else kind.value
    )


def _relevance(index: PhraseIndex, question: str, similarity: Similarity | None) -> dict[str, float]:
    """Lessons that concern a question, each with a relevance in (0, 1]."""
    found: dict[str, float] = dict(index.triggered(question))
    found.update((name, max(found.get(name, 0.0), 0.5)) for name in index.always)
    for text, near in index.near(question, similarity).items():
        for name in index.taught[text]:
            found[name] = max(found.get(name, 0.0), near)
    for name in index.scan(question):
        lesson = index.lesson(name)
        if lesson.phrase.kind is PhraseKind.CORRECTION and breaks(lesson, question):
            found[name] = 1.0
    return found


def _fit(
    groups: dict[str, list[PhraseWeight]],
    length: PhraseWeight | None,
    cap_tokens: int,
    count_tokens: Callable[[str], int],
) -> list[PhraseWeight]:
    """The lessons, in order, whose lines fit: a line that does not fit is passed over, not the rest."""
    kept: list[PhraseWeight] = []
    left = cap_tokens
    for weight in (
        *groups["corrections"],
        *groups["mentions"],
        *([length] if length else []),
        *groups["wordings"],
    ):
        tokens = count_tokens(line(weight) + "\n")
        if tokens <= left:
            kept.append(weight)
            left -= tokens
    while kept and count_tokens("\n".join(line(w) for w in kept)) > cap_tokens:
        kept.pop()
    return kept


def _of(kept: Sequence[PhraseWeight], kind: PhraseKind) -> tuple[PhraseWeight, ...]:
    return tuple(w for w in kept if w.phrase.kind is kind)


def _length(found: Sequence[PhraseWeight]) -> PhraseWeight | None:
    """The lower median, by weight, of the limits that people taught.

    Each is as wide as its edit allows, so of two the tighter one holds; of three that one which two agree on.
    None while all that was taught is one cut that may have been about something else.
    """
    cuts = {event for w in found for event in w.event_ids}
    if len(cuts) < 2 and all(w.phrase.context == DOUBTFUL for w in found):
        return None
    ordered = sorted(found, key=lambda w: (w.phrase.limit_words, w.phrase.id))
    wanted = QUANTILE * math.fsum(abs(w.weight) for w in ordered)
    passed = 0.0
    for weight in ordered:
        passed += abs(weight.weight)
        if passed >= wanted:
            return weight
    return None
