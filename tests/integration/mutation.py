"""Deliveries as GitHub never sends them: example payloads, changed by a seeded hand.

`mutations(seed)` is endless, and the same for the same seed. Four in ten payloads would be kept as they stand
(a question, an edit or a deletion of our comment), so that what survives its change is stored too.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.contract.cut import DATA
from tests.integration.receiver_fixture import SECRET
from tests.unit.webhooks.test_delivery import signed
from tests.unit.webhooks.test_route import MONA, US

REFUSALS = {400, 401, 413}
"""How the receiver may answer what it does not take."""

RAW = "@@raw:"
TWICE = "@@twice:"
NUMBERS = (0, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 10**30, -(2**63), 0.5, 1e308, True)
TOKENS = ("NaN", "Infinity", "-Infinity", "1e999", "-0", "9" * 4000, "9" * 5000, "1E400")
TEXTS = (
    *("", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\ufeff/ask x", "\u202e/ask x", "e\u0301" * 500),
    *(
        "👩‍👩‍👧‍👦" * 200,
        "\u2028",
        "\r",
        "/ask \ud83d",
        "../../etc/passwd",
        "'; DROP TABLE deliveries; --",
        "{{7*7}}",
    ),
    *(
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-11-20\ud80010:00:00+00:00",
        "null",
        "٣",
    ),
)
HUGE = ("/ask " + "x" * 100_000, "x" * 300_000, "/ask " + "なぜ" * 30_000, "/ask " + "[" * 20_000)


@dataclass(frozen=True)
class Mutation:
    """One POST: what was done, its headers in lower case, its body."""

    done: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@cache
def corpus() -> tuple[tuple[str, dict[str, Any]], ...]:
    """The 329 examples of npm's `@octokit/webhooks-examples`: event, payload."""
    with gzip.open(DATA / "payloads.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return tuple((one["event"], one["payload"]) for one in found)


def asking(payload: dict[str, Any], key: str, number: int) -> dict[str, Any]:
    """An example made to ask, to edit our comment or to delete it; `number` makes it a thing of its own."""
    made = copy.deepcopy(payload)
    post = made[key]
    post["id"] = number
    made["installation"] = {"id": 2}
    action = ("created", "edited", "deleted")[number % 3] if key == "comment" else "opened"
    made["action"] = action
    if action in ("created", "opened"):
        post["body"] = "/ask How do I run the tests?"
        made["sender"], post["user"] = dict(MONA), dict(MONA)
    else:
        post["user"], post["body"] = dict(US), "Run `make test`."
        made["sender"] = dict(MONA)
        made["changes"] = {"body": {"from": "Run `pytest`."}}
    return made


def mutations(seed: int) -> Iterator[Mutation]:
    """One after the other, for ever."""
    by = random.Random(seed)
    living = [
        (event, payload, "comment" if "comment" in payload else event.removesuffix("s"))
        for event, payload in corpus()
        if event in ("issue_comment", "pull_request_review_comment", "issues", "pull_request")
    ]
    number = seed * 1_000_000
    while True:
        number += 1
        if by.random() < 0.4:
            event, payload, key = by.choice(living)
            content = asking(payload, key, number)
        else:
            event, payload = by.choice(corpus())
            content = copy.deepcopy(payload)
        done = []
        for _ in range(by.choice((0, 1, 1, 1, 2, 3))):
            change = by.choice(CHANGES)
            done.append(change.__name__)
            change(content, by)
        body = text(content, by)
        if by.random() < 0.05:
            done.append("damaged")
            body = damaged(body, by)
        name = {"x-github-event": event, "x-github-delivery": f"m{number}"}
        headers = signed(body, SECRET, **name)
        if by.random() < 0.05:
            done.append("odd_headers")
            odd_headers(headers, by)
        yield Mutation("+".join(done) or "as_it_is", headers, body)


# ---------------------------------------------------------------- changes


def places(content: Any) -> list[tuple[Any, Any]]:
    """Every container with every key of it, down to the third level: what is deeper, nothing reads."""
    found: list[tuple[Any, Any]] = []
    level = [content]
    for _ in range(3):
        keyed = [(one, key) for one in level for key in (one if isinstance(one, dict) else range(len(one)))]
        found += keyed
        level = [one[key] for one, key in keyed if isinstance(one[key], dict | list)]
    return found


def drop(content: dict[str, Any], by: random.Random) -> None:
    where, key = by.choice(places(content))
    del where[key]


def null(content: dict[str, Any], by: random.Random) -> None:
    where, key = by.choice(places(content))
    where[key] = None


def swap(content: dict[str, Any], by: random.Random) -> None:
    """Something else of the payload's in its place, or something of another type."""
    (where, key), (there, other) = by.choice(places(content)), by.choice(places(content))
    kinds: tuple[Any, ...] = ([], {}, "", 0, True, [None], {"id": 1}, copy.deepcopy(there[other]))
    where[key] = by.choice((*kinds, kinds[-1], kinds[-1]))


def huge(content: dict[str, Any], by: random.Random) -> None:
    where, key = by.choice(places(content))
    kind = by.random()
    if kind < 0.7:
        where[key] = by.choice(NUMBERS)
    else:
        where[key] = by.choice(HUGE) if kind < 0.75 else RAW + by.choice(TOKENS)


def deep(content: dict[str, Any], by: random.Random) -> None:
    where, key = by.choice(places(content))
    levels = by.choice((5, 50, 99, 100, 101, 500, 900, 1100, 5000, 50_000))
    opened, closed = by.choice((("[", "]"), ('{"a":', "}"), ('[{"comment":', "}]")))
    where[key] = f"{RAW}{opened * levels}1{closed * levels}"


def odd_text(content: dict[str, Any], by: random.Random) -> None:
    where, key = by.choice(
        [(w, k) for w, k in places(content) if isinstance(w[k], str)] or [(content, "action")]
    )
    where[key] = by.choice(TEXTS)


def duplicate_key(content: dict[str, Any], by: random.Random) -> None:
    where, key = by.choice(
        [(w, k) for w, k in places(content) if isinstance(k, str)] or [(content, "action")]
    )
    if not key.startswith(TWICE):
        where[TWICE + key] = by.choice((None, 1, "x", {}, copy.deepcopy(where.get(key))))


CHANGES: tuple[Callable[[dict[str, Any], random.Random], None], ...] = (
    drop,
    null,
    swap,
    huge,
    deep,
    odd_text,
    duplicate_key,
)


def text(content: dict[str, Any], by: random.Random) -> bytes:
    """As JSON, with what json.dumps would not write put in."""
    parts = json.dumps(content, ensure_ascii=by.random() < 0.8).split(f'"{RAW}')
    made = parts[0] + "".join(
        part.replace('\\"', "\x1a").replace('"', "", 1).replace("\x1a", '"') for part in parts[1:]
    )
    return made.replace(f'"{TWICE}', '"').encode("utf-8", "surrogatepass")


def damaged(body: bytes, by: random.Random) -> bytes:
    at = by.randrange(len(body))
    return by.choice(
        (
            body[:at],
            body[:at] + b"\xff" + body[at:],
            b"\xef\xbb\xbf" + body,
            body.decode("utf-8", "replace").encode("utf-16"),
            body + body,
            b"payload=" + body,
            b"",
            b"[" + body + b"]",
        )
    )


def odd_headers(headers: dict[str, str], by: random.Random) -> None:
    name = by.choice(sorted(headers))
    if by.random() < 0.3:
        del headers[name]
    else:
        headers[name] = by.choice(
            ("", "sha256=", "sha1=" + "0" * 40, "sha256=é" + "0" * 63, "a b", "x" * 5000, "\x7f")
        )
