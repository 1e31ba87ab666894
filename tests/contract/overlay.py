"""What GitHub enforces, or always does, and its description does not say.

Sources: https://docs.github.com/en/rest/using-the-rest-api, https://docs.github.com/en/apps. Limits of rate,
read-after-write lag, and answers that are lost after the call was carried out are no rule of one exchange:
the playground keeps those (`limits.py`, `misbehave.py`), and tests of their own watch the bot under them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import jwt

from tests.contract.rest import operation
from webhooks.playground.exchanges import Exchange

VERSIONS = {"2022-11-28", "2026-03-10"}
MOST_CHARACTERS = 65_536
MOST_PER_PAGE = 100
JWT_LIFE_S = 600
OPEN = {"apps/create-from-manifest", "meta/get", "rate-limit/get"}
"""Calls that need no credentials."""

BY_TOKEN = {"apps/list-repos-accessible-to-installation", "apps/revoke-installation-access-token"}
"""Those of `apps/` that take an installation's token; the others take the App's JSON web token."""

REFUSALS = {400, 401, 403, 404, 409, 410, 422, 429}

BODIES = {"issues/create-comment", "issues/update-comment", "pulls/create-reply-for-review-comment"}
BODIES |= {"pulls/update-review-comment"}
ISO_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def request_differences(exchange: Exchange) -> Iterator[str]:
    """What GitHub would refuse in the request, whatever it asks for."""
    headers = exchange.headers
    if not headers.get("user-agent"):
        yield "a request without User-Agent is refused"
    if headers.get("x-github-api-version", "2022-11-28") not in VERSIONS:
        yield f"there is no API version {headers['x-github-api-version']}"
    if exchange.method in ("GET", "HEAD") and exchange.body:
        yield "a read has no body"
    if exchange.body and not headers.get("content-type", "").startswith("application/json"):
        yield "a body is application/json"
    if not exchange.path.isascii() or re.search(r"[\s\"<>\\^`{|}]", exchange.path):
        yield "the path is not percent-encoded"
    name = "graphql" if exchange.is_graphql else (operation(exchange) or {}).get("operationId", "")
    yield from _credentials(headers.get("authorization", ""), name)
    if exchange.method == "GET":
        yield from _paging(exchange.query)
    if name in BODIES:
        yield from _text(exchange.body)


def _credentials(authorization: str, name: str) -> Iterator[str]:
    scheme, _, secret = authorization.partition(" ")
    if not authorization:
        if name not in OPEN:
            yield "the call needs credentials"
    elif scheme.lower() not in ("bearer", "token"):
        yield f"credentials are a bearer's, not {scheme}"
    elif name.startswith("apps/") and name not in BY_TOKEN:
        yield from _web_token(secret, scheme)
    elif not secret.startswith("ghs_"):
        yield "the call takes an installation's token"


def _web_token(secret: str, scheme: str) -> Iterator[str]:
    """At most ten minutes long, RS256: docs.github.com/en/apps, "Generating a JSON Web Token (JWT)"."""
    try:
        claims: dict[str, Any] = jwt.decode(secret, options={"verify_signature": False})
        algorithm = jwt.get_unverified_header(secret)["alg"]
    except jwt.PyJWTError:
        yield "the call takes the App's JSON web token"
        return
    if scheme.lower() != "bearer":
        yield "a JSON web token comes as Bearer"
    if algorithm != "RS256":
        yield f"a JSON web token is signed by RS256, not {algorithm}"
    if {"iat", "exp", "iss"} - set(claims):
        yield "a JSON web token has iat, exp and iss"
    elif claims["exp"] - claims["iat"] > JWT_LIFE_S + 60:  # 60 s in the past against clocks that differ
        yield f"a JSON web token of {claims['exp'] - claims['iat']} s lives too long"


def _paging(query: str) -> Iterator[str]:
    given = parse_qs(query, keep_blank_values=True)
    for name, values in given.items():
        if len(values) > 1:
            yield f"{name} is given twice"
    for name, most in (("per_page", MOST_PER_PAGE), ("page", 10**6)):
        value = given.get(name, ["1"])[0]
        if not value.isdecimal() or not 1 <= int(value) <= most:
            yield f"{name}={value} is not between 1 and {most}"
    since = given.get("since", ["2026-01-01T00:00:00Z"])[0]
    if not ISO_UTC.fullmatch(since):
        yield f"since={since} is no time such as 2026-01-01T00:00:00Z"


def _text(body: bytes) -> Iterator[str]:
    try:
        text = json.loads(body)["body"]
    except (ValueError, KeyError, TypeError):
        return  # the description says so
    if isinstance(text, str) and not (text.strip() and len(text) <= MOST_CHARACTERS):
        yield f"a comment of {len(text)} characters: 1 to {MOST_CHARACTERS} are taken, and not blanks alone"


def answer_differences(exchange: Exchange) -> Iterator[str]:
    """What GitHub's answers always have."""
    if exchange.status >= 500 or not exchange.whole:
        return
    headers = exchange.answer_headers
    if "x-github-request-id" not in headers and not exchange.is_graphql:
        yield "an answer has X-GitHub-Request-Id"
    if exchange.headers.get("authorization", "").partition(" ")[2].startswith("ghs_"):
        yield from _rate_limit(exchange)
    if exchange.status in (204, 304):
        if exchange.answer:
            yield "an answer of this status has no body"
        return
    if not headers.get("content-type", "").startswith(("application/json", "application/vnd.github")):
        yield f"an answer is JSON, not {headers.get('content-type')}"
        return
    if exchange.status >= 400:
        yield from _refusal(exchange)
    if exchange.status in (301, 302, 307) and not headers.get("location", "").startswith("http"):
        yield "a redirect has a Location"
    if exchange.method == "GET" and exchange.status == 200:
        yield from _read(exchange)


def _rate_limit(exchange: Exchange) -> Iterator[str]:
    names = ("limit", "remaining", "reset", "used", "resource")
    if exchange.status == 401 or exchange.path.endswith("/rate_limit"):
        return
    for name in names:
        value = exchange.answer_headers.get(f"x-ratelimit-{name}", "")
        if not (value if name == "resource" else value.isdecimal()):
            yield f"an answer to a token has X-RateLimit-{name.capitalize()}"


def _refusal(exchange: Exchange) -> Iterator[str]:
    if exchange.status not in REFUSALS:
        yield f"GitHub refuses nothing with {exchange.status}"
    said = json.loads(exchange.answer)
    if set(said) - {"message", "errors", "documentation_url", "status"} or not said.get("message"):
        yield f"a refusal has message, errors, documentation_url, status and not {sorted(said)}"
    if said.get("status", str(exchange.status)) != str(exchange.status):
        yield f"a refusal's status is {said['status']}"
    limited = "rate limit" in str(said.get("message"))
    by_primary = exchange.answer_headers.get("x-ratelimit-remaining") == "0"
    if limited and not by_primary and not exchange.answer_headers.get("retry-after", "").isdecimal():
        yield "a refusal by the secondary rate limit says how long with Retry-After"


def _read(exchange: Exchange) -> Iterator[str]:
    if not re.fullmatch(r'(W/)?"[0-9a-f]+"', exchange.answer_headers.get("etag", "")):
        yield "what is read has an ETag"
    said = json.loads(exchange.answer)
    if isinstance(said, list):
        asked = dict(parse_qsl(exchange.query))
        most = (
            min(MOST_PER_PAGE, int(asked.get("per_page", 30)))
            if asked.get("per_page", "1").isdecimal()
            else 30
        )
        if len(said) > most and "contents" not in exchange.path:
            yield f"a page has at most {most} items, not {len(said)}"
        if 'rel="next"' in exchange.answer_headers.get("link", "") and len(said) < most:
            yield "a page with a next one is full"
    for when in _times(said):
        try:
            datetime.strptime(when, "%Y-%m-%dT%H:%M:%SZ")
        except ValueError:
            yield f"{when} is no time such as 2026-01-01T00:00:00Z"


def _times(said: Any) -> Iterator[str]:
    if isinstance(said, dict):
        for name, value in said.items():
            if name.endswith("_at") and isinstance(value, str):
                yield value
            else:
                yield from _times(value)
    elif isinstance(said, list):
        for one in said:
            yield from _times(one)
