"""Training with a tiny random encoder: the real loading, losses, trainer, head and calibration."""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from learning.training import (
    reward,
    reward_data,
    reward_encoder,
    reward_model,
    reward_options,
    reward_report,
)
from learning.training.reward_encoder import Tuning
from learning.training.reward_fit import LEARNING_ON, PENALTIES, hardest
from learning.training.reward_model import ENCODER, Reading, RewardModel
from learning.training.reward_options import Options
from learning.training.reward_terms import Bounds
from learning.training.rows import Split
from storage.errors import ConfigurationError, DataError, ModelError, SetupError
from tests.unit.learning.training.conftest import made_up
from tests.unit.learning.training.tiny_encoder import write_encoder

Folder = Callable[..., Path]
QUIET = Console(quiet=True)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield


def options(encoder: Path, data: Path, out: Path, **named: Any) -> Options:
    tuning = {"loss": "none", "batch": 8, "rate": 1e-3, "checkpoint_steps": 3, **named.pop("tuning", {})}
    return Options(
        data=data,
        out=out,
        encoder=str(encoder),
        tuning=Tuning(**tuning),
        reading=Reading(longest_tokens=64, **named.pop("reading", {})),
        **named,
    )


def accuracy(folder: Path, data: Path) -> float:
    judged = reward_report.Options(data=data, model=folder, part="test", most_adversarial=5)
    return reward_report.run(judged, QUIET).network.mean


def test_a_head_on_the_frozen_encoder_learns_what_people_prefer(
    encoder: Path, folder_of: Folder, tmp_path: Path
) -> None:
    data = folder_of(made_up(120))
    report = reward.run(options(encoder, data, tmp_path / "m"), QUIET)
    assert (
        report.manifest["questions"]["train"] > 80
        and report.manifest["calibrated_on"] == "validation and train"
    )
    assert accuracy(tmp_path / "m", data) > 0.9
    assert not (tmp_path / "m.part").exists() and not (tmp_path / "m" / ENCODER).exists()


@pytest.mark.parametrize("loss", ["triplet", "ranking", "pairwise"])
def test_every_loss_moves_the_encoder_towards_what_people_prefer(
    encoder: Path, folder_of: Folder, tmp_path: Path, loss: str
) -> None:
    data = folder_of(made_up(60))
    given = options(
        encoder, data, tmp_path / "m", tuning={"loss": loss, "epochs": 2.0}, head=False, adversarial=0.25
    )
    reward.run(given, QUIET)
    before = reward_report.run(reward_report.Options(data=data, encoder=str(encoder), part="train"), QUIET)
    model = RewardModel.load(tmp_path / "m")
    questions = [one for one in reward_data.read(data).questions if one.split is Split.TRAIN]
    won = [model.raw([one.question] * 2, [one.answers[0], one.answers[2]]).argmax() == 0 for one in questions]
    if loss != "pairwise":
        assert sum(won) / len(won) > max(0.8, before.network.mean - 0.05)
    assert (tmp_path / "m" / ENCODER / "model.safetensors").exists()


def test_hard_negatives_change_what_the_head_learns_and_read_no_other_texts(
    encoder: Path, folder_of: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, gaps, read = folder_of(made_up(120)), {}, {}
    for hard in (False, True):
        texts: list[str] = []
        encode = RewardModel._encode

        def noted(
            self: RewardModel, given: Sequence[str], texts: list[str] = texts, encode: Any = encode
        ) -> Any:
            texts += given
            return encode(self, given)

        with monkeypatch.context() as patch:
            patch.setattr(RewardModel, "_encode", noted)
            given = options(encoder, data, tmp_path / str(hard), hard=hard, adversarial=2.0, penalty=0.01)
            assert reward.run(given, QUIET).manifest["options"]["hard"] is hard
        assert len(texts) == len(set(texts))
        read[hard] = set(texts)
        model = RewardModel.load(tmp_path / str(hard))
        train = [one for one in reward_data.read(data).questions if one.split is Split.TRAIN]
        others = hardest(model, train, QUIET)
        asked = [one.question for one in train]
        own, alike = [one.answers[0] for one in train], [others[one.key] for one in train]
        gaps[hard] = float((model.raw(asked, own) - model.raw(asked, alike)).mean())
    assert read[True] == read[False]
    assert gaps[True] > gaps[False]


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_hard_negatives_are_found_before_the_encoder_is_trained_and_texts_read_anew_after(
    encoder: Path, folder_of: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, similarity: str
) -> None:
    """Where it comes packaged, and where the model that learns on brings its own."""
    data, tuned, read = folder_of(made_up(24)), [], []
    encode = RewardModel._encode

    def noted(self: RewardModel, texts: Sequence[str]) -> Any:
        read.extend(texts)
        return encode(self, texts)

    def tune(model: Any, rows: Sequence[Any], *_: Any) -> None:
        tuned.extend(rows)
        read.clear()

    train = [one for one in reward_data.read(data, "extremes").questions if one.split is Split.TRAIN]
    untrained = RewardModel.untrained(str(encoder), reading=Reading(longest_tokens=64))
    wanted = hardest(untrained, train, QUIET)
    monkeypatch.setattr(RewardModel, "_encode", noted)
    monkeypatch.setattr(reward, "tune", tune)
    for name, start in (("first", None), ("second", tmp_path / "first")):
        given = options(
            encoder,
            data,
            tmp_path / name,
            tuning={"loss": "triplet"},
            reading={"similarity": similarity},
            hard=True,
            start=start,
            adversarial=8,
        )
        reward.run(given, QUIET)
        assert all((one.question, one.answers[0], wanted[one.key]) in tuned for one in train)
        assert {one.question for one in train} <= set(read)
        tuned.clear()


def test_an_encoder_that_learned_before_reads_each_text_once_where_it_learns_no_more(
    encoder: Path, folder_of: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, read = folder_of(made_up(24)), []
    reward.run(options(encoder, data, tmp_path / "first", tuning={"loss": "triplet"}), QUIET)
    encode = RewardModel._encode

    def noted(self: RewardModel, texts: Sequence[str]) -> Any:
        read.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(RewardModel, "_encode", noted)
    reward.run(options(encoder, data, tmp_path / "second", start=tmp_path / "first", hard=True), QUIET)
    assert read and len(read) == len(set(read))


def test_dot_products_train_too(encoder: Path, folder_of: Folder, tmp_path: Path) -> None:
    data = folder_of(made_up(24))
    tuning = {"loss": "triplet", "margin": 5.0}
    reward.run(options(encoder, data, tmp_path / "m", tuning=tuning, reading={"similarity": "dot"}), QUIET)
    assert RewardModel.load(tmp_path / "m").reading.similarity == "dot"


def test_the_same_seed_gives_the_same_rewards_and_a_killed_run_goes_on_to_them(
    encoder: Path, folder_of: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = folder_of(made_up(40))
    tuning = {"loss": "pairwise", "seed": 5}
    whole = options(encoder, data, tmp_path / "whole", tuning=tuning)
    reward.run(whole, QUIET)

    steps: list[int] = []
    compute = reward_encoder.Training.compute_loss

    def killed(self: Any, *given: Any, **named: Any) -> Any:
        steps.append(self.state.global_step)
        if len(steps) == 5:
            raise KeyboardInterrupt
        return compute(self, *given, **named)

    broken = dataclasses.replace(whole, out=tmp_path / "broken")
    monkeypatch.setattr(reward_encoder.Training, "compute_loss", killed)
    with pytest.raises(KeyboardInterrupt):
        reward.run(broken, QUIET)
    assert not (tmp_path / "broken").exists()
    assert (tmp_path / "broken.part" / "encoder" / "checkpoint-3").is_dir()
    reward.run(broken, QUIET)
    assert steps[:6] == [0, 1, 2, 3, 4, 3]  # not from the beginning
    asked, said = ["how do i sort a list"] * 2, ["use the sort it works", "never mind"]
    one, two = (RewardModel.load(tmp_path / name).score(asked, said) for name in ("whole", "broken"))
    assert one == pytest.approx(two, abs=1e-4)


def test_the_penalty_is_chosen_where_enough_is_held_out_and_kept_where_it_is_given(
    encoder: Path, folder_of: Folder, tmp_path: Path
) -> None:
    data = folder_of(made_up(360))
    chosen = reward.run(options(encoder, data, tmp_path / "chosen"), QUIET)
    given = reward.run(options(encoder, data, tmp_path / "given", penalty=0.7), QUIET)
    assert chosen.manifest["calibrated_on"] == given.manifest["calibrated_on"] == "validation"
    assert chosen.manifest["penalty"] in PENALTIES and given.manifest["penalty"] == 0.7
    assert accuracy(tmp_path / "chosen", data) > 0.9


def test_a_model_that_learns_on_from_few_pairs_is_held_to_what_it_was(
    encoder: Path, folder_of: Folder, tmp_path: Path
) -> None:
    """Too few are held out to choose by: a few questions that want the opposite overturn nothing."""
    old = folder_of(made_up(80), "old")
    reward.run(options(encoder, old, tmp_path / "first"), QUIET)
    rows = made_up(24)
    for row in rows:
        row["id"], row["question"] = f"own-{row['id']}", f"{row['question']} in our own code"
        row["answers"] = [{**one, "rank": 2 - one["rank"]} for one in row["answers"]][::-1]
    held = options(encoder, folder_of(rows, "new"), tmp_path / "held", start=tmp_path / "first")
    about = reward.run(held, QUIET).manifest
    assert (about["calibrated_on"], about["penalty"]) == ("validation and train", LEARNING_ON[-1])
    assert accuracy(tmp_path / "held", old) > 0.9
    reward.run(dataclasses.replace(held, out=tmp_path / "loose", penalty=PENALTIES[1]), QUIET)
    assert accuracy(tmp_path / "loose", old) < 0.5


def test_a_finished_run_is_not_run_again_and_another_one_does_not_overwrite_it(
    encoder: Path, folder_of: Folder, tmp_path: Path
) -> None:
    given = options(encoder, folder_of(made_up(40)), tmp_path / "m")
    first = reward.run(given, QUIET)
    stamp = (tmp_path / "m" / "manifest.json").stat().st_mtime_ns
    assert reward.run(given, QUIET).manifest == first.manifest
    assert (tmp_path / "m" / "manifest.json").stat().st_mtime_ns == stamp
    with pytest.raises(ConfigurationError, match="other options"):
        reward.run(dataclasses.replace(given, penalty=0.5), QUIET)
    assert str(tmp_path) not in json.dumps(first.manifest["options"])  # it is handed to others
    with pytest.raises(ConfigurationError, match="other options"):  # a folder of that name, with other data
        reward.run(
            dataclasses.replace(given, data=folder_of(made_up(41), f"another/{given.data.name}")), QUIET
        )
    other = write_encoder(tmp_path / "other", seed=1)
    assert other.name == encoder.name
    with pytest.raises(ConfigurationError, match="other options"):  # and one with another encoder
        reward.run(dataclasses.replace(given, encoder=str(other)), QUIET)


def test_a_few_repository_pairs_are_learned_without_forgetting_the_corpus(
    encoder: Path, folder_of: Folder, tmp_path: Path
) -> None:
    old = folder_of(made_up(160), "old")
    rows = made_up(60, good="key value", bad="bad error")
    for row in rows:
        row["id"] = f"repository-{row['id']}"
        row["question"] += " in our own code"
    new = folder_of(rows, "new")
    reward.run(options(encoder, old, tmp_path / "first"), QUIET)
    before = accuracy(tmp_path / "first", old)
    given = options(encoder, new, tmp_path / "second", start=tmp_path / "first", rehearse=old)
    report = reward.run(given, QUIET)
    assert report.manifest["questions"]["rehearsed"] == report.manifest["questions"]["train"]
    assert report.manifest["started_from"]
    assert accuracy(tmp_path / "second", old) >= before - 0.1 > 0.8
    assert accuracy(tmp_path / "second", new) > 0.9


def test_what_was_trained_or_calibrated_on_is_never_judged_whatever_folder_it_comes_in(
    encoder: Path, folder_of: Folder, tmp_path: Path
) -> None:
    rows = made_up(60)
    reward.run(options(encoder, folder_of(rows), tmp_path / "m"), QUIET)
    renamed = [{**row, "id": f"renamed-{row['id']}"} for row in rows]
    report = reward_report.run(
        reward_report.Options(
            data=folder_of(renamed, "renamed"), model=tmp_path / "m", out=tmp_path / "report"
        ),
        QUIET,
    )
    seen = RewardModel.load(tmp_path / "m").seen
    assert report.about["questions"] == 60 - len(seen) > 0
    assert report.about["left_out_as_seen"] == len(seen)
    page = (tmp_path / "report" / "report.md").read_text()
    assert "untrained encoder" in page and "echo" in page and "rank correlation with length" in page
    told = json.loads((tmp_path / "report" / "report.json").read_text())
    assert told["accuracy"]["low"] <= told["accuracy"]["mean"] <= told["accuracy"]["high"]
    assert set(told["adversarial"]) == {
        "echo", "paraphrase", "short", "other", "truncated", "padded", "template", "thanks",
    }  # fmt: skip


def test_what_tuned_the_encoder_that_a_model_began_with_never_judges_it(
    encoder: Path, folder_of: Folder, tmp_path: Path
) -> None:
    """One fold's encoder saw what another fold is tested on."""
    data = folder_of(made_up(60))
    reward.run(options(encoder, data, tmp_path / "one", tuning={"loss": "triplet"}), QUIET)
    own = tmp_path / "one" / ENCODER
    reward.run(options(own, data, tmp_path / "two", fold=1), QUIET)
    one, two = (RewardModel.load(tmp_path / name).seen for name in ("one", "two"))
    assert one < two


def test_folds_judge_other_tenths_and_are_reported_together(
    encoder: Path, folder_of: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, vectors = folder_of(made_up(120)), tmp_path / "vectors"
    models = [tmp_path / "m0", tmp_path / "m1"]
    read: list[list[str]] = [[], []]
    encode = RewardModel._encode
    for fold, out in enumerate(models):

        def noted(self: RewardModel, texts: Sequence[str], fold: int = fold) -> Any:
            read[fold] += texts
            return encode(self, texts)

        with monkeypatch.context() as patch:
            patch.setattr(RewardModel, "_encode", noted)
            reward.run(options(encoder, data, out, fold=fold, vectors=vectors), QUIET)
    assert len(read[1]) < len(read[0]) / 2  # the second fold reads only what is new to it
    assert not set(read[0]) & set(read[1])

    def judged(**named: Any) -> reward_report.Report:
        return reward_report.run(reward_report.Options(data=data, part="test", **named), QUIET)

    alone = [judged(model=one) for one in models]
    both = judged(model=models[0], others=(models[1],), vectors=vectors)
    counts = [one.accuracy.questions for one in alone]
    assert all(counts) and both.accuracy.questions == sum(counts)  # no question is in both test parts
    assert [one.mean for one in both.by_model.values()] == [one.accuracy.mean for one in alone]
    assert both.accuracy.mean == pytest.approx(
        sum(one.accuracy.mean * count for one, count in zip(alone, counts, strict=True)) / sum(counts)
    )
    assert both.untrained.questions == sum(counts) and both.adversarial["echo"].gap.questions == sum(counts)


def test_of_a_question_that_several_models_judged_the_mean_counts_once(
    encoder: Path, folder_of: Folder, tmp_path: Path
) -> None:
    data = folder_of(made_up(120))
    for seed in (0, 1):
        reward.run(options(encoder, data, tmp_path / f"m{seed}", tuning={"seed": seed}), QUIET)
    given = reward_report.Options(
        data=data, part="test", model=tmp_path / "m0", others=(tmp_path / "m1",), most_adversarial=0
    )
    both = reward_report.run(given, QUIET)
    alone = reward_report.run(dataclasses.replace(given, others=()), QUIET)
    assert both.accuracy.questions == alone.accuracy.questions == both.by_model["model 2"].questions > 0


def test_a_fold_that_there_is_not_and_kept_vectors_of_an_encoder_that_changes_are_refused(
    encoder: Path, folder_of: Folder, tmp_path: Path
) -> None:
    data = folder_of(made_up(24))
    with pytest.raises(ConfigurationError, match="no fold 10: choose one of 0 to 9"):
        reward.run(options(encoder, data, tmp_path / "m", fold=10), QUIET)
    with pytest.raises(ConfigurationError, match="name the first by --model"):
        reward_report.run(reward_report.Options(data=data, encoder=str(encoder), others=(tmp_path / "m",)))
    given = options(encoder, data, tmp_path / "m", vectors=tmp_path / "v", tuning={"loss": "triplet"})
    with pytest.raises(ConfigurationError, match="stays as it comes"):
        reward.run(given, QUIET)


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence_and_leaves_no_model(
    encoder: Path, folder_of: Folder, tmp_path: Path
) -> None:
    given = options(
        encoder, folder_of(made_up(24)), tmp_path / "m", tuning={"loss": "pairwise", "rate": 1e30}
    )
    with pytest.raises(DataError, match=r"The loss is nan at step \d+"):
        reward.run(given, QUIET)
    assert not (tmp_path / "m").exists()


def test_a_full_disk_is_a_sentence_and_what_was_done_stays(
    encoder: Path, folder_of: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    given = options(encoder, folder_of(made_up(40)), tmp_path / "m")
    with monkeypatch.context() as patch:
        patch.setattr(RewardModel, "save", full)
        with pytest.raises(SetupError, match=r"No space left on device.*goes on"):
            reward.run(given, QUIET)
    kept = list((tmp_path / "m.part" / "vectors").glob("*.npz"))
    assert kept and not (tmp_path / "m").exists()
    reward.run(given, QUIET)
    assert RewardModel.load(tmp_path / "m")


def test_a_checkpoint_that_a_kill_left_half_written_is_not_gone_on_from(
    encoder: Path, folder_of: Folder, tmp_path: Path
) -> None:
    """Nor is one whose state has no byte: a full disk leaves it so."""
    given = options(encoder, folder_of(made_up(24)), tmp_path / "m", tuning={"loss": "triplet"})
    for step in (98, 99):
        (tmp_path / "m.part" / "encoder" / f"checkpoint-{step}").mkdir(parents=True)
    (tmp_path / "m.part" / "encoder" / "checkpoint-99" / "trainer_state.json").touch()
    reward.run(given, QUIET)
    assert RewardModel.load(tmp_path / "m")


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_the_triplet_loss_is_the_hinge_on_cosines_or_on_dot_products(encoder: Path, similarity: Any) -> None:
    tuning = Tuning(loss="triplet", margin=0.5)
    loss: Any = reward_encoder._loss(reward_model.open_encoder(encoder), tuning, similarity)
    asked, better, worse = (torch.tensor([row]) for row in ([2.0, 0.0], [0.6, 0.8], [3.0, 4.0]))
    found = loss.compute_loss_from_embeddings([asked, better, worse], None).item()
    # cosines: .6 and .6; dot products: 1.2 and 6
    assert found == pytest.approx(0.5 if similarity == "cosine" else 6 - 1.2 + 0.5)


@pytest.mark.parametrize("name", ["layer", "layers"])
def test_each_layer_learns_so_much_slower_than_the_one_above_it(name: str) -> None:
    layers = torch.nn.ModuleList([torch.nn.Linear(1, 1) for _ in range(3)])
    parts = {"embeddings": torch.nn.ModuleDict({"words": torch.nn.Linear(1, 1)}), name: layers}
    encoder = torch.nn.ModuleDict({"model": torch.nn.ModuleDict(parts)})
    rates = reward_encoder._rates(encoder, Tuning(rate=1.0, layer_decay=0.5))
    found = {
        each: rate
        for each, _ in encoder.named_parameters()
        for pattern, rate in rates.items()
        if re.search(pattern, each) and each.endswith("weight")
    }
    below = {f"model.{name}.{n}.weight": rate for n, rate in enumerate((0.25, 0.5, 1.0))}
    assert found == {**below, "model.embeddings.words.weight": 0.125}


ODD: list[tuple[dict[str, Any], str]] = [
    ({"most_pairs": 0}, "most_pairs is 0: it must be over 0"),
    ({"adversarial": -1.0}, "adversarial is -1.0: it must not be negative"),
    ({"penalty": float("nan")}, "penalty is nan"),
    ({"most_questions": -1}, "most_questions is -1"),
    ({"tuning": {"batch": 0}}, "batch is 0"),
    ({"tuning": {"epochs": float("inf")}}, "epochs is inf"),
    ({"tuning": {"checkpoint_steps": 0}}, "checkpoint_steps is 0"),
    ({"tuning": {"seed": -1}}, "seed is -1"),
    ({"bounds": Bounds(length=-1.0)}, "length is -1.0"),
]


@pytest.mark.parametrize(("odd", "said"), ODD, ids=[said for _, said in ODD])
def test_an_option_that_cannot_be_is_named(tmp_path: Path, odd: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"The option {said}"):
        reward.run(options(tmp_path, tmp_path, tmp_path / "m", **odd), QUIET)
    with pytest.raises(ConfigurationError, match="longest_tokens is 3: give at least 16"):
        reward_options.refuse_window(3)
    with pytest.raises(ConfigurationError, match="most_adversarial is -1"):
        reward_report.run(reward_report.Options(data=tmp_path, most_adversarial=-1), QUIET)


def test_a_device_that_is_not_there_is_one_sentence(encoder: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded on 'abacus'"):
        reward_model.open_encoder(encoder, "abacus")


def test_only_the_layers_that_are_asked_for_are_frozen(encoder: Path) -> None:
    model = reward_model.open_encoder(encoder)
    reward_encoder.freeze(model, 1)
    still = {name for name, one in model.named_parameters() if not one.requires_grad}
    assert any(".layer.0." in name for name in still) and any("embeddings" in name for name in still)
    assert not any(".layer.1." in name for name in still)
    with pytest.raises(DataError, match="2 layers"):
        reward_encoder.freeze(model, 2)


def test_the_command_line_says_in_one_sentence_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reward.main(["--data", str(tmp_path), "--out", str(tmp_path / "m")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("✗") and "Traceback" not in said
