"""Install Thumbprint into `.venv`: what `make` runs before anything else.

Runs under any Python from 3.6 on, with the standard library only, so that an old interpreter gets a sentence
and not a syntax error: no newer syntax here, nor in `bot/pip.py` and `bot/checks.py`. The stamp that `make`
looks at is written last, and what a killed installation left is put right by the next. Left out: removing
packages that nothing needs any more (`make clean`).

    python3 -m bot.install
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from bot import pip
from bot.checks import Unfit, disk, python_version

STAMP = ".ready"
SOURCES = ("pyproject.toml", "constraints.txt")
THIS = ".".join(map(str, sys.version_info[:2]))


def install(venv: Path) -> None:
    """Everything into `venv`. The stamp goes first and comes back last: a stop half-way is repaired.

    Raises Unfit.
    """
    with alone(venv) as lock:
        if fresh(venv):
            return
        stamp = venv / STAMP
        if stamp.exists():
            stamp.unlink()
        if not venv.exists():
            disk(venv, pip.INSTALL_GIB)
        for name in heal(venv):
            pip.say(f"Removed what a stopped installation left: {name}")
        python = make(venv)
        pip.say(f"Installing the packages of constraints.txt into {venv} (minutes; the largest is torch) …")
        began = time.monotonic()
        pip.install(python, venv, lock)
        stamp.write_text("installed\n")
        pip.say(f"✓ installed in {time.monotonic() - began:.0f} s")


@contextmanager
def alone(venv: Path):  # type: ignore[no-untyped-def]  # an Iterator of int; its name has moved since 3.6
    """Wait for another installation into the same folder; the lock is the folder's, and leaves no file.

    pip inherits it: when we are killed, the next one waits until pip has ended too.
    """
    lock = os.open(str(venv.absolute().parent), os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pip.say(f"Another installation into {venv} is at work: waiting until it ends …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
    finally:
        os.close(lock)


def fresh(venv: Path) -> bool:
    """Whether all is installed already, for this Python."""
    stamp = venv / STAMP
    if not stamp.exists() or version_of(venv) != THIS or not works(venv, "-c", ""):
        return False
    return all(stamp.stat().st_mtime >= (venv.parent / source).stat().st_mtime for source in SOURCES)


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


def make(venv: Path) -> str:
    """The Python of a virtual environment that works, made anew when it is half made. Raises Unfit."""
    python, there = str(venv / "bin" / "python"), version_of(venv)
    whole = any(venv.glob("lib/python*/site-packages/pip-*.dist-info/INSTALLER"))
    if there == THIS and whole and works(venv, "-m", "pip", "--version"):
        return python
    why = f" (it had Python {there})" if there not in ("", THIS) else ""
    pip.say(f"Making {venv} with Python {THIS}{why} …")
    base = getattr(sys, "_base_executable", sys.executable)  # we may run in the environment that is made anew
    command = [base, "-m", "venv", "--clear", str(venv)]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode != 0:
        said = made.stdout.decode(errors="replace")
        sys.stderr.write(said)
        if shutil.disk_usage(str(venv.absolute().parent)).free < 2**26:
            raise Unfit(pip.remedy("No space left"))
        raise Unfit(
            "This Python cannot make virtual environments: install its venv package "
            f"(`apt-get install python{THIS}-venv`) and run `make` again."
        )
    return python


def works(venv: Path, *arguments: str) -> bool:
    """Whether its Python runs and can do that."""
    try:
        command = [str(venv / "bin" / "python"), *arguments]
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def version_of(venv: Path) -> str:
    """The Python of a virtual environment, as `3.11`; empty where there is none."""
    try:
        about = (venv / "pyvenv.cfg").read_text()
    except OSError:
        return ""
    found = re.search(r"^version\w*\s*=\s*(\d+\.\d+)", about, re.MULTILINE)
    return found.group(1) if found else ""


def main() -> int:
    """Run as a script: 0, or 1 with one sentence on stderr, or 130 after Ctrl-C."""
    try:
        python_version()
        install(Path(".venv"))
    except Unfit as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    except OSError as error:
        what = pip.remedy("No space left") if error.errno == 28 else f"{error}: mend it and run `make` again."
        sys.stderr.write(f"✗ {what}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("✗ Stopped: run `make` again to go on from here.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
