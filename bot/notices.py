"""Notices: what we say in a thread that is no answer, as a row that is posted once as an answer is. Pure.

A command's reply, the sentence for somebody who is refused, or the one that says that an attempt failed. All
of it passes the one sanitiser. Left out: posting (`bot/outcome.py`).
Run: `pytest tests/integration/test_who_may.py`.
"""

from __future__ import annotations

from datetime import datetime

from bot.effects import hosts_of
from bot.marker import Marker
from bot.reply import Why, render_body, render_notice
from bot.sanitise import sanitise
from bot.settings import Settings
from bot.trigger import DEFAULT_WORDS
from storage.errors import ThumbprintError
from storage.records import Answer, AnswerStatus, Question

TEMPLATE = "notice"
REFUSED = "refused"
REWRITTEN = "rewritten"
EDITED_COMMAND = (
    "This comment was changed before I read it, by whom I cannot know: write the command in a new one."
)
_CAUSES = {
    "ModelUnavailable": "the model was not to be reached.",
    "GitHubUnavailable": "GitHub was not to be reached.",
    "RateLimited": "GitHub asked me to wait for too long.",
    "TurnBooked": "too much was to be written here at once.",
    "DatabaseBusy": "my database was busy for too long.",
    "DatabaseFull": "my disk was full for too long.",
}


def notice(
    settings: Settings,
    question: Question,
    text: str,
    name: str,
    now: datetime,
    *,
    silent: bool = False,
    word: str = DEFAULT_WORDS[0],
) -> Answer:
    """A notice to post; a `silent` one is kept and never posted. `word` is the one that asks."""
    said = sanitise(text, hosts_of(settings.github_url)).strip()
    return Answer(
        id=question.answer_id,
        question=question,
        status=AnswerStatus.CANCELLED if silent else AnswerStatus.PENDING,
        text=said,
        body=render_notice(said, Marker(answer_id=question.answer_id, template=TEMPLATE), word),
        candidate_id=None,
        notice=name,
        created_at=now,
    )


def failure(question: Question, error: ThumbprintError, now: datetime) -> Answer:
    """The sentence that a question could not be answered, in the place of an answer: to be composed, or told.

    No word of ours about settings or paths. Its metadata have no template: it is no answer.
    """
    cause = _CAUSES.get(
        type(error).__name__, "something is wrong on my side, and my operator has to look at the log."
    )
    text = f"I could not answer this: {cause} To try again, ask once more in a new comment."
    why = Why(marker=Marker(answer_id=question.answer_id), note="The attempt failed; nothing was answered.")
    return Answer(
        id=question.answer_id,
        question=question,
        status=AnswerStatus.OUTDATED,
        text="",
        body=render_body(text, why),
        candidate_id=None,
        created_at=now,
    )
