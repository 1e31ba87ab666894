"""GraphQL: a query, its variables and its answer against GitHub's own schema, by graphql-core.

`tests/data/github/schema.graphql` holds the types that our queries may reach. Over the schema: a connection
is asked for 1 to 100 items, `nodes` for at most 100 ids, a whole query for at most 500,000 nodes.
Source: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from graphql import (
    FieldNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    ListValueNode,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    Undefined,
    VariableNode,
    build_schema,
    execute_sync,
    parse,
    specified_rules,
    validate,
    value_from_ast_untyped,
)
from graphql.language import Node

from tests.contract.cut import DATA
from webhooks.playground.exchanges import Exchange

MOST_ITEMS = 100
MOST_NODES = 500_000
KINDS = {"NOT_FOUND", "FORBIDDEN", "RATE_LIMITED", "ARGUMENT_LIMIT", "MISSING_PAGINATION_BOUNDARIES"}
KINDS |= {"EXCESSIVE_PAGINATION", "INVALID_CURSOR_ARGUMENTS"}


@cache
def schema() -> GraphQLSchema:
    return build_schema((DATA / "schema.graphql").read_text())


def request_differences(exchange: Exchange) -> Iterator[str]:
    """What GitHub refuses in a query, or will refuse: syntax, types, variables, limits, deprecated fields."""
    try:
        said = json.loads(exchange.body)
        document = parse(said["query"])
    except (ValueError, KeyError, TypeError, GraphQLError) as error:
        yield f"the body is no query: {error}"
        return
    if unknown := set(said) - {"query", "variables", "operationName"}:
        yield f"the body has {', '.join(sorted(unknown))} beside the query"
    found = [one.message for one in validate(schema(), document, [*specified_rules, NoDeprecatedCustomRule])]
    variables = said.get("variables") or {}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode) and not found:
            declared = {one.variable.name.value for one in definition.variable_definitions or ()}
            found += [f"the variable {name} is not declared" for name in set(variables) - declared]
            found += _limits(definition, variables)
    if not found:
        # Over an empty root no field is found, but variables are coerced first, and wrong ones stop it.
        done = execute_sync(schema(), document, {}, variable_values=variables)
        found += [one.message for one in done.errors or () if done.data is None and not one.path]
    yield from found


def _limits(definition: OperationDefinitionNode, variables: dict[str, Any]) -> Iterator[str]:
    total = 0

    def walk(node: Node, around: int) -> Iterator[str]:
        nonlocal total
        for child in node.selection_set.selections if getattr(node, "selection_set", None) else ():
            within = around
            if isinstance(child, FieldNode):
                given = {one.name.value: _value(one.value, variables) for one in child.arguments or ()}
                sizes = [given[name] for name in ("first", "last") if given.get(name) is not None]
                selects = {one.name.value for one in _selections(child) if isinstance(one, FieldNode)}
                if selects & {"nodes", "edges"} and "ids" not in given:
                    if len(sizes) != 1 or not 1 <= sizes[0] <= MOST_ITEMS:
                        yield f"{child.name.value} needs first or last, 1 to {MOST_ITEMS}, not {sizes}"
                    within *= max(1, sizes[0] if sizes else 1)
                    total += within
                if len(given.get("ids") or ()) > MOST_ITEMS:
                    yield f"{child.name.value} takes at most {MOST_ITEMS} ids, not {len(given['ids'])}"
                within *= max(1, len(given.get("ids") or ()))
            yield from walk(child, within)

    yield from walk(definition, 1)
    if total > MOST_NODES:
        yield f"the query asks for {total} nodes, over {MOST_NODES}"


def _selections(node: FieldNode) -> tuple[Node, ...]:
    return tuple(node.selection_set.selections) if node.selection_set else ()


def _value(node: Node, variables: dict[str, Any]) -> Any:
    if isinstance(node, VariableNode):
        return variables.get(node.name.value)
    if isinstance(node, ListValueNode):
        return [_value(one, variables) for one in node.values]
    return value_from_ast_untyped(node)  # type: ignore[arg-type]


def answer_differences(exchange: Exchange) -> Iterator[str]:
    """What does not fit the query and the schema: the query is executed over the answer itself."""
    if exchange.status != 200:
        return
    said, asked = json.loads(exchange.answer), json.loads(exchange.body)
    for error in said.get("errors", ()):
        if not error.get("message") or error.get("type", "NOT_FOUND") not in KINDS:
            yield f"an error has a message and a type of GitHub's, not {error}"
    if "data" not in said:
        if not said.get("errors"):
            yield "an answer has data, or errors"
        return
    if said["data"] is None:
        return
    done = execute_sync(
        schema(),
        parse(asked["query"]),
        said["data"],
        variable_values=asked.get("variables") or {},
        operation_name=asked.get("operationName"),
        field_resolver=_as_answered,
        type_resolver=_kind_of,
    )
    for problem in done.errors or ():
        yield f"{'/'.join(map(str, problem.path or ()))}: {problem.message}"
    if not done.errors and done.data != said["data"]:
        yield "the answer holds what was not asked for"


def _as_answered(source: dict[str, Any], info: GraphQLResolveInfo, **_: Any) -> Any:
    found = source.get(str(info.path.key), Undefined)
    if found is Undefined:
        raise GraphQLError("the field is missing")
    return found


def _kind_of(value: dict[str, Any], info: GraphQLResolveInfo, abstract: GraphQLAbstractType) -> str:
    """By `__typename`, or the first type that has all of the fields."""
    possible = schema().get_possible_types(abstract)
    if "__typename" in value:
        return str(value["__typename"])
    fits = (one for one in possible if set(value) <= set(one.fields))
    found: GraphQLObjectType | None = next(fits, None)
    if found is None:
        raise GraphQLError(f"no {abstract.name} has all of {', '.join(sorted(value))}")
    return found.name
