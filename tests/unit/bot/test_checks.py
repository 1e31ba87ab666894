"""The machine is looked at first, and what is amiss is one sentence that says what to do."""

from __future__ import annotations

import ast
import socket
from pathlib import Path

import pytest

from bot import checks

SOURCE = Path(checks.__file__)


@pytest.mark.parametrize("minor", [6, 7, 8, 9, 10])
def test_an_old_python_can_read_the_file_that_refuses_it(minor: int) -> None:
    ast.parse(SOURCE.read_text(), feature_version=(3, minor))
    with pytest.raises(checks.Unfit, match=f"this is 3.{minor}.*PYTHON="):
        checks.python_version((3, minor))


def test_only_the_standard_library_is_imported() -> None:
    names = {
        alias.name.split(".")[0]
        for node in ast.walk(ast.parse(SOURCE.read_text()))
        for alias in getattr(node, "names", ())
        if isinstance(node, ast.Import)
    } | {
        str(node.module).split(".")[0]
        for node in ast.walk(ast.parse(SOURCE.read_text()))
        if isinstance(node, ast.ImportFrom)
    }
    assert names <= {"re", "shutil", "socket", "subprocess", "sys", "tempfile", "threading", "pathlib"}


def test_too_little_disk_names_both_numbers(tmp_path: Path) -> None:
    checks.disk(tmp_path / "not" / "there", 0.0)
    with pytest.raises(checks.Unfit, match="GiB free and 1000000 GiB are needed"):
        checks.disk(tmp_path, 1e6)


def test_a_busy_port_names_the_setting_that_moves_ours() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(checks.Unfit, match=f"Port {port} .*THUMBPRINT_PORT"):
            checks.port_free(port, "THUMBPRINT_PORT")
    checks.port_free(port, "THUMBPRINT_PORT")


def test_a_folder_that_cannot_be_written_names_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(checks.Unfit, match="THUMBPRINT_HOME"):
        checks.writable(tmp_path / "file" / "home", "THUMBPRINT_HOME")


@pytest.mark.parametrize(
    ("stderr", "sentence"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "disk is full",
        ),
        ("NewConnectionError: Failed to establish a new connection", "cannot be reached"),
        (
            "Temporary failure in name resolution\nERROR: No matching distribution found for x",
            "cannot be reached",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "came damaged"),
        ("error: command 'gcc' failed: No such file or directory", "C compiler"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no fitting version"),
        ("ERROR: something else", "for the reason above"),
    ],
)
def test_what_pip_says_becomes_what_to_do(stderr: str, sentence: str) -> None:
    assert sentence in checks.remedy(stderr)


def test_what_a_killed_pip_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in ("whole-1.0.dist-info", "half-1.0.dist-info", "~orch", "torch"):
        (packages / name).mkdir(parents=True)
    (packages / "whole-1.0.dist-info" / "INSTALLER").write_text("pip\n")
    assert checks.heal(tmp_path) == ["half-1.0.dist-info", "~orch"]
    assert sorted(path.name for path in packages.iterdir()) == ["torch", "whole-1.0.dist-info"]
