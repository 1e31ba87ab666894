"""The options of rejection sampling, each with its sentence. Pure.

Left out: what they do (`rejection.py`). Run: `pytest tests/unit/learning/training/test_rejection.py`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from learning.models import store
from learning.models.adapters import base_name
from learning.training.arguments import refuse

PLACES = ("data", "out", "cache", "adapter", "processes")
"""Where things are, and how many write: no part of what is made."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Everything that the snapshot depends on; its manifest has all but `PLACES`, those by their hashes."""

    data: Path
    """The snapshot whose questions are answered: those of its training part."""
    out: Path
    """Where the answers are kept and the new snapshot is written; the same command goes on in it."""
    reward: Path
    """The reward model that chooses."""
    adapter: Path | None = None
    """The adapter that answers; without one the bare base does."""
    model: str = "packaged"
    """The base: packaged, a Hugging Face id, a folder or a .gguf file."""
    cache: Path = Path("~/.cache/thumbprint")
    """The model cache."""
    questions: int = 0
    """At most so many questions, always the same ones first; 0 for all."""
    facts: int = 0
    """Made-up facts that are asked, too: there a rule chooses."""
    attempts: int = 8
    """Answers to each of them."""
    temperature: float = 0.8
    """At which they are drawn."""
    longest: int = 768
    """The longest prompt in tokens; longer ones are left out."""
    max_answer: int = 192
    """The longest answer in tokens: one that did not end by then is not chosen."""
    seed: int = 0
    """The facts and all answers follow from it."""
    processes: int = 1
    """So many write side by side."""

    def check(self) -> None:
        """Raise ConfigurationError that names the first option that cannot be."""
        refuse(
            self,
            over=("attempts", "temperature", "longest", "max_answer", "processes"),
            least=("questions", "facts"),
        )

    @property
    def recorded(self) -> dict[str, object]:
        """All but `PLACES`, as plain JSON: the reward model by the hash of its manifest."""
        plain = {name: value for name, value in asdict(self).items() if name not in PLACES}
        return {
            **plain,
            "model": base_name(self.model),
            "reward": store.sha256_of(self.reward / store.MANIFEST),
        }
