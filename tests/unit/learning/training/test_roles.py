"""One backbone, three roles: each reads as a model of its own would."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from learning.training.roles import Roles
from storage.errors import ModelError
from tests.unit.learning.models.tiny import write_adapter, write_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")

PROMPTS = [[5, 6, 7, 8, 9, 10], [40, 41], [7]]
ANSWERS = [[20, 2], [21, 22, 23, 24], [25, 26, 27, 2]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "base")


def trained_a_little(roles: Roles) -> None:
    """A few steps that change what training may change."""
    optimizer = torch.optim.Adam(roles.trained().values(), lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        reading = roles.read(roles.sequences(PROMPTS, ANSWERS), 1.0)
        (reading.log_probs.sum() + (reading.values - 1).square().sum()).backward()
        optimizer.step()


@torch.no_grad()
def read(roles: Roles, role: str) -> torch.Tensor:
    return roles.read(roles.sequences(PROMPTS, ANSWERS), 0.7, role).log_probs


@torch.no_grad()
def test_padding_changes_nothing_of_what_is_read(base):
    """Against a plain model that reads each text alone, without padding."""
    plain = AutoModelForCausalLM.from_pretrained(str(base))
    found = read(Roles.load(base), "policy")
    for row, (prompt, answer) in enumerate(zip(PROMPTS, ANSWERS, strict=True)):
        logits = plain(torch.tensor([prompt + answer])).logits[0] / 0.7
        known = logits.log_softmax(-1)
        wanted = [float(known[len(prompt) - 1 + i, token]) for i, token in enumerate(answer)]
        assert found[row, : len(answer)].tolist() == pytest.approx(wanted, abs=1e-4)
        assert not found[row, len(answer) :].any()


def test_before_the_first_step_policy_reference_and_base_are_one(base):
    roles = Roles.load(base)
    policy = read(roles, "policy")
    assert torch.equal(policy, read(roles, "reference")) and torch.equal(policy, read(roles, "base"))


def test_training_changes_the_policy_alone(base):
    roles = Roles.load(base)
    frozen = {k: v.clone() for k, v in roles.model.named_parameters() if "lora" not in k}
    before = read(roles, "reference")
    trained_a_little(roles)
    assert not torch.allclose(read(roles, "policy"), before, atol=0.1)
    assert torch.equal(read(roles, "reference"), before)
    assert all(torch.equal(v, frozen[k]) for k, v in roles.model.named_parameters() if k in frozen)
    assert all("lora" in name or name.startswith("value_head.") for name in roles.trained())


def test_the_adapter_that_training_goes_on_from_is_the_reference(base, tmp_path):
    adapter = write_adapter(tmp_path / "adapter", base)
    roles = Roles.load(base, adapter=adapter)
    begun = read(roles, "reference")
    assert torch.equal(read(roles, "policy"), begun)
    assert torch.allclose(read(roles, "base"), read(Roles.load(base), "base"))
    assert not torch.allclose(read(roles, "base"), begun, atol=0.1)
    trained_a_little(roles)
    assert torch.equal(read(roles, "reference"), begun)
    assert not torch.allclose(read(roles, "policy"), begun, atol=0.1)
    assert all(each.requires_grad for each in roles.trained().values())
    assert not any("reference" in name for name in roles.trained())


def test_values_are_nought_at_first_and_only_the_policy_has_them(base):
    roles = Roles.load(base)
    batch = roles.sequences(PROMPTS, ANSWERS)
    assert not roles.read(batch, 1.0).values.any()
    assert roles.read(batch, 1.0, "reference").values is None


def test_the_lora_is_the_same_for_a_seed_and_leaves_torchs_own_randomness_alone(base):
    state = torch.get_rng_state()
    one, other, third = (Roles.load(base, seed=seed).trained() for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(not torch.equal(one[name], third[name]) for name in one)


def test_an_adapter_that_cannot_be_merged_is_refused(base, tmp_path):
    adapter = write_adapter(tmp_path / "adapter", base, modules_to_save=["lm_head"])
    with pytest.raises(ModelError, match="modules_to_save"):
        Roles.load(base, adapter=adapter)
