"""A reward model's card says what it is of and how good that is, and never another model's figures."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from learning.training import reward, reward_card, reward_report
from learning.training.reward_encoder import Tuning
from learning.training.reward_model import Reading, RewardModel
from storage.errors import DataError
from tests.unit.learning.training.conftest import made_up

QUIET = Console(quiet=True)


def made(encoder: Path, data: Path, out: Path, seed: int = 0) -> Path:
    given = reward.Options(
        data=data,
        out=out,
        encoder=str(encoder),
        tuning=Tuning(loss="none", seed=seed),
        reading=Reading(longest_tokens=64),
        penalty=0.1 + seed,
    )
    return reward.run(given, QUIET).folder


def judged(model: Path, data: Path, out: Path) -> Path:
    reward_report.run(reward_report.Options(data=data, model=model, part="test", out=out), QUIET)
    return out


def test_the_card_has_the_models_hashes_options_and_figures(encoder: Path, folder_of, tmp_path: Path) -> None:
    data = folder_of(made_up(80), "questions")
    model = made(encoder, data, tmp_path / "m")
    report = judged(model, data, tmp_path / "r")
    said = reward_card.run(reward_card.Options(model=model, report=report, licence="CC0-1.0")).read_text()
    about = RewardModel.load(model).about  # the card does no harm to the model
    digest = about["files"]["head.safetensors"]["sha256"]
    for part in (
        f"`{digest}`",
        f"`{about['data']}`",
        "| penalty | 0.1 |",
        "| reward | 100.0% |",
        "seen.txt",
        "under CC0-1.0.",
    ):
        assert part in said
    assert str(tmp_path) not in said.replace(str(encoder), "")
    assert (model / "report.json").read_bytes() == (report / "report.json").read_bytes()


def test_figures_of_another_model_or_none_are_refused(encoder: Path, folder_of, tmp_path: Path) -> None:
    data = folder_of(made_up(80), "questions")
    one, other = (made(encoder, data, tmp_path / f"m{seed}", seed) for seed in (0, 1))
    report = judged(other, data, tmp_path / "r")
    with pytest.raises(DataError, match="judged another model"):
        reward_card.run(reward_card.Options(model=one, report=report, licence="CC0-1.0"))
    with pytest.raises(DataError, match="holds no report"):
        reward_card.run(reward_card.Options(model=one, report=tmp_path, licence="CC0-1.0"))
    assert reward_card.main(["--model", str(one), "--report", str(report), "--licence", "CC0-1.0"]) == 1
