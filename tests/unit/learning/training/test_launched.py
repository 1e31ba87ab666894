"""A stage by a launcher: what it says, what it ends with, and that nothing of it is left."""

from __future__ import annotations

import os
import shlex
import sys
import time
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from learning.training import launched
from learning.training.night_options import Recipe
from storage.errors import ConfigurationError, TrainingError


@dataclass(frozen=True, kw_only=True)
class Options:
    """A stage's."""

    count: int = 3
    """How many."""


def by(program: str, console: Console) -> None:
    """A stage by this Python program as its launcher."""
    launcher = shlex.join([sys.executable, "-c", program])
    launched.run(launcher, "some.stage", Options(), console)


def test_it_gets_the_module_and_its_options_and_its_words_go_on_to_the_console() -> None:
    said = StringIO()
    by("import sys; print(sys.argv[1:])", Console(file=said))
    assert said.getvalue() == "['-m', 'some.stage', '--count', '3']\n"


def test_what_is_installed_beside_this_python_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    said = StringIO()
    launched.run("python -c 'import sys; print(sys.prefix)'", "m", Options(), Console(file=said))
    assert said.getvalue().strip() == sys.prefix


def test_one_that_says_why_it_fails_is_one_error_with_that_sentence() -> None:
    said = "print('noise'); print('✗ The disk is full: make room.'); print('Traceback')"
    with pytest.raises(TrainingError) as error:
        by(f"import sys; {said}; sys.exit(1)", Console(file=StringIO()))
    assert str(error.value).endswith("ended with exit code 1: The disk is full: make room.")
    assert not isinstance(error.value, launched.Broken)


@pytest.mark.parametrize(
    ("program", "words", "said"),
    [
        ("print('one'); print('two'); sys.exit(3)", "ended with exit code 3", "one\ntwo"),
        ("os.kill(os.getpid(), 9)", "ended with SIGKILL", ""),
    ],
)
def test_one_that_breaks_is_one_error_and_what_it_said_is_no_part_of_its_sentence(
    program: str, words: str, said: str
) -> None:
    with pytest.raises(launched.Broken) as error:
        by(f"import os, sys; {program}", Console(file=StringIO()))
    assert str(error.value).endswith(words) and error.value.said == said


@pytest.mark.parametrize(
    ("launcher", "words"), [("no-such-launcher", "cannot be started"), ("a 'b", "is no command line")]
)
def test_a_launcher_that_is_none_is_refused(launcher: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        launched.run(launcher, "m", Options(), Console(file=StringIO()))


def test_a_recipe_refuses_one_that_is_no_command_line_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no command line"):
        Recipe(data=tmp_path, out=tmp_path, launcher="accelerate 'launch").check()


def test_its_children_end_with_the_night_that_is_stopped() -> None:
    class Stopped(BaseException):
        """Stands for Ctrl-C."""

    class Listening(Console):
        def print(self, *words: object, **how: object) -> None:
            pids.extend(map(int, str(words[0]).split()))
            raise Stopped

    pids: list[int] = []
    waits = "import subprocess, os, sys, time; "
    waits += "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    waits += "print(os.getpid(), child.pid, flush=True); time.sleep(60)"
    with pytest.raises(Stopped):
        by(waits, Listening())
    end = time.monotonic() + 5
    while any(_runs(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.02)
    assert len(pids) == 2 and not any(_runs(pid) for pid in pids)


def _runs(pid: int) -> bool:
    """Whether there is such a process; one that only waits to be counted is none."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
