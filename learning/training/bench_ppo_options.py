"""What `bench ppo` measures: one setting for both sides. Pure but for its file.

Left out: how it is measured (`bench_ppo.py`). Run: `pytest tests/unit/learning/training/test_bench_ppo.py`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from storage.errors import ConfigurationError

FOLDERS = ("model", "data", "reward", "out", "trl", "cache")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The same model, prompts, reward, batches and steps for our PPO and TRL's."""

    model: Path
    """The base model's folder."""
    data: Path
    """The snapshot whose training part's questions are answered."""
    reward: Path
    """The reward model's folder."""
    out: Path
    """Where figures are kept: bench.json and bench.md; a run that was stopped goes on in it."""
    trl: Path = Path("var/trl-1.12/bin/python")
    """The Python of an environment with TRL 1.12; `make var/trl-1.12` makes one."""
    cache: Path = Path("~/.cache/thumbprint")
    """The model cache."""
    seeds: int = 3
    """How many seeds, each on both sides, by turns who is first."""
    steps: int = 20
    """Batches of answers to learn from."""
    batch: int = 16
    """Answers a batch, and a minibatch: TRL steps its optimizer once a batch and epoch."""
    part: int = 4
    """Answers that are read at once with gradients."""
    rollout: int = 16
    """Answers that are written at once."""
    epochs: int = 2
    """How often each batch is learned from."""
    max_prompt: int = 192
    """The longest prompt in tokens; longer ones are left out."""
    max_answer: int = 48
    """The longest answer in tokens."""
    learning_rate: float = 1e-4
    """At the start; it falls linearly to 0 over the run."""
    kl_coefficient: float = 0.05
    """What a nat of KL costs, all the time."""
    rank: int = 16
    """The LoRA's rank; its scale is 2."""
    threads: int = 0
    """Threads of the CPU; 0 leaves it to torch."""

    def check(self) -> None:
        """Raise ConfigurationError that names the first option that cannot be."""
        for name in ("seeds", "steps", "batch", "part", "rollout", "epochs", "max_prompt", "max_answer"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"The option {name} is {getattr(self, name)}: it must be over 0.")
        if self.batch % self.part:
            raise ConfigurationError(f"A batch of {self.batch} answers is no whole number of {self.part}.")
        if not self.trl.is_file():
            raise ConfigurationError(
                f"There is no {self.trl}: `make var/trl-1.12` makes an environment with TRL 1.12, or name "
                "another one's Python by --trl."
            )

    def write(self, file: Path) -> None:
        """As JSON, for the other Python."""
        file.write_text(json.dumps(asdict(self), default=str))

    @classmethod
    def read(cls, file: Path) -> Options:
        """What `write` wrote."""
        found: dict[str, Any] = json.loads(file.read_text())
        return cls(**{**found, **{name: Path(found[name]) for name in FOLDERS}})
