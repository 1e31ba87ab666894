"""Installed, suspended, taken away; added, removed, renamed, transferred, hidden, archived, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot import lessons
from bot.answer import compose_job, fail
from bot.erasing import erase_lost
from bot.poll import poll
from bot.queue import rows_of
from bot.retry import Failure, delay_s, later_s
from storage.audits import ERASED, LEFT_SHARED
from storage.configurations import of_installation
from storage.errors import OutOfBounds, ThumbprintError
from storage.records import ConfigFile, Configuration, JobOutcome, Standing
from storage.tables import questions
from tests.integration.whole import OWNER_OF, Whole, whole
from tests.unit.storage.test_adapters import adapter, promotion
from webhooks.playground import ownership, people


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Whole]:
    with whole(tmp_path) as made:
        yield made


def act(app: Whole, name: str, *more: object, on: bool | None = None) -> None:
    """An owner does something to inkwell, or to the installation, and its deliveries arrive."""
    state, do = app.playground.state, getattr(ownership, name)
    if name in ("uninstall", "suspend"):
        subject: object = app.playground.credentials.installation_id
    else:
        subject = people.OWNER if name == "install" else app.playground.repository()
    do(state, OWNER_OF, subject, *more, *([] if on is None else [on]))
    app.playground.wait_for_deliveries()


def test_uninstalling_cancels_all_jobs_at_once_and_no_call_goes_out_after_it(app: Whole) -> None:
    app.ask()
    app.ask(name="sailcloth")
    assert app.waiting() == 2
    app.round()
    client = app.context.github.client(app.playground.credentials.installation_id, 1)
    act(app, "uninstall")
    assert app.waiting() == 0
    assert len(app.jobs("CANCELLED")) == 2
    assert app.jobs("ENQUEUED", name="eyes/") == []
    spent = app.calls()
    app.clock.forward(days=2)
    app.round()
    poll(app.context, everything=True)
    repository = app.playground.repository()
    with pytest.raises(OutOfBounds):
        app.context.github.client(0, repository.id)
    with pytest.raises(OutOfBounds):
        client.repository(repository.id)
    assert app.calls() == spent
    [installation] = installations(app)
    assert installation.standing is Standing.REMOVED


def installations(app: Whole) -> list[object]:
    with app.database.unit(read_only=True) as unit:
        return list(unit.installations.all())  # type: ignore[arg-type]


def test_what_was_asked_before_and_during_a_suspension_is_answered_after_it_once(app: Whole) -> None:
    app.ask()
    app.round()
    app.clock.forward(minutes=1)
    act(app, "suspend")
    assert app.waiting() == 0
    app.clock.forward(minutes=30)
    app.ask("/ask Where is the page size?", 2)
    app.round()
    assert app.waiting() == 0
    spent = app.calls()
    app.clock.forward(minutes=30)
    act(app, "suspend", on=False)
    app.round()
    assert app.waiting() == 2
    assert app.calls() > spent
    app.clock.forward(hours=2)
    app.round()
    assert len(app.jobs()) == 2


def put_off(app: Whole, job: str, outcome: JobOutcome, step: str, *args: str) -> None:
    """As `bot/runner.py` leaves a job whose step failed for long: ended, and its next try is to come."""
    rows = rows_of(app.database)
    app.context.queue.put_later(job, step, args, 1, 3600)
    with app.database.unit() as unit:
        ended = rows.update().where(rows.c.workflow_uuid == job).values(status="SUCCESS", queue_name=None)
        unit.connection.execute(ended)
        assert unit.jobs.end([job], outcome, app.clock.now, "GitHubUnavailable: 502") == 1
        unit.commit()


def outcome_of(app: Whole, job: str) -> JobOutcome:
    with app.database.unit(read_only=True) as unit:
        [found] = unit.jobs.listed([job])
    return found.outcome


@pytest.mark.parametrize("how", ["suspend", "select", "set_archived"])
def test_what_was_put_off_before_its_repository_was_closed_goes_on_when_it_is_open_again(
    app: Whole, how: str
) -> None:
    app.ask()
    app.round()
    [job] = app.jobs()
    put_off(app, job, JobOutcome.FAILED, "post", "a_1")
    app.clock.forward(minutes=1)
    act(app, how, on=how != "select")
    assert app.jobs("DELAYED", name="later/") == []
    assert outcome_of(app, job) is JobOutcome.CANCELLED
    app.clock.forward(minutes=1)
    act(app, how, on=how == "select")
    app.round()
    assert outcome_of(app, job) is JobOutcome.OPEN
    assert app.jobs("ENQUEUED") == [job]


def test_the_asker_of_a_parked_job_is_told_after_a_suspension_and_the_job_is_not_begun_anew(
    app: Whole,
) -> None:
    app.ask()
    app.round()
    [job] = app.jobs()
    put_off(app, job, JobOutcome.PARKED, "fail", "a_1", "Poisoned", "it ended its workers")
    app.clock.forward(minutes=1)
    act(app, "suspend")
    app.clock.forward(minutes=1)
    act(app, "suspend", on=False)
    app.round()
    assert outcome_of(app, job) is JobOutcome.PARKED
    assert app.jobs("DELAYED", name="later/") == [f"later/1/{job}"]


def test_of_a_suspension_that_no_delivery_told_of_all_is_read_that_was_written_in_it(app: Whole) -> None:
    app.ask()
    app.round()
    app.clock.forward(hours=1)
    app.unreachable()
    act(app, "suspend")
    app.clock.forward(hours=1)
    app.ask("/ask Where is the page size?", 2)
    app.playground.wait_for_deliveries()
    app.playground.state.deliveries.clear()
    app.unreachable(False)
    app.clock.forward(hours=25)
    app.round()
    assert app.waiting() == 0
    act(app, "suspend", on=False)
    app.round()
    assert app.waiting() == 2


def test_a_suspension_forgets_nothing_that_was_to_be_read_from_before_it(app: Whole) -> None:
    """Down for days, and suspended before what was written meanwhile could be read."""
    app.ask()
    app.round()
    app.unreachable()
    app.clock.forward(hours=1)
    app.ask("/ask Where is the page size?", 2)
    app.playground.wait_for_deliveries()
    app.clock.forward(days=4)
    act(app, "suspend")
    app.playground.state.deliveries.clear()
    app.unreachable(False)
    app.clock.forward(hours=1)
    app.round()
    act(app, "suspend", on=False)
    app.round()
    assert len(app.jobs()) == 2


def test_a_transferred_repository_keeps_its_id_and_changes_owner_and_installation(app: Whole) -> None:
    app.ask()
    app.round()
    state, repository = app.playground.state, app.playground.repository()
    other = ownership.install(state, OWNER_OF, people.NEIGHBOUR)
    act(app, "transfer", people.NEIGHBOUR)
    assert app.row(repository.id).removed_at is not None
    app.round()
    kept = app.row(repository.id)
    assert (kept.full_name, kept.installation_id) == (f"{people.NEIGHBOUR}/inkwell", other.id)
    assert kept.removed_at is None
    assert app.waiting() == 1
    app.ask("/ask And now?", name=kept.full_name)
    assert app.waiting() == 2
    assert app.context.github.client(0, repository.id).repository(repository.id).installation_id == other.id


@pytest.mark.parametrize("token", ["made before it", "to be made"])
def test_a_job_that_runs_before_a_transfer_is_heard_of_waits_and_is_answered_there(
    app: Whole, token: str
) -> None:
    app.ask()
    app.round()
    state, repository = app.playground.state, app.playground.repository()
    with app.database.unit(read_only=True) as unit:
        asked = unit.answers.question(unit.connection.execute(sa.select(questions.c.answer_id)).scalar_one())
    assert asked is not None
    other = ownership.install(state, OWNER_OF, people.NEIGHBOUR)
    app.round()
    if token == "made before it":
        app.context.github.of(asked).repository(repository.id)
    app.unreachable()
    act(app, "transfer", people.NEIGHBOUR)
    failed: list[Failure] = []
    for step in (
        lambda: compose_job(app.context, asked),
        lambda: fail(app.context, asked, ThumbprintError("x"), lambda seconds: None),
    ):
        with pytest.raises(ThumbprintError) as raised:
            step()
        failed.append(Failure.of(raised.value, "step"))
    assert [one.kind for one in failed] == ["OutOfBounds"] * 2
    assert delay_s(failed[0], 1) is not None and later_s(failed[1], 1) is not None
    assert app.row(repository.id).removed_at is None
    app.round()  # no delivery came: that a token was refused has GitHub asked
    assert app.row(repository.id).removed_at is not None and app.waiting() == 0
    app.unreachable(False)
    app.clock.forward(hours=25)
    app.round()
    assert app.row(repository.id).installation_id == other.id
    assert app.waiting() == 1


def test_a_repository_transferred_to_where_the_app_is_not_is_lost(app: Whole) -> None:
    app.ask()
    act(app, "transfer", people.NEIGHBOUR)
    app.round()
    assert app.row(app.playground.repository(f"{people.NEIGHBOUR}/inkwell").id).removed_at is not None
    assert app.waiting() == 0


def test_private_at_once_and_public_only_when_github_says_so_now(app: Whole) -> None:
    app.ask()
    app.round()
    repository = app.playground.repository()
    app.clock.forward(minutes=1)
    act(app, "set_private")
    assert app.row(repository.id).private
    act(app, "set_private", on=False)
    assert app.row(repository.id).private
    app.round()
    assert not app.row(repository.id).private
    act(app, "set_private")
    publicized = next(d for d in app.playground.deliveries() if d.action == "publicized")
    with app.playground.state.change():  # the old word arrives once more, and last
        app.playground.state.queue("repository", "publicized", repository.id, publicized.body)
    app.playground.wait_for_deliveries()
    assert app.row(repository.id).private
    app.round()
    assert app.row(repository.id).private


@pytest.mark.parametrize("how", ["select", "set_archived", "delete"])
def test_a_repository_that_is_removed_archived_or_deleted_is_out_of_bounds_and_the_other_is_not(
    app: Whole, how: str
) -> None:
    app.ask()
    app.ask(name="sailcloth")
    app.round()
    repository, other = app.playground.repository(), app.playground.repository("sailcloth")
    act(app, how, on={"select": False, "set_archived": True}.get(how))
    app.round()
    assert [job.split("/")[1] for job in app.jobs("ENQUEUED")] == [str(other.id)]
    with pytest.raises(OutOfBounds):
        app.context.github.client(0, repository.id)
    app.context.github.client(0, other.id).repository(other.id)
    if how != "delete":
        act(app, how, on={"select": True, "set_archived": False}[how])
        app.round()
        assert app.context.github.client(0, repository.id).repository(repository.id).id == repository.id


def test_a_renamed_repository_is_known_by_its_new_name(app: Whole) -> None:
    app.ask()
    act(app, "rename", "inkpot")
    app.round()
    assert app.row(app.playground.repository("inkpot").id).full_name == f"{people.OWNER}/inkpot"


def test_what_was_lost_is_erased_after_the_grace_and_not_before_it(app: Whole) -> None:
    app.ask()
    app.ask(name="sailcloth")
    app.round()
    repository = app.playground.repository()
    act(app, "select", on=False)
    app.clock.forward(days=29)
    app.round()
    assert app.row(repository.id)
    app.clock.forward(days=2)
    app.round()
    with app.database.unit(read_only=True) as unit:
        assert unit.repositories.get(repository.id) is None
        assert [one.full_name for one in unit.repositories.all()] == [f"{people.OWNER}/sailcloth"]
        [audit] = unit.audits.since(app.clock.now)
        kept = [one.body for one in unit.deliveries.recent(100)]
    assert (audit.act, audit.repository_id) == ("erased", repository.id)
    assert not any(f"{people.OWNER}/inkwell".encode() in body for body in kept)
    assert [job.split("/")[1] for job in app.jobs()] == [str(app.playground.repository("sailcloth").id)]


def test_of_a_repository_that_came_back_before_it_was_erased_no_job_goes(app: Whole) -> None:
    app.ask()
    app.round()
    repository = app.playground.repository()
    assert app.waiting() == 1
    long_ago = app.clock.now - timedelta(days=30)
    assert not erase_lost(app.context, repository.id, long_ago, app.clock.now)
    assert (app.waiting(), len(app.jobs(name="eyes/"))) == (1, 1)


def test_of_an_erased_repository_no_table_names_a_job_and_the_others_are_there(app: Whole) -> None:
    app.ask()
    app.ask(name="sailcloth")
    app.round()
    repository = app.playground.repository()
    act(app, "select", on=False)
    began = datetime.now(UTC)
    hour = timedelta(hours=1)
    assert erase_lost(app.context, repository.id, app.clock.now + hour, app.clock.now - hour)
    theirs, others = naming(app, repository.id), naming(app, app.playground.repository("sailcloth").id)
    assert theirs == set() and others >= {"workflow_status", "workflow_input"}
    with app.database.unit(read_only=True) as unit:
        [audit] = unit.audits.since(began, [ERASED])
    assert audit.repository_id == repository.id, "dated by its end, not by the round's begin"


def naming(app: Whole, repository_id: int) -> set[str]:
    """DBOS's tables with a row whose job names a repository."""
    found = set()
    with app.database.engine.connect() as connection:
        for name in sa.inspect(connection).get_table_names():
            columns = {one["name"] for one in sa.inspect(connection).get_columns(name)}
            if "workflow_uuid" in columns:
                query = sa.text(f"SELECT count(*) FROM {name} WHERE workflow_uuid LIKE '%/{repository_id}/%'")
                found |= {name} if connection.execute(query).scalar_one() else set()
    return found


def test_what_was_erased_at_once_is_not_sent_again_nor_known_once_more(tmp_path: Path) -> None:
    """GitHub lists a delivery for longer than the rows that it left are kept."""
    with whole(tmp_path, erase_after_days=0) as app:
        app.ask()
        app.round()
        repository = app.playground.repository()
        act(app, "select", on=False)
        app.clock.forward(minutes=6)
        app.round()
        sent = len(app.playground.deliveries())
        for _ in range(2):
            app.clock.forward(minutes=6)
            app.round()
        assert len(app.playground.deliveries()) == sent
        assert app.jobs() == []
        with app.database.unit(read_only=True) as unit:
            assert unit.repositories.get(repository.id) is None


def test_installed_again_within_the_grace_what_was_learned_is_there(app: Whole) -> None:
    app.ask()
    app.round()
    repository = app.playground.repository()
    act(app, "uninstall")
    app.clock.forward(days=10)
    app.round()
    act(app, "install")
    app.round()
    kept = app.row(repository.id)
    assert kept.removed_at is None
    assert kept.installation_id != app.playground.credentials.installation_id
    app.clock.forward(days=60)
    app.round()
    assert app.row(repository.id) == replace(kept, revision=kept.revision)


def test_an_uninstallation_that_no_delivery_told_of_is_found_within_a_day(app: Whole) -> None:
    app.ask()
    app.round()
    app.unreachable()
    act(app, "uninstall")
    app.unreachable(False)
    app.playground.state.deliveries.clear()
    app.clock.forward(hours=25)
    app.round()
    assert app.waiting() == 0
    [installation] = installations(app)
    assert installation.standing is Standing.REMOVED


def test_the_app_installed_on_a_new_account_is_ready_there(app: Whole) -> None:
    state = app.playground.state
    made = ownership.install(state, OWNER_OF, people.NEIGHBOUR)
    app.round()
    with app.database.unit(read_only=True) as unit:
        known = unit.installations.get(made.id)
        there = [one.full_name for one in unit.repositories.of_installation(made.id)]
    assert known is not None and (known.account, known.standing) == (people.NEIGHBOUR, Standing.ACTIVE)
    assert there == [one.full_name for one in state.reached(made.id)]


def trains(app: Whole, *names: str) -> None:
    """These repositories' files say that they may train a model."""
    with app.database.unit() as unit:
        for name in names:
            there = app.playground.repository(name)
            unit.configurations.keep(
                Configuration(
                    repository_id=there.id,
                    installation_id=app.playground.credentials.installation_id,
                    words=("/ask",),
                    mention=True,
                    training=True,
                    as_of=app.clock.now,
                )
            )
        unit.commit()


def shared(app: Whole) -> set[int]:
    with app.database.unit(read_only=True) as unit:
        return unit.configurations.shared()


def test_what_is_private_or_lost_leaves_every_shared_artefact_at_once_and_is_exported_no_more(
    app: Whole,
) -> None:
    app.ask()
    app.ask(name="sailcloth")
    app.round()
    trains(app, "inkwell", "sailcloth")
    inkwell, sailcloth = app.playground.repository(), app.playground.repository("sailcloth")
    assert shared(app) == {inkwell.id, sailcloth.id}
    act(app, "set_private")
    assert shared(app) == {sailcloth.id}
    act(app, "uninstall")
    assert shared(app) == set()
    with app.database.unit(read_only=True) as unit:
        left = [
            one.repository_id for one in unit.audits.since(app.clock.now - timedelta(days=1), (LEFT_SHARED,))
        ]
        lines = list(lessons.export(unit, app.row(sailcloth.id), app.clock.now))
    assert sorted(left) == sorted((inkwell.id, inkwell.id, sailcloth.id))
    assert len(lines) == 1 and "left out" in lines[0]


def test_of_an_account_that_took_the_app_away_nothing_stays_but_a_number(app: Whole) -> None:
    app.ask()
    app.round()
    installation_id = app.playground.credentials.installation_id
    place = of_installation(installation_id)
    with app.database.unit() as unit:
        unit.configurations.keep_file(ConfigFile(place=place, text="tone: formal", read_at=app.clock.now))
        unit.adapters.add(adapter("a", installation_id=installation_id))
        assert unit.adapters.promote(promotion("a", scope=installation_id))
        unit.commit()
    act(app, "uninstall")
    app.clock.forward(days=31)
    app.round()
    with app.database.unit(read_only=True) as unit:
        known = unit.installations.get(installation_id)
        assert unit.configurations.file(place) is None
        assert unit.repositories.all() == []
    assert known is not None and (known.account, known.account_id) == ("", 0)
    with app.database.unit(read_only=True) as unit:
        assert (unit.adapters.all(), unit.adapters.current()) == ([], [])
    app.database.vacuum()
    files = [app.context.settings.home / name for name in ("playground.db", "playground.db-wal")]
    kept = b"".join(file.read_bytes() for file in files if file.exists())
    assert b"How do I run the tests" not in kept and f"{people.OWNER}/inkwell".encode() not in kept
