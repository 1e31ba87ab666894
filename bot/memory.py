"""Memory: one repository's phrases and examples, ready for a question.

`Memory` is a value that benchmarks build by hand; `Memories` loads it from the database: whole once, and then
for each revision of a repository's weights what changed since. `examples_of` is pure. Left out:
choosing (`learning/memory/choice.py`, `nearest` below) and folding (`bot/lessons.py`).
Run: `pytest tests/unit/bot/test_memory.py`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from bot.lessons import unheard
from learning.memory.hearing import enough, heard, over
from learning.memory.index import PhraseIndex
from learning.memory.phrases import judge, live
from learning.memory.text import terms
from learning.prompt import Example
from storage.database import Database, UnitOfWork
from storage.phrases import Forgotten, taken_back
from storage.records import (
    Answer,
    AnswerStatus,
    Evidence,
    Feedback,
    FeedbackKind,
    Learning,
    Reaction,
    Repository,
)

Embed = Callable[[Sequence[str]], list[list[float]]]

NEAR = 0.65
"""Cosine of two questions from which an example is worth showing."""

LIKED = frozenset({Reaction.PLUS_ONE, Reaction.HEART, Reaction.HOORAY, Reaction.ROCKET})
DISLIKED = frozenset({Reaction.MINUS_ONE, Reaction.CONFUSED})
EXAMPLES = 500
"""Answers, the newest that people edited or reacted to, among which examples are looked for."""

KEPT = 64
"""Repositories whose memory is kept loaded."""
FRESH = timedelta(days=1)
"""How long a loaded memory stands: weights decay as time goes by, also where nobody teaches."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What one answer may draw on. `notes` always stand in the prompt: a benchmark's oracle."""

    index: PhraseIndex = field(default_factory=lambda: PhraseIndex.build(()))
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()


class Memories:
    """Memories by repository and revision; safe for threads. One stands until that changes, a day at most."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._clock = clock
        self._loaded: OrderedDict[int, tuple[int, datetime, Memory]] = OrderedDict()
        self._lock = threading.Lock()

    def forget(self, repository_id: int) -> None:
        """Let go of a memory: its repository is erased."""
        with self._lock:
            self._loaded.pop(repository_id, None)

    def of(self, repository_id: int) -> Memory:
        """The memory of one repository as of now; an empty one where it is not known yet, or learning is off.

        While learning is frozen only feedback that acted before makes examples: frozen means all of memory.
        """
        now = self._clock()
        with self._database.unit(read_only=True) as unit:
            repository = unit.repositories.get(repository_id)
            if repository is None or repository.learning is Learning.OFF:
                return Memory()
            with self._lock:
                known = self._loaded.get(repository_id)
                if known and known[0] == repository.revision and now - known[1] < FRESH:
                    self._loaded.move_to_end(repository_id)
                    return known[2]
            memory = Memory(
                index=_index(unit, repository_id, now, known if known and known[1] <= now else None),
                examples=_examples(unit, repository),
            )
        with self._lock:
            self._loaded[repository_id] = (repository.revision, now, memory)
            self._loaded.move_to_end(repository_id)
            while len(self._loaded) > KEPT:
                self._loaded.popitem(last=False)
        return memory


def _index(
    unit: UnitOfWork, repository_id: int, now: datetime, known: tuple[int, datetime, Memory] | None
) -> PhraseIndex:
    """All lessons of a repository laid out, or those that changed since a known revision laid out anew."""
    if known is None:
        return PhraseIndex.build(unit.phrases.weights(repository_id), now)
    revision, _, memory = known
    return memory.index.changed(unit.phrases.changed_since(repository_id, revision), now)


def _examples(unit: UnitOfWork, repository: Repository) -> tuple[Example, ...]:
    answers = unit.answers.judged(repository.id, EXAMPLES)
    feedback = unit.feedback.of_answers([answer.id for answer in answers])
    events = [event for about in feedback.values() for event in about]
    if repository.learning is not Learning.ON:
        acted = unit.phrases.acting_events(feedback.keys())
        events = [event for event in events if event.id in acted]
    return examples_of(answers, events, unit.phrases.forgotten(repository.id), unheard(unit, events))


def examples_of(
    answers: Iterable[Answer],
    feedback: Iterable[Feedback],
    forgotten: Mapping[Forgotten, datetime] | None = None,
    too_many: Collection[str] = (),
) -> tuple[Example, ...]:
    """Answers worth showing again, newest first: corrected or liked by a writer, or by three people.

    One that a writer or three people disliked and nobody corrected, one that was deleted, and an abstention
    are none; nor is one whose feedback taught what is `forgotten` since (phrase id → until when): it would
    teach that again. Who is not heard by the memory is not heard here; `too_many` are the ids of events over
    the cap of a day, as far as other answers' events decide that.
    """
    events: dict[str, list[Feedback]] = {}
    told = list(feedback)
    late = over(told).union(too_many)
    for event in told:
        events.setdefault(event.answer_id, []).append(event)
    found = []
    for answer in answers:
        standing = tuple(e for e in live(events.get(answer.id, ())) if heard(e) and e.id not in late)
        text = _left_standing(standing, answer)
        if not text or answer.status is not AnswerStatus.POSTED or answer.abstained or answer.notice:
            continue
        if forgotten and any(taken_back(one, forgotten) for one in _taught(answer, standing)):
            continue
        found.append(
            Example(question=answer.question.text, text=text, answer_id=answer.id, url=answer.comment_url)
        )
    return tuple(reversed(found))


@lru_cache(maxsize=2 * EXAMPLES)
def _taught(answer: Answer, standing: tuple[Feedback, ...]) -> tuple[Evidence, ...]:
    """What an answer's feedback taught; kept, for most answers are the same in the next revision."""
    return tuple(judge(answer, standing)[1])


def nearest(examples: Sequence[Example], question: str, embed: Embed, limit: int = 2) -> list[Example]:
    """The examples whose questions are nearest in meaning, at least `NEAR`, best first.

    Shared words choose sixteen, so that a question never waits for hundreds of embeddings.
    """
    words = set(terms(question))
    shared = [(len(words & set(terms(example.question))), example) for example in examples]
    some = [example for count, example in sorted(shared, key=lambda pair: -pair[0]) if count][:16]
    if not some:
        return []
    asked, *vectors = embed([question, *(example.question for example in some)])
    scored = [
        (sum(a * b for a, b in zip(asked, vector, strict=True)), example)
        for vector, example in zip(vectors, some, strict=True)
    ]
    best = sorted(scored, key=lambda pair: -pair[0])[:limit]
    return [example for cosine, example in best if cosine >= NEAR]


AGAINST = (FeedbackKind.REASON, FeedbackKind.REPLY)


def _left_standing(events: Sequence[Feedback], answer: Answer) -> str:
    """The text that people stand behind, or "" if nobody does."""
    edits = [e for e in events if e.kind is FeedbackKind.EDIT and e.permission.writes and e.after.strip()]
    if edits:
        return max(edits, key=lambda event: (event.at, event.id)).after
    if any(e.kind in (FeedbackKind.DELETION, FeedbackKind.HIDDEN) for e in events):
        return ""
    against = {e.actor.id: e.permission.writes for e in events if e.reaction in DISLIKED or e.kind in AGAINST}
    fans = {
        e.actor.id: e.permission.writes
        for e in events
        if e.reaction in LIKED and e.actor != answer.question.asker
    }
    return answer.text if enough(fans) and not enough(against) else ""
