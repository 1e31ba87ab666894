"""What the gate refuses to judge."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from rich.console import Console
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from learning import prompt
from learning.models import adapters, store
from learning.models.tokenizer import Tokens
from learning.prompt import question_of
from learning.training import artefact, gate, gate_report, origins, seen
from learning.training.gate_memory import FORMAT
from learning.training.gate_options import Options
from learning.training.reward_data import key_of
from learning.training.rows import Split
from storage.errors import ConfigurationError, DataError, ModelError, ThumbprintError
from tests.unit.learning.training import taught
from tests.unit.learning.training.test_gate_memory import report as benchmark

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The taught policy before it was taught: its answers are noise."""
    return taught.write_base(tmp_path_factory.mktemp("drawn") / "base", steps=0)


@pytest.fixture(scope="module")
def adapter(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    config = LoraConfig(r=2, lora_alpha=4, target_modules="all-linear", init_lora_weights=False)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(str(drawn)), config)
    about = adapters.Manifest(
        stage="sft",
        run="sft-1",
        base=adapters.base_hash(drawn),
        base_name="tiny",
        template=adapters.template_hash(Tokens(drawn)),
        template_version=prompt.TEMPLATE,
        snapshot="s_1",
    )
    out = tmp_path_factory.mktemp("adapter") / "adapter"
    artefact.write(out, model, about)
    return out


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return taught.write_snapshot(tmp_path_factory.mktemp("data"))


Judged = Callable[..., gate_report.GateReport]


@pytest.fixture
def judged(drawn: Path, adapter: Path, data: Path, tmp_path: Path) -> Judged:
    def judge(
        independent: Any = taught.judge, independent_at: Path | None = None, **changes: Any
    ) -> gate_report.GateReport:
        options = Options(
            adapter=adapter, data=data, out=tmp_path / "out", model=str(drawn), cache=tmp_path,
            limit=2, attempts=1, max_tokens=4, independent=independent_at,
        )  # fmt: skip
        return gate.run(replace(options, **changes), independent=independent, console=Console(quiet=True))

    return judge


def copied(folder: Path, into: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> Path:
    """The adapter with other tensors, and a manifest that says so."""
    into.mkdir()
    manifest = adapters.read(folder)
    assert manifest is not None
    for file in folder.iterdir():
        (into / file.name).write_bytes(file.read_bytes())
    tensors = load_file(into / "adapter_model.safetensors")
    change(tensors)
    save_file(tensors, into / "adapter_model.safetensors")
    files = {
        **manifest.files,
        "adapter_model.safetensors": store.sha256_of(into / "adapter_model.safetensors"),
    }
    (into / adapters.MANIFEST).write_text(replace(manifest, files=files).text())
    return into


def manifest_of(**data: str) -> adapters.Manifest:
    return adapters.Manifest(
        stage="ppo", run="ppo-1", base="b", base_name="tiny", template="t", template_version="t",
        snapshot="s_1", data=data,
    )  # fmt: skip


def knowing(folder: Path, into: Path, questions: Sequence[str]) -> Path:
    """The adapter, which learned from these questions."""
    copied(folder, into, lambda tensors: None)
    known = seen.learned(questions, None)
    (into / seen.FILE).write_text(known.text)
    manifest = adapters.read(into)
    assert manifest is not None
    files = {**manifest.files, seen.FILE: store.sha256_of(into / seen.FILE)}
    (into / adapters.MANIFEST).write_text(replace(manifest, files=files, data=known.said).text())
    return into


def refused(judged: Judged, tmp_path: Path, kind: type[ThumbprintError], says: str, **changes: Any) -> None:
    with pytest.raises(kind, match=says):
        judged(**changes)
    assert gate_report.read(tmp_path / "out") is None, "what cannot be judged has no report"


def test_noise_is_judged_and_does_not_pass_and_the_same_command_has_its_report(
    judged: Judged, tmp_path: Path, adapter: Path
) -> None:
    found = judged()
    assert not found.passed
    assert {"questions", "win rate", "phrase memory", "canaries: ends"} <= set(found.failed)
    assert found.adapter == artefact.read(adapter).id and found.deployed == ""
    written = {file.name for file in (tmp_path / "out").iterdir()}
    assert {"gate.json", "gate.md", "candidate.jsonl", "serving-canaries.jsonl"} <= written
    (tmp_path / "out" / "candidate.jsonl").unlink()

    assert judged() == gate_report.read(tmp_path / "out")
    assert not (tmp_path / "out" / "candidate.jsonl").exists(), "nothing was written anew"
    with pytest.raises(ConfigurationError, match="report of another run"):
        judged(seed=1)


def test_a_run_that_was_killed_comes_to_the_same_report(judged: Judged, tmp_path: Path) -> None:
    def killed(questions: Sequence[str], answers: Sequence[str]) -> list[float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judged(independent=killed, out=tmp_path / "again")
    assert gate_report.read(tmp_path / "again") is None
    before = (tmp_path / "again" / "candidate.jsonl").read_bytes()
    assert judged(out=tmp_path / "again") == judged()
    assert (tmp_path / "again" / "candidate.jsonl").read_bytes() == before


def test_without_a_judge_or_evidence_the_gate_stays_shut_and_says_what_it_lacks(judged: Judged) -> None:
    found = {check.name: check for check in judged(independent=None).checks}
    assert not found["win rate"].passed and "--independent" in found["win rate"].why
    assert not found["phrase memory"].passed and "--memory" in found["phrase memory"].why


def test_evidence_about_the_phrase_memory_is_judged_only_if_it_is_about_this_adapter(
    judged: Judged, tmp_path: Path, adapter: Path
) -> None:
    told = {"format": FORMAT, "adapter": artefact.read(adapter).id, "deployed": ""}
    told |= {"candidate": benchmark(0.0), "serving": benchmark(0.1)}
    file = tmp_path / "memory.json"
    file.write_text(json.dumps({**told, "adapter": "another"}))
    refused(judged, tmp_path, DataError, "run the benchmark anew", memory=file)
    file.write_text(json.dumps(told))
    assert "phrase memory" not in judged(memory=file).failed


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_adapter_with_what_is_no_number_is_refused(
    judged: Judged, adapter: Path, tmp_path: Path, value: float
) -> None:
    def spoil(tensors: dict[str, torch.Tensor]) -> None:
        tensors[sorted(tensors)[0]][0, 0] = value

    bad = copied(adapter, tmp_path / "bad", spoil)
    refused(judged, tmp_path, ModelError, "no number", adapter=bad)


def test_an_adapter_with_one_byte_flipped_is_refused(judged: Judged, adapter: Path, tmp_path: Path) -> None:
    bad = copied(adapter, tmp_path / "bad", lambda tensors: None)
    file = bad / "adapter_model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    refused(judged, tmp_path, ModelError, "is damaged", adapter=bad)
    refused(judged, tmp_path, ModelError, "is damaged", deployed=bad)


@pytest.mark.parametrize(
    ("field", "says"), [("template", "another prompt template"), ("base", "another base")]
)
def test_an_adapter_of_another_template_or_base_is_refused(
    judged: Judged, adapter: Path, tmp_path: Path, field: str, says: str
) -> None:
    bad = copied(adapter, tmp_path / "bad", lambda tensors: None)
    manifest = adapters.read(bad)
    assert manifest is not None
    (bad / adapters.MANIFEST).write_text(replace(manifest, **{field: "0" * 64}).text())
    refused(judged, tmp_path, ModelError, says, adapter=bad)


def test_a_folder_without_a_manifest_of_ours_is_refused(judged: Judged, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    refused(judged, tmp_path, ModelError, "no adapter of ours", adapter=tmp_path / "theirs")


def test_data_that_ask_nothing_or_in_other_words_are_refused(judged: Judged, tmp_path: Path) -> None:
    rows = taught.demonstrations()
    empty = taught.write_snapshot(tmp_path / "empty", [])
    refused(judged, tmp_path, DataError, "no question", data=empty)
    old = [replace(row, origin=replace(row.origin, template="t1")) for row in rows]
    foreign = taught.write_snapshot(tmp_path / "foreign", old)
    refused(judged, tmp_path, DataError, "make the snapshot anew", data=foreign)
    refused(judged, tmp_path, DataError, "raise --max-prompt", max_prompt=3)


@pytest.mark.parametrize("rewards", [[float("nan")], [0.5, float("inf")], []])
def test_rewards_that_are_no_numbers_are_refused(
    judged: Judged, tmp_path: Path, rewards: list[float]
) -> None:
    def judge(questions: Sequence[str], answers: Sequence[str]) -> list[float]:
        return (rewards * len(answers))[: len(answers)]

    refused(judged, tmp_path, ModelError, "no number", independent=judge)


def test_the_reward_model_that_trained_the_candidate_may_not_judge_it(tmp_path: Path) -> None:
    for name in ("one", "same"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "head.safetensors").write_text("weights")
        store.seal(tmp_path / name, format="thumbprint-reward-1")
    options = Options(
        adapter=tmp_path, data=tmp_path, out=tmp_path / "out",
        independent=tmp_path / "one", trained_by=tmp_path / "same",
    )  # fmt: skip
    silent, named = manifest_of(), manifest_of(reward_model=origins.judge(tmp_path / "same").sha256)
    alone = replace(options, trained_by=None)
    parents = manifest_of(reward_models=[origins.judge(tmp_path / "one").sha256])
    (tmp_path / "on").mkdir()
    store.seal(
        tmp_path / "on",
        format="thumbprint-reward-1",
        started_from=origins.judge(tmp_path / "one").sha256,
        seen=5,
    )
    later = replace(alone, independent=tmp_path / "on")
    for given, about in ((options, silent), (alone, named), (alone, parents), (later, named)):
        with pytest.raises(ConfigurationError, match="name another"):
            gate.judge_of(given, about)


def test_what_the_candidate_or_the_serving_adapter_learned_from_is_not_asked(
    judged: Judged, adapter: Path, tmp_path: Path
) -> None:
    held = [question_of(one.prompt) for one in taught.demonstrations() if one.origin.split is Split.TEST]
    some = knowing(adapter, tmp_path / "some", held[3:])
    found = judged(adapter=some)
    assert (found.figures["questions"], found.about["left_out"]) == (2, len(held) - 3)
    assert found.about["unknown"] == [] and "questions" in found.failed
    page = (tmp_path / "out" / gate_report.PAGE).read_text()
    assert f"that neither an adapter here nor the judge learned from; {len(held) - 3} that one had" in page
    rest = knowing(adapter, tmp_path / "rest", held[:2])
    both = judged(adapter=some, deployed=rest, out=tmp_path / "both")
    assert both.figures["questions"] == 1
    every = knowing(adapter, tmp_path / "every", held)
    refused(judged, tmp_path / "x", DataError, "learned from all", adapter=every, out=tmp_path / "none")


def test_what_the_independent_reward_model_learned_from_is_not_asked(
    judged: Judged, adapter: Path, tmp_path: Path
) -> None:
    held = [question_of(one.prompt) for one in taught.demonstrations() if one.origin.split is Split.TEST]
    for name, keys in (("some", held[3:]), ("every", held)):
        (tmp_path / name).mkdir()
        (tmp_path / name / seen.FILE).write_text("".join(f"{key_of(one)}\n" for one in keys))
        store.seal(tmp_path / name, format="thumbprint-reward-1")
    found = judged(adapter=knowing(adapter, tmp_path / "knows", held[:1]), independent_at=tmp_path / "some")
    assert (found.figures["questions"], found.about["left_out"]) == (2, len(held) - 2)
    assert found.about["unknown"] == []
    with pytest.raises(DataError, match="learned from all"):
        judged(independent_at=tmp_path / "every", out=tmp_path / "none")
    with pytest.raises(ModelError, match="holds no reward model"):
        judged(independent_at=adapter, out=tmp_path / "none")


def test_of_an_adapter_that_does_not_say_from_what_it_learned_the_report_says_so(
    judged: Judged, tmp_path: Path
) -> None:
    assert judged().about["unknown"] == ["candidate"]
    page = (tmp_path / "out" / gate_report.PAGE).read_text()
    assert "from which questions the candidate learned is not known" in page


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"max_tokens": 0}, {"limit": -1}])
def test_options_that_cannot_be_are_named(judged: Judged, tmp_path: Path, wrong: dict[str, int]) -> None:
    refused(judged, tmp_path, ConfigurationError, next(iter(wrong)), **wrong)
