"""Evidence is replaced answer by answer, weights are a cache, and forgetting takes back what came before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from storage.database import Database, UnitOfWork
from storage.records import Actor, Change, PhraseKind, Repository
from tests.clock import works_within
from tests.unit.storage import things

BY = Actor(id=8, login="hubot-not")


def _known(unit: UnitOfWork) -> None:
    unit.repositories.upsert(things.REPOSITORY)
    unit.answers.save(things.answer())


def test_replacing_names_phrases_that_lost_their_evidence_too(database: Database) -> None:
    answer_id = things.answer().id
    with database.unit() as unit:
        _known(unit)
        touched = unit.phrases.replace_evidence(answer_id, [things.phrase("p1")], [things.evidence("p1")])
        assert touched == {"p1"}
        touched = unit.phrases.replace_evidence(answer_id, [things.phrase("p2")], [things.evidence("p2")])
        assert touched == {"p1", "p2"}
        assert unit.phrases.evidence_of({"p1", "p2"}) == {"p1": [], "p2": [things.evidence("p2")]}
        unit.commit()


def test_evidence_from_other_answers_stays(database: Database) -> None:
    other = things.answer(things.question(post_id=5))
    with database.unit() as unit:
        _known(unit)
        unit.answers.save(other)
        theirs = things.evidence("p1", "e2", answer_id=other.id)
        unit.phrases.replace_evidence(things.answer().id, [things.phrase()], [things.evidence()])
        unit.phrases.replace_evidence(other.id, [things.phrase()], [theirs])
        unit.phrases.replace_evidence(things.answer().id, [], [])
        assert unit.phrases.evidence_of(["p1"]) == {"p1": [theirs]}


def test_weights_come_back_as_they_were_put_the_heaviest_first(database: Database) -> None:
    light = things.weight(things.phrase("p1"), weight=0.1, taught_at=None)
    heavy = things.weight(things.phrase("p2"), weight=-0.9, active=False)
    with database.unit() as unit:
        _known(unit)
        unit.phrases.put_weights([light, replace(heavy, weight=0.3)])
        unit.phrases.put_weights([heavy])
        assert unit.phrases.weights(1) == [heavy, light]
        assert unit.phrases.weights_of(["p1", "p9"]) == {"p1": light}
        unit.phrases.drop_weights(["p2"])
        assert unit.phrases.weights(1) == [light]


def test_weights_never_cross_repositories(database: Database) -> None:
    with database.unit() as unit:
        _known(unit)
        unit.repositories.upsert(Repository(id=2, full_name="octo/other", installation_id=2))
        unit.phrases.put_weights([things.weight(), things.weight(things.phrase("p2", repository_id=2))])
        assert [weight.phrase.id for weight in unit.phrases.weights(1)] == ["p1"]
        assert [weight.phrase.id for weight in unit.phrases.search(2, "NPM")] == ["p2"]


def test_search_takes_wildcards_literally_and_pages(database: Database) -> None:
    with database.unit() as unit:
        _known(unit)
        for number, text in enumerate(("100% sure", "100 sure", "snake_case", "snakeXcase")):
            one = things.phrase(f"p{number}", kind=PhraseKind.WORDING, text=text, right="")
            unit.phrases.put_weights([things.weight(one, weight=number / 10)])
        texts = [weight.phrase.text for weight in unit.phrases.search(1, "0% S")]
        assert texts == ["100% sure"]
        assert [weight.phrase.text for weight in unit.phrases.search(1, "e_c")] == ["snake_case"]
        pages = [unit.phrases.search(1, "", limit=3, offset=offset) for offset in (0, 3, 6)]
        assert [[w.phrase.id for w in page] for page in pages] == [["p3", "p2", "p1"], ["p0"], []]
        assert unit.phrases.count(1, "sure") == 2


def test_what_was_forgotten_counts_no_more_and_what_comes_later_does(database: Database) -> None:
    later = things.evidence("p1", "e2", at=things.NOW + timedelta(seconds=1))
    with database.unit() as unit:
        _known(unit)
        unit.phrases.replace_evidence(things.answer().id, [things.phrase()], [things.evidence()])
        unit.phrases.put_weights([things.weight()])
        unit.phrases.forget(things.phrase(), BY, things.NOW)
        assert unit.phrases.weights(1) == [] and unit.phrases.evidence_of(["p1"]) == {"p1": []}
        assert unit.phrases.forgotten(1) == {"p1": things.NOW}
        unit.commit()
    with database.unit() as unit:
        lessons = [things.phrase("p1"), things.phrase("p2")]
        shares = [things.evidence("p1"), things.evidence("p2")]
        assert unit.phrases.replace_evidence(things.answer().id, lessons, shares) == {"p2"}
        assert unit.phrases.replace_evidence(things.answer().id, lessons, [*shares, later]) == {"p1", "p2"}
        assert unit.phrases.evidence_of(["p1"]) == {"p1": [later]}


def test_forgetting_again_takes_back_what_was_taught_in_between(database: Database) -> None:
    later = things.NOW + timedelta(seconds=1)
    with database.unit() as unit:
        _known(unit)
        unit.phrases.add_phrases([things.phrase()])
        for at in (things.NOW, later):
            unit.phrases.forget(things.phrase(), BY, at)
        assert unit.phrases.forgotten(1) == {"p1": later}
        shares = [things.evidence(at=later)]
        assert unit.phrases.replace_evidence(things.answer().id, [things.phrase()], shares) == set()


def test_news_come_newest_first(database: Database) -> None:
    learned = Change(phrase=things.phrase(), before=0.0, after=0.5, at=things.NOW, event_ids=("e1",))
    gone = Change(phrase=things.phrase(), before=0.5, after=0.0, at=things.NOW)
    with database.unit() as unit:
        _known(unit)
        unit.phrases.add_phrases([things.phrase()])
        unit.phrases.add_changes([learned])
        unit.phrases.add_changes([gone])
        assert unit.phrases.changes(1) == [gone, learned]
        assert unit.phrases.changes(1, limit=1) == [gone]


def test_a_hundred_thousand_phrases_are_kept_and_found_in_seconds(database: Database) -> None:
    many = [
        things.weight(things.phrase(f"p{n}", kind=PhraseKind.WORDING, text=f"wording number {n}", right=""))
        for n in range(100_000)
    ]
    with works_within(60.0):
        with database.unit() as unit:
            _known(unit)
            unit.phrases.put_weights(many)
            unit.commit()
        with database.unit() as unit:
            assert len(unit.phrases.weights(1)) == 100_000
            assert unit.phrases.search(1, "number 99999")[0].phrase.id == "p99999"


def test_what_changed_since_a_revision_is_what_was_written_or_dropped_after_it(database: Database) -> None:
    one, two, three, elsewhere = (
        things.weight(things.phrase(name, repository_id=repository))
        for name, repository in (("p1", 1), ("p2", 1), ("p3", 1), ("p4", 2))
    )
    with database.unit() as unit:
        _known(unit)
        unit.repositories.upsert(replace(things.REPOSITORY, id=2, full_name="octo/other"))
        unit.phrases.put_weights([one, two, three])
        first = unit.repositories.bump_revision(1)
        unit.phrases.put_weights([replace(one, weight=0.1), elsewhere])
        second = unit.repositories.bump_revision(1)
        unit.phrases.drop_weights(["p2"])
        unit.phrases.add_phrases([things.phrase("p1")])
        unit.phrases.forget(things.phrase("p3"), BY, things.NOW)
        since = [unit.phrases.changed_since(1, revision) for revision in (first - 1, first, second)]
    assert since[0] == {"p1": replace(one, weight=0.1), "p2": None, "p3": None}
    assert since[1] == {"p2": None, "p3": None}
    assert since[2] == {}
