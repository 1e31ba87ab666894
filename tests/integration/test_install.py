"""The installation by `make`, with a real venv and a real pip and a small project: stopped, and repaired."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "small"
version = "1.0"
"""

BACKEND = """
import pathlib, time, zipfile

ABOUT = "Metadata-Version: 2.1\\nName: small\\nVersion: 1.0\\nProvides-Extra: dev\\n"
WHEEL = "Wheel-Version: 1.0\\nGenerator: backend\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"


def build_wheel(folder, settings=None, metadata=None):
    if pathlib.Path("no-compiler").exists():
        raise FileNotFoundError(2, "No such file or directory", "gcc")
    if pathlib.Path("slow").exists():
        pathlib.Path("slow").rename("building")
        time.sleep(4)
    name = "small-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        wheel.writestr("small.py", "HERE = True")
        for file, text in (("METADATA", ABOUT), ("WHEEL", WHEEL), ("RECORD", "")):
            wheel.writestr("small-1.0.dist-info/" + file, text)
    return name


build_editable = build_wheel
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "constraints.txt").write_text("# none\n")
    return tmp_path


def begin(project: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bot.install"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PIP_NO_INDEX": "1", "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(project: Path) -> tuple[int, str, str]:
    child = begin(project)
    out, err = child.communicate(timeout=120)
    return child.returncode, out, err


def works(project: Path) -> bool:
    return subprocess.call([project / ".venv/bin/python", "-c", "import small"], cwd="/") == 0


def test_a_failed_a_killed_and_a_half_removed_installation_are_put_right_by_the_next(project: Path) -> None:
    (project / "no-compiler").touch()
    code, _, err = ended(project)
    assert code == 1 and err.splitlines()[-1].startswith("✗ A package has to be compiled here: install a C")
    assert not (project / ".venv/.ready").exists()

    (project / "no-compiler").unlink()
    (project / "slow").touch()
    killed = begin(project)
    while not (project / "building").exists():
        assert killed.poll() is None
        time.sleep(0.05)
    killed.kill()
    killed.communicate()
    code, out, err = ended(project)
    assert (code, err) == (0, "") and "Another installation" in out and "✓ installed" in out
    assert works(project) and not (project / ".venv/.pip").exists()

    assert ended(project) == (0, "", "")

    [pip] = (project / ".venv").glob("lib/python*/site-packages/pip")
    shutil.rmtree(pip)
    (project / ".venv/.ready").unlink()
    code, out, _ = ended(project)
    assert code == 0 and "Making .venv" in out and works(project)
