"""What a training learned from, as its manifest says it: sources, licences, rows of private repositories.

Weights keep what they were made of: of the rows, of the adapter that they go on from, and of the reward model
that judged them. Whoever is to be published says how many private rows are behind it, or is refused
(`publish.py`). Left out: the rows' own origins (`rows.py`). Imports no torch.
Run: `pytest tests/unit/learning/training/test_origins.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from learning.models import store
from learning.training import reward_folder
from learning.training.rows import Origin
from storage.errors import ConfigurationError


class Learned(Protocol):
    """What was trained, and says on how many private rows; None where it does not say."""

    @property
    def private(self) -> int | None:
        """How many."""

    @property
    def reward_models(self) -> frozenset[str]:
        """Which reward models are behind it, itself among them: SHA-256 of their manifests."""


@dataclass(frozen=True, kw_only=True)
class Judge:
    """A reward model as those name it that learn by it: the SHA-256 of its manifest, its private rows, and
    with its own the SHA-256 of those that it goes on from."""

    sha256: str
    private: int | None
    reward_models: frozenset[str]


def judge(folder: Path) -> Judge:
    """Which reward model lies there. Raises ConfigurationError where none does."""
    file = folder / store.MANIFEST
    if not file.is_file():
        raise ConfigurationError(f"{folder} holds no reward model: train one first.")
    about, own = store.manifest(folder), store.sha256_of(file)
    return Judge(
        sha256=own,
        private=reward_folder.private(about),
        reward_models=reward_folder.behind(about) | {own},
    )


def chosen_by(about: Mapping[str, Any]) -> Judge | None:
    """The reward model that chose a snapshot's rows, as its manifest's `about` says it (`rejection.py`); None
    where none did."""
    told = about.get("chosen_by")
    return None if told is None else Judge(**{**told, "reward_models": frozenset(told["reward_models"])})


def tuned_by(encoder: Path) -> Judge | None:
    """The reward model that an encoder's folder is a part of, which tuned it; None where it is of none."""
    return judge(encoder.parent) if store.manifest(encoder.parent).get("encoder") else None


def refuse_same(reward: Path | None, independent: Path | None) -> None:
    """Raise ConfigurationError where both are one reward model, wherever they lie, or one goes on from the
    other."""
    if not (reward and independent):
        return
    ours, theirs = judge(reward), judge(independent)
    if theirs.sha256 in ours.reward_models or ours.sha256 in theirs.reward_models:
        raise ConfigurationError(
            f"{independent} is the reward model that trains, or one of the two goes on from the other: name "
            "another one by --independent."
        )


def described(origins: Iterable[Origin]) -> dict[str, object]:
    """Counts by source and licence, for manifest and card; how many rows are private or reworded."""
    found = list(origins)
    return {
        "sources": dict(sorted(Counter(one.source.value for one in found).items())),
        "licences": dict(sorted(Counter(one.licence for one in found).items())),
        "private": sum(one.private for one in found),
        "paraphrased": sum(one.is_paraphrased for one in found),
    }


def inherited(data: Mapping[str, object], *behind: Learned | None) -> dict[str, object]:
    """What `described` said, its private rows with those `behind` it, None where one does not say; and the
    reward models behind it, where there are any."""
    counts = [data.get("private"), *(one.private for one in behind if one is not None)]
    known = [count for count in counts if isinstance(count, int)]
    models = sorted({name for one in behind if one is not None for name in one.reward_models})
    return {
        **data,
        "private": sum(known) if len(known) == len(counts) else None,
        **({"reward_models": models} if models else {}),
    }
