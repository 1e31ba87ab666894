"""A night: export → `learning/training/retrain.py` in a process of its own → promotion, and a row of it.

    runs = Night(settings, database).carry_out()

What is between runs and rows is here. Whatever ends a night, the next one goes on with what is open: its
row says `running`, its folder which stages are whole. Too little data is no error. Any error ends in a row
that is `failed`, promotes nothing and leaves what was made, so that the same data goes on from there. Left
out: when a night begins by itself (`bot/night_clock.py`), what is learned (`learning/training/retrain.py`).
Run: `pytest tests/unit/bot/test_night.py tests/integration/test_night_killed.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from traceback import format_exc
from typing import Any

import structlog

from bot import night_lock
from bot.night_ends import deployed, evidence_of, promote, snapshots
from bot.night_recipe import begun_with, recipe_of
from bot.night_training import train
from bot.settings import Settings
from learning.training import night_data, night_journal, night_report
from learning.training.export import SHARED
from learning.training.night_journal import BEGUN
from learning.training.night_options import Recipe
from learning.training.snapshot import Snapshot
from storage.database import Database
from storage.errors import ConfigurationError, ThumbprintError
from storage.records import Repository, Run, RunStatus

TRIES = 5
"""So often in a row may a night be killed before its next stage is whole; then it has failed."""
NO_OPT_IN = "No repository has opted in to training: there is nothing to learn from."

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked of a night beside the settings: more options; a snapshot, or one repository's rows, to
    learn from; whether it ends when what started it ends, and whether it begins where nothing is open."""

    options: Sequence[str] = ()
    data: Path | None = None
    repository: Repository | None = None
    with_parent: bool = False
    begins: bool = True

    @property
    def said(self) -> list[str]:
        """Whatever was asked for, in words that another command is compared by; none by the clock."""
        data = [f"--data={self.data.expanduser().absolute()}"] if self.data is not None else []
        return [*self.options, *data, *([f"--repo={self.repository.id}"] if self.repository else [])]


class Orphaned(BaseException):
    """What started this night is gone: it is left as a kill leaves it. No Exception, for it is no failure."""


class Night:
    """One carrying out. `point` is called by name around each step, for those who want to kill it there."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        wanted: Wanted = Wanted(),
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        training: Callable[..., str] = train,
        evidence: Callable[[Settings, Recipe], Path] = evidence_of,
        point: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._settings, self._database, self._wanted = settings, database, wanted
        self._clock, self._training, self._point = clock, training, point
        self._evidence = evidence
        self._home = settings.home.expanduser().absolute() / "training"
        self._parent = os.getppid()

    def carry_out(self) -> list[Run]:
        """Go on with what is open, else begin where that is wanted; what became of each night.

        Raises AtWork, DatabaseError, ConfigurationError where other options are asked for than those that an
        open night has, and what keeps a night from beginning at all, once its row says so.
        """
        with night_lock.held(self._home, self._database) as lock:
            opened = self._open()
            for run in opened:
                self._refuse_others(run)
            opened = opened or (self._begin() if self._wanted.begins else [])
            return [self._led(run, lock) if run.ended_at is None else run for run in opened]

    # ------------------------------------------------------------ beginning

    def _open(self) -> list[Run]:
        """Nights that nobody ended and that are not another machine's, once those that were killed again and
        again have."""
        with self._database.unit(read_only=True) as unit:
            found = unit.adapters.open_runs()
        open_ = []
        for run in found:
            if night_lock.elsewhere(run, not self._database.is_sqlite, self._clock()):
                continue
            begun = night_journal.read(Path(run.folder) / BEGUN)
            if not begun or _tries(run, begun) >= TRIES:
                killed = f"It was killed {TRIES} times in a row: see the log, then begin it again."
                gone = f"Its folder, {run.folder}, is not here any more: begin it again."
                self._end(run, RunStatus.FAILED, killed if begun else gone)
                continue
            open_.append(run)
        return open_

    def _refuse_others(self, run: Run) -> None:
        """What is open keeps what it began with: whoever asks for something else is told, and not ignored."""
        begun, asked = night_journal.read(Path(run.folder) / BEGUN), self._wanted.said
        if asked and asked != begun.get("asked", asked):
            raise ConfigurationError(
                f"Night {run.id} is open, and goes on with what it was begun with: say `thumbprint retrain` "
                "without options until it has ended, then these."
            )

    def _begin(self) -> list[Run]:
        """A row for each scope with enough data, or one that says that there is none, or why none began."""
        begun = self._clock()
        failed = Run(id=_id(begun, SHARED), started_at=begun)
        try:
            rows = self._rows(begun)
        except ThumbprintError as error:
            self._kept(failed, RunStatus.FAILED, str(error))
            raise
        except Exception as error:
            return [self._kept(failed, RunStatus.FAILED, _broken(error, self._home / f"{failed.id}.log"))]
        self._add(*[run for run, _ in rows])
        self._point("rowed")
        return [self._end(run, RunStatus.SKIPPED, why, run.adapter) if why else run for run, why in rows]

    def _rows(self, begun: datetime) -> list[tuple[Run, str]]:
        """The nights that begin, each with why there is nothing to do, or ""."""
        recipe = recipe_of(self._settings, self._wanted.options)
        found = snapshots(self._settings, self._database, self._wanted.data, self._wanted.repository, begun)
        self._point("exported")
        lacks = {scope: night_data.lacking(one.rows, recipe.least) for scope, one in found.items()}
        enough = [scope for scope, lack in lacks.items() if not lack]
        if enough:
            return [self._row(scope, found[scope], recipe, begun) for scope in enough]
        scope = next(iter(sorted(found, key=lambda one: one != SHARED)), SHARED)
        data = found[scope].id if found else ""
        run = Run(id=_id(begun, scope), started_at=begun, snapshot=data)
        return [(run, lacks.get(scope) or NO_OPT_IN)]

    def _row(self, scope: str, data: Snapshot, recipe: Recipe, begun: datetime) -> tuple[Run, str]:
        """A scope's night, and why there is nothing to do, or "". Folders are there before rows, and all rows
        come at once, so that whoever dies leaves no scope without its night."""
        private = any(one["private"] for one in data.manifest["about"].get("consent", ()))
        recipe = replace(recipe, data=data.folder, corpus=None if private else recipe.corpus)
        folder = self._home / "nights" / scope / recipe.name(data.id)
        serving = deployed(self._database, self._settings, scope)
        recipe = replace(recipe, out=folder, deployed=serving)
        run = Run(id=_id(begun, scope), started_at=begun, snapshot=data.id, folder=str(folder))
        verdict, against = night_journal.read(folder / night_journal.VERDICT), str(serving or "")
        if against not in (verdict.get("folder"), night_journal.read(folder / BEGUN).get("deployed")):
            verdict = night_journal.judge_anew(folder)
        if verdict and not self._waits(verdict):
            same = "The data and the options are those of an earlier night, which said: "
            return replace(run, adapter=verdict["adapter"]), same + verdict["reason"]
        begin = {
            "flags": recipe.flags(),
            "asked": self._wanted.said,
            "scope": scope,
            "consent": [one["repository_id"] for one in data.manifest["about"].get("consent", ())],
            "as_of": data.as_of.isoformat(),
            "deployed": against,
            "tries": 0,
            "stages": len(night_journal.notes(folder)),
        }
        night_journal.write(folder / BEGUN, begin)
        self._point("begun")
        return run, ""

    def _waits(self, verdict: Mapping[str, Any]) -> bool:
        """Whether an adapter passed and was never in force: its promotion failed, and is tried again."""
        with self._database.unit(read_only=True) as unit:
            return bool(verdict["passed"]) and unit.adapters.get(verdict["adapter"]) is None

    # ------------------------------------------------------------ leading

    def _led(self, run: Run, lock: int) -> Run:
        """Train and judge, and promote what passed."""
        folder = Path(run.folder)
        begun = night_journal.read(folder / BEGUN)
        log.info("night_begins", run=run.id, folder=run.folder)
        try:
            stages = len(night_journal.notes(folder))
            night_journal.write(folder / BEGUN, {**begun, "tries": _tries(run, begun) + 1, "stages": stages})
            recipe = begun_with(begun["flags"])
            failed = self._training(replace(recipe, until="evaluate"), lock, look=self._look)
            if not failed and not night_journal.read(folder / night_journal.VERDICT):
                self._point("evaluated")
                evidence = self._evidence(self._settings, recipe) if recipe.benchmark else None
                self._point("evidence")
                failed = self._training(replace(recipe, memory=evidence), lock, look=self._look)
            if failed:
                return self._end(run, RunStatus.FAILED, failed)
            verdict = night_journal.read(folder / night_journal.VERDICT)
            self._point("judged")
            if verdict["passed"]:
                return self._promote(run, recipe, verdict)
            return self._end(run, RunStatus.KEPT, verdict["reason"], verdict["adapter"])
        except ThumbprintError as error:
            return self._end(run, RunStatus.FAILED, str(error))
        except Exception as error:
            return self._end(run, RunStatus.FAILED, _broken(error, folder / night_journal.BROKEN))
        except KeyboardInterrupt:
            self._end(run, RunStatus.FAILED, "It was ended by hand: begun again, the same data goes on.")
            raise

    def _promote(self, run: Run, recipe: Recipe, verdict: Mapping[str, str]) -> Run:
        """Put the adapter in force and end the run: one transaction."""
        now, reason, adapter = self._clock(), verdict["reason"], verdict["adapter"]
        with self._database.unit() as unit:
            promote(unit, self._settings, recipe, Path(verdict["folder"]), now)
            unit.adapters.end_run(run.id, RunStatus.PROMOTED, now, reason=reason, adapter=adapter)
            self._point("promoting")
            unit.commit()
        self._point("promoted")
        return _reported(
            replace(run, status=RunStatus.PROMOTED, ended_at=now, reason=reason, adapter=adapter)
        )

    def _look(self) -> None:
        self._point("looked")
        if self._wanted.with_parent and os.getppid() != self._parent:
            raise Orphaned

    # ------------------------------------------------------------ rows

    def _add(self, *runs: Run) -> None:
        with self._database.unit() as unit:
            for run in runs:
                if not unit.adapters.add_run(run):
                    raise ConfigurationError(f"There is a run {run.id} already: begin again in a second.")
            unit.commit()

    def _kept(self, run: Run, status: RunStatus, reason: str) -> Run:
        """A row that ends where it begins."""
        self._add(run)
        return self._end(run, status, reason, run.adapter)

    def _end(self, run: Run, status: RunStatus, reason: str, adapter: str = "") -> Run:
        """Say what became of a run, and write its report."""
        now = self._clock()
        with self._database.unit() as unit:
            unit.adapters.end_run(run.id, status, now, reason=reason, adapter=adapter)
            unit.commit()
        self._point("ended")
        return _reported(replace(run, status=status, ended_at=now, reason=reason, adapter=adapter))


def _reported(run: Run) -> Run:
    """The run, its report written; what had nothing to do leaves an earlier night's as it is. A report that
    cannot be written changes nothing of what became of it."""
    log.info("night_ended", run=run.id, status=run.status.value, reason=run.reason)
    if run.status is RunStatus.SKIPPED:
        return run
    try:
        night_report.write(run)
    except ThumbprintError as error:
        log.warning("night_not_reported", run=run.id, reason=str(error))
    return run


def _broken(error: Exception, file: Path) -> str:
    """The sentence about an error that nobody foresaw, once its traceback is in a file."""
    return night_journal.broken(night_journal.unforeseen("The night", error), format_exc(), file)


def _tries(run: Run, begun: Mapping[str, Any]) -> int:
    """How often a night was led since its last stage was whole. Waiting for another scope's is none."""
    return int(begun["tries"]) if begun["stages"] == len(night_journal.notes(Path(run.folder))) else 0


def _id(begun: datetime, scope: str) -> str:
    return f"{begun:%Y%m%d-%H%M%S}-{scope}"
