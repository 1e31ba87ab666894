"""A mock of GitHub's end of the wire that holds what it is asked against the contract, as playgrounds do.

Some tests need answers that no playground gives: they hand httpx a function. What the bot asks of it must be
well formed all the same. A module that takes `Judged` takes the fixture `judge` as well, which fails the test
that asked wrongly (an error raised on the wire would be mapped to one of ours). Left out: the answers, which
are shortened there on purpose, or wrong.

    from tests.contract.judging import Judged, judge
    __all__ = ["judge"]
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract import overlay, queries, rest
from webhooks.playground.api import PREFIX
from webhooks.playground.exchanges import Exchange

_WRONG: list[str] = []
_SEEN: set[str] = set()


class Judged(httpx.MockTransport):
    """httpx's mock; each request is judged before it is answered, equal ones once in a run."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the mock does."""
        asked = _exchange(request)
        if asked.key not in _SEEN:
            if found := differences(asked):
                _WRONG.extend(f"{asked.method} {asked.path}: {one}" for one in found)
            else:
                _SEEN.add(asked.key)
        return super().handle_request(request)


def differences(asked: Exchange) -> list[str]:
    """What in a request of the bot's is not as GitHub has it."""
    kind = queries if asked.is_graphql else rest
    return list(chain(overlay.request_differences(asked), kind.request_differences(asked)))


@pytest.fixture(autouse=True)
def judge() -> Iterator[None]:
    """Fail the test in which something was asked that GitHub would refuse as malformed."""
    taken()
    yield
    assert not (found := taken()), "\n".join(["Not as GitHub has it:", *found])


def taken() -> list[str]:
    """What was found wrong since this was asked last."""
    found, _WRONG[:] = list(_WRONG), []
    return found


def _exchange(request: httpx.Request) -> Exchange:
    """A request as the playground writes it down, which is a GitHub Enterprise Server; nothing answered."""
    path = urlsplit(str(request.url)).path
    if path.rpartition("/")[2] == "graphql":
        path = "/api/graphql"
    elif not path.startswith(f"{PREFIX}/"):
        path = PREFIX + path
    return Exchange(
        method=request.method,
        path=path,
        query=request.url.query.decode("ascii"),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.read(),
        status=200,
        answer_headers={},
        answer=b"",
    )
