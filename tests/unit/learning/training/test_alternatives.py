"""DPO, KTO and RLOO on a tiny model: they learn, go on where they were killed, and say what is wrong."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from trl import DPOConfig

from learning import prompt
from learning.models.policy import Policy
from learning.models.tokenizer import Tokens
from learning.training import (
    alternatives,
    alternatives_alarms,
    alternatives_trainer,
    artefact,
    corpus_build,
    snapshot,
)
from learning.training.alternatives import Options, run
from learning.training.alternatives_trainer import Answers
from learning.training.rows import Judged, PreferencePair, Rows, Source, Split
from learning.training.sft_watch import Watch
from storage.errors import ConfigurationError, DataError, TrainingError
from tests.unit.learning.training import made
from tests.unit.learning.training.conftest import made_up
from tests.unit.learning.training.toy import ANYTHING, asked, letters

pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing`:FutureWarning", "ignore::DeprecationWarning"
)


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs."""


def quiet() -> Console:
    return Console(file=StringIO())


def pair(number: int, split: Split = Split.TRAIN, **changes: Any) -> PreferencePair:
    origin = made.origin(number, split=split, source=changes.pop("source", Source.EDIT))
    found = made.pair(number, prompt=asked(number), origin=origin)
    return replace(found, **{"chosen": f"Run make {number}.", "rejected": f"Run npm {number}.", **changes})


def thumb(number: int, label: bool, split: Split = Split.TRAIN, **changes: Any) -> Judged:
    origin = made.origin(number, split=split, source=Source.THUMB)
    said = f"Run make {number}." if label else f"Run npm {number}."
    return replace(
        made.judged(number, label, prompt=asked(number), origin=origin), **{"completion": said, **changes}
    )


def write(into: Path, **rows: Sequence[Any]) -> Path:
    whole = Rows(**{name: tuple(each) for name, each in rows.items()})
    return snapshot.write(whole, into, about={"made": "for a test"}).folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parts = [(n, Split.TRAIN) for n in range(1, 13)] + [(n, Split.VALIDATION) for n in (13, 14)]
    return write(
        tmp_path_factory.mktemp("snapshots"),
        pairs=[pair(n, split) for n, split in parts],
        judged=[thumb(n, n % 3 == 0, split) for n, split in parts],
    )


@pytest.fixture
def options(base: Path, data: Path, tmp_path: Path) -> Options:
    return Options(
        algorithm="dpo",
        data=data,
        out=tmp_path / "out",
        model=str(base),
        cache=tmp_path,
        rank=4,
        alpha=8,
        learning_rate=5e-3,
        warmup=1,
        batch=4,
        accumulate=1,
        max_steps=4,
        epochs=9,
        fewest=2,
        attempts=2,
        max_answer=6,
        missing_eos=0.0,
        longest=200,
        checkpoint_every=2,
        precision="fp32",
        threads=1,
        limits=ANYTHING,
    )


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    logged = Watch.on_log

    def on_log(self: Watch, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == step:
            raise Killed
        logged(self, args, state, control, **more)

    monkeypatch.setattr(Watch, "on_log", on_log)


def reward_of(algorithm: str) -> Any:
    return letters if algorithm == "rloo" else None


@pytest.mark.parametrize("algorithm", ["dpo", "kto", "rloo"])
def test_killed_and_started_again_it_comes_to_the_same_adapter_which_can_be_served(
    algorithm: Any, options: Options, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, reward = replace(options, algorithm=algorithm), reward_of(algorithm)
    whole = run(options, reward=reward, console=quiet())
    killed = replace(options, out=tmp_path / "killed")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(4, patch)
        run(killed, reward=reward, console=quiet())
    assert not killed.out.exists()
    report = run(killed, reward=reward, console=quiet())
    assert report.resumed_from == 2
    assert report.manifest == whole.manifest
    assert artefact.read(killed.out).files == artefact.read(options.out).files
    again = run(options, reward=reward, console=quiet())
    assert (again.manifest, again.seconds) == (whole.manifest, 0)
    assert (whole.manifest.stage, whole.manifest.snapshot) == (algorithm, options.data.name)
    assert whole.manifest.template_version == prompt.TEMPLATE
    assert artefact.check(options.out, base=base, tokens=Tokens(base)).id == whole.manifest.id
    assert Policy(base, adapter=options.out).network is not None


def test_dpo_learns_which_answer_of_unseen_pairs_is_better(options: Options) -> None:
    found = run(replace(options, max_steps=12), console=quiet()).manifest.metrics
    assert found["loss"] < found["loss_before"]
    assert found["accuracy"] == 1.0


def test_dpo_weighs_by_the_token_and_learns_the_better_answer_too(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs: list[DPOConfig] = []

    def config(**given: Any) -> DPOConfig:
        configs.append(DPOConfig(**given))
        return configs[-1]

    monkeypatch.setattr(alternatives_trainer, "DPOConfig", config)
    before = {}
    for weight in (0.0, 1.0):
        one = replace(options, max_steps=1, sft_weight=weight, out=options.out / str(weight))
        before[weight] = run(one, console=quiet()).manifest.metrics["loss_before"]
    assert before[0.0] == pytest.approx(math.log(2), abs=1e-3), "policy and reference are one at first"
    assert before[1.0] > before[0.0] + 1, "the loss of the better answer is in it"
    assert {one.loss_type[0] for one in configs} == {"sigmoid_norm"}, "long answers weigh no more than short"


def test_kto_weighs_both_kinds_the_same(options: Options) -> None:
    found = run(replace(options, algorithm="kto", max_steps=12), console=quiet()).manifest.metrics
    assert (found["rows"], found["good"]) == (12, 4)
    assert (found["weight_good"], found["weight_bad"]) == (2.0, 1.0)
    assert found["loss"] < found["loss_before"]


def test_kto_learns_a_snapshot_of_published_questions(
    options: Options, folder_of: Callable[..., Path], tmp_path: Path
) -> None:
    """Of ranked pages the first and the last answer; of voted ones those above and below zero."""
    pages = made_up(16)
    for row in pages[8:]:
        answers = zip((3, 0, -1), row["answers"], strict=True)
        row["answers"] = [{"score": score, "text": answer["text"]} for score, answer in answers]
    built = corpus_build.run([folder_of(pages)], tmp_path / "corpora", corpus_build.Options()).snapshot
    train = [row for row in built.rows.judged if row.origin.split is Split.TRAIN]
    wanted = replace(options, algorithm="kto", data=built.folder, max_steps=1, longest=999)
    found = run(wanted, console=quiet()).manifest
    assert (found.metrics["rows"], found.metrics["good"]) == (len(train), len(train) // 2)
    assert len(train) > 16 and found.data["left_out"] == {}
    assert found.data["sources"] == {"corpus": len(train)}


def test_rloo_earns_more_and_reads_the_very_tokens_of_serving(
    options: Options, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[list[int]] = []
    tokenized = Answers._tokenize_prompts

    def note(self: Answers, prompts: list[Any]) -> Any:
        found = tokenized(self, prompts)
        read.extend(found[0])
        return found

    monkeypatch.setattr(Answers, "_tokenize_prompts", note)
    changed = replace(options, algorithm="rloo", batch=32, attempts=4, max_steps=14, learning_rate=0.02)
    found = run(changed, reward=letters, console=quiet()).manifest.metrics
    assert found["last_reward"] > found["first_reward"] + 0.1
    whole = {
        tuple(Tokens(base).chat([{"role": "user", "content": asked(n)[0].content}])) for n in range(1, 13)
    }
    assert {tuple(ids) for ids in read} <= whole


def brief(questions: Sequence[str], answers: Sequence[str]) -> list[float]:
    """The best answer is none at all."""
    return [-len(text) / 6 for text in answers]


@pytest.mark.parametrize(
    ("limits", "reward", "words"),
    [
        ({"yes_no": 0.2}, brief, "more than 20% of the answers are a bare yes or no, 3 batches in a row"),
        ({"kl": 0.5}, letters, "KL to the reference is over its cap of 0.5 nats an answer"),
    ],
)
def test_an_alarm_stops_rloo_at_the_same_step_also_where_it_was_killed_before(
    options: Options,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limits: dict[str, float],
    reward: Any,
    words: str,
) -> None:
    wild = replace(options, algorithm="rloo", batch=64, attempts=8, max_steps=20, epochs=99)
    wild = replace(wild, learning_rate=0.05, beta=0.01)
    told = replace(wild, limits=replace(ANYTHING, **limits))
    with pytest.raises(TrainingError, match=f"Stopped after step [0-9]+ of 20: {words}") as whole:
        run(told, reward=reward, console=quiet())
    step = int(str(whole.value).split()[3])
    assert step > 2 and not options.out.exists()
    killed = replace(told, out=tmp_path / "killed")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_at(step, patch)
        run(killed, reward=reward, console=quiet())
    with pytest.raises(TrainingError) as again:
        run(killed, reward=reward, console=quiet())
    assert str(again.value).partition(" No adapter")[0] == str(whole.value).partition(" No adapter")[0]
    assert not killed.out.exists()


def test_rloo_keeps_what_its_alarms_look_at_and_is_let_run_below_their_limits(options: Options) -> None:
    calm = replace(options, algorithm="rloo", limits=replace(ANYTHING, kl=50.0, yes_no=0.95))
    run(calm, reward=letters, console=quiet())
    lines = [json.loads(line) for line in (options.out / alternatives.LOSSES).read_text().splitlines()]
    assert len(lines) == 4
    assert all(0 <= line[name] <= 1 for line in lines for name in alternatives_alarms.FIGURES)


def test_what_the_alarms_look_at_is_counted_in_the_answers() -> None:
    asked = ["how do i sort a list", "how do i sort a list", "why", "why"]
    said = ["how do i sort a list", "No.", "use sorted", "use sorted"]
    found = alternatives_alarms.rates(asked, said, [True, False, False, False])
    assert found == {
        "alarms/yes_no": 0.25,
        "alarms/echo": 0.25,
        "alarms/distinct": 6 / 7,
        "alarms/never_ends": 0.75,
    }


def test_rloo_takes_off_for_an_answer_without_an_end(options: Options, tmp_path: Path) -> None:
    changed = replace(options, algorithm="rloo", max_answer=1, max_steps=1)

    def nothing(asked: Sequence[str], said: Sequence[str]) -> list[float]:
        return [0.0] * len(said)

    free = run(changed, reward=nothing, console=quiet()).manifest.metrics
    costly = replace(changed, missing_eos=2.5, out=tmp_path / "costly")
    paid = run(costly, reward=nothing, console=quiet()).manifest.metrics
    assert free["first_reward"] == 0.0
    assert -2.5 <= paid["first_reward"] < 0.0


@pytest.mark.parametrize("algorithm", ["dpo", "rloo"])
def test_training_goes_on_from_a_parent_that_is_the_reference(
    algorithm: Any, options: Options, tmp_path: Path
) -> None:
    parent = run(replace(options, max_steps=2), console=quiet()).manifest
    child = replace(options, algorithm=algorithm, parent=options.out, out=tmp_path / "child", max_steps=1)
    manifest = run(child, reward=reward_of(algorithm), console=quiet()).manifest
    assert manifest.parent == parent.id
    assert sorted(path.name for path in child.out.iterdir() if path.is_dir()) == []


@pytest.mark.parametrize(
    ("algorithm", "rows", "says"),
    [
        ("dpo", {"judged": [thumb(1, True)]}, "no pairs to learn"),
        ("dpo", {"pairs": [pair(1, rejected="Run  make 1. ")]}, "left out: 1 whitespace"),
        ("dpo", {"pairs": [pair(1, chosen="z" * 900)]}, "left out: 1 rewritten"),
        ("dpo", {"pairs": [pair(1, chosen="z" * 900, source=Source.CORPUS)]}, "left out: 1 too_long"),
        (
            "dpo",
            {"pairs": [pair(1), pair(1, chosen="Run npm 1.", rejected="Run make 1.")]},
            "left out: 2 contradictory",
        ),
        ("kto", {"judged": [thumb(n, True) for n in range(5)]}, "5 good and 0 bad .* KTO needs 2"),
        ("kto", {"judged": [thumb(1, True), thumb(1, False, completion="Run make 1.")]}, "2 contradictory"),
        ("kto", {"pairs": [pair(1)]}, "no judged answers to learn"),
        ("rloo", {"pairs": [pair(1)]}, "1 different prompts .* fewer than the 2 of a step"),
    ],
)
def test_data_that_nothing_can_be_learned_from_says_so(
    algorithm: Any, rows: dict[str, Any], says: str, options: Options, tmp_path: Path
) -> None:
    folder = write(tmp_path / "snapshots", **rows)
    with pytest.raises(DataError, match=says):
        run(replace(options, algorithm=algorithm, data=folder), reward=letters, console=quiet())
    assert not options.out.exists()


@pytest.mark.parametrize("algorithm", ["dpo", "rloo"])
def test_rows_of_another_template_are_refused(algorithm: Any, options: Options, tmp_path: Path) -> None:
    odd = pair(1)
    odd = replace(odd, origin=replace(odd.origin, template="t0"))
    with pytest.raises(DataError, match="prompts of template t0"):
        folder = write(tmp_path / "snapshots", pairs=[odd])
        run(replace(options, algorithm=algorithm, data=folder), reward=letters, console=quiet())


def test_a_reward_that_is_no_number_ends_it_in_one_sentence(options: Options) -> None:
    with pytest.raises(TrainingError, match="The reward returned nan"):
        run(
            replace(options, algorithm="rloo"),
            reward=lambda asked, said: [float("nan")] * len(said),
            console=quiet(),
        )
    assert not options.out.exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"beta": -1.0}, "beta is -1.0"),
        ({"algorithm": "kto", "batch": 1}, "at least 2"),
        ({"algorithm": "kto", "reward": Path("reward")}, "KTO asks no reward model"),
        ({"algorithm": "dpo", "reward": Path("reward")}, "DPO asks no reward model"),
        ({"seed": -1}, "seed is -1"),
        ({"algorithm": "rloo", "attempts": 3}, "3 attempts do not go into the 4 answers"),
        ({"algorithm": "rloo", "max_answer": 200}, "leaves no room for a prompt"),
        ({"precision": "int4"}, "'int4' is none of"),
        ({"limits": replace(ANYTHING, window=0)}, "window is 0: it must be over 0"),
    ],
)
def test_an_option_that_cannot_be_is_named(change: dict[str, Any], says: str, options: Options) -> None:
    with pytest.raises(ConfigurationError, match=says):
        run(replace(options, **change), reward=letters, console=quiet())


def test_rloo_without_a_reward_says_so_and_every_beta_is_over_0(options: Options, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="RLOO needs a reward"):
        run(replace(options, algorithm="rloo"), console=quiet())
    with pytest.raises(ConfigurationError, match="holds no reward model"):
        run(replace(options, algorithm="rloo", reward=tmp_path), console=quiet())
    kinds: tuple[Any, ...] = ("dpo", "kto", "rloo")
    assert all(replace(options, algorithm=kind).settled().beta > 0 for kind in kinds)


def test_the_command_line_says_one_sentence_and_ends_with_1(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--algorithm", "kto", "--data", str(options.out), "--out", str(options.out)]
    assert alternatives.main([*given, "--model", options.model]) == 1
    said = capsys.readouterr().err
    assert "There is no snapshot" in said
    assert "Traceback" not in said
