"""Records to store, each valid, each changed by keyword."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from storage.records import (
    Actor,
    Answer,
    AnswerStatus,
    Candidate,
    Delivery,
    Evidence,
    Feedback,
    FeedbackKind,
    Generation,
    Message,
    Permission,
    Phrase,
    PhraseKind,
    PhraseWeight,
    PostKind,
    Prompt,
    Question,
    Reaction,
    Repair,
    Repository,
)

NOW = datetime(2026, 11, 21, 3, 4, 5, 678901, tzinfo=UTC)
ASKER = Actor(id=7, login="mona")
WRITER = Actor(id=8, login="hubot-not")
REPOSITORY = Repository(id=1, full_name="octo/inkwell", installation_id=2)


def question(**changes: Any) -> Question:
    made = Question(
        repository_id=1,
        full_name="octo/inkwell",
        installation_id=2,
        number=3,
        post_id=4,
        post_kind=PostKind.COMMENT,
        asker=ASKER,
        text="How do I run the tests?",
        asked_at=NOW,
    )
    return replace(made, **changes)


def answer(asked: Question | None = None, **changes: Any) -> Answer:
    asked = asked or question()
    made = Answer(
        id=asked.answer_id,
        question=asked,
        status=AnswerStatus.PENDING,
        text="Run `make test`.",
        body="Run `make test`.\n<!-- marker -->",
        candidate_id="c1",
        repairs=(Repair(phrase_id="p1", before="npm test", after="make test"),),
        phrase_ids=("p1", "p2"),
        created_at=NOW,
    )
    return replace(made, **changes)


def posted(asked: Question | None = None, comment_id: int = 99, **changes: Any) -> Answer:
    return answer(asked, status=AnswerStatus.POSTED, comment_id=comment_id, posted_at=NOW, **changes)


def delivery(guid: str = "g1", **changes: Any) -> Delivery:
    made = Delivery(guid=guid, event="issue_comment", action="created", body=b'{"a": 1}', received_at=NOW)
    return replace(made, **changes)


def feedback(event_id: str = "e1", **changes: Any) -> Feedback:
    made = Feedback(
        id=event_id,
        repository_id=1,
        answer_id=question().answer_id,
        kind=FeedbackKind.REACTION,
        actor=WRITER,
        permission=Permission.WRITE,
        at=NOW,
        reaction=Reaction.MINUS_ONE,
    )
    return replace(made, **changes)


def phrase(phrase_id: str = "p1", **changes: Any) -> Phrase:
    made = Phrase(
        id=phrase_id, repository_id=1, kind=PhraseKind.CORRECTION, text="npm test", right="make test"
    )
    return replace(made, **changes)


def weight(of: Phrase | None = None, **changes: Any) -> PhraseWeight:
    made = PhraseWeight(
        phrase=of or phrase(),
        ups=1.0,
        downs=0.25,
        weight=0.5,
        active=True,
        people=1,
        as_of=NOW,
        contexts=("How do I run the tests?",),
        event_ids=("e1",),
        taught_at=NOW,
    )
    return replace(made, **changes)


def evidence(phrase_id: str = "p1", event_id: str = "e1", **changes: Any) -> Evidence:
    made = Evidence(
        phrase_id=phrase_id,
        event_id=event_id,
        answer_id=question().answer_id,
        actor_id=8,
        actor_login="hubot-not",
        permission=Permission.WRITE,
        mass=0.5,
        at=NOW,
        question="How do I run the tests?",
        url="https://example.test/1",
    )
    return replace(made, **changes)


def prompt(**changes: Any) -> Prompt:
    made = Prompt(
        id="pr1",
        answer_id=question().answer_id,
        attempt=0,
        template="1",
        messages=(Message(role="system", content="Be brief."), Message(role="user", content="How?")),
        phrase_ids=("p1",),
        tokens=12,
    )
    return replace(made, **changes)


def generation(**changes: Any) -> Generation:
    made = Generation(
        id="ge1",
        prompt_id="pr1",
        model="policy",
        seed=2**40,
        temperature=0.6,
        top_p=0.9,
        max_tokens=160,
        n=2,
        biased_phrase_ids=("p2",),
        seconds=1.5,
    )
    return replace(made, **changes)


def candidate(index: int = 0, **changes: Any) -> Candidate:
    made = Candidate(
        id=f"c{index}",
        generation_id="ge1",
        index=index,
        text=f"text {index}",
        tokens=5,
        logprob=-0.7,
        finish_reason="stop",
        phrase_score=0.25,
        similarity=0.5,
        guards=("echo",),
        violations=("p1",),
        score=0.1,
    )
    return replace(made, **changes)
