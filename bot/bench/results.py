"""The finished trials of a run on disk, and what tells them from those of another run.

What is left out: summing them up (`bot/bench/report.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from bot.bench.cache import end_line
from bot.bench.trial import Row
from bot.plan import Plan
from storage.errors import ConfigurationError


class OfOthers(ConfigurationError):
    """The trials that are kept were measured with other rules, questions, models, settings or code."""


class Results:
    """The finished trials, one JSON line each, after a first line that says what was measured."""

    def __init__(self, file: Path, fingerprint: str) -> None:
        """Raises OfOthers when the file holds trials of something else."""
        self._file = file
        self.trials: dict[tuple[str, int, str], list[Row]] = {}
        if not file.exists():
            file.write_text(json.dumps({"fingerprint": fingerprint}) + "\n", encoding="utf-8")
        end_line(file)
        lines = file.read_text(encoding="utf-8").splitlines()
        if json.loads(lines[0])["fingerprint"] != fingerprint:
            raise OfOthers(
                f"{file} holds trials of other rules, questions, models or settings: "
                "choose another folder with --out, or delete that file."
            )
        for line in lines[1:]:
            try:
                rows = [Row(**row) for row in json.loads(line)["rows"]]
            except json.JSONDecodeError:  # cut off by a kill
                continue
            self._note(rows)

    def add(self, rows: Sequence[Row]) -> None:
        """Keep a finished trial."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"rows": [row.as_json() for row in rows]}) + "\n")
        self._note(rows)

    def _note(self, rows: Sequence[Row]) -> None:
        first = rows[0]
        self.trials[(first.repository, first.seed, first.learner)] = list(rows)


def fingerprint(*parts: object) -> str:
    """Sixteen hex digits that follow from what is given: files by their bytes, all else by how it prints."""
    said = [part.read_bytes() if isinstance(part, Path) else repr(part).encode() for part in parts]
    return hashlib.sha256(b"\n".join(hashlib.sha256(one).digest() for one in said)).hexdigest()[:16]


def code(plan: Plan) -> str:
    """The code that decides what is asked, answered and learned: trials of two versions are not added up."""
    root = Path(__file__).parents[2]
    files = [*sorted((root / "learning" / "memory").glob("*.py")), root / "learning" / "prompt.py"]
    names = (
        "compose",
        "effects",
        "gfm",
        "lessons",
        "memory",
        "rerank",
        "rounds",
        "sanitise",
        "thread",
    )
    files += [root / "bot" / f"{name}.py" for name in names]
    files.append(root / "storage" / "rights.py")
    files += [root / "bot" / "bench" / f"{name}.py" for name in ("course", "learners", "maintainer", "trial")]
    return fingerprint(plan, *files)
