"""A run of PPO from step to step: what each step hands to the next, to its alarms and to people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from transformers import LlamaConfig, LlamaForCausalLM

from learning.training import ledger, ppo, ppo_batch, ppo_run
from learning.training.alarms import Alarms, Seen
from learning.training.ppo_checkpoint import State
from learning.training.ppo_math import KlController
from learning.training.ppo_run import Run
from storage.errors import ConfigurationError, ModelError, SetupError, TrainingError
from tests.unit.learning.models.tiny import write_tokenizer
from tests.unit.learning.training.toy import ANYTHING, letters, options, write_snapshot

SMALL = {"batch": 16, "minibatch": 16, "part": 16, "rollout": 16, "epochs": 1, "validate_every": 0}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_snapshot(tmp_path_factory.mktemp("data"), 30)


def test_the_kl_coefficient_follows_the_kl_and_a_killed_run_knows_it_and_what_its_alarms_saw(
    base: Path, data: Path, tmp_path: Path
) -> None:
    """The alarm needs three batches in a row over its limit: steps 2 to 4, whether killed between or not."""
    limits = replace(ANYTHING, kl=1e-4, patience=3)
    told = {"kl_target": 0.5, "kl_horizon": 32, "checkpoint_every": 3, "limits": limits, **SMALL}
    whole, killed = (options(base, data, tmp_path / name, **told) for name in ("whole", "killed"))
    console = Console(file=StringIO(), force_terminal=True, width=200)
    with pytest.raises(TrainingError, match="after step 4 of 9: KL to the reference is over"):
        ppo.run(whole, reward=letters, console=console)
    lines = ledger.read(whole.out)
    coefficients = [line["ppo/kl_coefficient"] for line in lines]
    assert coefficients[0] == whole.kl_coefficient and len(set(coefficients)) == 4
    for line, after in zip(lines, coefficients[1:], strict=False):
        controller = KlController(coefficient=line["ppo/kl_coefficient"], target=0.5, horizon=32)
        assert after == pytest.approx(controller.after(line["objective/kl"], 16).coefficient)
    assert re.search(r"reward \d\.\d{3} · kl \d+\.\d\d · length \d+\.\d", console.file.getvalue())

    calls = 0

    def dying(questions: Sequence[str], answers: Sequence[str]) -> list[float]:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return letters(questions, answers)

    with pytest.raises(KeyboardInterrupt):
        ppo.run(killed, reward=dying)
    with pytest.raises(TrainingError, match="after step 4 of 9"):
        ppo.run(killed, reward=letters)
    assert ledger.read(killed.out) == lines


def test_every_alarm_hears_its_own_figure(
    base: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("reward", "independent", "kl", "entropy", "length", "ended", "yes_no", "echo", "distinct_2")
    told = {name: n / 10 for n, name in enumerate(names, 1)}
    monkeypatch.setattr(ppo_batch, "figures", lambda episodes: dict(told))
    run = Run(options(base, data, tmp_path, **SMALL), letters, letters)
    controller = KlController(coefficient=0.1, target=None, horizon=99)
    after, _, _ = run.step(State(step=0, controller=controller, alarms=Alarms(ANYTHING)))
    assert after.alarms.seen == [
        Seen(
            kl=told["kl"],
            yes_no=told["yes_no"],
            echo=told["echo"],
            distinct=told["distinct_2"],
            never_ends=1 - told["ended"],
            reward=told["reward"],
            independent=told["independent"],
        )
    ]


def test_a_base_that_is_none_and_a_folder_that_cannot_be_made_are_one_sentence_each(
    base: Path, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="none holds no model"):
        ppo.run(options(tmp_path / "none", data, tmp_path / "a", **SMALL), reward=letters)
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match=r"cannot be written to .*file \("):
        ppo.run(options(base, data, tmp_path / "file", **SMALL), reward=letters)


def test_an_adapter_of_another_base_is_refused_before_it_is_loaded(
    base: Path, data: Path, tmp_path: Path
) -> None:
    """Of other sizes: what loads it would fail in words of its own."""
    first = ppo.run(options(base, data, tmp_path / "a", steps=1, **SMALL), reward=letters)
    config = LlamaConfig.from_pretrained(str(base))
    config.hidden_size, config.head_dim = 32, 8
    LlamaForCausalLM(config).save_pretrained(str(tmp_path / "other"))
    write_tokenizer(tmp_path / "other")
    given = options(tmp_path / "other", data, tmp_path / "b", adapter=first.adapter, **SMALL)
    with pytest.raises(ModelError, match="was trained on another base"):
        ppo.run(given, reward=letters)


def test_each_batch_has_as_many_made_up_facts_as_are_wished_and_no_fact_twice(
    base: Path, data: Path, tmp_path: Path
) -> None:
    given = options(base, data, tmp_path, **{**SMALL, "facts": 3, "max_prompt": 248})
    run = Run(given, letters, None)
    batches = [run.batch(step) for step in range(1, given.steps + 1)]
    facts = [one.fact for batch in batches for one in batch if one.fact]
    assert {len(batch) for batch in batches} == {given.batch}
    assert [sum(one.fact is not None for one in batch) for batch in batches] == [3] * given.steps
    assert run.batch(2) == batches[1] and run.id != Run(replace(given, facts=0), letters, None).id
    assert len({one.question for one in facts}) == min(len(facts), len(run.facts))
    with pytest.raises(ConfigurationError, match="No made-up fact fits into a prompt of 60 tokens"):
        Run(replace(given, max_prompt=60), letters, None)


def test_another_seed_has_other_facts_and_where_all_were_asked_they_come_again(
    base: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = options(base, data, tmp_path, **{**SMALL, "facts": 3, "max_prompt": 248})
    first, other = (Run(replace(given, seed=seed), letters, None) for seed in (0, 1))
    assert {one.question for one in first.facts}.isdisjoint(one.question for one in other.facts)
    monkeypatch.setattr(ppo_run, "MOST", 5)
    few = Run(given, letters, None)
    assert 0 < len(few.facts) <= 5
    asked = [one.question for step in (1, 2, 3) for one in few.batch(step) if one.fact]
    assert asked == [few.facts[place % len(few.facts)].question for place in range(9)]
