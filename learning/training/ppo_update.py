"""One batch of answers becomes a few steps of the optimizer: epochs, minibatches, accumulated parts.

A minibatch's loss is the sum over its tokens divided by their number, over all parts and all processes:
however it is cut into parts, the gradient is the same. The order of the answers follows from (seed, step,
epoch).
Left out: rewards and advantages, which `ppo_batch.py` brings.
Run: `pytest tests/unit/learning/training/test_ppo_update.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from learning.training import ppo_math
from learning.training.processes import Processes
from learning.training.roles import Roles
from learning.training.rollouts import seed_of
from storage.errors import TrainingError

STATS = ("policy_loss", "value_loss", "approx_kl", "clip_fraction", "value_clip_fraction", "ratio", "entropy")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One answer with what PPO needs to learn from it; the tensors are on the CPU, (tokens,) each."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    log_probs: Tensor
    values: Tensor
    advantages: Tensor
    returns: Tensor


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How to learn from a batch: the options of `ppo.py` of the same names."""

    seed: int
    epochs: int
    minibatch: int
    part: int
    temperature: float
    clip: float
    value_clip: float
    value_weight: float
    max_gradient: float


def learn(
    roles: Roles,
    optimizer: torch.optim.Optimizer,
    samples: Sequence[Sample],
    rules: Rules,
    step: int,
    processes: Processes,
) -> dict[str, float]:
    """Change the policy by all `samples`, the same list in every process; means over all tokens read.

    Raises TrainingError when the loss or a gradient is no finite number, before it touches what was learned.
    """
    trained = list(roles.trained().values())
    sums = torch.zeros(len(STATS) + 1, dtype=torch.float64, device=roles.device)
    norms, first_ratio = [], math.nan
    for epoch in range(rules.epochs):
        shuffle = torch.Generator().manual_seed(seed_of(rules.seed, "epoch", step, epoch))
        order = torch.randperm(len(samples), generator=shuffle).tolist()
        for start in range(0, len(order), rules.minibatch):
            chosen = [samples[index] for index in order[start : start + rules.minibatch]]
            tokens = sum(len(each.answer) for each in chosen)
            optimizer.zero_grad(set_to_none=True)
            seen = torch.zeros_like(sums)
            # Of like length together: less padding is read, and the sum is the same in any order.
            own = sorted(processes.own(chosen), key=lambda one: len(one.prompt) + len(one.answer))
            for part in range(0, len(own), rules.part):
                seen += _part(roles, own[part : part + rules.part], rules, tokens)
            processes.sum_gradients(trained)
            processes.sum(seen)
            norm = float(torch.nn.utils.clip_grad_norm_(trained, rules.max_gradient or math.inf))
            if not (math.isfinite(norm) and bool(seen.isfinite().all())):
                raise TrainingError(
                    f"The loss or its gradient is no finite number in step {step}: lower the learning rate, "
                    "or look for what the reward returned."
                )
            optimizer.step()
            norms.append(norm)
            if math.isnan(first_ratio):
                first_ratio = float(seen[STATS.index("ratio")] / seen[-1])
            sums += seen
    means = (sums[:-1] / sums[-1]).tolist()
    return {
        **dict(zip(STATS, means, strict=True)),
        "first_ratio": first_ratio,
        "gradient_norm": sum(norms) / len(norms),
    }


def _part(roles: Roles, samples: Sequence[Sample], rules: Rules, tokens: int) -> Tensor:
    """Add this part's gradient, of a minibatch of `tokens` tokens; sums of the statistics, and its tokens."""
    batch = roles.sequences([each.prompt for each in samples], [each.answer for each in samples])
    old, was, gain, goal = (
        torch.nn.utils.rnn.pad_sequence([getattr(each, name) for each in samples], batch_first=True).to(
            roles.device
        )
        for name in ("log_probs", "values", "advantages", "returns")
    )
    now = roles.read(batch, rules.temperature)
    assert now.values is not None
    policy, held = ppo_math.policy_losses(now.log_probs, old, gain, rules.clip)
    value, value_held = ppo_math.value_losses(now.values, was, goal, rules.value_clip)
    mask = batch.mask
    loss = (torch.where(mask, policy + rules.value_weight * value, 0.0)).sum() / tokens
    loss.backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        kl = ppo_math.approximate_kl(now.log_probs, old)
        ratio = (now.log_probs - old).exp()
        each = (policy, value, kl, held.double(), value_held.double(), ratio, now.entropies)
        sums = [torch.where(mask, one, 0.0).double().sum() for one in each]
        return torch.stack([*sums, mask.sum().double()])
