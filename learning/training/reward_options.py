"""The options of a reward model's training, each with its sentence. Pure.

Left out: what they lead to (`learning/training/reward.py`).
Run: `pytest tests/unit/learning/training/test_reward.py`.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from learning.training.arguments import refuse
from learning.training.reward_data import Pairing
from learning.training.reward_encoder import Tuning
from learning.training.reward_model import CACHE, Reading
from learning.training.reward_terms import Bounds
from storage.errors import ConfigurationError

NOT_RECORDED = ("out", "cache", "vectors", "threads", "device")
"""Where and on what it is computed: no part of what is computed."""
FEWEST_TOKENS = 16
"""A shorter window reads hardly more than the marks around a text."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a reward model is trained on, and how. Kept whole in its manifest."""

    data: Path
    """A snapshot, or a folder of ranked or voted questions."""
    out: Path
    """The folder of the model; the same command goes on where a killed one stopped."""
    encoder: str = "packaged"
    """`packaged`, a packaged model's name, a Hugging Face id or a folder with safetensors."""
    start: Path | None = None
    """A reward model that learns on; its encoder and reading take the place of `encoder` and `reading`."""
    rehearse: Path | None = None
    """Data that is mixed in, as many questions as there are new ones, so that it is not forgotten."""
    tuning: Tuning = field(default_factory=Tuning)
    """How the encoder is trained."""
    reading: Reading = field(default_factory=Reading)
    """How texts become vectors."""
    bounds: Bounds = field(default_factory=Bounds)
    """Of the reward's terms."""
    pairing: Pairing = "extremes"
    """Of ranked data: the best against the worst, or every pair of unequal answers."""
    most_pairs: int = 3
    """Of one question: no thread teaches more than another."""
    adversarial: float = 0.5
    """Adversarial triplets a question for the encoder; for the head their weight beside the real pairs' 1."""
    hard: bool = False
    """Whether another question's answer, among them, is that of the question most like it, as the encoder
    reads questions before it is trained; else the next question's. Not measured yet."""
    head: bool = True
    """Whether a head is fitted; without one the reward is the calibrated cosine or dot."""
    penalty: float = 0.0
    """Holds the head's parameters to zero, or to the earlier model's; 0 chooses it on the validation part."""
    length_limit: float = 1.0
    """The most that the head's gaps may correlate with how much longer the better answer is; 1: no limit.
    Not where the better answers are longer throughout: there is nothing else to learn from then."""
    most_questions: int = 0
    """Train on no more than these many, drawn by the seed; 0 for all."""
    fold: int = 0
    """Of a folder of questions: which tenth is the test part, 0 to 9. A snapshot brings its own parts."""
    vectors: Path | None = None
    """A folder in which the vectors of an encoder that stays as it is are kept for other runs, too."""
    threads: int = 0
    """Of torch; 0 leaves its own choice."""
    device: str = "cpu"
    """Where the encoder computes: cpu, cuda, or mps."""
    cache: Path = CACHE
    """Of downloaded models."""

    def check(self) -> None:
        """Raise ConfigurationError that names the first option that cannot be."""
        least = ("adversarial", "penalty", "length_limit", "most_questions", "threads")
        refuse(self, over=("most_pairs",), least=least)
        over = ("epochs", "batch", "rate", "head_rate", "layer_decay", "checkpoint_steps", "margin")
        refuse(self.tuning, over=over, least=("frozen_layers",))
        refuse_window(self.reading.longest_tokens)
        self.bounds.check()

    def recorded(self) -> dict[str, Any]:
        """As the manifest keeps them: of a folder its name, for paths differ between machines."""
        found = json.loads(json.dumps(dataclasses.asdict(self), default=lambda path: path.name))
        if Path(self.encoder).exists():
            found["encoder"] = Path(self.encoder).name
        return {name: value for name, value in found.items() if name not in NOT_RECORDED}


def refuse_window(longest_tokens: int) -> None:
    """Raise ConfigurationError for a window in which no text can be read."""
    if longest_tokens < FEWEST_TOKENS:
        raise ConfigurationError(
            f"The option longest_tokens is {longest_tokens}: give at least {FEWEST_TOKENS} tokens."
        )
