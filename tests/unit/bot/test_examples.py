"""Examples are answers that people stand behind, and only those."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.memory import examples_of, nearest
from learning.prompt import Example
from storage.records import Actor, Answer, AnswerStatus, Feedback, FeedbackKind, Permission, Reaction
from tests.unit.bot.scripted import ScriptedModels
from tests.unit.bot.threads import ANNA, CARL, NOW, question

ASKED = question("How do I run the tests?")
ANSWER = Answer(
    id=ASKED.answer_id,
    question=ASKED,
    status=AnswerStatus.POSTED,
    text="Use pytest.",
    body="",
    candidate_id="c",
    created_at=NOW,
)


def event(kind, actor=ANNA, permission=Permission.WRITE, **more):
    return Feedback(
        id=f"f_{kind.value}_{actor.id}",
        repository_id=9,
        answer_id=ANSWER.id,
        kind=kind,
        actor=actor,
        permission=permission,
        at=NOW,
        **more,
    )


def thumb(number, reaction=Reaction.PLUS_ONE, permission=Permission.READ):
    return event(FeedbackKind.REACTION, Actor(id=number, login=f"u{number}"), permission, reaction=reaction)


EDIT = event(FeedbackKind.EDIT, before="Use pytest.", after="Use nox.")


@pytest.mark.parametrize(
    ("feedback", "texts"),
    [
        ([], []),
        ([EDIT], ["Use nox."]),
        ([replace(EDIT, permission=Permission.READ)], []),
        ([EDIT, replace(EDIT, id="f_2", after="Use tox.", at=NOW + timedelta(1))], ["Use tox."]),
        ([EDIT, event(FeedbackKind.RETRACTION, retracts=EDIT.id)], []),
        ([thumb(11, permission=Permission.WRITE)], ["Use pytest."]),
        ([thumb(11), thumb(12)], []),
        ([thumb(11), thumb(12), thumb(13)], ["Use pytest."]),
        ([thumb(11), thumb(12), thumb(13), thumb(14, Reaction.MINUS_ONE)], ["Use pytest."]),
        ([thumb(n, Reaction.MINUS_ONE if n > 13 else Reaction.HEART) for n in range(11, 17)], []),
        ([thumb(11), thumb(12), thumb(13), thumb(14, Reaction.MINUS_ONE, Permission.WRITE)], []),
        ([thumb(CARL.id, permission=Permission.WRITE)], []),
        ([event(FeedbackKind.DELETION)], []),
        ([thumb(11, permission=Permission.WRITE), event(FeedbackKind.HIDDEN, reason="spam")], []),
        (
            [thumb(11, permission=Permission.WRITE), event(FeedbackKind.HIDDEN, reason="resolved")],
            ["Use pytest."],
        ),
        ([thumb(11, permission=Permission.WRITE), event(FeedbackKind.REASON, reason="wrong")], []),
        ([thumb(11, permission=Permission.WRITE), event(FeedbackKind.REPLY, after="Use tox.")], []),
    ],
)
def test_who_makes_an_example(feedback, texts):
    feedback = [replace(one, actor=CARL) if one.actor.id == CARL.id else one for one in feedback]
    assert [example.text for example in examples_of([ANSWER], feedback)] == texts


def test_a_deleted_answer_and_an_abstention_are_none():
    assert examples_of([replace(ANSWER, status=AnswerStatus.DELETED)], [EDIT]) == ()
    assert examples_of([replace(ANSWER, abstained="why")], [EDIT]) == ()


def test_only_near_questions_are_shown_and_few_are_embedded():
    models = ScriptedModels([[]])
    near = Example(question="How do I run the slow tests?", text="nox -s slow")
    far = [Example(question=f"What colour is planet number {i}?", text="red") for i in range(50)]
    some = [Example(question=f"Which tests are flaky on machine {i}?", text="all") for i in range(50)]
    assert nearest([*far, near, *some], "How do I run the tests?", models.embed)[0] == near
    assert len(models.embedded) <= 17
    assert nearest(far, "How do I run the tests?", models.embed) == []
