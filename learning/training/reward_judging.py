"""Questions under a reward model: every answer scored, and every adversarial kind beside the best real one.

Left out: which questions, and what follows from the scores (`reward_report.py`, `reward_figures.py`).
Run: pytest tests/unit/learning/training/test_reward.py
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.progress import Progress

from learning.training.negatives import Negative, negatives
from learning.training.reward_data import Ranked
from learning.training.reward_figures import Judgement
from learning.training.reward_model import RewardModel

BATCH = 64
"""Questions between two steps of the progress bar."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A question under the whole reward, and under the network alone."""

    whole: Judgement
    network: Judgement


def judged(model: RewardModel, questions: Sequence[Ranked], progress: Progress, name: str) -> Iterator[Seen]:
    """Every answer of every question, scored. `name` says which of several models it was."""
    batches = [questions[at : at + BATCH] for at in range(0, len(questions), BATCH)]
    for batch in progress.track(batches, description=f"model {name}".strip()):
        asked = [one.question for one in batch for _ in one.answers]
        scored = iter(model.explain(asked, [text for one in batch for text in one.answers]))
        for one in batch:
            mine = [next(scored) for _ in one.answers]
            whole = Judgement(
                rewards=tuple(each.reward for each in mine),
                words=tuple(len(text.split()) for text in one.answers),
                pairs=one.pairs,
                values=one.values,
                source=one.source.value,
                key=one.key,
                model=name,
            )
            network = dataclasses.replace(whole, rewards=tuple(each.network for each in mine))
            yield Seen(whole=whole, network=network)


def adversarial(
    model: RewardModel, questions: Sequence[Ranked], progress: Progress
) -> list[tuple[Negative, float]]:
    """How much more than each kind the best real answer has. Nobody tells which ended by themselves."""
    gaps = []
    for turn, one in enumerate(progress.track(questions, description="adversarial answers")):
        other = questions[(turn + 1) % len(questions)]
        best = one.answers[one.pairs[0][0]]
        stranger = other.answers[other.pairs[0][0]] if other is not one else ""
        made = negatives(one.question, best, stranger, turn)
        real, *rest = model.score([one.question] * (1 + len(made)), [best, *made.values()])
        gaps += [(kind, real - reward) for kind, reward in zip(made, rest, strict=True)]
    return gaps
