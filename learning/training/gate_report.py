"""A gate's report on disk: gate.json, which promotion asks for, and gate.md, which people read.

Both are written when all is judged, gate.json last. What is read again is believed only whole: its hash fits,
and whether it passed follows from its checks, not from a word in the file. The hash shows damage and
mistakes, not forgery: whoever can write the folder can write the hash. Left out: the judgement itself.

    pytest tests/unit/learning/training/test_gate_report.py
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from learning.training import gate_rules
from learning.training.gate_rules import Check
from storage.errors import DataError, SetupError

FORMAT = "thumbprint-gate-1"
FILE, PAGE = "gate.json", "gate.md"


@dataclass(frozen=True, kw_only=True)
class GateReport:
    """The evidence for or against one promotion."""

    run: str
    """Follows from the adapters, the data, the options and the evidence."""
    adapter: str
    """The candidate's id, as its manifest says."""
    deployed: str
    """The id of the adapter that it is to replace; "" for the bare base."""
    checks: tuple[Check, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Both policies' figures, with intervals; null for what is no number."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Data, options, versions, faulty answers to canaries."""

    @property
    def passed(self) -> bool:
        """Whether every check is there and passed. Anything else is a no."""
        return gate_rules.passed(self.checks)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that did not pass."""
        return tuple(check.name for check in self.checks if not check.passed)

    @property
    def reason(self) -> str:
        """The verdict in a sentence."""
        if self.passed:
            return f"All {len(self.checks)} checks passed."
        failed = self.failed
        first = next((one.why or one.found for one in self.checks if not one.passed), "no check was made")
        return f"{len(failed)} of {len(self.checks)} checks failed ({', '.join(failed)}): {first}."


def write(report: GateReport, page: str, out: Path) -> None:
    """Write both files. Raises SetupError where they cannot be written; then gate.json is not there."""
    told = _plain({"format": FORMAT, "passed": report.passed, **asdict(report)})
    told["sha256"] = _hash(told)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in ((PAGE, page), (FILE, json.dumps(told, indent=1, allow_nan=False) + "\n")):
            half = out / f".{name}.part"
            with half.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            half.replace(out / name)
    except OSError as error:
        raise SetupError(
            f"The gate's report cannot be written to {out} ({error.strerror}): make room, and the same "
            "command goes on with the answers that are there."
        ) from error


def read(out: Path) -> GateReport | None:
    """The report in a folder, None where there is none. Raises DataError for one that is not as written."""
    file = out / FILE
    if not file.is_file():
        return None
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        stated, known = told.pop("sha256"), told.pop("format")
        if known != FORMAT or stated != _hash({"format": known, **told}):
            raise ValueError
        checks = tuple(Check(**check) for check in told.pop("checks"))
        said = told.pop("passed")
        report = GateReport(checks=checks, **told)
        if said != report.passed:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is damaged, or of another version: judge the adapter anew.") from error
    return report


def _hash(told: Mapping[str, Any]) -> str:
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """As JSON has it: keys are text, and no number is none."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
