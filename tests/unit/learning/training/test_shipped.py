"""What ships, made again: every stage for real, on tiny networks and made-up questions."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from learning.models.policy import Policy
from learning.training import artefact, evaluate, ppo, rejection, reward, sft, shipped, snapshot
from learning.training.arguments import parse
from learning.training.rows import Source
from learning.training.shipped_options import Recipe
from storage.errors import ConfigurationError
from tests.unit.learning.models.tiny import write_model
from tests.unit.learning.training.conftest import made_up

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
FEW = (
    *("--precision", "fp32", "--rank", "4", "--max-prompt", "400", "--sft-steps", "2", "--threads", "1"),
    *("--asked", "24", "--facts", "2", "--drafts", "24"),
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
        "--judge": encoder,
        "--cache": home / "cache",
    }
    given = [str(word) for pair in {**where, "--reward": judge}.items() for word in pair]
    recipe = parse(Recipe, "", [*given, *FEW])
    assert shipped.run(recipe, console=Console(file=StringIO())) == home / "out" / "card"
    return recipe


def test_the_run_that_is_kept_goes_on_by_the_recipe_as_it_is() -> None:
    """Another default would refuse its folder, hours of work with it."""
    kept = Path(shipped.__file__).parent.parent / "shipped" / "run"
    recipe = Recipe(data=Path("so_python"), out=kept)
    assert json.loads((kept / "recipe.json").read_text()) == recipe.recorded
    stages = {file.stem: json.loads(file.read_text()) for file in (kept / "stages").iterdir()}
    assert artefact.read(kept / "sft").id == stages["sft"]["adapter"]
    assert stages["best"]["questions"]["asked"] == recipe.asked
    for name, asked in (("questions", recipe.asked), ("facts", recipe.facts)):
        head, *rows = (kept / "best" / f"{name}.jsonl").read_text().splitlines()
        assert json.loads(head)["sampling"]["max_tokens"] == recipe.max_answer
        assert len(rows) == asked and all(len(json.loads(row)["written"]) == recipe.drafts for row in rows)


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
    assert (ships.stage, ships.parent) == ("ppo", artefact.read(made.out / "sft").id)
    card = (made.out / "card" / artefact.CARD).read_text()
    assert "This adapter is the system `ppo`." in card
    report = json.loads((made.out / "evaluation" / evaluate.REPORT).read_text())
    assert [one["id"] for one in report["about"]["systems"]["ppo"]] == [
        artefact.read(made.out / "ppo" / "adapter").id
    ]


def test_fine_tuning_learns_from_the_bases_own_answers_none_of_which_has_a_link(made: Recipe) -> None:
    (folder,) = (made.out / "best").glob("s_*")
    found = snapshot.read(folder)
    assert artefact.read(made.out / "sft").snapshot == found.id
    assert found.manifest["about"]["questions"]["asked"] == 24
    assert {one.origin.source for one in found.rows.demonstrations} == {Source.AI}
    assert not any("://" in row.completion for row in found.rows.demonstrations)


def test_the_price_of_signs_and_the_facts_of_a_batch_reach_ppo(made: Recipe) -> None:
    options = artefact.read(made.out / "ppo" / "adapter").options
    told = ("sign_cost", "facts", "epochs", "max_prompt", "max_answer")
    assert [options[name] for name in told] == [0.5, 2, 2, 400, 64]


def test_what_is_whole_is_not_made_again(made: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: Any, **more: Any) -> None:
        raise AssertionError("it was made already")

    for stage in (sft, rejection, reward, ppo, evaluate):
        monkeypatch.setattr(stage, "run", never)
    assert shipped.run(made, console=Console(file=StringIO())) == made.out / "card"


def test_a_snapshot_that_is_gone_is_made_again_of_the_answers_that_were_kept(
    made: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = (made.out / "best").glob("s_*")
    shutil.rmtree(folder)
    monkeypatch.setattr(Policy, "write", None)  # nothing is left to write
    shipped.run(replace(made, until="best"), console=Console(file=StringIO()))
    assert snapshot.read(folder).id == folder.name


def test_facts_that_leave_no_room_in_a_batch_are_refused_before_hours_of_other_stages(made: Recipe) -> None:
    with pytest.raises(ConfigurationError, match="Of a batch of 8 answers 8 cannot be to made-up facts"):
        shipped.run(replace(made, batch_facts=8))


def test_another_recipe_does_not_go_on_in_its_folder(made: Recipe) -> None:
    with pytest.raises(ConfigurationError, match="another missing_eos"):
        shipped.run(replace(made, missing_eos=0.1))
