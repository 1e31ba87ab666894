"""The playground's small parts: credentials, misbehaviour, limits, GraphQL's costs and pages."""

from __future__ import annotations

import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import ConfigurationError, SetupError
from webhooks.playground import credentials
from webhooks.playground.app import create_app
from webhooks.playground.graphql import cost
from webhooks.playground.limits import Limits
from webhooks.playground.misbehave import Misbehaviour, Rule
from webhooks.playground.refusals import Refused
from webhooks.playground.resolvers import paged


def test_credentials_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    made: list[credentials.Credentials] = []
    threads = [
        threading.Thread(target=lambda: made.append(credentials.ensure(tmp_path / "pg"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len({(c.app_id, c.webhook_secret, c.installation_id) for c in made}) == 1
    for name in ("app.pem", "app.json"):
        assert stat.S_IMODE((tmp_path / "pg" / name).stat().st_mode) == 0o600
    assert made[0].webhook_secret not in repr(made[0])
    assert sorted(p.name for p in (tmp_path / "pg").iterdir()) == ["app.json", "app.pem"]


def test_damaged_credentials_say_what_to_do(tmp_path: Path) -> None:
    credentials.ensure(tmp_path)
    (tmp_path / "app.json").write_text("{")
    with pytest.raises(SetupError, match="delete that folder"):
        credentials.ensure(tmp_path)


@pytest.mark.parametrize(
    "url", ["http://example.com", "http://10.0.0.7:8000", "http://127.0.0.1.example.com"]
)
def test_the_playground_refuses_any_app_that_is_not_on_loopback(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="this machine only"):
        create_app(tmp_path, base_url="http://127.0.0.1:1", app_url=url)
    with pytest.raises(ConfigurationError, match="this machine only"):
        create_app(tmp_path, base_url=url, app_url="http://127.0.0.1:1")


def test_a_rule_acts_as_often_as_told_and_only_where_it_matches() -> None:
    wrong = Misbehaviour()
    wrong.add(Rule(kind="error", times=2, method="post", path="*/comments"))
    assert wrong.take("error", "GET", "/repos/o/r/issues/1/comments") is None
    assert wrong.take("error", "POST", "/app") is None
    assert [bool(wrong.take("error", "POST", "/repos/o/r/issues/1/comments")) for _ in range(3)] == [
        True,
        True,
        False,
    ]
    wrong.add(Rule(kind="drop"))
    assert wrong.take("drop", "POST", "/app/installations/1/access_tokens") is None
    assert wrong.take("drop", "POST", "/repos/o/r/issues/1/comments")


def test_points_come_back_after_the_hour() -> None:
    now = [datetime(2026, 11, 21, tzinfo=UTC)]
    limits = Limits(lambda: now[0])
    limits.core.limit = 2
    limits.check(limits.core)
    limits.check(limits.core)
    with pytest.raises(Refused) as refused:
        limits.check(limits.core)
    assert refused.value.headers["x-ratelimit-remaining"] == "0"
    now[0] += timedelta(hours=1)
    limits.check(limits.core)
    assert limits.core.headers(now[0])["x-ratelimit-remaining"] == "1"


@given(st.integers(1, 100), st.booleans())
def test_a_query_costs_what_its_connections_cost(count: int, with_edits: bool) -> None:
    edits = "userContentEdits(first: 5) { totalCount }" if with_edits else ""
    fields = f"reactions(first: 20) {{ totalCount }} {edits}"
    query = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on IssueComment {{ {fields} }} }} }}"
    assert cost(parse(query), {"ids": ["x"] * count}) == max(1, round(count * (1 + with_edits) / 100))


@given(st.integers(0, 30), st.integers(1, 7))
def test_pages_cover_everything_once_in_order(total: int, size: int) -> None:
    items = [{"id": index} for index in range(total)]
    seen: list[dict[str, int]] = []
    after = None
    for _ in range(total + 1):
        found = paged(items, first=size, after=after)
        seen += found["nodes"]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert seen == items
    backwards: list[dict[str, int]] = []
    before = None
    for _ in range(total + 1):
        found = paged(items, last=size, before=before)
        backwards = found["nodes"] + backwards
        before = found["pageInfo"]["startCursor"]
        if not found["pageInfo"]["hasPreviousPage"]:
            break
    assert backwards == items
