"""No call to GitHub goes out for a repository that is out of bounds, the making of a token included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bot.access import Access
from bot.closing import ASK
from bot.github import GitHub
from bot.settings import Settings
from storage.database import Database
from storage.errors import GitHubRefused, OutOfBounds
from storage.records import Installation, PostKind, Reaction, Repository, Standing
from tests.contract.judging import Judged, judge
from tests.unit.storage.things import NOW
from webhooks.playground.credentials import new_key

__all__ = ["judge"]

ROOT = Path(__file__).parents[3]
REPOSITORY = Repository(id=1, full_name="octo/inkwell", installation_id=2)
ACTIVE = Installation(id=2, account_id=9, account="octo", since=NOW)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/thumbprint.db")
    made.migrate()
    with made.unit() as unit:
        unit.repositories.upsert(REPOSITORY)
        unit.installations.save(ACTIVE)
        unit.commit()
    yield made
    made.dispose()


class Wire:
    """GitHub, as far as it is asked here; counts what goes out."""

    def __init__(self, database: Database, home: Path) -> None:
        self.sent: list[str] = []
        self.no_token: httpx.Response | None = None
        self.refuses = ""
        key = home / "key.pem"
        key.write_bytes(new_key())
        settings = Settings(home=home, app_id="7", private_key_file=key, _env_file=None)
        self.github = GitHub(settings, Judged(self._answer), Access(database))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.url.path)
        if request.url.path.endswith("/access_tokens"):
            if self.no_token is not None:
                return self.no_token
            content = {"token": "ghs_x", "expires_at": "2099-01-01T00:00:00Z", "permissions": {}}
            return httpx.Response(201, json=content)
        if self.refuses and request.method != "GET":
            return httpx.Response(403, json={"message": self.refuses})
        return httpx.Response(200, json={"id": 1, "full_name": "octo/inkwell", "private": False})


def test_a_repository_is_called_through_the_installation_that_has_it_now(
    database: Database, tmp_path: Path
) -> None:
    wire = Wire(database, tmp_path)
    with database.unit() as unit:
        unit.repositories.settle(replace(REPOSITORY, installation_id=3))
        unit.commit()
    wire.github.client(2, 1).repository(1)
    assert wire.sent == ["/app/installations/3/access_tokens", "/repositories/1"]


@pytest.mark.parametrize("how", ["uninstalled", "suspended", "removed", "archived"])
def test_nothing_goes_out_once_a_repository_is_closed_not_even_by_a_client_made_before(
    database: Database, tmp_path: Path, how: str
) -> None:
    wire = Wire(database, tmp_path)
    client = wire.github.client(2, 1)
    client.repository(1)
    sent = list(wire.sent)
    with database.unit() as unit:
        if how == "removed":
            unit.repositories.lose([1], 2, NOW)
        elif how == "archived":
            unit.repositories.set_archived(1)
        else:
            standing = Standing.REMOVED if how == "uninstalled" else Standing.SUSPENDED
            unit.installations.save(replace(ACTIVE, standing=standing))
        unit.commit()
    with pytest.raises(OutOfBounds):
        client.repository(1)
    with pytest.raises(OutOfBounds):
        wire.github.client(2, 1)
    if how in ("uninstalled", "suspended"):
        with pytest.raises(OutOfBounds):
            wire.github.repositories(2)
    assert wire.sent == sent


def test_a_client_of_the_installation_that_had_it_before_is_refused(
    database: Database, tmp_path: Path
) -> None:
    wire = Wire(database, tmp_path)
    client = wire.github.client(2, 1)
    with database.unit() as unit:
        unit.repositories.settle(replace(REPOSITORY, installation_id=3))
        unit.commit()
    with pytest.raises(OutOfBounds):
        client.repository(1)
    assert wire.sent == []


ELSEWHERE = (
    "There is at least one repository that does not exist or is not accessible to the parent installation."
)
UNGRANTED = "The permissions requested are not granted to this installation."


@pytest.mark.parametrize(("status", "said"), [(422, ELSEWHERE), (404, "Not Found")])
def test_a_job_that_is_before_the_delivery_of_a_transfer_waits_and_github_is_asked_whose_it_is(
    database: Database, tmp_path: Path, status: int, said: str
) -> None:
    wire = Wire(database, tmp_path)
    wire.no_token = httpx.Response(status, json={"message": said})
    with pytest.raises(OutOfBounds):
        wire.github.client(2, 1).repository(1)
    with database.unit(read_only=True) as unit:
        assert list(unit.progress.marks(ASK)) == [f"{ASK}2"]


def test_a_token_that_may_only_read_since_a_transfer_is_made_anew_before_a_write_counts_as_refused(
    database: Database, tmp_path: Path
) -> None:
    """Of a public repository: what an old token may not write there, a new one would not be given for."""
    wire = Wire(database, tmp_path)
    client = wire.github.client(2, 1)
    client.repository(1)
    wire.refuses = "Resource not accessible by integration"
    wire.no_token = httpx.Response(422, json={"message": ELSEWHERE})
    with pytest.raises(OutOfBounds):
        client.react("octo/inkwell", PostKind.ISSUE, 3, Reaction.EYES)
    assert len([one for one in wire.sent if one.endswith("/reactions")]) == 1
    wire.no_token = None
    with pytest.raises(GitHubRefused):
        client.react("octo/inkwell", PostKind.ISSUE, 3, Reaction.EYES)


def test_a_permission_that_nobody_granted_is_refused_and_a_missing_organisation_file_is_none(
    database: Database, tmp_path: Path
) -> None:
    wire = Wire(database, tmp_path)
    wire.no_token = httpx.Response(422, json={"message": UNGRANTED})
    client = wire.github.client(2, 1)
    with pytest.raises(GitHubRefused):
        client.repository(1)
    wire.no_token = httpx.Response(422, json={"message": ELSEWHERE})
    assert client._organisation is not None
    assert client._contents(client._organisation(), "octo/.github", "thumbprint.yml") is None
    with database.unit(read_only=True) as unit:
        assert unit.progress.marks(ASK) == {}


def test_whoever_has_a_database_and_calls_github_gives_the_gate() -> None:
    """`GitHub(…)` is made in few places, and none of ours forgets the third argument."""
    found = {}
    for file in (*(ROOT / "bot").rglob("*.py"), *(ROOT / "webhooks").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "GitHub":
                gated = len(node.args) > 2 or any(each.arg == "access" for each in node.keywords)
                if file.name != "town.py":  # a drill's observer: it looks at GitHub beside the App
                    found[f"{file.name}:{node.lineno}"] = gated
    assert found
    assert all(found.values()), found
