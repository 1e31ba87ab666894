"""The options of DPO, KTO and RLOO, each with its sentence, and which of them do not go together. Pure.

Left out: what they do (`alternatives.py`).
Run: `pytest tests/unit/learning/training/test_alternatives.py`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from learning.models.adapters import base_name
from learning.training.alarms import Limits
from learning.training.arguments import refuse
from learning.training.sft_options import PRECISIONS
from storage.errors import ConfigurationError

Algorithm = Literal["dpo", "kto", "rloo"]
BETA = {"dpo": 5.0, "kto": 0.1, "rloo": 0.05}
"""What holds the policy to its reference. DPO's is that of a loss normalised by length (arXiv 2411.15124)."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Everything that a run depends on; saved whole in its adapter's manifest."""

    algorithm: Algorithm
    """dpo learns pairs, kto judged answers as they are, rloo the answers that it writes itself."""
    data: Path
    """The snapshot: rows of its training part are learned, of its validation part measured."""
    out: Path
    """The adapter's folder; beside it a hidden folder holds checkpoints until the adapter stands."""
    model: str = "packaged"
    """The base: packaged, a Hugging Face id, a folder or a .gguf file."""
    cache: Path = Path("~/.cache/thumbprint")
    """The model cache."""
    parent: Path | None = None
    """An adapter of ours to go on from, which is the reference too; without one the bare base is."""
    reward: Path | None = None
    """RLOO: the reward model's folder; or a Python function is handed to `run`."""
    rank: int = 16
    """The LoRA's rank, on every linear layer."""
    alpha: int = 32
    """The LoRA's scale times its rank."""
    learning_rate: float = 1e-5
    """Adam's step size at its highest, about ten times what full fine-tuning takes; falls along a cosine."""
    warmup: int = 5
    """Steps over which the step size rises to its highest."""
    epochs: float = 1.0
    """How often all rows, or all prompts, are learned from."""
    max_steps: int = 0
    """At most so many optimizer steps; 0 for as many as the epochs have."""
    batch: int = 4
    """Rows, or answers, that are read at once; KTO needs two or more."""
    accumulate: int = 4
    """Such batches an optimizer step."""
    longest: int = 768
    """Longest prompt and answer together, in tokens; longer rows are left out whole."""
    beta: float = 0.0
    """The weight of staying near the reference; 0 for the usual one: dpo 5, kto 0.1, rloo 0.05."""
    sft_weight: float = 1.0
    """DPO: the weight of the loss on the chosen answer itself, beside the preference's 1."""
    most_edited: float = 0.7
    """DPO: an edit that changed a larger share of the words is another answer, and is left out."""
    fewest: int = 8
    """KTO: at least so many good and so many bad answers must be there."""
    attempts: int = 4
    """RLOO: answers to each prompt, each judged against the mean of the others."""
    max_answer: int = 128
    """RLOO: the longest answer in tokens, its end among them."""
    temperature: float = 1.0
    """RLOO: answers are drawn from softmax(logits / temperature) over the whole vocabulary."""
    missing_eos: float = 0.3
    """RLOO: what an answer loses that does not end by itself."""
    validation: int = 64
    """DPO, KTO: at most so many held-out rows measure the loss before and after; 0 for none."""
    checkpoint_every: int = 25
    """Every so many steps a checkpoint is written; the last two are kept."""
    precision: str = "auto"
    """auto, bf16 (autocast; the adapter stays in float32) or fp32; auto takes bf16 where it is native."""
    threads: int = 0
    """Threads of the CPU; 0 leaves it to torch."""
    seed: int = 0
    """The LoRA's start, the rows' order and the answers follow from it."""
    limits: Limits = field(default_factory=Limits)
    """RLOO: where the alarms sound; without an independent reward the window and the fall are idle."""

    def settled(self) -> Options:
        """The same, with what 0 stands for put in its place."""
        return replace(self, beta=self.beta or BETA[self.algorithm])

    def check(self) -> None:
        """Raise ConfigurationError that names the first option that cannot be."""
        over = ("rank", "alpha", "learning_rate", "epochs", "batch", "accumulate", "checkpoint_every", "beta")
        for name in (*over, "most_edited", "fewest", "max_answer", "temperature"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"The option {name} is {getattr(self, name)}: it must be over 0.")
        for name in ("warmup", "max_steps", "validation", "threads", "sft_weight", "missing_eos"):
            if getattr(self, name) < 0:
                raise ConfigurationError(
                    f"The option {name} is {getattr(self, name)}: it must not be negative."
                )
        self.limits.check()
        refuse(self)
        if self.reward is not None and self.algorithm != "rloo":
            raise ConfigurationError(
                f"{self.algorithm.upper()} asks no reward model: leave --reward out, or choose rloo."
            )
        if self.longest < 16:
            raise ConfigurationError(f"The option longest is {self.longest}: give at least 16 tokens.")
        if self.precision not in PRECISIONS:
            raise ConfigurationError(f"The precision {self.precision!r} is none of {', '.join(PRECISIONS)}.")
        if self.algorithm == "kto" and self.batch < 2:
            raise ConfigurationError("KTO compares the answers of a batch: give --batch at least 2.")
        if self.algorithm == "rloo":
            self._check_attempts()

    def _check_attempts(self) -> None:
        written = self.batch * self.accumulate
        if self.attempts < 2 or written % self.attempts:
            raise ConfigurationError(
                f"{self.attempts} attempts do not go into the {written} answers of a step: RLOO needs two or "
                "more attempts, and --batch times --accumulate a multiple of them."
            )
        if self.max_answer >= self.longest:
            raise ConfigurationError(
                f"An answer of {self.max_answer} tokens leaves no room for a prompt in {self.longest}."
            )

    def recorded(self) -> dict[str, object]:
        """Every option as a manifest keeps it: of a folder its name, for paths differ between machines."""
        plain = {key: value for key, value in asdict(self).items() if key not in ("out", "cache")}
        plain["model"] = base_name(self.model)
        return {key: value.name if isinstance(value, Path) else value for key, value in plain.items()}
