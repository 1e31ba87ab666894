"""The real model server, on a tiny model: adapters are swapped, refused and told again while people ask."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.adapters import Adapters
from bot.models import Models
from storage.database import Database
from storage.errors import ModelRequestError
from storage.records import Message, Promotion
from tests.integration.model_process import client, free_port, ours, running, wait_ready
from tests.unit.learning.models.test_adapters import seal
from tests.unit.learning.models.tiny import write_adapter, write_model
from tests.unit.storage.test_adapters import adapter

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]

ASK = (Message(role="user", content="Why?"),)
HOW = {"n": 1, "seed": 5, "temperature": 0.0, "top_p": 1.0, "max_tokens": 12}


@dataclass
class Ground:
    """A base, two adapters of it by name, and a server of the base."""

    folder: Path
    base: Path
    ids: dict[str, str]
    port: int
    running: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Begin, or end and begin anew on the same port."""
        self.running.close()
        log = self.folder / f"model-{time.monotonic_ns()}.log"
        command = ours("--policy", str(self.base), "--encoder", "", port=self.port)
        child = self.running.enter_context(running(command, log))
        models = client(self.port)
        wait_ready(models, child, log, seconds=500)
        models.close()


@dataclass
class Place:
    """The ground, with a database and clients of a test's own."""

    ground: Ground
    folder: Path
    database: Database
    clients: list[Models] = field(default_factory=list)

    def keep(self, adapter_id: str, folder: Path) -> None:
        with self.database.unit() as unit:
            unit.adapters.add(adapter("a", id=adapter_id, folder=str(folder)))
            unit.commit()

    def promote(self, adapter_id: str, former: str = "") -> None:
        with self.database.unit() as unit:
            now = unit.adapters.in_force(0)
            row = Promotion(
                adapter=adapter_id,
                former=former,
                place=now.place + 1 if now else 1,
                at=datetime.now(UTC),
                by="operator",
            )
            assert unit.adapters.promote(row)
            unit.commit()


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("ground")
    base = write_model(folder / "base")
    ids = {}
    for seed, name in enumerate(("one", "two"), 1):
        ids[name] = seal(write_adapter(folder / name, base, seed=seed), base, run=name).id
    made = Ground(folder, base, ids, free_port())
    with made.running:
        made.start()
        yield made


@pytest.fixture
def place(ground: Ground, tmp_path: Path) -> Iterator[Place]:
    database = Database(f"sqlite:///{tmp_path}/thumbprint.db", busy_timeout_s=30)
    database.migrate()
    made = Place(ground, tmp_path, database)
    for name, adapter_id in ground.ids.items():
        made.keep(adapter_id, ground.folder / name)
    yield made
    for models in made.clients:
        models.close()
    database.dispose()


@dataclass(frozen=True)
class Said:
    """One answer: when it was begun and ended, by which adapter, and its text."""

    begun: float
    ended: float
    adapter: str
    text: str


class Worker:
    """What a worker has of the server: a client, and what it knows of the adapters."""

    def __init__(self, place: Place) -> None:
        self.models: Models = client(place.ground.port)
        place.clients.append(self.models)
        self.adapters = Adapters(place.database, self.models)

    def ask(self, number: int = 1) -> Said:
        begun = time.monotonic()
        served = self.adapters.choose(2, 1, f"1/{number}")
        done = self.models.complete(ASK, **HOW, model=served.model)  # type: ignore[arg-type]
        assert done.model == (served.model or "policy"), "the server says which one wrote"
        return Said(begun, time.monotonic(), served.adapter, done.candidates[0].text)


def test_two_workers_go_over_to_what_is_promoted_and_back_while_people_ask_and_drop_no_answer(
    place: Place,
) -> None:
    one, two = place.ground.ids["one"], place.ground.ids["two"]
    workers = Worker(place), Worker(place)
    done = threading.Event()
    said: list[tuple[int, Said]] = []

    def ask_on(which: int) -> None:
        number = which
        while not done.is_set():
            number += 2
            said.append((which, workers[which % 2].ask(number)))

    changes: list[tuple[float, float, str]] = []
    with ThreadPoolExecutor(4) as crowd:
        asking = [crowd.submit(ask_on, which) for which in range(4)]
        try:
            for adapter_id, former in ((one, ""), (two, one), (one, "")):
                _wait_for(said, 10)
                before = time.monotonic()
                place.promote(adapter_id, former)
                changes.append((before, time.monotonic(), adapter_id))
            _wait_for(said, 10)
        finally:
            done.set()
        for future in asking:
            future.result(timeout=120)  # an answer that was dropped raises here
    texts = {
        adapter_id: {each.text for _, each in said if each.adapter == adapter_id}
        for adapter_id in ("", one, two)
    }
    assert all(len(found) == 1 for found in texts.values()), "each adapter says its own, each time"
    assert len(set.union(*texts.values())) == 3, "and no other's"
    ends = [*(before for before, _, _ in changes[1:]), float("inf")]
    for (_, since, adapter_id), until in zip(changes, ends, strict=True):
        within = {each.adapter for _, each in said if since <= each.begun and each.ended <= until}
        assert within == {adapter_id}, "whoever asks afterwards gets the new one"
    for half in (0, 1):
        assert {each.adapter for which, each in said if which % 2 == half} == {"", one, two}
    drained = datetime.now(UTC) + timedelta(hours=1)
    workers[0].adapters.settle(drained, 900)
    assert workers[0].models.names() == ["policy", f"thumbprint-{one[:16]}"]


def test_a_damaged_or_foreign_adapter_is_refused_and_the_former_answers_on(place: Place) -> None:
    one = place.ground.ids["one"]
    damaged = Path(shutil.copytree(place.ground.folder / "two", place.folder / "damaged"))
    bad = {seal(damaged, place.ground.base, run="damaged").id: "is damaged"}
    weights = bytearray((damaged / "adapter_model.safetensors").read_bytes())
    weights[-5] ^= 16
    (damaged / "adapter_model.safetensors").write_bytes(weights)
    place.keep(*bad, damaged)
    for name, wrong in (("base", "another base"), ("template", "another prompt template")):
        folder = Path(shutil.copytree(place.ground.folder / "one", place.folder / f"other-{name}"))
        made = seal(folder, place.ground.base, **{name: "0" * 64})
        place.keep(made.id, folder)
        bad[made.id] = wrong
    place.promote(one)
    worker = Worker(place)
    former = worker.ask()
    assert former.adapter == one
    for adapter_id, wrong in bad.items():
        place.promote(adapter_id, former=one)
        with capture_logs() as logs:
            again = [worker.ask(), worker.ask(), Worker(place).ask()]
        assert {(each.adapter, each.text) for each in again} == {(one, former.text)}
        [entry] = [entry for entry in logs if entry["event"] == "adapter_refused"]
        assert wrong in entry["reason"]
        with place.database.unit() as unit:
            kept = unit.adapters.get(adapter_id)
            assert kept is not None and wrong in kept.fault
            assert unit.adapters.refused() == [adapter_id]


def test_a_server_that_was_started_again_is_told_of_the_adapter_again(place: Place) -> None:
    place.promote(place.ground.ids["two"])
    worker = Worker(place)
    before = worker.ask()
    place.ground.start()
    served = worker.adapters.choose(2, 1, "1/1")
    assert served.adapter == before.adapter and worker.models.names() == ["policy"], "nobody told it yet"
    with pytest.raises(ModelRequestError) as refused:
        worker.models.complete(ASK, **HOW, model=served.model)  # type: ignore[arg-type]
    assert worker.adapters.lost(served, refused.value)
    after = worker.ask()
    assert (after.adapter, after.text) == (before.adapter, before.text)


def _wait_for(said: list[tuple[int, Said]], more: int, seconds: float = 240) -> None:
    """Until so many more answers are there."""
    enough, end = len(said) + more, time.monotonic() + seconds
    while len(said) < enough:
        assert time.monotonic() < end, "nobody answers"
        time.sleep(0.05)
