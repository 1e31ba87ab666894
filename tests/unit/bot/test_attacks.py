"""A policy that emits only attacks has no effect: thousands of bodies through the real way out, by an oracle.

The oracle (`oracle.py`) shares nothing with what it judges: it reads the HTML that cmark-gfm renders.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.compose import compose
from bot.github import Client
from bot.github_access import Rights, connect
from bot.github_calls import Calls
from bot.memory import Memory
from bot.plan import Mechanisms, Plan
from bot.reply import LONGEST, Marker, Why, answer_text, parse_marker, render_body, stored_body
from bot.sanitise import sanitise
from bot.settings import Settings
from learning.memory.index import PhraseIndex
from tests.contract.judging import Judged, judge
from tests.unit.bot import oracle
from tests.unit.bot.attacks import CLOSING, attack
from tests.unit.bot.scripted import ScriptedModels
from tests.unit.bot.threads import question, thread

__all__ = ["judge"]

BODIES = 5000
WHY = Why(marker=Marker(answer_id="a_1", template="t1"))
TOKEN = {
    "token": "ghs_t",
    "expires_at": "2100-01-01T00:00:00Z",
    "permissions": {},
    "repository_selection": "all",
}


class Wire:
    """GitHub's end of the wire: what bodies arrive there."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/access_tokens"):
            return httpx.Response(201, json=TOKEN)
        self.bodies.append(json.loads(request.content)["body"])
        return httpx.Response(201, json={"id": 3, "created_at": "2026-11-21T12:00:00Z"})


@pytest.fixture(scope="module")
def way_out(tmp_path_factory: pytest.TempPathFactory) -> tuple[Client, Wire]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = tmp_path_factory.mktemp("key") / "app.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    wire = Wire()
    settings = Settings(_env_file=None, app_id="77", private_key_file=Path(pem))
    kit = connect(settings, Rights.in_repository(5, 9), Judged(wire))
    return Client(Calls(kit), 5, "thumbprint", "77"), wire


def test_the_oracle_sees_each_of_the_effects() -> None:
    """An oracle that sees nothing would pass everything."""
    for one in CLOSING:
        assert any(word.startswith("keyword") for word in oracle.effects(f"This {one}")), one
    seen = {kind.split()[0] for n in range(600) for kind in oracle.effects(attack(n))}
    kinds = "mention reference commit keyword backlink image html attributes comment link fence invisible"
    assert seen >= {*kinds.split(), "command", "marker"}
    assert sum(bool(oracle.effects(attack(n))) for n in range(600)) > 500


class Sent(Calls):
    """The calls, without the wire: what would be sent."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def create(
        self, path: str, body: Mapping[str, Any], key: str = "", sending: Callable[[], None] | None = None
    ) -> dict[str, Any]:
        self.bodies.append(body["body"])
        return {"id": 3, "created_at": "2026-11-21T12:00:00Z"}


def test_five_thousand_attacks_have_no_effect() -> None:
    """Not one of them was sanitised before: the way out alone has to hold."""
    sent = Sent()
    client = Client(sent, 5, "thumbprint", "77")
    live = {}
    for number in range(BODIES):
        client.create_comment("o/r", 7, render_body(attack(number), WHY))
        body = sent.bodies.pop()
        if found := oracle.own_effects(body):
            live[number] = (attack(number), body, found)
        marker = parse_marker(body)
        assert marker is not None and marker.answer_id == "a_1"
    assert live == {}


def test_what_a_policy_of_attacks_composes_has_no_effect(way_out: tuple[Client, Wire]) -> None:
    client, wire = way_out
    plan = Plan(mechanisms=Mechanisms.none(), candidates=1)
    memory, asked = Memory(index=PhraseIndex.build([])), question()
    answered = 0
    for number in range(400):
        models = ScriptedModels([[attack(number) + " and that is all."]])
        made = compose(asked, thread(), memory, models, plan, datetime.now(UTC)).answer
        wire.bodies.clear()
        client.create_comment("o/r", 7, stored_body(made))
        [body] = wire.bodies
        assert oracle.own_effects(body) == [], (number, body)
        assert answer_text(body) == answer_text(made.body) and body == str(made.body)
        answered += not made.abstained
    assert answered > 100


def test_each_closing_keyword_before_each_form_is_broken() -> None:
    said = {f"{word} {form}" for word, form in itertools.product(oracle_words(), oracle_forms())}
    assert len(said) == 36
    for one in said:
        assert oracle.effects(one) and not oracle.effects(sanitise(one)), one


def oracle_words() -> tuple[str, ...]:
    return ("close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved")


def oracle_forms() -> tuple[str, ...]:
    return ("#1", "o/r#1", "GH-1", "https://github.com/o/r/issues/1")


def test_a_longer_text_than_github_takes_is_cut_and_stays_inert(way_out: tuple[Client, Wire]) -> None:
    client, wire = way_out
    for text in (("a `b\n@octocat #12 " + "and more " * 30) * 240, "```\n@x\n" * 9500):
        wire.bodies.clear()
        client.create_comment("o/r", 7, render_body(text, WHY))
        [body] = wire.bodies
        assert len(body) <= LONGEST and oracle.own_effects(body) == []
