"""An answer as training reads it: what wrote it, its text's versions, and who is heard about them. Pure.

Nobody vouches for a text that somebody who is not heard had a hand in, nor for what was built on it,
until the text as we posted it stands again. Left out: the rows that follow
(`learning/training/preferences.py`).
Run: `pytest tests/unit/learning/training/test_preferences.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from learning.memory.edits import diff
from learning.memory.phrases import history, version_at
from learning.training.rows import Origin, Source
from learning.training.splitting import split_of, thread_group
from storage.records import AnswerStatus, Attempt, Feedback, Story


@dataclass(frozen=True, kw_only=True)
class Version:
    """A text of an answer, and the edits that made it; `text` is None where one of them is not heard."""

    text: str | None
    edits: tuple[Feedback, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Told:
    """An answer, the attempt that wrote it, and its events. `versions` are by the edit that made them."""

    story: Story
    attempt: Attempt
    private: bool
    edits: Sequence[Feedback]
    standing: Sequence[Feedback]
    ours: str
    versions: Mapping[str, Version]

    @property
    def last(self) -> Feedback | None:
        """The last edit that is heard."""
        ids = {event.id for event in self.standing}
        return next((edit for edit in reversed(self.edits) if edit.id in ids), None)

    def judged_by(self, event: Feedback) -> str | None:
        """The text that an event is about, or None where somebody who is not heard had a hand in it."""
        edit = version_at(self.edits, event)
        return self.ours if edit is None else self.versions[edit.id].text

    def origin(self, source: Source, events: Sequence[Feedback]) -> Origin:
        """Where a row is from that these events make."""
        asked, draft = self.story.answer.question, self.story.draft
        times = [event.at for event in events]
        if draft is not None and draft.decided_at is not None and not times:
            times = [draft.decided_at]
        group = thread_group(asked.repository_id, asked.number)
        return Origin(
            source=source,
            group=group,
            split=split_of(group),
            template=self.attempt.prompt.template,
            repository_id=asked.repository_id,
            private=self.private,
            people=tuple(sorted({event.actor.id for event in events if event.actor.id > 0})),
            trust=min(event.permission for event in events).value if events else "",
            asked_at=asked.asked_at,
            judged_at=max(times, default=None),
            adapter=self.attempt.generation.model if self.attempt.generation else "",
            is_generated=True,
            url=self.story.answer.comment_url,
        )


def told_of(story: Story, private: bool, late: Collection[str], gone: Collection[str]) -> Told | None:
    """What is told of an answer, or None where nothing can be learned of it.

    `late` and `gone` are the ids of events that are not heard; of the former a return to our text is.
    """
    answer = story.answer
    changed = story.draft is not None and story.draft.edited
    if answer.status is not AnswerStatus.POSTED or answer.notice or answer.abstained or changed:
        return None
    attempt = next((one for one in story.attempts if _wrote(one, answer.candidate_id)), None)
    edits, standing, ours = history(answer, story.feedback, late)
    if attempt is None or not answer.question.text.strip() or not ours.strip():
        return None
    if diff(answer.text, ours).teaches:  # a bot wrote over it: nobody judged what the policy wrote
        return None
    heard = [event for event in standing if event.id not in gone]
    return Told(
        story=story,
        attempt=attempt,
        private=private,
        edits=edits,
        standing=heard,
        ours=ours,
        versions=_versions(ours, edits, {event.id for event in heard}),
    )


def _wrote(attempt: Attempt, candidate_id: str | None) -> bool:
    return bool(attempt.prompt.messages) and any(text.id == candidate_id for text in attempt.candidates)


def _versions(ours: str, edits: Sequence[Feedback], heard: Collection[str]) -> dict[str, Version]:
    """The text after each edit. Where one is not heard, or not heard of, nobody vouches for what follows."""
    at = Version(text=ours)
    found: dict[str, Version] = {}
    for edit in edits:
        known = at.text is not None and not diff(at.text, edit.before).teaches
        if not diff(ours, edit.after).teaches:
            at = Version(text=ours)
        elif known and edit.id in heard:
            at = Version(text=edit.after, edits=(*at.edits, edit))
        elif at.text is None or diff(at.text, edit.after).teaches:
            at = Version(text=None)
        found[edit.id] = at
    return found
