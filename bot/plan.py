"""Plan: what one answer may spend and which mechanisms it uses. Pure.

Settings are the server's, `RepoConfig` the repository's; a Plan is the two together, and what
benchmarks vary. What is left out: reading either (`bot/settings.py`, `bot/config.py`).
Run: `thumbprint ask "How do I …?"` prints the plan's effect; `pytest tests/unit/bot/test_config.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.manner import manner_of
from bot.repo_config import EMPTY, RepoConfig
from bot.settings import Settings
from bot.trigger import DEFAULT_WORDS

ROUNDS = 3
"""Generations for one answer at most: the first, and two more that name what was wrong."""


@dataclass(frozen=True, kw_only=True)
class Mechanisms:
    """The switch of each way in which what was learned acts, so that each can be measured alone.

    prompt: chosen phrases and corrections stand in the prompt. regenerate: below `min_score` the
    policy is asked again, the violated phrases named. best_of_n: several candidates, the best is
    picked. bias: decoding biases. examples: nearest good and corrected answers stand in the prompt.
    repair: a lesson that no candidate kept is carried out on the text, or the bot abstains.
    """

    prompt: bool = True
    regenerate: bool = True
    best_of_n: bool = True
    bias: bool = True
    examples: bool = True
    repair: bool = True

    @classmethod
    def none(cls) -> Mechanisms:
        """No mechanism at all: the model as it was before anybody taught it, one candidate."""
        return cls(prompt=False, regenerate=False, best_of_n=False, bias=False, examples=False, repair=False)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one answer may spend. Tokens are the policy's, scores in [-1, 1]; `seed` varies every draw.

    `model` is another one than the server's own, or "", and `adapter` its id where it is a promoted one;
    `manner` are sentences of ours about how to answer; `word` is the one that asks, for hints.
    """

    mechanisms: Mechanisms = field(default_factory=Mechanisms)
    candidates: int = 4
    max_tokens: int = 160
    context_tokens: int = 1536
    phrase_tokens: int = 200
    example_tokens: int = 160
    temperature: float = 0.6
    top_p: float = 0.9
    min_score: float = 0.0
    floor: float = -0.5
    rounds: int = ROUNDS
    seed: int = 0
    model: str = ""
    adapter: str = ""
    manner: tuple[str, ...] = ()
    word: str = DEFAULT_WORDS[0]

    @property
    def lesson_tokens(self) -> int:
        """Most tokens of lessons in a prompt: `phrase_tokens`, or a quarter of a small context."""
        return min(self.phrase_tokens, self.context_tokens // 4)

    @property
    def n(self) -> int:
        """Candidates of one generation."""
        return self.candidates if self.mechanisms.best_of_n else 1


def plan_of(settings: Settings, config: RepoConfig | None = None) -> Plan:
    """The plan for one repository: its own choices where it made any, else the server's."""
    chosen = config or EMPTY
    return Plan(
        mechanisms=Mechanisms(
            prompt=settings.use_prompt,
            regenerate=settings.use_regenerate,
            best_of_n=settings.use_best_of_n,
            bias=settings.use_bias,
            examples=settings.use_examples,
            repair=settings.use_repair,
        ),
        candidates=settings.candidates if chosen.candidates is None else chosen.candidates,
        max_tokens=settings.max_tokens if chosen.max_tokens is None else chosen.max_tokens,
        context_tokens=settings.context_tokens,
        phrase_tokens=settings.phrase_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        min_score=settings.min_score if chosen.min_score is None else chosen.min_score,
        floor=settings.floor,
        model=chosen.model or "",
        manner=manner_of(chosen),
        word=(chosen.triggers or DEFAULT_WORDS)[0],
    )
