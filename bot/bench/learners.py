"""Learners: what each row of the table may use of what it was taught.

All but three are the bot itself with some of its mechanisms switched on. `none` is taught but uses
nothing; `last-k` puts the newest edits into the prompt as they are; `oracle` is told the rules in words
and has the maintainer's own hand carry out whatever it still breaks, so that it costs nobody an edit:
the best that is possible, and so the hardest yardstick for regret. What is left out: the course of
teaching (`bot/bench/trial.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.bench.course import START
from bot.bench.rules import Rule, RuleKind
from bot.lessons import observe
from bot.memory import Memories, Memory
from bot.plan import Mechanisms
from learning.memory.edits import diff
from storage.database import Database
from storage.records import Answer, Feedback, FeedbackKind, Repository

LAST_EDITS = 3
"""The k of last-k."""


@dataclass(frozen=True, kw_only=True)
class Learner:
    """A row of the table: the mechanisms it uses, and what is special about three of them."""

    name: str
    mechanisms: Mechanisms
    last_edits: int = 0
    told: bool = False


def _with(**on: bool) -> Mechanisms:
    return Mechanisms(**{**Mechanisms.none().__dict__, **on})


LEARNERS = (
    Learner(name="none", mechanisms=Mechanisms.none()),
    Learner(name="last-k", mechanisms=Mechanisms.none(), last_edits=LAST_EDITS),
    Learner(name="prompt", mechanisms=_with(prompt=True)),
    Learner(name="+regenerate", mechanisms=_with(prompt=True, regenerate=True)),
    Learner(name="+best-of-n", mechanisms=_with(prompt=True, regenerate=True, best_of_n=True)),
    Learner(name="+bias", mechanisms=_with(prompt=True, regenerate=True, best_of_n=True, bias=True)),
    Learner(name="all", mechanisms=Mechanisms()),
    Learner(name="oracle", mechanisms=_with(prompt=True, regenerate=True, best_of_n=True), told=True),
)
"""In the table's order: from nothing to everything, each `+` with all that is above it since `prompt`."""


class Pupil:
    """One learner in one repository: a database of its own, and nothing else that outlives a question.

    Its clock stands at what it was last taught: weights fade by the course's time, not by ours.
    """

    def __init__(self, learner: Learner, rules: Sequence[Rule], repository: Repository, file: Path) -> None:
        """`file` is an SQLite file with Thumbprint's tables."""
        self._learner = learner
        self._rules = rules
        self._edits: list[Feedback] = []
        self._database = Database(f"sqlite:///{file.absolute()}")
        self._now = START
        self._memories = Memories(self._database, lambda: self._now)
        self._home = repository.id
        self.meet(repository)

    def meet(self, repository: Repository) -> None:
        """Make a repository known; only of known ones is anything learned."""
        with self._database.unit() as unit:
            unit.repositories.upsert(repository)
            unit.commit()

    def memory(self, repository_id: int) -> Memory:
        """What it may draw on for a question in this repository."""
        if repository_id != self._home:
            return self._memories.of(repository_id)
        if self._learner.told:
            return Memory(notes=tuple(in_words(rule) for rule in self._rules))
        if self._learner.last_edits:
            return Memory(notes=tuple(_shown(edit) for edit in self._edits[-self._learner.last_edits :]))
        return self._memories.of(repository_id)

    def taught(self, answer: Answer, events: Sequence[Feedback]) -> None:
        """Keep the posted answer and what people did to it, by the way that feedback takes in production."""
        self._edits += [event for event in events if event.kind is FeedbackKind.EDIT]
        self._now = max([self._now, *(event.at for event in events)])
        with self._database.unit() as unit:
            unit.answers.save(answer)
            if events:
                observe(unit, events, events[0].at)
            unit.commit()

    def close(self) -> None:
        """Close the database."""
        self._database.dispose()


def in_words(rule: Rule) -> str:
    """The rule as its maintainers would put it in a CONTRIBUTING file: what the oracle is told."""
    about = f" This concerns questions about {rule.questions}." if rule.questions else ""
    match rule.kind:
        case RuleKind.SILENCE:
            return "Leave questions like this one to people."
        case RuleKind.LENGTH:
            return f"Answer in at most {rule.limit_words} words."
        case RuleKind.MENTION:
            return f"Always say: {rule.right}{about}"
        case RuleKind.WORDING if not rule.right:
            return f"Never write “{rule.wrong or rule.pattern}”."
        case _:
            return f"Write `{rule.right}`, not `{rule.wrong}`."


def _shown(edit: Feedback) -> str:
    """An edit as a line of a prompt: the spans that changed, or the whole texts where none can be paired."""
    found = diff(edit.before, edit.after)
    spans = [f"“{one.wrong}” became “{one.right}”" for one in found.replaced]
    spans += [f"“{span}” was taken out" for span in found.removed if span.strip()]
    spans += [f"“{span}” was added" for span in found.added if span.strip()]
    return " ".join(f"In an earlier answer {', '.join(spans)[:300]}.".split())
