"""A person who asks for it is forgotten: their words, their name, and all that they taught."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import lessons
from bot.commands.people import SAID
from bot.forgetting import forget_name, forget_user, known_as, redacted
from bot.proposals import propose
from bot.queue import Queue
from bot.replies import Suggestion
from bot.reply import END
from storage.audits import FORGOT_USER
from storage.database import Database
from storage.people import OWN_PART
from storage.records import Actor, Agreed, Feedback, FeedbackKind, Learning, Message, Reaction
from tests.unit.bot.taught import (
    CORRECTED,
    READERS,
    TEXT,
    answers,
    edit,
    event,
    observed,
    opened,
    reaction,
    weights,
)
from tests.unit.storage import things
from tests.unit.storage.things import NOW, REPOSITORY, WRITER

LATER = NOW + timedelta(days=2)
PAT = Actor(id=424_242, login="pat-quill")
OTHER = TEXT.replace("config/app.toml", "inkwell.toml")
PAYLOADS = Path(__file__).parents[2] / "data" / "github" / "payloads.jsonl.gz"
CURSED = "the very particular wording of Pat's"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = opened(tmp_path / "thumbprint.db")
    queue = Queue(made)
    queue.migrate()
    queue.close()
    yield made
    made.dispose()


def by_pat(one: Feedback) -> Feedback:
    return replace(one, id=f"{one.id}-pat", actor=PAT, permission=things.feedback().permission)


def forget(database: Database, commit: bool = True) -> dict[str, int]:
    queue = Queue(database)
    with database.unit() as unit:
        counts = forget_user(unit, queue, PAT.id, LATER)
        if commit:
            unit.commit()
    queue.close()
    return counts


def file_of(database: Database) -> bytes:
    database.vacuum()
    return Path(database.name).read_bytes()


OTHERS = [
    edit(1, answer=0),
    reaction(2, 1, 0, Reaction.PLUS_ONE),
    reaction(3, 1, 1, Reaction.PLUS_ONE),
    reaction(4, 1, 2, Reaction.PLUS_ONE),
]
HIS = [
    by_pat(edit(5, answer=2, after=OTHER)),
    by_pat(reaction(6, 1, 0, Reaction.MINUS_ONE)),
    by_pat(event(FeedbackKind.DELETION, 7, 2, WRITER)),
]


@pytest.mark.parametrize("order", [OTHERS + HIS, HIS + OTHERS])
def test_weights_are_as_if_the_person_had_never_taught(
    database: Database, tmp_path: Path, order: list[Feedback]
) -> None:
    without = opened(tmp_path / "without.db")
    observed(without, OTHERS)
    observed(database, order)
    assert weights(database) != weights(without)
    assert forget(database)["events"] == 3
    assert weights(database) == weights(without)
    with database.unit() as unit:
        assert lessons.replay(unit, REPOSITORY.id, LATER) == []
    without.dispose()


@pytest.mark.parametrize("learning", [Learning.FROZEN, Learning.OFF])
def test_where_learning_rests_their_share_goes_and_nothing_else_moves(
    database: Database, tmp_path: Path, learning: Learning
) -> None:
    without = opened(tmp_path / "without.db")
    observed(without, OTHERS)
    observed(database, OTHERS + HIS)
    with database.unit() as unit:
        unit.repositories.set_learning(REPOSITORY.id, learning)
        unit.commit()
    forget(database)
    assert weights(database) == weights(without)
    without.dispose()


def test_an_edit_that_others_built_on_stays_nobodys_and_teaches_nothing(database: Database) -> None:
    built = CORRECTED.replace("config/app.toml", "inkwell.toml")
    observed(database, [by_pat(edit(1)), edit(2, before=CORRECTED, after=built)])
    counts = forget(database)
    assert (counts["events_unnamed"], counts.get("events", 0)) == (1, 0)
    taught = {(w.phrase.text, w.phrase.right) for w in weights(database)}
    assert ("config/app.toml", "inkwell.toml") in taught
    assert not any("make check" in right for _, right in taught)
    with database.unit(read_only=True) as unit:
        first, _ = unit.feedback.of_answer(answers()[0].id)
    assert (first.actor.id, first.actor.login, first.permission.value) == (0, "ghost", "none")


def test_a_dry_run_changes_nothing_and_a_second_run_finds_nothing(database: Database) -> None:
    observed(database, OTHERS + HIS)
    before = weights(database)
    planned = forget(database, commit=False)
    assert weights(database) == before
    assert forget(database) == planned
    assert forget(database) == {}
    with database.unit(read_only=True) as unit:
        [audit] = unit.audits.since(NOW)
    assert (audit.act, audit.counts, audit.repository_id) == ("forgot_user", planned, None)
    assert set(planned) <= set(SAID)


def test_a_forgetting_is_dated_by_its_end_not_by_its_command(database: Database) -> None:
    """What was exported while it was under way still holds them, and is held against this time."""
    observed(database, OTHERS + HIS)
    began = datetime.now(UTC)
    queue = Queue(database)
    with database.unit() as unit:
        assert forget_user(unit, queue, PAT.id, began - timedelta(minutes=5))
        unit.commit()
    queue.close()
    with database.unit(read_only=True) as unit:
        [audit] = unit.audits.since(began)
    assert audit.act == FORGOT_USER


def test_what_they_did_before_is_not_taken_in_again_and_what_they_do_later_is(database: Database) -> None:
    observed(database, HIS)
    forget(database)
    assert observed(database, HIS) == 0
    assert weights(database) == []
    later = replace(by_pat(edit(9, answer=1)), at=LATER + timedelta(hours=1))
    assert observed(database, [later]) > 0


def test_neither_their_name_nor_their_words_are_left_in_the_file(database: Database) -> None:
    asked = things.question(post_id=77, number=9, asker=PAT, text=f"Why {CURSED}?")
    made = things.posted(asked, 177, text=TEXT, candidate_id="c0", repairs=())
    body = f"{TEXT}\n\n{END}\n\nRead: [{PAT.login} in this thread](https://example.test)"
    said = (Message(role="user", content=f"Q: Why {CURSED}?"),)
    payload = {
        "action": "created",
        "comment": {"id": 77, "body": f"/ask Why {CURSED}?", "user": {"id": PAT.id, "login": PAT.login}},
        "issue": {"number": 9},
        "repository": {"id": REPOSITORY.id},
        "sender": {"id": PAT.id, "login": PAT.login},
    }
    with database.unit() as unit:
        unit.answers.save(replace(made, body=body))
        unit.answers.add_prompt(things.prompt(answer_id=made.id, messages=said))
        unit.answers.add_generation(things.generation())
        unit.answers.add_candidates([things.candidate(0), things.candidate(1, text=f"Because {CURSED}.")])
        for actor, right in ((PAT, CURSED), (things.feedback().actor, "make check")):
            said_so = Suggestion(right=right, wrong="npm test")
            proposal = propose(made, said_so, actor, f"https://example.test/{actor.login}", NOW)
            unit.proposals.add(proposal)
            unit.proposals.decide(proposal.id, Agreed.REFUSED, PAT.login, NOW)
        unit.deliveries.add(things.delivery("g9", body=json.dumps(payload).encode()), REPOSITORY.id)
        unit.commit()
    observed(database, [*HIS, replace(edit(8, answer=0), answer_id=made.id)])
    with database.unit() as unit:
        [correction, *_] = unit.phrases.weights(REPOSITORY.id)
        unit.phrases.withdraw(correction.phrase, PAT, NOW)
        unit.phrases.forget(correction.phrase, PAT, NOW - timedelta(days=9))
        unit.commit()
    kept = file_of(database)
    assert PAT.login.encode() in kept
    assert CURSED.encode() in kept
    forget(database)
    kept = file_of(database)
    for trace in (PAT.login, CURSED, str(PAT.id)):
        assert trace.encode() not in kept, trace
    with database.unit(read_only=True) as unit:
        question = unit.answers.question(made.id)
        assert question is not None
        assert (question.text, question.asker) == ("", Actor(id=0, login="ghost"))
        [left] = unit.proposals.of_answer(made.id)
        assert (left.right, left.decided_by) == ("make check", "ghost")
        assert "".join(lessons.export(unit, REPOSITORY, LATER)).count("Pat") == 0


def test_who_only_stands_in_a_kept_webhook_is_found_by_name_and_leaves_no_trace(database: Database) -> None:
    pat = {"id": PAT.id, "login": PAT.login, "type": "User"}
    ann = {"id": 8, "login": "ann", "type": "User"}
    payload = {
        "action": "created",
        "comment": {"id": 77, "body": "/ask Why?", "user": ann},
        "issue": {"number": 9, "title": "Odd", "body": f"For {CURSED}", "user": pat},
        "repository": {"id": REPOSITORY.id},
        "organization": {"id": 5, "login": "paperboat", "type": "Organization"},
        "sender": ann,
    }
    asked = things.question(post_id=77, number=9, asker=Actor(id=8, login="ann"), text="Why?")
    read = (Message(role="user", content=f"@{PAT.login} wrote: For {CURSED}"),)
    made = things.posted(asked, 177, text=TEXT, candidate_id=None, repairs=())
    with database.unit() as unit:
        unit.answers.save(made)
        unit.answers.add_prompt(things.prompt(answer_id=made.id, messages=read))
        unit.deliveries.add(things.delivery("g9", body=json.dumps(payload).encode()), REPOSITORY.id)
        said_so = Suggestion(right="make check", wrong="npm test")
        proposal = propose(made, said_so, things.feedback().actor, "https://example.test/1", NOW)
        unit.proposals.add(proposal)
        unit.proposals.decide(proposal.id, Agreed.REFUSED, PAT.login, NOW)
        unit.commit()
    with database.unit(read_only=True) as unit:
        assert known_as(unit, "Pat-Quill") == {PAT.id}
        assert known_as(unit, "paperboat") == known_as(unit, "pat") == set()
    assert forget(database) == {"deliveries": 1, "prompts": 1, "decisions": 1}
    kept = file_of(database)
    for trace in (PAT.login, CURSED, str(PAT.id)):
        assert trace.encode() not in kept, trace
    assert b"/ask Why?" in kept


def test_who_only_decided_about_a_proposal_is_forgotten_by_the_name_alone(database: Database) -> None:
    said_so = Suggestion(right="make check", wrong="npm test")
    proposal = propose(answers()[0], said_so, things.feedback().actor, "https://example.test/1", NOW)
    with database.unit() as unit:
        unit.proposals.add(proposal)
        unit.proposals.decide(proposal.id, Agreed.REFUSED, PAT.login, NOW)
        assert known_as(unit, PAT.login) == set()
        assert forget_name(unit, "Pat-Quill", LATER) == {"decisions": 1}
        assert forget_name(unit, "Pat-Quill", LATER) == {}
        assert [audit.act for audit in unit.audits.since(NOW)] == ["forgot_user"]
        unit.commit()
    assert PAT.login.encode() not in file_of(database)


def test_a_payload_loses_the_person_and_what_they_wrote_and_nothing_of_others() -> None:
    pat, ann = {"id": 9, "login": "pat", "url": "https://x/pat"}, {"id": 8, "login": "ann"}
    said: dict[str, Any] = {
        "action": "edited",
        "changes": {"body": {"from": "pat's former"}},
        "comment": {"id": 9, "user": pat, "body": "pat's words"},
        "issue": {"number": 9, "user": ann, "title": "ann's title", "body": "ann's"},
        "sender": ann,
    }
    ghost = {"id": 0, "login": "ghost", "type": "User"}
    bare = redacted(said, 9)
    assert bare["comment"] == {"id": 9, "user": ghost, "body": ""}
    assert (bare["issue"], bare["sender"], bare["changes"]) == (said["issue"], ann, {})
    assert redacted(said, 7) == said
    by_pat_on_ours = {**said, "comment": {"id": 5, "user": ann, "body": "pat's edit"}, "sender": pat}
    assert redacted(by_pat_on_ours, 9)["comment"]["body"] == ""


def from_a_fork(event: str, by: Actor) -> dict[str, Any]:
    """GitHub's own example of a delivery about a pull request, sent by somebody from a fork of theirs."""
    with gzip.open(PAYLOADS, "rt", encoding="utf-8") as lines:
        said = next(one["payload"] for one in map(json.loads, lines) if one["event"] == event)
    owner = said["repository"]["owner"]
    text = json.dumps({name: said["pull_request"][name] for name in ("head", "user")})
    text = text.replace(owner["login"], by.login).replace(str(owner["id"]), str(by.id))
    person = json.loads(text)["user"]
    said["pull_request"] |= {**json.loads(text), "requested_reviewers": [person], "assignee": person}
    said["pull_request"]["head"]["ref"] = f"{by.login}-patch-1"
    said["pull_request"]["auto_merge"] = {"enabled_by": person, "commit_title": f"Merge {by.login}/patch-1"}
    said["sender"] = said["comment"]["user"] = person
    assert f"{by.login}/{said['repository']['name']}" in json.dumps(said)
    return dict(said)


def test_a_delivery_about_a_pull_request_from_their_fork_names_them_nowhere() -> None:
    said = from_a_fork("pull_request_review_comment", PAT)
    bare = redacted(said, PAT.id)
    assert PAT.login not in json.dumps(bare).lower() and str(PAT.id) not in json.dumps(bare)
    assert bare["pull_request"]["number"] == said["pull_request"]["number"]
    assert (bare["pull_request"]["base"], bare["repository"]) == (
        said["pull_request"]["base"],
        said["repository"],
    )
    by_ann = {"id": 8, "login": "ann", "type": "User"}
    said["pull_request"] |= {"user": by_ann, "auto_merge": None}  # hers, of his branch
    said["sender"] = by_ann
    bare = redacted(said, PAT.id)
    assert PAT.login not in json.dumps(bare) and bare["pull_request"]["title"]


def test_a_name_that_is_a_word_too_leaves_words_and_addresses_alone(database: Database) -> None:
    asked = things.question(post_id=78, number=9)
    line = "- Learned: write `a`, not `b` (+0.50), taught by {who}"
    kept = "see [b](https://example.test/not), not `c`\n<sub>I am a bot and may not be right.</sub>"
    made = things.posted(asked, 178, text=TEXT, candidate_id=None, repairs=())
    with database.unit() as unit:
        unit.answers.save(replace(made, body=f"{TEXT}\n\n{END}\n{line.format(who='not')}\n{kept}"))
        assert unit.people.unname_bodies({"Not"}) == {made.id}
        found = unit.answers.get(made.id)
    assert found is not None
    assert found.body == f"{TEXT}\n\n{END}\n{line.format(who='somebody')}\n{kept}"


def test_where_our_own_part_begins_is_written_once() -> None:
    assert OWN_PART == END


def test_nobody_is_taken_for_another_whose_number_contains_theirs(database: Database) -> None:
    near = Actor(id=1_424_242_7, login="pat-quill-2")
    observed(database, [replace(edit(1), actor=near), reaction(2, 0, 0, Reaction.PLUS_ONE)])
    before = weights(database)
    assert forget(database) == {}
    assert weights(database) == before
    assert READERS
