"""What is a command and what stays a question; what people are told that they may."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.quotas import Limits
from bot.sanitise import sanitise
from bot.slash import RIGHTS, Asked, Command, comment_in, help_text, parse, refused
from storage.rights import TABLE, What, Who, allowed_to

PHRASE, ANSWER = "p_0123456789abcdef", "a_0123456789abcdef"
LINK = "https://github.com/o/r/issues/7#issuecomment-123"
REVIEW = "https://ghe.example/o/r/pull/7#discussion_r45"

COMMANDS = {
    "help": Asked(command=Command.HELP),
    "  Show ": Asked(command=Command.SHOW),
    "WHY": Asked(command=Command.WHY),
    f"why {LINK}": Asked(command=Command.WHY, target=LINK),
    f"why {REVIEW}": Asked(command=Command.WHY, target=REVIEW),
    f"why {ANSWER}": Asked(command=Command.WHY, target=ANSWER),
    "forget": Asked(command=Command.FORGET),
    "forget mine": Asked(command=Command.FORGET, target="mine"),
    f"forget  {PHRASE}": Asked(command=Command.FORGET, target=PHRASE),
    "forget `npm test`": Asked(command=Command.FORGET, target="npm test", words=True),
    "forget `mine`": Asked(command=Command.FORGET, target="mine", words=True),
    "freeze": Asked(command=Command.FREEZE),
    "unfreeze": Asked(command=Command.UNFREEZE),
    "rollback": Asked(command=Command.ROLLBACK),
    "config": Asked(command=Command.CONFIG),
}
QUESTIONS = [
    "",
    "show me how to build it",
    "show?",
    "show\nthanks",
    "why does it fail?",
    "why?",
    "why is #issuecomment-12 wrong",
    f"why {LINK} and not the other",
    "help me with the tests",
    "forget about the tests, how do I lint?",
    "forget mine, what is yours?",
    "forget everything",
    f"forget {PHRASE} {PHRASE}",
    "forget `npm test` and tell me how to run it",
    "freeze the dependencies?",
    "rollback the release?",
    "config file: where is it?",
    "configure",
    "helpful",
]


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_is_a_line_that_holds_nothing_else(text: str) -> None:
    assert parse(text) == COMMANDS[text]


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_question_that_begins_with_such_a_word_stays_a_question(text: str) -> None:
    assert parse(text) is None


@given(st.sampled_from(list(Command)), st.text(min_size=1, max_size=80))
def test_one_word_more_makes_a_question_of_a_command_that_takes_nothing(command: Command, more: str) -> None:
    if command not in (Command.WHY, Command.FORGET) and more.strip():
        assert parse(f"{command.value} {more}") is None


def test_a_link_names_its_comment_and_nothing_else() -> None:
    assert comment_in(LINK) == (False, 123) and comment_in(REVIEW) == (True, 45)
    assert comment_in(ANSWER) is None
    assert comment_in("https://github.com/o/r#issuecomment-" + "9" * 30) is None


@pytest.mark.parametrize(("row", "command"), list(itertools.product(Who, Command)))
def test_a_refusal_says_in_one_sentence_who_may(row: Who, command: Command) -> None:
    if RIGHTS[command] in (What.ASK, What.FORGET_OWN) and command is not Command.FORGET:
        return
    said = refused(command)
    what = What.CURATE if command is Command.FORGET else RIGHTS[command]
    assert said.count(".") == 1 and said.endswith(".")
    assert (row in allowed_to(what)) is bool(re.search(rf"\b{re.escape(row.value)}\b", said))


LIMITS = Limits(person=50, stranger=10, repository=500)


@pytest.mark.parametrize("row", [row for row in Who if row is not Who.MACHINE])
def test_help_says_of_each_command_what_the_asking_person_may(row: Who) -> None:
    said = help_text(row, LIMITS)
    cells = {line.split("|")[1].strip(): line.split("|")[3].strip() for line in said.splitlines()[2:11]}
    assert len(cells) == 9
    columns = {"show": What.ASK, "forget mine": What.FORGET_OWN, "of others": What.CURATE}
    columns |= {"freeze": What.CURATE, "rollback": What.CURATE, "config": What.CONFIGURE}
    for word, what in columns.items():
        (cell,) = [access for name, access in cells.items() if word in name]
        assert cell.startswith("yes") is TABLE[row][what].allowed
    assert ("10 a day" in said) is (row is Who.STRANGER)
    assert TABLE[row][What.THUMB].value in said and TABLE[row][What.EDIT].value in said


def test_help_survives_the_one_way_out() -> None:
    said = help_text(Who.STRANGER, LIMITS)
    assert sanitise(said) == said


def test_where_strangers_may_not_ask_help_says_so() -> None:
    closed = Limits(person=50, stranger=10, repository=500, open_to_strangers=False)
    assert "no: people with access" in help_text(Who.STRANGER, closed)
    assert "no: people with access" not in help_text(Who.READER, closed)
