"""What was written while nothing could be delivered is read, and taken in as if it had been delivered.

For repositories whose gap is longer than GitHub sends deliveries again, and for those whose installation was
suspended. Each new comment and issue becomes the delivery that GitHub would have sent, and goes the way of
all deliveries (`bot/intake.py`): what asks is answered once, whoever told of it. Edits, deletions and
reactions are found by the polls, whose turn comes at once. What a post said when it was written nobody knows
once it was changed: such a one asks, and commands nothing in its author's name (`bot/answer.py`).
Left out: what was written before `FURTHEST`, and what was answered before its issue was moved here.
Run: `pytest tests/integration/test_missed.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bot.context import Context
from bot.github_shapes import account, moment
from bot.intake import Taken, take
from bot.marker import parse_marker
from bot.queue import Job
from bot.time_slice import GoOn, endless
from storage.errors import GitHubRefused, GitHubUnavailable, Gone, OutOfBounds
from storage.records import Closed, Delivery, Repository

log = structlog.get_logger()

CATCH_UP = "catch-up/"
"""Marks of repositories that are to be read, and since when, begin so."""

FURTHEST = timedelta(days=30)
OVERLAP = timedelta(minutes=10)

Route = Callable[[Delivery], Job | None]


def catch_up_due(context: Context, route: Route, now: datetime, go_on: GoOn = endless) -> None:
    """Read the repositories that a mark names. Suspended and archived ones wait, lost ones are left out.

    One that GitHub refuses to show holds up no other; those for which there is no time any more have their
    turn in the next round.
    """
    with context.database.unit(read_only=True) as unit:
        waiting = unit.progress.marks(CATCH_UP)
        ids = {name: int(name.removeprefix(CATCH_UP)) for name in waiting}
        reached = {name: unit.repositories.reach(one) for name, one in ids.items()}
        heard = {name: unit.repositories.heard_until(one) for name, one in ids.items()}
    for name, since in waiting.items():
        if not go_on():
            return
        reach, furthest = reached[name], now - FURTHEST
        if reach is not None and reach.closed in (Closed.SUSPENDED, Closed.ARCHIVED):
            continue
        if reach is not None and reach.closed is None:
            from_then = max(since, furthest, heard[name] or furthest)
            try:
                catch_up(context, route, reach.installation_id, ids[name], from_then, now)
            except (GitHubRefused, OutOfBounds) as error:
                log.warning("not_caught_up", repository=ids[name], reason=str(error))
                continue
            except Gone:
                log.warning("not_caught_up", repository=ids[name], reason="it is not there any more")
        with context.database.unit() as unit:
            unit.progress.drop_mark(name, since)
            unit.commit()


def catch_up(
    context: Context, route: Route, installation_id: int, repository_id: int, since: datetime, now: datetime
) -> int:
    """Read one repository since a time; returns how many jobs came of it. Safe to carry out twice.

    What is gone in it is left out; raises Gone where the repository itself is.
    """
    client = context.github.client(installation_id, repository_id, writes=False)
    repository = client.repository(repository_id)
    found = 0
    written = client.written_since(repository.full_name, since - OVERLAP)
    if client.repository(repository_id).full_name != repository.full_name:
        raise GitHubUnavailable(f"The repository {repository_id} was renamed while it was read.")
    read = deliveries(repository, written, since - OVERLAP, now)
    came = _came_along(context, repository, written)
    for at, delivery, changed in sorted(read, key=lambda one: one[0]):
        job = route(delivery)
        if job is not None and not (job.thread_key in came and at <= came[job.thread_key]):
            taken = take(context.database, context.queue, delivery, _unworded(job) if changed else job)
            found += taken is Taken.ACCEPTED
    with context.database.unit() as unit:
        unit.repositories.set_heard(repository_id, now)
        unit.polls.hurry(repository_id, now)
        unit.commit()
    log.info("caught_up", repository=repository_id, since=since.isoformat(), jobs=found)
    return found


def _came_along(
    context: Context, repository: Repository, written: dict[str, list[dict[str, Any]]]
) -> dict[str, datetime]:
    """Threads that were moved here with an answer of ours in them, and when it was written: what was asked
    until then was asked, and answered, where they come from."""
    found: dict[str, datetime] = {}
    us = f"{context.settings.app_slug}[bot]"
    with context.database.unit(read_only=True) as unit:
        for said in written["issue_comment"]:
            about, at = _about("issue_comment", said), moment(said.get("created_at"))
            ours = account(said.get("user") or {}).login == us
            marker = parse_marker(str(said.get("body") or "")) if ours else None
            asked = None if marker is None else unit.answers.question(marker.answer_id)
            if about and asked and asked.repository_id != repository.id:
                thread = f"{repository.id}/{about['issue']['number']}"
                found[thread] = max(at, found.get(thread, at))
    return found


def _unworded(job: Job) -> Job:
    """A job whose question's first words are unknown: whatever its post says now, it was changed to that."""
    return job if job.question is None else replace(job, question=replace(job.question, text=""))


def deliveries(
    repository: Repository, written: dict[str, list[dict[str, Any]]], since: datetime, now: datetime
) -> Iterator[tuple[datetime, Delivery, bool]]:
    """What was written at `since` or later: when, its delivery as now, and whether it may have been changed.

    GitHub's word for that is `updated_at`, which of an issue moves with each comment too. Pure.
    """
    base = {
        "repository": {
            "id": repository.id,
            "full_name": repository.full_name,
            "private": repository.private,
        },
        "installation": {"id": repository.installation_id},
    }
    for event, posts in written.items():
        for post in posts:
            at = moment(post.get("created_at"))
            about = _about(event, post)
            if at < since or about is None:
                continue
            action = "created" if "comment" in about else "opened"
            payload = {"action": action, **about, **base, "sender": post.get("user") or {}}
            body = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
            digest = hashlib.sha256(f"{repository.id}/{event}/{post.get('id')}".encode()).hexdigest()[:32]
            made = Delivery(
                guid=f"read:{digest}", event=event, action=action, body=body, received_at=now.astimezone(UTC)
            )
            yield at, made, moment(post.get("updated_at")) != at


def _about(event: str, post: dict[str, Any]) -> dict[str, Any] | None:
    """The post under its key, with the thread's number; None where a list says no number."""
    if event in ("issues", "pull_request"):
        return {event.removesuffix("s"): post}
    thread = str(post.get("issue_url") or post.get("pull_request_url") or "").rpartition("/")[2]
    if not thread.isdecimal():
        return None
    key = "pull_request" if event == "pull_request_review_comment" else "issue"
    return {"comment": post, key: {"number": int(thread)}}
