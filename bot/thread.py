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
count with its separator; what fits is decided by the token count of the whole: should it be more than
the sum of its parts, the last claims go; is it less, the posts left out are tried again in their order.
Left out: fencing (`learning/prompt.py`). Run: `pytest tests/unit/bot/test_thread.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
    rest = _without_question(thread, question)
    page = _Page(rest, budget_tokens, count_tokens)
    for claims in _claims(rest):
        _take(page, claims)
    return page.text


def _take(page: _Page, claims: list[int]) -> None:
    """Steps 2 and 3 for some claims; the second by what the page as a whole counts."""
    cost, chosen, rest = page.cost, page.chosen, page.rest
    budget = left = page.left
    for place in claims:
        lean = _form(rest, place, lean=True)
        share = budget // (4 if place else 2)
        form = cut(lean, min(left, share), cost) or cut(lean, left, cost)
        if form:
            chosen[place] = form
            left -= cost(form)
    while page.left < 0:
        chosen.pop(next(place for place in reversed(claims) if place in chosen))
    for place in claims:
        if place not in chosen:
            page.put(place, [_lean(rest, place, page.left + extra, cost) for extra in (page.slack, 0)])
    for place in claims:
        room = page.left + (cost(chosen[place]) if place in chosen else 0)
        page.put(place, [_longest(rest, place, room + extra, cost) for extra in (page.slack, 0)])


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


@dataclass(frozen=True, kw_only=True)
class _Rest:
    """A thread without its question: `asked` is the place where that stood."""

    title: str
    posts: tuple[Post, ...]
    asked: int


class _Page:
    """The forms chosen so far, and what they leave of the budget, counted as the one text that they make."""

    def __init__(self, rest: _Rest, budget: int, count_tokens: CountTokens) -> None:
        self.rest, self.chosen = rest, dict[int, str]()
        self._budget, self._count = budget, count_tokens
        self._known: dict[str, int] = {}
        self.slack = count_tokens(SEPARATOR) + 1
        """How far the sum of costs may lie above the count of the whole: the last separator, and rounding."""

    @property
    def text(self) -> str:
        return SEPARATOR.join(self.chosen[place] for place in sorted(self.chosen))

    @property
    def left(self) -> int:
        return self._budget - self._count(self.text)

    def cost(self, form: str) -> int:
        """Its token count with the separator, remembered for each text."""
        if form not in self._known:
            self._known[form] = self._count(form + SEPARATOR)
        return self._known[form]

    def put(self, place: int, forms: Sequence[str]) -> None:
        """Give a post the first of the forms, none shorter than the one it has, with which the page fits."""
        before = self.chosen.pop(place, "")
        for form in forms:
            if form != before and self.cost(form) >= self.cost(before):
                self.chosen[place] = form
                if self.left >= 0:
                    return
        self.chosen.pop(place, None)
        if before:
            self.chosen[place] = before


def _without_question(thread: Thread, question: Question) -> _Rest:
    """The posts but the question's own; of an issue that asked, only the asking goes."""
    posts = list(thread.posts)
    for place, post in enumerate(posts):
        if post.kind is question.post_kind and post.id in (question.post_id, question.number):
            if place:
                del posts[place]
                return _Rest(title=thread.title, posts=tuple(posts), asked=place)
            posts[0] = replace(post, body=_without_asking(post.body, question.text))
            return _Rest(title=thread.title, posts=tuple(posts), asked=len(posts))
    return _Rest(title=thread.title, posts=tuple(posts), asked=len(posts))


def _without_asking(body: str, asked: str) -> str:
    """What stood before the question, which goes from the line that asked to the end; `body` if it changed.

    Each line of the question is the line of the body, or its end: the words that asked stood before it.
    """
    lines = body.replace("\r\n", "\n").replace("\r", "\n").strip().split("\n")
    own = asked.split("\n")
    start = len(lines) - len(own)
    ends = zip(lines[max(0, start) :], own, strict=False)
    if not asked or start < 0 or not all(line.rstrip().endswith(end.rstrip()) for line, end in ends):
        return body
    if lines[start].strip() == own[0].strip():  # the words that asked had a line of their own
        while start and not lines[start - 1].strip():
            start -= 1
        start -= 1
    return "\n".join(lines[: max(0, start)]).strip()


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


def _lean(rest: _Rest, place: int, room: int, cost: CountTokens) -> str:
    return cut(_form(rest, place, lean=True), room, cost)


def _longest(rest: _Rest, place: int, room: int, cost: CountTokens) -> str:
    whole = _form(rest, place, lean=False)
    return whole if _fits(whole, room, cost) else _lean(rest, place, room, cost)


def _fits(text: str, tokens: int, count_tokens: CountTokens) -> bool:
    return len(text) <= _WIDEST * tokens and count_tokens(text) <= tokens
