"""What a delivery asks for: questions by people, and what people do to our own comments."""

from __future__ import annotations

import copy
import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lifecycle import EVENTS, Turn
from bot.queue import Job, JobName
from bot.trigger import Asks
from storage.records import Actor, Delivery, PostKind, Question, Repository
from tests.beside import beside
from webhooks.route import App, Ignored, Known, moved_from, route

APP = App(slug="thumbprint", id="77")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
MONA = {"id": 7, "login": "mona", "type": "User"}
US = {"id": 99, "login": "thumbprint[bot]", "type": "Bot"}


def payload(**changes: Any) -> dict[str, Any]:
    made = {
        "action": "created",
        "issue": {"number": 3, "id": 30},
        "comment": {
            "id": 4,
            "body": "/ask How?",
            "user": MONA,
            "created_at": "2026-11-20T10:00:00Z",
            "updated_at": "2026-11-20T10:00:00Z",
        },
        "repository": {"id": 1, "full_name": "octo/inkwell", "private": True},
        "installation": {"id": 2},
        "sender": MONA,
    }
    return {**made, **changes}


def delivery(content: dict[str, Any], event: str = "issue_comment") -> Delivery:
    action = content.get("action")
    return Delivery(
        guid="g",
        event=event,
        action=action if isinstance(action, str) else "",
        body=json.dumps(content).encode(),
        received_at=NOW,
    )


def ours(**changes: Any) -> dict[str, Any]:
    return {"id": 5, "body": "corrected", "user": US, "updated_at": "2026-11-20T11:00:00Z", **changes}


def edited(comment: dict[str, Any], former: Any = "wrong", **changes: Any) -> dict[str, Any]:
    return payload(action="edited", comment=comment, changes={"body": {"from": former}}, **changes)


def test_a_comment_that_asks_is_a_question() -> None:
    job = route(delivery(payload()), APP)
    repository = Repository(id=1, full_name="octo/inkwell", installation_id=2, private=True)
    asked = Question(
        repository_id=1,
        full_name="octo/inkwell",
        installation_id=2,
        number=3,
        post_id=4,
        post_kind=PostKind.COMMENT,
        asker=Actor(id=7, login="mona"),
        text="How?",
        asked_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
        trigger="/ask",
    )
    assert job == Job(
        name=JobName.ANSWER,
        id="answer/1/issue_comment/4",
        thread_key="1/3",
        repository=repository,
        question=asked,
    )


def test_the_same_question_under_another_guid_is_the_same_job() -> None:
    first = route(delivery(payload()), APP)
    assert route(replace(delivery(payload()), guid="other"), APP) == first


def test_a_review_comment_asks_in_its_pull_request() -> None:
    content = payload(pull_request={"number": 8, "id": 80})
    del content["issue"]
    job = route(delivery(content, "pull_request_review_comment"), APP)
    assert isinstance(job, Job)
    assert (job.id, job.thread_key) == ("answer/1/pull_request_review_comment/4", "1/8")


@pytest.mark.parametrize(("event", "key"), [("issues", "issue"), ("pull_request", "pull_request")])
def test_an_issue_or_pull_request_may_ask_as_it_is_opened(event: str, key: str) -> None:
    content = payload(action="opened", **{key: {"number": 3, "id": 30, "body": "/ask How?", "user": MONA}})
    for other in {"issue", "pull_request"} - {key}:
        content.pop(other, None)
    job = route(delivery(content, event), APP)
    assert isinstance(job, Job)
    assert job.question is not None
    assert (job.question.post_kind, job.question.post_id) == (PostKind.ISSUE, 30)
    assert job.question.asked_at == NOW


def test_of_an_issue_that_was_moved_here_it_is_known_from_where() -> None:
    issue = {"number": 4, "id": 777, "body": "/ask How?", "user": MONA, "created_at": "2026-01-01T00:00:00Z"}
    came = {"old_issue": {"id": 70, "number": 1}, "old_repository": {"id": 9, "full_name": "octo/paper"}}
    moved = payload(action="opened", issue=issue, changes=came)
    assert moved_from(delivery(moved, "issues")) == (9, 1)
    odd: tuple[object, ...] = (None, {}, [], {"old_repository": None}, {**came, "old_issue": {"number": "1"}})
    assert [moved_from(delivery({**moved, "changes": one}, "issues")) for one in odd] == [None] * len(odd)


def test_an_empty_question_is_a_job_too() -> None:
    content = payload()
    content["comment"]["body"] = "/ask"
    job = route(delivery(content), APP)
    assert isinstance(job, Job)
    assert job.question is not None
    assert job.question.text == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"action": "edited", "changes": {"body": {"from": "x"}}}, "not_our_comment"),
        ({"action": "deleted"}, "not_our_comment"),
        ({"action": "pinned"}, "action"),
        ({"action": None}, "action"),
        ({"sender": {**MONA, "type": "Bot"}}, "bot"),
        ({"sender": US}, "bot"),
        ({"sender": None}, "incomplete"),
        ({"installation": None}, "incomplete"),
        ({"repository": {"id": True, "full_name": "octo/inkwell"}}, "incomplete"),
        ({"repository": {"id": 2**63, "full_name": "octo/inkwell"}}, "incomplete"),
        ({"repository": {"id": 1, "full_name": "octo/ink\x00well"}}, "incomplete"),
        ({"repository": {"id": 1, "full_name": "octo/ink\ud800well"}}, "incomplete"),
        ({"repository": {"id": 1, "full_name": "octo/ink/well"}}, "incomplete"),
        ({"sender": {**MONA, "login": "mo\ud800na"}}, "incomplete"),
        ({"issue": {}}, "incomplete"),
        ({"issue": {"number": 2**31}}, "incomplete"),
        ({"comment": None}, "incomplete"),
        ({"comment": {"id": 4, "body": None, "user": MONA}}, "no_question"),
        ({"comment": {"id": 4, "body": "/ask", "user": {**MONA, "type": "Bot"}}}, "bot"),
        ({"comment": ours(body="/ask myself")}, "bot"),
    ],
)
def test_what_asks_nothing_is_ignored_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    assert route(delivery(payload(**changes)), APP) == Ignored(reason)


def saying(body: str, **more: Any) -> dict[str, Any]:
    made = payload(**more)
    made["comment"]["body"] = body
    return made


@pytest.mark.parametrize("body", ["No, use `make check`.", "@thumbprint no, use `make check`", "`a` -> `b`"])
def test_a_reply_that_corrects_is_feedback_also_where_it_mentions_us(body: str) -> None:
    job = route(delivery(saying(body)), APP)
    assert isinstance(job, Job)
    assert (job.name, job.id, job.thread_key) == (JobName.REPLIED, "reply/1/issue_comment/4", "1/3")
    assert job.actor_id == MONA["id"]
    assert job.acted_at is not None
    assert job.question is None


@pytest.mark.parametrize("body", ["/ask no, use `x`", "@thumbprint should I use `x` instead of `y`?"])
def test_what_asks_is_a_question_whatever_else_it_says(body: str) -> None:
    job = route(delivery(saying(body)), APP)
    assert isinstance(job, Job) and job.name is JobName.ANSWER


def test_an_issue_that_is_opened_is_no_reply() -> None:
    content = payload(action="opened", issue={"number": 3, "id": 30, "body": "No, use `x`.", "user": MONA})
    assert route(delivery(content, "issues"), APP) == Ignored("no_question")


def test_an_unknown_event_is_ignored() -> None:
    assert route(delivery(payload(), "sponsorship"), APP) == Ignored("event")


def test_a_persons_edit_of_our_comment_is_feedback() -> None:
    job = route(delivery(edited(ours())), APP)
    assert isinstance(job, Job)
    assert (job.name, job.thread_key, job.question) == (JobName.EDITED, "1/3", None)
    assert job.actor_id > 0
    assert job.acted_at is not None
    assert job.id.startswith("edit/1/issue_comment/5/")
    assert job.id.endswith("/2026-11-20T11:00:00Z")


@pytest.mark.parametrize(
    "at", ["2026-11-20\ud80011:00:00+00:00", "0001-01-01T00:00:00+23:59", "\x00" * 400, 7]
)
def test_an_edits_odd_time_is_no_part_of_its_name(at: Any) -> None:
    job = route(delivery(edited(ours(updated_at=at))), APP)
    assert isinstance(job, Job)
    assert job.id.isascii() and job.id.isprintable() and len(job.id) < 120


def test_a_question_of_an_odd_time_is_asked_when_it_arrived() -> None:
    content = payload()
    content["comment"]["created_at"] = "0001-01-01T00:00:00+23:59"
    job = route(delivery(content), APP)
    assert isinstance(job, Job)
    assert job.question is not None
    assert job.question.asked_at == NOW


def test_each_edit_is_a_job_of_its_own() -> None:
    first = route(delivery(edited(ours())), APP)
    other_text = route(delivery(edited(ours(body="corrected again"))), APP)
    same_text_later = route(delivery(edited(ours(updated_at="2026-11-20T12:00:00Z"))), APP)
    jobs = [job for job in (first, other_text, same_text_later) if isinstance(job, Job)]
    assert len({job.id for job in jobs}) == 3


def test_our_comment_is_known_by_the_apps_id() -> None:
    written_by = {"id": 77, "slug": "thumbprint"}
    renamed = {**US, "login": "former-slug[bot]"}
    assert isinstance(
        route(delivery(edited(ours(user=renamed, performed_via_github_app=written_by))), APP), Job
    )
    theirs = ours(performed_via_github_app={"id": 78})
    assert route(delivery(edited(theirs)), APP) == Ignored("not_our_comment")


def test_a_person_with_our_name_is_not_us() -> None:
    person = ours(user={"id": 5, "login": "thumbprint[bot]", "type": "User"})
    assert route(delivery(edited(person)), APP) == Ignored("not_our_comment")


@pytest.mark.parametrize("former", ["corrected", None, 5])
def test_an_edit_that_changes_no_text_teaches_nothing(former: Any) -> None:
    assert route(delivery(edited(ours(), former)), APP) == Ignored("unchanged")


def test_our_own_edit_teaches_nothing() -> None:
    assert route(delivery(edited(ours(), sender=US)), APP) == Ignored("bot")


def test_deleting_our_comment_is_feedback() -> None:
    job = route(delivery(payload(action="deleted", comment=ours())), APP)
    assert isinstance(job, Job)
    assert (job.name, job.id) == (JobName.DELETED, "deleted/1/issue_comment/5")


def examples() -> list[dict[str, Any]]:
    with gzip.open(beside("webhooks/payloads.jsonl.gz"), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_githubs_examples_are_all_answered() -> None:
    found = [route(delivery(one["payload"], one["event"]), APP) for one in examples()]
    assert len(found) == 113
    assert {type(one) for one in found} == {Ignored, Turn}
    turned = {one["event"] for one, what in zip(examples(), found, strict=True) if isinstance(what, Turn)}
    assert turned == set(EVENTS)


def test_githubs_examples_ask_once_they_are_made_to() -> None:
    jobs = []
    for one in examples():
        if (one["event"], one["action"]) == ("issue_comment", "created"):
            content = copy.deepcopy(one["payload"])
            content["comment"]["body"] = "/ask How?"
            content.setdefault("installation", {"id": 2})
            jobs.append(route(delivery(content, one["event"]), APP))
    assert len(jobs) == 5
    assert all(isinstance(job, Job) for job in jobs)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_no_payload_is_an_error(data: st.DataObject) -> None:
    content = edited(ours()) if data.draw(st.booleans()) else payload()
    for path in data.draw(st.lists(st.sampled_from(sorted(content)), max_size=3)):
        inner = content[path]
        if isinstance(inner, dict) and inner and data.draw(st.booleans()):
            key = data.draw(st.sampled_from(sorted(inner)))
            content[path] = {**inner, key: data.draw(anything)}
        else:
            content[path] = data.draw(anything)
    event = data.draw(st.sampled_from(["issue_comment", "pull_request_review_comment", "issues", "ping"]))
    assert isinstance(route(delivery(content, event), APP), (Job, Ignored))


def asked(body: str, known: Known) -> str:
    """What a comment asks, and by which word; or why it does not."""
    content = payload(comment={"id": 4, "body": body, "user": MONA})
    found = route(delivery(content), APP, lambda repository_id: known)
    if isinstance(found, Ignored):
        return found.reason
    assert isinstance(found, Job) and found.question is not None
    return f"{found.question.trigger} {found.question.text}"


def test_a_repository_chooses_what_asks() -> None:
    chosen = Known(Asks(words=("/docs", "/bot"), mention=False))
    assert asked("/docs how?", chosen) == "/docs how?" and asked("Hello,\n/BOT how?", chosen) == "/bot how?"
    for body in ("/ask how?", "@thumbprint how?", "/docsy how?", "see /docs how?"):
        assert asked(body, chosen) == "no_question"
    assert asked("@thumbprint how?", Known()) == "@ how?"


def test_where_the_choice_may_have_changed_whatever_looks_like_a_trigger_is_let_through() -> None:
    unknown, old = Known(fresh=False), Known(Asks(words=("/docs",), mention=False), fresh=False)
    assert asked("/bot how?", unknown) == asked("/bot how?", old) == "/bot how?"
    assert asked("/label bug\n/ask how?", unknown) == "/ask how?"
    assert asked("/label bug\n/docs how?", old) == "/docs how?"
    assert asked("no trigger /bot", unknown) == "no_question"
    assert asked("/usr/bin/env is a path", unknown) == asked("`/bot how?`", unknown) == "no_question"


def test_a_post_that_cannot_ask_costs_no_look_at_the_repository() -> None:
    def never(repository_id: int) -> Known:
        raise AssertionError("the repository was looked up")

    content = payload(comment={"id": 4, "body": "Thanks, see src/ask and me@thumbprint", "user": MONA})
    assert route(delivery(content), APP, never) == Ignored("no_question")
