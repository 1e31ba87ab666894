"""GitHub, receiver, database and worker in one thread, so that whatever happens happens in a known order.

The playground and the receiver are the real ones, called without sockets; the worker's steps are the real
ones, carried out one at a time from the queue's own rows. What is not here is DBOS's running of them: who
dies in the middle is drilled with processes (`bot/drills`). A worker crashes by `Crash`, raised before or
after a call to GitHub or a commit; whoever comes next begins the step again with nothing in its memory.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import anyio.from_thread
import httpx
import sqlalchemy as sa

from bot import answer, feedback, poll
from bot.access import Access
from bot.context import Context
from bot.drills.points import Pointed, Wire
from bot.drills.scripted import ScriptedModel
from bot.github import GitHub
from bot.jobs import router_of
from bot.marker import parse_marker
from bot.models import Models
from bot.queue import JobName, Queue, rows_of
from bot.retry import Failure, delay_s, later_s
from bot.settings import Settings
from bot.upkeep import upkeep
from storage.database import Database
from storage.errors import ThumbprintError
from storage.records import JobOutcome, Question
from tests.contract.recorder import Contract
from webhooks.playground.api import PREFIX
from webhooks.playground.app import create_app
from webhooks.playground.deliveries import Deliverer
from webhooks.playground.limits import Limits
from webhooks.playground.refusals import Refused
from webhooks.playground.state import State
from webhooks.playground.things import Comment, Repository
from webhooks.receiver import Receiver

BASE = "http://127.0.0.1:8001"
PATIENCE = 12
"""Tries of one step before the world says that it never ends."""
ROUND = 4
"""So many tries of one step, minutes apart, never go by without a round of what is done by the clock."""


class Crash(BaseException):
    """The worker's process ends here, whatever it was doing."""


@dataclass
class Strike:
    """Where the worker crashes next, by the names of `bot/drills/points.py`."""

    left: int = -1
    begins: str = ""
    struck: list[str] = field(default_factory=list)

    def arm(self, left: int, begins: str) -> None:
        """Crash at the next point but `left` whose name begins so."""
        self.left, self.begins = left, begins

    def disarm(self) -> None:
        self.left = -1

    def __call__(self, name: str) -> None:
        if self.left >= 0 and name.startswith(self.begins):
            self.left -= 1
            if self.left < 0:
                self.struck.append(name)
                raise Crash


class InProcess(httpx.BaseTransport):
    """An ASGI application, called in a loop of its own without a socket."""

    def __init__(self, app: Any, portal: anyio.from_thread.BlockingPortal) -> None:
        self._through, self._portal = httpx.ASGITransport(app), portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._send, request, request.read())

    async def _send(self, request: httpx.Request, body: bytes) -> httpx.Response:
        sent = httpx.Request(request.method, request.url, headers=request.headers, content=body)
        said = await self._through.handle_async_request(sent)
        assert isinstance(said.stream, httpx.AsyncByteStream)
        content = b"".join([part async for part in said.stream])
        return httpx.Response(said.status_code, headers=said.headers, content=content)


class ToReceiver(httpx.BaseTransport):
    """What GitHub delivers, handed to the receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        outcome = self._receiver.handle(headers, request.read())
        return httpx.Response(outcome.status, json=outcome.said)


class Watched(httpx.BaseTransport):
    """What the worker calls, looked at: whose token it is, and whether it may be used at all by now."""

    def __init__(self, through: httpx.BaseTransport, world: World) -> None:
        self._through, self._world = through, world

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._world.look_at(request)
        said = self._through.handle_request(request)
        path = request.url.path
        if path.endswith("/access_tokens") and said.is_success:
            reached = [one["id"] for one in said.json().get("repositories", [])]
            self._world.tokens[said.json()["token"]] = (int(path.split("/")[-2]), tuple(reached))
        return said


@dataclass
class Job:
    """A job under way, as DBOS has it written down: which step it is at, and how often that failed."""

    step: int = 0
    attempts: int = 0
    failed: Failure | None = None


@dataclass
class World:
    """All of it, in `home` or a named database. `wrong` collects what must never happen, as sentences."""

    home: Path
    model: ScriptedModel
    portal: anyio.from_thread.BlockingPortal
    database_url: str = ""
    strike: Strike = field(default_factory=Strike)
    tokens: dict[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    suspended: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=lambda: defaultdict(Job))
    prompts: list[tuple[int, str]] = field(default_factory=list)
    working_for: int | None = None

    def __post_init__(self) -> None:
        app = create_app(self.home / "playground", base_url=BASE, app_url=BASE)
        self.state: State = app.state.services.state
        self.limits: Limits = app.state.services.limits
        self.contract = Contract()
        self.github = InProcess(self.contract.around(app), self.portal)
        known = self.state.credentials
        self.settings = Settings(
            _env_file=None,
            home=self.home,
            database_url=self.database_url,
            playground=True,
            app_id=known.app_id,
            app_slug=known.slug,
            private_key_file=known.private_key_file,
            webhook_secret=known.webhook_secret,
            github_url=f"{BASE}/api/v3",
            model_url=self.model.url,
            writes_apart_s=0,
            writes_per_minute=100_000,
            writes_per_hour=100_000,
            candidates=1,
            use_bias=False,
            questions_per_person=100_000,
        )
        self.database = Database(self.settings.resolved_database_url, busy_timeout_s=30.0)
        self.queue = Queue(self.database)
        self.queue.migrate()
        self.receiver = Receiver(self.settings, self.database, self.queue)
        self.http = httpx.Client(transport=ToReceiver(self.receiver))
        self.deliverer = Deliverer(self.state, BASE)
        self.model.complete = self._complete  # type: ignore[method-assign]
        self._plain = type(self.model).complete
        self.begin_worker()

    # ------------------------------------------------------------ GitHub's side

    def deliver(self, which: int = 0, *, lost: bool = False) -> None:
        """Have GitHub try one of the deliveries in line."""
        waiting = self.state.pending()
        one = waiting[which % len(waiting)]
        if lost:
            self.deliverer.finish(one, {}, "failed to connect to host")
            return
        self.deliverer.attempt(self.http, one)
        if one.status_code == 202:
            self._closed(f"{one.event} {one.action}", json.loads(one.body))

    def _closed(self, what: str, said: dict[str, Any]) -> None:
        """Write down where nothing may be called from now on, for the receiver acknowledged that it ended.

        A delivery of long ago closes nothing here that GitHub has opened since.
        """
        installation = int(said.get("installation", {}).get("id", 0))
        if what == "installation deleted":
            self.gone.add(installation)
        elif what == "installation suspend":
            self.suspended.add(installation)
        elif what == "installation_repositories removed":
            self.lost |= {int(each["id"]) for each in said["repositories_removed"]}
        self.opened()

    def opened(self) -> None:
        """Forget what was closed and is open again on GitHub; to be called after whatever may open it."""
        there, repositories = self.state.installations, self.state.repositories
        self.suspended = {one for one in self.suspended if there[one].suspended_at is not None}
        self.lost = {one for one in self.lost if repositories[one].installation_id is None}

    def redeliver(self, which: int) -> None:
        """Have GitHub send a former delivery once more."""
        tried = [one for one in self.state.deliveries.values() if one.status != "pending"]
        if not tried:
            return
        one = sorted(tried, key=lambda each: each.id)[which % len(tried)]
        with self.state.change():
            self.state.queue(
                one.event, one.action, one.repository_id, one.body, one.guid, one.installation_id
            )

    def answers(self) -> dict[str, list[Comment]]:
        """The comments of ours that stand, by the answer that they are."""
        found: dict[str, list[Comment]] = defaultdict(list)
        for post in self.state.posts.values():
            if isinstance(post, Comment) and post.author == self.state.bot.login and not post.deleted:
                marker = parse_marker(post.body)
                assert marker is not None, post.body
                found[marker.answer_id].append(post)
        return found

    def repository(self, repository_id: int) -> Repository:
        return self.state.repositories[repository_id]

    # ------------------------------------------------------------ the worker

    def begin_worker(self) -> None:
        """A process that knows nothing but what is in the database."""
        database = Pointed(self.settings.resolved_database_url, self.strike)
        transport = Wire(self.strike, Watched(self.github, self))
        self.context = Context(
            settings=self.settings,
            database=database,
            github=GitHub(self.settings, transport=transport, access=Access(database)),
            models=Models(self.settings),
        )

    def end_worker(self) -> None:
        self.context.queue.close()
        self.context.database.dispose()

    def crash(self) -> None:
        """The process ends; another one begins."""
        self.end_worker()
        self.begin_worker()

    def open_jobs(self) -> list[tuple[str, str, list[Any], int]]:
        """Jobs that wait: id, name, arguments and repository, those of one thread in their order."""
        rows = rows_of(self.database)
        query = sa.select(rows.c.workflow_uuid).where(rows.c.status.in_(["ENQUEUED", "DELAYED", "PENDING"]))
        with self.database.unit(read_only=True) as unit:
            ids = list(unit.connection.execute(query).scalars())
            places = {one.id: (one.put_at, one.place, one.repository_id) for one in unit.jobs.listed(ids)}
        found = []
        for one in self.queue._client.list_workflows(workflow_ids=ids) if ids else []:
            placed = places.get(one.workflow_id)
            found.append((placed[:2] if placed else None, one, placed[2] if placed else 0))
        ordered = sorted(found, key=lambda each: (each[0] is None, each[0] or 0, each[1].workflow_id))
        return [
            (one.workflow_id, str(one.name), list(one.input["args"]), repository_id)
            for _, one, repository_id in ordered
        ]

    def work(self, which: int = 0) -> str:
        """Carry out a step of the next job, or of one of them; returns its id, "" where none waits."""
        waiting = self.open_jobs()
        if not waiting:
            return ""
        job_id, name, args, repository_id = waiting[which % len(waiting)]
        self.working_for = repository_id or None
        try:
            self._step(job_id, name, args)
        except Crash:
            self.crash()
        finally:
            self.strike.disarm()
            self.working_for = None
        if self.jobs[job_id].attempts % ROUND == ROUND - 1:
            self.carefully(self.upkeep)
        return job_id

    def _step(self, job_id: str, name: str, args: list[Any]) -> None:
        job = self.jobs[job_id]
        steps = self._steps(name, args)
        try:
            if job.failed is not None:
                answer.fail(self.context, self._question(args[-1]), job.failed.error(), sleep=_at_once)
                self._done(job_id)
                return
            steps[job.step]()
        except ThumbprintError as error:
            self._failed(job_id, name, job, Failure.of(error, name))
            return
        job.step, job.attempts = job.step + 1, 0
        if job.step == len(steps):
            self._done(job_id)

    def _failed(self, job_id: str, name: str, job: Job, failure: Failure) -> None:
        job.attempts += 1
        if job.attempts > PATIENCE:
            self.wrong.append(f"{job_id} never ends: {failure.kind}: {failure.message}")
            self._done(job_id)
        elif name == JobName.ANSWER.value and job.failed is None:
            if delay_s(failure, job.attempts, job_id) is None:
                job.failed, job.attempts = failure, 0
        elif name == JobName.ACKNOWLEDGE.value or later_s(failure, job.attempts, job_id) is None:
            self._done(job_id)

    def _steps(self, name: str, args: list[Any]) -> list[Callable[[], object]]:
        context = self.context
        of: dict[str, Callable[[], list[Callable[[], object]]]] = {
            "acknowledge": lambda: [lambda: answer.acknowledge(context, self._question(args[0]))],
            "answer": lambda: [
                lambda: answer.compose_job(context, self._question(args[1])),
                lambda: answer.post(context, args[1], sleep=_at_once),
            ],
            "edited": lambda: [lambda: feedback.edited(context, args[0])],
            "deleted": lambda: [lambda: feedback.deleted(context, args[0])],
            "refresh": lambda: [lambda: feedback.refresh(context, args[0])],
            "upkeep": lambda: [self.upkeep],
            "poll": lambda: [self.poll],
        }
        return of[name]()

    def upkeep(self) -> None:
        """A round of what the worker does by the clock."""
        upkeep(self.context, router_of(self.settings))

    def poll(self) -> None:
        """Reactions and missed edits of all answers, read now."""
        poll.poll(self.context, everything=True)

    def carefully(self, act: Callable[[], object]) -> None:
        """Do something as the worker, which may crash in it, or not be able to."""
        try:
            with suppress(ThumbprintError):
                act()
        except Crash:
            self.crash()
        finally:
            self.strike.disarm()

    def _question(self, answer_id: str) -> Question:
        with self.database.unit(read_only=True) as unit:
            question = unit.answers.question(answer_id)
        assert question is not None, f"the question of {answer_id} was lost"
        return question

    def _done(self, job_id: str) -> None:
        rows = rows_of(self.database)
        with self.database.unit() as unit:
            unit.jobs.end([job_id], JobOutcome.DONE, unit.executors.now())
            unit.connection.execute(
                rows.update().where(rows.c.workflow_uuid == job_id).values(status="SUCCESS")
            )
            unit.commit()

    # ------------------------------------------------------------ what must never happen

    def look_at(self, request: httpx.Request) -> None:
        """Write down calls that reach beyond their token or this job, or where the App is no more."""
        path = request.url.path
        token = request.headers.get("authorization", "").partition(" ")[2]
        installation, reached = self.tokens.get(token, (None, ()))
        if path.endswith("/access_tokens"):
            installation = int(path.split("/")[-2])
        name = f"{request.method} {path}"
        if installation in self.gone | self.suspended:
            self.wrong.append(f"{name} after installation {installation} was taken away or suspended")
        called = self.called(request)
        if beyond := called - set(reached):
            self.wrong.append(f"{name} calls {sorted(beyond)} with a token for {reached}")
        if closed := called & self.lost:
            self.wrong.append(f"{name} after the App lost {sorted(closed)}")
        here = self.working_for
        if here and token in self.tokens and reached != (here,) and "/.github/" not in path:
            self.wrong.append(f"{name} for {here} with a token for {reached}")

    def called(self, request: httpx.Request) -> set[int]:
        """The repositories that a request is about, by its path or by the node ids in its variables."""
        parts = request.url.path.removeprefix(PREFIX).split("/")
        if request.url.path == "/api/graphql":
            given = json.loads(request.content)["variables"]
            ids = [*given.get("ids", ()), *([given["id"]] if "id" in given else ())]
            return {self.state.posts[one].repository_id for one in ids}
        if parts[1] == "repositories":
            return {int(parts[2])}
        if parts[1] != "repos":
            return set()
        with suppress(Refused):
            return {self.state.repository("/".join(parts[2:4])).id}
        former = self.state.renamed("/".join(parts[2:4]))
        return set() if former is None else {former.id}

    def _complete(self, request: dict[str, Any]) -> dict[str, Any]:
        self.prompts.append((self.working_for or 0, json.dumps(request["messages"], ensure_ascii=False)))
        return self._plain(self.model, request)

    # ------------------------------------------------------------ the end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_worker()
        self.http.close()
        self.queue.close()
        self.database.dispose()
        self.state.close()


def secret_of(repository_id: int) -> str:
    """A word that nobody knows but who has read this repository."""
    return "w" + hashlib.sha256(str(repository_id).encode()).hexdigest()[:10]


def _at_once(seconds: float) -> None:
    """Nobody waits here."""
