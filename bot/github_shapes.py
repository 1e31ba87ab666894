"""How GitHub's JSON is read: field by field, tolerantly. Pure.

Left out: what the calls mean (`bot/github.py`). Run: `pytest tests/unit/bot/test_github.py`.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from storage.records import Actor, Permission, PostKind, Reaction

MINUTE_S, DAY_S = 60.0, 86_400.0

CONTENT = {
    "THUMBS_UP": Reaction.PLUS_ONE,
    "THUMBS_DOWN": Reaction.MINUS_ONE,
    **{reaction.name: reaction for reaction in Reaction if reaction.name.isalpha()},
}


@dataclass(frozen=True, kw_only=True)
class Reacted:
    """One reaction to a comment as it stands now."""

    actor: Actor
    reaction: Reaction
    at: datetime


@dataclass(frozen=True, kw_only=True)
class File:
    """A file on the default branch; `content` is empty where `size` (bytes) is more than GitHub sends."""

    size: int
    content: bytes


def file_of(said: Mapping[str, Any] | None) -> File | None:
    """A file from what GitHub says of a path; None for what is no file."""
    if said is None or said.get("type") != "file":
        return None
    try:
        content = base64.b64decode(said["content"]) if said.get("encoding") == "base64" else b""
        return File(size=int(said["size"]), content=content)
    except (KeyError, TypeError, ValueError):
        return None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A comment as it stands. `hidden` is the reason that GitHub gives, "" for one that is not hidden.

    `edits` is a digest of who else edited it and of what was deleted of that: "" where nobody did.
    """

    reactions: tuple[Reacted, ...]
    hidden: str = ""
    edits: str = ""


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A text that a comment had. `text` is None where GitHub does not tell it any more, or did not yet."""

    editor: Actor
    ours: bool
    at: datetime
    deleted_at: datetime | None
    text: str | None


@dataclass(frozen=True, kw_only=True)
class History:
    """A comment's text and the revisions that led to it, oldest first. `whole`: from its creation on."""

    body: str
    revisions: tuple[Revision, ...]
    whole: bool


def place(full_name: str, kind: PostKind, post_id: int) -> str:
    """The path of one post; an issue's `post_id` is its number."""
    where = {
        PostKind.ISSUE: "issues",
        PostKind.COMMENT: "issues/comments",
        PostKind.REVIEW_COMMENT: "pulls/comments",
    }
    return f"/repos/{full_name}/{where[kind]}/{post_id}"


def level(name: object) -> Permission | None:
    """A permission by GitHub's name for it; None for a custom role's name."""
    return next((one for one in Permission if one.value == name and one is not Permission.PUBLIC), None)


def granted(said: Mapping[str, Any]) -> Permission:
    """What the permission endpoint grants: the role's name, where it is one of GitHub's own.

    Of a custom role the flags tell whether it builds on maintain or triage, which the legacy field shows as
    write and read; flags that disagree with that field are not believed.
    """
    known = level(said.get("role_name"))
    if known is not None:
        return known
    legacy = level(said.get("permission")) or Permission.NONE
    user = said.get("user")
    flags = user.get("permissions") if isinstance(user, Mapping) else None
    if not isinstance(flags, Mapping):
        return legacy
    if legacy is Permission.WRITE and flags.get("maintain") is True and flags.get("admin") is not True:
        return Permission.MAINTAIN
    if legacy is Permission.READ and flags.get("triage") is True and flags.get("push") is not True:
        return Permission.TRIAGE
    return legacy


def account(said: Mapping[str, Any]) -> Actor:
    """An account from REST or GraphQL; a deleted one is GitHub's `ghost`."""
    number = said.get("id", said.get("databaseId"))
    return Actor(
        id=number if isinstance(number, int) else 0,
        login=str(said.get("login") or "ghost"),
        is_bot=said.get("type", said.get("__typename")) == "Bot",
    )


def moment(said: object) -> datetime:
    """A time of GitHub's, in UTC; the beginning of time for one that cannot be read."""
    try:
        return datetime.fromisoformat(str(said)).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def retry_after_s(said: str | None, now: datetime) -> float | None:
    """How long a `Retry-After` header asks us to wait, at most a day; None where there is none.

    Seconds or a date (RFC 9110, 10.2.3), from GitHub or a proxy before it; what cannot be read is a minute.
    """
    if said is None:
        return None
    try:
        left_s = float(said)
    except ValueError:
        try:
            left_s = parsedate_to_datetime(said).timestamp() - now.timestamp()
        except ValueError:
            return MINUTE_S
    return min(max(left_s, 0.0), DAY_S) if math.isfinite(left_s) else MINUTE_S


def reacted(page: Mapping[str, Any]) -> Iterator[Reacted]:
    """The reactions on one page of GraphQL's; those of deleted users and unknown ones are left out."""
    for one in page.get("nodes") or ():
        reaction = CONTENT.get(str((one or {}).get("content")))
        if reaction and one.get("user"):
            yield Reacted(actor=account(one["user"]), reaction=reaction, at=moment(one.get("createdAt")))
