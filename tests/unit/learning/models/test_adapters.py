"""An adapter is served only whole, on its own base and under its own template."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from learning import prompt
from learning.models import adapters, store
from learning.models.adapters import MANIFEST, Manifest, base_hash, check, read, template_hash
from learning.models.policy import Policy
from learning.models.store import sha256_of
from learning.models.tokenizer import Tokens
from storage.errors import ModelError
from tests.unit.learning.models.tiny import write_adapter, write_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


def seal(folder: Path, base: Path, /, **other: str) -> Manifest:
    """Write the manifest of an adapter that PEFT has saved."""
    about = Manifest(
        stage="sft",
        run="sft-1",
        base=base_hash(base),
        base_name="tiny",
        template=template_hash(Tokens(base)),
        template_version=prompt.TEMPLATE,
        snapshot="0" * 64,
        seeds=(1, 2),
        options={"rank": 4},
        metrics={"loss": 1.5},
        files={name: sha256_of(folder / name) for name in adapters.NEEDED},
    )
    about = replace(about, **other)  # type: ignore[arg-type]
    (folder / MANIFEST).write_text(about.text())
    return about


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_adapter(tmp_path_factory.mktemp("adapters") / "whole", base)
    seal(folder, base)
    return folder


@pytest.fixture
def copy(adapter: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(adapter, tmp_path / "copy"))


def test_what_was_written_is_read_again_and_may_be_served(adapter: Path, base: Path) -> None:
    manifest = check(adapter, base=base, tokens=Tokens(base))
    assert manifest is not None
    assert (manifest.stage, manifest.seeds, manifest.metrics) == ("sft", (1, 2), {"loss": 1.5})
    assert manifest.id == json.loads((adapter / MANIFEST).read_text())["id"]


def test_a_base_has_its_name_from_the_cache_from_the_hub_or_from_its_folder(tmp_path: Path) -> None:
    cached = tmp_path / "policy" / "b179c9523d0e6a0f"
    cached.mkdir(parents=True)
    assert adapters.base_name(cached) == "b179c9523d0e6a0f"
    store.seal(cached, name="SmolLM2-135M-Instruct")
    assert adapters.base_name(cached) == "SmolLM2-135M-Instruct"
    hub = tmp_path / "models--owner--a--b" / "snapshots" / "1f"
    hub.mkdir(parents=True)
    assert adapters.base_name(hub) == "owner/a--b"
    assert adapters.base_name("packaged") == "packaged"


@pytest.mark.parametrize("name", [MANIFEST, *adapters.NEEDED])
def test_one_byte_flipped_anywhere_refuses_the_adapter(name: str, copy: Path) -> None:
    whole = (copy / name).read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 40)):
        flipped = bytearray(whole)
        flipped[at] ^= 1
        (copy / name).write_bytes(flipped)
        if name == MANIFEST and same(flipped, whole):
            continue
        with pytest.raises(ModelError, match=r"damaged|another format"):
            read(copy)


def same(flipped: bytes, whole: bytes) -> bool:
    """Whether a flipped byte was one between the values, so that the manifest says the same."""
    try:
        return bool(json.loads(flipped) == json.loads(whole))
    except ValueError:
        return False


@pytest.mark.parametrize("name", adapters.NEEDED)
def test_a_missing_file_refuses_the_adapter_by_its_name(name: str, copy: Path) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelError, match=name):
        read(copy)


def test_a_manifest_that_names_no_weights_vouches_for_none(copy: Path) -> None:
    about = read(copy)
    assert about is not None
    (copy / MANIFEST).write_text(replace(about, files={}).text())
    with pytest.raises(ModelError, match=r"adapter_config\.json is damaged"):
        read(copy)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"format": "thumbprint adapter 1", "id": ""}'])
def test_a_manifest_that_is_none_refuses_the_adapter(text: str, copy: Path) -> None:
    (copy / MANIFEST).write_text(text)
    with pytest.raises(ModelError, match="damaged"):
        read(copy)


def test_an_adapter_of_another_base_is_refused_though_its_shapes_fit(
    adapter: Path, base: Path, tmp_path: Path
) -> None:
    other = write_model(tmp_path / "other", seed=7)
    with pytest.raises(ModelError, match=r"another base, tiny \(\w{12}\)"):
        Policy(other, adapter=adapter)
    assert Policy(base, adapter=adapter).network is not None


def test_an_adapter_of_another_template_is_refused(
    adapter: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt, "ASK", "Frage:")
    with pytest.raises(ModelError, match="another prompt template"):
        Policy(base, adapter=adapter)


def test_an_adapter_without_a_manifest_is_served_with_a_warning(
    base: Path, copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (copy / MANIFEST).unlink()
    assert check(copy, base=base, tokens=Tokens(base)) is None
    assert "has no thumbprint.json" in caplog.text


def test_a_base_is_its_tensors_and_configuration_however_they_are_kept(base: Path, tmp_path: Path) -> None:
    tensors = load_file(str(base / "model.safetensors"))
    names = sorted(tensors)
    parts = Path(shutil.copytree(base, tmp_path / "parts"))
    (parts / "model.safetensors").unlink()
    save_file({name: tensors[name] for name in names[:3]}, parts / "a.safetensors", {"by": "another"})
    save_file({name: tensors[name] for name in names[3:]}, parts / "b.safetensors")
    assert base_hash(parts) == base_hash(base)
    tensors[names[5]].view(torch.int32).flatten()[0] ^= 1
    save_file({name: tensors[name] for name in names[3:]}, parts / "b.safetensors")
    assert base_hash(parts) != base_hash(base)


def test_a_base_with_another_rotation_is_another_base(base: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(base, tmp_path / "other"))
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "transformers_version": "1"}))
    assert base_hash(other) == base_hash(base)
    (other / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.5}))
    assert base_hash(other) != base_hash(base)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SYSTEM", "Answer."),
        ("SYSTEM_ALONE", "Answer."),
        ("TEXT", "T:"),
        ("AGAIN", "Again:"),
        ("TEMPLATE", "t0"),
    ],
)
def test_every_word_of_the_prompt_is_in_the_templates_hash(
    name: str, value: str, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = Tokens(base)
    before = template_hash(tokens)
    assert before == template_hash(Tokens(base))
    monkeypatch.setattr(prompt, name, value)
    assert template_hash(tokens) != before


def test_the_tokenizers_template_and_its_end_are_in_the_templates_hash(base: Path) -> None:
    before = template_hash(Tokens(base))
    other = Tokens(base)
    other.inner.chat_template = other.inner.chat_template.replace("assistant", "bot")
    assert template_hash(other) != before
    ends = Tokens(base)
    ends.inner.eos_token = "<|endoftext|>"
    assert template_hash(ends) != before
