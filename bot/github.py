"""GitHub, as the jobs use it: what each call means.

How calls are made, tried again and refused is `bot/github_calls.py`, how JSON is read `bot/github_shapes.py`.
Reads are tried again; creating never is: after a time-out the caller looks for what it made
(`our_comments`) first. What is read here to be understood holds no secrets any more (`redact_said`); what is
written back is made from the comment as it stands, which no other file gets to keep. Left out: discussions,
conditional requests; what the App asks about itself is `bot/github_app.py`.

    pytest tests/unit/bot/test_github.py          # against a stand-in transport
    pytest tests/integration/test_feedback.py     # against the playground
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import structlog

from bot.access import Access, Gate
from bot.effects import ALLOWED_HOSTS, hosts_of
from bot.github_access import Kit, Pool, Rights, connect, connect_app
from bot.github_app import AppClient
from bot.github_calls import Calls, Pacing
from bot.github_looks import history, look
from bot.github_shapes import File, History, Seen, account, file_of, granted, moment, place
from bot.outgoing import amended, sealed
from bot.reply import Body
from bot.settings import Settings
from bot.spending import Meter
from bot.trigger import may_ask
from storage.errors import GitHubRefused, Gone, Withheld
from storage.records import Actor, Permission, Post, PostKind, Question, Reaction, Repository, Thread
from storage.redaction import redact_said

log = structlog.get_logger()


class GitHub:
    """The App on one GitHub. Safe for threads: one pool of connections, and a token for each repository."""

    def __init__(
        self,
        settings: Settings,
        transport: httpx.BaseTransport | None = None,
        access: Access | None = None,
        pace: Pacing | None = None,
    ) -> None:
        """`access` is asked before each call, `pace` before each that writes: a worker gives both."""
        self._settings = settings
        self._pace = pace
        self._pool = transport or Pool()
        self._access = access
        self._kits: dict[Rights, Kit] = {}
        self._lock = threading.Lock()

    def of(self, question: Question) -> Client:
        """A client with all that a question's repository needs, and with no right in any other."""
        return self.client(question.installation_id, question.repository_id)

    def client(
        self, installation_id: int, repository_id: int, *, writes: bool = True, meter: Meter | None = None
    ) -> Client:
        """A client with rights in one repository, to read only unless it `writes`.

        A `meter` is paid for each call. Raises ConfigurationError for a missing id or key.
        """
        if self._access is not None:
            installation_id = self._access.installation(repository_id, installation_id)
        here = Rights.in_repository(installation_id, repository_id, writes=writes)
        return Client(
            Calls(
                self._kit(here),
                meter=meter,
                installation_id=installation_id,
                pace=self._pace,
                doubt=None if self._access is None else partial(self._access.doubt, installation_id),
            ),
            installation_id,
            self._settings.app_slug,
            self._settings.app_id,
            lambda: Calls(self._kit(Rights.in_organisation(installation_id))),
            hosts_of(self._settings.github_url),
            {urlsplit(self._settings.pages_url).netloc} - {""},
        )

    def expect_to_write(self, question: Question) -> None:
        """Raise RateLimited where an answer's turn to be written is far, before anything is read for it."""
        if self._pace is not None:
            installation_id = question.installation_id
            if self._access is not None:
                installation_id = self._access.installation(question.repository_id, installation_id)
            self._pace.expect(installation_id, question.answer_id)

    def _kit(self, rights: Rights) -> Kit:
        with self._lock:
            if rights not in self._kits:
                self._kits[rights] = connect(self._settings, rights, self._gate(rights))
            return self._kits[rights]

    def _gate(self, rights: Rights) -> httpx.BaseTransport:
        access = self._access
        if access is None:
            return self._pool
        return Gate(self._pool, lambda: access.check(rights.installation_id, rights.repository_id))

    def app(self) -> AppClient:
        """What the App may ask about itself: installations, and deliveries of its webhook."""
        return AppClient(Calls(connect_app(self._settings, self._pool)))

    def repositories(self, installation_id: int) -> list[Repository]:
        """All repositories of an installation, as they are now."""
        calls = Calls(self._kit(Rights.everywhere(installation_id)))
        return [
            Repository(
                id=int(one["id"]),
                full_name=str(one["full_name"]),
                installation_id=installation_id,
                private=one.get("private") is not False,
                archived=one.get("archived") is True,
            )
            for one in calls.pages("/installation/repositories", of="repositories")
        ]

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()
        with self._lock:
            self._kits.clear()


class Client:
    """What the App does in one repository. All may raise GitHubUnavailable, RateLimited, GitHubRefused, Gone.

    `organisation` makes the calls that reach the account's `.github` repository; without it they are ours.
    `hosts` are those that an answer may link to, `own_hosts` our pages', which our own parts link to besides.
    """

    def __init__(
        self,
        calls: Calls,
        installation_id: int,
        app_slug: str,
        app_id: str,
        organisation: Callable[[], Calls] | None = None,
        hosts: Collection[str] = ALLOWED_HOSTS,
        own_hosts: Collection[str] = (),
    ) -> None:
        self._calls = calls
        self._organisation = organisation
        self._installation_id = installation_id
        self._login = f"{app_slug}[bot]"
        self._app_id = app_id
        self._hosts = hosts
        self._own_hosts = own_hosts

    # ------------------------------------------------------------ reading

    def repository(self, repository_id: int) -> Repository:
        """A repository by its number, whatever it is called today."""
        said = self._calls.get(f"/repositories/{repository_id}")
        return Repository(
            id=int(said["id"]),
            full_name=str(said["full_name"]),
            installation_id=self._installation_id,
            private=bool(said.get("private", False)),
        )

    def read_thread(self, repository: Repository, number: int) -> Thread:
        """An issue or pull request with all of its comments, and all review comments of a pull request."""
        at = f"/repos/{repository.full_name}"
        issue = self._calls.get(f"{at}/issues/{number}")
        is_pull_request = bool(issue.get("pull_request"))
        posts = [
            self._said(one, PostKind.COMMENT) for one in self._calls.pages(f"{at}/issues/{number}/comments")
        ]
        if is_pull_request:
            inline = self._calls.pages(f"{at}/pulls/{number}/comments")
            posts += [self._said(one, PostKind.REVIEW_COMMENT) for one in inline]
        posts.sort(key=lambda post: (post.created_at, post.id))
        return Thread(
            repository_id=repository.id,
            full_name=repository.full_name,
            number=number,
            title=redact_said(str(issue.get("title") or "")),
            is_pull_request=is_pull_request,
            locked=bool(issue.get("locked", False)),
            posts=(self._said(issue, PostKind.ISSUE), *posts),
        )

    def read_post(self, full_name: str, kind: PostKind, post_id: int) -> Post:
        """What a post says now; an issue is asked for by its number. Raises Gone once it was deleted."""
        return self._said(self._calls.get(place(full_name, kind, post_id)), kind)

    def written_since(self, full_name: str, since: datetime) -> dict[str, list[dict[str, Any]]]:
        """What was written or changed at `since` or later, as GitHub lists it, by the event that says so.

        A pull request is listed under another id than its own. It is asked for itself, one call each, so of
        them only those are here whose text may ask. What is gone by now is left out: a post that was moved or
        deleted meanwhile, or all issues where they are turned off (410).
        """
        at, when = f"/repos/{full_name}", since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        oldest = {"since": when, "sort": "updated", "direction": "asc"}
        issues = self._left(f"{at}/issues", state="all", **oldest)
        new = [one for one in issues if moment(one.get("created_at")) >= since]
        pulls = [one for one in new if one.get("pull_request") and may_ask(str(one.get("body") or ""))]
        return {
            "issues": [one for one in issues if not one.get("pull_request")],
            "pull_request": [pull for one in pulls for pull in self._pull(f"{at}/pulls/{one['number']}")],
            "issue_comment": self._left(f"{at}/issues/comments", **oldest),
            "pull_request_review_comment": self._left(f"{at}/pulls/comments", **oldest),
        }

    def _left(self, path: str, **params: str) -> list[dict[str, Any]]:
        """All of a list; nothing of one that is gone."""
        try:
            return list(self._calls.pages(path, **params))
        except Gone as error:
            log.info("left_out", reason=str(error))
            return []

    def _pull(self, path: str) -> list[dict[str, Any]]:
        """A pull request, or none where it is gone."""
        try:
            return [self._calls.get(path)]
        except Gone as error:
            log.info("left_out", reason=str(error))
            return []

    def our_comments(self, full_name: str, number: int, kind: PostKind, since: datetime) -> list[Post]:
        """Our own comments in a thread that were written or changed at `since` or later, oldest first.

        As they stand: they are known by their metadata.
        """
        review = kind is PostKind.REVIEW_COMMENT
        path = f"/repos/{full_name}/{'pulls' if review else 'issues'}/{number}/comments"
        when = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        kind = PostKind.REVIEW_COMMENT if review else PostKind.COMMENT
        posts = [self._post(one, kind) for one in self._calls.pages(path, since=when)]
        return [post for post in posts if post.by_us]

    def root(self, full_name: str, comment_id: int) -> int:
        """The first comment of the review thread in which a review comment stands; itself, perhaps."""
        said = self._calls.get(place(full_name, PostKind.REVIEW_COMMENT, comment_id))
        return int(said.get("in_reply_to_id") or comment_id)

    def read_file(self, full_name: str, path: str) -> File | None:
        """A file on the default branch; None when there is none that we may read."""
        said = self._contents(self._calls, full_name, path)
        if said is None and self._organisation is not None and full_name.endswith("/.github"):
            said = self._contents(self._organisation(), full_name, path)
        return file_of(said)

    def _contents(self, calls: Calls, full_name: str, path: str) -> dict[str, Any] | None:
        """What GitHub says of a file. 422: no token is to be had, the App is not installed there."""
        try:
            return calls.get(f"/repos/{full_name}/contents/{quote(path)}")
        except Gone:
            return None
        except GitHubRefused as error:
            if error.status in (403, 422):
                return None
            raise

    def permission(self, full_name: str, person: Actor) -> Permission:
        """What somebody may do in a repository. Read access that everybody has is PUBLIC, not READ.

        GitHub is asked by name, and a name may be another's by now: an account is who has its id, whatever
        it is called. https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
        """
        found = self._permission(full_name, person.login, person.id)
        if found is None and person.id > 0:
            login = self._login_of(person.id)
            if login is not None and login.lower() != person.login.lower():
                found = self._permission(full_name, login, person.id)
        return Permission.NONE if found is None else found

    def _permission(self, full_name: str, login: str, account_id: int) -> Permission | None:
        """What an account of this name and id may do; None where the name is nobody's, or another's."""
        at = f"/repos/{full_name}/collaborators/{quote(login, safe='')}"
        try:
            said = self._calls.get(f"{at}/permission")
        except Gone:
            return None
        user = said.get("user")
        known = user.get("id") if isinstance(user, dict) else None
        if isinstance(known, int) and account_id > 0 and known != account_id:
            return None
        found = granted(said)
        if found is not Permission.READ:
            return found
        try:
            self._calls.get(at)
        except (Gone, GitHubRefused):
            return Permission.PUBLIC
        return Permission.READ

    def _login_of(self, account_id: int) -> str | None:
        """What an account is called by now, or None where it is gone.

        https://docs.github.com/en/rest/users/users#get-a-user-using-their-id
        """
        try:
            return str(self._calls.get(f"/user/{account_id}")["login"])
        except Gone:
            return None

    def look(self, node_ids: Sequence[str]) -> dict[str, Seen | None]:
        """Comments of ours as they stand: reactions, hidden, edited. See `bot/github_looks.py`."""
        return look(self._calls, self._login, node_ids)

    def history(self, node_id: str) -> History | None:
        """The revisions of a comment of ours; None for one that is gone."""
        return history(self._calls, self._login, node_id)

    # ------------------------------------------------------------ writing

    def create_comment(
        self,
        full_name: str,
        number: int,
        body: Body,
        reply_to: int | None = None,
        key: str = "",
        sending: Callable[[], None] = lambda: None,
    ) -> Post:
        """Write a comment; `reply_to` is the review comment that it answers. Never tried again in here.

        Replies go to the first comment of a review thread: https://docs.github.com/en/rest/pulls/comments
        `key` and `sending` are those of `Calls.create`.
        """
        at = f"/repos/{full_name}"
        if reply_to is None:
            path = f"{at}/issues/{number}/comments"
            said = self._calls.create(path, {"body": sealed(body, self._hosts)}, key, sending)
            return self._post(said, PostKind.COMMENT)
        root = self.root(full_name, reply_to)
        inline = f"{at}/pulls/{number}/comments/{root}/replies"
        said = self._calls.create(inline, {"body": sealed(body, self._hosts)}, key, sending)
        return self._post(said, PostKind.REVIEW_COMMENT)

    def update_comment(
        self, full_name: str, kind: PostKind, comment_id: int, change: Callable[[Post], str]
    ) -> Post:
        """Write our own parts of a comment of ours anew. Raises Withheld when more would change.

        `change` makes the body from the comment as it stands once the write's turn has come, and from what it
        says by then at each further try: people edit meanwhile. It sees all that people wrote there, secrets
        too, for they stay there. Where nothing changes no turn is taken.
        """
        standing = self._standing(full_name, kind, comment_id)
        if change(standing) == standing.body:
            return standing
        return self._calls.in_turn(lambda: self._amend(full_name, kind, comment_id, change))

    def _amend(self, full_name: str, kind: PostKind, comment_id: int, change: Callable[[Post], str]) -> Post:
        standing = self._standing(full_name, kind, comment_id)
        body, at = change(standing), place(full_name, kind, comment_id)
        if body == standing.body:
            return standing
        said = self._calls.patch(at, {"body": amended(standing, body, {*self._hosts, *self._own_hosts})})
        return self._post(said, kind)

    def delete_comment(self, full_name: str, comment: Post, key: str = "") -> None:
        """Delete a comment of ours; one that is gone is as it should be. Raises Withheld for another's.

        `key`: the answer that is to take its place, in whose turn it is deleted.
        """
        if not comment.by_us or comment.kind is PostKind.ISSUE:
            raise Withheld(f"the post {comment.id} is no comment of ours: it is left as it is")
        self._calls.delete(place(full_name, comment.kind, comment.id), key)

    def react(self, full_name: str, kind: PostKind, post_id: int, reaction: Reaction) -> None:
        """React to a post (an issue by its number). Doing it twice is as once. 👀 and 😕 are no must."""
        self._calls.repeatable_post(
            f"{place(full_name, kind, post_id)}/reactions",
            {"content": reaction.value},
            optional=reaction in (Reaction.EYES, Reaction.CONFUSED),
        )

    def withdraw(self, full_name: str, kind: PostKind, post_id: int, reaction: Reaction) -> None:
        """Take back our own reaction to a post; where there is none, nothing happens."""
        at = f"{place(full_name, kind, post_id)}/reactions"
        for one in self._calls.pages(at, content=reaction.value):
            if account(one.get("user") or {}).login == self._login:
                self._calls.delete(f"{at}/{one['id']}")

    # ------------------------------------------------------------ from JSON

    def _standing(self, full_name: str, kind: PostKind, comment_id: int) -> Post:
        """A comment of ours, every character of it: what is written back is made from it."""
        return self._post(self._calls.get(place(full_name, kind, comment_id)), kind)

    def _said(self, said: Mapping[str, Any], kind: PostKind) -> Post:
        post = self._post(said, kind)
        return replace(post, body=redact_said(post.body))

    def _post(self, said: Mapping[str, Any], kind: PostKind) -> Post:
        author = account(said.get("user") or {})
        app = said.get("performed_via_github_app") or {}
        # By the App's id, where GitHub names the App; it does not on review comments.
        by_us = str(app["id"]) == self._app_id if app.get("id") else author.login == self._login
        return Post(
            id=int(said["number"] if kind is PostKind.ISSUE else said["id"]),
            kind=kind,
            author=author,
            body=str(said.get("body") or ""),
            created_at=moment(said.get("created_at")),
            changed_at=moment(said.get("updated_at")),
            url=str(said.get("html_url") or ""),
            node_id=str(said.get("node_id") or ""),
            by_us=author.is_bot and by_us,
        )
