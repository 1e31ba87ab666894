"""An adapter's folder is written whole or not at all, and is the same for the same run."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from learning import prompt
from learning.models import store
from learning.models.adapters import MANIFEST, Manifest, base_hash, template_hash
from learning.models.policy import Policy
from learning.models.tokenizer import Tokens
from learning.training import artefact
from storage.errors import ConfigurationError, ModelError, SetupError

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture
def model(base: Path) -> Any:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False)
    return get_peft_model(AutoModelForCausalLM.from_pretrained(str(base)), config)


@pytest.fixture
def about(base: Path) -> Manifest:
    return Manifest(
        stage="sft",
        run="sft-1",
        base=base_hash(base),
        base_name="tiny",
        template=template_hash(Tokens(base)),
        template_version=prompt.TEMPLATE,
        snapshot="c0ffee",
        seeds=(3,),
        options={"rank": 4, "base": "tiny"},
        metrics={"loss": 1.25},
        data={"sources": {"corpus": 12}, "licences": {"CC-BY-SA-4.0": 12}},
    )


def test_what_is_written_is_served(model: Any, about: Manifest, base: Path, tmp_path: Path) -> None:
    written = artefact.write(tmp_path / "out", model, about)
    assert artefact.check(tmp_path / "out", base=base, tokens=Tokens(base)) == artefact.read(tmp_path / "out")
    assert artefact.read(tmp_path / "out").id == written.id
    assert Policy(base, adapter=tmp_path / "out").network is not None
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out"]


def test_the_same_weights_and_run_give_the_same_bytes_anywhere(
    model: Any, about: Manifest, tmp_path: Path
) -> None:
    for place in ("here", "there"):
        artefact.write(tmp_path / place / "out", model, about)
    here, there = (
        {file.name: file.read_bytes() for file in (tmp_path / place / "out").iterdir()}
        for place in ("here", "there")
    )
    assert here == there
    assert str(tmp_path).encode() not in b"".join(here.values())


def test_the_card_says_data_licence_hashes_seeds_figures_and_limits(
    model: Any, about: Manifest, tmp_path: Path
) -> None:
    written = artefact.write(tmp_path / "out", model, about)
    said = (tmp_path / "out" / artefact.CARD).read_text()
    for part in (
        "license: cc-by-sa-4.0",
        "Snapshot `c0ffee`",
        "| corpus | 12 |",
        "12 rows under CC-BY-SA-4.0",
        f"`{about.base}`",
        f"`{about.template}`",
        f"`{written.files['adapter_model.safetensors']}`",
        "seeds 3, from the bare base",
        "| rank | 4 |",
        "| loss | 1.25 |",
        "## Limits",
    ):
        assert part in said


def test_an_adapter_that_goes_on_from_another_says_the_rank_that_it_has(
    model: Any, about: Manifest, tmp_path: Path
) -> None:
    asked = replace(about, options={"rank": 16, "alpha": 32, "steps": 2}, parent="f00")
    written = artefact.write(tmp_path / "out", model, asked)
    assert written.options == {"rank": 4, "alpha": 8, "steps": 2}
    assert artefact.read(tmp_path / "out").options == written.options


def test_rows_of_several_licences_are_no_single_licence(model: Any, about: Manifest, tmp_path: Path) -> None:
    about = replace(about, data={"licences": {"CC-BY-SA-4.0": 3, "": 2}, "sources": {}}, parent="f00")
    artefact.write(tmp_path / "out", model, about)
    said = (tmp_path / "out" / artefact.CARD).read_text()
    assert "license: other" in said
    assert "2 rows under no stated licence" in said
    assert "continued from adapter `f00`" in said


def test_a_write_that_fails_leaves_nothing(
    model: Any, about: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "sha256_of", full)
    with pytest.raises(SetupError, match="No space left on device"):
        artefact.write(tmp_path / "out", model, about)
    assert not list(tmp_path.iterdir())


def test_a_figure_that_is_not_finite_is_never_written(model: Any, about: Manifest, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        artefact.write(tmp_path / "out", model, replace(about, metrics={"loss": float("nan")}))
    assert not list(tmp_path.iterdir())


def test_another_runs_folder_and_a_strangers_are_not_overwritten(
    model: Any, about: Manifest, tmp_path: Path
) -> None:
    artefact.write(tmp_path / "out", model, about)
    artefact.write(tmp_path / "out", model, about)
    with pytest.raises(ConfigurationError, match="name another --out"):
        artefact.write(tmp_path / "out", model, replace(about, run="sft-2"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(ConfigurationError, match="name another --out"):
        artefact.write(tmp_path / "mine", model, about)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "x"


def test_an_adapter_without_our_manifest_is_none_of_ours(model: Any, about: Manifest, tmp_path: Path) -> None:
    artefact.write(tmp_path / "out", model, about)
    plain = Path(shutil.copytree(tmp_path / "out", tmp_path / "plain"))
    (plain / MANIFEST).unlink()
    with pytest.raises(ModelError, match="no adapter of ours"):
        artefact.read(plain)


def test_a_run_is_named_by_all_that_its_result_depends_on() -> None:
    first = artefact.run_id("sft", {"rate": 1e-4}, "base", "snapshot")
    assert first == artefact.run_id("sft", {"rate": 1e-4}, "base", "snapshot")
    assert first != artefact.run_id("sft", {"rate": 2e-4}, "base", "snapshot")
    assert first.startswith("sft-")


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), RuntimeError("PytorchStreamWriter: file write failed")]
)
def test_a_full_disk_is_one_sentence_whichever_library_meets_it(error: Exception, tmp_path: Path) -> None:
    with (
        pytest.raises(SetupError, match="goes on from its last checkpoint"),
        artefact.full_disk_said(tmp_path),
    ):
        raise error
    with pytest.raises(RuntimeError, match="other"), artefact.full_disk_said(tmp_path):
        raise RuntimeError("other")
