"""pip, watched: a line that says how far it is, and one sentence when it fails.

Standard library and Python 3.6 only, as `bot/install.py` needs it. Left out: pip's own output, of which
the end is shown, and only of a failure.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from bot.checks import Unfit

INSTALL_GIB = 6.0
DRAW_S, SAY_S, STOP_S = 0.3, 15.0, 10.0
TAIL = 25

# What pip says, and what a person can do about it. The first that fits is said: a cause before its effects.
REMEDIES = (
    (
        r"No space left|Errno 28|ENOSPC",
        "The disk is full: free {gib:.0f} GiB and run `make` again.",
    ),
    (
        r"command '\S*(gcc|cc|clang|g\+\+)\S*' failed|No such file or directory: '\S*(gcc|cc|g\+\+)\S*'"
        r"|Unknown compiler|CMAKE_C_COMPILER",
        "A package has to be compiled here: install a C compiler (`apt-get install build-essential`) "
        "and run `make` again.",
    ),
    (
        r"DO NOT MATCH THE HASHES|IncompleteRead|IncompleteDownload|BadZipFile|is invalid: "
        r"|Connection broken",
        "A download came damaged: run `make` again, and if that repeats, `.venv/bin/pip cache purge` first.",
    ),
    (
        r"name resolution|NewConnectionError|Failed to establish|Network is unreachable|ConnectTimeout"
        r"|ReadTimeout|Connection refused|ProxyError|getaddrinfo",
        "The package index cannot be reached: check the network or the proxy and run `make` again.",
    ),
    (
        r"No matching distribution|Could not find a version|requires a different Python",
        "The package index has no fitting version for Python {python}: try another, "
        "`make run PYTHON=python3.12`.",
    ),
)
UNKNOWN = "The packages could not be installed, for the reason above: mend it and run `make` again."


def install(python: str, venv: Path, lock: int) -> None:
    """Install the project as constraints.txt says; pip holds `lock`, an open file, too. Raises Unfit."""
    options = ["--no-input", "--disable-pip-version-check", "--retries", "2", "--progress-bar", "off"]
    # Beside its goal: /tmp may be small, and what a killed pip leaves there nobody would ever remove.
    scratch = venv / ".pip"
    shutil.rmtree(str(scratch), ignore_errors=True)
    scratch.mkdir()
    pins = Path("constraints.txt").read_text().count("==")
    try:
        child = subprocess.Popen(
            [python, "-m", "pip", "install", *options, "-c", "constraints.txt", "-e", ".[dev]"],
            env=dict(os.environ, TMPDIR=str(scratch.absolute()), PYTHONUNBUFFERED="1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            pass_fds=(lock,),
        )
        progress = Progress(pins, venv, scratch)
        code = watch(child, progress)
    finally:
        shutil.rmtree(str(scratch), ignore_errors=True)
    if code < 0:
        raise Unfit(f"pip was ended by signal {-code}, perhaps for lack of memory: run `make` again.")
    if code != 0:
        found = remedy("".join(progress.lines))
        errors = [line for line in progress.lines if "error: " in line.lower()]
        sys.stderr.write("".join(progress.lines[-TAIL:] if found == UNKNOWN else errors[-3:]))
        raise Unfit(found)


def remedy(said: str) -> str:
    """The sentence for what pip said."""
    python = ".".join(map(str, sys.version_info[:2]))
    for pattern, sentence in REMEDIES:
        if re.search(pattern, said):
            return sentence.format(gib=INSTALL_GIB, python=python)
    return UNKNOWN


def say(text: str) -> None:
    """One line of progress."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Progress:
    """How far a pip is, read from what it says and from the folders that it fills."""

    def __init__(self, pins: int, venv: Path, scratch: Path) -> None:
        self.lines = []  # type: list[str]
        self._pins, self._venv, self._scratch = pins, venv, scratch
        self._found, self._now = 0, ""
        self._names = []  # type: list[str]
        self._over = False

    def hear(self, line: str) -> None:
        """Take one line of its output."""
        self.lines.append(line)
        fetched = re.match(r"\s*Downloading (\S+?)-\d\S*\.whl \((.+)\)", line)
        if line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: ")):
            self._found += 1
        elif fetched:
            self._now = ", {} ({})".format(*fetched.groups())
        elif line.startswith("Installing collected packages: "):
            self._names = [_normal(name) for name in re.findall(r"[^\s,]+", line.partition(": ")[2])]
        elif line.startswith("Successfully installed"):
            self._over = True

    def now(self) -> "tuple[float, str]":
        """How far the present stage is, in [0, 1], and what it is."""
        if self._over:
            return 1.0, "tidying up"
        if self._names:
            there, total = self._installed(), len(self._names)
            left = [name for name in self._names if name not in there]
            now = left[0] if left else self._names[-1]
            return 1 - len(left) / total, f"installing {min(total - len(left) + 1, total)} of {total}: {now}"
        mib = sum(_size(file) for file in _files(self._scratch, "*/*.whl")) / 2**20
        doing = f"collecting packages: {self._found} found, {mib:.0f} MiB fetched{self._now}"
        return min(1.0, self._found / max(1, self._pins)), doing

    def _installed(self) -> "set[str]":
        found = _files(self._venv, "lib/python*/site-packages/*.dist-info/INSTALLER")
        return {_normal(Path(file).parent.name.split("-")[0]) for file in found}


def watch(child: "subprocess.Popen[str]", progress: Progress) -> int:
    """Show its progress until it ends, in a line drawn anew, or a line every SAY_S seconds. Its exit code."""
    began = said = time.monotonic()
    terminal = sys.stdout.isatty()
    output = child.stdout
    assert output is not None

    def hear() -> None:
        for line in output:
            progress.hear(line)

    listener = threading.Thread(target=hear, daemon=True)
    listener.start()
    try:
        while child.poll() is None:
            time.sleep(DRAW_S)
            passed = int(time.monotonic() - began)
            if terminal:
                columns = shutil.get_terminal_size().columns
                sys.stdout.write("\r\033[K" + drawn(*progress.now(), passed_s=passed)[: columns - 1])
                sys.stdout.flush()
            elif time.monotonic() - said > SAY_S:
                said = time.monotonic()
                say(drawn(*progress.now(), passed_s=passed))
    finally:
        if terminal:
            sys.stdout.write("\r\033[K")
            sys.stdout.flush()
        _stop(child)
        listener.join(STOP_S)
        output.close()
    return child.returncode


def drawn(part: float, doing: str, passed_s: int) -> str:
    """A bar, how long already, and what is being done."""
    bar = ("━" * int(part * 20)).ljust(20, "╌")
    return f"  {bar} {passed_s // 60}:{passed_s % 60:02d}  {doing}"


def _stop(child: "subprocess.Popen[str]") -> None:
    """It does not outlive us. Ctrl-C has reached it too: it is given time to put back what it began."""
    if child.poll() is None:
        try:
            say("Stopping pip …")
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _files(folder: Path, pattern: str) -> "list[str]":
    # Unlike Path.glob it bears with folders that vanish meanwhile.
    return glob.glob(str(folder / pattern))  # noqa: PTH207


def _size(file: str) -> int:
    try:
        return Path(file).stat().st_size
    except OSError:
        return 0
