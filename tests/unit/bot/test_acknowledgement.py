"""What a comment says of its lessons is one section, written anew; nothing else of the comment changes."""

from __future__ import annotations

import pytest

from bot.acknowledgement import Learned, with_learned
from bot.reply import Marker, Why, answer_text, parse_marker, render_body
from storage.records import Phrase, PhraseKind

LESSON = Phrase(
    id="p_1", repository_id=1, kind=PhraseKind.CORRECTION, text="config.ini", right="conf/tool.yaml"
)
AVOID = Phrase(id="p_2", repository_id=1, kind=PhraseKind.WORDING, text="obviously")
MARKER = Marker(answer_id="a_1", template="t1")
BODY = render_body("Use `conf/tool.yaml`.", Why(marker=MARKER))


def test_the_acknowledgement_is_replaced_and_taken_back() -> None:
    once = with_learned(BODY, [Learned(phrase=LESSON, login="anna")])
    assert "✅ Learned from `@anna`: write `conf/tool.yaml`, not `config.ini` — undo: " in once
    assert with_learned(once, [Learned(phrase=LESSON, login="anna")]) == once
    assert with_learned(once, []) == BODY
    assert parse_marker(once) == MARKER


def test_it_says_how_to_undo_by_a_link_to_the_memory_page_or_by_the_command() -> None:
    learned = [Learned(phrase=LESSON, login="anna")]
    linked = with_learned(BODY, learned, pages_url="https://bot.example")
    assert "undo: restore the line, or forget it on the [memory page](https://bot.example/memory/1)" in linked
    assert "undo: restore the line, or `thumbprint phrases forget p_1`" in with_learned(BODY, learned)
    assert answer_text(linked) == answer_text(BODY) and with_learned(linked, []) == BODY


@pytest.mark.parametrize("ours", ["", "\n\n" + BODY.partition("\n\n")[2]], ids=["replaced whole", "edited"])
def test_behind_a_fence_that_somebody_left_open_it_would_be_code_so_it_stands_first(ours: str) -> None:
    body = f"Run this:\n\n```\nmake check{ours}"
    once = with_learned(body, [Learned(phrase=LESSON, login="anna")])
    assert once.index("Learned from") < once.index("```")
    assert with_learned(once, [Learned(phrase=LESSON, login="anna")]) == once
    assert with_learned(once, []) == body
    assert answer_text(once) == answer_text(body)


def test_an_undone_lesson_is_no_longer_said_to_be_learned() -> None:
    once = with_learned(BODY, [Learned(phrase=LESSON, login="anna")])
    undone = Learned(phrase=LESSON, login="anna", undone=True)
    said = with_learned(once, [undone])
    assert "Learned from" not in said
    assert "↩️ Undone: write `conf/tool.yaml`, not `config.ini` — it no longer counts" in said
    assert said == with_learned(BODY, [undone]) and answer_text(said) == "Use `conf/tool.yaml`."


def test_a_wording_is_said_with_the_direction_that_it_was_taught_in() -> None:
    undone = Learned(phrase=AVOID, login="anna", weight=-0.5, undone=True)
    assert "Undone: avoid `obviously`" in with_learned(BODY, [undone])
