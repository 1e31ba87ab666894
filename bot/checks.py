"""Look at the machine before anything is installed or started, and install into `.venv`.

Runs as a script under any Python from 3.6 on, with the standard library only, so that an old
interpreter gets a sentence and not a syntax error: no newer syntax in this file. `bot/run.py` uses
the same checks. Left out: what needs our packages (settings, ports of a running server's choice).

    python3 bot/checks.py install      # what `make` runs: venv, packages, and a stamp written last
    python3 bot/checks.py              # only look
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

OLDEST = (3, 11)
INSTALL_GIB = 6.0
RUN_GIB = 1.0
STAMP = ".ready"

# What pip says on stderr, and what a person can do about it.
REMEDIES = (
    (
        r"No space left|Errno 28|ENOSPC",
        "The disk is full: free {gib:.0f} GiB and run `make` again.",
    ),
    (
        r"name resolution|NewConnectionError|Failed to establish|Network is unreachable|ConnectTimeout"
        r"|ReadTimeout|Connection refused|ProxyError|getaddrinfo",
        "The package index cannot be reached: check the network or the proxy and run `make` again.",
    ),
    (
        r"DO NOT MATCH THE HASHES|IncompleteRead|IncompleteDownload|BadZipFile|is invalid: "
        r"|Connection broken",
        "A download came damaged: run `make` again, and if that repeats, `.venv/bin/pip cache purge` first.",
    ),
    (
        r"command '\S*(gcc|cc|clang|g\+\+)\S*' failed|No such file or directory: '(gcc|cc)'"
        r"|Unknown compiler|CMAKE_C_COMPILER",
        "A package has to be compiled here: install a C compiler (`apt-get install build-essential`) "
        "and run `make` again.",
    ),
    (
        r"No matching distribution|Could not find a version|requires a different Python",
        "The package index has no fitting version for Python {python}: try another, "
        "`make run PYTHON=python3.12`.",
    ),
)


class Unfit(Exception):
    """The machine lacks something; the message is one sentence that says what to do."""


def python_version(version: "tuple[int, ...]" = tuple(sys.version_info[:2])) -> None:
    """Refuse an interpreter that is too old. Raises Unfit."""
    if version < OLDEST:
        oldest, this = (".".join(map(str, v)) for v in (OLDEST, version))
        raise Unfit(
            f"Thumbprint needs Python {oldest} or newer and this is {this}: name a newer one, "
            "`make run PYTHON=python3.12`."
        )


def disk(path: Path, need_gib: float) -> None:
    """Refuse a folder, or its nearest parent, on a disk with less than `need_gib` GiB free. Raises Unfit."""
    folder = path.absolute()
    while not folder.is_dir():
        folder = folder.parent
    free_gib = shutil.disk_usage(str(folder)).free / 2**30
    if free_gib < need_gib:
        raise Unfit(
            f"The disk of {folder} has {free_gib:.1f} GiB free and {need_gib:.0f} GiB are needed: "
            "free some space and try again."
        )


def writable(path: Path, setting: str) -> None:
    """Make a folder if need be, and refuse one that cannot be written. Raises Unfit."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=str(path)):
            pass
    except OSError as error:
        raise Unfit(
            f"The folder {path} cannot be written ({error.strerror}): make it writable "
            f"or set {setting} to another."
        ) from error


def port_free(port: int, setting: str, host: str = "127.0.0.1") -> None:
    """Refuse a port that something listens on; `setting` is the variable that moves ours. Raises Unfit."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Unfit(
                f"Port {port} on {host} cannot be used ({error.strerror}): stop what listens there "
                f"or set {setting} to another port."
            ) from error


def heal(venv: Path) -> "list[str]":
    """Remove what an interrupted pip left: packages whose record was never finished. Returns their names.

    pip copies a package's files first and writes INSTALLER and then RECORD last; a `.dist-info` without
    them would pass for an installed package for ever.
    """
    removed = []
    for folder in sorted(venv.glob("lib/python*/site-packages/*")):
        half = folder.name.endswith(".dist-info") and not (folder / "INSTALLER").exists()
        if folder.is_dir() and (half or folder.name.startswith("~")):
            shutil.rmtree(str(folder))
            removed.append(folder.name)
    return removed


def remedy(stderr: str) -> str:
    """The sentence for what pip wrote on stderr."""
    python = ".".join(map(str, sys.version_info[:2]))
    for pattern, sentence in REMEDIES:
        if re.search(pattern, stderr):
            return sentence.format(gib=INSTALL_GIB, python=python)
    return "The packages could not be installed, for the reason above: fix it and run `make` again."


def say(text: str) -> None:
    """One line of progress."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _venv(venv: Path) -> str:
    """A working virtual environment's Python; made anew when it is half made. Raises Unfit."""
    python = str(venv / "bin" / "python")
    if Path(python).exists():
        probe = [python, "-m", "pip", "--version"]
        if subprocess.call(probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
            return python
    say(f"Making {venv} …")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], stdout=sys.stderr)
    if made.returncode != 0:
        raise Unfit(
            "This Python cannot make virtual environments: install its venv package "
            "(`apt-get install python3-venv`) and run `make` again."
        )
    return python


def _pip(python: str) -> None:
    """Install the project as constraints.txt says. pip's bars go to the terminal. Raises Unfit."""
    options = ["--no-input", "--disable-pip-version-check", "--retries", "2"]
    command = [python, "-m", "pip", "install", *options, "-c", "constraints.txt", "-e", ".[dev]"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, universal_newlines=True)
    lines = []

    def tee() -> None:
        for line in process.stderr or ():
            lines.append(line)
            sys.stderr.write(line)

    reader = threading.Thread(target=tee)
    reader.start()
    code = process.wait()
    reader.join()
    if code != 0:
        raise Unfit(remedy("".join(lines)))


def install(venv: Path) -> None:
    """Everything into `venv`. The stamp goes first and comes back last: a stop half-way is repaired.

    Raises Unfit.
    """
    stamp = venv / STAMP
    if stamp.exists():
        stamp.unlink()
    if not venv.exists():
        disk(venv, INSTALL_GIB)
    python = _venv(venv)
    for name in heal(venv):
        say(f"Removed what a stopped installation left: {name}")
    say(f"Installing the packages of constraints.txt into {venv} (minutes; the largest is torch) …")
    _pip(python)
    stamp.write_text("installed\n")
    say("✓ Installed.")


def main(arguments: "list[str]") -> int:
    """Run as a script: 0, or 1 with one sentence on stderr."""
    try:
        python_version()
        disk(Path(tempfile.gettempdir()), RUN_GIB)
        if arguments == ["install"]:
            install(Path(".venv"))
    except Unfit as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("✗ Interrupted: run `make` again to go on.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
