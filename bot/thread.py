"""Thread: an issue and its comments rendered as text within a token budget. Pure.

The rule, which a property test holds to. Every post has up to three forms: *whole*; *lean* (quoted
lines and HTML comments taken out); *short* (lean, cut in the middle to a share of the budget).

1. Order of claim: the issue; the posts beside the question; the rest, newest first. Bots and ourselves,
   newest first, share what all of these leave over, by the same steps.
2. In that order each post takes its lean form if no longer than its share, else its short one; a
   post whose form costs more than what is left takes what is left, cut in the middle, and is left
   out only when not even `LEAST` tokens are left for it.
3. What is then left is spent, in the same order, on giving posts their whole form, or a longer cut.
   A share is half of the tokens for the issue, a quarter for a comment.

So no post is missing, and none cut, that would have fitted. Posts stand in the order of the
thread. The question's own post is left out: it is asked separately. A cost is the form's token
count with its separator; should the whole count more than the sum of its parts, the last claims go.
Left out: fencing (`bot/prompt.py`). Run: `pytest tests/unit/bot/test_thread.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.reply import answer_text
from storage.records import Post, Question, Thread

CountTokens = Callable[[str], int]

MARK = "\n[…]\n"
"""Stands where a long post was cut."""

LEAST = 24
"""Tokens below which a cut post says nothing any more."""

SEPARATOR = "\n\n"
_WIDEST = 64
_QUOTED = re.compile(r"^[ \t]{0,3}>.*(?:\n|\Z)", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_BLANK = re.compile(r"\n{3,}")


def render(thread: Thread, question: Question, budget_tokens: int, count_tokens: CountTokens) -> str:
    """The thread as text of at most `budget_tokens` tokens, by the rule above.

    `count_tokens` must count the empty text as 0; a text of over 64 characters a token is not counted at all.
    """
    cost = _costs(count_tokens)
    rest = _without_question(thread, question)
    people, noise = _claims(rest)
    chosen: dict[int, str] = {}
    left = _take(rest, people, chosen, budget_tokens, cost)
    _take(rest, noise, chosen, left, cost)
    claims = [*people, *noise]
    while chosen and count_tokens(_join(chosen)) > budget_tokens:
        chosen.pop(next(place for place in reversed(claims) if place in chosen))
    return _join(chosen)


def _take(rest: _Rest, claims: list[int], chosen: dict[int, str], left: int, cost: CountTokens) -> int:
    """Steps 2 and 3 for some claims; returns the tokens that are left."""
    budget = left
    for place in claims:
        lean = _form(rest, place, lean=True)
        share = budget // (4 if place else 2)
        form = cut(lean, min(left, share), cost) or cut(lean, left, cost)
        if form:
            chosen[place] = form
            left -= cost(form)
    for place in claims:
        room = left + (cost(chosen[place]) if place in chosen else 0)
        better = _longest(rest, place, room, cost)
        if better and (place not in chosen or cost(better) >= cost(chosen[place])):
            chosen[place] = better
            left = room - cost(better)
    return left


def cut(text: str, tokens: int, count_tokens: CountTokens) -> str:
    """`text` itself if it takes at most `tokens`, else its beginning and end around `MARK`; "" if too little.

    The beginning gets two thirds. The longest such text is found by halving, so it is as long as fits
    wherever more characters never cost fewer tokens.
    """
    if _fits(text, tokens, count_tokens):
        return text
    if tokens < LEAST:
        return ""
    low, high, best = 1, min(len(text), _WIDEST * tokens), ""
    while low <= high:
        middle = (low + high) // 2
        shorter = _around_mark(text, middle)
        if count_tokens(shorter) <= tokens:
            best, low = shorter, middle + 1
        else:
            high = middle - 1
    return best


def _around_mark(text: str, characters: int) -> str:
    head = (2 * characters + 2) // 3
    tail = characters - head
    return text[:head].rstrip() + MARK + (text[-tail:].lstrip() if tail else "")


def _costs(count_tokens: CountTokens) -> CountTokens:
    """Token count with the separator, remembered for each text."""
    known: dict[str, int] = {}

    def cost(text: str) -> int:
        if text not in known:
            known[text] = count_tokens(text + SEPARATOR)
        return known[text]

    return cost


@dataclass(frozen=True, kw_only=True)
class _Rest:
    """A thread without its question: `asked` is the place where that stood."""

    title: str
    posts: tuple[Post, ...]
    asked: int


def _without_question(thread: Thread, question: Question) -> _Rest:
    """The posts but the question's own; of an issue that asked, only the asking goes."""
    posts = list(thread.posts)
    for place, post in enumerate(posts):
        if post.kind is question.post_kind and post.id in (question.post_id, question.number):
            if place:
                del posts[place]
                return _Rest(title=thread.title, posts=tuple(posts), asked=place)
            posts[0] = replace(post, body=post.body.replace(question.text, "").strip())
            return _Rest(title=thread.title, posts=tuple(posts), asked=len(posts))
    return _Rest(title=thread.title, posts=tuple(posts), asked=len(posts))


def _claims(rest: _Rest) -> tuple[list[int], list[int]]:
    """Places in the thread in order of claim: people's, then bots' and ours."""
    posts = rest.posts
    comments = range(1, len(posts))
    people = [i for i in comments if not (posts[i].by_us or posts[i].author.is_bot)]
    before = [i for i in people if i < rest.asked][-2:]
    after = [i for i in people if i >= rest.asked][:1]
    near = [*reversed(before), *after]
    later = [i for i in reversed(people) if i not in near]
    noise = [i for i in reversed(comments) if posts[i].by_us or posts[i].author.is_bot]
    return [*([0] if posts else []), *near, *later], noise


def _form(rest: _Rest, place: int, *, lean: bool) -> str:
    """One post, whole or lean; "" if it says nothing. The issue's has the title in front.

    No author's name stands before it: a small policy takes names for something to write (`docs/log.md`).
    """
    post = rest.posts[place]
    said = answer_text(post.body) if post.by_us else post.body
    if lean:
        said = _BLANK.sub("\n\n", _QUOTED.sub("", _COMMENT.sub("", said)))
    said = said.strip()
    if place == 0:
        return SEPARATOR.join(part for part in (rest.title.strip(), said) if part)
    return said


def _longest(rest: _Rest, place: int, room: int, cost: CountTokens) -> str:
    whole = _form(rest, place, lean=False)
    if _fits(whole, room, cost):
        return whole
    return cut(_form(rest, place, lean=True), room, cost)


def _fits(text: str, tokens: int, count_tokens: CountTokens) -> bool:
    return len(text) <= _WIDEST * tokens and count_tokens(text) <= tokens


def _join(chosen: dict[int, str]) -> str:
    return SEPARATOR.join(chosen[place] for place in sorted(chosen))
