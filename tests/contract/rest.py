"""REST: a request and its answer against GitHub's own description, by openapi-core.

`tests/data/github/openapi.json` holds the operations that may be called; any other is a difference. The
description is loose: unknown keys are refused here in both directions, and `overlay.py` has the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote

from jsonschema_path import SchemaPath
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.paths.finders import APICallPathFinder
from openapi_core.testing import MockRequest, MockResponse
from openapi_core.validation.request.validators import V30RequestValidator
from openapi_core.validation.response.validators import V30ResponseValidator
from werkzeug.datastructures import ImmutableMultiDict

from tests.contract.cut import DATA
from webhooks.playground.exchanges import Exchange

HOST = "https://api.github.com"


@cache
def description() -> dict[str, Any]:
    """GitHub's, with its slips mended and closed to keys that it does not name."""
    found: dict[str, Any] = json.loads((DATA / "openapi.json").read_text())
    listed = found["paths"]["/app/installations"]["get"]["responses"]["200"]["content"]["application/json"]
    listed["schema"]["items"] = {"$ref": "#/components/schemas/installation"}  # theirs is all of two accounts
    _merge(found, found["components"])
    _close(found)
    return found


def _merge(node: Any, components: dict[str, Any]) -> None:
    """What is all of several objects becomes one object, so that it can be closed."""
    for one in node if isinstance(node, list) else node.values() if isinstance(node, dict) else ():
        _merge(one, components)
    if isinstance(node, dict) and "allOf" in node:
        parts = [
            components["schemas"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one
            for one in node.pop("allOf")
        ]
        node["type"] = "object"
        node["properties"] = {name: kind for one in parts for name, kind in one.get("properties", {}).items()}
        node["required"] = sorted({name for one in parts for name in one.get("required", ())})


def _close(node: Any) -> None:
    if isinstance(node, list):
        for one in node:
            _close(one)
    elif isinstance(node, dict):
        if "properties" in node and node.get("type") == "object":
            node.setdefault("additionalProperties", False)
        if node.get("nullable") is True and isinstance(node.get("enum"), list) and None not in node["enum"]:
            node["enum"].append(None)
        for one in node.values():
            _close(one)


@cache
def _spec() -> SchemaPath:
    return SchemaPath.from_dict(description())


@cache
def _validators() -> tuple[V30RequestValidator, V30ResponseValidator]:
    return V30RequestValidator(_spec()), V30ResponseValidator(_spec())


def operation(exchange: Exchange) -> dict[str, Any] | None:
    """The described operation that was called, or None."""
    return _operation(exchange.method.lower(), described_path(exchange.call))


@lru_cache(1_000)
def _operation(method: str, path: str) -> dict[str, Any] | None:
    try:
        found = APICallPathFinder(_spec()).find(method, HOST + path)
    except OpenAPIError:
        return None
    made: dict[str, Any] = found.operation.read_value()
    return made


def described_path(call: str) -> str:
    """A call's path as the description has it: by name, and a file's path as one part.

    GitHub has every call on `/repos/{owner}/{repo}` at `/repositories/{id}` too: it redirects there (301,
    307) once a repository was renamed. The description leaves that out.
    """
    parts = call.split("/")
    if parts[1] == "repositories":
        parts = ["", "repos", "by", "number", *parts[3:]]
    if parts[1] == "repos" and parts[4:5] == ["contents"]:
        parts = [*parts[:5], quote("/".join(parts[5:]), safe="%")]
    return "/".join(parts)


def request_differences(exchange: Exchange) -> Iterator[str]:
    """What the description says against the request: unknown call, parameter, field or type."""
    found = operation(exchange)
    if found is None:
        yield "GitHub's description has no such call (or tests/contract/cut.py leaves it out)"
        return
    known = {one["name"] for one in _parameters(found) if one["in"] == "query"}
    for name, _ in parse_qsl(exchange.query, keep_blank_values=True):
        if name not in known and exchange.by_bot:  # GitHub looks at no parameter that it does not know
            yield f"the call has no parameter {name}"
    if exchange.body and "requestBody" not in found:
        yield "the call takes no body"
    yield from _errors(_validators()[0].iter_errors(_request(exchange)))


def answer_differences(exchange: Exchange) -> Iterator[str]:
    """What the description says against the answer. What a refusal holds, the overlay says."""
    found = operation(exchange)
    if found is None or exchange.status >= 400:
        return
    if str(exchange.status) in found["responses"]:
        answer = MockResponse(
            exchange.answer,
            exchange.status,
            exchange.answer_headers,
            exchange.answer_headers.get("content-type", ""),
        )
        if not _has_content(found["responses"][str(exchange.status)]):
            if exchange.answer:
                yield "the description has no body for this answer"
            return
        yield from _errors(_validators()[1].iter_errors(_request(exchange), answer))
    elif exchange.status not in (301, 304, 307):
        yield "the description has no answer with this status"


def _request(exchange: Exchange) -> MockRequest:
    return MockRequest(
        HOST,
        exchange.method,
        described_path(exchange.call),
        args=ImmutableMultiDict(parse_qsl(exchange.query, keep_blank_values=True)),
        headers=exchange.headers,
        data=exchange.body,
        content_type=exchange.headers.get("content-type", ""),
    )


def _parameters(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in found.get("parameters", ()):
        yield _resolved(one)


def _has_content(answer: dict[str, Any]) -> bool:
    return "content" in _resolved(answer)


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    _, _, section, name = node["$ref"].split("/")
    found: dict[str, Any] = description()["components"][section][name]
    return found


def _errors(found: Iterator[Exception]) -> Iterator[str]:
    for error in found:
        causes = list(getattr(error, "schema_errors", ()) or ())
        inner = error.__cause__
        while inner is not None and not causes:
            causes = list(getattr(inner, "schema_errors", ()) or ())
            inner = inner.__cause__
        if not causes:
            yield f"{type(error).__name__}: {error}"[:300]
        for one in causes:
            where = "/".join(str(part) for part in one.absolute_path)
            yield f"{type(error).__name__} at {where or 'its root'}: {one.message}"[:300]
