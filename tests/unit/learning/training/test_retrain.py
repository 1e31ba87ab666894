"""What a night does with bad input: one clear error, no verdict, nothing lost. Real stages, tiny networks."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from learning.training import (
    night_journal,
    night_stages,
    night_told,
    ppo,
    retrain,
    reward,
    reward_report,
    sft,
    snapshot,
)
from learning.training.arguments import WRONG
from learning.training.night_options import Recipe
from learning.training.rows import Rows
from storage.errors import ConfigurationError, DataError, SetupError, ThumbprintError, TrainingError
from tests.unit.learning.training.nights import OPTIONS, recipe, rows, write_data
from tests.unit.learning.training.test_reward_page import GOOD, figure


def fails(made: Recipe, kind: type[ThumbprintError], words: str) -> None:
    """The night ends with one sentence, and there is no verdict."""
    with pytest.raises(kind, match=words) as error:
        retrain.run(made, console=Console(file=StringIO()))
    assert "\n" not in str(error.value)
    assert not (made.out / night_journal.VERDICT).exists()


def test_too_little_data_is_refused_before_anything_is_trained(
    base: Path, encoder: Path, tmp_path: Path
) -> None:
    data = write_data(tmp_path / "data", 5)
    made = recipe(base, encoder, data, tmp_path / "night")
    fails(made, DataError, "threads? with a correction or a judgement to learn from, and 20 are needed")
    assert not (made.out / "sft").exists()


def test_a_night_that_goes_on_with_ppo_keeps_to_its_threads(
    base: Path, encoder: Path, tmp_path: Path
) -> None:
    """Each other stage sets them itself; where they were made before, nothing had."""
    made = recipe(base, encoder, write_data(tmp_path / "data", 5), tmp_path / "night", threads=1)
    torch.set_num_threads(2)
    try:
        night_stages.Stages(made, lambda name: None, Console(file=StringIO()))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(1)


def test_data_that_are_all_judged_alike_are_refused(base: Path, encoder: Path, tmp_path: Path) -> None:
    alike = replace(rows(40), pairs=(), triplets=())
    data = write_data(tmp_path / "data", made=alike)
    fails(recipe(base, encoder, data, tmp_path / "night"), DataError, "nothing can be compared")


def test_data_that_contradict_themselves_are_refused(base: Path, encoder: Path, tmp_path: Path) -> None:
    made = rows(40)
    against = tuple(replace(one, better=one.worse, worse=one.better) for one in made.triplets)
    data = write_data(tmp_path / "data", made=replace(made, triplets=(*made.triplets, *against)))
    fails(recipe(base, encoder, data, tmp_path / "night"), DataError, "contradicts itself")


@pytest.mark.parametrize("kind", ["demonstrations", "pairs"])
def test_data_under_another_template_are_refused_before_anything_is_trained(
    kind: str, base: Path, encoder: Path, tmp_path: Path
) -> None:
    made = rows(40)
    foreign = tuple(
        replace(one, origin=replace(one.origin, template="another")) for one in getattr(made, kind)
    )
    given = recipe(
        base,
        encoder,
        write_data(tmp_path / "data", made=replace(made, **{kind: foreign})),
        tmp_path / "night",
    )
    fails(given, DataError, "template another")
    assert not (given.out / "sft").exists()


def test_damaged_data_are_refused(base: Path, encoder: Path, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    with (data / "triplet.jsonl").open("a") as file:
        file.write("{}\n")
    fails(recipe(base, encoder, data, tmp_path / "night"), DataError, "is damaged")


def test_an_empty_snapshot_is_refused(base: Path, encoder: Path, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data", made=Rows(triplets=rows(1).triplets))
    fails(recipe(base, encoder, data, tmp_path / "night"), DataError, "20 are needed")


def test_a_full_disk_is_one_sentence_and_what_was_whole_stays(
    base: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(base, encoder, write_data(tmp_path / "data"), tmp_path / "night")

    def full(options: object, **more: object) -> None:
        monkeypatch.setattr(os, "fsync", no_room)
        night_journal.write(made.out / "sft" / "half", {})

    def no_room(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sft, "run", full)
    fails(made, SetupError, "No space left on device.*make room, and the same night goes on")
    assert list(night_journal.notes(made.out)) == ["data"]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_a_loss_that_is_no_number_ends_the_night_without_a_verdict(
    base: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(base, encoder, write_data(tmp_path / "data"), tmp_path / "night")
    told = night_told.sft

    def steep(*given: Any) -> Any:
        return replace(told(*given), learning_rate=1e30, warmup=0, epochs=9)

    monkeypatch.setattr(night_told, "sft", steep)
    fails(made, ThumbprintError, "(?i)finite|no number|nan")
    assert list(night_journal.notes(made.out)) == ["data"]


class Trained:
    """In place of both trainings before PPO: what is judged of the reward model is as it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, judged: Any) -> None:
        self.stages: list[str] = []
        about = {"questions": {"train": 48}, "calibrated_on": "validation", "contradictions": 0}

        def made(name: str, **manifest: Any) -> Any:
            def run(*given: Any, **named: Any) -> Any:
                self.stages.append(name)
                self.devices += [given[0].device] if name == "reward" else []
                return SimpleNamespace(**manifest)

            return run

        self.devices: list[str] = []
        """Of each training and judging of a reward model, in their order."""

        def report(*given: Any) -> Any:
            self.devices.append(given[0].device)
            if isinstance(judged, Exception):
                raise judged
            return judged

        def reached(*given: Any, **named: Any) -> None:
            raise TrainingError("PPO was reached.")

        adapter = SimpleNamespace(id="a" * 64, metrics={})
        monkeypatch.setattr(sft, "run", made("sft"))
        monkeypatch.setattr(night_stages.artefact, "read", lambda folder: adapter)
        monkeypatch.setattr(reward, "run", made("reward", manifest=about))
        monkeypatch.setattr(reward_report, "run", report)
        monkeypatch.setattr(ppo, "run", reached)
        monkeypatch.setattr(night_stages, "_stands", lambda adapter: True)
        monkeypatch.setattr(night_stages.store, "state", lambda folder: "ready")


def test_a_reward_model_that_fails_a_gate_ends_the_night_before_ppo_with_its_figure(
    base: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = Trained(monkeypatch, replace(GOOD, with_length=figure(-0.4, questions=400)))
    made = recipe(base, encoder, write_data(tmp_path / "data"), tmp_path / "night", until="evaluate")
    verdict = retrain.run(made, console=Console(file=StringIO()))
    assert verdict == retrain.Verdict(
        passed=False,
        adapter="",
        folder="",
        reason="The reward model trains nothing, for it failed a gate: rank correlation with length below "
        "0.3 (-0.400 over 400 questions; wanted: under 0.3, either way).",
    )
    assert night_journal.read(made.out / night_journal.VERDICT)["reason"] == verdict.reason
    assert (
        list(night_journal.notes(made.out)) == ["data", "sft", "reward"]
        and (made.out / "ppo").exists() is False
    )
    assert retrain.run(made, console=Console(file=StringIO())) == verdict
    assert trained.stages == ["sft", "reward"]  # what was made stays, and is not made again


@pytest.mark.parametrize(("cpu", "where"), [(False, "cuda"), (True, "cpu")])
def test_reward_models_are_made_and_judged_on_the_gpu_where_there_is_one_that_may_be_used(
    base: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cpu: bool, where: str
) -> None:
    trained = Trained(monkeypatch, GOOD)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    made = recipe(base, encoder, write_data(tmp_path / "data"), tmp_path / "night", cpu=cpu)
    fails(made, TrainingError, "PPO was reached")
    assert trained.devices == [where] * 4  # the one that trains, and the one that judges


@pytest.mark.parametrize(
    ("judged", "found"),
    [
        (replace(GOOD, accuracy=figure(0.2, questions=6)), "only 6 questions, and 30 are needed"),
        (DataError("No question is left."), "only 0 questions, and 30 are needed"),
    ],
)
def test_too_few_questions_fail_no_gate_and_pass_none(
    base: Path,
    encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    judged: Any,
    found: str,
) -> None:
    Trained(monkeypatch, judged)
    made = recipe(base, encoder, write_data(tmp_path / "data"), tmp_path / "night")
    fails(made, TrainingError, "PPO was reached")
    gate = night_journal.notes(made.out)["reward"]["gates"][0]
    assert (gate["name"], gate["passed"], gate["found"]) == ("accuracy above chance", None, found)


def test_a_corpus_that_nothing_can_be_compared_in_is_refused_where_it_would_be_rehearsed(
    base: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = Trained(monkeypatch, GOOD)
    corpus = snapshot.write(replace(rows(9), triplets=()), tmp_path / "corpus", about={}).folder
    made = recipe(base, encoder, write_data(tmp_path / "data"), tmp_path / "night", corpus=corpus)
    fails(replace(made, reward_parent=tmp_path / "m"), DataError, "nothing can be compared")
    assert trained.stages == []
    fails(replace(made, out=tmp_path / "other"), TrainingError, "PPO was reached")


def test_a_recipe_of_another_night_is_refused_in_its_folder(
    base: Path, encoder: Path, tmp_path: Path
) -> None:
    data = write_data(tmp_path / "data", 5)
    made = recipe(base, encoder, data, tmp_path / "night")
    fails(made, DataError, "are needed")
    fails(replace(made, seed=1), ConfigurationError, "holds a night with another seed")


def test_the_same_data_and_options_are_the_same_night_wherever_they_lie(tmp_path: Path) -> None:
    one = Recipe(data=tmp_path / "a", out=tmp_path / "b")
    other = Recipe(
        data=tmp_path / "c", out=tmp_path / "d", threads=4, deployed=tmp_path / "e", until="evaluate"
    )
    assert one.name("s1") == other.name("s1") != one.name("s2")
    assert one.name("s1") != replace(one, steps=3).name("s1")


def test_the_command_line_says_its_error_in_a_file_too(
    base: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = write_data(tmp_path / "data", 5), tmp_path / "night"
    where = ["--data", data, "--out", out, "--model", base, "--encoder", encoder, "--cache", tmp_path]
    assert retrain.main([*map(str, where), *OPTIONS]) == 1
    said = night_journal.read(out / night_journal.FAILED)
    assert said["error"] == "DataError" and "20 are needed" in said["reason"]
    assert "20 are needed" in " ".join(capsys.readouterr().err.split())


def broken_night(made: Recipe, capsys: pytest.CaptureFixture[str], said: str) -> str:
    """What the file holds that is named by a night that breaks off, in its sentence and in its note."""
    assert retrain.main(made.flags()) == 1
    reason = night_journal.read(made.out / night_journal.FAILED)["reason"]
    assert reason.endswith(f"{said}: {made.out / night_journal.BROKEN} has the traceback.")
    heard = " ".join(capsys.readouterr().err.split())
    assert "Traceback" not in reason and "words of a row" not in reason
    assert f"{WRONG}{reason}".replace(" ", "") in heard.replace(" ", "")
    return (made.out / night_journal.BROKEN).read_text()


def test_an_error_of_a_stage_that_nobody_foresaw_leaves_its_traceback_in_the_night_s_own_log(
    base: Path,
    encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stray(options: object, **more: object) -> None:
        raise PermissionError(13, "words of a row")

    monkeypatch.setattr(sft, "run", stray)
    made = recipe(base, encoder, write_data(tmp_path / "data"), tmp_path / "night")
    told = broken_night(made, capsys, "The night broke with PermissionError, which nobody foresaw")
    assert "in stray" in told and "words of a row" in told
    broken_night(made, capsys, "which nobody foresaw")
    assert (made.out / night_journal.BROKEN).read_text().count("Traceback") == 2


def test_a_stage_by_a_launcher_that_breaks_leaves_its_traceback_there_too(
    base: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "import sys; from learning.training import sft; "
    program += (
        "sft.run = lambda *given, **more: open('/words' + ' of a row'); sys.exit(sft.main(sys.argv[3:]))"
    )
    launcher = shlex.join([sys.executable, "-c", program])
    made = recipe(base, encoder, write_data(tmp_path / "data"), tmp_path / "night", launcher=launcher)
    told = broken_night(made, capsys, "ended with exit code 1")
    assert "learning.training.sft, started by" in told and "Traceback (most recent call last)" in told
    assert "FileNotFoundError" in told and "words of a row" in told


def test_where_the_disk_takes_no_traceback_it_is_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    said = night_journal.broken("The night broke", "Traceback: all of it", tmp_path / "file" / "broken.log")
    assert said == "The night broke: see the log." and "all of it" in capsys.readouterr().err
