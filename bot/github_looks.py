"""Looking at comments of ours by GraphQL: reactions by person, whether they are hidden, who edited them.

One call reads fifty comments; it tells of edits only who made them, so that a history is read where it is
news, and its texts without secrets, for it is never written back. Every call is paid for before it is made.
Left out: what follows from it (`bot/poll.py`).
Run: `pytest tests/unit/bot/test_github_looks.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from bot.github_calls import Calls
from bot.github_shapes import History, Reacted, Revision, Seen, account, moment, reacted
from bot.polling import BATCH
from storage.errors import Gone, OverBudget
from storage.redaction import redact_said

MOST_REACTIONS = 1000
"""Reactions read of one comment, the first ones given; a vote that comes after a thousand changes nothing."""

MOST_REVISIONS = 1000
"""Revisions read of one comment, the newest ones."""

_COST = "rateLimit { cost limit remaining }"
_REACTIONS = """pageInfo { hasNextPage endCursor }
  nodes { content createdAt user { __typename login databaseId } }"""
MANY = f"""query($ids: [ID!]!) {{ {_COST} nodes(ids: $ids) {{ id
  ... on Reactable {{ reactions(first: 100) {{ {_REACTIONS} }} }}
  ... on Minimizable {{ isMinimized minimizedReason }}
  ... on Comment {{ userContentEdits(first: 20) {{
    nodes {{ id deletedAt editor {{ __typename login }} }} }} }} }} }}"""
MORE = f"""query($id: ID!, $after: String) {{ {_COST} node(id: $id) {{ id ... on Reactable {{
  reactions(first: 100, after: $after) {{ {_REACTIONS} }} }} }} }}"""
HISTORY = f"""query($id: ID!, $after: String) {{ {_COST} node(id: $id) {{ id ... on Comment {{
  body includesCreatedEdit
  userContentEdits(first: 100, after: $after) {{ pageInfo {{ hasNextPage endCursor }}
    nodes {{ editedAt deletedAt diff
      editor {{ __typename login ... on User {{ databaseId }} ... on Bot {{ databaseId }} }} }} }} }} }} }}"""


def look(calls: Calls, login: str, node_ids: Sequence[str]) -> dict[str, Seen | None]:
    """Comments by node id; None for one that is gone, nothing for one that the budget did not reach.

    `login` is ours. Raises OverBudget where it reached none.
    """
    found: dict[str, Seen | None] = {}
    for start in range(0, len(node_ids), BATCH):
        ids = node_ids[start : start + BATCH]
        try:
            nodes = calls.graphql(MANY, {"ids": list(ids)}).get("nodes") or ()
            there = {node["id"]: node for node in nodes if node and node.get("reactions")}
            for node_id in ids:
                node = there.get(node_id)
                found[node_id] = None if node is None else _seen(calls, login, node)
        except OverBudget:
            if not found:
                raise
            break
    return found


def history(calls: Calls, login: str, node_id: str) -> History | None:
    """The revisions of a comment; None for one that is gone."""
    revisions: list[Revision] = []
    after: str | None = None
    while True:
        node = calls.graphql(HISTORY, {"id": node_id, "after": after}).get("node") or {}
        page = node.get("userContentEdits")
        if not node or (page is None and after):
            return None
        revisions += [_revision(one, login) for one in (page or {}).get("nodes") or ()]
        about = (page or {}).get("pageInfo") or {}
        more = bool(about.get("hasNextPage"))
        if not more or len(revisions) >= MOST_REVISIONS:
            break
        after = about.get("endCursor")
    oldest = revisions[-1] if revisions else None
    created = oldest is not None and oldest.ours
    return History(
        body=redact_said(str(node.get("body") or "")),
        revisions=tuple(reversed(revisions)),
        whole=not more and (created or not node.get("includesCreatedEdit")),
    )


def _seen(calls: Calls, login: str, node: Mapping[str, Any]) -> Seen | None:
    """What there is to see; None where the comment goes between two pages of its reactions."""
    try:
        given = list(islice(_reactions(calls, node), MOST_REACTIONS))
    except Gone:
        return None
    edits = [one for one in (node.get("userContentEdits") or {}).get("nodes") or () if one]
    theirs = [
        f"{one.get('id')} {one.get('deletedAt')}"
        for one in edits
        if one.get("deletedAt") or not _is_ours(one.get("editor"), login)
    ]
    hidden = str(node.get("minimizedReason") or "hidden") if node.get("isMinimized") else ""
    return Seen(
        reactions=tuple(given),
        hidden=hidden.strip().lower().replace("_", "-"),
        edits=hashlib.sha256("\n".join(theirs).encode()).hexdigest()[:16] if theirs else "",
    )


def _reactions(calls: Calls, node: Mapping[str, Any]) -> Iterator[Reacted]:
    page: Mapping[str, Any] = node["reactions"]
    while True:
        yield from reacted(page)
        about = page.get("pageInfo") or {}
        if not about.get("hasNextPage"):
            return
        said = calls.graphql(MORE, {"id": node["id"], "after": about.get("endCursor")})
        more = (said.get("node") or {}).get("reactions")
        if more is None:
            raise Gone("The comment is gone since its first reactions were read.")
        page = more


def _revision(said: Mapping[str, Any] | None, login: str) -> Revision:
    """A revision; one that GitHub leaves out of a page is nobody's, with a text that nobody knows."""
    said = said or {}
    text, deleted = said.get("diff"), said.get("deletedAt")
    return Revision(
        editor=account(said.get("editor") or {}),
        ours=_is_ours(said.get("editor"), login),
        at=moment(said.get("editedAt")),
        deleted_at=moment(deleted) if deleted else None,
        text=redact_said(text) if isinstance(text, str) and not deleted else None,
    )


def _is_ours(editor: Mapping[str, Any] | None, login: str) -> bool:
    """Whether we are the editor. GraphQL names a bot without the `[bot]` that REST gives it."""
    if not editor or editor.get("__typename") != "Bot":
        return False
    return str(editor.get("login")).removesuffix("[bot]").lower() == login.removesuffix("[bot]").lower()
