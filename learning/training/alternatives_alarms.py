"""PPO's alarms over RLOO: what the answers that it writes are like, counted where they are judged.

TRL's trainer keeps the figures of each step in its history, which a checkpoint holds: a run that goes on
knows what was seen before. Left out: the independent reward, which RLOO has none of; DPO and KTO, which write
nothing. The limits are those of `alarms.py`.
Run: `pytest tests/unit/learning/training/test_alternatives.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import TrainerCallback

from learning.training import alarms
from learning.training.alarms import Alarms, Limits, Seen
from storage.errors import TrainingError

RATES = ("yes_no", "echo", "distinct", "never_ends")
FIGURES = tuple(f"alarms/{name}" for name in RATES)


def rates(questions: Sequence[str], answers: Sequence[str], ended: Sequence[bool]) -> dict[str, float]:
    """The figures of a batch of answers, under the names that the trainer's history has them by."""
    found = (
        alarms.yes_no_rate(answers),
        alarms.echo_rate(questions, answers),
        alarms.distinct(answers),
        1 - sum(ended) / len(ended),
    )
    return dict(zip(FIGURES, found, strict=True))


class Sentry(TrainerCallback):
    """Stops a run by TrainingError, in the words of PPO's, at the step in which an alarm sounds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Look at the step that ended, after all before it and before anything of it is kept."""
        if FIGURES[0] not in state.log_history[-1]:
            return
        *before, now = [_seen(entry) for entry in state.log_history if FIGURES[0] in entry]
        reason = Alarms(self._limits, before).look(now)
        if reason is not None:
            raise TrainingError(
                f"Stopped after step {state.global_step} of {state.max_steps}: {reason} No adapter was "
                f"written; checkpoints are in {args.output_dir}."
            )


def _seen(entry: Mapping[str, float]) -> Seen:
    """A step's figures. TRL's KL is a token's, and an alarm's an answer's."""
    return Seen(
        kl=entry["kl"] * entry["completions/mean_length"],
        reward=entry["reward"],
        **{name: entry[figure] for name, figure in zip(RATES, FIGURES, strict=True)},
    )
