"""Whether the phrase memory is still obeyed: two runs of the small loop benchmark, as evidence for the gate.

The benchmark is the bot's (`thumbprint bench loop --small`), and this room may not import it:
`thumbprint gate` runs it with each policy on a model server, on the same exercises, and hands both over:

    {"format": "thumbprint-memory-evidence-1", "adapter": id, "deployed": id or "",
     "candidate": report.json, "serving": report.json}

Evidence of another adapter, of other exercises, or without figures is none. Left out: the benchmark itself.

    pytest tests/unit/learning/training/test_gate_memory.py
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.errors import DataError

FORMAT = "thumbprint-memory-evidence-1"
LEARNER = "all"
"""The learner that is the bot as it ships."""
FEWEST = 3
"""Fewer rules that were taught and looked at afterwards show nothing."""


@dataclass(frozen=True, kw_only=True)
class Obeyed:
    """One run: taught rules broken on unseen questions after all teaching, answers changed where no rule
    applies, answers changed in another repository. Shares; `looked_at` is of how many rules the first is.

    A rule that no answer broke while there was teaching was taught by nobody.
    """

    broken: float
    looked_at: int
    side_effects: float
    leakage: float


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The candidate's run beside the serving policy's."""

    candidate: Obeyed
    serving: Obeyed

    @property
    def found(self) -> str:
        """Both, in a few words."""
        return (
            f"{self.candidate.broken:.1%} of {self.candidate.looked_at} rules broken after they were taught, "
            f"{self.serving.broken:.1%} of {self.serving.looked_at} with the serving policy"
        )

    @property
    def worse(self) -> str:
        """In what the candidate is worse, in a few words; "" for nothing."""
        ours, theirs = self.candidate, self.serving
        if not all(map(math.isfinite, (ours.broken, ours.side_effects, ours.leakage, theirs.broken))):
            return "a figure of the benchmark is no number"
        if min(ours.looked_at, theirs.looked_at) < FEWEST:
            return f"the runs looked at {ours.looked_at} and {theirs.looked_at} rules that had been taught"
        if ours.leakage > 0:
            return "what one repository taught changed another's answers"
        if ours.broken > theirs.broken:
            return "taught rules are broken oftener"
        if ours.side_effects > theirs.side_effects:
            return "answers that no rule concerns change oftener"
        return ""


def read(file: Path, *, adapter: str, deployed: str) -> Memory:
    """The evidence for this adapter against that one. Raises DataError for any other, and for none."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise ValueError
        of = (str(told["adapter"]), str(told["deployed"]))
        made = Memory(candidate=_obeyed(told["candidate"]), serving=_obeyed(told["serving"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{file} holds no evidence about the phrase memory: `thumbprint gate` makes it."
        ) from error
    if of != (adapter, deployed):
        raise DataError(
            f"{file} is about adapter {of[0][:12] or 'none'} against {of[1][:12] or 'the base'}, not about "
            f"{adapter[:12]} against {deployed[:12] or 'the base'}: run the benchmark anew."
        )
    return made


def _obeyed(report: Mapping[str, Any]) -> Obeyed:
    found = report["overall"][LEARNER]
    broken = found["broken_taught"]
    return Obeyed(
        broken=float(broken["value"]),
        looked_at=int(broken["n"]),
        side_effects=float(found["side_effects"]["value"]),
        leakage=float(found["leakage"]["value"]),
    )
