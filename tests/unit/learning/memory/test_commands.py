"""Commands: found however they are written, and corrected only into what surely runs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.memory.choice import assess
from learning.memory.commands import program
from learning.memory.index import PhraseIndex
from learning.memory.repair import repair
from storage.records import PhraseKind, PhraseWeight
from tests.unit.learning.memory.people import of_kind, taught


def learned(wrong: str, right: str) -> list[PhraseWeight]:
    """What one edit teaches that puts one command in another's place."""
    edits = ("How is it done?", f"Run `{wrong}` first.", f"Run `{right}` first.")
    return of_kind(taught(edits), PhraseKind.CORRECTION)


def posted(lessons: list[PhraseWeight], text: str) -> tuple[str, bool]:
    """The text with what it breaks repaired, and whether a lesson is still broken."""
    index = PhraseIndex.build(lessons)
    after, _ = repair(text, assess(index, text).violations)
    return after, bool(assess(index, after).violations)


INSTALL = "pip install tool", "uv add tool"
TEST = "make test", "make check"


@pytest.mark.parametrize(
    ("edit", "text", "after"),
    [
        (INSTALL, "`pip3.11 install x`", "`uv add x`"),
        (INSTALL, "`python -m pip install x`", "`uv add x`"),
        (INSTALL, "`.venv/bin/python3 -I -m pip install x`", "`uv add x`"),
        (INSTALL, "`py -3.11 -m pip install x`", "`uv add x`"),
        (INSTALL, "`python -mpip install x`", "`uv add x`"),
        (INSTALL, "`!{sys.executable} -m pip install x`", "`!uv add x`"),
        (INSTALL, "`%pip install x`", "`!uv add x`"),
        (INSTALL, "`sudo pip install x`", "`sudo uv add x`"),
        (INSTALL, "```\npip \\\n    install x\n```", "```\nuv add x\n```"),
        (TEST, "`make -j4 test`", "`make -j4 check`"),
        (TEST, "`make -j 4 -C sub/dir --silent test`", "`make -j 4 -C sub/dir --silent check`"),
        (TEST, "`poetry run make test`", "`poetry run make check`"),
        (TEST, "```\nmake \\\n  test\n```", "```\nmake check\n```"),
        (("pip install x", "uv pip install x"), "`pip -q install y`", "`uv pip -q install y`"),
        (("pip install x", "uv pip install x"), "`python -m pip install y`", "`uv pip install y`"),
        (("sudo pip install x", "pip install x"), "`sudo -H pip install y`", "`pip install y`"),
        (
            ("pip install x", "sudo pip install x"),
            "`python -m pip install y`",
            "`sudo pip install y`",
        ),
        (
            ("pip install x", "pip download x"),
            "`python -m pip -q install y`",
            "`python -m pip -q download y`",
        ),
        (("virtualenv env", "venv env"), "`python -m virtualenv env`", "`python -m venv env`"),
        (("pytest", "nox"), "`python -m pytest tests`", "`nox tests`"),
        (("pytest", "unittest"), "`python -m pytest tests`", "`python -m unittest tests`"),
        (("pip3", "conda"), "`pip install x` or pip3.", "`conda install x` or conda."),
        (
            ("pip3 install x", "pip install x"),
            "`pip3 install y`, `pip install y`",
            "`pip install y`, `pip install y`",
        ),
        (("python2 run.py", "python3 run.py"), "`python2 run.py`", "`python3 run.py`"),
        (("pip", "conda"), "`python3 -m pip install x`", "`conda install x`"),
        (("python -m venv env", "uv venv env"), "`python3 -m venv here`", "`uv venv here`"),
    ],
)
def test_a_learned_command_holds_however_it_is_written(edit: tuple[str, str], text: str, after: str) -> None:
    assert posted(learned(*edit), text) == (after, False)


@pytest.mark.parametrize(
    "text",
    [
        "`pip -q install x`",
        "`pip --user install x`",
        "`pip --proxy http://a:1 install x`",
        "`python -m pip --no-input install x`",
        "`conda run pip install x`",
        "`conda run -n env pip install x`",
        "`docker compose exec web pip install x`",
        '`"$PYTHON" -m pip install x`',
    ],
)
def test_a_command_that_might_not_run_as_corrected_is_noticed_and_left(text: str) -> None:
    assert posted(learned(*INSTALL), text) == (text, True)


@pytest.mark.parametrize(
    "text",
    [
        "Use pip to install it.",
        "`uv pip list`, then install it.",
        "Type pip -h, then install it.",
        "`pip download install`",
        "`pip uninstall x` and `mypip install x`",
        "`pip-tools install x`",
        "`pip | install`",
    ],
)
def test_what_only_holds_the_words_of_a_command_is_left_alone(text: str) -> None:
    assert posted(learned(*INSTALL), text) == (text, False)


@pytest.mark.parametrize(
    ("edit", "text", "after"),
    [
        (("python -m pip install x", "uv add x"), "`pip install y`", "`uv add y`"),
        (("make -j4 test", "make -j4 check"), "`make -j8 test`, make test", "`make -j8 check`, make check"),
        (("make --silent test", "make --silent check"), "`make test`", "`make check`"),
    ],
)
def test_what_was_taught_of_a_command_holds_without_what_stood_there_once(
    edit: tuple[str, str], text: str, after: str
) -> None:
    assert posted(learned(*edit), text) == (after, False)


def test_a_flag_that_changed_its_case_is_another_flag() -> None:
    lessons = learned("rm -r build", "rm -R build")
    assert posted(lessons, "`rm -r out` and `rm -R out`") == ("`rm -R out` and `rm -R out`", False)


@pytest.mark.parametrize(
    ("wrong", "right", "text", "after"),
    [
        ("config.ini", "settings.ini", "`./config.ini`", "`./settings.ini`"),
        ("config.ini", "/etc/tool.ini", "`./config.ini`", "`/etc/tool.ini`"),
        ("config.ini", "~/.tool", "open('./config.ini')", "open('~/.tool')"),
        ("src/io.py", "src/files.py", "`python ./src/io.py`", "`python ./src/files.py`"),
    ],
)
def test_a_file_of_this_folder_is_the_same_file_with_a_dot(
    wrong: str, right: str, text: str, after: str
) -> None:
    assert posted(learned(wrong, right), text) == (after, False)


@pytest.mark.parametrize(
    "text", ["`../config.ini`", "`/config.ini`", "`a/./config.ini`", "`~/config.ini`", "`config.ini.bak`"]
)
def test_a_file_of_another_folder_is_another_file(text: str) -> None:
    assert posted(learned("config.ini", "settings.ini"), text) == (text, False)


def test_a_program_is_known_without_its_version() -> None:
    assert [program(word) for word in ("pip3", "python3.12", "-mpip", "-mp", "pipe3")] == [
        "pip",
        "python",
        "pip",
        "-mp",
        "pipe3",
    ]


PARTS = st.sampled_from(
    [
        "pip",
        "install",
        "uv",
        "add",
        "python",
        "-m",
        "-mpip",
        "-q",
        "make",
        "test",
        "-j4",
        "run",
        "conda",
        "\\\n",
    ]
)
COMMANDS = [
    INSTALL,
    TEST,
    ("pip install x", "uv pip install x"),
    ("pip", "conda"),
    ("pip install x", "pip add x"),
]


@given(st.lists(PARTS, max_size=9).map(" ".join), st.sampled_from(COMMANDS))
@settings(max_examples=300, deadline=None)
def test_correcting_a_command_twice_changes_nothing_more_and_breaks_no_launcher(
    text: str, edit: tuple[str, str]
) -> None:
    lessons = learned(*edit)
    once, left = posted(lessons, text)
    assert posted(lessons, once) == (once, left)
    assert ("-m uv" in once) <= ("-m uv" in text)
