"""The options of rejection sampling, each with its sentence. Pure.

Left out: what they do (`rejection.py`). Run: `pytest tests/unit/learning/training/test_rejection.py`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from learning.models.adapters import base_name
from learning.training.arguments import refuse
from learning.training.facts_made import MOST
from storage.errors import ConfigurationError

NOT_RECORDED = ("data", "out", "cache", "reward", "processes")
"""Where things are, and how many processes write; the manifest names data and reward model by hashes."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Everything that the snapshot depends on; its manifest has all but `NOT_RECORDED`."""

    data: Path
    """The snapshot whose questions are answered: those of its training part that people answered."""
    out: Path
    """Where the answers are kept and the new snapshot is written; the same command goes on in it."""
    reward: Path
    """The reward model that chooses."""
    model: str = "packaged"
    """The base, which answers: packaged, a Hugging Face id, a folder or a .gguf file."""
    cache: Path = Path("~/.cache/thumbprint")
    """The model cache."""
    questions: int = 0
    """At most so many questions, always the same ones first; 0 for all."""
    facts: int = 0
    """Made-up facts that are asked, too, of those whose prompts fit: there a rule chooses."""
    attempts: int = 8
    """Answers to each of them."""
    temperature: float = 0.8
    """At which they are drawn: that at which it serves, for what is learned colder says itself again."""
    longest: int = 768
    """The longest prompt in tokens; longer ones are left out."""
    max_answer: int = 192
    """The longest answer in tokens: of one that did not end by then the last whole block is its end."""
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
        if self.facts > MOST:
            raise ConfigurationError(f"The option facts is {self.facts}: at most {MOST} can be made up.")

    @property
    def recorded(self) -> dict[str, object]:
        """All but `NOT_RECORDED`, as plain JSON."""
        plain = {name: value for name, value in asdict(self).items() if name not in NOT_RECORDED}
        return {**plain, "model": base_name(self.model)}
