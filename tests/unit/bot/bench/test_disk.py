"""The disk's own time is asked beside a measurement, and not after it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bot.bench import disk


def test_each_sync_is_timed_until_the_measurement_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fdatasync

    def slow(file: int) -> None:
        time.sleep(0.05)
        sync(file)

    monkeypatch.setattr(disk, "EVERY_S", 0.01)
    monkeypatch.setattr(os, "fdatasync", slow)
    with disk.syncs(tmp_path) as took:
        time.sleep(0.5)
    count = len(took)
    assert count >= 2 and all(one >= 0.05 for one in took)
    time.sleep(0.1)
    assert len(took) == count
