"""Proposals are kept once, confirmed once, and refused for good."""

from __future__ import annotations

from storage.database import Database
from storage.records import Agreed, Proposal
from tests.unit.storage import things


def test_a_proposal_is_one_however_often_it_comes_and_what_was_refused_stays_so(database: Database) -> None:
    answer = things.posted()
    made = Proposal(
        id="c_1",
        repository_id=1,
        answer_id=answer.id,
        wrong="npm test",
        right="make check",
        by=things.WRITER,
        url="https://example.test/7",
        at=things.NOW,
    )
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        unit.answers.save(answer)
        assert unit.proposals.add(made) and not unit.proposals.add(made)
        assert unit.proposals.of_answer(answer.id) == [made] and unit.proposals.get("c_2") is None
        assert unit.proposals.decide("c_1", Agreed.CONFIRMED, "mona", things.NOW)
        assert not unit.proposals.decide("c_1", Agreed.CONFIRMED, "nora", things.NOW)
        unit.commit()
    with database.unit() as unit:
        kept = unit.proposals.get("c_1")
        assert kept is not None and (kept.decision, kept.decided_by) == (Agreed.CONFIRMED, "mona")
        assert unit.proposals.decide("c_1", Agreed.REFUSED, "nora", things.NOW)
        for decision in Agreed:
            assert not unit.proposals.decide("c_1", decision, "olaf", things.NOW)
        kept = unit.proposals.get("c_1")
    assert kept is not None and (kept.decision, kept.decided_by) == (Agreed.REFUSED, "nora")
