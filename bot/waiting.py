"""Quiet hours as a job keeps them: a question that was asked in them is answered when they end.

Until then its job rests behind those of its thread, so that it holds up neither them nor a worker. The thread
sees 👀 and no word: a comment would wake the very people who want quiet. Commands are carried out at once,
and what somebody approves is posted at once. Left out: when quiet times end (`bot/quiet.py`).
Run: `pytest tests/integration/test_quiet_hours.py`.
"""

from __future__ import annotations

from datetime import datetime

from bot.quiet import quiet_until
from bot.repo_config import RepoConfig
from storage.errors import Quiet
from storage.records import Question

WAITED = "Asked in quiet hours: I answered when they were over."


def in_quiet(question: Question, config: RepoConfig) -> datetime | None:
    """When the quiet time ends in which a question was asked, in UTC; None where it was asked in none."""
    windows = [one.window for one in config.quiet_hours or ()]
    return quiet_until(question.asked_at, windows, config.time_zone or "UTC")


def hold_back(question: Question, config: RepoConfig, now: datetime) -> None:
    """Raises Quiet for a question that has to wait, with how long."""
    until = in_quiet(question, config)
    if until is not None and now < until:
        wait_s = (until - now).total_seconds()
        raise Quiet(f"quiet hours until {until.isoformat()}", retry_after_s=wait_s)
