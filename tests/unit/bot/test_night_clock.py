"""When a night begins by itself, what it knows, and that it is nobody's burden."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot import night_clock, night_lock
from bot.consent import ASKING
from bot.drills.town import drill_settings
from bot.night_clock import Clock, due, night_env
from bot.settings import NEVER, Settings
from storage.database import Database
from storage.records import Run, RunStatus

THREE = "0 3 * * *"
DAY = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def ended(started: datetime, status: RunStatus = RunStatus.KEPT) -> Run:
    return Run(id="one", started_at=started, ended_at=started, status=status)


def test_a_night_begins_once_at_its_time() -> None:
    assert not due(THREE, at(2.99), None)
    assert due(THREE, at(3.01), None)
    assert due(THREE, at(3.01), ended(at(-21)))
    assert not due(THREE, at(3.02), ended(at(3.01)))


@pytest.mark.parametrize("cron", [THREE, "30 3 * * *", "0 4 * * *"])
@pytest.mark.parametrize(("month", "date"), [(3, 29), (10, 25)])
def test_clocks_that_are_turned_at_its_hour_make_no_night_come_twice_or_never(
    monkeypatch: pytest.MonkeyPatch, cron: str, month: int, date: int
) -> None:
    """Helsinki's: from three to four in spring, from four to three in autumn."""
    monkeypatch.setenv("TZ", "EET-2EEST,M3.5.0/3,M10.5.0/4")
    time.tzset()
    now = datetime(2026, month, date, tzinfo=UTC) - timedelta(hours=12)
    last: Run | None = None
    nights: list[int] = []
    for _ in range(48 * 12):
        now += timedelta(minutes=5)
        if due(cron, now, last):
            last = ended(now)
            nights.append(now.astimezone().day)
    assert nights == [date, date + 1]


def test_whatever_the_hour_no_night_begins_in_a_drill_or_in_a_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings(_env_file=None).retrain_at == NEVER
    monkeypatch.setenv("THUMBPRINT_RETRAIN_AT", THREE)
    assert drill_settings(tmp_path, "http://127.0.0.1:1/v1").retrain_at == NEVER


def test_a_time_that_was_missed_by_minutes_is_made_up_for_and_by_hours_is_not() -> None:
    assert due(THREE, at(3.9), None)
    assert not due(THREE, at(4.1), None)
    assert not due(THREE, at(10), None)


def test_a_night_is_not_missed_while_all_are_asked_whether_they_still_opt_in() -> None:
    assert due(THREE, at(5), None, at(4.5)), "GitHub was out of reach until then"
    assert not due(THREE, at(5), ended(at(4.9)), at(4.5))
    assert not due(THREE, at(10), None, at(4.5)), "no worker was there since"
    assert not due(NEVER, at(5), None, at(4.5))


def test_a_night_that_was_killed_goes_on_at_any_hour() -> None:
    killed = Run(id="one", started_at=at(3), status=RunStatus.RUNNING)
    assert due(THREE, at(10), killed)
    assert due("never", at(10), killed)


def test_no_night_begins_where_the_operator_says_never() -> None:
    assert not due("never", at(3.01), None)


def test_another_time_is_a_cron_expression_and_nothing_else_is_one() -> None:
    assert due("30 4 * * 0", at(4.6), None)  # a Sunday
    assert Settings(_env_file=None, retrain_at="never").retrain_at == "never"
    for wrong in ("", "3 o'clock", "61 3 * * *", "0 3 * * * *"):
        with pytest.raises(ValidationError, match="cron expression of five fields"):
            Settings(_env_file=None, retrain_at=wrong)


def test_a_night_knows_the_database_and_no_secret_of_github(tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None,
        home=tmp_path,
        app_id="7",
        private_key_file=tmp_path / "key.pem",
        webhook_secret="s3cret",
        pages_token="p4ges",
        model_key="k3y",
        retrain_at=THREE,
        retrain_options="--steps 3",
        retrain_launcher="accelerate launch",
    )
    machine = {
        "PATH": "/bin",
        "HOME": "/h",
        "CUDA_VISIBLE_DEVICES": "0",
        "PGPASSWORD": "pg",
        "GITHUB_TOKEN": "t",
    }
    known = night_env(settings, machine)
    assert known == {
        "PATH": "/bin",
        "HOME": "/h",
        "CUDA_VISIBLE_DEVICES": "0",
        "PGPASSWORD": "pg",
        "PYTHONUNBUFFERED": "1",
        "THUMBPRINT_ENV_FILE": "",
        "THUMBPRINT_HOME": str(tmp_path),
        "THUMBPRINT_APP_ID": "7",
        "THUMBPRINT_DATABASE_URL": f"sqlite:///{tmp_path}/thumbprint.db",
        "THUMBPRINT_RETRAIN_AT": THREE,
        "THUMBPRINT_RETRAIN_OPTIONS": "--steps 3",
        "THUMBPRINT_RETRAIN_LAUNCHER": "accelerate launch",
    }


SLEEPER = "import os, pathlib, time; pathlib.Path('nice').write_text(str(os.nice(0))); time.sleep(600)"


def test_the_worker_starts_one_process_of_low_priority_and_no_second_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path}/one.db"
    settings = Settings(_env_file=None, home=tmp_path, database_url=url, retrain_at=THREE)
    database = Database(settings.resolved_database_url)
    database.migrate()
    started: list[Any] = []
    commands: list[list[str]] = []
    popen = night_clock.subprocess.Popen

    def start(command: list[str], env: Mapping[str, str], **more: Any) -> Any:
        commands.append(command)
        started.append(popen([sys.executable, "-c", SLEEPER], env=dict(os.environ), **more))
        return started[-1]

    monkeypatch.setattr(night_clock.subprocess, "Popen", start)
    answers = iter([False, True])
    clock = Clock(settings, database, lambda: at(3.01), lambda now: now == at(3.01) and next(answers))
    try:
        assert not clock.tick() and not started  # not all who may train were asked yet
        assert clock.tick()
        assert not clock.tick()
        until = time.monotonic() + 60
        while not (tmp_path / "nice").exists() or not (tmp_path / "nice").read_text():
            assert time.monotonic() < until
            time.sleep(0.02)
        assert (tmp_path / "nice").read_text() == "19"
    finally:
        for one in started:
            one.kill()
            one.wait()
    assert len(started) == 1
    with night_lock.held(tmp_path / "training", database):
        assert not clock.tick()
    with database.unit() as unit:
        unit.adapters.add_run(Run(id="killed", started_at=at(3.01), status=RunStatus.RUNNING))
        unit.commit()
    asked: list[datetime] = []
    later = Clock(settings, database, lambda: at(10), lambda now: bool(asked.append(now)))
    try:
        assert later.tick() and not asked, "a night that goes on has its data already"
        night = [sys.executable, "-m", "bot", "retrain", "--with-parent"]
        assert commands == [night, [*night, "--go-on"]], "and begins none, for nobody was asked"
    finally:
        started[-1].kill()
        started[-1].wait()
    database.dispose()


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hours]:
    """A worker's clock that is turned, and nights that are over at once."""
    settings = Settings(
        _env_file=None, home=tmp_path, database_url=f"sqlite:///{tmp_path}/one.db", retrain_at=THREE
    )
    made = Hours(settings, Database(settings.resolved_database_url))
    made.database.migrate()
    popen = night_clock.subprocess.Popen

    def start(command: list[str], env: Mapping[str, str], **more: Any) -> Any:
        made.nights.append(command[4:])
        made.last = popen([sys.executable, "-c", ""], env=dict(os.environ), **more)
        made.last.wait()
        return made.last

    monkeypatch.setattr(night_clock.subprocess, "Popen", start)
    yield made
    made.database.dispose()


class Hours:
    """What was started, by its flags."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings, self.database = settings, database
        self.nights: list[list[str]] = []
        self.last: Any = None

    def tick(self, hour: float, ask: Callable[[datetime], bool] = lambda now: True) -> bool:
        """One tick of any worker: none keeps anything of the last one's."""
        return Clock(self.settings, self.database, lambda: at(hour), ask).tick()

    def row(self, run_id: str, hour: float, status: RunStatus) -> None:
        with self.database.unit() as unit:
            unit.adapters.add_run(Run(id=run_id, started_at=at(hour)))
            if status is not RunStatus.RUNNING:
                unit.adapters.end_run(run_id, status, at(hour), reason="It was judged.")
            unit.commit()


def test_a_night_of_one_scope_that_was_killed_goes_on_though_another_scope_s_is_newer(worker: Hours) -> None:
    worker.row("night-account-2", 3.01, RunStatus.RUNNING)
    worker.row("night-shared", 3.01, RunStatus.KEPT)
    worker.row("by-hand", 5, RunStatus.SKIPPED)
    assert worker.tick(10)
    assert worker.nights == [["--with-parent", "--go-on"]]
    with worker.database.unit() as unit:
        unit.adapters.end_run("night-account-2", RunStatus.KEPT, at(11), reason="It was judged.")
        unit.commit()
    assert not worker.tick(11.01)


def test_a_night_that_began_in_the_future_by_a_wrong_clock_keeps_no_other_away(worker: Hours) -> None:
    worker.row("next-year", 9000, RunStatus.KEPT)
    worker.row("last", -20, RunStatus.KEPT)
    assert worker.tick(3.1)
    worker.row("tonight", 3.1, RunStatus.KEPT)
    assert not worker.tick(3.2), "once, and not at each tick"


def test_a_night_that_another_machine_goes_on_with_is_not_begun_beside_it(
    worker: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = night_lock.elsewhere
    monkeypatch.setattr(night_clock, "elsewhere", lambda run, shared, now: left(run, True, now))
    worker.row("theirs", 3.01, RunStatus.RUNNING)
    assert not worker.tick(3.02) and not worker.tick(26)
    assert worker.tick(27.1)
    assert worker.nights == [["--with-parent", "--go-on"]]


def test_a_night_that_is_asked_for_beyond_its_hour_begins_by_the_same_worker_or_another(
    worker: Hours,
) -> None:
    def asks(now: datetime) -> bool:
        with worker.database.unit() as unit:
            unit.progress.set_mark(ASKING, now)
            unit.commit()
        return now > at(5)

    assert not any(worker.tick(hour, asks) for hour in (2.9, 3.1, 3.8, 4.5, 4.99))
    assert worker.tick(5.1, asks)
    assert worker.nights == [["--with-parent"]]
