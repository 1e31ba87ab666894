"""Cuts GitHub's own descriptions down to what Thumbprint calls or may call: `tests/data/github`.

Left out of the REST description: other operations, examples, prose, `x-webhooks`; of the GraphQL schema:
types not named here, and fields that lead to them. What is kept is kept as GitHub publishes it.
Run, with the three npm packages of `tests/data/github/README.md` unpacked in a folder:

    python -m tests.contract.cut FOLDER     # FOLDER/openapi, FOLDER/graphql-schema, FOLDER/webhooks-examples
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from graphql import (
    DefinitionNode,
    DocumentNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    TypeNode,
    UnionTypeDefinitionNode,
    parse,
    print_ast,
    specified_scalar_types,
)

DATA = Path(__file__).parents[1] / "data" / "github"

OPERATIONS = frozenset(
    """
    apps/get-authenticated apps/list-installations apps/get-installation apps/get-repo-installation
    apps/get-org-installation apps/get-user-installation apps/create-installation-access-token
    apps/revoke-installation-access-token apps/list-repos-accessible-to-installation
    apps/list-webhook-deliveries apps/get-webhook-delivery apps/redeliver-webhook-delivery
    apps/create-from-manifest apps/get-webhook-config-for-app apps/update-webhook-config-for-app
    rate-limit/get meta/get users/get-by-username users/get-by-id orgs/get
    repos/get repos/get-content repos/get-readme
    repos/get-collaborator-permission-level repos/check-collaborator repos/list-collaborators
    issues/get issues/list-for-repo issues/list-events-for-timeline issues/list-comments
    issues/list-comments-for-repo issues/create-comment issues/get-comment issues/update-comment
    issues/delete-comment
    pulls/get pulls/list pulls/list-review-comments pulls/list-review-comments-for-repo
    pulls/get-review-comment pulls/create-reply-for-review-comment
    pulls/update-review-comment pulls/delete-review-comment
    reactions/list-for-issue reactions/create-for-issue reactions/delete-for-issue
    reactions/list-for-issue-comment reactions/create-for-issue-comment reactions/delete-for-issue-comment
    reactions/list-for-pull-request-review-comment reactions/create-for-pull-request-review-comment
    reactions/delete-for-pull-request-comment
    """.split()  # noqa: SIM905
)

TYPES = frozenset(
    """
    Query Node Actor Reactable Comment Minimizable Lockable User Bot Mannequin Organization PageInfo RateLimit
    Repository Issue PullRequest IssueComment IssueCommentConnection IssueCommentEdge
    PullRequestReviewComment PullRequestReviewCommentConnection PullRequestReviewCommentEdge
    Reaction ReactionConnection ReactionEdge ReactionGroup Reactor ReactorConnection ReactorEdge
    UserContentEdit UserContentEditConnection UserContentEditEdge
    """.split()  # noqa: SIM905
)

_PROSE = {"summary", "description", "externalDocs", "examples", "example", "x-octokit", "tags"}


# ---------------------------------------------------------------- REST


def cut_openapi(whole: dict[str, Any]) -> dict[str, Any]:
    """The description with only OPERATIONS and what they refer to, without prose and examples."""
    paths: dict[str, Any] = {}
    for path, item in whole["paths"].items():
        for method, operation in item.items():
            if operation["operationId"] in OPERATIONS:
                paths.setdefault(path, {})[method] = _bare(operation)
    found = {operation["operationId"] for item in paths.values() for operation in item.values()}
    if missing := OPERATIONS - found:
        raise SystemExit(f"The description has no {', '.join(sorted(missing))}: look up their new names.")
    components: dict[str, dict[str, Any]] = {}
    wanted = list(_references(paths))
    while wanted:
        _, _, section, name = wanted.pop().split("/")
        if name not in components.setdefault(section, {}):
            components[section][name] = _bare(whole["components"][section][name])
            wanted += _references(components[section][name])
    info = {"title": "GitHub REST API, cut", "version": whole["info"]["version"]}
    servers = whole["servers"]
    return {
        "openapi": whole["openapi"],
        "info": info,
        "servers": servers,
        "paths": paths,
        "components": components,
    }


def _bare(node: Any, named: bool = False) -> Any:
    """Without prose and examples. `named`: the keys are names of properties, not keywords."""
    if isinstance(node, list):
        return [_bare(one) for one in node]
    if not isinstance(node, dict):
        return node
    if named:
        return {key: _bare(value) for key, value in node.items()}
    kept = {key: value for key, value in node.items() if key not in _PROSE}
    bare = {key: _bare(value, key in ("properties", "headers")) for key, value in kept.items()}
    if "x-github" in bare:
        bare["x-github"] = {"enabledForGitHubApps": bare["x-github"]["enabledForGitHubApps"]}
    if "description" in node and ("content" in node or "headers" in node or set(node) == {"description"}):
        bare["description"] = ""  # a response has to have one
    return bare


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for one in node:
            yield from _references(one)


def lines(description: dict[str, Any]) -> str:
    """As JSON, one path or component a line, so that a new version shows what it changed."""
    text = json.dumps(description, indent=1, sort_keys=True)
    deep = re.compile(r"\n {4,}|\n {3}(?=[}\]])")  # what is below a path, or below a component
    return re.sub(r"(?m)^ {1,3}", "", deep.sub("", text)) + "\n"


# ---------------------------------------------------------------- GraphQL


def cut_schema(source: str) -> str:
    """The schema with only TYPES, and the scalars, enums and inputs that their fields need."""
    defined = {one.name.value: one for one in parse(source, no_location=True).definitions if _has_name(one)}
    if missing := TYPES - set(defined):
        raise SystemExit(f"The schema has no {', '.join(sorted(missing))}: look up their new names.")
    composite = (ObjectTypeDefinitionNode, InterfaceTypeDefinitionNode, UnionTypeDefinitionNode)
    leaves = {name for name, one in defined.items() if not isinstance(one, composite)}
    known = TYPES | leaves | set(specified_scalar_types)
    promised = {
        field.name.value
        for one in defined.values()
        if isinstance(one, InterfaceTypeDefinitionNode) and one.name.value in TYPES
        for field in one.fields or ()
        if not _deprecated(field)
    }
    kept: dict[str, DefinitionNode] = {}
    wanted = sorted(TYPES)
    while wanted:
        name = wanted.pop()
        if name in kept:
            continue
        kept[name] = _only(defined[name], known, promised)
        wanted += [one for one in _names(kept[name]) if one in leaves]
    return print_ast(DocumentNode(definitions=tuple(kept[name] for name in sorted(kept)))) + "\n"


def _has_name(one: Any) -> bool:
    return one.kind.endswith("type_definition")


def _only(node: Any, known: set[str], promised: set[str]) -> Any:
    """A definition without descriptions, and without what leads out of `known`.

    What an interface promises (its fields, not deprecated) is not deprecated in its types either, though
    GitHub says so of `databaseId`: graphql-core takes no such schema.
    """
    changes: dict[str, Any] = {}
    if isinstance(node, UnionTypeDefinitionNode):
        changes["types"] = tuple(one for one in node.types or () if one.name.value in TYPES)
    elif isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
        fields = (one for one in node.fields or () if _type_name(one.type) in known)
        changes["fields"] = tuple(
            _silent(
                one,
                arguments=tuple(_silent(each) for each in one.arguments or ()),
                **({"directives": ()} if one.name.value in promised else {}),
            )
            for one in fields
        )
        changes["interfaces"] = tuple(one for one in node.interfaces or () if one.name.value in TYPES)
    else:
        for name in ("fields", "values"):
            if hasattr(node, name):
                changes[name] = tuple(_silent(one) for one in getattr(node, name) or ())
    return _silent(node, **changes)


def _silent(node: Any, **changes: Any) -> Any:
    """Without prose; of its directives only that it is deprecated."""
    directives = tuple(replace(one, arguments=()) for one in _deprecated(node))
    return replace(node, **{"description": None, "directives": directives} | changes)


def _deprecated(node: Any) -> list[Any]:
    return [one for one in node.directives or () if one.name.value == "deprecated"]


def _type_name(node: TypeNode) -> str:
    inner: Any = node
    while hasattr(inner, "type"):
        inner = inner.type
    return str(inner.name.value)


def _names(node: Any) -> Iterator[str]:
    for one in getattr(node, "fields", None) or ():
        yield _type_name(one.type)
        for argument in getattr(one, "arguments", None) or ():
            yield _type_name(argument.type)


# ---------------------------------------------------------------- webhooks


def pack_examples(whole: list[dict[str, Any]]) -> bytes:
    """All example payloads, one a line, compressed; the same input gives the same bytes."""
    text = "".join(
        json.dumps({"event": one["name"], "payload": payload}, sort_keys=True, separators=(",", ":")) + "\n"
        for one in whole
        for payload in one["examples"]
    )
    return gzip.compress(text.encode(), mtime=0)


def main(folder: Path) -> None:
    """Write the three files."""
    DATA.mkdir(parents=True, exist_ok=True)
    whole = json.loads((folder / "openapi/generated/api.github.com.json").read_text())
    (DATA / "openapi.json").write_text(lines(cut_openapi(whole)))
    (DATA / "schema.graphql").write_text(cut_schema((folder / "graphql-schema/schema.graphql").read_text()))
    examples = json.loads((folder / "webhooks-examples/api.github.com/index.json").read_text())
    (DATA / "payloads.jsonl.gz").write_bytes(pack_examples(examples))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
