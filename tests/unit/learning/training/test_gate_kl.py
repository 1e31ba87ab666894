from __future__ import annotations

from pathlib import Path

import pytest
import torch

from learning.models.policy import Options, Policy
from learning.training.gate_kl import logits, nats_a_token
from tests.unit.learning.models.tiny import write_adapter

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module")
def policies(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Policy, Policy]:
    adapter = write_adapter(tmp_path_factory.mktemp("adapter") / "a", base)
    return Policy(base), Policy(base, adapter=adapter)


def test_the_distance_is_the_mean_over_tokens_of_the_whole_distributions(
    policies: tuple[Policy, Policy],
) -> None:
    ours, theirs = policies
    prompt, answer = list(range(40, 60)), [70, 80, 90]
    expected = []
    for place in range(3):  # token by token, as the policy writes
        read = [*prompt, *answer[:place]]
        one, other = (logits(each, read, [0])[0].double().softmax(-1) for each in (ours, theirs))
        expected.append(float((one * (one.log() - other.log())).sum()))
    assert nats_a_token(ours, theirs, prompt, answer) == pytest.approx(sum(expected) / 3, rel=0.05)


def test_the_reading_agrees_with_what_the_policy_wrote(policies: tuple[Policy, Policy]) -> None:
    ours, _ = policies
    prompt = list(range(40, 60))
    (written,) = ours.write(prompt, Options(max_tokens=6, seed=3))
    read = logits(ours, prompt, written.ids).log_softmax(-1)
    chances = read.gather(1, torch.tensor(written.ids)[:, None]).squeeze(1)
    assert chances.tolist() == pytest.approx(written.logprobs, abs=0.15)


def test_a_policy_is_no_distance_from_itself_and_some_from_another(policies: tuple[Policy, Policy]) -> None:
    ours, theirs = policies
    assert nats_a_token(ours, ours, [40, 41], [50, 51]) == pytest.approx(0.0, abs=1e-6)
    assert nats_a_token(ours, theirs, [40, 41], [50, 51]) > 0.01


@pytest.mark.parametrize(("prompt", "answer"), [([], [1]), ([1], [])])
def test_no_token_has_no_distance(
    policies: tuple[Policy, Policy], prompt: list[int], answer: list[int]
) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        nats_a_token(*policies, prompt, answer)
