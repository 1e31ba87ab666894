"""The evaluation from questions to a report, with tiny models: what goes in, what comes out, going on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from learning.models import store
from learning.models.policy import Policy
from learning.prompt import build
from learning.training import (
    adapter_card,
    answers,
    artefact,
    evaluate,
    evaluate_measures,
    ppo,
    seen,
    snapshot,
)
from learning.training.answers import Sampling
from learning.training.arguments import parse
from learning.training.evaluate_options import Options
from learning.training.evaluate_report import Report
from learning.training.reward_data import key_of
from learning.training.reward_model import Reading, RewardModel, hash_of, open_encoder
from learning.training.rows import Rows, Split
from storage.errors import ConfigurationError, DataError
from tests.unit.learning.training.conftest import made_up
from tests.unit.learning.training.made import demonstration, origin
from tests.unit.learning.training.toy import letters, write_snapshot
from tests.unit.learning.training.toy import options as toy

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

QUIET = Console(file=StringIO())


def write_reward(folder: Path, encoder: Path, known: frozenset[str] = frozenset()) -> Path:
    model = RewardModel(open_encoder(encoder), reading=Reading(longest_tokens=64), seen=known)
    model.save(folder, {"encoder": str(encoder), "encoder_sha256": hash_of(encoder)}, with_encoder=False)
    return folder


def write_adapter(folder: Path, base: Path, scale: float) -> Path:
    """Another trainer's adapter: it moves one matrix."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    name = "base_model.model.model.layers.0.self_attn.o_proj"
    torch.manual_seed(1)
    save_file(
        {f"{name}.lora_A.weight": torch.randn(2, 64), f"{name}.lora_B.weight": torch.randn(64, 2) * scale},
        folder / "adapter_model.safetensors",
    )
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "target_modules": ["o_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def options(base: Path, encoder: Path, folder_of: Callable[..., Path], tmp_path: Path) -> Options:
    data = folder_of(made_up(60))
    adapters = [
        f"{name}={write_adapter(tmp_path / name, base, scale)}"
        for name, scale in (("sft", 0.5), ("ppo", 1.0))
    ]
    return Options(
        data=data,
        out=tmp_path / "out",
        model=str(base),
        adapter=tuple(adapters),
        reward=write_reward(tmp_path / "reward", encoder),
        independent=write_reward(tmp_path / "independent", encoder, frozenset({"0" * 16})),
        encoder=str(encoder),
        part="all",
        questions=3,
        attempts=2,
        best_of=3,
        seeds=2,
        max_prompt=250,
        cache=tmp_path,
        sampling=Sampling(max_tokens=5),
    )


def run(options: Options) -> Report:
    return evaluate.run(options, console=QUIET)


def test_from_questions_to_the_report(options: Options) -> None:
    report = run(options)
    names = [one.system for one in report.lines]
    assert names == [f"{name}{rest}" for rest in ("", ", best of 3") for name in ("base", "sft", "ppo")]
    base, best = report.lines[0], report.lines[3]
    assert (base.answers, best.answers) == (3 * 2 * 2, 3 * 2)
    assert {"rouge_1", "bleu", "bertscore", "reward", "independent", "ended"} <= base.figures.keys()
    assert best.figures["reward"].value >= base.figures["reward"].value
    assert best.figures["written"].value > 2 * best.figures["tokens"].value
    assert report.about["questions"] == 3
    assert report.about["left_out"]["seen"] == 0
    assert {one.metric for one in report.correlations} >= {"rouge_1", "bertscore", "independent"}
    text = (options.out / "report.md").read_text()
    assert "## Targets" in text
    assert "<svg" in (options.out / "report.html").read_text()
    assert json.loads((options.out / "report.json").read_text())["about"]["run"] == report.about["run"]
    assert store.state(options.out) == "ready"


def test_a_killed_evaluation_goes_on_to_the_same_report(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(system: str, *given: Any) -> Any:
        if system == "ppo":
            raise Killed
        return measured(system, *given)

    measured = evaluate_measures.measured
    monkeypatch.setattr(evaluate, "measured", killed)
    with pytest.raises(Killed):
        run(options)
    assert not (options.out / "manifest.json").exists()
    kept = {path: path.read_bytes() for path in (options.out / "answers").iterdir()}
    monkeypatch.setattr(evaluate, "measured", measured)
    report = run(options)
    assert all(path.read_bytes() == text for path, text in kept.items())
    other = run(replace(options, out=tmp_path / "again"))
    assert (other.lines, other.comparisons) == (report.lines, report.comparisons)
    monkeypatch.setattr(answers, "load", None)  # what is complete is read, not made again
    assert run(options).comparisons == report.comparisons


def test_a_text_is_read_once_by_two_reward_models_on_one_encoder(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, encode = list[str](), RewardModel._encode
    monkeypatch.setattr(RewardModel, "_encode", lambda self, texts: read.extend(texts) or encode(self, texts))
    monkeypatch.setattr(evaluate_measures, "CHUNK", 4)
    run(options)
    assert len(read) == len(set(read)) > 12
    assert not (options.out / evaluate.VECTORS).exists()  # of use to a killed run alone


def test_another_evaluation_is_not_written_over_but_its_answers_may_be_used(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = replace(options, adapter=options.adapter[:1])
    run(fewer)
    with pytest.raises(ConfigurationError, match="holds another evaluation"):
        run(options)
    out = tmp_path / "other"
    shutil.copytree(options.out / "answers", out / "answers")
    asked: list[int] = []
    write = Policy.write
    monkeypatch.setattr(Policy, "write", lambda self, *given: asked.append(1) or write(self, *given))
    run(replace(options, out=out))
    assert len(asked) == 3  # the new system's alone, both seeds in one batch


def test_what_a_reward_model_learned_from_is_not_asked(
    options: Options, encoder: Path, tmp_path: Path
) -> None:
    questions = made_up(60)
    known = frozenset(key_of(f"{one['title']}\n\n{one['question']}") for one in questions[:58])
    reward = write_reward(tmp_path / "knows", encoder, known)
    report = run(replace(options, independent=reward, questions=0, seeds=1, adapter=(), best_of=0))
    assert report.about["questions"] == 2
    assert report.about["left_out"] == {"seen": 58, "learned": 0, "long": 0}
    every = frozenset(key_of(f"{one['title']}\n\n{one['question']}") for one in questions)
    knows_all = write_reward(tmp_path / "all", encoder, every)
    with pytest.raises(DataError, match="60 are known to a reward model"):
        run(replace(options, independent=knows_all, out=tmp_path / "none"))


def test_what_an_adapter_learned_from_is_not_asked_whatever_folder_it_comes_in(
    options: Options, base: Path, tmp_path: Path
) -> None:
    asked = [f"{one['title']}\n\n{one['question']}" for one in made_up(60)]
    rows = tuple(demonstration(n, prompt=build(one, "")) for n, one in enumerate(asked))
    train = sum(one.origin.split is Split.TRAIN for one in rows)
    data = snapshot.write(Rows(demonstrations=rows), tmp_path / "rows", about={}).folder
    small = {"steps": 1, "batch": 16, "minibatch": 16, "part": 16, "rollout": 16, "validate_every": 0}
    trained = ppo.run(toy(base, data, tmp_path / "ppo-run", max_prompt=240, **small), reward=letters)
    alone = replace(options, adapter=(f"ppo={trained.adapter}",), reward=None, independent=None)
    report = run(replace(alone, questions=0, seeds=1, attempts=1))
    assert report.about["questions"] == 60 - train > 0
    assert report.about["left_out"] == {"seen": 0, "learned": train, "long": 0}
    assert report.about["unknown"] == []
    page = (options.out / "report.md").read_text()
    assert f", {train} more that an adapter had" in page and "is not known" not in page
    known = [one for n, one in enumerate(made_up(60)) if rows[n].origin.split is Split.TRAIN]
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / "questions.jsonl").write_text("".join(json.dumps(one) + "\n" for one in known))
    with pytest.raises(DataError, match=f"{train} more to an adapter"):
        run(replace(alone, data=tmp_path / "known", out=tmp_path / "none"))


def test_of_another_trainers_adapter_nobody_knows_from_which_questions_it_learned(options: Options) -> None:
    report = run(replace(options, questions=1, seeds=1, attempts=1, reward=None, independent=None))
    assert report.about["unknown"] == ["sft", "ppo"]
    page = (options.out / "report.md").read_text()
    assert page.count("; from which questions it learned is not known") == 2


def test_the_reward_model_that_trains_is_no_independent_one_wherever_it_lies(
    options: Options, base: Path, tmp_path: Path
) -> None:
    assert options.reward is not None
    copy = shutil.copytree(options.reward, tmp_path / "copy")
    with pytest.raises(ConfigurationError, match="name another one by --independent"):
        run(replace(options, independent=copy))
    with pytest.raises(ConfigurationError, match="name another one by --independent"):
        ppo.run(toy(base, tmp_path, tmp_path / "ppo-run", reward=options.reward, independent=copy))


def test_a_snapshot_of_another_template_is_not_asked(options: Options, tmp_path: Path) -> None:
    odd = demonstration(1, origin=origin(1, template="t0"))
    data = snapshot.write(Rows(demonstrations=(odd,)), tmp_path / "rows", about={}).folder
    with pytest.raises(DataError, match="1 prompts of template t0"):
        run(replace(options, data=data))


def test_without_reward_models_texts_are_compared_alone(options: Options) -> None:
    report = run(replace(options, reward=None, independent=None, seeds=1))
    assert [one.system for one in report.lines] == ["base", "sft", "ppo"]
    assert "reward" not in report.lines[0].figures
    assert {one.by for one in report.comparisons} == {"rouge_1"}
    assert report.correlations == ()
    assert "<svg" in (options.out / "report.html").read_text()


def test_a_name_given_again_is_the_same_method_with_another_seed(options: Options) -> None:
    found = replace(options, adapter=("ppo=a", "ppo=b", "kto=c")).systems
    assert found == {"base": (None,), "ppo": (Path("a"), Path("b")), "kto": (Path("c"),)}


def test_the_nth_adapter_of_a_name_answers_in_the_nth_seed(options: Options) -> None:
    sft, ppo = (given.partition("=")[2] for given in options.adapter)
    run(replace(options, adapter=(f"ppo={sft}", f"ppo={ppo}")))
    heads = [
        json.loads((options.out / "answers" / f"ppo-{seed}.jsonl").read_text().splitlines()[0])["policy"]
        for seed in (0, 1)
    ]
    assert heads[0] != heads[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"adapter": ("ppo",)}, "NAME=FOLDER"),
        ({"adapter": ("base=x",)}, "and not base"),
        ({"adapter": ("a/b=x",)}, "NAME=FOLDER"),
        ({"deployed": "nobody"}, "deployed system nobody is none of base"),
        ({"attempts": 0}, "attempts is 0"),
        ({"adapter": ("ppo=a", "ppo=b", "ppo=c")}, "ppo has 3 adapters, a seed each, but there are 2 seeds"),
        ({"questions": -1}, "questions is -1"),
    ],
)
def test_options_that_do_not_go_together_are_named(
    options: Options, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        run(replace(options, **changes))


def test_data_and_adapters_that_are_not_there_are_named(options: Options, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data in"):
        run(replace(options, data=tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match="holds no adapter"):
        run(replace(options, adapter=(f"ppo={tmp_path / 'nowhere'}",)))


def test_an_adapter_is_handed_on_with_the_evaluation_that_judged_it_and_with_no_other(
    options: Options, base: Path, tmp_path: Path
) -> None:
    asked = write_snapshot(tmp_path / "asked")
    trained = [
        ppo.run(toy(base, asked, tmp_path / str(seed), steps=1, validate_every=0, seed=seed), reward=letters)
        for seed in (0, 1)
    ]
    own, other = (one.adapter for one in trained)
    run(replace(options, adapter=(f"ppo={own}",)))
    given = adapter_card.Options(adapter=own, report=options.out, out=tmp_path / "handed" / "on")
    made = adapter_card.run(given)
    text = (given.out / "README.md").read_text()
    assert "## Evaluation\n\nThis adapter is the system `ppo`." in text and "### Targets" in text
    assert "is for an evaluation to say" in (own / "README.md").read_text() and "to say" not in text
    before = artefact.read(own)
    assert artefact.read(given.out) == made and made.id != before.id
    weights = "adapter_model.safetensors"
    assert made.files[weights] == before.files[weights]
    listed = [line for line in text.splitlines() if line.startswith("| README.md")]
    assert listed == [] and before.files["README.md"] not in text
    assert seen.of(given.out) == seen.of(own) and seen.of(own).whole
    with pytest.raises(ConfigurationError, match="exists already"):
        adapter_card.run(given)
    (tmp_path / "reward_report").mkdir()
    (tmp_path / "reward_report" / "report.json").write_text('{"about": {"models": []}}')
    with pytest.raises(DataError, match="is no evaluation of policies"):
        adapter_card.run(replace(given, report=tmp_path / "reward_report", out=tmp_path / "x"))
    with pytest.raises(DataError, match="is of other adapters"):
        adapter_card.run(replace(given, adapter=other, out=tmp_path / "x"))
    with pytest.raises(DataError, match="holds no evaluation"):
        adapter_card.run(replace(given, report=tmp_path, out=tmp_path / "x"))
    assert adapter_card.main(["--adapter", str(other), "--report", str(options.out), "--out", "x"]) == 1


def test_by_default_it_samples_as_published_three_times_in_three_seeds_on_the_test_part() -> None:
    found = parse(Options, "", ["--data=d", "--out=o"])
    assert found.sampling == Sampling(temperature=0.8, top_p=0.9, top_k=50, max_tokens=256)
    assert (found.attempts, found.seeds, found.part) == (3, 3, "test")


def test_every_option_is_a_flag() -> None:
    given = ["--data=d", "--out=o", "--adapter=ppo=x", "--adapter=sft=y", "--temperature=0.7", "--part=all"]
    found = parse(Options, "", given)
    assert found.systems.keys() == {"base", "ppo", "sft"}
    assert found.sampling == Sampling(temperature=0.7)
    assert found.recorded["adapter"] == ["ppo=x", "sft=y"]
