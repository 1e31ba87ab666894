"""Quiet hours: who asks in them gets 👀, and the answer when they are over; nothing else waits meanwhile.

GitHub is the playground; only the model is scripted. When quiet times end: `tests/unit/bot/test_quiet.py`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot import answer
from bot.control import overview
from bot.ports import free_port
from bot.quiet import DAYS
from bot.waiting import WAITED
from storage.errors import Quiet
from storage.tables import jobs
from tests.integration.answered import MAINTAINER, READER, SECOND, working
from tests.integration.chosen import QUESTION, body, file
from tests.integration.playground_fixture import playground, playground_at, receiver
from tests.integration.test_who_may import GOOD, Town, build, town
from webhooks.app import create_app
from webhooks.drills.world import served, wait_until

__all__ = ["build", "playground", "receiver", "town"]

pytestmark = pytest.mark.slow


def quiet() -> str:
    """A file whose quiet time is now, and for the rest of today and tomorrow (UTC)."""
    today = datetime.now(UTC).weekday()
    days = ", ".join(DAYS[(today + n) % 7] for n in (-1, 0, 1))
    return f'quiet_hours:\n  - {{from: "00:00", to: "24:00", days: [{days}]}}\n'


def test_a_question_asked_in_them_gets_eyes_and_waits_for_their_end(town: Town) -> None:
    file(town, quiet())
    comment = town.playground.say(READER, 2, f"/ask {QUESTION}")
    asked = town.question(comment, QUESTION)
    answer.acknowledge(town.context, asked)
    with pytest.raises(Quiet) as held:
        answer.compose_job(town.context, asked)
    left = held.value.retry_after_s
    assert left is not None and 24 * 3600 <= left <= 48 * 3600
    assert [one.content for one in town.playground.state.reactions_to(comment)] == ["eyes"]
    assert town.playground.answers(2) == [] and not town.scripted.asked


def test_they_are_those_of_the_time_zone(town: Town) -> None:
    """Two islands 25 hours apart never have the same day."""
    east = datetime.now(ZoneInfo("Pacific/Kiritimati")).weekday()
    hours = f'quiet_hours: [{{from: "00:00", to: "24:00", days: [{DAYS[east]}]}}]\n'
    file(town, hours + "time_zone: Pacific/Pago_Pago\n")
    assert town.say(READER, QUESTION) == GOOD
    file(town, hours + "time_zone: Pacific/Kiritimati\n")
    with pytest.raises(Quiet):
        town.say(READER, QUESTION)


def test_it_is_answered_when_they_are_over_and_the_answer_says_that_it_waited(town: Town) -> None:
    file(town, quiet())
    comment = town.playground.say(READER, 2, f"/ask {QUESTION}")
    last_night = datetime.now(UTC) - timedelta(days=7)
    town.work(replace(town.question(comment, QUESTION), asked_at=last_night))
    assert WAITED in body(town) and len(town.playground.answers(2)) == 1
    file(town, "")
    assert town.say(READER, QUESTION) == GOOD and WAITED not in body(town)


def test_commands_and_refusals_do_not_wait(town: Town) -> None:
    file(town, quiet() + "questions_per_person: 1\n")
    assert town.say(READER, "help").startswith("| command |")
    assert town.say(READER, QUESTION).startswith("That was your 1 question")
    town.role(SECOND, "maintain")
    assert town.say(SECOND, "freeze").startswith("Frozen")


def test_what_waits_for_the_morning_holds_up_nothing_of_its_thread(tmp_path: Path) -> None:
    """Delivery, receiver, queue and worker; the morning is the hand of the clock moved in the job's row."""
    port = free_port()
    with playground_at(tmp_path / "playground", f"http://127.0.0.1:{port}") as there:
        town = Town(there, tmp_path / "home")
        file(town, quiet())
        with served(create_app(town.context.settings), port), working(town.context):
            there.say(READER, 2, f"/ask {QUESTION}")

            def resting() -> list[str]:
                return [one.id for one in overview(town.database, 9).jobs if one.state.startswith("rests")]

            wait_until(lambda: len(resting()) == 1, 60, "the question does not rest")
            there.say(MAINTAINER, 2, "/ask help")
            wait_until(lambda: len(there.answers(2)) == 1, 60, "the command waits, too")
            assert len(resting()) == 1
            file(town, "")
            with town.database.unit() as unit:
                morning = jobs.update().where(jobs.c.id.in_(resting()))
                unit.connection.execute(morning.values(due_at=unit.executors.now()))
                unit.commit()
            wait_until(lambda: len(there.answers(2)) == 2, 60, "no answer in the morning")
            assert GOOD in body(town)
        town.github.close()
        town.database.dispose()
