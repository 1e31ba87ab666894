"""On the real queue: an installation with a thousand questions starves none that has one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from threading import Event, Lock

import sqlalchemy as sa

from bot.control import cancel, retry
from bot.queue import Queue, rows_of
from storage.records import Delivery, Question
from tests.integration.test_jobs import Bench, bench
from tests.integration.worker_program import steps_in
from tests.unit.webhooks.test_route import APP, delivery, payload
from webhooks.route import Ignored, route

__all__ = ["bench"]
CROWD, LONE = 1, 2


def ask_all(bench: Bench, installation: int, count: int) -> None:
    """So many questions of one installation, each in a thread of its own, as the receiver keeps them."""
    with bench.database.unit() as unit:
        for number in range(1, count + 1):
            content = payload(
                issue={"number": number},
                repository={"id": installation, "full_name": f"octo/r{installation}", "private": False},
                installation={"id": installation},
            )
            content["comment"]["id"] = number
            taken: Delivery = replace(delivery(content), guid=f"g{installation}/{number}")
            job = route(taken, APP)
            assert not isinstance(job, Ignored) and job.question is not None
            unit.deliveries.add(taken)
            unit.repositories.upsert(job.repository)
            unit.answers.ask(job.question)
            assert bench.queue.put(unit, job, taken.guid)
        unit.commit()


def test_a_thousand_questions_of_one_installation_do_not_starve_another(bench: Bench) -> None:
    order: list[int] = []
    lock = Lock()

    def compose(question: Question) -> str:
        with lock:
            order.append(question.installation_id)
        return question.answer_id

    ask_all(bench, CROWD, 1000)
    steps = replace(steps_in(bench.home), compose=compose, acknowledge=lambda question: None)
    with bench.worker(steps, bench.settings.model_copy(update={"workers": 2})):
        bench.wait(lambda: len(order) >= 4)
        ask_all(bench, LONE, 3)
        before = len(order)
        bench.wait(lambda: order.count(LONE) == 3)
        after = order[before:]
        with bench.database.unit() as unit:
            cancel(bench.database, unit, unit.jobs.open_of())
            unit.commit()
    # They share the two workers evenly: one each. What was released before they asked goes first.
    assert Counter(after)[CROWD] <= 3 * 2 + 4
    assert order.count(CROWD) < 100


def test_what_was_put_off_of_one_installation_holds_up_no_others(bench: Bench) -> None:
    """After an outage one account's answers go out one by one, each at its turn."""
    ask_all(bench, CROWD, 6)
    ask_all(bench, LONE, 1)
    with bench.database.unit() as unit:
        of = {one: unit.jobs.of_repository(one) for one in (CROWD, LONE)}
        cancel(bench.database, unit, unit.jobs.open_of())
        unit.commit()
    for job in (*of[CROWD], *of[LONE]):
        bench.queue.put_later(job, "post", (job,), 1, 0.0)
    lone_is_done = Event()
    posted: list[str] = []

    def post(job: str) -> None:
        if job in of[LONE]:
            lone_is_done.set()
        lone_is_done.wait(10)
        posted.append(job)

    with bench.worker(replace(steps_in(bench.home), post=post)):
        bench.wait(lambda: len(posted) == 7)
    assert posted.index(*of[LONE]) <= 2, "two of the crowd's were under way"


def test_what_is_tried_again_meets_nothing_that_was_put_off_of_it_before_however_often(bench: Bench) -> None:
    """A leftover of the same number is taken for this one, and the tries end there, in silence."""
    ask_all(bench, LONE, 2)
    with bench.database.unit() as unit:
        first, other = unit.jobs.of_repository(LONE)
        cancel(bench.database, unit, [first, other])
        unit.commit()
    for tries in (1, 63, 64, 200):
        bench.queue.put_later(first, "post", ("a_1",), tries, 3600.0)
    bench.queue.put_later(other, "post", ("a_2",), 64, 3600.0)
    retry(bench.database, bench.queue, first)
    rows = rows_of(bench.database)
    with bench.database.unit(read_only=True) as unit:
        query = sa.select(rows.c.workflow_uuid).where(rows.c.workflow_uuid.startswith("later/"))
        assert list(unit.connection.execute(query).scalars()) == [f"later/64/{other}"]


def test_what_an_earlier_version_put_off_goes_on(bench: Bench) -> None:
    ask_all(bench, LONE, 1)
    with bench.database.unit() as unit:
        [job] = unit.jobs.of_repository(LONE)
        cancel(bench.database, unit, [job])
        unit.commit()
    bench.queue.put_later(job, "post", ("a_1",), 1, 0.0)
    rows = rows_of(bench.database)
    with bench.database.unit() as unit:
        unit.connection.execute(rows.update().values(queue_partition_key=None))
        unit.commit()
    with bench.worker(steps_in(bench.home)):
        bench.wait(lambda: "post a_1" in bench.log())


def test_a_job_whose_worker_died_between_our_row_and_dboss_ends_there_too_and_is_not_done_again(
    bench: Bench,
) -> None:
    bench.ask(1)
    with bench.worker(steps_in(bench.home)):
        bench.wait_until_done()
    done = bench.log()
    rows = rows_of(bench.database)
    with bench.database.unit() as unit:
        of_threads = rows.c.workflow_uuid.in_(unit.jobs.of_repository(1))
        died = {"status": "PENDING", "executor_id": "died"}
        assert unit.connection.execute(rows.update().where(of_threads).values(died)).rowcount == 1
        unit.commit()
    with bench.worker(steps_in(bench.home)):
        bench.wait_until_done()
    assert bench.queue.unfinished() == {} and bench.log() == done


def test_one_whose_jobs_all_rest_leaves_the_workers_to_others(bench: Bench) -> None:
    from storage.errors import RateLimited

    done: list[int] = []

    def compose(question: Question) -> str:
        if question.installation_id == CROWD:
            raise RateLimited("wait", retry_after_s=600.0)
        done.append(question.post_id)
        return question.answer_id

    ask_all(bench, CROWD, 6)
    ask_all(bench, LONE, 2)
    steps = replace(steps_in(bench.home), compose=compose)
    with bench.worker(steps, bench.settings.model_copy(update={"workers": 1})):
        bench.wait(lambda: sorted(done) == [1, 2])


def test_an_uninstallation_ends_its_jobs_in_one_transaction_and_leaves_others(bench: Bench) -> None:
    ask_all(bench, CROWD, 3)
    ask_all(bench, LONE, 1)
    with bench.database.unit() as unit:
        assert cancel(bench.database, unit, unit.jobs.open_of(installation_id=CROWD)) == 3
    assert bench.queue.unfinished() == {"ENQUEUED": 4}, "not committed, so nothing happened"
    with bench.database.unit() as unit:
        cancel(bench.database, unit, unit.jobs.open_of(installation_id=CROWD))
        unit.commit()
    composed: list[int] = []
    steps = steps_in(bench.home)
    with bench.worker(
        replace(
            steps,
            compose=lambda question: composed.append(question.installation_id) or steps.compose(question),
        )
    ):
        bench.wait(lambda: bench.queue.unfinished() == {})
    assert composed == [LONE]
    assert sum(line.startswith("acknowledge") for line in bench.log()) == 1


def test_the_receiver_knows_how_much_waits_without_reading_it(bench: Bench) -> None:
    ask_all(bench, CROWD, 5)
    assert Queue(bench.database).unfinished() == {"ENQUEUED": 5}
