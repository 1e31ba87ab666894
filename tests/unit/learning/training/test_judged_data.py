import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from learning.training.judged_data import Contest, read
from storage.errors import DataError


def folder_of(path: Path, rows: list[Any]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (path / "rows.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    return path


def rating(answer: str, *levels: str, question: str = "May I?") -> dict[str, Any]:
    return {"question": question, "answer": answer, "ratings": list(levels)}


def vote(models: str, one: Any, other: Any, majority: int, said: str = "") -> dict[str, Any]:
    return {
        "instruction": "Rewrite.",
        "input": said,
        "models": models,
        "response_1": one,
        "response_2": other,
        "majority": majority,
    }


def test_the_best_rated_answer_is_the_reference_and_in_no_contest(tmp_path: Path) -> None:
    rows = [
        rating("bad", "Bad", "Could be Improved"),
        rating("best", "Excellent", "Acceptable"),
        rating("fair", "Acceptable", "Acceptable", question="may  I?"),
        rating("fair too", "Excellent", "Could be Improved"),
        rating("alone", "Excellent", question="And I?"),
        rating("against", "Bad", question="And I?"),
    ]
    found = read(folder_of(tmp_path, rows))
    assert [(one.better, one.worse, one.ratings) for one in found] == [
        ("fair", "bad", (2.0, 0.5)),
        ("fair too", "bad", (2.0, 0.5)),
    ]
    assert {(one.question, one.reference) for one in found} == {("may i?", "best")}


def test_of_comparisons_the_reference_is_the_third_model_that_won_most(tmp_path: Path) -> None:
    rows = [
        vote("a_b", "of a", "of b", 1),
        vote("a_c", "of a", "of c", 2),
        vote("b_c", "of b", "of c", 0),
        vote("a_d", "of a", True, 1),
        vote("a_b", "x", "y", 2, said="another question"),
    ]
    assert read(folder_of(tmp_path, rows)) == [
        Contest(question="Rewrite.", reference="of c", better="of a", worse="of b"),
        Contest(question="Rewrite.", reference="of b", better="of c", worse="of a"),
        Contest(question="Rewrite.", reference="of c", better="of a", worse="True"),
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"question": "q", "answer": "a"},
        rating("a", "Splendid"),
        rating("a"),
        vote("a", "of a", "of b", 1),
        vote("a_b", "of a", "of b", float("inf")),  # type: ignore[arg-type]
        ["a"],
        None,
    ],
    ids=["unjudged", "unknown level", "no rating", "one model", "no majority", "a list", "null"],
)
def test_a_line_that_is_no_judged_answer_is_named(tmp_path: Path, row: Any) -> None:
    with pytest.raises(DataError, match=r"rows.jsonl.gz, line 2, is no judged answer"):
        read(folder_of(tmp_path, [rating("a", "Bad"), row]))


def test_judgements_without_a_difference_are_refused(tmp_path: Path) -> None:
    rows = [rating(text, "Bad") for text in "abcd"]
    with pytest.raises(DataError, match="judged differently beside a third"):
        read(folder_of(tmp_path, rows))
