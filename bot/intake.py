"""One delivery and what it asks for become durable together, or neither does.

The receiver's way in, and that of what is read later because nothing could be delivered. What looks like a
secret is cut out of both before they are kept (`storage/redaction.py`). Left out: what a delivery asks for
(`webhooks/route.py`, `bot/lifecycle.py`). Run: `pytest tests/integration/test_receiver.py`.
"""

from __future__ import annotations

import enum
import json
from contextlib import suppress
from dataclasses import replace

from bot.closing import close
from bot.lifecycle import Turn
from bot.queue import Job, JobName, Queue
from storage.database import Database
from storage.errors import DatabaseBusy, DatabaseError
from storage.records import Delivery
from storage.redaction import redact_all_said, redact_said


class Taken(enum.Enum):
    """What became of a delivery: ACCEPTED, or why not. CLOSED: its repository is out of bounds just now.

    NO_ANSWER: it may be a reply, and there is no answer of ours in its thread.
    """

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CLOSED = "closed"
    FORGOTTEN = "forgotten"
    NO_ANSWER = "no_answer"


def take(database: Database, queue: Queue, delivery: Delivery, job: Job) -> Taken:
    """Keep a delivery and its job in one transaction, or neither.

    A repository that is out of bounds takes no job, nor does what somebody did before they were forgotten.
    """
    delivery, job = _without_secrets(delivery), _worded(job)
    with database.unit() as unit:
        if not unit.deliveries.add(delivery, job.repository.id):
            return Taken.DUPLICATE
        unit.repositories.meet(job.repository)
        reach = unit.repositories.reach(job.repository.id)
        if reach is not None and reach.closed is not None:
            return Taken.CLOSED
        actor_id, at = job.actor_id, job.acted_at
        if job.question is not None:
            actor_id, at = job.question.asker.id, job.question.asked_at
        forgotten = unit.people.forgotten_until(actor_id)
        if forgotten is not None and at is not None and at <= forgotten:
            return Taken.FORGOTTEN
        if job.question is not None:
            unit.answers.ask(job.question)
        number = int(job.thread_key.rpartition("/")[2])
        if job.name is JobName.REPLIED and not unit.answers.of_thread(job.repository.id, number):
            return Taken.NO_ANSWER
        if not queue.put(unit, job, delivery.guid):
            return Taken.DUPLICATE
        unit.commit()
    return Taken.ACCEPTED


def turn_to(database: Database, queue: Queue, delivery: Delivery, turn: Turn) -> Taken:
    """Keep that a delivery about the App's standing came, without its body, and close what it closes."""
    with database.unit() as unit:
        if not unit.deliveries.add(replace(delivery, body=b"{}"), turn.repository_id):
            return Taken.DUPLICATE
        close(database, unit, turn, delivery.received_at)
        unit.commit()
    with suppress(DatabaseBusy, DatabaseError):  # the clock's next round is as good
        queue.put_scheduled(JobName.UPKEEP, delivery.guid)
    return Taken.ACCEPTED


def _without_secrets(delivery: Delivery) -> Delivery:
    """A delivery, the texts in its body as `redact_said` leaves them; byte for byte where nothing is cut."""
    said = json.loads(delivery.body) if delivery.payload is None else delivery.payload
    left = redact_all_said(said)
    return delivery if left is said else replace(delivery, body=json.dumps(left).encode(), payload=left)


def _worded(job: Job) -> Job:
    asked = job.question
    return job if asked is None else replace(job, question=replace(asked, text=redact_said(asked.text)))
