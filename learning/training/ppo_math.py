"""PPO's arithmetic (arXiv 1707.06347, 1506.02438, 2403.17031; Ziegler et al., 1909.08593): pure functions.

Shapes: B answers, T answer tokens padded at the right, V tokens of the vocabulary; `mask` (B, T) is true for
an answer's own tokens, its end token among them. Losses come a token each, unreduced: who sums them divides
by the tokens of the whole minibatch, so that accumulation over parts, and over processes, is exact.

*Which distribution.* The ratio of PPO needs the log-probability under the distribution that was drawn from:
softmax(logits / temperature) over the whole vocabulary. Nucleus and top-k are not offered: a token inside the
old nucleus and outside the new one would have probability 0 and no gradient. The reference is read at the
same temperature, so that KL is that of the distributions drawn from.

Left out: devices, networks, randomness; a slow copy of each function stands in its test.
Run: `pytest tests/unit/learning/training/test_ppo_math.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

STEEPEST = 0.2
"""The largest relative error that the KL controller acts on (Ziegler et al.)."""


def token_log_probs(logits: Tensor, tokens: Tensor, temperature: float) -> Tensor:
    """Log-probability (…), nats, of `tokens` (…) under softmax(`logits` (…, V) / temperature)."""
    scaled = logits.float() / temperature
    chosen = scaled.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return chosen - scaled.logsumexp(-1)


def token_entropies(logits: Tensor, temperature: float) -> Tensor:
    """Entropy (…), nats, of softmax(`logits` (…, V) / temperature)."""
    known = F.log_softmax(logits.float() / temperature, dim=-1)
    return -(known.exp() * known).sum(-1)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of the `values` under `mask`, a scalar; 0 where there is none."""
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp_min(1)


def masked_whiten(values: Tensor, mask: Tensor, *, shift_mean: bool = True) -> Tensor:
    """`values` with variance 1 (unbiased) and mean 0 under `mask`; 0 outside.

    With `shift_mean` false the mean is put back: so rewards are whitened, whose sign must stay. One value
    alone has no variance and is only shifted.
    """
    mean = masked_mean(values, mask)
    centred = torch.where(mask, values - mean, 0.0)
    variance = centred.square().sum() / (mask.sum() - 1).clamp_min(1)
    white = centred * torch.rsqrt(variance + 1e-8) if mask.sum() > 1 else centred
    return white if shift_mean else torch.where(mask, white + mean, 0.0)


def answer_mask(lengths: Tensor, longest: int) -> Tensor:
    """Mask (B, longest) of answers that have `lengths` (B) tokens."""
    return torch.arange(longest, device=lengths.device) < lengths.unsqueeze(1)


def length_penalty(lengths: Tensor, *, shortest: int, longest: int, per_token: float, most: float) -> Tensor:
    """What each answer (B) loses for its length: nothing from `shortest` to `longest`, the dead band; beyond
    it `per_token` for each token too few or too many, at most `most`."""
    over = torch.relu(lengths.float() - longest) + torch.relu(shortest - lengths.float())
    return (over * per_token).clamp_max(most)


def final_scores(
    scores: Tensor, ended: Tensor, lengths: Tensor, penalty: Tensor, missing_eos: float
) -> Tensor:
    """Each answer's reward (B): its score less `penalty` for its length and, unless it `ended` by its own
    end token, `missing_eos`. Raises ValueError for an answer of 0 tokens: there is none to reward."""
    if bool((lengths < 1).any()):
        raise ValueError("an answer has no token, not even its end")
    return scores - penalty - torch.where(ended, 0.0, missing_eos)


def kl_rewards(scores: Tensor, policy: Tensor, reference: Tensor, mask: Tensor, coefficient: float) -> Tensor:
    """Rewards (B, T) a token: −coefficient · (log π − log ρ), and the answer's score (B) on its last token.

    `policy` and `reference` are log-probabilities (B, T) of the drawn tokens: the estimator k1, unbiased.
    """
    rewards = torch.where(mask, -coefficient * (policy - reference), 0.0)
    last = (mask.sum(1) - 1).unsqueeze(1)
    return rewards.scatter_add(1, last, scores.to(rewards.dtype).unsqueeze(1))


def gae(
    rewards: Tensor, values: Tensor, mask: Tensor, *, discount: float, trace: float
) -> tuple[Tensor, Tensor]:
    """Advantages and returns (B, T) by generalised advantage estimation, λ = `trace`; 0 outside `mask`.

    The value after an answer's last token is 0: the episode is over.
    """
    values = torch.where(mask, values, 0.0)
    following = torch.cat((values[:, 1:], torch.zeros_like(values[:, :1])), dim=1)
    surprise = rewards + discount * following - values
    advantages = torch.zeros_like(values)
    running = torch.zeros_like(values[:, 0])
    for step in range(values.shape[1] - 1, -1, -1):
        running = torch.where(mask[:, step], surprise[:, step] + discount * trace * running, 0.0)
        advantages[:, step] = running
    return advantages, advantages + values


def policy_losses(new: Tensor, old: Tensor, advantages: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    """PPO's clipped loss a token (B, T), and where the clip holds the gradient back.

    `new` and `old` are log-probabilities now and when the tokens were drawn.
    """
    ratio = (new - old).exp()
    free, held = -advantages * ratio, -advantages * ratio.clamp(1 - clip, 1 + clip)
    return torch.maximum(free, held), held > free


def value_losses(new: Tensor, old: Tensor, returns: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    """Half the squared error a token (B, T) of values that may move at most `clip` from `old`, and where they
    were held back."""
    near = old + (new - old).clamp(-clip, clip)
    free, held = (new - returns).square(), (near - returns).square()
    return 0.5 * torch.maximum(free, held), held > free


def approximate_kl(new: Tensor, old: Tensor) -> Tensor:
    """KL(old ‖ new) a token (B, T), estimator k3: never negative, of low variance (Schulman, 2020)."""
    change = new - old
    return change.exp() - 1 - change


@dataclass(frozen=True, kw_only=True)
class KlController:
    """The coefficient of the KL reward. With a `target` it follows the KL that is seen (Ziegler et al.)."""

    coefficient: float
    target: float | None
    """Nats an answer; None keeps the coefficient as it is."""
    horizon: int
    """Answers over which an error of 100 % would double the coefficient, were it not cut at 20 %."""

    def after(self, kl: float, answers: int) -> KlController:
        """The controller after a batch of `answers` whose mean KL an answer was `kl` nats."""
        if self.target is None:
            return self
        error = min(max(kl / self.target - 1, -STEEPEST), STEEPEST)
        return replace(self, coefficient=self.coefficient * (1 + error * answers / self.horizon))
