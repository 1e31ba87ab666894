"""One trial: a learner, a repository, a seed. Taught round after round, examined in between.

A round is a question of the teaching half: answered, reviewed by the maintainer, learned from. Before the
rounds named in `checkpoints` and after the last one the learner is examined on unseen questions; nothing
that happens there is taught. At the end, control questions and another repository's question are asked,
and compared to the byte with what the same mechanisms answer with the same seed when nothing was taught.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.bench.course import START, Course, Exercise, Size, question_record
from bot.bench.learners import Learner, Pupil
from bot.bench.maintainer import breaks, feedback, review
from bot.bench.questions import AskedQuestion
from bot.compose import Composition, compose
from bot.memory import Memory
from bot.models import Models
from bot.plan import Plan
from storage.database import Database
from storage.records import AnswerStatus, FeedbackKind, Repository

HOME = Repository(id=7001, full_name="bench/home", installation_id=1)
ELSEWHERE = Repository(id=7002, full_name="bench/elsewhere", installation_id=1)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One answer and what came of it. `phase`: teach, unseen, control or elsewhere.

    `taught` counts the rounds before it, `edits` those of them that ended in an edit or a deletion.
    `kept` maps rule names to whether the answer kept them (phases teach and unseen). `changed`: whether
    it differs from the untaught twin's (phases control and elsewhere). `applies`: whether that twin breaks a
    rule that concerns a control's question: then it is no control this time, and a change is what was wanted.
    """

    repository: str
    seed: int
    learner: str
    phase: str
    taught: int
    question: str
    edits: int
    kept: dict[str, bool]
    cost: float = 0.0
    abstained: bool = False
    repaired: bool = False
    changed: bool = False
    applies: bool = False
    seconds: float = 0.0
    attempts: int = 0
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        """The row for a JSON line."""
        return asdict(self)


class Trial:
    """See the module's first lines. `template` is a migrated, empty SQLite file."""

    def __init__(
        self,
        course: Course,
        learner: Learner,
        seed: int,
        models: Models,
        plan: Plan,
        size: Size,
        template: Path,
    ) -> None:
        self._course = course
        self._learner = learner
        self._seed = seed
        self._models = models
        self._plan = replace(plan, seed=seed, mechanisms=learner.mechanisms)
        self._template = template
        draw = random.Random(f"{course.repository.name}/{seed}")  # noqa: S311  (draws questions, keeps no secret)
        self._teaching = draw.sample(course.teaching, len(course.teaching))
        self._unseen = draw.sample(course.unseen, min(size.unseen_asked, len(course.unseen)))
        self._edits = 0
        self._controls = draw.sample(course.controls, min(size.controls_asked, len(course.controls)))

    def run(self, checkpoints: Sequence[int]) -> list[Row]:
        """All rows of the trial, in the order in which things happened."""
        rows: list[Row] = []
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pupil.db"
            shutil.copyfile(self._template, file)
            pupil = Pupil(self._learner, self._course.repository.rules, HOME, file)
            try:
                for taught, exercise in enumerate(self._teaching):
                    if taught in checkpoints:
                        rows += [self._examined(pupil, unseen, taught) for unseen in self._unseen]
                    rows.append(self._round(pupil, exercise, taught))
                last = len(self._teaching)
                rows += [self._examined(pupil, unseen, last) for unseen in self._unseen]
                rows += [self._compared(pupil, asked, HOME, last) for asked in self._controls]
                pupil.meet(ELSEWHERE)
                rows += [self._compared(pupil, one.question, ELSEWHERE, last) for one in self._unseen[:1]]
            finally:
                pupil.close()
        return rows

    def _ask(self, memory: Memory, asked: AskedQuestion, repository: Repository) -> Composition:
        question, thread = question_record(asked, repository)
        return compose(question, thread, memory, self._models, self._plan, START)

    def _round(self, pupil: Pupil, exercise: Exercise, taught: int) -> Row:
        """Ask, review, teach."""
        composed = self._ask(pupil.memory(HOME.id), exercise.question, HOME)
        at = START + timedelta(hours=1 + taught)
        answer = replace(
            composed.answer, status=AnswerStatus.POSTED, comment_id=1000 + taught, posted_at=at, created_at=at
        )
        rules = [rule for rule in self._course.repository.rules if rule.concerns(exercise.question.title)]
        events = feedback(rules, answer, answer.text, at + timedelta(minutes=5))
        pupil.taught(answer, [] if self._learner.told else events)
        row = self._row("teach", exercise, taught, composed)
        self._edits += any(event.kind is not FeedbackKind.REACTION for event in events)
        return row

    def _examined(self, pupil: Pupil, exercise: Exercise, taught: int) -> Row:
        composed = self._ask(pupil.memory(HOME.id), exercise.question, HOME)
        return self._row("unseen", exercise, taught, composed)

    def _row(self, phase: str, exercise: Exercise, taught: int, composed: Composition) -> Row:
        """Judge an answer. Where one was wanted, none costs what an untaught one does."""
        answer = composed.answer
        silent = bool(answer.abstained)
        kept = {rule.name: not breaks(rule, answer.text, silent=silent) for rule in exercise.rules}
        if all(kept.values()):
            cost = 0.0
        else:
            cost = exercise.untaught_cost if silent else review(exercise.rules, answer.text).cost
        if self._learner.told:  # the maintainer's own hand has been over it
            cost = 0.0
        return replace(
            self._plain(phase, exercise.question, taught, composed),
            kept=kept,
            cost=cost,
            text=answer.text,
        )

    def _compared(self, pupil: Pupil, asked: AskedQuestion, repository: Repository, taught: int) -> Row:
        """Ask with what was learned, and with nothing learned, the same seed and mechanisms."""
        composed = self._ask(pupil.memory(repository.id), asked, repository)
        twin = self._ask(Memory(), asked, repository)
        row = self._plain("control" if repository is HOME else "elsewhere", asked, taught, composed)
        same = composed.answer.text == twin.answer.text
        rules = [rule for rule in self._course.repository.rules if rule.concerns(asked.title)]
        applies = repository is HOME and bool(review(rules, twin.answer.text).broken)
        return replace(row, changed=not same, applies=applies, text="" if same else composed.answer.text)

    def _plain(self, phase: str, asked: AskedQuestion, taught: int, composed: Composition) -> Row:
        return Row(
            repository=self._course.repository.name,
            seed=self._seed,
            learner=self._learner.name,
            phase=phase,
            taught=taught,
            question=asked.id,
            edits=self._edits,
            kept={},
            abstained=bool(composed.answer.abstained),
            repaired=bool(composed.answer.repairs),
            seconds=sum(generation.seconds for generation in composed.generations),
            attempts=len(composed.generations),
        )


def empty_database(file: Path) -> None:
    """An SQLite file with Thumbprint's tables and nothing in them."""
    database = Database(f"sqlite:///{file.absolute()}")
    try:
        database.migrate()
    finally:
        database.dispose()
