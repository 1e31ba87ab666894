"""Who asked to be forgotten, and every row that knows somebody. No arithmetic, no commit by itself.

Of whoever was forgotten a hash of their number is kept, so that what they did before is not taken in again: a
poll would find their old thumbs a minute later. Whoever has this database and guesses numbers can tell
whether one of them is among these; there is no way to know a person again and to keep nothing at all.
Left out: what is to be done with whose rows (`bot/forgetting.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator
from datetime import datetime

import sqlalchemy as sa

from storage.columns import upsert
from storage.records import AnswerStatus
from storage.rights import GHOST
from storage.tables import (
    admissions,
    answers,
    candidates,
    changes,
    deliveries,
    evidence,
    feedback,
    forgotten_people,
    generations,
    phrases,
    prompts,
    proposals,
    questions,
    tombstones,
    weights,
    withdrawals,
)

NAMED = (
    (feedback, feedback.c.actor_id, feedback.c.actor_login),
    (questions, questions.c.asker_id, questions.c.asker_login),
    (evidence, evidence.c.actor_id, evidence.c.actor_login),
    (tombstones, tombstones.c.actor_id, tombstones.c.actor_login),
    (proposals, proposals.c.actor_id, proposals.c.actor_login),
)
"""Each table that names people, with its columns of the number and the login."""

_PAGE = 200

OWN_PART = "<!-- thumbprint:end -->"
"""Where what we write around an answer begins: `bot.reply.END`, a test compares."""

TAUGHT_BY, NOBODY = ", taught by ", "somebody"
"""How a line of ours names who taught a lesson, and who is named instead once that person was forgotten."""


class PeopleStore:
    """People as our rows know them, on one unit of work's connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def forget(self, actor_id: int, at: datetime) -> None:
        """Take in nothing any more that a person did until `at`."""
        upsert(self._connection, forgotten_people, [{"key": _key(actor_id), "at": at}])

    def forgotten_until(self, actor_id: int) -> datetime | None:
        """Until when what a person did is forgotten; None for everybody else."""
        query = sa.select(forgotten_people.c.at).where(forgotten_people.c.key == _key(actor_id))
        return self._connection.execute(query).scalar_one_or_none()

    # ------------------------------------------------------------ finding

    def ids_of(self, login: str) -> set[int]:
        """The numbers under which a login stands in a table, in any case: names change hands."""
        found: set[int] = set()
        for _, number, name in NAMED:
            query = sa.select(number).where(sa.func.lower(name) == login.lower(), number > 0)
            found.update(self._connection.execute(query.distinct()).scalars())
        return found

    def logins_of(self, actor_id: int) -> set[str]:
        """The logins under which a person stands in a table."""
        found: set[str] = set()
        for _, number, name in NAMED:
            query = sa.select(name).where(number == actor_id)
            found.update(self._connection.execute(query.distinct()).scalars())
        return found

    def repositories_of(self, actor_id: int) -> set[int]:
        """The repositories in which a person asked, taught, or took something back."""
        found: set[int] = set()
        for table, number in (
            *((table, number) for table, number, _ in NAMED if "repository_id" in table.c),
            (withdrawals, withdrawals.c.actor_id),
            (admissions, admissions.c.actor_id),
        ):
            query = sa.select(table.c.repository_id).where(number == actor_id)
            found.update(self._connection.execute(query.distinct()).scalars())
        return found

    def questions_of(self, actor_id: int) -> list[str]:
        """The answer ids of a person's questions. None is answered meanwhile: the rows are locked."""
        query = sa.select(questions.c.answer_id).where(questions.c.asker_id == actor_id).with_for_update()
        return sorted(self._connection.execute(query).scalars())

    def deliveries_holding(self, word: str) -> Iterator[tuple[int, bytes]]:
        """The number and body of each kept delivery in which a login or a number occurs, in any case."""
        needle = word.lower().encode()
        last = 0
        while True:
            query = sa.select(deliveries.c.number, deliveries.c.body).where(deliveries.c.number > last)
            rows = self._connection.execute(query.order_by(deliveries.c.number).limit(_PAGE)).all()
            if not rows:
                return
            last = rows[-1].number
            yield from ((row.number, bytes(row.body)) for row in rows if needle in bytes(row.body).lower())

    def prompts_quoting(self, answer_ids: Collection[str], words: Collection[str]) -> list[str]:
        """The prompts of some answers, and those that hold one of these wordings in any case."""
        known, wanted = set(answer_ids), [word.casefold() for word in words if word]
        query = sa.select(prompts.c.id, prompts.c.answer_id, prompts.c.messages).order_by(prompts.c.id)
        found = []
        for row in self._connection.execute(query).yield_per(_PAGE):
            text = "\n".join(content for _, content in row.messages).casefold()
            if text and (row.answer_id in known or any(word in text for word in wanted)):
                found.append(row.id)
        return found

    # ------------------------------------------------------------ changing

    def drop_events(self, event_ids: Collection[str]) -> int:
        """Delete events, and what took them back."""
        gone = sorted(event_ids)
        also = feedback.delete().where(feedback.c.retracts.in_(gone))
        self._connection.execute(also)
        return int(self._connection.execute(feedback.delete().where(feedback.c.id.in_(gone))).rowcount)

    def drop_proposals(self, actor_id: int) -> list[str]:
        """Delete what a person's replies proposed; returns the answer of each."""
        mine = proposals.delete().where(proposals.c.actor_id == actor_id).returning(proposals.c.answer_id)
        return list(self._connection.execute(mine).scalars())

    def unname_decisions(self, logins: Collection[str]) -> int:
        """Leave decisions about proposals without these names: of who decides a login alone is kept."""
        theirs = sa.func.lower(proposals.c.decided_by).in_(sorted(login.lower() for login in logins))
        nobody = proposals.update().where(theirs).values(decided_by=GHOST)
        return int(self._connection.execute(nobody).rowcount)

    def unname_events(self, event_ids: Collection[str]) -> int:
        """Leave events without their person: nobody's, like a deleted account's, they teach nothing."""
        which = feedback.c.id.in_(sorted(event_ids))
        nobody = {"actor_id": 0, "actor_login": GHOST, "actor_is_bot": False, "permission": "none"}
        return int(self._connection.execute(feedback.update().where(which).values(**nobody)).rowcount)

    def empty_questions(self, answer_ids: Collection[str]) -> int:
        """Leave questions without words and without their person; of their candidates only the numbers."""
        ids = sorted(answer_ids)
        nobody = {"text": "", "asker_id": 0, "asker_login": GHOST, "asker_is_bot": False}
        theirs = sa.select(generations.c.id).where(
            generations.c.prompt_id.in_(sa.select(prompts.c.id).where(prompts.c.answer_id.in_(ids)))
        )
        picked = sa.select(answers.c.candidate_id).where(answers.c.candidate_id.is_not(None))
        which = sa.and_(candidates.c.generation_id.in_(theirs), candidates.c.id.not_in(picked))
        self._connection.execute(candidates.update().where(which).values(text=""))
        self._connection.execute(
            admissions.update().where(admissions.c.answer_id.in_(ids)).values(actor_id=0)
        )
        which = questions.c.answer_id.in_(ids)
        return int(self._connection.execute(questions.update().where(which).values(**nobody)).rowcount)

    def drop_unposted(self, answer_ids: Collection[str]) -> int:
        """Leave those of some answers that never stood on GitHub without words, and never to be posted.

        One that may have been sent just now stays: whoever sent it says what became of it.
        """
        never_sent = sa.and_(answers.c.status == AnswerStatus.INTENT.value, answers.c.intent_at.is_(None))
        ended = (AnswerStatus.PENDING, AnswerStatus.OUTDATED, AnswerStatus.CANCELLED, AnswerStatus.FAILED)
        unposted = sa.and_(
            answers.c.id.in_(sorted(answer_ids)),
            sa.or_(answers.c.status.in_([status.value for status in ended]), never_sent),
        )
        failed = AnswerStatus.FAILED.value
        status = sa.case((answers.c.status == failed, failed), else_=AnswerStatus.CANCELLED.value)
        nothing = {"status": status, "text": "", "body": "", "candidate_id": None}
        return int(self._connection.execute(answers.update().where(unposted).values(nothing)).rowcount)

    def empty_prompts(self, prompt_ids: Collection[str]) -> int:
        """Leave prompts without their messages."""
        which = prompts.c.id.in_(sorted(prompt_ids))
        return int(self._connection.execute(prompts.update().where(which).values(messages=[])).rowcount)

    def unname_bodies(self, logins: Collection[str]) -> set[str]:
        """Leave what we wrote around answers (taught by whom, read in whose comment) without these names.

        Returns the ids of those answers.
        """
        changed: set[str] = set()
        for login in sorted(logins):
            query = sa.select(answers.c.id, answers.c.body).where(
                sa.func.lower(answers.c.body).contains(login.lower(), autoescape=True)
            )
            for row in self._connection.execute(query).all():
                text, end, own = row.body.partition(OWN_PART)
                body = text + end + _unnamed(own, login)
                if body != row.body:
                    here = answers.c.id == row.id
                    self._connection.execute(answers.update().where(here).values(body=body))
                    changed.add(row.id)
        return changed

    def rewrite_delivery(self, number: int, body: bytes) -> None:
        """Keep another body of a delivery."""
        here = deliveries.c.number == number
        self._connection.execute(deliveries.update().where(here).values(body=body))

    def unname_forgetting(self, actor_id: int) -> int:
        """Leave what a person had forgotten forgotten, without their name; drop what they took back."""
        nobody = {"actor_id": 0, "actor_login": GHOST}
        which = tombstones.c.actor_id == actor_id
        changed = self._connection.execute(tombstones.update().where(which).values(**nobody)).rowcount
        dropped = self._connection.execute(
            withdrawals.delete().where(withdrawals.c.actor_id == actor_id)
        ).rowcount
        return int(changed + dropped)

    def drop_evidence(self, actor_id: int, repository_id: int) -> set[str]:
        """Delete what a person's events say in a repository; returns the phrases: their weights are stale."""
        here = sa.select(phrases.c.id).where(phrases.c.repository_id == repository_id)
        which = sa.and_(evidence.c.actor_id == actor_id, evidence.c.phrase_id.in_(here))
        gone = self._connection.execute(evidence.delete().where(which).returning(evidence.c.phrase_id))
        return set(gone.scalars())

    def empty_evidence(self, answer_ids: Collection[str]) -> set[str]:
        """Leave the evidence from some answers without their questions' words; returns the phrases."""
        which = evidence.c.answer_id.in_(sorted(answer_ids))
        blank = evidence.update().where(which).values(question="").returning(evidence.c.phrase_id)
        return set(self._connection.execute(blank).scalars())

    def drop_phrases(self, phrase_ids: Collection[str], event_ids: Collection[str]) -> int:
        """Delete those of some phrases that nobody teaches any more, with the news about them.

        News that some events alone were behind go too. One that was forgotten stays, so that it stays so.
        """
        ids, gone = sorted(phrase_ids), set(event_ids)
        for row in self._connection.execute(sa.select(changes).where(changes.c.phrase_id.in_(ids))).all():
            if row.event_ids and set(row.event_ids) <= gone:
                self._connection.execute(changes.delete().where(changes.c.number == row.number))
        kept = {
            each
            for table in (evidence, weights, tombstones, withdrawals)
            for each in self._connection.execute(
                sa.select(table.c.phrase_id).where(table.c.phrase_id.in_(ids))
            ).scalars()
        }
        orphans = sorted(set(ids) - kept)
        self._connection.execute(changes.delete().where(changes.c.phrase_id.in_(orphans)))
        return int(self._connection.execute(phrases.delete().where(phrases.c.id.in_(orphans))).rowcount)


def _unnamed(own: str, login: str) -> str:
    """Our own parts of a body with `NOBODY` where they name a person; addresses and other words stay."""
    name = re.escape(login)
    taught = re.compile(rf"(^|\[|, ){name}(?=\]\(|,|$)", re.IGNORECASE)
    lines = []
    for line in own.split("\n"):
        head, by, tail = line.rpartition(TAUGHT_BY)
        lines.append(head + by + (taught.sub(rf"\1{NOBODY}", tail) if by else tail))
    read = re.compile(rf"(\[|@){name}(?= in this thread\]\(|(?<=@{name})(?![\w-]))", re.IGNORECASE)
    return read.sub(rf"\1{NOBODY}", "\n".join(lines))


def _key(actor_id: int) -> str:
    return hashlib.sha256(f"thumbprint: a person who asked to be forgotten: {actor_id}".encode()).hexdigest()
