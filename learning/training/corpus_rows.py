"""Published questions → a snapshot's rows: pairs, demonstrations and triplets of people's own order. Pure.

Ranked questions: any answer above another is better, by their distance on the page in [0, 1] (first against
last is 1): of neighbours in the middle many have equal votes, so their margin is small. Voted questions: the
answer with the higher transformed score is better, equal ones make no pair, whichever stands first; the
margin is the difference. Of one question the pairs with the largest margins are kept, up to the cap, better
answers first among equals. A demonstration is the page's first answer, or of a voted question the best if
above zero. The prompt is the one of serving (`learning/prompt.py`), and no text has a control token in it.
Left out: reading (`learning/training/corpus.py`), filters (`learning/training/corpus_filters.py`).
Run: `pytest tests/unit/learning/training/test_corpus_rows.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise, permutations
from typing import Literal

from learning.prompt import TEMPLATE, build, defused
from learning.training.corpus import CorpusAnswer, CorpusQuestion
from learning.training.rows import Demonstration, Origin, PreferencePair, Rows, Source, Split, Triplet
from learning.training.splitting import PARTS, split_of
from learning.training.votes import log_score, tanh_scale, tanh_score

Votes = Literal["log", "tanh"]
By = Literal["id", "time"]

Score = Callable[[CorpusQuestion, CorpusAnswer], float]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two answers of one question, by their places in its `answers`."""

    better: int
    worse: int
    margin: float


def rows_of(questions: Sequence[CorpusQuestion], *, most_pairs: int, votes: Votes, by: By) -> Rows:
    """All rows of some questions. Raises ValueError for a split by time of questions without one."""
    splits = split(questions, by)
    score = scored(questions, splits, votes)
    pairs: list[PreferencePair] = []
    triplets: list[Triplet] = []
    shown: list[Demonstration] = []
    for one in questions:
        prompt = build(one.asked, "")
        origin = _origin(one, splits[one.id])
        texts = [defused(answer.text.strip()) for answer in one.answers]
        for pair in pairs_of(one, score)[:most_pairs]:
            better, worse = texts[pair.better], texts[pair.worse]
            pairs.append(
                PreferencePair(
                    prompt=prompt, chosen=better, rejected=worse, margin=pair.margin, origin=origin
                )
            )
            triplets.append(
                Triplet(question=one.asked, better=better, worse=worse, margin=pair.margin, origin=origin)
            )
        best = _best(one, score)
        if best is not None:
            shown.append(Demonstration(prompt=prompt, completion=texts[best], origin=origin))
    return Rows(pairs=tuple(pairs), triplets=tuple(triplets), demonstrations=tuple(shown))


def pairs_of(question: CorpusQuestion, score: Score) -> list[Pair]:
    """Every valid pair of a question: the largest margin first, then by the better one's place."""
    found = []
    for better, worse in permutations(range(len(question.answers)), 2):
        margin = score(question, question.answers[better]) - score(question, question.answers[worse])
        if margin > 0:
            found.append(Pair(better=better, worse=worse, margin=round(margin, 9)))
    return sorted(found, key=lambda pair: (-pair.margin, pair.better, pair.worse))


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
