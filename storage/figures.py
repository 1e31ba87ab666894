"""What an operator watches, counted from the rows: answers, feedback, jobs, workers. Reads only.

Every process on one database sees the same figures. Left out: what one process counts for itself
(`webhooks/metrics.py`). Run: `pytest tests/unit/storage/test_figures.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from storage.drafts import DraftStore
from storage.executors import ExecutorStore
from storage.records import AnswerStatus, FeedbackKind, JobOutcome
from storage.tables import answers, feedback, jobs, questions

LATELY = timedelta(days=1)
"""Of how long ago answers are timed."""

MOST_TIMED = 10_000
"""Answers that are timed at most, the newest."""

WAITS, RESTS, RUNS = "waiting", "resting", "running"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Counts by what they are of; seconds from question to reply of the last day's answers, ascending.

    `drafts`: answers that wait for approval. `jobs`: those of threads, by `waiting`, `resting` (until a
    time), `running`, and how the others ended.
    `oldest_s`: how long the job that waits longest has waited, of one that rested since it may run; 0 where
    none does.
    """

    answers: Mapping[str, int]
    feedback: Mapping[str, int]
    jobs: Mapping[str, int]
    oldest_s: float
    workers: int
    slots: int
    took_s: tuple[float, ...]
    drafts: int = 0


def figures(connection: sa.Connection, now: datetime) -> Figures:
    """Everything that is counted, as of `now`. Each kind is there, with 0 where nothing is of it."""
    posted = _counts(connection, answers.c.status)
    said = _counts(connection, feedback.c.kind)
    found = {WAITS: 0, RESTS: 0, RUNS: 0, **{one.value: 0 for one in JobOutcome if one.value}}
    state = sa.case(
        (jobs.c.outcome != JobOutcome.OPEN.value, jobs.c.outcome),
        (jobs.c.released_at.is_not(None), RUNS),
        (jobs.c.due_at > now, RESTS),
        else_=WAITS,
    )
    found.update(_counts(connection, state))
    waits = sa.and_(jobs.c.outcome == JobOutcome.OPEN.value, jobs.c.released_at.is_(None))
    since = sa.case((jobs.c.due_at > jobs.c.put_at, jobs.c.due_at), else_=jobs.c.put_at)
    due = sa.or_(jobs.c.due_at.is_(None), jobs.c.due_at <= now)
    oldest = connection.execute(
        sa.select(since).where(waits, due).order_by(since).limit(1)
    ).scalar_one_or_none()
    alive = ExecutorStore(connection).beating().values()
    return Figures(
        answers={one.value: posted.get(one.value, 0) for one in AnswerStatus},
        feedback={one.value: said.get(one.value, 0) for one in FeedbackKind},
        jobs=found,
        oldest_s=0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()),
        workers=len(alive),
        slots=sum(alive),
        took_s=_took(connection, now),
        drafts=DraftStore(connection).count(),
    )


def _counts(connection: sa.Connection, of: sa.ColumnElement[str]) -> dict[str, int]:
    named = of.label("named")
    rows = connection.execute(sa.select(named, sa.func.count()).group_by(named))
    return {row[0]: row[1] for row in rows}


def _took(connection: sa.Connection, now: datetime) -> tuple[float, ...]:
    query = (
        sa.select(questions.c.asked_at, answers.c.posted_at)
        .join(questions, questions.c.answer_id == answers.c.id)
        .where(answers.c.posted_at > now - LATELY)
        .order_by(answers.c.posted_at.desc())
        .limit(MOST_TIMED)
    )
    rows = connection.execute(query)
    return tuple(sorted(max(0.0, (row.posted_at - row.asked_at).total_seconds()) for row in rows))
