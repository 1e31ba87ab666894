"""A repository that nobody has, as large as wanted, the same for the same seed: what the memory is timed on.

Words as frequent as among programmers, identifiers that are its own, lessons of all kinds, answers with
edits and reactions by its people. Left out: text that makes sense. Run: `thumbprint bench phrases`.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from learning.memory.common import WORDS
from storage.records import (
    Actor,
    Answer,
    AnswerStatus,
    Feedback,
    FeedbackKind,
    Permission,
    Phrase,
    PhraseKind,
    PhraseWeight,
    PostKind,
    Question,
    Reaction,
    stable_id,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS_PER_ANSWER = 5
KINDS = (
    *(PhraseKind.WORDING,) * 12,
    *(PhraseKind.CORRECTION,) * 6,
    PhraseKind.MENTION,
    PhraseKind.SILENCE,
)  # no LENGTH: limits are rounded, so that a repository has few of them
PEOPLE = tuple(Actor(id=100 + n, login=f"person-{n}") for n in range(40))


class MadeUp:
    """A repository that nobody has, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret
        bands = [(share, words.split()) for share, words in WORDS.items()]
        self._words = [word for _, words in bands for word in words]
        self._shares = [share for share, words in bands for _ in words]
        self._names = [f"{self._random.choice(self._words)}_{n:x}" for n in range(20_000)]

    def text(self, words: int) -> str:
        """Prose, one word in twelve an identifier of the repository."""
        drawn = self._random.choices(self._words, self._shares, k=words)
        return " ".join(
            f"`{self._random.choice(self._names)}`" if self._random.random() < 1 / 12 else word
            for word in drawn
        )

    def question(self) -> str:
        """A question of ten to forty words."""
        return f"How do I {self.text(self._random.randint(10, 40))}?"

    def weight(self, number: int) -> PhraseWeight:
        """An active lesson, taught by one to three questions."""
        kind = self._random.choice(KINDS)
        contexts = tuple(self.question() for _ in range(self._random.randint(1, 3)))
        name = self._names[number % len(self._names)]
        text, right = {
            PhraseKind.WORDING: (f"{self.text(2)} {number:x}", ""),
            PhraseKind.CORRECTION: (f"{name}.v{number:x}", f"{name}.w{number:x}"),
            PhraseKind.MENTION: (f"{name}.w{number:x}", f"{name}.w{number:x}"),
            PhraseKind.SILENCE: (contexts[0], ""),
        }[kind]
        phrase = Phrase(id=f"p_{number:016x}", repository_id=1, kind=kind, text=text, right=right)
        weight = self._random.uniform(0.3, 0.9)
        return PhraseWeight(
            phrase=phrase,
            ups=2.0,
            downs=0.0,
            weight=weight if kind is not PhraseKind.WORDING or self._random.random() < 0.5 else -weight,
            active=True,
            people=1,
            as_of=START,
            contexts=contexts,
            event_ids=(f"e_{number:x}",),
            taught_at=START + timedelta(seconds=number),
        )

    def stories(self, events: int) -> list[tuple[Answer, list[Feedback]]]:
        """Answers of sixty to a hundred and twenty words, each with an edit and four reactions."""
        return [self._story(number) for number in range(events // EVENTS_PER_ANSWER)]

    def _story(self, number: int) -> tuple[Answer, list[Feedback]]:
        asked = Question(
            repository_id=1,
            full_name="made/up",
            installation_id=1,
            number=number,
            post_id=number,
            post_kind=PostKind.COMMENT,
            asker=PEOPLE[0],
            text=self.question(),
            asked_at=START,
        )
        text = self.text(self._random.randint(60, 120))
        answer = Answer(
            id=asked.answer_id,
            question=asked,
            status=AnswerStatus.POSTED,
            text=text,
            body=text,
            candidate_id=None,
            created_at=START,
        )
        wrong = self._random.choice(text.split())
        after = text.replace(wrong, f"`{self._random.choice(self._names)}`", 1)
        first = self._event(answer, 0, FeedbackKind.EDIT, None, text, after)
        liked = [
            self._event(answer, n, FeedbackKind.REACTION, self._random.choice(list(Reaction)))
            for n in range(1, EVENTS_PER_ANSWER)
        ]
        return answer, [first, *liked]

    def _event(
        self,
        answer: Answer,
        number: int,
        kind: FeedbackKind,
        reaction: Reaction | None,
        before: str = "",
        after: str = "",
    ) -> Feedback:
        return Feedback(
            id=stable_id("f", answer.id, number),
            repository_id=1,
            answer_id=answer.id,
            kind=kind,
            actor=self._random.choice(PEOPLE),
            permission=Permission.MAINTAIN,  # whose feedback no cap of a day leaves unheard
            at=START + timedelta(minutes=answer.question.number, seconds=number),
            reaction=reaction,
            before=before,
            after=after,
        )
