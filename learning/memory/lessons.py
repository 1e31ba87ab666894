"""What one edit teaches: the differences between what the bot wrote and what stands now, as lessons. Pure.

Left out: lessons that span two answers; `weights.current` settles those that contradict each other.
Run: `pytest tests/unit/learning/memory/test_lessons.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from learning.memory import commands, widen
from learning.memory.background import Background
from learning.memory.cuts import DOUBTFUL, is_cut, is_doubtful, is_sentence, limit_of, stands
from learning.memory.edits import diff
from learning.memory.extract import extract, openings
from learning.memory.forms import CODE, PROSE, WORD, matches, plurals
from learning.memory.text import (
    atoms,
    borders,
    code_ranges,
    command,
    count_words,
    normal,
    shaped,
)
from storage.records import Phrase, PhraseKind, Replacement, stable_id
from storage.redaction import CUT

SHARES = {
    PhraseKind.CORRECTION: 4.0,
    PhraseKind.MENTION: 4.0,
    PhraseKind.LENGTH: 4.0,
    PhraseKind.SILENCE: 4.0,
    PhraseKind.WORDING: 2.0,
}
"""How an edit's mass is parted: what a person spelt out weighs more than a wording that went by the way."""

SPAN = 6
"""Words up to which a removed or added run is one phrase; of a longer one its most specific runs are."""


@dataclass(frozen=True)
class Lesson:
    """A phrase, its share of the edit's mass (negative: against it), and the text that shows it."""

    phrase: Phrase
    share: float
    shown: str = ""
    overlooked: bool = False
    """Whether the edit left some of what its lesson corrects, and it is corrected all the same."""

    def holds(self, version: str) -> bool:
        """Whether a version of the text keeps to the lesson."""
        phrase = self.phrase
        if phrase.kind is PhraseKind.CORRECTION:
            kept = self.overlooked or not matches(phrase, version)
            return kept and self.shown in " ".join(version.split())
        if phrase.kind is PhraseKind.LENGTH:
            return count_words(version) <= phrase.limit_words
        if phrase.kind is PhraseKind.SILENCE:
            return _bare(version)
        return stands(self.shown, version) == (self.share > 0)


@lru_cache(maxsize=65536)
def make(
    repository_id: int, kind: PhraseKind, text: str, right: str = "", limit: int = 0, context: str = ""
) -> Phrase:
    """A phrase whose id follows from all that it says."""
    name = stable_id("p", repository_id, kind.value, text, right, limit, context)
    return Phrase(
        id=name,
        repository_id=repository_id,
        kind=kind,
        text=text,
        right=right,
        context=context,
        limit_words=limit,
    )


def lessons(
    repository_id: int, before: str, after: str, question: str, background: Background
) -> list[Lesson]:
    """What the difference between two texts teaches; [] for a cosmetic one.

    Where a secret was cut out of one of them, what holds the place that is left is no wording.
    """
    found = _lessons(repository_id, before, after, question, background)
    if CUT not in before and CUT not in after:
        return found
    return [one for one in found if one.phrase.kind is PhraseKind.SILENCE or not _names_cut(one)]


def _names_cut(lesson: Lesson) -> bool:
    said = " ".join((lesson.phrase.text, lesson.phrase.right, lesson.shown))
    return CUT.strip("[]") in said


def _lessons(
    repository_id: int, before: str, after: str, question: str, background: Background
) -> list[Lesson]:
    if _bare(after) and len(atoms(before)) > 5:
        return [Lesson(silence(repository_id, question), SHARES[PhraseKind.SILENCE])]
    edit = diff(before, after)
    if not edit.teaches:
        return []
    found = [lesson for r in edit.replaced for lesson in _correction(repository_id, r, after)]
    if is_cut(edit, before, after):
        doubt = DOUBTFUL if is_doubtful(edit, before, after) else ""
        words = limit_of(edit, before, after)
        limit = make(repository_id, PhraseKind.LENGTH, "", limit=words, context=doubt)
        found.append(Lesson(limit, SHARES[PhraseKind.LENGTH]))
        if not doubt:
            return found
    for span in edit.removed:
        found += _wordings(repository_id, span, question, background, -1.0)
    kept = edit.words_before and sum(count_words(s) for s in edit.removed) <= edit.words_before / 2
    for span in _together(edit.added, after):
        if kept and is_sentence(span, after):
            said = " ".join(span.split())
            phrase = make(repository_id, PhraseKind.MENTION, normal(said), right=said)
            found.append(Lesson(phrase, SHARES[PhraseKind.MENTION], said))
        else:
            found += _wordings(repository_id, span, question, background, 0.5)
    return list({lesson.phrase.id: lesson for lesson in reversed(found)}.values())[::-1]


def silence(repository_id: int, question: str) -> Phrase:
    """The lesson that a question is not to be answered."""
    return make(repository_id, PhraseKind.SILENCE, " ".join(question.split())[:400])


def _correction(repository_id: int, replaced: Replacement, after: str) -> list[Lesson]:
    wrong, right = " ".join(replaced.wrong.split()), " ".join(replaced.right.split())
    code = _in_code(right, replaced.context, after) or (wrong in widen.MODULES and _used(right, after))
    context = CODE if code else widen.place(wrong)
    if context == PROSE and any(
        form.casefold() in after.casefold() and borders(form, True).search(after) for form in plurals(wrong)
    ):
        context = WORD
    if (
        context != CODE
        and wrong[:1].isupper()
        and right[:1].isupper()
        and not (wrong.isupper() or shaped(right))
    ):
        wrong, right = wrong[0].lower() + wrong[1:], right[0].lower() + right[1:]
    forms = [(wrong, right), *_module(wrong, right)]
    made = [
        make(repository_id, PhraseKind.CORRECTION, bad, right=good, context=context) for bad, good in forms
    ]
    if context == CODE and command(wrong):
        bad, good = commands.general(wrong, right)
        wider = make(repository_id, PhraseKind.CORRECTION, bad, right=good, context=context)
        made = [wider] if command(bad) and not matches(wider, after) else made
    share = SHARES[PhraseKind.CORRECTION] / len(made)
    imported = wrong.startswith("import ") and not matches(made[0], after)
    taught = [Lesson(made[0], share, right)]
    for phrase in made[1:]:
        left = bool(matches(phrase, after))
        if not left or (imported and phrase.text.endswith(".")):
            taught.append(Lesson(phrase, share, right, overlooked=left))
    return taught


def _module(wrong: str, right: str) -> list[tuple[str, str]]:
    """Where `json.` became `orjson.`, `orjson` has to be imported, and is what is spoken of in backticks.

    Where the import became another, so does all that is taken from the module: what an edit left of that
    it overlooked, for it is imported no more.
    """
    bad, good = (form.removeprefix("import ").removesuffix(".") for form in (wrong, right))
    if bad == wrong or bad not in widen.MODULES or good in widen.INSTANCES:
        return []
    forms = [(f"{bad}.", f"{good}."), (f"import {bad}", f"import {good}"), (f"`{bad}`", f"`{good}`")]
    return [form for form in forms if form[0] != wrong]


def _bare(text: str) -> bool:
    """Whether a text holds no more than one word; a few of a long one's tell."""
    return len(atoms(" ".join(text.split(None, 8)[:8]))) <= 1 and len(atoms(text)) <= 1


def _used(module: str, text: str) -> bool:
    """Whether a text imports a module or takes something from it."""
    form = rf"\bimport {re.escape(module)}\b|(?<![\w.]){re.escape(module)}\.[^\W\d]"
    return re.search(form, text) is not None


def _in_code(right: str, line: str, after: str) -> bool:
    """Whether the right form stands in code on the line that the edit left."""
    start = after.find(line) if line else -1
    at = after.find(right, max(0, start))
    return any(a <= at < b for a, b, _ in code_ranges(after))


def _wordings(
    repository_id: int, span: str, question: str, background: Background, sign: float
) -> list[Lesson]:
    """A short span is one phrase; of a long one the clause that opens it and its most specific runs."""
    share = SHARES[PhraseKind.WORDING] * sign
    if len(atoms(span)) <= SPAN and "\n" not in span:
        phrase = make(repository_id, PhraseKind.WORDING, normal(span))
        return [Lesson(phrase, share, span)] if phrase.text else []
    opened = {text: 0.25 * min(1.0, says / 0.6) for text, says in openings(span, background)}
    rest = 1.0 - sum(opened.values())
    runs = dict(extract(span, background, question, most=16, least=2))
    total = sum(runs.values()) / rest if runs else sum(opened.values())
    parts = {text: part if runs else part / total for text, part in opened.items()}
    for text, says in runs.items():
        parts[text] = parts.get(text, 0.0) + says / total
    return [
        Lesson(make(repository_id, PhraseKind.WORDING, text), share * part, text)
        for text, part in parts.items()
    ]


def _together(added: tuple[str, ...], after: str) -> list[str]:
    """Added sentences that stand side by side are said together."""
    found: list[str] = []
    for span in added:
        if found and f"{found[-1]} {span}" in after:
            found[-1] = f"{found[-1]} {span}"
        else:
            found.append(span)
    return found
