"""What `make` runs first: readable by an old Python, repaired after a stop, idle when all is there."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest

from bot import checks, install, pip

SOURCES = [Path(module.__file__) for module in (checks, install, pip)]
STANDARD = {
    *(
        "contextlib",
        "fcntl",
        "glob",
        "os",
        "pathlib",
        "re",
        "shutil",
        "signal",
        "socket",
        "subprocess",
        "sys",
    ),
    *("tempfile", "threading", "time"),
}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@pytest.mark.parametrize("minor", [6, 10])
def test_an_old_python_can_read_the_files_that_refuse_it(source: Path, minor: int) -> None:
    ast.parse(source.read_text(), feature_version=(3, minor))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_only_the_standard_library_is_imported(source: Path) -> None:
    names = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(str(node.module).split(".")[0])
    assert names <= STANDARD | {"bot"}


def test_what_a_killed_pip_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in ("whole-1.0.dist-info", "half-1.0.dist-info", "~orch", "torch"):
        (packages / name).mkdir(parents=True)
    (packages / "whole-1.0.dist-info" / "INSTALLER").write_text("pip\n")
    assert install.heal(tmp_path) == ["half-1.0.dist-info", "~orch"]
    assert sorted(path.name for path in packages.iterdir()) == ["torch", "whole-1.0.dist-info"]


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """What a finished installation looks like: this Python, its configuration, the stamp."""
    for source in install.SOURCES:
        (tmp_path / source).touch()
    made = tmp_path / ".venv"
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "python").symlink_to(sys.executable)
    (made / "pyvenv.cfg").write_text(f"home = /x\nversion = {install.THIS}.9\n")
    (made / install.STAMP).write_text("installed\n")
    return made


def test_nothing_is_done_where_all_is_installed(venv: Path, capfd: pytest.CaptureFixture[str]) -> None:
    install.install(venv)
    assert capfd.readouterr().out == ""


def test_a_changed_pin_another_python_or_a_broken_one_is_not_taken_for_installed(venv: Path) -> None:
    assert install.fresh(venv)
    later = (venv / install.STAMP).stat().st_mtime + 9
    os.utime(venv.parent / "constraints.txt", (later, later))
    assert not install.fresh(venv)
    os.utime(venv / install.STAMP, (later, later))
    assert install.fresh(venv)
    (venv / "pyvenv.cfg").write_text("version = 3.10.1\n")
    assert not install.fresh(venv)
    (venv / "pyvenv.cfg").write_text(f"version_info = {install.THIS}.1\n")
    assert install.fresh(venv)
    (venv / "bin" / "python").unlink()
    assert not install.fresh(venv)
