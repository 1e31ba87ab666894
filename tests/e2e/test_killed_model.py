"""kill -9 of the real model server while it writes: `run` starts it again, and the asker gets one answer."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from bot.first_answer import REPOSITORY
from bot.settings import Settings
from storage.database import Database
from storage.records import AnswerStatus
from tests.e2e.system import System

pytestmark = pytest.mark.slow
WAIT_S = 300.0
WRITING_S = 1.0
"""Seconds of processor time after which the model does not only count tokens any more."""


def wait(until: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WAIT_S
    while not until():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def model_of(system: System) -> int | None:
    """The process id of the model server that `run` has started."""
    for child in Path(f"/proc/{system.pid}/task/{system.pid}/children").read_text().split():
        try:
            if b"learning.models.server" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        except OSError:
            continue
    return None


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def act(system: System, **fields: object) -> dict[str, object]:
    said = httpx.post(
        f"{system.playground}/playground/act",
        json={"as": "ben-okafor", "repository": REPOSITORY, **fields},
        timeout=30,
        trust_env=False,
    )
    said.raise_for_status()
    found: dict[str, object] = said.json()
    return found


@pytest.mark.timeout(900)
def test_a_model_killed_while_it_writes_is_started_again_and_the_question_is_answered_once(
    system: System,
) -> None:
    title = "The tests take long"
    issue = act(system, do="open", title=title, body="They take two minutes here, and I run them often.")
    database = Database(Settings(_env_file=None, home=system.home).resolved_database_url)
    first = model_of(system)
    assert first is not None
    idle_s = processor_s(first)
    act(system, do="say", number=issue["number"], body="/ask How do I run only one of the tests?")
    wait(lambda: processor_s(first) > idle_s + WRITING_S, "the model did not begin to write")

    def answers() -> list[AnswerStatus]:
        with database.unit(read_only=True) as unit:
            found = unit.answers.recent(50)
        return [one.status for one in found if one.question.number == issue["number"]]

    assert answers() == []
    os.kill(first, signal.SIGKILL)
    wait(lambda: model_of(system) not in (None, first), "`run` did not start the model again")
    wait(lambda: answers() == [AnswerStatus.POSTED], "the question was not answered")
    time.sleep(1)  # time enough for a second comment to show itself
    page = httpx.get(f"{system.playground}/{REPOSITORY}/issues/{issue['number']}", trust_env=False).text
    assert len(set(re.findall(r'id="issuecomment-(\d+)"', page))) == 2  # the question's and ours
    assert "model ended (SIGKILL); starting it again" in (system.home / "run.log").read_text()
    assert "step_waits" in system.log("work")
    database.dispose()
