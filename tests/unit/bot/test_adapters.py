"""Who is answered by which adapter, and what a server that refuses, restarts or takes none is told."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import httpx2
import openai
import pytest
from structlog.testing import capture_logs

from bot.adapters import Adapters, Served, may_serve, preferred
from bot.canary import takes
from bot.models import Models
from learning.models.adapters import NEEDED
from storage.database import Database
from storage.errors import ModelRequestError, ModelUnavailable
from storage.records import Promotion
from tests.unit.bot.test_promoting import made
from tests.unit.storage import things
from tests.unit.storage.conftest import database
from tests.unit.storage.test_adapters import adapter, promotion

__all__ = ["database"]

A, C, D = ("a" * 64, "c" * 64, "d" * 64)


def named(letter: str) -> str:
    return f"thumbprint-{letter * 16}"


def refusal(code: int, said: str) -> ModelRequestError:
    """A server's refusal, as `bot/endpoint.py` hands it on."""
    request = httpx2.Request("POST", "http://127.0.0.1/v1/load_lora_adapter")
    response = httpx2.Response(code, json={"error": {"message": said}}, request=request)
    error = ModelRequestError(f"The policy server refused ({code}): {said}")
    error.__cause__ = openai.APIStatusError(said, response=response, body={"message": said})
    return error


@dataclass
class Server:
    """A model server's adapters, as `Models` sees them."""

    room: int = 4
    bad: set[str] = field(default_factory=set)
    takes_any: bool = True
    has: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    down: Exception | None = None

    def load_adapter(self, name: str, folder: str) -> bool:
        self.told.append(name)
        if self.down:
            raise self.down
        if not self.takes_any:
            return False
        if folder in self.bad:
            raise refusal(400, f"{folder}/adapter_model.safetensors is damaged")
        if name not in self.has and len(self.has) >= self.room:
            raise refusal(400, f"{self.room} adapters are loaded already: unload one first.")
        self.has += [name] if name not in self.has else []
        return True

    def unload_adapter(self, name: str) -> None:
        if name not in self.has:
            raise refusal(404, f"The lora adapter '{name}' cannot be found.")
        self.has.remove(name)

    def names(self) -> list[str]:
        return ["policy", "mine", *self.has]


def worker(database: Database, server: Server) -> Adapters:
    return Adapters(database, cast(Models, server))


def put(database: Database, *rows: Promotion, **changes: Any) -> None:
    with database.unit() as unit:
        for row in rows:
            for letter in {row.adapter[:1], row.former[:1]} - {""}:
                unit.adapters.add(adapter(letter, **changes))
            assert unit.adapters.promote(row)
        unit.commit()


def test_the_nearest_scope_answers_first_and_a_former_where_the_newer_cannot() -> None:
    own, theirs, alls = (
        promotion("a", scope=2, repository_id=1, former=D),
        promotion("", scope=2),
        promotion("c"),
    )
    assert preferred([own, theirs, alls], "1/1") == (A, D, C)
    assert preferred([theirs, alls], "1/1") == (C,)
    assert preferred([], "1/1") == ()
    canary = promotion("a", former=C, share=30)
    sides = {takes(A, f"1/{n}", 30): preferred([canary], f"1/{n}") for n in range(50)}
    assert sides == {True: (A, C), False: (C,)}


def test_an_adapter_of_one_account_or_repository_answers_nobody_else(database: Database) -> None:
    assert may_serve(adapter("a"), 2, 1)
    assert may_serve(adapter("a", installation_id=2), 2, 1) and not may_serve(
        adapter("a", installation_id=2), 3, 1
    )
    own = adapter("a", installation_id=2, repository_id=1)
    assert may_serve(own, 2, 1) and not may_serve(own, 2, 5) and not may_serve(own, 3, 1)
    put(database, promotion("a"), installation_id=2)  # a row that no promotion makes
    served = worker(database, server := Server()).choose(3, 9, "9/1")
    assert served == Served() and server.told == [], "it is not even loaded"


def test_a_worker_notices_before_the_next_answer_and_so_does_another(database: Database) -> None:
    server = Server()
    one, two = worker(database, server), worker(database, server)
    assert one.choose(2, 1, "1/1") == Served() and server.told == []
    put(database, promotion("a"))
    for each in (one, two, one):
        assert each.choose(2, 1, "1/1") == Served(model=named("a"), adapter=A)
    assert server.told == [named("a")] * 2, "each worker asks once"
    put(database, promotion("c", place=2, former=A))
    assert two.choose(2, 1, "1/1").adapter == one.choose(2, 1, "1/1").adapter == C
    put(database, promotion("a", place=3))
    assert one.choose(2, 1, "1/1").adapter == A


def test_a_refused_adapter_leaves_the_former_on_and_is_said_once_until_it_is_promoted_again(
    database: Database,
) -> None:
    server = Server(bad={"/adapters/c"})
    one, two = worker(database, server), worker(database, server)
    put(database, promotion("a"), promotion("c", place=2, former=A))
    with capture_logs() as logs:
        for _ in range(3):
            assert one.choose(2, 1, "1/1") == two.choose(2, 1, "1/2") == Served(model=named("a"), adapter=A)
    said = [entry for entry in logs if entry["event"] == "adapter_refused"]
    assert len(said) == 1 and "damaged" in said[0]["reason"] and said[0]["adapter"] == C
    assert server.told.count(named("c")) <= 2, "no worker asks for it before each answer"
    with database.unit() as unit:
        assert "is damaged" in unit.adapters.get(C).fault  # type: ignore[union-attr]
    server.bad.clear()
    assert one.choose(2, 1, "1/1").adapter == A
    put(database, promotion("c", place=3, former=A))
    assert one.choose(2, 1, "1/1").adapter == two.choose(2, 1, "1/1").adapter == C
    with database.unit() as unit:
        assert unit.adapters.get(C).fault == ""  # type: ignore[union-attr]


def test_a_server_that_was_started_again_is_told_again(database: Database) -> None:
    server, gone = Server(), refusal(404, f"The model `{named('a')}` does not exist; this server has policy.")
    one = worker(database, server)
    put(database, promotion("a"))
    served = one.choose(2, 1, "1/1")
    server.has.clear()
    assert one.lost(served, gone)
    assert not one.lost(served, refusal(400, "the prompt is too long")), "that is no lost adapter"
    assert not one.lost(Served(), gone), "and neither is a model that the operator named wrongly"
    assert one.choose(2, 1, "1/1") == served and server.has == [named("a")]


def test_a_server_without_adapters_answers_as_it_is(database: Database) -> None:
    put(database, promotion("a"))
    assert worker(database, Server(takes_any=False)).choose(2, 1, "1/1") == Served()


def test_a_server_that_is_down_is_waited_for_and_no_answer_is_written_by_another_adapter(
    database: Database,
) -> None:
    put(database, promotion("a"))
    server = Server(down=ModelUnavailable("it is down"))
    one = worker(database, server)
    with pytest.raises(ModelUnavailable):
        one.choose(2, 1, "1/1")
    server.down = None
    assert one.choose(2, 1, "1/1").adapter == A


def test_a_full_server_lets_go_of_the_adapter_that_was_asked_for_least_lately(database: Database) -> None:
    server = Server(room=2)
    one = worker(database, server)
    put(database, promotion("a", scope=1), promotion("c", scope=2), promotion("d", scope=3))
    for installation in (1, 2, 1, 3):
        one.choose(installation, 1, "1/1")
    assert server.has == [named("a"), named("d")]


def test_an_adapter_that_finds_no_room_has_no_fault_and_is_asked_for_again(database: Database) -> None:
    server = Server(room=1, has=["night-of-somebody"])
    one = worker(database, server)
    put(database, promotion("a"))
    assert one.choose(2, 1, "1/1") == Served()
    with database.unit() as unit:
        assert unit.adapters.get(A).fault == ""  # type: ignore[union-attr]
    server.has.clear()
    assert one.choose(2, 1, "1/1").adapter == A


def test_room_that_another_worker_took_is_made_once_more(database: Database) -> None:
    class Busy(Server):
        def unload_adapter(self, name: str) -> None:
            super().unload_adapter(name)
            self.has += [named("c")] if name == named("a") else []

    one = worker(database, Busy(room=1))
    put(database, promotion("a", scope=1), promotion("c", scope=2), promotion("d", scope=3))
    assert one.choose(1, 1, "1/1").adapter == A
    assert one.choose(3, 1, "1/1").adapter == D


def test_an_adapter_whose_rows_are_gone_leaves_the_server_too_and_makes_room(database: Database) -> None:
    server = Server(room=1)
    one = worker(database, server)
    put(database, promotion("a", scope=2), installation_id=2)
    put(database, promotion("c", scope=3), installation_id=3)
    assert one.choose(2, 1, "1/1").adapter == A
    with database.unit() as unit:
        unit.adapters.forget_installation(2)
        unit.commit()
    assert one.choose(3, 5, "5/1").adapter == C
    with database.unit() as unit:
        unit.adapters.forget_installation(3)
        unit.commit()
    one.settle(things.NOW, 900)
    assert server.has == []


def test_what_lies_where_a_promoted_adapter_was_is_served_only_if_it_is_that_one(
    database: Database, tmp_path: Path
) -> None:
    promoted = made(tmp_path / "run" / "adapter")
    with database.unit() as unit:
        for each in (adapter("a"), adapter("c", id=promoted.id, folder=str(tmp_path / "run" / "adapter"))):
            unit.adapters.add(each)
        assert unit.adapters.promote(promotion("a"))
        assert unit.adapters.promote(replace(promotion("c", place=2, former=A), adapter=promoted.id))
        unit.commit()
    assert worker(database, Server()).choose(2, 1, "1/1").adapter == promoted.id
    other = made(tmp_path / "other" / "adapter", run="ppo_other")
    shutil.copytree(tmp_path / "other" / "adapter", tmp_path / "run" / "adapter", dirs_exist_ok=True)
    server = Server()
    assert worker(database, server).choose(2, 1, "1/1").adapter == A and server.told == [named("a")]
    with database.unit() as unit:
        assert f"holds another adapter, {other.id[:12]}" in unit.adapters.get(promoted.id).fault  # type: ignore[union-attr]
        unit.adapters.set_fault(promoted.id, "")
        unit.commit()
    (tmp_path / "run" / "adapter" / NEEDED[1]).write_text("another byte")
    assert worker(database, server := Server()).choose(2, 1, "1/1").adapter == A
    assert server.told == [named("a")], "a server that compares nothing is not even asked"


def test_upkeep_loads_what_is_in_force_and_unloads_what_no_answer_can_still_be_on(database: Database) -> None:
    server = Server(has=["night-of-somebody"])
    one = worker(database, server)
    one.settle(things.NOW, 900)
    assert server.told == []
    put(database, promotion("a"), promotion("c", place=2, former=A, share=20))
    one.settle(things.NOW, 900)
    assert set(server.has) == {"night-of-somebody", named("a"), named("c")}, "both sides of a canary"
    later = things.NOW + timedelta(hours=1)
    put(database, replace(promotion("c", place=3, former=A), at=later))
    one.settle(later + timedelta(seconds=800), 900)
    assert named("a") in server.has, "an answer that began before may still be on it"
    one.settle(later + timedelta(seconds=901), 900)
    assert server.has == ["night-of-somebody", named("c")], "what is not ours stays"


def test_a_former_that_answers_for_a_refused_one_is_not_unloaded(database: Database) -> None:
    server = Server(bad={"/adapters/c"})
    one = worker(database, server)
    put(database, promotion("a"), promotion("c", place=2, former=A))
    assert one.choose(2, 1, "1/1").adapter == A
    one.settle(things.NOW + timedelta(days=1), 900)
    assert server.has == [named("a")]
