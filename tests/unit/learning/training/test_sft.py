"""Supervised fine-tuning on a tiny model: it learns, goes on where it was killed, and says what is wrong."""

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from learning import prompt
from learning.models.policy import Policy
from learning.models.tokenizer import Tokens
from learning.training import artefact, sft, sft_trainer
from learning.training.arguments import parse
from learning.training.paraphrase import named
from learning.training.rows import Split
from learning.training.sft import LOSSES, Options, run
from learning.training.sft_watch import Watch
from storage.errors import ConfigurationError, DataError, ModelError, SetupError
from tests.unit.learning.models.tiny import write_adapter, write_model
from tests.unit.learning.training.demonstrations import demonstration, write_snapshot

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_snapshot(tmp_path_factory.mktemp("snapshots"))


@pytest.fixture
def options(base: Path, data: Path, tmp_path: Path) -> Options:
    return Options(
        data=data,
        out=tmp_path / "out",
        model=str(base),
        cache=tmp_path,
        rank=4,
        alpha=8,
        learning_rate=5e-3,
        warmup=1,
        batch=2,
        accumulate=2,
        max_steps=6,
        epochs=9,
        checkpoint_every=2,
        precision="fp32",
        threads=1,
    )


def quiet() -> Console:
    return Console(file=StringIO())


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs."""


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    logged = Watch.on_log

    def on_log(self: Watch, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == step:
            raise Killed
        logged(self, args, state, control, **more)

    monkeypatch.setattr(Watch, "on_log", on_log)


@pytest.mark.parametrize("cpu", [True, False])
def test_it_computes_on_the_cpu_where_it_is_told_to_though_there_is_a_gpu(
    options: Options, cpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached(kind: str) -> Any:
        def trainer(**given: Any) -> Any:
            raise Killed(kind)

        return trainer

    monkeypatch.setattr(sft_trainer, "device", lambda cpu: "cpu" if cpu else "cuda")
    monkeypatch.setattr("learning.training.sft_on_cpu.OnCpu", reached("cpu"))
    monkeypatch.setattr("trl.trainer.sft_trainer.SFTTrainer", reached("gpu"))
    with pytest.raises(Killed, match="cpu" if cpu else "gpu"):
        run(replace(options, cpu=cpu), console=quiet())
    assert "cpu" not in options.recorded()  # the same adapter, wherever it is made


def test_the_loss_falls_on_rows_that_were_not_learned_and_the_adapter_can_be_served(
    options: Options, base: Path
) -> None:
    report = run(options, console=quiet())
    found = report.manifest.metrics
    assert found["loss"] < found["loss_before"]
    assert (found["steps"], found["demonstrations"], found["held_out"]) == (6, 8, 2)
    assert artefact.check(options.out, base=base, tokens=Tokens(base)).id == report.manifest.id
    assert Policy(base, adapter=options.out).network is not None
    losses = [json.loads(line) for line in (options.out / LOSSES).read_text().splitlines()]
    assert [each["step"] for each in losses] == [1, 2, 3, 4, 5, 6]
    assert losses[-1]["loss"] < losses[0]["loss"]
    rates = [each["learning_rate"] for each in losses]
    assert rates[1] == max(rates) == options.learning_rate
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert not [each for each in options.out.parent.iterdir() if each.name.startswith(".")]


def test_the_manifest_names_base_template_snapshot_seed_options_and_licences(
    options: Options, data: Path
) -> None:
    manifest = run(replace(options, max_steps=1, validation=0), console=quiet()).manifest
    assert manifest.snapshot == data.name
    assert (manifest.template_version, manifest.seeds, manifest.parent) == (prompt.TEMPLATE, (0,), "")
    assert manifest.options["rank"] == 4
    assert manifest.options["precision"] == "fp32"
    assert set(manifest.options) == set(Options.__dataclass_fields__) - {"out", "cache", "cpu"}
    assert manifest.data["sources"] == {"corpus": 8}
    assert manifest.data["licences"] == {"CC-BY-SA-4.0": 8}
    assert "loss" not in manifest.metrics
    assert str(options.out.parent) not in manifest.text()


def test_killed_at_any_step_and_started_again_it_comes_to_the_same_adapter(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = replace(options, accumulate=1, dropout=0.3)  # four steps an epoch
    whole = run(options, console=quiet())
    killed = replace(options, out=tmp_path / "killed")
    for step in (1, 4):  # before any checkpoint, and after one in the midst of an epoch
        with monkeypatch.context() as patch, pytest.raises(Killed):
            kill_at(step, patch)
            run(killed, console=quiet())
        assert not killed.out.exists()
    report = run(killed, console=quiet())
    assert report.resumed_from == 2
    assert report.manifest == whole.manifest
    assert artefact.read(killed.out).files == artefact.read(options.out).files


def test_a_run_that_is_complete_is_not_run_again(options: Options) -> None:
    first = run(replace(options, max_steps=1), console=quiet())
    again = run(replace(options, max_steps=1), console=quiet())
    assert again.manifest.id == first.manifest.id
    assert again.seconds == 0
    with pytest.raises(ConfigurationError, match="name another --out"):
        run(replace(options, max_steps=2), console=quiet())


def test_another_seed_is_another_run_and_another_adapter(options: Options, tmp_path: Path) -> None:
    first = run(replace(options, max_steps=1), console=quiet()).manifest
    other = run(replace(options, max_steps=1, seed=1, out=tmp_path / "other"), console=quiet()).manifest
    assert other.run != first.run
    assert other.files["adapter_model.safetensors"] != first.files["adapter_model.safetensors"]


def test_training_goes_on_from_a_parent_and_names_it(options: Options, tmp_path: Path) -> None:
    parent = run(replace(options, max_steps=2), console=quiet()).manifest
    child = replace(options, parent=options.out, out=tmp_path / "child", max_steps=1, learning_rate=1e-9)
    manifest = run(child, console=quiet()).manifest
    assert manifest.parent == parent.id
    assert manifest.metrics["loss_before"] == pytest.approx(parent.metrics["loss"], rel=1e-3)


def test_a_parent_that_is_anothers_is_refused(options: Options, base: Path, tmp_path: Path) -> None:
    plain = write_adapter(tmp_path / "plain", base)
    with pytest.raises(ModelError, match="no adapter of ours"):
        run(replace(options, parent=plain), console=quiet())
    made = run(replace(options, max_steps=1), console=quiet())
    assert made.manifest.base
    other = write_model(tmp_path / "other", seed=5)
    with pytest.raises(ModelError, match="another base"):
        run(replace(options, model=str(other), parent=options.out, out=tmp_path / "x"), console=quiet())


def test_a_trainer_that_would_put_the_loss_elsewhere_trains_nothing(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sft.trainer_of

    def odd(*given: Any, **more: Any) -> Any:
        trainer = made(*given, **more)
        collate = trainer.data_collator

        def on_prompts_too(rows: Any) -> Any:
            batch = collate(rows)
            return {**batch, "labels": batch["input_ids"].clone()}

        trainer.data_collator = on_prompts_too
        return trainer

    monkeypatch.setattr(sft, "trainer_of", odd)
    with pytest.raises(ModelError, match="answers and their ends alone"):
        run(replace(options, max_steps=1, validation=0), console=quiet())
    assert not options.out.exists()


@pytest.mark.parametrize("place", ["loss", "gradient"])
def test_a_number_that_is_not_finite_ends_it_in_one_sentence_and_nothing_is_written(
    place: str, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    from learning.training.sft_on_cpu import OnCpu

    compute = OnCpu.compute_loss

    def broken(self: Any, *given: Any, **more: Any) -> Any:
        loss = compute(self, *given, **more)
        if self.state.global_step < 3 or not self.model.training:
            return loss
        if place == "loss":
            return loss * float("nan")
        loss.register_hook(lambda gradient: gradient * float("inf"))
        return loss

    with monkeypatch.context() as patch:
        patch.setattr(OnCpu, "compute_loss", broken)
        with pytest.raises(DataError, match=r"Step 4 has the .* goes on from the last checkpoint"):
            run(options, console=quiet())
    assert not options.out.exists()
    assert run(options, console=quiet()).resumed_from == 2


def test_a_full_disk_is_one_sentence_and_what_was_kept_is_gone_on_from(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, count = torch.save, 0

    def full(*given: Any, **more: Any) -> None:
        nonlocal count
        count += 1
        if count > 4:
            raise RuntimeError(
                "[enforce fail at inline_container.cc:664] . PytorchStreamWriter: file write failed"
            )
        save(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(SetupError, match=r"is full: make room.*goes on from its last checkpoint"):
            run(options, console=quiet())
    assert not options.out.exists()
    assert run(options, console=quiet()).resumed_from == 2


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([demonstration(1, Split.TEST)], "no demonstration in its training part"),
        ([demonstration(1, template="t0")], "prompts of template t0"),
        ([demonstration(1, completion="z" * 2000)], "over 768 tokens: raise --longest"),
    ],
)
def test_data_that_nothing_can_be_learned_from_says_so(
    rows: Any, says: str, options: Options, tmp_path: Path
) -> None:
    folder = write_snapshot(tmp_path / "snapshots", rows)
    with pytest.raises(DataError, match=says):
        run(replace(options, data=folder), console=quiet())
    assert not options.out.exists()


def test_contradictory_demonstrations_are_learned_without_an_error(options: Options, tmp_path: Path) -> None:
    rows = [demonstration(1), demonstration(1, completion="It is not."), demonstration(1, completion="")]
    folder = write_snapshot(tmp_path / "snapshots", rows[:2])
    found = run(replace(options, data=folder, max_steps=1), console=quiet()).manifest.metrics
    assert found["demonstrations"] == 2


def test_a_damaged_snapshot_is_refused(options: Options, data: Path, tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(data, tmp_path / data.name))
    file = folder / "demonstration.jsonl"
    file.write_text(file.read_text().replace("It is", "It was", 1))
    with pytest.raises(DataError, match="damaged"):
        run(replace(options, data=folder), console=quiet())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"precision": "int4"}, "'int4' is none of"),
        ({"validation": -1}, "validation is -1"),
        ({"longest": 3}, "at least 16 tokens"),
        ({"seed": -1}, "seed is -1: choose one of 0 to 4294967295"),
        ({"seed": 2**32}, "seed is 4294967296"),
    ],
)
def test_an_option_that_cannot_be_is_named(change: dict[str, Any], says: str, options: Options) -> None:
    with pytest.raises(ConfigurationError, match=says):
        run(replace(options, **change), console=quiet())


def test_reworded_questions_are_learned_and_flagged(
    options: Options, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        sft, "Paraphraser", lambda folder: lambda texts, count, seed: [[f"Say: {text}"] for text in texts]
    )
    manifest = run(replace(options, max_steps=1, paraphraser=tmp_path), console=quiet()).manifest
    assert manifest.data["paraphrased"] == 8
    assert manifest.options["paraphraser"] == named(tmp_path)  # another one's words are another run
    assert manifest.metrics["demonstrations"] == 16
    assert manifest.metrics["held_out"] == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_bf16_autocast_trains_an_adapter_in_float32(options: Options) -> None:
    from safetensors.torch import load_file

    run(replace(options, precision="bf16", max_steps=1), console=quiet())
    kinds: Callable[..., Any] = load_file
    assert {each.dtype for each in kinds(options.out / "adapter_model.safetensors").values()} == {
        torch.float32
    }


def test_every_option_is_a_flag() -> None:
    given = ["--data", "d", "--out", "o", "--parent", "p", "--rank", "8", "--learning-rate", "2e-4"]
    wanted = Options(data=Path("d"), out=Path("o"), parent=Path("p"), rank=8, learning_rate=2e-4)
    assert parse(Options, "about", given) == wanted


def test_the_command_line_says_one_sentence_and_ends_with_1(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(options.out), "--out", str(options.out), "--model", options.model]
    assert sft.main(given) == 1
    said = capsys.readouterr().err
    assert "There is no snapshot" in said
    assert "Traceback" not in said
