from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.learning.models.tiny import write_model
from tests.unit.learning.training.tiny_encoder import write_encoder


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "base")


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("tiny"))


Rows = Sequence[dict[str, Any]]


def made_up(count: int, *, good: str = "good clear example", bad: str = "never mind") -> list[dict[str, Any]]:
    """Ranked questions whose better answers have `good` in them, and worse ones `bad`."""
    topics = ["list", "dict", "file", "loop", "key", "value", "order", "item"]
    return [
        {
            "id": f"q{n}",
            "title": f"how do i sort a {topics[n % 8]} {n}",
            "question": f"i use python code and the {topics[n % 8]} {n} is in no order how do i sort it",
            "answers": [
                {
                    "rank": 0,
                    "text": f"use the sort of {topics[n % 8]} {n} it works because it is a {good} of python",
                },
                {
                    "rank": 1,
                    "text": f"try the {topics[n % 8]} {n} value and read the order of each item again",
                },
                {
                    "rank": 2,
                    "text": f"the {topics[n % 8]} {n} has the same problem in my code so {bad} this one",
                },
            ],
        }
        for n in range(count)
    ]


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Rows, name: str = "data") -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return write
