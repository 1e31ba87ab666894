"""What the reward model learns from and is judged on: questions with answers, and which answer beats which.

Two ways in, one form out: a snapshot (its triplets) or a folder of ranked or voted questions. A question is
in one part of the data, whichever way it came. Left out: how snapshots are made; the networks.
Run: pytest tests/unit/learning/training/test_reward_data.py
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

from learning.training import corpus, snapshot
from learning.training.rows import Source, Split, Triplet
from learning.training.splitting import FOLDS, split_of
from storage.errors import ConfigurationError, DataError

Pairing = Literal["extremes", "all"]


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A question, its different answers, and the pairs (better, worse) of them, by their places."""

    group: str
    question: str
    answers: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    values: tuple[float, ...] = ()
    """How good each answer is, on the question's own scale, more is better; empty where only pairs are."""
    source: Source = Source.CORPUS
    split: Split = Split.TRAIN
    private: int = 0
    """How many rows of a private repository are in it."""
    voted: bool = False
    """Whether `values` are votes; else they are places on a page."""

    @property
    def key(self) -> str:
        """Sixteen hex digits by which the question is known again wherever it comes from: of its text."""
        return key_of(self.question)


@dataclass(frozen=True, kw_only=True)
class Data:
    """All questions of one folder. `id` says which data it was: a snapshot's id, or a hash of the files."""

    id: str
    questions: tuple[Ranked, ...]
    contradictions: int = 0
    """Pairs that were left out, for the same two answers were judged both ways."""


def key_of(question: str) -> str:
    """Sixteen hex digits of a question's text, whatever its spaces and capitals."""
    return hashlib.sha256(" ".join(question.split()).lower().encode()).hexdigest()[:16]


def read(folder: Path, pairing: Pairing = "all", fold: int = 0) -> Data:
    """A snapshot, or a folder of questions, whose test part is that fold.

    Raises DataError for data that nothing can be learned from, ConfigurationError for no such fold.
    """
    kept = (folder / snapshot.MANIFEST).is_file()
    if not 0 <= fold < (1 if kept else FOLDS):
        raise ConfigurationError(
            f"{folder} is a snapshot: its rows say which part they are in; leave out --fold."
            if kept
            else f"There is no fold {fold}: choose one of 0 to {FOLDS - 1}."
        )
    if kept:
        found = snapshot.read(folder)
        questions, against = of_triplets(found.rows.triplets)
        name = found.id
    else:
        questions, against = tuple(of_corpus(corpus.read(folder), pairing, fold)), 0
        name = _hash_of(corpus.files(folder))
    _refuse_useless(folder, questions, against)
    return Data(id=name, questions=questions, contradictions=against)


def of_corpus(questions: Iterable[corpus.CorpusQuestion], pairing: Pairing, fold: int = 0) -> list[Ranked]:
    """Questions with two different answers or more; of those without votes a better place is better.

    "extremes" pairs the best with the worst; "all" every two answers that are not equally good, the best
    with the worst first.
    """
    made = []
    for one in questions:
        best: dict[str, float] = {}
        for answer in one.answers:
            value = float(answer.score) if one.voted and answer.score is not None else -float(answer.rank)
            best.setdefault(answer.text.strip(), value)
        answers, values = tuple(best), tuple(best.values())
        pairs = _pairs(values)
        made.append(
            Ranked(
                group=one.id,
                question=one.asked,
                answers=answers,
                pairs=tuple(pairs[:1] if pairing == "extremes" else pairs),
                values=values,
                split=split_of(one.id, fold),
                voted=one.voted,
            )
        )
    return [one for one in made if len(one.answers) > 1]


def _pairs(values: Sequence[float]) -> list[tuple[int, int]]:
    """Every two places of unequal value, better first; those furthest apart first."""
    found = [
        (a, b) if values[a] > values[b] else (b, a)
        for a, b in combinations(range(len(values)), 2)
        if values[a] != values[b]
    ]
    return sorted(found, key=lambda pair: (values[pair[1]] - values[pair[0]], pair))


def of_triplets(triplets: Iterable[Triplet]) -> tuple[tuple[Ranked, ...], int]:
    """Triplets by question, the widest margin first, and how many were left out, for the same pair is there
    both ways."""
    by_question: dict[tuple[str, str], list[Triplet]] = defaultdict(list)
    for one in triplets:
        by_question[one.origin.group, one.question].append(one)
    made, against = [], 0
    for (group, question), rows in sorted(by_question.items()):
        said: dict[tuple[str, str], float] = {}
        for row in rows:
            pair = row.better.strip(), row.worse.strip()
            said[pair] = max(row.margin, said.get(pair, row.margin))
        kept = sorted((pair for pair in said if pair[::-1] not in said), key=lambda pair: (-said[pair], pair))
        against += len(said) - len(kept)
        answers = tuple(sorted({text for pair in kept for text in pair}))
        place = {text: n for n, text in enumerate(answers)}
        made.append(
            Ranked(
                group=group,
                question=question,
                answers=answers,
                pairs=tuple((place[better], place[worse]) for better, worse in kept),
                source=rows[0].origin.source,
                split=rows[0].origin.split,
                private=sum(row.origin.private for row in rows),
            )
        )
    return tuple(one for one in made if one.pairs), against


def _refuse_useless(folder: Path, questions: Sequence[Ranked], against: int) -> None:
    pairs = sum(len(one.pairs) for one in questions)
    if against > pairs:
        raise DataError(
            f"{folder} contradicts itself: {against} pairs are there both ways and {pairs} are not; "
            "a reward model would learn nothing from it: see how they were judged."
        )
    if not questions:
        raise DataError(f"{folder} has no question with two different answers: nothing can be compared.")
    if not pairs:
        raise DataError(
            f"{folder} has {len(questions)} questions, and no answer that is better than another: "
            "all are judged alike, and nothing can be learned from that."
        )


def _hash_of(files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:32]
