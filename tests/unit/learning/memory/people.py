"""People, answers and events for the tests of the memory, with the fewest words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from learning.memory.phrases import fold
from storage.records import (
    Actor,
    Answer,
    AnswerStatus,
    Feedback,
    FeedbackKind,
    Permission,
    PhraseKind,
    PhraseWeight,
    PostKind,
    Question,
    Reaction,
    stable_id,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
WRITER = Actor(id=1, login="writer")
SECOND = Actor(id=2, login="second")
BOT = Actor(id=77, login="helper[bot]", is_bot=True)


def reader(number: int) -> Actor:
    return Actor(id=100 + number, login=f"reader{number}")


def answer(text: str, question: str = "How is it done?", number: int = 1, repository: int = 1) -> Answer:
    asked = Question(
        repository_id=repository,
        full_name="owner/name",
        installation_id=1,
        number=number,
        post_id=number,
        post_kind=PostKind.COMMENT,
        asker=reader(99),
        text=question,
        asked_at=NOW,
    )
    return Answer(
        id=asked.answer_id,
        question=asked,
        status=AnswerStatus.POSTED,
        text=text,
        body=text,
        candidate_id=None,
        created_at=NOW,
    )


def event(
    to: Answer,
    kind: FeedbackKind,
    by: Actor = WRITER,
    permission: Permission = Permission.WRITE,
    minute: float = 0,
    reaction: Reaction | None = None,
    before: str = "",
    after: str = "",
    retracts: str = "",
) -> Feedback:
    return Feedback(
        id=stable_id("f", to.id, kind.value, by.id, minute, reaction, after, retracts),
        repository_id=to.question.repository_id,
        answer_id=to.id,
        kind=kind,
        actor=by,
        permission=permission,
        at=NOW + timedelta(minutes=minute),
        reaction=reaction,
        before=before,
        after=after,
        retracts=retracts,
    )


def edit(
    to: Answer,
    after: str,
    by: Actor = WRITER,
    permission: Permission = Permission.WRITE,
    minute: float = 0,
    before: str | None = None,
) -> Feedback:
    start = to.text if before is None else before
    return event(to, FeedbackKind.EDIT, by, permission, minute, before=start, after=after)


def react(
    to: Answer,
    reaction: Reaction = Reaction.PLUS_ONE,
    by: Actor = WRITER,
    permission: Permission = Permission.WRITE,
    minute: float = 0,
) -> Feedback:
    return event(to, FeedbackKind.REACTION, by, permission, minute, reaction=reaction)


def retract(
    what: Feedback, by: Actor | None = None, permission: Permission = Permission.READ, minute: float = 99
) -> Feedback:
    return Feedback(
        id=stable_id("f", "retract", what.id, (by or what.actor).id, minute),
        repository_id=what.repository_id,
        answer_id=what.answer_id,
        kind=FeedbackKind.RETRACTION,
        actor=by or what.actor,
        permission=permission,
        at=NOW + timedelta(minutes=minute),
        retracts=what.id,
    )


def taught(*lessons: tuple[str, str, str]) -> list[PhraseWeight]:
    """Weights after one writer's edits, each (question, before, after) on an answer of its own."""
    folded = []
    for number, (question, before, after) in enumerate(lessons, 1):
        given = answer(before, question, number)
        folded.append((given, [edit(given, after, minute=number)]))
    return list(fold(folded, NOW + timedelta(hours=1)).values())


def of_kind(weights: list[PhraseWeight], kind: PhraseKind) -> list[PhraseWeight]:
    return [weight for weight in weights if weight.phrase.kind is kind]


def words(text: str) -> int:
    return len(text.split())
