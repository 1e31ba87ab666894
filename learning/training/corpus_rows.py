"""Published questions → a snapshot's rows: pairs, judged answers, demonstrations, triplets, of people's own
order. Pure.

Pairs. Ranked questions: any answer above another is better, by their distance on the page in [0, 1] (first
against last is 1): of neighbours in the middle many have equal votes, so their margin is small. Voted
questions: the answer with the higher transformed score is better, equal ones make no pair, whichever stands
first; the margin is the difference. Every such pair is made, and is a triplet too; `capped` leaves of each
question those with the largest margins, better answers first among equals.
Judged answers (KTO's). Voted questions: an answer with votes above zero, or accepted, is good, one with votes
below zero bad, and zero votes say nothing. Ranked questions of three different answers or more: the page's
first is good, the last that is here bad. A cap on pairs leaves them as they are.
Demonstrations: the page's first answer, or of a voted question the best if above zero.

The prompt is the one of serving (`learning/prompt.py`), and no text has a control token in it. Left out:
reading (`learning/training/corpus.py`), filters (`learning/training/corpus_filters.py`).
Run: `pytest tests/unit/learning/training/test_corpus_rows.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise, permutations
from typing import Literal, TypeVar

from learning.prompt import TEMPLATE, build, defused
from learning.training.corpus import CorpusAnswer, CorpusQuestion
from learning.training.rows import (
    Demonstration,
    Judged,
    Origin,
    PreferencePair,
    Rows,
    Source,
    Split,
    Triplet,
)
from learning.training.splitting import PARTS, split_of
from learning.training.votes import log_score, tanh_scale, tanh_score

Votes = Literal["log", "tanh"]
By = Literal["id", "time"]

Compared = TypeVar("Compared", PreferencePair, Triplet)
Score = Callable[[CorpusQuestion, CorpusAnswer], float]

FEWEST = 3
"""A page with fewer different answers says which is better, not that one of them is good or bad."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two answers of one question, by their places in its `answers`."""

    better: int
    worse: int
    margin: float


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What a cap took: so many pairs, of so many questions."""

    pairs: int
    questions: int


def rows_of(questions: Sequence[CorpusQuestion], *, votes: Votes, by: By) -> Rows:
    """All rows of some questions. Raises ValueError for a split by time of questions without one."""
    splits = split(questions, by)
    score = scored(questions, splits, votes)
    pairs: list[PreferencePair] = []
    judged: list[Judged] = []
    triplets: list[Triplet] = []
    shown: list[Demonstration] = []
    for one in questions:
        prompt = build(one.asked, "")
        origin = _origin(one, splits[one.id])
        texts = [defused(answer.text.strip()) for answer in one.answers]
        for pair in pairs_of(one, score):
            better, worse = texts[pair.better], texts[pair.worse]
            pairs.append(
                PreferencePair(
                    prompt=prompt, chosen=better, rejected=worse, margin=pair.margin, origin=origin
                )
            )
            triplets.append(
                Triplet(question=one.asked, better=better, worse=worse, margin=pair.margin, origin=origin)
            )
        for place, label in judged_of(one):
            judged.append(Judged(prompt=prompt, completion=texts[place], label=label, origin=origin))
        best = _best(one, score)
        if best is not None:
            shown.append(Demonstration(prompt=prompt, completion=texts[best], origin=origin))
    return Rows(
        pairs=tuple(pairs), judged=tuple(judged), demonstrations=tuple(shown), triplets=tuple(triplets)
    )


def capped(rows: Rows, most: int) -> tuple[Rows, Cut]:
    """Of each question the `most` pairs with the largest margins, and their triplets; 0 leaves all."""
    if most < 1:
        return rows, Cut(pairs=0, questions=0)
    left = replace(rows, pairs=_largest(rows.pairs, most), triplets=_largest(rows.triplets, most))
    counts = Counter(row.origin.group for row in rows.pairs)
    return left, Cut(
        pairs=len(rows.pairs) - len(left.pairs), questions=sum(n > most for n in counts.values())
    )


def _largest(rows: Iterable[Compared], most: int) -> tuple[Compared, ...]:
    """The `most` rows of each question with the largest margins; equal ones stay in their order."""
    left, counts = [], Counter[str]()
    for row in sorted(rows, key=lambda row: -row.margin):
        counts[row.origin.group] += 1
        if counts[row.origin.group] <= most:
            left.append(row)
    return tuple(left)


def pairs_of(question: CorpusQuestion, score: Score) -> list[Pair]:
    """Every valid pair of a question: the largest margin first, then by the better one's place."""
    found = []
    for better, worse in permutations(range(len(question.answers)), 2):
        margin = score(question, question.answers[better]) - score(question, question.answers[worse])
        if margin > 0:
            found.append(Pair(better=better, worse=worse, margin=round(margin, 9)))
    return sorted(found, key=lambda pair: (-pair.margin, pair.better, pair.worse))


def judged_of(question: CorpusQuestion) -> list[tuple[int, bool]]:
    """The places of the answers that people found good (True) or bad; those of which nobody knows are not."""
    if question.voted:
        liked = [1 if answer.accepted else answer.score or 0 for answer in question.answers]
        return [(place, votes > 0) for place, votes in enumerate(liked) if votes]
    different = {" ".join(answer.text.split()) for answer in question.answers}
    if len(different) < FEWEST:
        return []
    first = [(0, True)] if question.answers[0].rank == 0 else []
    return [*first, (len(question.answers) - 1, False)]


def scored(questions: Sequence[CorpusQuestion], splits: Mapping[str, Split], votes: Votes) -> Score:
    """How good an answer is, on its question's scale; the tanh scale is fitted on the training part alone."""
    scale = tanh_scale(
        (answer.score, one.n_answers)
        for one in questions
        if one.voted and splits[one.id] is Split.TRAIN
        for answer in one.answers
        if answer.score is not None
    )

    def score(question: CorpusQuestion, answer: CorpusAnswer) -> float:
        if answer.score is None or not question.voted:
            return -answer.rank / max(1, question.n_answers - 1)
        if votes == "log":
            return log_score(answer.score, accepted=answer.accepted)
        return tanh_score(answer.score, question.n_answers, scale, accepted=answer.accepted)

    return score


def split(questions: Sequence[CorpusQuestion], by: By) -> dict[str, Split]:
    """Each question's part, by its id: of the id's hash, or the oldest train and the newest test.

    Questions of one time are in one part. Raises ValueError where a question has no time to go by.
    """
    if by == "id":
        return {one.id: split_of(one.id) for one in questions}
    if late := next((one.id for one in questions if one.created is None), None):
        raise ValueError(f"question {late} has no time to split by")
    times = sorted(_time(one) for one in questions)
    starts = [(times[len(times) * end // 100], later) for (end, _), (_, later) in pairwise(PARTS)]
    return {
        one.id: next((part for start, part in reversed(starts) if _time(one) >= start), PARTS[0][1])
        for one in questions
    }


def _time(question: CorpusQuestion) -> datetime:
    assert question.created is not None
    return question.created


def _best(question: CorpusQuestion, score: Score) -> int | None:
    """The place of the answer to learn from; None where the page's first is not here, or none was liked."""
    if not question.voted:
        return 0 if question.answers[0].rank == 0 else None
    values = [score(question, answer) for answer in question.answers]
    best = max(range(len(values)), key=values.__getitem__)
    return best if values[best] > 0 else None


def _origin(question: CorpusQuestion, part: Split) -> Origin:
    return Origin(
        source=Source.CORPUS,
        group=question.id,
        split=part,
        template=TEMPLATE,
        asked_at=question.created,
        url=question.url,
        licence=question.licence,
    )
