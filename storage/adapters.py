"""Adapters, which of them is in force for whom, and the runs that made them. No commit by itself.

Promotions are only added: of each scope the newest is in force, and what was in force when can be read. They
and their adapters go with the repository or the account that they are alone of, and in no other way.
Left out: who may be promoted, and what a model server is told of it: the bot's.
Run: `pytest tests/unit/storage/test_adapters.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from storage.columns import insert_new, upsert
from storage.records import Adapter, AdapterStatus, Promotion, Run, RunStatus
from storage.tables import (
    adapters,
    answers,
    candidates,
    generations,
    promotions,
    questions,
    repositories,
    runs,
)

LET_GO = "its weights were deleted with rows that it had learned from"
"""The fault of an adapter that is a row of history, and nothing else any more."""

_LATER = promotions.alias("later")


@dataclass(frozen=True, kw_only=True)
class Written:
    """An answer that stands or stood on GitHub, its thread, and the adapter that wrote it; "" for none."""

    answer_id: str
    repository_id: int
    thread_key: str
    adapter: str


class AdapterStore:
    """Adapters by id, promotions by scope, runs by time, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    # ------------------------------------------------------------ adapters

    def add(self, adapter: Adapter) -> None:
        """Keep an adapter; of a known one its folder, what the gate found, and its fault are those given."""
        row = {name: value for name, value in asdict(adapter).items() if name != "status"}
        upsert(self._connection, adapters, [row], update=("folder", "passed", "judged", "fault"))

    def get(self, adapter_id: str) -> Adapter | None:
        """The adapter, or None if there is none with this id."""
        return next(iter(self._list(adapters.c.id == adapter_id)), None)

    def all(self) -> list[Adapter]:
        """All adapters, newest first."""
        return self._list(sa.true())

    def set_fault(self, adapter_id: str, fault: str) -> bool:
        """Note why the model server does not take an adapter, or "" that it does; False if that was known."""
        changed = sa.and_(adapters.c.id == adapter_id, adapters.c.fault != fault)
        done = self._connection.execute(sa.update(adapters).where(changed).values(fault=fault))
        return done.rowcount == 1

    def refused(self) -> list[str]:
        """The ids of adapters that are to answer and that the model server does not take."""
        meant = {one.adapter for one in self.current()}
        query = sa.select(adapters.c.id).where(adapters.c.fault != "").order_by(adapters.c.id)
        return [one for one in self._connection.execute(query).scalars() if one in meant]

    def needed(self) -> set[str]:
        """The ids of adapters whose weights are of use: in force, what a rollback of that brings back, and
        what was not promoted yet."""
        now = {name for one in self.current() for name in (one.adapter, one.former) if name}
        return now | {one.id for one in self.all() if one.status is AdapterStatus.CANDIDATE}

    def owners(self) -> set[int]:
        """The installations that have an adapter or a promotion of their own."""
        both = sa.union(sa.select(adapters.c.installation_id), sa.select(promotions.c.scope))
        return set(self._connection.execute(both).scalars()) - {0}

    def forget_installation(self, installation_id: int) -> None:
        """Delete the adapters that learned from an account alone, and all that was promoted for it."""
        self._connection.execute(promotions.delete().where(promotions.c.scope == installation_id))
        self._connection.execute(adapters.delete().where(adapters.c.installation_id == installation_id))

    def _list(self, which: sa.ColumnElement[bool]) -> list[Adapter]:
        ever = sa.select(promotions.c.adapter).where(promotions.c.adapter.is_not(None))
        promoted = set(self._connection.execute(ever.distinct()).scalars())
        now = {name for one in self.current() for name in serving(one)}
        query = sa.select(adapters).where(which).order_by(adapters.c.added_at.desc(), adapters.c.id)
        found = []
        for row in self._connection.execute(query):
            status = AdapterStatus.RETIRED if row.id in promoted else AdapterStatus.CANDIDATE
            status = AdapterStatus.PROMOTED if row.id in now else status
            found.append(Adapter(**row._mapping, status=status))
        return found

    # ------------------------------------------------------------ promotions

    def promote(self, promotion: Promotion) -> bool:
        """Add the next row of a scope; False if somebody else took its place, so that another is in force."""
        row = asdict(promotion)
        row |= {"adapter": promotion.adapter or None, "former": promotion.former or None}
        return insert_new(self._connection, promotions, row, "number")

    def in_force(self, scope: int, repository_id: int = 0) -> Promotion | None:
        """The newest promotion of a scope: an installation's id, or 0 for all; or of one repository in it."""
        return next(iter(self.history(scope, repository_id, limit=1)), None)

    def history(self, scope: int, repository_id: int = 0, limit: int = 1000) -> list[Promotion]:
        """The promotions of a scope, newest first."""
        here = sa.and_(promotions.c.scope == scope, promotions.c.repository_id == repository_id)
        query = sa.select(promotions).where(here).order_by(promotions.c.place.desc()).limit(limit)
        return [_promotion(row) for row in self._connection.execute(query)]

    def current(self) -> list[Promotion]:
        """What is in force: each scope's newest promotion, the one for all first."""
        return self._newest(sa.true())

    def for_repository(self, installation_id: int, repository_id: int) -> list[Promotion]:
        """What is in force for a repository, the nearest first: its own, its installation's, everybody's."""
        own = sa.and_(
            promotions.c.scope == installation_id, promotions.c.repository_id.in_([repository_id, 0])
        )
        everybodys = sa.and_(promotions.c.scope == 0, promotions.c.repository_id == 0)
        return self._newest(sa.or_(own, everybodys))[::-1]

    def _newest(self, which: sa.ColumnElement[bool]) -> list[Promotion]:
        last = (
            sa.select(sa.func.max(_LATER.c.place))
            .where(_LATER.c.scope == promotions.c.scope, _LATER.c.repository_id == promotions.c.repository_id)
            .scalar_subquery()
        )
        query = sa.select(promotions).where(which, promotions.c.place == last)
        query = query.order_by(promotions.c.scope, promotions.c.repository_id)
        return [_promotion(row) for row in self._connection.execute(query)]

    def written(
        self, scope: int, repository_id: int, since: datetime, chosen: Collection[str]
    ) -> list[Written]:
        """What was composed in a scope since a time and posted, unless by a model that somebody chose."""
        query = (
            sa.select(answers.c.id, answers.c.repository_id, questions.c.number, generations.c.adapter)
            .join(questions, questions.c.answer_id == answers.c.id)
            .join(repositories, repositories.c.id == answers.c.repository_id)
            .join(candidates, candidates.c.id == answers.c.candidate_id)
            .join(generations, generations.c.id == candidates.c.generation_id)
            .where(answers.c.created_at >= since, answers.c.comment_id.is_not(None))
            .where(sa.or_(generations.c.adapter != "", generations.c.model.not_in(chosen)))
        )
        if scope:
            query = query.where(repositories.c.installation_id == scope)
        if repository_id:
            query = query.where(repositories.c.id == repository_id)
        return [
            Written(
                answer_id=row.id,
                repository_id=row.repository_id,
                thread_key=f"{row.repository_id}/{row.number}",
                adapter=row.adapter,
            )
            for row in self._connection.execute(query.order_by(answers.c.id))
        ]

    # ------------------------------------------------------------ runs

    def add_run(self, run: Run) -> bool:
        """Keep a run that begins; False if it is known."""
        return insert_new(self._connection, runs, asdict(run) | {"status": run.status.value}, "id")

    def end_run(
        self,
        run_id: str,
        status: RunStatus,
        at: datetime,
        *,
        reason: str,
        snapshot: str = "",
        adapter: str = "",
    ) -> bool:
        """Say what became of a running one; False if it ended before, or is unknown."""
        running = sa.and_(runs.c.id == run_id, runs.c.status == RunStatus.RUNNING.value)
        said: dict[str, Any] = {"status": status.value, "ended_at": at, "reason": reason}
        said |= {"snapshot": snapshot} if snapshot else {}
        said |= {"adapter": adapter} if adapter else {}
        return self._connection.execute(sa.update(runs).where(running).values(**said)).rowcount == 1

    def runs(self, limit: int = 20, *, until: datetime | None = None) -> list[Run]:
        """The last runs, newest first; those that began by `until`, where a clock may have been wrong."""
        query = sa.select(runs).order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit)
        return self._runs(query if until is None else query.where(runs.c.started_at <= until))

    def open_runs(self) -> list[Run]:
        """The runs that nobody ended, oldest first: of one night there is one a scope."""
        is_open = runs.c.status == RunStatus.RUNNING.value
        return self._runs(sa.select(runs).where(is_open).order_by(runs.c.started_at, runs.c.id))

    def _runs(self, query: sa.Select[Any]) -> list[Run]:
        found = self._connection.execute(query)
        return [Run(**{**row._mapping, "status": RunStatus(row.status)}) for row in found]


def serving(promotion: Promotion) -> tuple[str, ...]:
    """The ids of the adapters that answer while a promotion is in force: a canary's former one, too."""
    both = (promotion.adapter, promotion.former if promotion.is_canary else "")
    return tuple(one for one in both if one)


def _promotion(row: sa.Row[Any]) -> Promotion:
    values = {name: value for name, value in row._mapping.items() if name != "number"}
    return Promotion(**{**values, "adapter": row.adapter or "", "former": row.former or ""})
