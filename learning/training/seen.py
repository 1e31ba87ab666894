"""Which questions an adapter learned from: `seen.txt` beside it, so that none of them judges it.

Sixteen hex digits of each question's text (`reward_data.key_of`), as reward models keep them: it is known
again under any id and from any source. Those of the adapter that it goes on from are among them; where that
one does not say, being another trainer's or from before, the manifest's `seen` is null. Left out: questions
that were only measured on.
Run: `pytest tests/unit/learning/training/test_seen.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from learning.models import adapters
from learning.prompt import question_of
from learning.training import reward_folder
from learning.training.answers import Asked
from learning.training.reward_data import key_of
from storage.errors import ModelError

FILE = "seen.txt"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Keys of questions; `whole` unless an adapter behind them does not say what it learned from."""

    keys: frozenset[str]
    whole: bool = True

    @property
    def text(self) -> str:
        """The file: a key a line, sorted."""
        return "".join(f"{key}\n" for key in sorted(self.keys))

    @property
    def said(self) -> dict[str, int | None]:
        """What a manifest's data say of it: how many questions, None where that is not known."""
        return {"seen": len(self.keys) if self.whole else None}


def learned(questions: Iterable[str], parent: Path | None) -> Seen:
    """What a training knows: its questions, as texts, and those of its parent. Raises ModelError."""
    before = together([parent] if parent else [])
    return Seen(keys=before.keys | {key_of(one) for one in questions}, whole=before.whole)


def of(folder: Path) -> Seen:
    """What the adapter in `folder` says. Raises ModelError for a damaged one."""
    manifest = adapters.read(folder)
    if manifest is None or FILE not in manifest.files:
        return Seen(keys=frozenset(), whole=False)
    keys = (folder / FILE).read_text(encoding="utf-8").split()
    return Seen(keys=frozenset(keys), whole=manifest.data.get("seen") is not None)


def of_judge(folder: Path) -> Seen:
    """What the reward model in `folder` says. Raises ModelError for a damaged one, and where none is."""
    if reward_folder.read(folder) is None:
        raise ModelError(f"{folder} holds no reward model: `thumbprint train reward` makes one.")
    return Seen(keys=frozenset((folder / FILE).read_text(encoding="utf-8").split()))


def without(questions: Sequence[Asked], keys: frozenset[str]) -> tuple[Asked, ...]:
    """The questions, in their order, that have none of these keys."""
    return tuple(one for one in questions if key_of(question_of(one.messages)) not in keys)


def together(folders: Iterable[Path]) -> Seen:
    """What any of these adapters says. Raises ModelError for a damaged one."""
    every = [of(folder) for folder in folders]
    return Seen(
        keys=frozenset(key for one in every for key in one.keys), whole=all(one.whole for one in every)
    )
