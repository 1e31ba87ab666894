"""What ships, made again: every stage for real, on tiny networks and made-up questions."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from learning.training import artefact, evaluate, ppo, rejection, reward, sft, shipped, snapshot
from learning.training.arguments import parse
from learning.training.rows import Source
from learning.training.shipped_options import Recipe
from storage.errors import ConfigurationError
from tests.unit.learning.models.tiny import write_model
from tests.unit.learning.training.conftest import made_up

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
FEW = (
    *("--precision", "fp32", "--rank", "4", "--longest", "400", "--sft-steps", "2", "--threads", "1"),
    *("--asked", "24", "--facts", "2", "--attempts-at-best", "24"),
    *("--steps", "2", "--batch", "8", "--batch-facts", "2", "--max-answer", "64"),
    *("--questions", "3", "--attempts", "1", "--seeds", "1", "--best-of", "0"),
)


@pytest.fixture(scope="module")
def made(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """All of it, once."""
    home = tmp_path_factory.mktemp("shipped")
    data = home / "questions"
    data.mkdir()
    rows = made_up(80)
    rows[0]["answers"][0]["text"] += " see https://docs.python.org"
    (data / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    judge = _reward(data, encoder, home)
    where = {
        "--data": data,
        "--out": home / "out",
        "--model": write_model(home / "base", window=512),
        "--encoder": encoder,
        "--cache": home / "cache",
    }
    given = [str(word) for pair in {**where, "--reward": judge}.items() for word in pair]
    recipe = parse(Recipe, "", [*given, *FEW])
    assert shipped.run(recipe, console=Console(file=StringIO())) == home / "out" / "card"
    return recipe


def _reward(data: Path, encoder: Path, home: Path) -> Path:
    """Another head than the one that judges: it reads surface, too."""
    told = ["--data", str(data), "--out", str(home / "reward"), "--encoder", str(encoder), "--loss", "none"]
    reward.run(
        parse(reward.Options, "", [*told, "--surface", "--cache", str(home / "cache")]),
        Console(file=StringIO()),
    )
    return home / "reward"


def test_the_adapter_comes_with_the_evaluation_that_judged_it(made: Recipe) -> None:
    ships = artefact.read(made.out / "card")
    tuned = artefact.read(made.out / "sft")
    assert (ships.stage, ships.parent) == ("ppo", tuned.id)
    assert (tuned.stage, tuned.parent) == ("sft", artefact.read(made.out / "people").id)
    card = (made.out / "card" / artefact.CARD).read_text()
    assert "This adapter is the system `ppo`." in card
    report = json.loads((made.out / "evaluation" / evaluate.REPORT).read_text())
    assert [one["id"] for one in report["about"]["systems"]["ppo"]] == [
        artefact.read(made.out / "ppo" / "adapter").id
    ]


def test_no_demonstration_has_a_link(made: Recipe) -> None:
    (folder,) = (made.out / "data").glob("s_*")
    rows = snapshot.read(folder).rows.demonstrations
    assert len(rows) == 79
    assert not any("://" in row.completion for row in rows)


def test_the_second_part_of_fine_tuning_learns_from_the_firsts_own_answers(made: Recipe) -> None:
    (folder,) = (made.out / "best").glob("s_*")
    found = snapshot.read(folder)
    assert artefact.read(made.out / "sft").snapshot == found.id
    assert found.manifest["about"]["questions"]["asked"] == 24
    assert {one.origin.source for one in found.rows.demonstrations} == {Source.AI}


def test_what_is_whole_is_not_made_again(made: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: Any, **more: Any) -> None:
        raise AssertionError("it was made already")

    for stage in (sft, rejection, reward, ppo, evaluate):
        monkeypatch.setattr(stage, "run", never)
    assert shipped.run(made, console=Console(file=StringIO())) == made.out / "card"


def test_another_recipe_does_not_go_on_in_its_folder(made: Recipe) -> None:
    with pytest.raises(ConfigurationError, match="another missing_eos"):
        shipped.run(
            parse(
                Recipe,
                "",
                [
                    "--data",
                    str(made.data),
                    "--out",
                    str(made.out),
                    "--missing-eos",
                    "0.1",
                    "--model",
                    str(made.model),
                    "--encoder",
                    str(made.encoder),
                    "--reward",
                    str(made.reward),
                    *FEW,
                ],
            )
        )
