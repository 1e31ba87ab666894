"""What people did to answers: an append-only list of events. No arithmetic, no commit by itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from storage.columns import insert_new
from storage.people import PeopleStore
from storage.records import Actor, Feedback, FeedbackKind, Learning, Permission, Reaction
from storage.tables import feedback, repositories


class FeedbackStore:
    """Events about answers, on one unit of work's connection. Nothing here changes what somebody did."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, event: Feedback) -> bool:
        """Keep an event; False if it is known already (its id follows from its content).

        False, too, for what somebody did before they asked to be forgotten.
        """
        until = PeopleStore(self._connection).forgotten_until(event.actor.id)
        if until is not None and event.at <= until:
            return False
        row = {
            "id": event.id,
            "repository_id": event.repository_id,
            "answer_id": event.answer_id,
            "kind": event.kind.value,
            "actor_id": event.actor.id,
            "actor_login": event.actor.login,
            "actor_is_bot": event.actor.is_bot,
            "permission": event.permission.value,
            "at": event.at,
            "reaction": None if event.reaction is None else event.reaction.value,
            "before": event.before,
            "after": event.after,
            "retracts": event.retracts,
            "reason": event.reason,
            "url": event.url,
            "pending": event.pending,
        }
        return insert_new(self._connection, feedback, row, "id")

    def of_answer(self, answer_id: str) -> list[Feedback]:
        """All events about one answer, oldest first."""
        return self._list(feedback.c.answer_id == answer_id)

    def of_answers(self, answer_ids: Collection[str]) -> dict[str, list[Feedback]]:
        """The events about each of some hundred answers, oldest first; every id has a list."""
        found: dict[str, list[Feedback]] = {answer_id: [] for answer_id in answer_ids}
        for event in self._list(feedback.c.answer_id.in_(sorted(answer_ids))):
            found[event.answer_id].append(event)
        return found

    def of_repository(self, repository_id: int) -> list[Feedback]:
        """All events in one repository, oldest first: what a full replay folds."""
        return self._list(feedback.c.repository_id == repository_id)

    def of_day(self, repository_id: int, actor_id: int, day: date) -> list[Feedback]:
        """What one person did in one repository on a day (UTC), oldest first."""
        begins = datetime.combine(day, time(), UTC)
        within = feedback.c.at.between(begins, begins + timedelta(days=1, microseconds=-1))
        here = sa.and_(feedback.c.repository_id == repository_id, feedback.c.actor_id == actor_id)
        return self._list(sa.and_(here, within))

    def by_ids(self, event_ids: Collection[str]) -> dict[str, Feedback]:
        """These events by id; unknown ids are left out. For a page's worth of ids."""
        return {event.id: event for event in self._list(feedback.c.id.in_(sorted(event_ids)))}

    def to_ask_about(self) -> dict[int, list[Actor]]:
        """Whose pending events may be used where learning is on, by repository: who was last heard, first."""
        learns = sa.select(repositories.c.id).where(repositories.c.learning == Learning.ON.value)
        who = (feedback.c.repository_id, feedback.c.actor_id, feedback.c.actor_login, feedback.c.actor_is_bot)
        query = (
            sa.select(*who)
            .where(feedback.c.pending, feedback.c.repository_id.in_(learns))
            .order_by(feedback.c.repository_id, feedback.c.at.desc(), feedback.c.id)
        )
        found: dict[int, dict[int, Actor]] = {}
        for repository_id, actor_id, login, is_bot in self._connection.execute(query):
            actor = Actor(id=actor_id, login=login, is_bot=is_bot)
            found.setdefault(repository_id, {}).setdefault(actor_id, actor)
        return {key: list(actors.values()) for key, actors in found.items()}

    def asked_about(self, repository_id: int, actor_id: int, permission: Permission) -> list[Feedback]:
        """Let one person's pending events be heard, by no more than they may do by now. Returns them, so."""
        theirs = sa.and_(feedback.c.repository_id == repository_id, feedback.c.actor_id == actor_id)
        found = [
            replace(event, permission=min(event.permission, permission), pending=False)
            for event in self._list(sa.and_(feedback.c.pending, theirs))
        ]
        for event in found:
            row = sa.update(feedback).where(feedback.c.id == event.id)
            self._connection.execute(row.values(pending=False, permission=event.permission.value))
        return found

    def _list(self, which: sa.ColumnElement[bool]) -> list[Feedback]:
        query = sa.select(feedback).where(which).order_by(feedback.c.at, feedback.c.id)
        return [_event(row) for row in self._connection.execute(query)]


def _event(row: sa.Row[tuple[object, ...]]) -> Feedback:
    values = dict(row._mapping)
    values["actor"] = Actor(
        id=values.pop("actor_id"), login=values.pop("actor_login"), is_bot=values.pop("actor_is_bot")
    )
    values["kind"] = FeedbackKind(values["kind"])
    values["permission"] = Permission(values["permission"])
    values["reaction"] = None if values["reaction"] is None else Reaction(values["reaction"])
    return Feedback(**values)
