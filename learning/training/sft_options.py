"""The options of supervised fine-tuning, each with its sentence. Pure.

Left out: what they do (`sft.py`). Run: `pytest tests/unit/learning/training/test_sft.py`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from learning.models.adapters import base_name
from learning.training.arguments import refuse
from storage.errors import ConfigurationError

PRECISIONS = ("auto", "bf16", "fp32")
NOT_RECORDED = ("out", "cache", "cpu")
"""Where things are, and on what it is computed: no part of what is computed."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Everything that a run of supervised fine-tuning depends on; its manifest has all but `NOT_RECORDED`."""

    data: Path
    """The snapshot: demonstrations of its training part are learned, of its validation part measured."""
    out: Path
    """The adapter's folder; beside it a hidden folder holds checkpoints until the adapter stands."""
    model: str = "packaged"
    """The base: packaged, a Hugging Face id, a folder or a .gguf file."""
    cache: Path = Path("~/.cache/thumbprint")
    """The model cache."""
    parent: Path | None = None
    """An adapter of ours to go on from, with its rank; without one a new LoRA on the bare base."""
    rank: int = 16
    """The LoRA's rank, on every linear layer."""
    alpha: int = 32
    """The LoRA's scale times its rank."""
    dropout: float = 0.1
    """The LoRA's dropout."""
    learning_rate: float = 1e-4
    """Adam's step size at its highest; it falls to 0 along a cosine."""
    warmup: int = 10
    """Steps over which the step size rises to its highest; no more than a tenth of all."""
    epochs: float = 2.0
    """How often all demonstrations are learned from."""
    max_steps: int = 0
    """At most so many optimizer steps; 0 for as many as the epochs have."""
    batch: int = 4
    """Demonstrations that are read at once."""
    accumulate: int = 4
    """Such batches an optimizer step, of all processes together."""
    longest: int = 768
    """Longest prompt and answer together, in tokens; longer rows are left out whole."""
    validation: int = 128
    """At most so many held-out demonstrations measure the loss before and after; 0 for none."""
    checkpoint_every: int = 25
    """Every so many steps a checkpoint is written; the last two are kept."""
    precision: str = "auto"
    """auto, bf16 (autocast; the adapter stays in float32) or fp32; auto takes bf16 where it is native."""
    threads: int = 0
    """Threads of the CPU; 0 leaves it to torch."""
    cpu: bool = False
    """Whether to compute on the CPU though there is a GPU."""
    seed: int = 0
    """The LoRA's start, the rows' order and dropout follow from it."""
    paraphraser: Path | None = None
    """A folder with a T5 that rewords questions; without one none are reworded."""
    paraphrases: int = 1
    """How many rewordings of each question are added, where there is a paraphraser."""

    def check(self) -> None:
        """Raise ConfigurationError that names the first option that cannot be."""
        for name in ("rank", "alpha", "learning_rate", "epochs", "batch", "accumulate", "checkpoint_every"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"The option {name} is {getattr(self, name)}: it must be over 0.")
        for name in ("warmup", "max_steps", "validation", "threads", "paraphrases"):
            if getattr(self, name) < 0:
                raise ConfigurationError(
                    f"The option {name} is {getattr(self, name)}: it must not be negative."
                )
        refuse(self)
        if not 0 <= self.dropout < 1:
            raise ConfigurationError(f"The option dropout is {self.dropout}: it must be from 0 to under 1.")
        if self.longest < 16:
            raise ConfigurationError(f"The option longest is {self.longest}: give at least 16 tokens.")
        if self.precision not in PRECISIONS:
            raise ConfigurationError(f"The precision {self.precision!r} is none of {', '.join(PRECISIONS)}.")

    def recorded(self) -> dict[str, object]:
        """Options as a manifest keeps them: of a folder its name, for paths differ between machines."""
        plain = {key: value for key, value in asdict(self).items() if key not in NOT_RECORDED}
        plain["model"] = base_name(self.model)
        return {key: value.name if isinstance(value, Path) else value for key, value in plain.items()}


def by_steps(
    *,
    data: Path,
    out: Path,
    model: str,
    cache: Path,
    rank: int,
    learning_rate: float,
    steps: int,
    batch: int,
    longest: int = 768,
    seed: int = 0,
    threads: int = 0,
) -> Options:
    """A drill's: so many steps over and over a few rows, all of them learned, none measured."""
    return Options(
        data=data,
        out=out,
        model=model,
        cache=cache,
        rank=rank,
        alpha=2 * rank,
        dropout=0.0,
        learning_rate=learning_rate,
        warmup=2,
        epochs=1000,
        max_steps=steps,
        batch=batch,
        accumulate=1,
        longest=longest,
        validation=0,
        seed=seed,
        threads=threads,
    )
