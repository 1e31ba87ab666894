"""Examples are answers that people stand behind, and none that would teach again what was forgotten."""

from __future__ import annotations

from datetime import timedelta

from bot.memory import examples_of
from learning.memory.phrases import judge
from storage.records import Feedback, FeedbackKind, Reaction
from tests.unit.storage.things import NOW, feedback, posted

TEXT = "Run `npm test` in the root folder."
CORRECTED = TEXT.replace("npm test", "make check")
ANSWER = posted(text=TEXT, candidate_id=None, repairs=())


def corrected() -> Feedback:
    return feedback("e1", kind=FeedbackKind.EDIT, reaction=None, before=TEXT, after=CORRECTED)


def test_a_corrected_answer_is_an_example() -> None:
    [example] = examples_of([ANSWER], [corrected()])
    assert example.text == CORRECTED


def test_an_answer_whose_lesson_was_forgotten_since_is_no_example() -> None:
    lessons, _ = judge(ANSWER, [corrected()])
    assert lessons
    for lesson in lessons:
        assert examples_of([ANSWER], [corrected()], {lesson.id: NOW}) == ()


def test_an_answer_corrected_after_the_forgetting_is_an_example() -> None:
    lessons, _ = judge(ANSWER, [corrected()])
    before = {lesson.id: NOW - timedelta(seconds=1) for lesson in lessons}
    assert len(examples_of([ANSWER], [corrected()], before)) == 1


def test_what_another_answer_taught_may_be_forgotten_without_harm() -> None:
    assert len(examples_of([ANSWER], [corrected()], {"p_of_another": NOW})) == 1


def test_a_disliked_answer_is_an_example_only_once_corrected() -> None:
    disliked = feedback("e2", reaction=Reaction.MINUS_ONE)
    assert examples_of([ANSWER], [disliked]) == ()
    assert len(examples_of([ANSWER], [disliked, corrected()])) == 1
