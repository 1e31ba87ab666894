"""Raw calls to GitHub: JSON in and out, pages, and the one mapping of errors.

Reads are tried three times, unless GitHub asks for a longer pause than ours; a 401, and what an old token is
told after a transfer, throw the cached token away and are tried once more, because GitHub carried nothing
out. A create is sent once. Left out: what the calls mean (`bot/github.py`), who may make them
(`bot/github_access.py`).
Run: `pytest tests/unit/bot/test_github.py`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn, Protocol, TypeVar

import httpx
import jwt
from githubkit.exception import GitHubException, GraphQLFailed, RateLimitExceeded, RequestError, RequestFailed

from bot.github_access import Kit
from bot.github_shapes import retry_after_s
from bot.spending import Meter
from storage.errors import (
    ConfigurationError,
    DatabaseBusy,
    DatabaseError,
    GitHubRefused,
    GitHubUnavailable,
    Gone,
    OutOfBounds,
    RateLimited,
    ThumbprintError,
)

PAUSES_S = (0.5, 2.0)
"""Pauses before the second and the third try of a read."""

TOO_FAST = ("rate limit", "submitted too quickly", "abuse detection", "temporarily blocked")
"""How GitHub says with a 403 or a 422, and without a header, that the same call is taken in a while."""

TOKENS = "/access_tokens"

T = TypeVar("T")
_PERSON = re.compile(r"(/collaborators/)[^/]+")
"""Errors are kept with jobs: they name nobody, so that nobody has to be forgotten there."""

_VERSION = {"X-GitHub-Api-Version": "2022-11-28"}


class Pacing(Protocol):
    """When a write may be sent, and what GitHub says of waiting (`bot/pacing.py`)."""

    def turn(
        self, installation_id: int, *, key: str = "", optional: bool = False, more: bool = False
    ) -> None:
        """Wait for a write's turn. Raises RateLimited where it is far."""

    def expect(self, installation_id: int, key: str) -> None:
        """Raise RateLimited where the turn that goes by this key is far."""

    def pause(self, installation_id: int, seconds: float) -> None:
        """GitHub asked us to wait."""


class Calls:
    """JSON calls with one kit's rights, written ones each at its turn. Raises only errors of ours.

    Without a `pace` nothing waits for one, which is for tests alone.
    """

    def __init__(
        self,
        kit: Kit,
        sleep: Callable[[float], None] = time.sleep,
        meter: Meter | None = None,
        installation_id: int = 0,
        pace: Pacing | None = None,
        doubt: Callable[[], None] | None = None,
    ) -> None:
        """A `meter` is paid before each request, also before one that is tried again.

        `doubt` is called where GitHub gives no token any more for what these calls are about; then they raise
        OutOfBounds.
        """
        self._kit = kit
        self._sleep = sleep
        self._meter = meter
        self._installation_id = installation_id
        self._pace = pace
        self._doubt = doubt

    def get(self, path: str, **params: str | int) -> dict[str, Any]:
        """One JSON object; an empty one for an answer without a body."""
        said = self._patiently(lambda: self._send("GET", path, params=params))
        return said if isinstance(said, dict) else {}

    def pages(self, path: str, of: str = "", **params: str | int) -> Iterator[dict[str, Any]]:
        """The objects of all pages of a list; `of`: the key that holds it, if there is one."""
        page = 1
        while True:
            query = {**params, "per_page": 100, "page": page}
            response = self._patiently(partial(self._request, "GET", path, query))
            said = _json(response)
            said = said.get(of) if of and isinstance(said, dict) else said
            yield from (one for one in (said if isinstance(said, list) else ()) if isinstance(one, dict))
            if "next" not in response.links:
                return
            page += 1

    def linked(self, path: str, **params: str | int) -> Iterator[dict[str, Any]]:
        """The objects of all pages of a list that goes on by a cursor, which stands in its `Link` header."""
        query: dict[str, str | int] = {**params, "per_page": 100}
        while True:
            response = self._patiently(partial(self._request, "GET", path, query))
            said = _json(response)
            yield from (one for one in (said if isinstance(said, list) else ()) if isinstance(one, dict))
            following = response.links.get("next", {}).get("url", "")
            cursor = httpx.URL(following).params.get("cursor") if following else None
            if not cursor:
                return
            query["cursor"] = cursor

    def graphql(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """A query's data; what is missing in it is null. Queries only: they are tried again."""
        return self._patiently(lambda: self._query(query, variables))

    def create(
        self,
        path: str,
        body: Mapping[str, Any],
        key: str = "",
        sending: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """POST, once: GitHubUnavailable leaves open whether it was carried out.

        `key` books its turn; `sending` is called when that has come: what it raises keeps it from being sent.
        """
        self._turn(key=key)
        sending()
        return self._send("POST", path, body=body) or {}

    def repeatable_post(
        self, path: str, body: Mapping[str, Any], *, optional: bool = False
    ) -> dict[str, Any]:
        """POST of something that GitHub keeps single, so that it may be tried again."""
        return self._patiently(lambda: self._write("POST", path, body, optional=optional) or {})

    def order(self, path: str) -> None:
        """POST without a body; GitHub carrying it out twice has to be as good as once."""
        self._patiently(lambda: self._send("POST", path))

    def in_turn(self, call: Callable[[], T]) -> T:
        """A write's turn, and then what `call` reads and patches: all of it again where GitHub falls over."""

        def taken() -> T:
            self._turn()
            return call()

        return self._patiently(taken)

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """PATCH, once: for `in_turn`, for what it writes was made from what was read, and gets old."""
        return self._send("PATCH", path, body=body) or {}

    def delete(self, path: str, key: str = "") -> None:
        """DELETE; what is gone already is as it should be. `key`: in the turn of what is created next."""
        with suppress(Gone):
            self._patiently(lambda: self._write("DELETE", path, key=key))

    def _write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        key: str = "",
        optional: bool = False,
    ) -> Any:
        self._turn(key=key, optional=optional, more=True)
        return self._send(method, path, body=body)

    def _turn(self, *, key: str = "", optional: bool = False, more: bool = False) -> None:
        if self._pace is not None:
            self._pace.turn(self._installation_id, key=key, optional=optional, more=more)

    def _patiently(self, call: Callable[[], T]) -> T:
        for pause in PAUSES_S:
            try:
                return call()
            except GitHubUnavailable as error:
                if (error.retry_after_s or 0.0) > pause:
                    raise
                self._sleep(pause)
        return call()

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        return _json(self._request(method, path, params, body))

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        def send() -> httpx.Response:
            if self._meter is not None:
                self._meter.pay("core")
            return self._kit.request(
                method, path, params=dict(params or {}), json=body, headers=_VERSION
            ).raw_response

        return self._mapped(send, path)

    def _query(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        def send() -> dict[str, Any]:
            if self._meter is not None:
                self._meter.pay("graphql")
            try:
                return self._kit.graphql.request(query, dict(variables))
            except GraphQLFailed as error:
                errors = error.response.errors or []
                if error.response.data and all(one.type == "NOT_FOUND" for one in errors):
                    return error.response.data
                kinds = ", ".join(sorted({str(one.type) for one in errors}))
                raise GitHubRefused(f"GitHub refused a GraphQL query ({kinds}).", status=200) from error

        said = self._mapped(send, "/graphql") or {}
        if self._meter is not None and (rate := said.get("rateLimit")):
            self._meter.told("graphql", int(rate["cost"]), int(rate["remaining"]), int(rate["limit"]))
        return said

    def _mapped(self, send: Callable[[], T], path: str) -> T:
        try:
            return self._sent(send, _PERSON.sub(r"\1…", path))
        except RateLimited as error:
            if self._pace is not None and type(error) is RateLimited and error.retry_after_s:
                with suppress(DatabaseBusy, DatabaseError):
                    self._pace.pause(self._installation_id, error.retry_after_s)
            raise

    def _sent(self, send: Callable[[], T], path: str) -> T:
        try:
            return send()
        except GitHubException as error:
            if not self._may_be_old(_root(error), path):
                self._raise(error, path)
        self._kit.forget_token()
        try:
            return send()
        except GitHubException as error:
            self._raise(error, path)

    def _may_be_old(self, error: BaseException, path: str) -> bool:
        """Whether the cached token may be from before a transfer or a revocation. Nothing was carried out.

        A token outlives a transfer by up to an hour, and GitHub answers as if the repository were gone, or
        lets it be read and not be written to: only a new token tells.
        """
        status = _status(error)
        if status == 401 or self._doubt is None or not isinstance(error, RequestFailed):
            return status == 401
        if error.request.url.path.endswith(TOKENS):
            return False
        denied = status == 403 and "not accessible by integration" in error.response.text.casefold()
        asks = path.startswith("/repositories/") or path.endswith("/permission")
        return denied or (status == 404 and asks)

    def _raise(self, error: GitHubException, path: str) -> NoReturn:
        root = _root(error)
        if self._doubt is not None and _is_not_ours(root):
            with suppress(DatabaseBusy, DatabaseError):
                self._doubt()
            raise OutOfBounds("GitHub gives no token there (any more): it is asked whose it is.") from error
        raise _ours(root, path) from error


def _json(response: httpx.Response) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise GitHubUnavailable("GitHub answered with something that is no JSON; try again later.") from error


def _root(error: GitHubException) -> BaseException:
    """The error itself: githubkit wraps those of its token request once more."""
    root: BaseException = error
    while isinstance(root, RequestError) and not isinstance(root, RequestFailed):
        root = root.exc
    return root


def _status(error: BaseException) -> int:
    return error.response.status_code if isinstance(error, RequestFailed) else 0


def _is_not_ours(error: BaseException) -> bool:
    """Whether GitHub makes no token because the installation, or the repository in it, is not there any more.

    A job may be before the delivery that says so: a repository that changed hands has another installation.
    A permission that nobody granted is refused with 422, too.
    """
    if not (isinstance(error, RequestFailed) and error.request.url.path.endswith(TOKENS)):
        return False
    status, said = error.response.status_code, error.response.text.casefold()
    return status == 404 or (status == 422 and "permissions requested" not in said)


def _ours(error: BaseException, path: str) -> ThumbprintError:
    """Our error for one of githubkit's or httpx's. Paths are named, bodies and tokens never."""
    if isinstance(error, ThumbprintError):
        return error
    if isinstance(error, RateLimitExceeded):
        wait_s = error.retry_after.total_seconds()
        return RateLimited(f"GitHub asks us to wait {wait_s:.0f} s.", retry_after_s=wait_s)
    if isinstance(error, RequestFailed):
        status, said = error.response.status_code, error.response.text.casefold()
        if status == 429 or (status in (403, 422) and any(words in said for words in TOO_FAST)):
            return RateLimited("GitHub asks us to wait a minute.", retry_after_s=60.0)
        if status == 403 and "suspended" in said:
            return OutOfBounds("The App is suspended there: its jobs go on once it is unsuspended.")
        if status >= 500:
            return GitHubUnavailable(
                f"GitHub answered {status} for {path}; try again later.",
                retry_after_s=retry_after_s(error.response.headers.get("retry-after"), datetime.now(UTC)),
            )
        if status in (404, 410):
            return Gone(f"GitHub has no {path} (any more), or the App may not see it.")
        return GitHubRefused(
            f"GitHub refused {path} with {status}: check the App's permissions and whether it is suspended.",
            status=status,
        )
    if isinstance(error, (httpx.TransportError, TimeoutError, OSError)):
        return GitHubUnavailable(f"GitHub could not be reached for {path} ({type(error).__name__}).")
    if isinstance(error, ValueError | jwt.PyJWTError):
        return ConfigurationError(
            "The GitHub App's private key cannot be used: check THUMBPRINT_PRIVATE_KEY_FILE."
        )
    return GitHubUnavailable(f"The call of {path} failed in an unknown way ({type(error).__name__}).")
