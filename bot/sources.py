"""Sources: the posts and earlier answers that an answer took names from. Pure.

Only what can be shown is claimed: a post is a source when a name, path or command of the answer that the
question did not hold stands in it. Left out: facts told in plain words, which no rule finds honestly.
Run: `pytest tests/unit/bot/test_sources.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from learning.memory.text import atoms, is_code, tokens
from learning.prompt import Example
from storage.records import Question, Thread

MOST = 3


def sources(
    text: str, question_text: str, thread: Thread, question: Question, examples: Sequence[Example]
) -> tuple[tuple[str, str], ...]:
    """(label, url) of at most `MOST` posts or answers, those that share most names with `text` first."""
    asked = set(atoms(question_text))
    named = {token.text for token in tokens(text) if (token.code or is_code(token.text)) and not token.mark}
    named = {name for name in named - asked if len(name) > 2}
    places = [
        (f"{post.author.login} in this thread", post.url, post.body)
        for post in thread.posts
        if not post.by_us and not (post.id == question.post_id and post.kind is question.post_kind)
    ]
    places += [("an earlier answer here", example.url, example.text) for example in examples]
    shared = [(len(named & set(atoms(body))), label, url) for label, url, body in places if url]
    found = sorted((one for one in shared if one[0]), key=lambda one: -one[0])[:MOST]
    return tuple((label, url) for _, label, url in found)
