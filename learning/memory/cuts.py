"""Whether an edit cut an answer short, and to how many words; what of a text is a sentence. Pure.

Left out: what else an edit teaches (`lessons.py`). Run: `pytest tests/unit/learning/memory/test_lessons.py`.
"""

from __future__ import annotations

import re
from collections import Counter

from learning.memory.text import STOP, code_ranges, count_words, normal, sentences
from storage.records import Edit

SHORTER = 0.85
"""Share of the words that is left, at most, when an edit is a lesson about length."""

THIRD = 1 / 3
"""The same when what was taken out is not the end.

One sentence taken out, or several that open alike or share a word that is gone, are about their wording.
"""

ROUND = 10
"""People think of limits in round numbers of words."""

ROOM = 3
"""A limit is no more than so many times what was left, however long the next sentence was."""

LONG = 25
"""Words below which no answer is too long."""

DOUBTFUL = "doubtful"
"""A limit's context where its cut may have been about what was said, not how long: `is_doubtful`."""

_LINK = re.compile(r"\[[^\]]+\]:\s")


def is_cut(edit: Edit, before: str, after: str) -> bool:
    """Whether an edit is a cut: far fewer words, not others, and the rest at the end or most of it gone."""
    new = sum(count_words(span) for span in edit.added) + sum(
        max(0, count_words(r.right) - count_words(r.wrong)) for r in edit.replaced
    )
    written = sum(map(count_words, (*edit.added, *(r.right for r in edit.replaced))))
    if (
        edit.words_before < LONG
        or edit.words_after > SHORTER * edit.words_before
        or new > max(3, edit.words_after // 20)
        or 2 * written > edit.words_after
    ):
        return False
    if len(edit.removed) == 1 and is_sentence(edit.removed[0], before):
        return False
    opened = Counter(" ".join(normal(span).split()[:2]) for span in edit.removed)
    opening, times = opened.most_common(1)[0] if opened else ("", 0)
    if times > 1 and times > len(edit.removed) / 2 and not stands(opening, after):
        return False
    if normal(before).startswith(normal(after)):
        return True
    return edit.words_after <= THIRD * edit.words_before and not _about(edit.removed, after)


def is_doubtful(edit: Edit, before: str, after: str) -> bool:
    """Whether a cut may be about what was said: its sentences share a word that is gone, or it is one block.

    Nothing in one such edit tells the two apart; a second one of a repository does (`choice.py`).
    """
    blocks = [(a, b) for a, b, fence in code_ranges(before) if fence]
    places = [before.find(span) for span in edit.removed]
    alone = bool(places) and any(all(a <= at < b for at in places) for a, b in blocks)
    return alone or _about(edit.removed, after)


def _about(removed: tuple[str, ...], after: str) -> bool:
    """Whether every sentence that went has one telling word in common, which nothing that stayed has."""
    gone = [set(normal(span[a:b]).split()) for span in removed for a, b in sentences(span)]
    gone = [words for words in gone if words]
    shared = set.intersection(*gone) if len(gone) > 1 else set()
    return any(word not in STOP and word[0].isalpha() for word in shared - set(normal(after).split()))


def limit_of(edit: Edit, before: str, after: str) -> int:
    """The greatest round number of words that a cut at a sentence's end can have meant.

    It lies between what was left and what would have stood with one sentence more. The greatest, because
    a limit that is too wide is cut again, and one that is too tight is never seen. A cut within a
    sentence, or in the middle, says no more than what was left.
    """
    left = edit.words_after
    least = -(-left // ROUND) * ROUND
    ended = after.rstrip().rstrip("\"')*_")[-1:] in (".", "!", "?", "…", ":", "`")
    if not ended or not normal(before).startswith(normal(after)):
        return least
    longer = (words for _, end in sentences(before) if (words := count_words(before[:end])) > left)
    most = min(next(longer, left + 1) - 1, ROOM * left)
    for step in (ROUND, ROUND // 2):
        if most // step * step >= left:
            return most // step * step
    return most


def is_sentence(span: str, after: str) -> bool:
    """Whether an added span is prose that can be said by itself: whole sentences, or a line.

    What introduces something else, and where a link in the text leads, say nothing without the rest.
    """
    at = after.find(span)
    if (
        at < 0
        or not 2 <= count_words(span) <= 60
        or any(fence and a <= at < b for a, b, fence in code_ranges(after))
        or _LINK.match(span)
        or span.rstrip("*_`\"')").endswith(":")
    ):
        return False
    opens = at == 0 or after[:at].rstrip(" \t*_>-#")[-1:] in ("", "\n", ".", "!", "?", ":", "…", "`")
    rest = after[at + len(span) :].lstrip(" \t")
    return opens and (not rest or rest[0] == "\n" or span.rstrip("*_`\"')")[-1:] in (".", "!", "?", "…"))


def stands(span: str, text: str) -> bool:
    """Whether a text says a wording, whatever its case, spaces and punctuation."""
    said, have = normal(span), normal(text)
    return bool(said) and f" {said} " in f" {have} "
