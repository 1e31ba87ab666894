"""PostgreSQL keeps what SQLite keeps: the stores' own tests again, and a question's way, on a real server.

The server is `tests/integration/postgres_server.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.config import PATH
from bot.configurations import effective, to_tell
from bot.jobs import Worker
from bot.pace import Limits
from bot.pacing import Pace
from bot.queue import Job, Queue
from bot.settings import Settings
from storage.audits import FORGOT_USER
from storage.database import Database
from storage.errors import DatabaseBusy, DatabaseError, RateLimited
from storage.records import Audit, ConfigFile, Configuration
from storage.tables import metadata
from tests.integration.mutation import REFUSALS, mutations
from tests.integration.receiver_fixture import post
from tests.integration.receiver_fixture import settings as receiver_settings
from tests.integration.worker_program import steps_in
from tests.unit.bot.test_adapters import (  # noqa: F401 - workers on this module's `database`
    test_a_refused_adapter_leaves_the_former_on_and_is_said_once_until_it_is_promoted_again,
    test_a_worker_notices_before_the_next_answer_and_so_does_another,
)
from tests.unit.bot.test_canary import (  # noqa: F401
    test_a_canary_that_people_correct_goes_back_by_itself_once_and_keeps_the_figures,
)
from tests.unit.bot.test_configurations import (
    Files,
    read,
    test_a_no_that_is_pushed_while_the_yes_is_read_counts_from_the_push_on,  # noqa: F401
    test_what_was_read_before_a_push_does_not_replace_what_was_read_after_it,  # noqa: F401
)
from tests.unit.storage import things
from tests.unit.storage.test_adapters import *  # noqa: F403
from tests.unit.storage.test_answers import *  # noqa: F403 - the same contract, on this module's `database`
from tests.unit.storage.test_configurations import *  # noqa: F403
from tests.unit.storage.test_deliveries import *  # noqa: F403
from tests.unit.storage.test_drafts import *  # noqa: F403
from tests.unit.storage.test_feedback import *  # noqa: F403
from tests.unit.storage.test_phrases import *  # noqa: F403
from tests.unit.storage.test_repositories import *  # noqa: F403
from tests.unit.webhooks.test_pages import browser, form_of
from tests.unit.webhooks.test_route import APP, delivery, payload
from webhooks.app import create_app
from webhooks.route import route

pytestmark = pytest.mark.slow


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    database.migrate()
    yield database
    database.dispose()


def test_migrations_and_tables_say_the_same(database: Database) -> None:
    database.migrate()
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_what_is_wrong_with_a_file_is_said_by_one_of_the_workers_that_find_it(database: Database) -> None:
    files = [ConfigFile(place="x", text=None), ConfigFile(place="y", text="tne: 1\n")]
    found = effective(files, "octo", Settings(_env_file=None))
    both = Barrier(2)
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.configurations.keep(Configuration(repository_id=1, installation_id=2, words=(), mention=True))
        unit.commit()

    def tell(post_id: int) -> int:
        made = things.answer(things.question(post_id=post_id), candidate_id=None)
        both.wait(30)
        with database.unit() as unit:
            said = to_tell(unit, 1, made.id, found)
            unit.answers.save(made)
            time.sleep(0.2)
            unit.commit()
        return len(said)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tell, [901, 902])) == [0, 1]


def test_readings_of_files_and_pushes_side_by_side_never_wait_in_a_circle(database: Database) -> None:
    read(database, Files({PATH: ""}))

    def push() -> None:
        with database.unit() as unit:  # as the receiver does for an account's `.github`
            unit.configurations.defaults_changed(things.REPOSITORY.installation_id)
            unit.configurations.changed(things.REPOSITORY.id)
            unit.commit()

    with ThreadPoolExecutor(6) as pool:
        readings = [pool.submit(read, database, Files({PATH: ""}), anew=True) for _ in range(40)]
        pushes = [pool.submit(push) for _ in range(40)]
        for one in (*readings, *pushes):
            one.result(60)
    read(database, Files({PATH: ""}))
    with database.unit(read_only=True) as unit:
        assert unit.configurations.stale() == []


def test_workers_that_write_at_once_get_turns_of_their_own_and_heed_one_pause(
    database: Database, url: str
) -> None:
    """Each with a connection of its own, and the installation's row not there yet."""
    theirs, slept, at_once = [Database(url) for _ in range(4)], list[float](), Barrier(4)
    paces = [Pace(one, Limits(), slept.append, lambda unit: 1_800_000_000.0) for one in theirs]

    def write(pace: Pace) -> None:
        at_once.wait(30)
        for _ in range(2):
            pace.turn(5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, paces))
    assert sorted(slept) == [float(second) for second in range(1, 8)], "the first need not wait"
    paces[0].pause(5, 90)
    for pace in paces:
        with pytest.raises(RateLimited):
            pace.turn(5)
    for one in theirs:
        one.dispose()


def test_no_export_begins_while_somebody_writes_down_what_left(database: Database) -> None:
    """Else it would read rows that go with an audit which is older than itself."""
    began: list[datetime] = []

    def settle() -> None:
        with database.unit() as unit:
            began.append(unit.audits.settled())

    with ThreadPoolExecutor(1) as pool:
        with database.unit() as unit:
            unit.audits.add_now(Audit(at=things.NOW, act=FORGOT_USER))
            waits = pool.submit(settle)
            time.sleep(0.5)
            assert not waits.done()
            committed = datetime.now(UTC)
            unit.commit()
        waits.result(30)
    assert began[0] >= committed
    with database.unit(read_only=True) as unit:
        assert not unit.audits.lost([1], began[0], shared=True)


def test_any_number_of_processes_share_a_database(database: Database, url: str) -> None:
    second = Database(url)
    for each in (database, second):
        for role in ("work", "serve", "run"):
            each.claim(role)
    second.dispose()


def test_a_missing_database_is_said(server: str) -> None:
    missing = Database(f"{server}/nowhere")
    with pytest.raises(DatabaseBusy, match="user in THUMBPRINT_DATABASE_URL exist"):
        missing.migrate()
    missing.dispose()


def test_a_read_only_unit_can_write_nothing(database: Database) -> None:
    with pytest.raises(DatabaseError, match="read-only"), database.unit(read_only=True) as unit:
        unit.connection.exec_driver_sql("DELETE FROM deliveries")


def test_a_question_is_kept_with_its_job_and_carried_out(url: str, tmp_path: Path) -> None:
    database = Database(url)
    queue = Queue(database)
    queue.migrate()
    for guid, committed in (("lost", False), ("kept", True), ("again", True)):
        taken = replace(delivery(payload()), guid=guid)
        job = route(taken, APP)
        assert isinstance(job, Job)
        assert job.question is not None
        with database.unit() as unit:
            unit.deliveries.add(taken)
            unit.repositories.upsert(job.repository)
            unit.answers.ask(job.question)
            assert queue.put(unit, job, guid) is (guid != "again")
            if committed:
                unit.commit()
    assert queue.unfinished() == {"ENQUEUED": 1}
    with database.unit() as unit:  # as its repository is erased; not committed
        assert queue.forget(unit, job.repository.id) == 2
        left = "SELECT count(*) FROM dbos.workflow_status JOIN dbos.workflow_input USING (workflow_uuid)"
        assert unit.connection.exec_driver_sql(left).scalar_one() == 0
    assert queue.unfinished() == {"ENQUEUED": 1}
    settings = Settings(_env_file=None, home=tmp_path, database_url=url)
    worker = Worker(settings, Database(url), steps_in(tmp_path))
    worker.start()
    deadline = time.monotonic() + 30
    while queue.unfinished():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    worker.stop()
    queue.close()
    database.dispose()
    steps = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert [step for step in steps if step != "acknowledge"] == ["compose", "post"]
    assert steps.count("acknowledge") == 1


def test_a_value_that_cannot_be_kept_is_no_outage(database: Database) -> None:
    """Taken for one it would be tried again for minutes."""
    with pytest.raises(DatabaseError, match="refused a value"), database.unit(read_only=True) as unit:
        unit.answers.get("a\x00")


def test_a_page_that_can_be_no_page_is_404_here_too(database: Database) -> None:
    """Neither a number nor a text that PostgreSQL takes: each was an error of the server's."""
    Queue(database).migrate()
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.commit()
    page = browser(database)
    form = form_of(page.get("/memory/1?q=%00").text, phrase_id="\x00")
    for path in (f"/memory/{2**63}", "/answers/%00", "/runs/%00"):
        assert page.get(path).status_code == 404, path
    for path in ("/memory/1/forget", "/api/phrases/%00/forget", "/drafts/%00/approve", "/drafts/x/discard"):
        assert page.post(path, data=form).status_code == 404, path


def test_mutated_deliveries_are_kept_or_refused_here_too(url: str, tmp_path: Path) -> None:
    app = create_app(receiver_settings(tmp_path, database_url=url))

    async def run() -> Counter[int]:
        found: Counter[int] = Counter()
        for made in islice(mutations(9), 1000):
            status, said = await post(app, made.headers, made.body)
            assert status == 202 or status in REFUSALS, (made, status, said)
            found[status] += said["outcome"] == "accepted" or status != 202
        return found

    assert asyncio.run(run())[202] > 100
    app.state.queue.close()
    app.state.database.dispose()
