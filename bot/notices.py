"""Notices: what we say in a thread that is no answer, as a row that is posted once as an answer is. Pure.

A command's reply, or the sentence for somebody who is refused. All of it passes the one sanitiser. Left out:
posting (`bot/answer.py`). Run: `pytest tests/integration/test_who_may.py`.
"""

from __future__ import annotations

from datetime import datetime

from bot.effects import hosts_of
from bot.reply import Marker, render_notice
from bot.sanitise import sanitise
from bot.settings import Settings
from bot.trigger import DEFAULT_WORDS
from storage.records import Answer, AnswerStatus, Question

TEMPLATE = "notice"
REFUSED = "refused"


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
