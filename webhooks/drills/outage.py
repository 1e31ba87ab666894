"""An outage of hours or days: each delivery that failed meanwhile is sent again, and handled once.

Deliveries fail as they do in life: nobody answers; a proxy says 200 and hands nothing on; or we keep it, and
GitHub does not hear our answer in time. Beyond the three days for which GitHub sends again, what was written
is read. Clock and model are not real; what is handled is counted by a worker whose steps do nothing else.
Run: `thumbprint drill outage --hours 71 --deliveries 10000`, `pytest tests/integration/test_drills.py`.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from bot.jobs import Worker
from bot.missed import HEARD
from bot.workflows import Steps
from storage.database import Database
from storage.records import Question
from webhooks.drills.world import World, wait_until
from webhooks.playground import acts
from webhooks.playground.things import Comment, Delivery

ASKER = "noor-haddad"
QUIET_ROUNDS = 3
"""Rounds in which nothing is asked for any more, before it is over."""

MOST_ROUNDS = 12 * 24
HANDLED_S = 3600.0
MODES = {"nobody": 75, "swallowed": 10, "unheard": 15}
"""How deliveries fail, and how often of a hundred times."""

ACTS = {"ask": 60, "thank": 25, "open": 5, "edit": 10}
"""What people do, and how often of a hundred times."""


@dataclass(kw_only=True)
class Outage:
    """What was done, and what came of it. The lists name what went wrong, and are empty if all is well."""

    seed: int
    hours: float
    failed: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    again: int = 0
    rounds: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether each was handled once, and nothing was sent again that had reached us."""
        return not (self.lost or self.doubled or self.needless)

    def __str__(self) -> str:
        """The figures in a sentence or two."""
        failed = ", ".join(f"{name} {count}" for name, count in sorted(self.failed.items()))
        return (
            f"seed {self.seed}: {self.failed.total()} deliveries failed in {self.hours:g} h ({failed}), "
            f"{self.asked} questions; {self.again} sent again within {self.rounds * 5 / 60:.1f} h; "
            f"{len(self.lost)} lost, {len(self.doubled)} handled twice, {len(self.needless)} sent again "
            f"needlessly; {self.seconds:.0f} s"
        )


class Town:
    """The playground's people, busy, and the jobs that ought to come of what they do."""

    def __init__(self, world: World, seed: int) -> None:
        self._world, self._chance = world, random.Random(seed)  # noqa: S311
        self.expected: set[str] = set()
        self._asked: list[Comment] = []
        self._threads = [issue for issue in world.state.posts.values() if not isinstance(issue, Comment)]
        self._threads = [one for one in self._threads if not one.locked and not one.deleted]
        self._count = 0

    def act(self) -> None:
        """Somebody does something that GitHub tells us of."""
        self._count += 1
        [what] = self._chance.choices(list(ACTS), list(ACTS.values()))
        state, thread = self._world.state, self._chance.choice(self._threads)
        if what == "open":
            there = state.repositories[thread.repository_id]
            made = acts.open_issue(state, ASKER, there, f"A thread {self._count}", f"/ask Why {self._count}?")
            self.expected.add(f"answer/{there.id}/issue/{made.id}")
        elif what == "thank":
            acts.say(state, ASKER, thread, f"Thank you, {self._count} times.")
        elif what == "edit" and self._asked:
            acts.edit(state, ASKER, self._chance.choice(self._asked), f"/ask Otherwise {self._count}?")
        else:
            self._asked.append(acts.say(state, ASKER, thread, f"/ask What is {self._count}?"))
            self.expected.add(f"answer/{thread.repository_id}/issue_comment/{self._asked[-1].id}")

    def mode(self) -> str:
        """How the next delivery fails."""
        return self._chance.choices(list(MODES), list(MODES.values()))[0]


def outage(
    world: World, *, hours: float, count: int, seed: int, tick: Callable[[], object] = lambda: None
) -> Outage:
    """Let about `count` deliveries fail within `hours`; then be there again until nothing is missing.

    Raises TimeoutError when what was taken is not handled in an hour.
    """
    done, town, began = Outage(seed=seed, hours=hours), Town(world, seed), time.monotonic()
    for _ in range(max(1, count // 50)):
        town.act()
    world.round()
    failed = {} if count == 0 else _fail(world, town, done, hours, count, tick)
    _recover(world, town, done, failed)
    within = world.context.settings.github_host.redelivery_window.total_seconds() / 3600
    _judge(world, town, done, failed, by_guid=hours < within)
    done.seconds = time.monotonic() - began
    return done


def _fail(
    world: World, town: Town, done: Outage, hours: float, count: int, tick: Callable[[], object]
) -> dict[str, str]:
    """Live through the outage; returns how each delivery failed, by GUID."""
    failed: dict[str, str] = {}
    last = max(world.state.deliveries, default=0)
    for _ in range(count):
        world.clock.forward(seconds=hours * 3600 / count)
        mode = town.mode()
        world.unreachable(mode != "unheard")
        town.act()
        world.delivered()
        fresh = _since(world, last)
        last = max(fresh, default=last)
        for sent in (world.state.deliveries[number] for number in fresh):
            _as_if(world, sent, mode)
            if sent.event in HEARD:
                failed[sent.guid] = mode
                done.failed[mode] += 1
        tick()
    world.unreachable(False)
    return failed


def _since(world: World, last: int) -> list[int]:
    """The numbers of the attempts after one of them; numbers only go up."""
    fresh: list[int] = []
    for number in reversed(world.state.deliveries):
        if number <= last:
            break
        fresh.append(number)
    return fresh


def _as_if(world: World, sent: Delivery, mode: str) -> None:
    with world.state.change():
        if mode == "swallowed":
            sent.status, sent.status_code = "OK", 200
        elif mode == "unheard":
            sent.status, sent.status_code = "timed out", 0
        world.state.save_delivery(sent)


def _recover(world: World, town: Town, done: Outage, failed: dict[str, str]) -> None:
    """Rounds five minutes apart, people busy meanwhile, until nothing is sent again any more."""
    quiet = 0
    while quiet < QUIET_ROUNDS and done.rounds < MOST_ROUNDS:
        world.clock.forward(minutes=5, seconds=1)
        town.act()
        world.delivered()
        sent = len(_again(world, failed))
        world.round()
        done.rounds += 1
        quiet = quiet + 1 if len(_again(world, failed)) == sent and done.rounds > QUIET_ROUNDS else 0
    done.rounds -= quiet
    done.asked = len(town.expected)


def _again(world: World, failed: dict[str, str]) -> list[str]:
    sent = list(world.state.deliveries.values())
    return [one.guid for one in sent if one.redelivery and one.guid in failed]


def _judge(world: World, town: Town, done: Outage, failed: dict[str, str], by_guid: bool) -> None:
    again = _again(world, failed)
    done.again = len(again)
    done.needless = sorted(guid for guid in again if failed[guid] == "unheard")
    with world.context.database.unit(read_only=True) as unit:
        known = unit.progress.known(set(failed))
        kept = [one for each in unit.repositories.all() for one in unit.jobs.of_repository(each.id)]
    jobs = {one for one in kept if one.startswith("answer/")}
    if by_guid:
        done.lost = sorted(set(failed) - known)
    done.lost += sorted(town.expected - jobs)
    done.doubled = sorted(jobs - town.expected)
    handled = _handle(world, len(jobs))
    done.lost += sorted(one for one in jobs if not handled[one])
    done.doubled += sorted(one for one, times in handled.items() if times != 1)


def _handle(world: World, count: int) -> Counter[str]:
    """Have a worker carry all jobs out; how often each was."""
    composed: list[Question] = []
    posted: list[str] = []

    def compose(question: Question) -> str:
        composed.append(question)
        return question.answer_id

    nothing: dict[str, Any] = {each.name: lambda *about: None for each in fields(Steps)}
    steps = Steps(**{**nothing, "compose": compose, "post": posted.append})
    settings = world.context.settings
    worker = Worker(settings, Database(settings.resolved_database_url, busy_timeout_s=30.0), steps)
    worker.start()
    try:
        wait_until(lambda: len(posted) >= count, HANDLED_S, f"{count} jobs are not handled")
    finally:
        worker.stop()
    times = Counter(posted)
    names = [(f"answer/{q.repository_id}/{q.post_kind.value}/{q.post_id}", q.answer_id) for q in composed]
    return Counter(name for name, answer_id in names if times[answer_id] == 1)
