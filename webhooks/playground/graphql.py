"""GraphQL at `/api/graphql`, executed by graphql-core so that any query shape over `schema.py` works.

As on GitHub: HTTP 200 with `errors` beside partial `data`; calls cost points by the connections they open.
Source: https://docs.github.com/en/graphql/overview. Left out: mutations, node limits.
"""

from __future__ import annotations

import json
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    ListValueNode,
    OperationDefinitionNode,
    VariableNode,
    execute_sync,
    parse,
    validate,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from webhooks.playground.api import services
from webhooks.playground.refusals import Refused
from webhooks.playground.resolvers import Problem, Resolvers
from webhooks.playground.schema import SCHEMA

CONNECTIONS = ("reactions", "userContentEdits", "comments")


async def endpoint(request: Request) -> Response:
    """POST /api/graphql."""
    shared = services(request)
    token = shared.guard.installation(request.headers.get("authorization", ""))
    try:
        body = json.loads(await request.body())
        query, variables = str(body["query"]), dict(body.get("variables") or {})
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(400, "Problems parsing JSON") from error
    bucket = shared.limits.graphql
    try:
        document = parse(query)
        problems = validate(SCHEMA, document)
    except GraphQLError as error:
        problems = [error]
    if problems:
        refused = {"errors": [_shown(problem) for problem in problems]}
        return JSONResponse(refused, headers=bucket.headers(shared.state.clock()))
    points = cost(document, variables)
    try:
        shared.limits.check(bucket, points)
    except Refused as refused:
        limited = {"type": "RATE_LIMITED", "message": "API rate limit exceeded for installation."}
        return JSONResponse({"errors": [limited]}, headers=refused.headers)
    with shared.state.lock:
        done = execute_sync(
            SCHEMA,
            document,
            root_value=Resolvers(shared.state, token, bucket, points).root(),
            variable_values=variables,
            operation_name=body.get("operationName"),
        )
    answer: dict[str, Any] = {"data": done.data}
    if done.errors:
        answer["errors"] = [_shown(problem) for problem in done.errors]
    return JSONResponse(answer, headers=bucket.headers(shared.state.clock()))


def cost(document: DocumentNode, variables: dict[str, Any]) -> int:
    """Points: the requests needed to fill every connection, over 100, at least 1: GitHub's published rule."""
    requests = 0
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            requests += _requests(definition, 1, variables)
    return max(1, round(requests / 100))


def _requests(node: Any, times: int, variables: dict[str, Any]) -> int:
    total = 0
    for child in node.selection_set.selections if node.selection_set else ():
        within = times
        if isinstance(child, FieldNode) and child.name.value in CONNECTIONS:
            total += times
            within *= max(1, _size(child, "first", variables), _size(child, "last", variables))
        elif isinstance(child, FieldNode) and child.name.value == "nodes":
            within *= max(1, _size(child, "ids", variables))
        if hasattr(child, "selection_set"):
            total += _requests(child, within, variables)
    return total


def _size(field: FieldNode, argument_name: str, variables: dict[str, Any]) -> int:
    for argument in field.arguments or ():
        if argument.name.value == argument_name:
            value: Any = argument.value
            if isinstance(value, ListValueNode):
                return len(value.values)
            found = variables.get(value.name.value, 0) if isinstance(value, VariableNode) else value.value
            return len(found) if isinstance(found, list) else int(found or 0)
    return 0


def _shown(error: GraphQLError) -> dict[str, Any]:
    shown: dict[str, Any] = dict(error.formatted)
    for cause in (error, error.original_error):
        if isinstance(cause, Problem):
            return {"type": cause.kind} | shown
    return shown
