"""A draft is decided about once."""

from __future__ import annotations

from datetime import timedelta

from storage.database import Database
from storage.records import AnswerStatus, Decision, Draft
from tests.unit.storage import things


def test_the_first_word_about_a_draft_holds(database: Database) -> None:
    asked = [things.question(post_id=number) for number in (4, 5)]
    made = [
        Draft(
            answer_id=one.answer_id,
            repository_id=1,
            made_at=things.NOW + timedelta(minutes=one.post_id),
            expires_at=things.NOW + timedelta(days=7),
        )
        for one in asked
    ]
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        for one, draft in zip(asked, made, strict=True):
            unit.answers.save(things.answer(one, status=AnswerStatus.CANCELLED))
            unit.drafts.put(draft)
        assert unit.drafts.count() == len(made)
        assert unit.drafts.due(made[0].expires_at - timedelta(seconds=1)) == []
        late = unit.drafts.due(made[0].expires_at)
        assert sorted(late, key=lambda one: one.made_at) == made
        assert unit.drafts.waiting(10) == made and unit.drafts.waiting(1) == made[:1]
        first = made[0].answer_id
        assert unit.drafts.decide(first, Decision.APPROVED, things.NOW, edited=True)
        assert not unit.drafts.decide(first, Decision.DISCARDED, things.NOW)
        decided = unit.drafts.get(first)
        assert decided is not None and (decided.decision, decided.edited) == (Decision.APPROVED, True)
        assert decided.decided_at == things.NOW and unit.drafts.waiting(10) == made[1:]
        assert unit.drafts.get("a_none") is None and not unit.drafts.decide(
            "a_none", Decision.EXPIRED, things.NOW
        )
        unit.drafts.put(made[0])
        assert unit.drafts.waiting(10) == made  # written anew: it waits anew
        unit.commit()


def test_only_drafts_that_were_approved_as_they_were_count_as_approved(database: Database) -> None:
    asked = [things.question(post_id=number) for number in (4, 5, 6, 7)]
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        for one in asked:
            unit.answers.save(things.answer(one, status=AnswerStatus.CANCELLED))
            unit.drafts.put(
                Draft(
                    answer_id=one.answer_id,
                    repository_id=1,
                    made_at=things.NOW,
                    expires_at=things.NOW + timedelta(days=7),
                )
            )
        unit.drafts.decide(asked[0].answer_id, Decision.APPROVED, things.NOW)
        unit.drafts.decide(asked[1].answer_id, Decision.APPROVED, things.NOW, edited=True)
        unit.drafts.decide(asked[2].answer_id, Decision.DISCARDED, things.NOW)
        assert unit.drafts.approved(1) == [asked[0].answer_id]
        assert unit.drafts.approved(2) == []
