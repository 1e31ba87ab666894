"""Learners: what a pupil was taught is as fresh as the course says, whenever the course is run."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bot.bench.course import START
from bot.bench.learners import LEARNERS, Pupil
from bot.bench.maintainer import feedback
from bot.bench.rules import Rule, RuleKind
from bot.bench.trial import HOME, empty_database
from storage.records import AnswerStatus, Repository
from tests.unit.storage.things import answer, question

RULE = Rule(name="safe", kind=RuleKind.IDENTIFIER, wrong="open_it", right="safe_open_it")


def test_weights_fade_by_the_courses_time_and_not_by_the_wall_clocks(tmp_path: Path) -> None:
    file = tmp_path / "pupil.db"
    empty_database(file)
    everything = next(learner for learner in LEARNERS if learner.name == "all")
    pupil = Pupil(everything, [RULE], HOME, file)
    try:
        for hour in range(2):
            at = START + timedelta(hours=hour)
            asked = replace(question(), repository_id=HOME.id, number=hour + 1, post_id=hour + 1)
            given = answer(
                asked,
                status=AnswerStatus.POSTED,
                text="Call `open_it(x)` first.",
                comment_id=100 + hour,
                created_at=at,
                posted_at=at,
                repairs=(),
            )
            pupil.taught(given, feedback([RULE], given, given.text, at))
        (lesson,) = pupil.memory(HOME.id).index.lessons
        assert round(lesson.weight, 2) == round(1 / 1.5, 2), (
            "one person gives a phrase no more than a whole edit"
        )
        pupil.meet(Repository(id=9, full_name="a/b", installation_id=1))
        assert pupil.memory(9).index.lessons == ()
    finally:
        pupil.close()
