"""The int8 forward pass is the architecture's own, up to quantisation."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from learning.models.lora import Lora
from learning.models.network import Network, Prefix, Tails
from storage.errors import ModelError
from tests.unit.learning.models.tiny import write_adapter, write_model

# peft asks transformers for a name that has become another
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
IDS = torch.randint(3, 259, (40,), generator=torch.Generator().manual_seed(5))


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack((a.flatten(), b.flatten())))[0, 1])


def read_all(network: Network, length: int, block: int) -> tuple[Prefix, torch.Tensor]:
    prefix = Prefix(network.shape, length)
    for start in range(0, length, block):
        logits = network.read(IDS[start : min(start + block, length)], prefix, start)
    return prefix, logits


@pytest.mark.parametrize("kind", ["llama", "tied", "qwen2", "llama3"])
def test_logits_follow_the_reference_for_each_architecture(kind: str, tmp_path: Path) -> None:
    folder = write_model(tmp_path / kind, kind)
    expected = AutoModelForCausalLM.from_pretrained(str(folder))(IDS[None]).logits[0]
    network = Network(folder)
    with torch.inference_mode():
        _, logits = read_all(network, 40, 16)
        assert correlation(logits[0], expected[-1]) > 0.995
        prefix, _ = read_all(network, 30, 30)
        tails = Tails(network.shape, 3, 10)
        for step in range(10):
            rows = network.step(IDS[30 + step].repeat(3), prefix, 30, tails, step)
        assert correlation(rows[1], expected[-1]) > 0.995
        assert torch.equal(rows[0], rows[2])


def test_one_loud_row_does_not_cost_the_others_their_bits(base: Path) -> None:
    from learning.models.network import _unit
    from learning.models.weights import Matrix

    weight = torch.randn(32, 64, generator=torch.Generator().manual_seed(1))
    rows = torch.randn(2, 64, generator=torch.Generator().manual_seed(2))
    rows[0] *= 1000
    with torch.inference_mode():
        result = Matrix(weight)(*_unit(rows))
    assert correlation(result[1], rows[1] @ weight.T) > 0.999


@pytest.mark.parametrize("options", [{}, {"use_rslora": True}])
def test_a_merged_adapter_is_what_peft_merges(options: dict[str, object], base: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    folder = write_adapter(tmp_path / "adapter", base, **options)
    reference = AutoModelForCausalLM.from_pretrained(str(base))
    merged = PeftModel.from_pretrained(reference, str(folder)).merge_and_unload()
    expected = merged(IDS[None]).logits[0, -1]
    with torch.inference_mode():
        _, with_adapter = read_all(Network(base, lora=Lora(folder)), 40, 40)
        _, without = read_all(Network(base), 40, 40)
    assert correlation(with_adapter[0], expected) > 0.99
    assert correlation(without[0], expected) < 0.9


def test_an_adapter_that_cannot_be_merged_is_refused_by_name(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", base, use_dora=True)
    with pytest.raises(ModelError, match="use_dora"):
        Lora(folder)


def test_an_adapter_of_another_base_is_refused(base: Path, tmp_path: Path) -> None:
    folder = write_adapter(tmp_path / "adapter", base)
    config = json.loads((base / "config.json").read_text())
    small = tmp_path / "small"
    small.mkdir()
    for file in base.iterdir():
        (small / file.name).write_bytes(file.read_bytes())
    (small / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 1}))
    with pytest.raises(ModelError, match="does not have"):
        Network(small, lora=Lora(folder))


def test_another_architecture_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    with pytest.raises(ModelError, match="'gpt2'"):
        Network(tmp_path)
