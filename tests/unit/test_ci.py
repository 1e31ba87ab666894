"""CI does not go green without a server: where PostgreSQL is missing, its tests would all be skipped."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "run"
PLACE = "/usr/lib/postgresql"


def run(home: Path, *, programs: tuple[str, ...], root: bool = False) -> subprocess.CompletedProcess[str]:
    """CI's script on a machine with these programs alone, `make` among them, which writes down its calls."""
    text = SCRIPT.read_text()
    assert PLACE in text
    (home / ".ci").mkdir()
    script, there = home / ".ci" / "run", home / "bin"
    script.write_text(text.replace(PLACE, str(home / "lib")).replace("/tmp/", f"{home}/"))
    there.mkdir()
    said = {"id": f"echo {0 if root else 1000}", "make": f'echo "$@" >> {home}/made', "dirname": "echo .ci"}
    said["apt-get"] = f'echo "$@" >> {home}/installed; case "$*" in *postgresql*) mkdir -p {home}/lib/15/bin;'
    said["apt-get"] += f" /bin/touch {home}/lib/15/bin/initdb {home}/lib/15/bin/postgres;; esac"
    said["mkdir"] = '/bin/mkdir "$@"'
    for name in (*programs, "id", "make", "dirname", "mkdir"):
        (there / name).write_text(f"#!/bin/bash\n{said.get(name, '')}\n")
        (there / name).chmod(0o755)
    return subprocess.run(
        ["/bin/bash", str(script)],
        capture_output=True,
        text=True,
        cwd=home,
        env={**os.environ, "PATH": str(there)},
        timeout=30,
    )


def test_without_a_server_nothing_is_tested_and_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    done = run(tmp_path, programs=("chromium", "apt-get"))
    assert done.returncode == 1 and not (tmp_path / "made").exists()
    assert done.stdout.count("✗") == 1 and "install the package postgresql" in done.stdout, done


@pytest.mark.parametrize("missing", ["initdb", "postgres"])
def test_half_a_server_is_none(tmp_path: Path, missing: str) -> None:
    (there,) = {"initdb", "postgres"} - {missing}
    assert run(tmp_path, programs=("chromium", there)).returncode == 1


def test_a_server_that_is_there_is_used(tmp_path: Path) -> None:
    done = run(tmp_path, programs=("chromium", "apt-get", "initdb", "postgres"), root=True)
    assert done.returncode == 0, done
    assert (tmp_path / "made").read_text().split() == ["check", "test"]
    assert not (tmp_path / "installed").exists()


def test_a_server_is_installed_where_that_is_allowed(tmp_path: Path) -> None:
    done = run(tmp_path, programs=("chromium", "apt-get"), root=True)
    assert done.returncode == 0, done
    assert "install -y --no-install-recommends postgresql" in (tmp_path / "installed").read_text()
    assert (tmp_path / "made").read_text().split() == ["check", "test"]
