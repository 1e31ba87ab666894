"""What the playground keeps: people, repositories, posts, reactions and deliveries, as GitHub has them.

Plain pydantic models that change in place; `state.py` is the only file that changes them.
Left out: teams, milestones, assignees, commits. Tests: `pytest tests/unit/webhooks/playground`.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

CONTENTS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
"""The eight reactions by their REST names, in the order in which GitHub shows them."""

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
"""Repository roles from least to most."""

CLASSIFIERS = ("abuse", "duplicate", "low-quality", "off-topic", "outdated", "resolved", "spam")
"""Why a comment may be minimised: `ReportedContentClassifiers`, as `minimizedReason` gives them."""

WRITERS = ("write", "maintain", "admin")
"""Roles that may edit and delete what others wrote."""

CommentKind = Literal["issue_comment", "review_comment"]


def node_id(prefix: str, *parts: int) -> str:
    """A global id in GitHub's style: a type prefix and opaque base64, e.g. `IC_kwNzAwMDE6MTAwMQ`."""
    opaque = base64.urlsafe_b64encode(":".join(map(str, parts)).encode()).decode().rstrip("=")
    return f"{prefix}_kw{opaque}"


class Person(BaseModel):
    """An account. `kind` is GitHub's `type`; `about` is one line for the person switcher."""

    id: int
    login: str
    name: str
    kind: Literal["User", "Bot"] = "User"
    about: str = ""

    @property
    def is_bot(self) -> bool:
        """Whether GitHub would say `type: Bot`."""
        return self.kind == "Bot"


class Installation(BaseModel):
    """The App on one account. A removed one is kept: its number is never given again."""

    id: int
    account: str
    created_at: datetime
    suspended_at: datetime | None = None
    suspended_by: str | None = None
    removed: bool = False


class Repository(BaseModel):
    """A repository with its collaborators (login → role), its files and the names that it had before."""

    id: int
    owner: str
    name: str
    description: str
    created_at: datetime
    installation_id: int | None = None
    private: bool = False
    collaborators: dict[str, str] = {}
    files: dict[str, str] = {}
    former_names: list[str] = []
    archived: bool = False
    deleted: bool = False
    topics: list[str] = []

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    @property
    def node_id(self) -> str:
        """GraphQL's id."""
        return node_id("R", self.id)

    def association(self, login: str) -> str:
        """GitHub's hint, never to authorise by: outsiders and private members look alike."""
        if login == self.owner:
            return "OWNER"
        return "COLLABORATOR" if login in self.collaborators else "NONE"


class Revision(BaseModel):
    """One state of a post's text: who wrote it and when. A redacted one has `deleted_at` and no body."""

    id: int
    editor: str
    at: datetime
    body: str
    deleted_at: datetime | None = None
    deleted_by: str | None = None


class Post(BaseModel):
    """What issues and comments share. `revisions[0]` is the text as first written."""

    id: int
    repository_id: int
    number: int
    author: str
    body: str
    created_at: datetime
    updated_at: datetime
    revisions: list[Revision]
    via_app: bool = False
    deleted: bool = False

    @property
    def node_id(self) -> str:
        """GraphQL's id."""
        raise AttributeError("a post is an issue or a comment")

    @property
    def edited(self) -> bool:
        """Whether the text was ever changed."""
        return len(self.revisions) > 1


class Issue(Post):
    """An issue or a pull request; `id` is the issue's, `number` what people call it by."""

    title: str
    labels: list[str] = []
    state: Literal["open", "closed"] = "open"
    locked: bool = False
    is_pull: bool = False

    @property
    def node_id(self) -> str:
        """GraphQL's id."""
        return node_id("PR" if self.is_pull else "I", self.repository_id, self.id)


class Comment(Post):
    """A comment on an issue or pull request, or an inline one on a pull request's diff.

    `hidden`: why somebody minimised it, "" where nobody did; GitHub tells neither who nor when.
    """

    kind: CommentKind = "issue_comment"
    path: str = ""
    line: int = 0
    diff_hunk: str = ""
    in_reply_to_id: int | None = None
    hidden: str = ""

    @property
    def node_id(self) -> str:
        """GraphQL's id."""
        return node_id("IC" if self.kind == "issue_comment" else "PRRC", self.repository_id, self.id)


class Reaction(BaseModel):
    """One person's reaction to the post whose node id is `subject`."""

    id: int
    subject: str
    login: str
    content: str
    created_at: datetime


class Delivery(BaseModel):
    """One attempt to POST an event to the app. `status` is GitHub's text: `OK`, `timed out`, `pending`…"""

    id: int
    guid: str
    event: str
    action: str
    repository_id: int | None
    body: str
    queued_at: datetime
    installation_id: int | None = None
    redelivery: bool = False
    status: str = "pending"
    status_code: int = 0
    sent_at: datetime | None = None
    seconds: float = 0.0
    request_headers: dict[str, str] = {}
    response_headers: dict[str, str] = {}
    response_body: str = ""

    @property
    def failed(self) -> bool:
        """Whether the attempt is over and the app did not say 2xx."""
        return self.status != "pending" and not 200 <= self.status_code < 300
