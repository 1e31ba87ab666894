"""People's judgements of answers, in two published formats → contests of two answers, with a third beside.

    ratings  {"question", "answer", "ratings": ["Excellent", …]}: rows of one question are its answers
    votes    {"instruction", "input", "models": "a_b", "response_1", "response_2", "majority": 0, 1 or 2}

A reference metric needs a text to compare with, which neither has: the best rated answer of a question of
three or more, which then takes part in no contest; of votes the response of another model to the same
instruction that won the most. Questions where that leaves nothing are left out.
Left out: what the metrics say of them (`learning/training/metric_study.py`).
Run: `pytest tests/unit/learning/training/test_judged_data.py`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

from learning.training import corpus
from storage.errors import DataError

ODD = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What a row of another kind raises when it is read."""
LEVELS = {"Excellent": 3, "Acceptable": 2, "Could be Improved": 1, "Bad": 0}


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Two answers to one question, of which people found the first better, and the reference beside them."""

    question: str
    reference: str
    better: str
    worse: str
    ratings: tuple[float, float] | None = None
    """Mean levels of the two, 0 to 3; None where people only compared."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two models' responses, and which of them most people preferred: 1, 2, or 0 for neither."""

    question: str
    models: tuple[str, str]
    responses: tuple[str, str]
    winner: int


def read(folder: Path) -> list[Contest]:
    """The contests of a folder's *.jsonl and *.jsonl.gz. Raises DataError that names file and line."""
    questions: dict[str, list[tuple[float, str]]] = defaultdict(list)
    asked: dict[str, list[Compared]] = defaultdict(list)
    for path in corpus.files(folder):
        for number, raw in corpus.lines(path):
            try:
                row = json.loads(raw)
                if "ratings" in row:
                    question, level, answer = _rating(row)
                    questions[question].append((level, answer))
                else:
                    one = _compared(row)
                    asked[one.question].append(one)
            except ODD as error:
                raise DataError(
                    f"{path}, line {number}, is no judged answer ({type(error).__name__}: {error}): give a "
                    "folder of answers with `ratings`, or of two responses with a `majority`."
                ) from error
    found = [*rated(questions), *compared(asked)]
    if not found:
        raise DataError(f"{folder} has no two answers that people judged differently beside a third.")
    return found


def _rating(row: dict[str, Any]) -> tuple[str, float, str]:
    level = fmean(LEVELS[rating] for rating in row["ratings"])
    return " ".join(row["question"].lower().split()), level, row["answer"].strip()


def _compared(row: dict[str, Any]) -> Compared:
    one, other = row["models"].split("_")
    asked = [str(row["instruction"]), str(row.get("input") or "")]
    return Compared(
        question="\n\n".join(part for part in asked if part),
        models=(one, other),
        responses=(str(row["response_1"]).strip(), str(row["response_2"]).strip()),
        winner=int(row["majority"]),
    )


def rated(questions: Mapping[str, Sequence[tuple[float, str]]]) -> Iterator[Contest]:
    """Of each question's (mean level, answer): every two of different level, the best one aside."""
    for question, answers in questions.items():
        (_, reference), *rest = sorted(answers, key=lambda one: -one[0])
        for (high, better), (low, worse) in combinations(rest, 2):
            if high > low:
                yield Contest(
                    question=question, reference=reference, better=better, worse=worse, ratings=(high, low)
                )


def compared(asked: Mapping[str, Sequence[Compared]]) -> Iterator[Contest]:
    """Of each question's comparisons: those with a winner that have a third model's response beside them."""
    for question, group in asked.items():
        net: dict[str, int] = defaultdict(int)
        text: dict[str, str] = {}
        for one in group:
            for name, response, place in zip(one.models, one.responses, (1, 2), strict=True):
                net[name] += (place == one.winner) - (place == 3 - one.winner)
                text[name] = response
        for one in group:
            others = [name for name in sorted(net) if name not in one.models and text[name]]
            if one.winner not in (1, 2) or not others:
                continue
            reference = text[max(others, key=lambda name: net[name])]
            better, worse = one.responses if one.winner == 1 else one.responses[::-1]
            yield Contest(question=question, reference=reference, better=better, worse=worse)
