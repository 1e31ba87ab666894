"""kill -9 at every stage of a night: begun again, it comes to the adapter of one that was not killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot import night_lock
from learning.training import artefact, night_journal
from storage.database import Database
from storage.records import RunStatus
from tests.integration.model_process import PLAIN
from tests.unit.learning.models.tiny import write_model
from tests.unit.learning.training.nights import write_data
from tests.unit.learning.training.tiny_encoder import write_encoder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1700)]

PLACES = (
    "exported",
    "begun",
    "rowed",
    "*/*/recipe.json",
    "*/*/stages/data.json",
    "*/*/.sft-work/checkpoint-1/*",
    "*/*/stages/sft.json",
    "*/*/reward.part/*",
    "*/*/stages/reward.json",
    "*/*/stages/independent.json",
    "*/*/ppo/checkpoints/step-1.pt",
    "*/*/stages/ppo.json",
    "*/*/evaluation/answers/*",
    "evaluated",
    "*/*/gate/*",
    "judged",
)
END = "the end: 0"


def test_a_night_that_is_killed_at_sixteen_places_comes_to_the_same_adapter(tmp_path: Path) -> None:
    base, encoder = write_model(tmp_path / "base"), write_encoder(tmp_path)
    data = write_data(tmp_path / "snapshots")

    def nights(home: str, *places: str) -> list[str]:
        """How each of them ended, in the program's words."""
        (tmp_path / home).mkdir()
        given = [tmp_path / home, data, base, encoder, *places]
        command = [sys.executable, "-m", "tests.integration.night_program", *map(str, given)]
        env = {**PLAIN, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=1600)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return [line for line in done.stdout.splitlines() if line in (*(f"{one}: -9" for one in places), END)]

    assert nights("killed", *PLACES) == [*(f"{place}: -9" for place in PLACES), END]
    assert nights("whole") == [END]

    folders = {}
    for home in ("killed", "whole"):
        database = Database(f"sqlite:///{tmp_path / home}/night.db")
        with database.unit(read_only=True) as unit:
            [run] = unit.adapters.runs()
            assert unit.adapters.current() == []
        database.dispose()
        assert run.status is RunStatus.KEPT
        assert night_lock.is_free(tmp_path / home / "training")
        folders[home] = Path(run.folder)
        verdict = night_journal.read(folders[home] / night_journal.VERDICT)
        assert verdict["adapter"] == run.adapter == artefact.read(folders[home] / "ppo" / "adapter").id
        assert "memory" in run.reason
        assert (folders[home] / "report.md").read_text().count("\n| ") > 8
    assert artefact.read(folders["killed"] / "sft") == artefact.read(folders["whole"] / "sft")
    assert artefact.read(folders["killed"] / "ppo/adapter") == artefact.read(folders["whole"] / "ppo/adapter")
