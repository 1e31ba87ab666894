"""Carry out the lessons that a text still breaks, in the smallest way. Pure.

A correction replaces a form at its borders; an unwanted wording takes its words, clause or sentence with it;
a mention is appended; a text that is too long is cut at a sentence. What no lesson concerns keeps every
byte. Running it twice changes nothing more. Left out: rewriting a sentence so that it reads well after a cut.
Run: `pytest tests/unit/learning/memory/test_repair.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from learning.memory.common import FILLERS
from learning.memory.forms import matches, replacement
from learning.memory.text import atoms, code_ranges, count_words, is_code, sentences
from learning.memory.weights import current
from storage.records import PhraseKind, PhraseWeight, Repair

ROUNDS = 8
"""Passes over all lessons until nothing changes; lessons that never settle change nothing at all."""

UNWANTED = -0.38
"""Weight from which on an unwanted wording is a fault of any text and is taken out: a person took out just
that, or several agree. Every other wording acts only near what taught it."""


def repair(text: str, weights: Sequence[PhraseWeight]) -> tuple[str, tuple[Repair, ...]]:
    """Apply the lessons that `text` breaks; returns the text and what was done, in order.

    A command that might not run as corrected stays, and so does its violation.

    Pass the choice's weights and the assessment's violations. MENTION and LENGTH are applied whenever they
    are passed: whether they concern the question is the caller's knowledge. SILENCE is no repair.
    """
    lessons = current(dict.fromkeys(weights))
    steps = [w for w in lessons if w.phrase.kind is PhraseKind.CORRECTION]
    steps += [w for w in lessons if w.phrase.kind is PhraseKind.WORDING and w.weight <= UNWANTED]
    steps += sorted((w for w in lessons if w.phrase.kind is PhraseKind.MENTION), key=lambda w: w.phrase.id)
    limits = sorted(
        (w for w in lessons if w.phrase.kind is PhraseKind.LENGTH), key=lambda w: w.phrase.limit_words
    )
    now, done = text, list[Repair]()
    for _ in range(ROUNDS):
        before = now
        for weight in steps:
            now = _step(now, weight, done)
        if limits:
            now = _shortened(now, limits[0], [w for w in steps if w.phrase.kind is PhraseKind.MENTION], done)
        if now == before:
            return now, tuple(done)
    return text, ()


def breaks(weight: PhraseWeight, text: str) -> bool:
    """Whether the wording of a lesson stands in a text, as a whole and where the lesson looks for it."""
    return bool(matches(weight.phrase, text))


def missing(weight: PhraseWeight, text: str) -> bool:
    """Whether a text lacks what a MENTION wants said: its names and links, or else its words."""
    said = [atom.casefold() for atom in atoms(weight.phrase.right)]
    have = [atom.casefold() for atom in atoms(text)]
    names = {atom.casefold() for atom in atoms(weight.phrase.right) if is_code(atom)}
    if names and names <= set(have):
        return False
    size = len(said)
    return not any(have[at : at + size] == said for at in range(len(have) - size + 1))


def _step(text: str, weight: PhraseWeight, done: list[Repair]) -> str:
    kind = weight.phrase.kind
    carry_out: Callable[[str, PhraseWeight], tuple[str, str, str]] = (
        _corrected
        if kind is PhraseKind.CORRECTION
        else _mentioned
        if kind is PhraseKind.MENTION
        else _without
    )
    after, old, new = carry_out(text, weight)
    if after != text:
        done.append(Repair(phrase_id=weight.phrase.id, before=old, after=new))
    return after


def _corrected(text: str, weight: PhraseWeight) -> tuple[str, str, str]:
    found = matches(weight.phrase, text)
    old = new = ""
    for start, end in reversed(found):
        right = replacement(weight.phrase, text, start, end)
        if right is None:
            continue
        old, new = text[start:end], right
        text = text[:start] + new + text[end:]
    return text, old, new


def _mentioned(text: str, weight: PhraseWeight) -> tuple[str, str, str]:
    if not missing(weight, text):
        return text, "", ""
    said = weight.phrase.right.strip()
    body = text.rstrip()
    return (f"{_closed(body)}\n\n{said}" if body else said), "", said


def _closed(text: str) -> str:
    """A text whose last fence is closed, so that what follows is prose."""
    ranges = code_ranges(text)
    if ranges and ranges[-1][2] and ranges[-1][1] == len(text):
        opened = text[ranges[-1][0] :].lstrip(" ")
        mark = opened[: len(opened) - len(opened.lstrip(opened[0]))]
        last = text.rpartition("\n")[2].strip()
        if len(text) - ranges[-1][0] < 2 * len(mark) or set(last) != {mark[0]} or "\n" not in opened:
            return f"{text}\n{mark}"
    return text


def _without(text: str, weight: PhraseWeight) -> tuple[str, str, str]:
    """Take an unwanted wording out: a flag or adverb alone, a clause at its commas, else its sentence."""
    old = ""
    for start, end in reversed(matches(weight.phrase, text)):
        if any(a <= start < b for a, b, _ in code_ranges(text)):
            if not text[start:end].startswith("-"):
                continue
            cut = _words(text, start, end)
        else:
            cut = _cut(text, start, end)
        after = _joined(text, *cut)
        if not re.search(r"\w", after):
            continue
        old, text = text[cut[0] : cut[1]].strip(), after
    return text, old, ""


def _cut(text: str, start: int, end: int) -> tuple[int, int]:
    a, b = next(((a, b) for a, b in sentences(text) if a <= start < b), (start, end))
    words = [w.casefold() for w in atoms(text[start:end])]
    left, right = text[a:start].strip(" *_>-"), text[end:b].strip(" *_")
    if all(w.endswith("ly") or w in _FILLERS for w in words):
        return _words(text, start, end)
    if (not left or left[-1] in ",;:(—") and right[:1] in (",", ";", ")", "—"):
        return _words(text, start, end)
    rest = text[:a] + text[b:]
    return (a, b) if re.search(r"\w", rest) else _words(text, start, end)


_FILLERS = frozenset(FILLERS.split())


def _words(text: str, start: int, end: int) -> tuple[int, int]:
    """The range of a wording with the comma that would be left hanging behind it."""
    opens = not text[:start].strip() or text[:start].rstrip(" \t*_>\"'(")[-1:] in (
        "",
        ".",
        "!",
        "?",
        "\n",
        ":",
        ",",
    )
    if opens and text[end : end + 1] in (",", ";"):
        end += 1
    return start, end


def _joined(text: str, start: int, end: int) -> str:
    left, right = text[:start], text[end:]
    if left[-1:] in (" ", "\t") and (right[:1] in ("", " ", "\t", "\n") or right[:1] in ".,;:!?)"):
        left = left.rstrip(" \t")
    elif not left or left[-1] in "\n([`" or left.isspace():
        right = right.lstrip(" \t")
    opens = not left.strip() or re.search(r"[.!?]\s*\Z|\n\s*\Z", left)
    if opens and text[start : start + 1].isupper() and re.match(r"\s*[a-z]+\b(?![.(_/])", right):
        at = len(right) - len(right.lstrip())
        right = right[:at] + right[at].upper() + right[at + 1 :]
    if opens and not re.match(r"\s*\w", right):
        right = re.sub(r"\A[ \t]*[.!?,;:]+(?=\s|\Z)", "", right)
    joined = left + right
    return re.sub(r"\n{3,}", "\n\n", joined).strip("\n") if not joined.startswith("\n") else joined


def _shortened(text: str, weight: PhraseWeight, mentions: Sequence[PhraseWeight], done: list[Repair]) -> str:
    """Cut at the last sentence border under the limit, room kept for what must be mentioned."""
    limit = weight.phrase.limit_words
    if count_words(text) <= limit:
        return text
    said = [w.phrase.right.strip() for w in mentions]
    body, tail = text, list[str]()
    for sentence in reversed(said):
        if body.rstrip().endswith(sentence):
            body = body.rstrip()[: -len(sentence)].rstrip()
            tail.insert(0, sentence)
    room = max(1, limit - sum(count_words(sentence) for sentence in tail))
    kept = _prefix(body, room)
    after = "\n\n".join([kept, *tail]) if tail else kept
    if count_words(after) >= count_words(text) or not kept.strip():
        return text
    done.append(Repair(phrase_id=weight.phrase.id, before=body[len(kept) :].strip()[:200], after=""))
    return after


def _prefix(text: str, room: int) -> str:
    end = 0
    for _, stop in sentences(text):
        if count_words(text[:stop]) > room:
            break
        end = stop
    kept = text[:end].rstrip() if end else ""
    if kept.endswith(":"):
        a, _ = sentences(kept)[-1]
        kept = kept[:a].rstrip() or kept[:-1].rstrip() + "."
    return kept or _first_words(text, room)


def _first_words(text: str, room: int) -> str:
    """A text whose first sentence alone is too long is cut between words; a fence is never cut."""
    a, b = sentences(text)[0]
    if any(start == a and fence for start, _, fence in code_ranges(text)):
        return text[:b]
    words = list(re.finditer(r"\S+", text[a:b]))[:room]
    return text[a : a + words[-1].end()].rstrip(",;:—-") + "…"
