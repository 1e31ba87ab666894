"""The playground's state: everything by id, kept through a restart, changed under one lock.

`acts.py` says what people and the app do to it. Deliveries wait here until `deliveries.py` sends them.
Left out: any rule of who may do what.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from webhooks.playground.credentials import Credentials
from webhooks.playground.misbehave import Misbehaviour
from webhooks.playground.refusals import not_found
from webhooks.playground.store import Store
from webhooks.playground.things import (
    Comment,
    Delivery,
    Installation,
    Issue,
    Person,
    Post,
    Reaction,
    Repository,
    node_id,
)

FIRST_ID = 1001
"""Issues, comments and review comments each count from here: equal ids in different spaces, as on GitHub."""

LISTED = timedelta(days=3)
"""How long a delivery is listed and can be sent again: https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks."""

KEPT_DELIVERIES = 20_000


def utcnow() -> datetime:
    """Now, to the second: GitHub's times have no fractions."""
    return datetime.now(UTC).replace(microsecond=0)


class State:
    """Use `with state.change():` around whatever changes it; readers take `state.lock`."""

    def __init__(
        self,
        home: Path | None,
        credentials: Credentials,
        base_url: str,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        self.credentials, self.base_url, self.clock = credentials, base_url.rstrip("/"), clock
        self.lock = threading.RLock()
        self.outbox = threading.Condition(self.lock)
        self.misbehaviour = Misbehaviour()
        self.hook_url = ""  # of an App that was registered here; else the playground's own app is told
        self.revision = 0
        self._store = Store(home)
        self.people = {person.login: person for person in self._store.all("person", Person)}
        self.repositories = {repo.id: repo for repo in self._store.all("repository", Repository)}
        self.installations = {one.id: one for one in self._store.all("installation", Installation)}
        self.posts: dict[str, Issue | Comment] = {}
        self._threads: dict[tuple[int, int], list[Comment]] = {}
        self._issues: dict[tuple[int, int], Issue] = {}
        for issue in self._store.all("issue", Issue):
            self._index(issue)
        for comment in self._store.all("comment", Comment):
            self._index(comment)
        self.reactions: dict[str, list[Reaction]] = {}
        for reaction in self._store.all("reaction", Reaction):
            self.reactions.setdefault(reaction.subject, []).append(reaction)
        self.deliveries = {sent.id: sent for sent in self._store.all("delivery", Delivery)}
        self._waiting = {sent.id: sent for sent in self.deliveries.values() if sent.status == "pending"}
        self._last_id = self._last_ids()

    # ------------------------------------------------------------ changing

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """All or nothing, one at a time; wakes whoever waits for deliveries."""
        with self.lock:
            with self._store.transaction():
                yield
            self.revision += 1
            self.outbox.notify_all()

    def next_id(self, space: str) -> int:
        """The next number in an id space; spaces are independent of each other."""
        self._last_id[space] = self._last_id.get(space, FIRST_ID - 1) + 1
        return self._last_id[space]

    def next_number(self, repository_id: int) -> int:
        """The next issue number; deleted issues keep theirs."""
        return 1 + max((number for repo, number in self._issues if repo == repository_id), default=0)

    def next_installation(self) -> int:
        """A number that no installation ever had."""
        return 1 + max((self.credentials.installation_id, *self.installations))

    def keep(self, *things: Person | Repository | Installation | Post | Reaction) -> None:
        """Write through, and index what is new."""
        for thing in things:
            if isinstance(thing, Person):
                self.people[thing.login] = thing
                self._store.put("person", thing.login, thing)
            elif isinstance(thing, Repository):
                self.repositories[thing.id] = thing
                self._store.put("repository", str(thing.id), thing)
            elif isinstance(thing, Installation):
                self.installations[thing.id] = thing
                self._store.put("installation", str(thing.id), thing)
            elif isinstance(thing, Reaction):
                self.reactions.setdefault(thing.subject, []).append(thing)
                self._store.put("reaction", str(thing.id), thing)
            elif isinstance(thing, Issue | Comment):
                if thing.node_id not in self.posts:
                    self._index(thing)
                self._store.put("issue" if isinstance(thing, Issue) else "comment", thing.node_id, thing)

    def drop_reaction(self, reaction: Reaction) -> None:
        """A withdrawn reaction just vanishes."""
        self.reactions[reaction.subject].remove(reaction)
        self._store.remove("reaction", str(reaction.id))

    def queue(
        self,
        event: str,
        action: str,
        repository_id: int | None,
        body: str,
        guid: str = "",
        installation_id: int | None = None,
    ) -> Delivery:
        """Put a delivery in line; with a `guid` it is a redelivery of that one."""
        if installation_id is None and repository_id is not None:
            installation_id = self.repositories[repository_id].installation_id
        delivery = Delivery(
            id=self.next_id("delivery"),
            guid=guid or str(uuid.uuid4()),
            event=event,
            action=action,
            repository_id=repository_id,
            body=body,
            queued_at=self.clock(),
            installation_id=installation_id,
            redelivery=bool(guid),
        )
        self.save_delivery(delivery)
        while len(self.deliveries) > KEPT_DELIVERIES:
            old = next(iter(self.deliveries))
            del self.deliveries[old]
            self._waiting.pop(old, None)
            self._store.remove("delivery", str(old))
        return delivery

    def listed(self) -> list[Delivery]:
        """Those that GitHub shows: attempts that were made, not too long ago, newest first."""
        since = self.clock() - LISTED
        made = (d for d in self.deliveries.values() if d.status != "pending")
        return sorted((d for d in made if (d.sent_at or d.queued_at) >= since), key=lambda d: -d.id)

    def save_delivery(self, delivery: Delivery) -> None:
        """Write a delivery as it is now."""
        self.deliveries[delivery.id] = delivery
        if delivery.status == "pending":
            self._waiting[delivery.id] = delivery
        else:
            self._waiting.pop(delivery.id, None)
        self._store.put("delivery", str(delivery.id), delivery)

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._store.close()

    # ------------------------------------------------------------ looking up

    @property
    def bot(self) -> Person:
        """The app's own account."""
        return self.people[f"{self.credentials.slug}[bot]"]

    def person(self, login: str) -> Person:
        """By login, whatever its case. Raises Refused 404."""
        for person in self.people.values():
            if person.login.lower() == login.lower():
                return person
        raise not_found()

    def installation(self, installation_id: int) -> Installation:
        """One that was not removed. Raises Refused 404."""
        found = self.installations.get(installation_id)
        if found is None or found.removed:
            raise not_found()
        return found

    def installed_on(self, account: str) -> Installation | None:
        """The installation on an account, if there is one."""
        there = (one for one in self.installations.values() if one.account == account and not one.removed)
        return next(there, None)

    def reached(self, installation_id: int) -> list[Repository]:
        """The repositories of an installation."""
        return [r for r in self.repositories.values() if r.installation_id == installation_id]

    def repository(self, full_name: str) -> Repository:
        """By its present name, whatever its case. Raises Refused 404, for deleted ones too."""
        for repository in self.repositories.values():
            if repository.full_name.lower() == full_name.lower() and not repository.deleted:
                return repository
        raise not_found()

    def renamed(self, full_name: str) -> Repository | None:
        """The repository that had this name before."""
        for repository in self.repositories.values():
            known = full_name.lower() in (name.lower() for name in repository.former_names)
            if known and not repository.deleted:
                return repository
        return None

    def issue(self, repository_id: int, number: int) -> Issue:
        """By number, deleted or not. Raises Refused 404."""
        if (issue := self._issues.get((repository_id, number))) is None:
            raise not_found()
        return issue

    def issues(self, repository_id: int) -> list[Issue]:
        """Those that are not deleted, newest first."""
        found = [i for (repo, _), i in self._issues.items() if repo == repository_id and not i.deleted]
        return sorted(found, key=lambda issue: -issue.number)

    def comments(self, issue: Issue, kind: str = "issue_comment") -> list[Comment]:
        """Those of a thread that are not deleted, oldest first."""
        thread = self._threads.get((issue.repository_id, issue.number), [])
        return [comment for comment in thread if comment.kind == kind and not comment.deleted]

    def comment(self, repository_id: int, comment_id: int, kind: str = "issue_comment") -> Comment:
        """By id within its kind. Raises Refused 404, for deleted ones too."""
        prefix = "IC" if kind == "issue_comment" else "PRRC"
        found = self.posts.get(node_id(prefix, repository_id, comment_id))
        if not isinstance(found, Comment) or found.deleted:
            raise not_found()
        return found

    def reactions_to(self, post: Issue | Comment) -> list[Reaction]:
        """Oldest first."""
        return list(self.reactions.get(post.node_id, []))

    def role(self, repository: Repository, login: str) -> str:
        """The person's role; everyone reads what is public."""
        return repository.collaborators.get(login, "none" if repository.private else "read")

    def pending(self) -> list[Delivery]:
        """Deliveries in line, oldest first."""
        return list(self._waiting.values())

    # ------------------------------------------------------------ inside

    def _index(self, post: Issue | Comment) -> None:
        self.posts[post.node_id] = post
        if isinstance(post, Issue):
            self._issues[post.repository_id, post.number] = post
        else:
            self._threads.setdefault((post.repository_id, post.number), []).append(post)

    def _last_ids(self) -> dict[str, int]:
        last: dict[str, Any] = {}
        spaces: list[tuple[str, int]] = [("delivery", d) for d in self.deliveries]
        spaces += [("reaction", r.id) for subject in self.reactions.values() for r in subject]
        spaces += [("revision", r.id) for post in self.posts.values() for r in post.revisions]
        for post in self.posts.values():
            spaces.append((post.kind if isinstance(post, Comment) else "issue", post.id))
        for space, number in spaces:
            last[space] = max(last.get(space, FIRST_ID - 1), number)
        return last
