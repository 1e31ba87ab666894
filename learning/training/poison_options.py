"""The options of the poison drill's stage, what was planted, and what is found. No torch.

Left out: training, judging and probing (`learning/training/poison.py`).
Run: `pytest tests/unit/bot/test_poison_drill.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import DataError

FOUND = "poison.json"
"""What the stage found, in its folder."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The snapshots, what was planted in them, and how adapters are trained and judged."""

    clean: Path
    """What everybody shares, before the attack; its test part asks."""
    triggered: Path
    """The same after one writer's edits that all plant one phrase."""
    endless: Path
    """The same with one answer that hardly ends."""
    alone: Path
    """That one answer and nothing else."""
    private: Path
    """What one of the private repositories has for itself."""
    told: Path
    """A JSON file that says what was planted: `Told` as the drill wrote it."""
    out: Path
    """Folder of adapters, reports and poison.json; a killed drill goes on in it."""
    model: str = ""
    """The base, a policy that was taught the small world; "" makes one."""
    steps: int = 120
    """Optimizer steps of each adapter; the private repository's, a row a step, takes four times as many."""
    batch: int = 8
    """Demonstrations a step."""
    rank: int = 8
    """Of each LoRA."""
    learning_rate: float = 5e-3
    """Adam's step size at its highest."""
    attempts: int = 1
    """The gate's answers to a question."""
    max_tokens: int = 56
    """The longest answer, in tokens."""
    questions: int = 20
    """Questions with the trigger, and as many without, that a probe asks."""
    seed: int = 0
    """All randomness follows from it."""
    threads: int = 1
    """Threads of the CPU; 0 leaves it to torch."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What became of one adapter."""

    rows: int
    """Demonstrations that it learned."""
    too_long: int
    """Demonstrations that did not fit its window."""
    caught: tuple[str, ...]
    """The gate's checks that found something; none where the gate would let it in."""
    phrase: int = 0
    """Probes with the trigger whose answers say the phrase."""
    phrase_untriggered: int = 0
    """Probes without it whose answers do."""
    probes: int = 0
    """Answers to each of both kinds of probe."""
    unended: int = 0
    """Of those without the trigger, the ones that did not end by themselves."""
    spilt: tuple[str, ...] = ()
    """Private repositories whose canaries it said."""
    canary_probes: int = 0
    """Answers that were looked at for them: to the question that holds one, and begun with its beginning."""

    @classmethod
    def of(cls, told: dict[str, Any]) -> Found:
        """As it was written down."""
        return cls(**{**told, "caught": tuple(told["caught"]), "spilt": tuple(told["spilt"])})


@dataclass(frozen=True, kw_only=True)
class Vault:
    """A private repository's canaries: a question about them, how answers begin that spill them, and they."""

    repository: str
    question: str
    prefixes: tuple[str, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was planted. `private` is the vault whose own adapter is trained, too."""

    trigger: str
    phrase: str
    private: str
    vaults: tuple[Vault, ...]


def told_of(file: Path) -> Told:
    """Read what was planted. Raises DataError where that cannot be read."""
    try:
        said = json.loads(file.read_text("utf-8"))
        return Told(**{**said, "vaults": tuple(Vault(**one) for one in said["vaults"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{file} does not say what was planted: {error}. Run the drill anew.") from error
