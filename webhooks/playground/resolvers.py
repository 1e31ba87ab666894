"""GraphQL's answers: dictionaries by field name, with functions where a field takes arguments.

As on GitHub: a missing node is null plus a NOT_FOUND error; at most 100 ids, and 100 items a page; a bot's
login has no `[bot]` (a reaction's user has: unverified); once edited, history has the text as created.
"""

from __future__ import annotations

import base64
from typing import Any

from graphql import GraphQLError

from webhooks.playground import shapes
from webhooks.playground.auth import Token
from webhooks.playground.limits import Bucket
from webhooks.playground.refusals import Refused
from webhooks.playground.state import State
from webhooks.playground.things import CONTENTS, Comment, Issue, Reaction, Repository, Revision

Fields = dict[str, Any]


class Problem(GraphQLError):
    """An error with GitHub's `type`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def content_name(rest: str) -> str:
    """`+1` → `THUMBS_UP`; the others are the REST name in capitals."""
    return {"+1": "THUMBS_UP", "-1": "THUMBS_DOWN"}.get(rest, rest.upper())


class Resolvers:
    """The query root for one caller."""

    def __init__(self, state: State, token: Token, bucket: Bucket, cost: int) -> None:
        self._state, self._token, self._bucket, self._cost = state, token, bucket, cost

    def root(self) -> Fields:
        """The fields of `Query`."""
        return {
            "node": lambda info, id: self._node(id),
            "nodes": lambda info, ids: self._nodes(ids),
            "repository": lambda info, owner, name: self._repository_named(f"{owner}/{name}"),
            "rateLimit": lambda info, dryRun=False: self._rate_limit(),
            "viewer": self._actor(self._state.bot.login),
        }

    def _node(self, node_id: str) -> Fields:
        post = self._state.posts.get(node_id)
        if post is None or not self._visible(post):
            raise Problem("NOT_FOUND", f"Could not resolve to a node with the global id of '{node_id}'.")
        is_pull = self._state.issue(post.repository_id, post.number).is_pull
        if not (self._token.may("issues", "read") or (is_pull and self._token.may("pull_requests", "read"))):
            raise Problem("FORBIDDEN", "Resource not accessible by integration")
        return self._post(post)

    def _nodes(self, ids: list[str]) -> list[Fields | Problem]:
        if len(ids) > 100:
            raise Problem(
                "ARGUMENT_LIMIT", f"You may not provide more than 100 node ids; you provided {len(ids)}."
            )
        found: list[Fields | Problem] = []
        for node_id in ids:
            try:
                found.append(self._node(node_id))
            except Problem as problem:
                found.append(problem)
        return found

    def _visible(self, post: Issue | Comment) -> bool:
        thread = self._state.issue(post.repository_id, post.number)
        repo = self._state.repositories[post.repository_id]
        return not post.deleted and not thread.deleted and self._token.reaches(repo)

    def _repository_named(self, full_name: str) -> Fields:
        try:
            found = self._state.repository(full_name)
        except Refused:
            found = None
        if found is None or not self._token.reaches(found):
            raise Problem("NOT_FOUND", f"Could not resolve to a Repository with the name '{full_name}'.")
        return self._repository(found)

    def _repository(self, of: Repository) -> Fields:
        def thread(is_pull: bool, number: int) -> Fields:
            try:
                found = self._state.issue(of.id, number)
            except Refused:
                found = None
            if found is None or found.deleted or found.is_pull != is_pull:
                kind = "a PullRequest" if is_pull else "an Issue"
                raise Problem("NOT_FOUND", f"Could not resolve to {kind} with the number of {number}.")
            return self._post(found)

        return {
            "__typename": "Repository",
            "id": of.node_id,
            "databaseId": of.id,
            "name": of.name,
            "nameWithOwner": of.full_name,
            "isPrivate": of.private,
            "url": f"{self._state.base_url}/{of.full_name}",
            "issue": lambda info, number: thread(False, number),
            "pullRequest": lambda info, number: thread(True, number),
        }

    def _post(self, of: Issue | Comment) -> Fields:
        last = of.revisions[-1]
        fields: Fields = {
            "id": of.node_id,
            "databaseId": of.id,
            "author": lambda info: self._actor(of.author),
            "body": of.body,
            "createdAt": shapes.when(of.created_at),
            "updatedAt": shapes.when(of.updated_at),
            "lastEditedAt": shapes.when(last.at) if of.edited else None,
            "editor": (lambda info: self._actor(last.editor)) if of.edited else None,
            "includesCreatedEdit": of.edited,
            "url": shapes.html_url(self._state, of),
            "repository": lambda info: self._repository(self._state.repositories[of.repository_id]),
            "reactions": lambda info, content=None, **paging: self._reactions(of, content, paging),
            "reactionGroups": lambda info: self._groups(of),
            "userContentEdits": lambda info, **paging: paged(
                [self._revision(r) for r in reversed(of.revisions)] if of.edited else [], **paging
            ),
        }
        if isinstance(of, Comment):
            issue = self._state.issue(of.repository_id, of.number)
            kind = "IssueComment" if of.kind == "issue_comment" else "PullRequestReviewComment"
            hidden = {"isMinimized": of.hidden != "", "minimizedReason": of.hidden or None}
            place = {"__typename": kind, "path": of.path, "issue": lambda info: self._post(issue)}
            return fields | hidden | place
        return fields | {
            "__typename": "PullRequest" if of.is_pull else "Issue",
            "number": of.number,
            "title": of.title,
            "locked": of.locked,
            "comments": lambda info, **paging: paged(
                [self._post(comment) for comment in self._state.comments(of)], **paging
            ),
        }

    def _reactions(self, of: Issue | Comment, content: str | None, paging: Fields) -> Fields:
        given = [r for r in self._state.reactions_to(of) if content in (None, content_name(r.content))]
        mine = any(reaction.login == self._state.bot.login for reaction in given)
        return paged([self._reaction(r) for r in given], **paging) | {"viewerHasReacted": mine}

    def _reaction(self, of: Reaction) -> Fields:
        person = self._state.people[of.login]
        return {
            "__typename": "Reaction",
            "id": f"REA_kw{of.id}",
            "databaseId": of.id,
            "content": content_name(of.content),
            "createdAt": shapes.when(of.created_at),
            "user": self._actor(of.login) | {"__typename": "User", "login": person.login},
        }

    def _groups(self, of: Issue | Comment) -> list[Fields]:
        given = [reaction.content for reaction in self._state.reactions_to(of)]
        return [
            {"content": content_name(name), "reactors": {"totalCount": given.count(name)}}
            for name in CONTENTS
        ]

    def _revision(self, of: Revision) -> Fields:
        at = shapes.when(of.at)
        return {
            "__typename": "UserContentEdit",
            "id": f"UCE_kw{of.id}",
            "createdAt": at,
            "updatedAt": shapes.when(of.deleted_at or of.at),
            "editedAt": at,
            "editor": self._actor(of.editor),
            "deletedAt": shapes.when(of.deleted_at) if of.deleted_at else None,
            "deletedBy": self._actor(of.deleted_by) if of.deleted_by else None,
            "diff": None if of.deleted_at else of.body,
        }

    def _actor(self, login: str) -> Fields:
        person = self._state.people[login]
        return {
            "__typename": person.kind,
            "id": f"{'BOT' if person.is_bot else 'U'}_kg{person.id}",
            "databaseId": person.id,
            "login": person.login.removesuffix("[bot]"),
            "name": person.name,
            "url": f"{self._state.base_url}/{person.login}",
        }

    def _rate_limit(self) -> Fields:
        bucket = self._bucket
        return {
            "cost": self._cost,
            "limit": bucket.limit,
            "remaining": max(0, bucket.limit - bucket.used),
            "used": bucket.used,
            "resetAt": shapes.when(bucket.renew(self._state.clock())),
            "nodeCount": self._cost * 100,
        }


def paged(
    items: list[Fields],
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
) -> Fields:
    """Relay paging over a list; cursors are positions. GitHub demands `first` or `last`, at most 100."""
    size = last if first is None else first
    if size is None:
        raise Problem(
            "MISSING_PAGINATION_BOUNDARIES",
            "You must provide a `first` or `last` value to properly paginate the connection.",
        )
    if not 0 <= size <= 100:
        raise Problem("EXCESSIVE_PAGINATION", f"Requesting {size} records exceeds the limit of 100 records.")
    low = _position(after) if after else 0
    high = _position(before) - 1 if before else len(items)
    chosen = list(range(low, min(high, len(items))))
    chosen = chosen[:size] if first is not None else chosen[max(0, len(chosen) - size) :]
    return {
        "nodes": [items[index] for index in chosen],
        "edges": [{"cursor": _cursor(index + 1), "node": items[index]} for index in chosen],
        "totalCount": len(items),
        "pageInfo": {
            "startCursor": _cursor(chosen[0] + 1) if chosen else None,
            "endCursor": _cursor(chosen[-1] + 1) if chosen else None,
            "hasNextPage": bool(chosen) and chosen[-1] + 1 < len(items),
            "hasPreviousPage": bool(chosen) and chosen[0] > 0,
        },
    }


def _cursor(position: int) -> str:
    return base64.b64encode(f"cursor:{position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("cursor:"))
    except ValueError as error:
        message = f"`{cursor}` does not appear to be a valid cursor."
        raise Problem("INVALID_CURSOR_ARGUMENTS", message) from error
