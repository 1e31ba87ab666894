"""What was learned: phrases, the evidence for them, the weights folded from it, and the news about both.

Evidence is replaced answer by answer; weights are a cache that `learning.memory` computes and this store
keeps. No arithmetic, no commit by itself. Made for 100,000 phrases in one repository: a write is one
statement for many rows, a read one query for a thousand ids.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from storage.columns import upsert
from storage.phrase_rows import (
    change_row,
    evidence_row,
    phrase_row,
    to_change,
    to_evidence,
    to_phrase,
    to_weight,
    weight_row,
)
from storage.records import Actor, Change, Evidence, FeedbackKind, Phrase, PhraseWeight
from storage.tables import (
    changes,
    evidence,
    feedback,
    phrases,
    repositories,
    tombstones,
    weights,
    withdrawals,
)

IDS_PER_QUERY = 1000

Forgotten = str | tuple[str, int]
"""What is forgotten: all that taught a phrase (its id), or what one person did (its id, the person's)."""


class PhraseStore:
    """Phrases and what is said of them, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def replace_evidence(
        self, answer_id: str, lessons: Sequence[Phrase], shares: Sequence[Evidence]
    ) -> set[str]:
        """Keep what one answer's feedback says now, instead of what it said before.

        What was taken back by forgetting is left out. Returns the ids of all phrases touched, those that lost
        their evidence included: their weights are stale.
        """
        old = self._connection.execute(
            evidence.delete().where(evidence.c.answer_id == answer_id).returning(evidence.c.phrase_id)
        )
        touched = set(old.scalars())
        gone = self._forgotten_among({one.phrase_id for one in shares})
        self.add_phrases(lessons)
        rows = [evidence_row(one) for one in shares if not taken_back(one, gone)]
        if rows:
            self._connection.execute(evidence.insert(), rows)
        return touched | {row["phrase_id"] for row in rows}

    def add_phrases(self, lessons: Sequence[Phrase]) -> None:
        """Keep phrases; a known one takes the newer context."""
        rows = [phrase_row(phrase) for phrase in lessons]
        upsert(self._connection, phrases, rows, update=("context", "limit_words"))

    def evidence_of(self, phrase_ids: Collection[str]) -> dict[str, list[Evidence]]:
        """The evidence for each of these phrases, oldest first; every id has a list, if an empty one."""
        found: dict[str, list[Evidence]] = {phrase_id: [] for phrase_id in phrase_ids}
        for some in _chunks(phrase_ids):
            query = sa.select(evidence).where(evidence.c.phrase_id.in_(some))
            for row in self._connection.execute(query.order_by(evidence.c.at, evidence.c.event_id)):
                found[row.phrase_id].append(to_evidence(row))
        return found

    def edited_answers(self, phrase_ids: Collection[str]) -> set[str]:
        """The ids of the answers whose edits are evidence for these phrases."""
        found: set[str] = set()
        edits = evidence.join(feedback, feedback.c.id == evidence.c.event_id)
        edited = feedback.c.kind == FeedbackKind.EDIT.value
        for some in _chunks(phrase_ids):
            query = sa.select(evidence.c.answer_id).select_from(edits).distinct()
            found.update(
                self._connection.execute(query.where(edited, evidence.c.phrase_id.in_(some))).scalars()
            )
        return found

    def about(self, answer_ids: Collection[str]) -> set[str]:
        """The ids of the phrases for which these answers are evidence."""
        found: set[str] = set()
        for some in _chunks(answer_ids):
            query = sa.select(evidence.c.phrase_id).where(evidence.c.answer_id.in_(some)).distinct()
            found.update(self._connection.execute(query).scalars())
        return found

    def acting_events(self, answer_ids: Collection[str]) -> set[str]:
        """The ids of the events about these answers that are evidence for some phrase."""
        found: set[str] = set()
        for some in _chunks(answer_ids):
            query = sa.select(evidence.c.event_id).where(evidence.c.answer_id.in_(some)).distinct()
            found.update(self._connection.execute(query).scalars())
        return found

    def phrases_of(self, phrase_ids: Collection[str]) -> dict[str, Phrase]:
        """These phrases by id; unknown ids are left out."""
        found: dict[str, Phrase] = {}
        for some in _chunks(phrase_ids):
            for row in self._connection.execute(sa.select(phrases).where(phrases.c.id.in_(some))):
                found[row.id] = to_phrase(row)
        return found

    def put_weights(self, folded: Sequence[PhraseWeight]) -> None:
        """Keep weights, one a phrase, and the phrases with them."""
        self.add_phrases([weight.phrase for weight in folded])
        upsert(self._connection, weights, [weight_row(weight) for weight in folded])
        self._touch({weight.phrase.id for weight in folded})

    def drop_weights(self, phrase_ids: Collection[str]) -> None:
        """Remove the weights of phrases that have no evidence any more."""
        for some in _chunks(phrase_ids):
            self._connection.execute(weights.delete().where(weights.c.phrase_id.in_(some)))
        self._touch(phrase_ids)

    def changed_since(self, repository_id: int, revision: int) -> dict[str, PhraseWeight | None]:
        """The weights that were written after a revision, by phrase id; None for one that was dropped."""
        later = sa.and_(phrases.c.repository_id == repository_id, phrases.c.revision > revision)
        touched = self._connection.execute(sa.select(phrases.c.id).where(later)).scalars()
        found: dict[str, PhraseWeight | None] = dict.fromkeys(touched)
        found.update((weight.phrase.id, weight) for weight in (self._weights(later) if found else ()))
        return found

    def weights(self, repository_id: int) -> list[PhraseWeight]:
        """All weights of one repository, the heaviest first: what the index for choosing is built from."""
        return self._weights(weights.c.repository_id == repository_id)

    def weights_of(self, phrase_ids: Collection[str]) -> dict[str, PhraseWeight]:
        """The weights of these phrases by id; phrases without one are left out."""
        found: dict[str, PhraseWeight] = {}
        for some in _chunks(phrase_ids):
            found.update(
                (weight.phrase.id, weight) for weight in self._weights(weights.c.phrase_id.in_(some))
            )
        return found

    def search(
        self, repository_id: int, text: str = "", limit: int = 50, offset: int = 0
    ) -> list[PhraseWeight]:
        """One page of the weights whose wording contains `text` (in any case), the heaviest first."""
        return self._weights(_matching(repository_id, text), limit, offset)

    def count(self, repository_id: int, text: str = "") -> int:
        """How many weights `search` would find on all pages."""
        query = sa.select(sa.func.count()).select_from(weights.join(phrases))
        return self._connection.execute(query.where(_matching(repository_id, text))).scalar_one()

    def forget(self, phrase: Phrase, by: Actor, at: datetime) -> None:
        """Drop a phrase's weight and all evidence for it up to `at`; no replay brings that evidence back.

        Evidence of a later event teaches it again. Forgetting again takes that back too.
        """
        stone = {
            "phrase_id": phrase.id,
            "repository_id": phrase.repository_id,
            "actor_id": by.id,
            "actor_login": by.login,
            "at": at,
        }
        upsert(self._connection, tombstones, [stone])
        self.drop_weights([phrase.id])
        same = evidence.c.phrase_id == phrase.id
        self._connection.execute(evidence.delete().where(same, evidence.c.at <= at))

    def withdraw(self, phrase: Phrase, by: Actor, at: datetime) -> None:
        """Drop all evidence of one person for a phrase up to `at`, as `forget` does everybody's.

        The phrase's weight is stale then.
        """
        row = {"phrase_id": phrase.id, "actor_id": by.id, "repository_id": phrase.repository_id, "at": at}
        upsert(self._connection, withdrawals, [row])
        theirs = sa.and_(evidence.c.phrase_id == phrase.id, evidence.c.actor_id == by.id)
        self._connection.execute(evidence.delete().where(theirs, evidence.c.at <= at))

    def taught_by(self, repository_id: int, actor_id: int) -> set[str]:
        """The ids of the phrases of one repository that a person's feedback speaks for or against."""
        here = sa.and_(phrases.c.repository_id == repository_id, evidence.c.actor_id == actor_id)
        query = sa.select(evidence.c.phrase_id).join(phrases, phrases.c.id == evidence.c.phrase_id)
        return set(self._connection.execute(query.where(here).distinct()).scalars())

    def forgotten(self, repository_id: int) -> dict[Forgotten, datetime]:
        """Until when phrases of one repository are forgotten: by phrase id, or by that and by one person."""
        return self._forgotten("repository_id", [repository_id])

    def add_changes(self, news: Sequence[Change]) -> None:
        """Note what was learned, in this order."""
        if rows := [change_row(change) for change in news]:
            self._connection.execute(changes.insert(), rows)

    def changes(self, repository_id: int, limit: int = 50) -> list[Change]:
        """What was learned last in one repository, newest first."""
        query = (
            sa.select(changes.c.before, changes.c.after, changes.c.at, changes.c.event_ids, *phrases.c)
            .join(phrases, phrases.c.id == changes.c.phrase_id)
            .where(changes.c.repository_id == repository_id)
            .order_by(changes.c.number.desc())
            .limit(limit)
        )
        return [to_change(row) for row in self._connection.execute(query)]

    def _touch(self, phrase_ids: Collection[str]) -> None:
        """Note that these weights are what the revision at hand of their repository says."""
        at = sa.select(repositories.c.revision).where(repositories.c.id == phrases.c.repository_id)
        for some in _chunks(phrase_ids):
            self._connection.execute(
                phrases.update()
                .where(phrases.c.id.in_(some))
                .values(revision=sa.func.coalesce(at.scalar_subquery(), 0))
            )

    def _forgotten_among(self, phrase_ids: Collection[str]) -> dict[Forgotten, datetime]:
        gone: dict[Forgotten, datetime] = {}
        for some in _chunks(phrase_ids):
            gone.update(self._forgotten("phrase_id", some))
        return gone

    def _forgotten(self, column: str, values: Sequence[object]) -> dict[Forgotten, datetime]:
        gone: dict[Forgotten, datetime] = {}
        for row in self._connection.execute(sa.select(tombstones).where(tombstones.c[column].in_(values))):
            gone[row.phrase_id] = row.at
        for row in self._connection.execute(sa.select(withdrawals).where(withdrawals.c[column].in_(values))):
            gone[row.phrase_id, row.actor_id] = row.at
        return gone

    def _weights(
        self, which: sa.ColumnElement[bool], limit: int | None = None, offset: int = 0
    ) -> list[PhraseWeight]:
        named = [column for column in weights.c if column.name not in ("repository_id", "phrase_id")]
        query = (
            sa.select(*phrases.c, *named)
            .select_from(weights.join(phrases, phrases.c.id == weights.c.phrase_id))
            .where(which)
            .order_by(sa.func.abs(weights.c.weight).desc(), weights.c.phrase_id)
        )
        if limit is not None:
            query = query.limit(limit).offset(offset)
        return [to_weight(row) for row in self._connection.execute(query)]


def taken_back(one: Evidence, forgotten: Mapping[Forgotten, datetime]) -> bool:
    """Whether its phrase was forgotten after this evidence, for all or by its person: it counts no more."""
    keys: tuple[Forgotten, ...] = (one.phrase_id, (one.phrase_id, one.actor_id))
    return any(key in forgotten and one.at <= forgotten[key] for key in keys)


def _chunks(ids: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), IDS_PER_QUERY):
        yield ordered[start : start + IDS_PER_QUERY]


def _matching(repository_id: int, text: str) -> sa.ColumnElement[bool]:
    here = weights.c.repository_id == repository_id
    if not text:
        return here
    wanted = text.lower()
    wording = (phrases.c.text, phrases.c.right, phrases.c.context)
    return sa.and_(here, sa.or_(*(sa.func.lower(part).contains(wanted, autoescape=True) for part in wording)))
