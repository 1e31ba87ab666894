"""The options of a night, each with its sentence: what the stages' own options are made of. Pure.

Only what an operator has reason to choose; every other option of a stage keeps its default, and all of them
stand in the manifest of what the stage writes. Left out: what the stages do (`learning/training/retrain.py`).
Run: `pytest tests/unit/learning/training/test_retrain.py`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from learning.models.adapters import base_name
from learning.training.arguments import flags
from learning.training.launched import words
from storage.errors import ConfigurationError

PLACES = ("data", "out", "cache", "deployed", "memory", "benchmark", "until", "threads", "launcher")
"""Where things are on this machine, what serves there now, in how many processes and how far to go: no part
of what is trained."""
STEP = 16
"""Demonstrations a step of fine-tuning."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that a night's adapter depends on."""

    data: Path
    """The snapshot of one scope (`thumbprint export`)."""
    out: Path
    """The night's folder; the same night, killed or failed before, goes on in it."""
    model: str = "packaged"
    """The base: packaged, a Hugging Face id, a folder or a .gguf file."""
    encoder: str = "packaged"
    """The encoder of the reward model and of the metrics."""
    cache: Path = Path("~/.cache/thumbprint")
    """The model cache."""
    deployed: Path | None = None
    """The adapter that serves now, which the new one is compared with; without one the bare base serves."""
    parent: Path | None = None
    """An adapter that fine-tuning goes on from; without one it begins at the bare base."""
    reward_parent: Path | None = None
    """A reward model that learns on; without one the shipped one does, if the encoder is the packaged one
    and its way the usual one; else it begins at the encoder."""
    independent: Path | None = None
    """A reward model that trains nothing and judges; else a head on the bare encoder is made, anew."""
    memory: Path | None = None
    """Evidence that the phrase memory is still obeyed, as `thumbprint gate` makes it; without it the gate
    stays shut."""
    benchmark: bool = True
    """Whether that evidence is made, by the small measured loop with both policies."""
    until: Literal["evaluate", "gate"] = "gate"
    """The last stage of this process: the evidence for the gate is made outside of it."""
    corpus: Path | None = None
    """A snapshot of published questions that is learned along, and rehearsed by a reward model that learns
    on; never with a private repository's."""
    corpus_questions: int = 500
    """At most so many questions of the corpus are learned along; 0 for all."""
    least: int = 50
    """So many threads whose answers were corrected or judged are needed in the training part."""
    rank: int = 16
    """The LoRA's rank, where no adapter is gone on from."""
    sft_epochs: float = 2.0
    """How often each demonstration is learned from."""
    sft_steps: int = 0
    """At most so many steps of fine-tuning; 0 for as many as the epochs have."""
    sft_rate: float = 1e-4
    """The highest step size of fine-tuning."""
    sft_batch: int = 4
    """Demonstrations that fine-tuning reads at once; 16 make a step."""
    reward_loss: Literal["usual", "triplet", "ranking", "pairwise", "none"] = "usual"
    """How the reward's encoder is trained; none leaves it as it comes. usual: none where an earlier model
    learns on, whose head the new one is held to, else triplet."""
    reward_surface: bool = False
    """Whether the reward's head also counts how an answer is made, where it begins at the encoder; an earlier
    model has its own way."""
    reward_length_limit: float = 0.0
    """The most that the reward's head may go along with length, 1: no limit; 0: the shipped model's own
    where that one learns on, else no limit."""
    reward_epochs: float = 1.0
    """How often the reward's encoder sees each triplet."""
    steps: int = 200
    """Batches of answers that PPO learns from."""
    batch: int = 64
    """Answers a batch."""
    minibatch: int = 16
    """Answers an optimizer step of PPO."""
    ppo_epochs: int = 4
    """How often PPO learns from each batch."""
    max_prompt: int = 768
    """The longest prompt in tokens, in fine-tuning together with its answer; longer ones are left out."""
    max_answer: int = 128
    """The longest answer in tokens."""
    checkpoint_every: int = 10
    """Every so many steps fine-tuning and PPO write a checkpoint."""
    questions: int = 500
    """At most so many questions that nothing was learned from judge the result."""
    attempts: int = 3
    """Answers to each of them, of each policy, in each of the evaluation's seeds."""
    seeds: int = 1
    """How often the evaluation asks all of them."""
    best_of: int = 4
    """Of so many answers of the base the reward chooses one, for comparison; 0 for none."""
    seed: int = 0
    """All randomness follows from it."""
    threads: int = 0
    """Threads of the CPU; 0 leaves it to torch."""
    launcher: str = ""
    """What starts fine-tuning and PPO in many processes, such as `accelerate launch --num_processes 4`;
    without one they are part of the night's own process."""
    cpu: bool = False
    """Whether to compute on the CPU though there is a GPU."""

    def check(self) -> None:
        """Raise ConfigurationError that names the first option that cannot be; stages check their own."""
        words(self.launcher)
        for name in ("least", "sft_batch", "steps", "batch", "questions", "attempts"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"The option {name} is {getattr(self, name)}: it must be over 0.")
        if STEP % self.sft_batch:
            raise ConfigurationError(
                f"The option sft_batch is {self.sft_batch}: {STEP} must be a multiple of it."
            )
        if not 0 <= self.reward_length_limit <= 1:
            raise ConfigurationError(
                f"The option reward_length_limit is {self.reward_length_limit}: it must be from 0 to 1."
            )

    @property
    def recorded(self) -> dict[str, object]:
        """All but `PLACES`, as plain JSON: of a folder its name, for paths differ between machines."""
        plain = {name: value for name, value in dataclasses.asdict(self).items() if name not in PLACES}
        plain["model"] = base_name(self.model)
        return {name: value.name if isinstance(value, Path) else value for name, value in plain.items()}

    def name(self, snapshot: str) -> str:
        """The night's own name: the same data under the same options is the same night."""
        text = json.dumps([snapshot, self.recorded], sort_keys=True)
        return f"night-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def flags(self) -> list[str]:
        """The command line that says all of this to `python -m learning.training.retrain`."""
        return flags(self)
