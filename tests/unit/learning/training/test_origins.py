"""Whoever learned from private rows says so: its own, its parent's, and those of the model that judged it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from rich.console import Console

from learning.training import artefact, ppo, reward
from learning.training.origins import inherited, judge, refuse_same, tuned_by
from learning.training.reward_encoder import Tuning
from learning.training.reward_model import CACHE, Reading
from learning.training.rows import Rows, Split
from storage.errors import ConfigurationError
from tests.unit.learning.training.conftest import made_up
from tests.unit.learning.training.nights import rows, write_data
from tests.unit.learning.training.toy import options, write_snapshot

QUIET = Console(quiet=True)


@dataclass
class Behind:
    private: int | None
    reward_models: frozenset[str] = frozenset()


def test_private_rows_add_up_and_who_does_not_say_makes_the_sum_unknown() -> None:
    assert inherited({"private": 2, "rows": 5}) == {"private": 2, "rows": 5}
    assert inherited({"private": 2}, None, Behind(3), Behind(0)) == {"private": 5}
    for unknown in (inherited({"private": 2}, Behind(None)), inherited({}, Behind(3))):
        assert unknown["private"] is None


def test_the_reward_models_behind_all_that_is_behind_are_named() -> None:
    one, other = Behind(0, frozenset("ab")), Behind(0, frozenset("bc"))
    assert inherited({"private": 0}, one, None, other)["reward_models"] == ["a", "b", "c"]


def judged_by(encoder: Path, data: Path, out: Path, start: Path | None = None, seed: int = 0) -> Path:
    given = reward.Options(
        data=data,
        out=out,
        encoder=str(encoder),
        tuning=Tuning(loss="none", seed=seed),
        reading=Reading(longest_tokens=64),
        start=start,
        penalty=1.0,
    )
    return reward.run(given, QUIET).folder


def private(made: Rows) -> Rows:
    """Its triplets as a private repository's, two a question."""
    own = [replace(one, origin=replace(one.origin, private=True)) for one in made.triplets]
    return Rows(triplets=(*own, *(replace(one, worse=f"{one.worse} either") for one in own)))


def test_a_reward_model_of_private_rows_and_what_learns_by_it_say_so(
    base: Path, encoder: Path, folder_of: Callable[..., Path], tmp_path: Path
) -> None:
    made = rows(60)
    own = judged_by(encoder, write_data(tmp_path / "s", made=private(made)), tmp_path / "own")
    used = 2 * sum(one.origin.split is not Split.TEST for one in made.triplets)
    assert judge(own).private == used > 30
    published = folder_of(made_up(60), "published")
    assert judge(judged_by(encoder, published, tmp_path / "public")).private == 0
    later = judged_by(encoder, published, tmp_path / "later", start=own)
    assert judge(later).private == used
    given = options(base, write_snapshot(tmp_path / "asked"), tmp_path / "p", steps=1, validate_every=0)
    given = replace(given, reward=later, cache=CACHE)
    adapter = ppo.run(given).adapter
    found, card = artefact.read(adapter), (adapter / artefact.CARD).read_text()
    assert found.private == used and found.data["reward_model"] == judge(later).sha256
    assert judge(later).sha256 in card and f"among them: {used}." in card
    behind = {judge(own).sha256, judge(later).sha256}
    assert found.reward_models == judge(later).reward_models == behind
    again = replace(given, reward=tmp_path / "public", adapter=adapter, out=tmp_path / "again")
    child = artefact.read(ppo.run(again).adapter)
    assert child.reward_models == behind | {judge(tmp_path / "public").sha256}
    for one, other in ((own, own), (own, later), (later, own)):
        with pytest.raises(ConfigurationError, match="one of the two goes on from the other"):
            refuse_same(one, other)
    refuse_same(later, tmp_path / "public")


def test_an_encoder_that_a_reward_model_tuned_brings_its_private_rows_with_it(tmp_path: Path) -> None:
    (tmp_path / "encoder").mkdir()
    assert tuned_by(tmp_path / "encoder") is None
    (tmp_path / "manifest.json").write_text(json.dumps({"encoder": "packaged", "private": 3}))
    found = tuned_by(tmp_path / "encoder")
    assert found is not None and found.private == 3


def test_another_reward_model_of_the_same_name_makes_another_run(
    base: Path, encoder: Path, folder_of: Callable[..., Path], tmp_path: Path
) -> None:
    published = folder_of(made_up(60), "published")
    models = [judged_by(encoder, published, tmp_path / str(seed) / "reward", seed=seed) for seed in (0, 1)]
    given = options(base, write_snapshot(tmp_path / "asked"), tmp_path / "p", steps=1, validate_every=0)
    ppo.run(replace(given, reward=models[0]))
    with pytest.raises(ConfigurationError, match="other options"):
        ppo.run(replace(given, reward=models[1]))
    with pytest.raises(ConfigurationError, match="holds no reward model"):
        judge(tmp_path)
