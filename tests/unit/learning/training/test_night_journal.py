"""What was done is not done again; what was half done is; a full disk loses neither."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from learning.training.night_journal import Journal, notes, read, write
from storage.errors import ConfigurationError, SetupError

RECIPE = {"steps": 3, "model": "packaged"}


def test_a_stage_whose_note_stands_is_skipped(tmp_path: Path) -> None:
    done: list[str] = []

    def work() -> dict[str, object]:
        done.append("sft")
        return {"loss": 1.5}

    first = Journal(tmp_path, RECIPE).stage("sft", work)
    again = Journal(tmp_path, RECIPE).stage("sft", work)
    assert done == ["sft"]
    assert first == again == notes(tmp_path)["sft"]
    assert again["loss"] == 1.5 and again["seconds"] >= 0


def test_a_stage_whose_output_is_gone_is_carried_out_again(tmp_path: Path) -> None:
    done: list[int] = []

    def work() -> dict[str, object]:
        done.append(1)
        return {"round": len(done)}

    journal = Journal(tmp_path, RECIPE)
    journal.stage("sft", work)
    assert journal.stage("sft", work, lambda: False)["round"] == 2


def test_a_stage_that_fails_leaves_no_note(tmp_path: Path) -> None:
    def work() -> dict[str, object]:
        raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        Journal(tmp_path, RECIPE).stage("ppo", work)
    assert notes(tmp_path) == {}


def test_each_step_is_a_point_at_which_a_night_can_be_killed(tmp_path: Path) -> None:
    passed: list[str] = []
    Journal(tmp_path, RECIPE, passed.append).stage("gate", dict)
    assert passed == ["before gate", "after gate", "noted gate"]


def test_a_folder_of_another_version_is_refused_by_the_option_that_only_one_of_them_has(
    tmp_path: Path,
) -> None:
    Journal(tmp_path, RECIPE)
    for other in ({**RECIPE, "surface": False}, {"model": "packaged"}):
        with pytest.raises(ConfigurationError, match=r"another version .*\((surface|steps)\): begin it anew"):
            Journal(tmp_path, other)


def test_a_folder_of_another_recipe_is_refused_by_the_option_that_differs(tmp_path: Path) -> None:
    Journal(tmp_path, RECIPE)
    with pytest.raises(ConfigurationError, match="another steps"):
        Journal(tmp_path, {**RECIPE, "steps": 4})


def test_a_full_disk_is_one_sentence_and_what_was_noted_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, RECIPE)
    journal.stage("sft", dict)

    def full(descriptor: int) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SetupError, match=r"No space left on device.*make room"):
        journal.stage("reward", dict)
    assert list(notes(tmp_path)) == ["sft"]
    assert not list(tmp_path.rglob("*.part"))


def test_a_note_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    write(file, {"a": 1})
    assert read(file) == {"a": 1}
    file.write_text('{"a": ')
    assert read(file) == {}
    file.write_text("[1]")
    assert read(file) == {}
