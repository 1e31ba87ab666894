"""The options of making what ships, each with its sentence. Pure, but for the hash of the reward model.

Left out: what they lead to (`learning/training/shipped.py`).
Run: `pytest tests/unit/learning/training/test_shipped.py`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from learning.models import store
from learning.models.adapters import base_name
from learning.training.night_told import SHIPPED
from storage.errors import ConfigurationError

PLACES = ("data", "out", "cache", "reward", "until", "processes")
"""Where things are, and how far and in how many processes to go: no part of what is made."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that the adapter depends on; the defaults are those of the one that ships."""

    data: Path
    """A folder of published questions, as `thumbprint corpus build` reads it."""
    out: Path
    """The folder of all that is made; the same command goes on in it."""
    until: Literal["snapshot", "best", "sft", "independent", "ppo", "evaluation", "card"] = "card"
    """The last stage of this run."""
    model: str = "packaged"
    """The base: packaged, a Hugging Face id, a folder or a .gguf file."""
    encoder: str = "packaged"
    """The encoder of the metrics."""
    judge: str = "all-mpnet-base-v2"
    """The independent reward's encoder: another one than the reward model's, for what one encoder does not
    see, no head on it sees."""
    judge_length: float = 0.25
    """The most that the independent reward's gaps may go along with length; 1: no limit."""
    judge_questions: int = 2000
    """So many questions of the training part fit its head; 0 for all."""
    reward: Path = SHIPPED
    """The reward model that chooses among the base's own answers and that PPO climbs."""
    cache: Path = Path("~/.cache/thumbprint")
    """The model cache."""
    rank: int = 8
    """The LoRA's rank."""
    max_prompt: int = 320
    """The longest prompt in tokens."""
    sft_rate: float = 3e-4
    """The highest step size of fine-tuning."""
    sft_epochs: float = 2.0
    """How often it reads each demonstration."""
    sft_steps: int = 0
    """At most so many steps of fine-tuning; 0 for all."""
    asked: int = 512
    """Questions of which the base's own best answer is looked for."""
    facts: int = 320
    """Made-up facts of which one of its answers is looked for that tells it."""
    drafts: int = 4
    """Its answers to each of both."""
    steps: int = 48
    """Batches of answers that PPO learns from."""
    batch: int = 32
    """Answers a batch, a quarter of them an optimizer step."""
    batch_facts: int = 6
    """Of a batch so many are to made-up facts."""
    epochs: int = 2
    """How often each batch is learned from."""
    rate: float = 2e-4
    """PPO's step size."""
    sign_cost: float = 0.5
    """What an answer loses with a link, a mention, the question said again or another sign."""
    missing_eos: float = 1.0
    """What an answer loses that does not end by itself: half of what rewards span, for 0.5 left 3.4 %."""
    max_answer: int = 160
    """The longest answer in tokens, of the base's own and in PPO."""
    precision: Literal["bf16", "fp32"] = "bf16"
    """The numbers of PPO's backbone and of the encoder while the independent reward is made."""
    questions: int = 500
    """Unseen questions that the policies answer."""
    attempts: int = 3
    """Answers to each of them in each seed."""
    seeds: int = 3
    """How often all are asked."""
    best_of: int = 4
    """Of so many answers the reward chooses one, as a system of its own; 0 for none."""
    seed: int = 0
    """All randomness follows from it."""
    threads: int = 0
    """Threads of the CPU; 0 leaves it to torch."""
    processes: int = 1
    """Processes that write the base's own and the evaluation's answers."""

    def check(self) -> None:
        """Raise ConfigurationError for what the last stages would refuse, hours later."""
        if not 0 <= self.batch_facts < self.batch:
            raise ConfigurationError(
                f"Of a batch of {self.batch} answers {self.batch_facts} cannot be to made-up facts: choose 0 "
                f"to {self.batch - 1}."
            )

    @property
    def recorded(self) -> dict[str, Any]:
        """All but `PLACES`, as plain JSON; of a folder its name."""
        plain = {name: value for name, value in asdict(self).items() if name not in PLACES}
        return {
            **plain,
            "model": base_name(self.model),
            "reward": store.sha256_of(self.reward / store.MANIFEST),
        }
