from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.bench import rules
from bot.bench.maintainer import breaks, corrected, distance, feedback, review
from bot.bench.rules import Rule, RuleKind, Teaching
from storage.records import (
    Actor,
    Answer,
    AnswerStatus,
    FeedbackKind,
    PostKind,
    Question,
    Reaction,
)

AT = datetime(2026, 1, 5, tzinfo=UTC)
OPEN = Rule(
    name="open", kind=RuleKind.IDENTIFIER, wrong="open", right="safe_open", pattern=r"(?<![\w.])open(?=\()"
)
UV = Rule(name="uv", kind=RuleKind.COMMAND, wrong="pip install", right="uv add")
TERM = Rule(name="term", kind=RuleKind.TERM, wrong="dictionary", right="mapping")
LEAD = Rule(name="lead", kind=RuleKind.WORDING, wrong="here is an example")
SHORT = Rule(name="short", kind=RuleKind.LENGTH, limit_words=6)
SAY = Rule(name="say", kind=RuleKind.MENTION, right="See `docs/a.md`.")
HUSH = Rule(name="hush", kind=RuleKind.SILENCE, questions="pandas")
TEXT = (
    "Open the dictionary. Here is an example:\n\n"
    "```python\nwith open('a') as f:\n    f.reopen(f)\n```\nThen pip  install it."
)


def an_answer(text: str, abstained: str = "") -> Answer:
    question = Question(
        repository_id=7,
        full_name="a/b",
        installation_id=1,
        number=1,
        post_id=1,
        post_kind=PostKind.COMMENT,
        asker=Actor(id=9, login="asker"),
        text="how",
        asked_at=AT,
    )
    return Answer(
        id="a_1",
        question=question,
        status=AnswerStatus.POSTED,
        text=text,
        body=text,
        candidate_id=None,
        abstained=abstained,
        created_at=AT,
    )


@pytest.mark.parametrize(
    ("rule", "after"),
    [
        (OPEN, TEXT.replace("with open", "with safe_open")),
        (UV, TEXT.replace("pip  install", "uv add")),
        (TERM, TEXT.replace("dictionary", "mapping")),
        (LEAD, TEXT.replace(" Here is an example:", "")),
        (SHORT, "Open the dictionary."),
        (SAY, TEXT + "\n\nSee `docs/a.md`."),
        (HUSH, ""),
    ],
)
def test_an_edit_is_as_small_as_the_rule_allows(rule: Rule, after: str) -> None:
    assert breaks(rule, TEXT)
    assert corrected(rule, TEXT) == after


@given(st.text(alphabet="open(dictionary) .\n`here is an example:pip install", max_size=200))
def test_a_corrected_text_breaks_its_rule_no_more(text: str) -> None:
    for rule in (OPEN, UV, TERM, LEAD, SHORT, SAY):
        if breaks(rule, text):
            assert not breaks(rule, corrected(rule, text))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Read it. Here is an example:\n```py\nx\n```", "Read it.\n```py\nx\n```"),
        ("Here is an example:\n```py\nx\n```", "```py\nx\n```"),
        ("- one. Here is an example.\n- two.", "- one.\n- two."),
        ("One. Here is an example. Two.", "One. Two."),
        ("Say:\n```\n# here is an example\n```\nDone.", "Say:\nDone."),
    ],
)
def test_taking_out_a_sentence_leaves_what_follows_on_its_own_line(before: str, after: str) -> None:
    assert corrected(LEAD, before) == after


def test_code_that_is_too_long_is_cut_as_lines_and_closed() -> None:
    assert corrected(SHORT, "```py\na = 1\nb = 2\nc = 3\n```") == "```py\na = 1\nb\n```"


def test_an_added_line_stands_outside_of_code_that_was_cut_off() -> None:
    assert corrected(SAY, "```python\nx = 1") == "```python\nx = 1\n```\n\nSee `docs/a.md`."


def test_terms_keep_their_capital_and_code_does_not_get_one() -> None:
    assert corrected(TERM, "Dictionary first.") == "Mapping first."
    assert corrected(OPEN, "Open('a') and open('b')") == "safe_open('a') and safe_open('b')"


def test_saying_nothing_keeps_only_a_rule_of_silence() -> None:
    assert not breaks(HUSH, "", silent=True)
    assert all(breaks(rule, "", silent=True) for rule in (OPEN, UV, TERM, LEAD, SHORT, SAY))


def test_the_cost_is_the_share_of_words_that_an_edit_changes() -> None:
    assert review([TERM], "a dictionary of things").cost == 0.25
    assert review([TERM], "a mapping of things").cost == 0.0
    assert review([HUSH], "anything at all").cost == 1.0
    assert distance("", "") == 0.0


def test_the_maintainer_s_events_say_what_was_wrong_and_never_the_rule() -> None:
    (edit,) = feedback([TERM], an_answer("a dictionary"), "a dictionary", AT)
    assert (edit.kind, edit.before, edit.after) == (FeedbackKind.EDIT, "a dictionary", "a mapping")
    (gone,) = feedback([HUSH], an_answer("text"), "text", AT)
    assert gone.kind is FeedbackKind.DELETION
    (good,) = feedback([TERM], an_answer("a mapping"), "a mapping", AT)
    assert good.reaction is Reaction.PLUS_ONE
    assert feedback([TERM], an_answer("", "why"), "", AT) == []


def test_a_rule_taught_by_thumbs_gets_three_people_s_thumbs_and_no_edit() -> None:
    rule = TERM.model_copy(update={"teach": Teaching.THUMB})
    events = feedback([rule], an_answer("a dictionary"), "a dictionary", AT)
    assert [event.reaction for event in events] == [Reaction.MINUS_ONE] * 3
    assert len({event.actor.id for event in events}) == 3
    assert sum(event.permission.writes for event in events) == 1


def test_every_packaged_rule_can_be_carried_out() -> None:
    text = (
        "In Python, pip install a CSV file or a list.\nimport json\n"
        "with open('x') as f: json.dumps(datetime.now(), sorted(dictionary))\n" + "word " * 60
    )
    for repository in rules.load(rules.PACKAGED):
        for rule in repository.rules:
            assert breaks(rule, text), rule.name
            assert rule.kind is RuleKind.SILENCE or not breaks(rule, corrected(rule, text)), rule.name
