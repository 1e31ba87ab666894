"""The machine is looked at first, and what is amiss is one sentence that says what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bot import checks


@pytest.mark.parametrize("minor", [6, 7, 8, 9, 10])
def test_an_old_python_is_refused_with_what_to_do(minor: int) -> None:
    with pytest.raises(checks.Unfit, match=f"this is 3.{minor}.*PYTHON="):
        checks.python_version((3, minor))


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
