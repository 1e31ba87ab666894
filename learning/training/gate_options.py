"""The options of the gate and the lines that its checks draw, each with its sentence. Pure.

Left out: what they do (`learning/training/gate.py`).

    pytest tests/unit/learning/training/test_gate.py
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from learning.models.adapters import base_name
from learning.training.rows import Split
from storage.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where each check draws its line."""

    questions: int = 50
    """Fewer questions than these judge nothing."""
    canary_floor: float = 0.5
    """The least share of a kind's canaries that any policy passes."""
    canary_slack: float = 0.1
    """How much smaller a kind's share may be than the serving policy's."""
    rate_ceiling: float = 0.3
    """The most answers with a sign (refusal, echo, link …), whatever the serving policy does."""
    rate_slack: float = 0.05
    """How many more answers may have a sign than of the serving policy's, as a share."""
    boilerplate: float = 0.2
    """The most questions whose answers share six words in a row; the serving policy's share and slack if
    that is more."""
    variety: float = 0.6
    """The least distinct-2, as a share of the serving policy's."""
    win_rate: float = 0.5
    """The win rate's lower bound must be over this."""
    slice_questions: int = 10
    """A slice of fewer questions is shown and judges nothing."""
    length_low: float = 0.8
    """The least ratio of mean lengths to the serving policy's."""
    length_high: float = 1.25
    """The greatest."""
    kl: float = 1.0
    """The most KL in nats a token, from the base and from the serving policy."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Everything that a judgement depends on; saved whole in its report."""

    adapter: Path
    """The candidate: the folder of an adapter of ours."""
    data: Path
    """A snapshot, or a folder of published questions; those that an adapter here or the independent
    reward model learned from are left out."""
    out: Path
    """The run's folder: the answers as they are written, then gate.json and gate.md."""
    model: str = "packaged"
    """The base: packaged, a Hugging Face id, a folder or a .gguf file."""
    deployed: Path | None = None
    """The adapter that serves now; without one the bare base does."""
    independent: Path | None = None
    """A reward model that did not train the candidate; without one the gate stays shut."""
    trained_by: Path | None = None
    """The reward model that did, or one before it, where the candidate's manifest does not name it: it may
    not be the independent one, nor hold the same weights."""
    memory: Path | None = None
    """Evidence about the phrase memory, which `thumbprint gate` makes; without it the gate stays shut."""
    part: Literal["test", "validation", "all"] = "test"
    """Which part of the data asks."""
    limit: int = 200
    """Questions at most; 0 for all."""
    attempts: int = 2
    """Answers a question."""
    distances: int = 64
    """Questions on whose first answers KL is measured."""
    temperature: float = 0.6
    """Answers are drawn as the bot draws them."""
    top_p: float = 0.9
    """The nucleus: the likeliest tokens whose chances come to this much."""
    max_tokens: int = 160
    """The longest answer, in tokens."""
    max_prompt: int = 768
    """The longest prompt in tokens; longer ones are left out."""
    seed: int = 0
    """All random numbers follow from it."""
    threads: int = 0
    """Threads of the CPU; 0 leaves it to torch."""
    cache: Path = Path("~/.cache/thumbprint")
    """The model cache."""
    limits: Limits = field(default_factory=Limits)
    """Where each check draws its line."""

    def check(self) -> None:
        """Raise ConfigurationError that names the first option that cannot be."""
        for name in ("attempts", "distances", "max_tokens", "max_prompt"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"The option {name} is {getattr(self, name)}: it must be over 0.")
        for name in ("limit", "threads"):
            if getattr(self, name) < 0:
                raise ConfigurationError(
                    f"The option {name} is {getattr(self, name)}: it must not be negative."
                )

    @property
    def split(self) -> Split | None:
        """The part of the data, None for all."""
        return None if self.part == "all" else Split(self.part)

    def recorded(self) -> dict[str, Any]:
        """Every option as the report keeps it: of a folder its name, for paths differ between machines."""
        plain = {key: value for key, value in asdict(self).items() if key not in ("out", "cache", "threads")}
        plain["model"] = base_name(self.model)
        return {key: value.name if isinstance(value, Path) else value for key, value in plain.items()}
