"""What a verified delivery asks for: a Job, a Turn of the App's standing, or Ignored with the reason. Pure.

A handful of fields is read, tolerantly: whatever GitHub sends is answered with 2xx. Of 329 example payloads
githubkit's full models reject 107, so full parsing never decides here. Only what a person writes anew asks
(of an issue that was moved here it is told from where); only what a person does to our own comments teaches.
What asks is a repository's choice: where that is unknown (yet), whatever looks like a trigger is let through,
and the job, which reads the files, decides. Left out: reactions, for which there is no webhook.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.config import ORGANISATION_PATH
from bot.lifecycle import ALWAYS_SENT, EVENTS, Turn, read_turn
from bot.queue import Job, JobName
from bot.replies import suggested
from bot.trigger import ANY, DEFAULT, MENTION, Asking, Asks, asking, may_ask
from storage.records import LARGEST_ID, Actor, Delivery, PostKind, Question, Repository
from webhooks.delivery import parse
from webhooks.pushes import PUSH, Changed, touched

ANSWERED = {
    # event → the kind of post that it is about, and the payload's key of it
    "issue_comment": (PostKind.COMMENT, "comment"),
    "pull_request_review_comment": (PostKind.REVIEW_COMMENT, "comment"),
    "issues": (PostKind.ISSUE, "issue"),
    "pull_request": (PostKind.ISSUE, "pull_request"),
}
HANDLED = (*ANSWERED, PUSH, *(event for event in EVENTS if event not in ALWAYS_SENT))
"""Events that the App asks GitHub for."""

_LARGEST_NUMBER = 2**31 - 1
_LOGIN = re.compile(r"[A-Za-z0-9_.-]{1,100}(\[bot\])?")
_FULL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True, kw_only=True)
class App:
    """Who we are on GitHub. `id` may be empty; the slug is what people mention."""

    slug: str
    id: str = ""


@dataclass(frozen=True)
class Ignored:
    """A delivery that asks for nothing, and why, in a word or two."""

    reason: str


LONG = 2_000
"""Characters of a post whose Markdown is read within some 20 ms, whatever it is made of."""


@dataclass(frozen=True)
class Known:
    """What asks in a repository as far as the receiver knows; `fresh` unless its files may say otherwise.

    `in_no_time`: a long post that might ask is taken for one that does, for its Markdown takes its time.
    """

    asks: Asks = DEFAULT
    fresh: bool = True
    in_no_time: bool = False


def route(
    delivery: Delivery, app: App, known: Callable[[int], Known] = lambda _: Known()
) -> Job | Turn | Changed | Ignored:
    """Decide what a delivery asks for. Never raises for a payload that is a JSON object.

    `known` is asked about a repository only where a post might ask; the rest follows from the delivery.
    """
    if delivery.event == PUSH:
        if ORGANISATION_PATH.encode() not in delivery.body:
            return Ignored("no_configuration")
        found = touched(delivery, _repository(parse(delivery.body)))
        return Ignored(found) if isinstance(found, str) else found
    if delivery.event in EVENTS:
        return _turned(delivery)
    if delivery.event not in ANSWERED:
        return Ignored("event")
    kind, key = ANSWERED[delivery.event]
    if delivery.action not in ("created", "opened", "edited", "deleted"):
        return Ignored("action")
    payload = parse(delivery.body) if delivery.payload is None else delivery.payload
    post, sender = _dict(payload, key), _actor(_dict(payload, "sender"))
    repository = _repository(payload)
    number = _id(_dict(payload, "issue") or _dict(payload, "pull_request"), "number", _LARGEST_NUMBER)
    if repository is None or number is None or _id(post, "id") is None or sender is None:
        return Ignored("incomplete")
    ours = _is_ours(post, app)
    if delivery.action in ("created", "opened"):
        if ours or sender.is_bot:
            return Ignored("bot")
        return _asked(delivery, app, known, repository, kind, post, number)
    if kind is PostKind.ISSUE or not ours:
        return Ignored("not_our_comment")
    thread = f"{repository.id}/{number}"
    if delivery.action == "deleted":
        name = f"deleted/{repository.id}/{kind.value}/{_id(post, 'id')}"
        return Job(name=JobName.DELETED, id=name, thread_key=thread, repository=repository)
    return _edited(payload, repository, kind, post, sender, thread)


def _turned(delivery: Delivery) -> Turn | Ignored:
    if delivery.action not in EVENTS[delivery.event]:
        return Ignored("action")
    payload = parse(delivery.body) if delivery.payload is None else delivery.payload
    found = read_turn(delivery.event, delivery.action, payload)
    return Ignored("incomplete") if found is None else found


def _asked(
    delivery: Delivery,
    app: App,
    known: Callable[[int], Known],
    repository: Repository,
    kind: PostKind,
    post: dict[str, Any],
    number: int,
) -> Job | Ignored:
    author, post_id = _actor(_dict(post, "user")), _id(post, "id")
    if author is None or post_id is None or author.is_bot:
        return Ignored("bot")
    body = _str(post, "body")
    found = None
    if may_ask(body):
        here = known(repository.id)
        later = here.in_no_time and len(body) > LONG
        found = Asking(text=body, trigger="") if later else asking(body, app.slug, here.asks)
        if found is None and not here.fresh:
            found = asking(body, app.slug, ANY)
    if found is None or found.trigger == MENTION:
        said = None if kind is PostKind.ISSUE else suggested(body if found is None else found.text)
        if said is not None:
            name, thread = f"reply/{repository.id}/{kind.value}/{post_id}", f"{repository.id}/{number}"
            return Job(
                name=JobName.REPLIED,
                id=name,
                thread_key=thread,
                repository=repository,
                actor_id=author.id,
                acted_at=_time(post, "created_at"),
            )
    if found is None:
        return Ignored("no_question")
    question = Question(
        repository_id=repository.id,
        full_name=repository.full_name,
        installation_id=repository.installation_id,
        number=number,
        post_id=post_id,
        post_kind=kind,
        asker=author,
        text=found.text,
        trigger=found.trigger,
        asked_at=_time(post, "created_at") or delivery.received_at,
    )
    name = f"answer/{repository.id}/{kind.value}/{post_id}"
    return Job(
        name=JobName.ANSWER, id=name, thread_key=question.thread_key, repository=repository, question=question
    )


def _edited(
    payload: dict[str, Any],
    repository: Repository,
    kind: PostKind,
    post: dict[str, Any],
    sender: Actor,
    thread: str,
) -> Job | Ignored:
    if sender.is_bot:
        return Ignored("bot")
    former = _dict(_dict(payload, "changes"), "body").get("from")
    body = _str(post, "body")
    if not isinstance(former, str) or former == body:
        return Ignored("unchanged")
    digest = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    at = _time(post, "updated_at")
    when = "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")
    name = f"edit/{repository.id}/{kind.value}/{_id(post, 'id')}/{digest}/{when}"
    return Job(
        name=JobName.EDITED,
        id=name,
        thread_key=thread,
        repository=repository,
        actor_id=sender.id,
        acted_at=at,
    )


def _is_ours(post: dict[str, Any], app: App) -> bool:
    """Whether this app wrote a comment: by the app's id, or by its bot account where no id says otherwise."""
    by_app = _id(_dict(post, "performed_via_github_app"), "id")
    if by_app is not None and app.id:
        return str(by_app) == app.id
    user = _dict(post, "user")
    return user.get("type") == "Bot" and _str(user, "login").lower() == f"{app.slug}[bot]".lower()


def _repository(payload: dict[str, Any]) -> Repository | None:
    found = _dict(payload, "repository")
    number, installation = _id(found, "id"), _id(_dict(payload, "installation"), "id")
    name = _str(found, "full_name")
    if number is None or installation is None or not _FULL_NAME.fullmatch(name):
        return None
    private = found.get("private") is True
    return Repository(id=number, full_name=name, installation_id=installation, private=private)


def _actor(user: dict[str, Any]) -> Actor | None:
    """Who did it. A bot is one by GitHub's type, not by its name."""
    number, login = _id(user, "id"), _str(user, "login")
    if number is None or not _LOGIN.fullmatch(login):
        return None
    return Actor(id=number, login=login, is_bot=user.get("type") == "Bot")


def _dict(found: dict[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _str(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""


def moved_from(delivery: Delivery) -> tuple[int, int] | None:
    """Of an issue that was moved here from another repository, that one's id and its number there.

    GitHub calls it opened; its comments, ours too, come along. Pure: whether it was answered there, the
    receiver knows.
    """
    if (delivery.event, delivery.action) != ("issues", "opened"):
        return None
    payload = parse(delivery.body) if delivery.payload is None else delivery.payload
    changes = _dict(payload, "changes")
    repository_id = _id(_dict(changes, "old_repository"), "id")
    number = _id(_dict(changes, "old_issue"), "number", _LARGEST_NUMBER)
    return None if repository_id is None or number is None else (repository_id, number)


def _id(found: dict[str, Any], key: str, largest: int = LARGEST_ID) -> int | None:
    value = found.get(key)
    real = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= largest
    return value if real else None


def _time(found: dict[str, Any], key: str) -> datetime | None:
    """A time in UTC; None for one that cannot be read, has no zone, or is in no year there."""
    try:
        value = datetime.fromisoformat(_str(found, key))
        return value.astimezone(UTC) if value.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
