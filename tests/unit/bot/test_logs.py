"""Every line of a log is an action word and what it is about; the words of people are in none."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from bot import logs
from bot.runner import _carry_out, name_job
from storage.errors import GitHubUnavailable

ROOT = Path(__file__).parents[3]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
WORD = re.compile(r"[a-z]+(_[a-z]+)+")
PEOPLES = {"text", "body", "title", "content", "prompt"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Each call of a module's `log`, with where it stands."""
    for room in ("bot", "learning", "storage", "webhooks"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                named = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                if named and node.func.attr in LEVELS and ast.unparse(node.func.value) == "log":
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_each_line_begins_with_an_action_word() -> None:
    found = list(calls())
    assert len(found) > 50
    for where, call in found:
        word = ast.unparse(call.args[0]).strip("f'\"")
        assert WORD.fullmatch(re.sub(r"\{\w+\}", "some", word)), f"{where}: {word}"
        assert len(call.args) == 1, f"{where}: what it is about has a name"


def test_nobody_s_words_are_in_a_line() -> None:
    for where, call in calls():
        if isinstance(call.func, ast.Attribute) and call.func.attr == "debug":
            continue
        for keyword in call.keywords:
            names = {node.attr for node in ast.walk(keyword.value) if isinstance(node, ast.Attribute)}
            assert not names & PEOPLES, f"{where}: {keyword.arg}={ast.unparse(keyword.value)}"


WORDS = "My salary is 4711, says Pat"


def of_ours() -> None:
    try:
        of_others()
    except ValueError as error:
        raise GitHubUnavailable("GitHub answered 502") from error


def of_others() -> None:
    try:
        int(WORDS)
    except ValueError as error:
        error.add_note(WORDS)
        try:
            ast.parse(f"({WORDS}")
        except SyntaxError as odd:
            raise ValueError(WORDS) from ExceptionGroup(WORDS, [odd, KeyError(WORDS)])


@pytest.mark.parametrize("terminal", [False, True])
def test_of_an_error_a_line_says_kind_and_place_and_only_of_ours_the_sentence(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    said = io.StringIO()
    monkeypatch.setattr(said, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stderr", said)
    with process_logs():
        assert _carry_out("compose", of_others)
        try:
            of_ours()
        except GitHubUnavailable:
            structlog.get_logger().exception("step_failed")
            logging.getLogger("some.library").exception("it failed")
            sys.excepthook(*sys.exc_info())
    told = said.getvalue()
    assert "is 4711" not in told and "salary" not in told, told  # a time may have those digits
    assert told.count("GitHub answered 502") == 3
    for place in ("of_ours", "of_others", "test_logs.py"):
        assert told.count(place) >= 3, told
    for kind in ("ValueError", "ExceptionGroup", "SyntaxError", "KeyError"):
        assert told.count(kind) >= 4, told
    assert terminal or len([json.loads(line) for line in told.splitlines()]) == 4


@contextmanager
def process_logs() -> Iterator[None]:
    """Logs as a process sets them up, meanwhile."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, structlog.get_config())
    try:
        logs.configure("info")
        yield
    finally:
        structlog.contextvars.clear_contextvars()
        root.handlers[:], root.level = before[0], before[1]
        structlog.configure(**before[2])


def test_a_line_is_json_that_says_of_which_job_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with process_logs():
        name_job("a_1")
        structlog.get_logger().info("answer_posted", answer="a_1", thread="7/3")
        logging.getLogger("some.library").warning("it is slow")
        structlog.get_logger().debug("prompt_made", text="nobody reads this")
    ours, theirs = map(json.loads, capsys.readouterr().err.splitlines())
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {
        "event": "answer_posted",
        "answer": "a_1",
        "thread": "7/3",
        "job": "a_1",
        "level": "info",
    }
    assert theirs.pop("timestamp").endswith("Z") and theirs.pop("job") == "a_1"
    assert theirs == {
        "event": "library_said",
        "library": "some.library",
        "reason": "it is slow",
        "level": "warning",
    }
