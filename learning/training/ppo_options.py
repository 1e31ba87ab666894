"""The options of PPO, each with its sentence, and which of them do not go together. Pure.

Left out: what they do (`ppo.py`). Run: `pytest tests/unit/learning/training/test_ppo_options.py`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from learning.models.adapters import base_name
from learning.training.alarms import Limits
from learning.training.ppo_batch import Shaping
from learning.training.ppo_update import Rules
from learning.training.roles import DTYPES
from storage.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Options:
    """Everything that a run of PPO depends on; saved whole beside what it makes."""

    model: Path
    """The base model's folder, as the server reads it."""
    data: Path
    """The snapshot whose prompts are answered: its training part, and its validation part for `val/*`."""
    out: Path
    """The run's folder: checkpoints, metrics, and the adapter at the end."""
    adapter: Path | None = None
    """The adapter to go on from, which is the reference too; without one the bare base is."""
    reward: Path | None = None
    """The reward model's folder; or a Python function is handed to `run`."""
    independent: Path | None = None
    """A reward model that does not train but is watched: the run stops when the two drift apart."""
    cache: Path = Path("~/.cache/thumbprint")
    """The model cache, where a reward model finds its encoder."""
    steps: int = 200
    """Batches of answers to learn from."""
    batch: int = 64
    """Answers a batch, over all processes together."""
    minibatch: int = 16
    """Answers an optimizer step; a batch is a whole number of them."""
    part: int = 4
    """Answers that are read at once, a process: what depends on it is memory and, with little padding, speed.
    A GPU reads `rollout` at once where there are no gradients."""
    rollout: int = 32
    """Answers that are written at once, a process."""
    epochs: int = 4
    """How often each batch is learned from."""
    learning_rate: float = 5e-5
    """Adam's step size at the start; it falls linearly to 0 over the run."""
    rank: int = 16
    """The LoRA's rank, when none is gone on from."""
    alpha: int = 32
    """The LoRA's scale times its rank, when none is gone on from."""
    temperature: float = 1.0
    """Answers are drawn from softmax(logits / temperature) over the whole vocabulary."""
    max_prompt: int = 512
    """The longest prompt in tokens; longer ones are left out."""
    max_answer: int = 128
    """The longest answer in tokens, its end among them."""
    clip: float = 0.2
    """How far the ratio of probabilities may leave 1 before its gradient stops."""
    value_clip: float = 0.2
    """How far a value may move from what it was before its gradient stops."""
    value_weight: float = 0.1
    """The value loss's weight beside the policy's."""
    max_gradient: float = 1.0
    """The longest gradient, by its norm; 0 for any."""
    discount: float = 1.0
    """How much a later reward counts, a token."""
    trace: float = 0.95
    """GAE's λ."""
    whiten_rewards: bool = False
    """Whether rewards are brought to variance 1 a batch, their mean kept."""
    kl_coefficient: float = 0.05
    """What a nat of KL costs at the start, in units of reward."""
    kl_target: float = 6.0
    """The KL in nats an answer that the coefficient steers to; 0 keeps the coefficient."""
    kl_horizon: int = 10_000
    """Over how many answers the coefficient may change by its largest factor."""
    missing_eos: float = 0.3
    """What an answer loses that does not end by itself; at 1.0 short answers are what is learned first."""
    sign_cost: float = 0.0
    """What an answer loses that has a sign (`learning/training/signs.py`): a link, a mention, an echo…"""
    facts: int = 0
    """Of each batch so many prompts are made-up facts, each in a thread: telling it earns 0.5, not telling it
    costs 0.5, whatever the reward would say."""
    shortest: int = 8
    """Under so many tokens an answer is too short."""
    longest: int = 128
    """Over so many tokens an answer is too long; between the two its length costs nothing."""
    length_cost: float = 0.02
    """What each token too few or too many costs."""
    length_cost_most: float = 1.0
    """The most that length may cost."""
    validate_every: int = 10
    """Every so many steps the validation prompts are answered; 0 for never."""
    validation: int = 32
    """How many validation prompts are answered."""
    checkpoint_every: int = 10
    """Every so many steps a checkpoint is written; the last two are kept."""
    seed: int = 0
    """All randomness follows from it: the LoRA's start, the prompts' order, the answers."""
    dtype: str = "float32"
    """The backbone's numbers: float32, or bfloat16 on a GPU; the LoRA and all sums are float32."""
    cpu: bool = False
    """Whether to compute on the CPU though there is a GPU."""
    limits: Limits = field(default_factory=Limits)
    """Where the alarms sound."""

    def check(self) -> None:
        """Raise ConfigurationError that names the first options that do not go together."""
        if self.minibatch < 1 or self.batch < 1 or self.batch % self.minibatch:
            raise ConfigurationError(
                f"A batch of {self.batch} answers is no whole number of minibatches of {self.minibatch}: "
                "choose two of which one divides the other."
            )
        if self.kl_target and self.kl_horizon < self.batch:
            raise ConfigurationError(
                f"The KL horizon of {self.kl_horizon} answers is shorter than the batch of {self.batch}."
            )
        if not 0 <= self.facts < self.batch:
            raise ConfigurationError(
                f"Of a batch of {self.batch} answers {self.facts} cannot be to made-up facts: choose 0 to "
                f"{self.batch - 1}."
            )
        if self.shortest > self.longest:
            raise ConfigurationError(
                f"Answers cannot have at least {self.shortest} and at most {self.longest} tokens."
            )
        if self.kl_target and not self.kl_coefficient:
            raise ConfigurationError(
                f"A KL coefficient of 0 stays 0 whatever the KL target of {self.kl_target:g} nats: give "
                "--kl-target 0, too, or a coefficient over 0."
            )
        self._check_each()
        self.limits.check()
        if self.dtype not in DTYPES:
            raise ConfigurationError(f"The dtype {self.dtype!r} is none of {', '.join(DTYPES)}.")

    def _check_each(self) -> None:
        positive = ("steps", "part", "rollout", "epochs", "max_answer", "max_prompt", "checkpoint_every")
        for name in (*positive, "temperature", "learning_rate", "rank", "alpha", "clip", "value_clip"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"The option {name} is {getattr(self, name)}: it must be over 0.")
        costs = ("kl_coefficient", "kl_target", "missing_eos", "sign_cost", "length_cost", "length_cost_most")
        for name in (*costs, "value_weight", "max_gradient", "validate_every", "validation"):
            if not getattr(self, name) >= 0:
                raise ConfigurationError(
                    f"The option {name} is {getattr(self, name)}: it must not be negative."
                )
        for name in ("discount", "trace"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"The option {name} is {getattr(self, name)}: it is from 0 to 1.")

    @property
    def recorded(self) -> dict[str, Any]:
        """All but the folders of this machine alone, as plain JSON; other folders by their names."""
        plain = {
            name: value.name if isinstance(value, Path) else value for name, value in asdict(self).items()
        }
        plain["model"] = base_name(self.model)
        return {name: value for name, value in plain.items() if name not in ("out", "cache")}

    @property
    def rules(self) -> Rules:
        """How to learn from a batch."""
        names = ("seed", "epochs", "minibatch", "part", "temperature", "clip", "value_clip")
        rest = ("value_weight", "max_gradient")
        return Rules(**{name: getattr(self, name) for name in (*names, *rest)})

    @property
    def shaping(self) -> Shaping:
        """How scores become rewards."""
        return Shaping(
            shortest=self.shortest,
            longest=self.longest,
            per_token=self.length_cost,
            most=self.length_cost_most,
            missing_eos=self.missing_eos,
            sign_cost=self.sign_cost,
            whiten_rewards=self.whiten_rewards,
            discount=self.discount,
            trace=self.trace,
        )
