"""pip's words become progress that a person can read, and one sentence when it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot import pip


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError: Failed to establish a new connection", "cannot be reached"),
        ("failure in name resolution\nERROR: No matching distribution found for x", "cannot be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "came damaged"),
        ("error: command 'gcc' failed: No such file or directory", "C compiler"),
        ("after connection broken by 'ReadTimeoutError'\nerror: command '/usr/bin/cc' failed", "C compiler"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no fitting version"),
        ("ERROR: something else", "for the reason above"),
    ],
)
def test_what_pip_says_becomes_what_to_do(said: str, sentence: str) -> None:
    assert sentence in pip.remedy(said)


def packages(venv: Path, *names: str) -> None:
    for name in names:
        folder = venv / "lib" / "python3.11" / "site-packages" / f"{name}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "INSTALLER").touch()


def test_progress_says_what_is_fetched_and_then_what_is_installed(tmp_path: Path) -> None:
    scratch = tmp_path / ".pip" / "unpack"
    scratch.mkdir(parents=True)
    progress = pip.Progress(4, tmp_path, tmp_path / ".pip")
    assert progress.now() == (0.0, "collecting packages: 0 found, 0 MiB fetched")
    for line in ("Collecting torch==2.13", "  Downloading torch-2.13.0-cp311-linux.whl (888.1 MB)"):
        progress.hear(line)
    (scratch / "torch.whl").write_bytes(bytes(3 * 2**20))
    assert progress.now() == (0.25, "collecting packages: 1 found, 3 MiB fetched, torch (888.1 MB)")
    progress.hear("Installing collected packages: Types.PyYAML, numpy, torch, thumbprint\n")
    packages(tmp_path, "types_pyyaml", "numpy", "pip")
    assert progress.now() == (0.5, "installing 3 of 4: torch")
    packages(tmp_path, "torch", "thumbprint")
    assert progress.now() == (1.0, "installing 4 of 4: thumbprint")
    progress.hear("Successfully installed numpy-1.0")
    assert progress.now() == (1.0, "tidying up")


def test_a_line_of_progress_says_how_far_how_long_and_what() -> None:
    assert (
        pip.drawn(0.5, "installing 3 of 6: torch", 75)
        == f"  {'━' * 10}{'╌' * 10} 1:15  installing 3 of 6: torch"
    )


def test_in_a_log_progress_is_a_line_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pip, "SAY_S", 0.2)
    script = "import time; print('Collecting x', flush=True); time.sleep(1.2); raise SystemExit(3)"
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert pip.watch(child, pip.Progress(1, tmp_path, tmp_path)) == 3
    said = capsys.readouterr().out
    assert "1 found" in said and "\r" not in said
