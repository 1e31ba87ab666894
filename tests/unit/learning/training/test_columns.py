"""A row is the same row after it was kept, and what cannot be trained on is refused by name."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.training.columns import KINDS, Kind, line, record, row
from learning.training.rows import Split
from tests.unit.learning.training.made import demonstration, judged, origin, pair, triplet

PAIRS, JUDGED, DEMONSTRATIONS, TRIPLETS = KINDS
TEXT = st.text(min_size=1).filter(
    lambda text: (
        bool(text.strip()) and text.isprintable() and not any("\ud800" <= c <= "\udfff" for c in text)
    )
)


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        (PAIRS, pair()),
        (JUDGED, judged(label=False)),
        (DEMONSTRATIONS, demonstration()),
        (TRIPLETS, triplet()),
    ],
)
def test_a_row_of_each_kind_comes_back_as_it_was(kind: Kind, made: Any) -> None:
    assert row(kind, line(record(kind, made))) == made


@given(chosen=TEXT, rejected=TEXT, margin=st.floats(1e-9, 1e9), people=st.sets(st.integers(1, 2**62)))
def test_any_text_number_and_person_comes_back(
    chosen: str, rejected: str, margin: float, people: set[int]
) -> None:
    made = pair(
        chosen=chosen + "+",
        rejected=rejected + "-",
        margin=margin,
        origin=origin(people=tuple(sorted(people))),
    )
    kept = line(record(PAIRS, made))
    assert "\n" not in kept
    assert row(PAIRS, kept) == made


def test_the_columns_are_those_that_trl_reads() -> None:
    kept = record(PAIRS, pair())
    assert kept["prompt"][-1]["role"] == "user"
    assert kept["chosen"] == [{"role": "assistant", "content": "Run `make check`."}]
    assert kept["rejected"] == [{"role": "assistant", "content": "Run `npm test`."}]
    assert list(kept)[:4] == ["prompt", "chosen", "rejected", "margin"]
    assert list(record(JUDGED, judged()))[:3] == ["prompt", "completion", "label"]
    assert list(record(DEMONSTRATIONS, demonstration()))[:2] == ["prompt", "completion"]
    assert list(record(TRIPLETS, triplet()))[:3] == ["question", "better", "worse"]


@pytest.mark.parametrize(
    ("kind", "made", "says"),
    [
        (PAIRS, pair(chosen=" \n"), "its chosen is empty"),
        (PAIRS, pair(prompt=()), "its prompt is empty"),
        (PAIRS, pair(rejected="Run `make check`."), "are one text"),
        (PAIRS, pair(margin=0.0), "margin is 0.0"),
        (PAIRS, pair(margin=math.nan), "margin is nan"),
        (PAIRS, pair(margin=math.inf), "margin is inf"),
        (JUDGED, judged(completion=""), "its completion is empty"),
        (TRIPLETS, triplet(worse=triplet().better), "are one text"),
        (TRIPLETS, triplet(question=""), "its question is empty"),
        (
            DEMONSTRATIONS,
            demonstration(origin=origin(asked_at=datetime(2026, 1, 1))),
            "no time zone",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_no_row(kind: Kind, made: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        record(kind, made)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"prompt":1}', line({"prompt": [], "label": True})]
)
def test_a_line_of_something_else_is_no_row(text: str) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        row(PAIRS, text)


def test_a_split_that_there_is_not_is_no_row() -> None:
    kept = line(record(PAIRS, pair(origin=replace(origin(), split=Split.TRAIN))))
    with pytest.raises(ValueError, match="practice"):
        row(PAIRS, kept.replace('"split":"train"', '"split":"practice"'))
