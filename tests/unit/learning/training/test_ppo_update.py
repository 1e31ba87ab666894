"""However a minibatch is cut into parts, its gradient is the same; what is no number changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from learning.training import ppo_math
from learning.training.ppo_update import Rules, Sample, learn
from learning.training.processes import Processes
from learning.training.roles import Roles
from storage.errors import TrainingError

RULES = Rules(
    seed=0,
    epochs=1,
    minibatch=6,
    part=6,
    temperature=0.8,
    clip=0.2,
    value_clip=0.2,
    value_weight=0.5,
    max_gradient=0.0,
)
PROMPTS = [(5, 6, 7), (8,), (9, 10, 11, 12), (13, 14), (5,), (6, 7)]
ANSWERS = [(20,), (21, 22, 23), (24, 2), (25, 26, 27, 28), (29, 30), (31, 32, 33)]


def samples(roles: Roles) -> list[Sample]:
    chance = torch.Generator().manual_seed(0)
    made = []
    for prompt, answer in zip(PROMPTS, ANSWERS, strict=True):
        with torch.no_grad():
            read = roles.read(roles.sequences([prompt], [answer]), RULES.temperature)
        noise = torch.randn(3, len(answer), generator=chance)
        made.append(
            Sample(
                prompt=prompt,
                answer=answer,
                log_probs=read.log_probs[0] + 0.1 * noise[0],
                values=read.values[0],
                advantages=noise[1],
                returns=noise[2],
            )
        )
    return made


def gradients(base: Path, rules: Rules) -> dict[str, torch.Tensor]:
    roles = Roles.load(base, rank=4)
    optimizer = torch.optim.SGD(roles.trained().values(), lr=0.0)
    learn(roles, optimizer, samples(roles), rules, 1, Processes(cpu=True))
    return {name: each.grad.clone() for name, each in roles.trained().items()}


@pytest.mark.parametrize("part", [1, 2, 4, 5])
def test_accumulated_parts_have_the_gradient_of_the_whole_minibatch(base, part):
    """Answers of different lengths, and parts of different sizes: means of means would differ."""
    whole, parts = gradients(base, RULES), gradients(base, replace(RULES, part=part))
    assert any(each.abs().max() > 1e-3 for each in whole.values())
    for name, wanted in whole.items():
        torch.testing.assert_close(parts[name], wanted, rtol=1e-4, atol=1e-6)


def test_the_gradient_is_that_of_the_loss_as_it_is_written_down(base):
    """Against autograd over one unpadded answer after another."""
    roles = Roles.load(base, rank=4)
    made = samples(roles)
    total = torch.zeros(())
    for each in made:
        read = roles.read(roles.sequences([each.prompt], [each.answer]), RULES.temperature)
        ratio = (read.log_probs[0] - each.log_probs).exp()
        gain = torch.minimum(ratio * each.advantages, ratio.clamp(0.8, 1.2) * each.advantages)
        near = each.values + (read.values[0] - each.values).clamp(-0.2, 0.2)
        error = torch.maximum((read.values[0] - each.returns) ** 2, (near - each.returns) ** 2)
        total = total + (-gain + 0.5 * 0.5 * error).sum()
    total = total / sum(len(each.answer) for each in made)
    total.backward()
    for name, found in gradients(base, RULES).items():
        torch.testing.assert_close(found, roles.trained()[name].grad, rtol=1e-4, atol=1e-6)


def test_what_is_no_number_is_refused_before_anything_changes(base):
    roles = Roles.load(base, rank=4)
    made = samples(roles)
    made[2] = replace(made[2], advantages=torch.tensor([torch.nan, 1.0]))
    before = {name: each.clone() for name, each in roles.trained().items()}
    optimizer = torch.optim.Adam(roles.trained().values(), lr=0.1)
    with pytest.raises(TrainingError, match="no finite number in step 7"):
        learn(roles, optimizer, made, RULES, 7, Processes(cpu=True))
    assert all(torch.equal(each, before[name]) for name, each in roles.trained().items())


def test_learning_makes_better_answers_likelier_and_worse_ones_less(base):
    roles = Roles.load(base, rank=4)
    made = [
        replace(each, advantages=torch.full_like(each.advantages, 1.0 if i % 2 else -1.0))
        for i, each in enumerate(samples(roles))
    ]
    optimizer = torch.optim.Adam(roles.trained().values(), lr=0.01)
    figures = learn(roles, optimizer, made, replace(RULES, epochs=4), 1, Processes(cpu=True))
    with torch.no_grad():
        now = roles.read(roles.sequences(PROMPTS, ANSWERS), RULES.temperature).log_probs.sum(1)
        then = roles.read(roles.sequences(PROMPTS, ANSWERS), RULES.temperature, "reference").log_probs.sum(1)
    assert bool((now > then)[1::2].all()) and bool((now < then)[::2].all())
    assert figures["approx_kl"] > 0 and figures["gradient_norm"] > 0


def test_the_figures_are_means_over_all_tokens(base):
    roles = Roles.load(base, rank=4)
    made = samples(roles)
    optimizer = torch.optim.SGD(roles.trained().values(), lr=0.0)
    found = learn(roles, optimizer, made, replace(RULES, part=4), 1, Processes(cpu=True))
    ratios, kl = [], []
    for each in made:
        with torch.no_grad():
            read = roles.read(roles.sequences([each.prompt], [each.answer]), RULES.temperature)
        ratios.append((read.log_probs[0] - each.log_probs).exp())
        kl.append(ppo_math.approximate_kl(read.log_probs[0], each.log_probs))
    assert found["ratio"] == pytest.approx(float(torch.cat(ratios).mean()), rel=1e-4)
    assert found["approx_kl"] == pytest.approx(float(torch.cat(kl).mean()), rel=1e-3)
