"""The options of an evaluation, each with its sentence, and the systems that they name. Pure.

Left out: what they do (`learning/training/evaluate.py`).
Run: `pytest tests/unit/learning/training/test_evaluate.py`.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from learning.models.adapters import base_name
from learning.training.answers import Sampling
from learning.training.evaluate_figures import BASE
from learning.training.rows import Split
from storage.errors import ConfigurationError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+_.-]{0,39}")
NOT_RECORDED = ("out", "cache", "threads", "processes")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Everything that an evaluation depends on; saved whole beside what it finds."""

    data: Path
    """A snapshot, or a folder of published questions as `thumbprint corpus build` reads them."""
    out: Path
    """The folder of the report; a killed run goes on in it."""
    model: str = "packaged"
    """The base: `packaged`, a folder, a .gguf file or a Hugging Face id."""
    adapter: tuple[str, ...] = ()
    """A system as NAME=FOLDER of an adapter, repeatable; targets are about the names `sft` and `ppo`. A name
    given again is the same method trained with another seed: its n-th folder answers in the n-th seed."""
    deployed: str = BASE
    """The name of the system that serves now."""
    reward: Path | None = None
    """The folder of the reward model that trained; without one there is no best of n."""
    independent: Path | None = None
    """The folder of a reward model that trained nothing."""
    encoder: str = "packaged"
    """The encoder of BERTScore."""
    part: Literal["test", "validation", "train", "all"] = "test"
    """Which part of the data is asked; `all` for data that nobody trained on."""
    questions: int = 0
    """How many are asked, by chance but always the same; 0 for all."""
    attempts: int = 3
    """Answers to each question in each seed."""
    best_of: int = 4
    """Of so many answers the training reward chooses one, as a system of its own; 0 for none."""
    seeds: int = 3
    """How often all is asked, each time with other random numbers."""
    seed: int = 0
    """The first of them."""
    max_prompt: int = 512
    """The longest prompt in tokens; longer ones are left out."""
    threads: int = 0
    """Of torch; 0 leaves its own choice."""
    processes: int = 1
    """Processes that write answers side by side, each with a policy in memory and on one thread."""
    cache: Path = Path("~/.cache/thumbprint")
    """The model cache."""
    sampling: Sampling = field(default_factory=Sampling)
    """How answers are drawn."""

    def check(self) -> None:
        """Raise ConfigurationError that names the first options that do not go together."""
        self.sampling.check()
        for name in ("attempts", "seeds", "max_prompt", "processes"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"The option {name} is {getattr(self, name)}: it must be over 0.")
        for name in ("questions", "best_of"):
            if getattr(self, name) < 0:
                raise ConfigurationError(
                    f"The option {name} is {getattr(self, name)}: it cannot be negative."
                )
        for name, folders in self.systems.items():
            if len(folders) > self.seeds:
                raise ConfigurationError(
                    f"The system {name} has {len(folders)} adapters, a seed each, but there are {self.seeds} "
                    f"seeds: give --seeds {len(folders)}, or fewer adapters."
                )
        if self.deployed not in self.systems:
            raise ConfigurationError(
                f"The deployed system {self.deployed} is none of {', '.join(self.systems)}: name its folder "
                f"with --adapter {self.deployed}=FOLDER."
            )

    @property
    def systems(self) -> dict[str, tuple[Path | None, ...]]:
        """The adapters by name, the bare base first. Raises ConfigurationError for what is no NAME=FOLDER."""
        found: dict[str, tuple[Path | None, ...]] = {BASE: (None,)}
        for given in self.adapter:
            name, equals, folder = given.partition("=")
            if not (equals and folder and NAME.fullmatch(name)) or name == BASE:
                raise ConfigurationError(
                    f"The option adapter is {given!r}: give NAME=FOLDER, the name of letters, digits and "
                    f"+_.-, and not {BASE}."
                )
            found[name] = (*found.get(name, ()), Path(folder).expanduser())
        return found

    @property
    def split(self) -> Split | None:
        """The part that is asked, None for all."""
        return None if self.part == "all" else Split(self.part)

    @property
    def candidates(self) -> int:
        """Answers that every system writes to a question in a seed: all of one batch."""
        return max(self.attempts, self.chosen_of)

    @property
    def chosen_of(self) -> int:
        """Of how many the best is kept; 0 where there is no reward to choose by."""
        return self.best_of if self.reward is not None else 0

    @property
    def recorded(self) -> dict[str, Any]:
        """All but this machine's folders, as plain JSON; other folders by their names."""
        plain = {
            name: value.name if isinstance(value, Path) else value for name, value in asdict(self).items()
        }
        names = [
            f"{name}={Path(folder).name}" for name, _, folder in (a.partition("=") for a in self.adapter)
        ]
        kept = {name: value for name, value in plain.items() if name not in NOT_RECORDED}
        model = base_name(self.model)
        return {**kept, "adapter": names, "model": model}
