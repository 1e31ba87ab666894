"""One delivery and what it asks for become durable together, or neither does.

The receiver's way in, and that of what is read later because nothing could be delivered. Left out: what a
delivery asks for (`webhooks/route.py`, `bot/lifecycle.py`). Run: `pytest tests/integration/test_receiver.py`.
"""

from __future__ import annotations

from bot.queue import Job, Queue
from storage.database import Database
from storage.records import Delivery


def take(database: Database, queue: Queue, delivery: Delivery, job: Job) -> bool:
    """Keep a delivery and its job in one transaction; False if either is known, or nothing comes of it.

    A repository that is out of bounds takes no job, nor does what somebody asked before they were forgotten.
    """
    with database.unit() as unit:
        if not unit.deliveries.add(delivery, job.repository.id):
            return False
        unit.repositories.meet(job.repository)
        reach = unit.repositories.reach(job.repository.id)
        if reach is not None and reach.closed is not None:
            return False
        if job.question is not None:
            forgotten = unit.people.forgotten_until(job.question.asker.id)
            if forgotten is not None and job.question.asked_at <= forgotten:
                return False
            unit.answers.ask(job.question)
        if not queue.put(unit, job, delivery.guid):
            return False
        unit.commit()
    return True
