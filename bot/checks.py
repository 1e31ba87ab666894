"""Look at the machine before anything is installed or started: Python, disk, folders, ports.

Imported by `bot/install.py` under any Python from 3.6 on: the standard library only, no newer
syntax. Left out: what needs our packages (settings, ports of a running server's choice).
"""

import shutil
import socket
import sys
import tempfile
from pathlib import Path

OLDEST = (3, 11)


class Unfit(Exception):
    """The machine lacks something; the message is one sentence that says what to do."""


def python_version(version: "tuple[int, ...]" = tuple(sys.version_info[:2])) -> None:
    """Refuse an interpreter that is too old. Raises Unfit."""
    if version < OLDEST:
        oldest, this = (".".join(map(str, v)) for v in (OLDEST, version))
        raise Unfit(
            f"Thumbprint needs Python {oldest} or newer and this is {this}: install a newer one, "
            "or name it if it is here, `make run PYTHON=python3.12`."
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
