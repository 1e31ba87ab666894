"""What is no lesson: grammar, slips of the pen, links' targets, and one sentence said otherwise."""

from __future__ import annotations

import pytest

from learning.memory.background import DEFAULT
from learning.memory.edits import diff
from learning.memory.lessons import lessons
from storage.records import PhraseKind

NO_CHANGE = [
    ("Timings would be an issue.", "Timing would be an issue."),
    ("Split the strings here.", "Split the string here."),
    ("The face detection of this.", "The face detecting of this."),
    ("A foreign language rules it.", "A foreign language's rules it."),
    ("Use techniques or rules.to output it.", "Use techniques or rules to output it."),
    ("It is in the system.Then stop.", "It is in the system. Then stop."),
    ("A few modes of it.", "A few models of it."),
    ("The nearest we havae to that.", "The nearest we have to that."),
    ("Essentially, achines think.", "Essentially, machines think."),
    ("Read [this][1].\n\n[1]: http://a.example/old", "Read [this][1].\n\n[1]: http://a.example/old\n"),
    ("Read [this] here.", "Read [this][1] here.\n\n[1]: https://example.org/page"),
    ("It is option b of two.", "It is option 2 of two."),
]


@pytest.mark.parametrize(("before", "after"), NO_CHANGE)
def test_grammar_slips_and_where_a_link_leads_are_no_change(before: str, after: str) -> None:
    edit = diff(before, after)
    assert not edit.teaches, edit


REWORDED = [
    (
        "There are those that know that it works.",
        "There are those without doubt as to the fact that it works.",
    ),
    ("A program looking for edges.", "A program or a system that looks for edges."),
    ("They seemed to stretch for miles.", "They stretched for miles."),
    ("It was complex to see.", "It was hard, in any non-trivial case, to see."),
    ("As you see in https://example.org/Pain here.", "As you see in the article here."),
    ("The model has data of it.", "The model has functions of the data of it."),
]


@pytest.mark.parametrize(("before", "after"), REWORDED)
def test_one_sentence_said_otherwise_is_a_change_that_teaches_no_correction(before: str, after: str) -> None:
    edit = diff(before, after)
    assert edit.teaches
    assert not edit.replaced, edit
    assert PhraseKind.CORRECTION not in {x.phrase.kind for x in lessons(1, before, after, "", DEFAULT)}


CORRECTIONS = [
    ("directory", "folder"),
    ("list", "sequence"),
    ("dictionary", "mapping"),
    ("http", "httpx"),
    ("color", "colour"),
    ("existance", "existence"),
    ("whitelist", "list of allowed hosts"),
    ("repo", "source repository"),
    ("https://old.example/x", "https://new.example/x"),
]


@pytest.mark.parametrize(("wrong", "right"), CORRECTIONS)
def test_another_term_name_or_spelling_is_still_a_correction(wrong: str, right: str) -> None:
    (only,) = diff(f"Look at this {wrong} twice.", f"Look at this {right} twice.").replaced
    assert (only.wrong, only.right) == (wrong, right)
