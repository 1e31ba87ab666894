"""Each function of ppo_math.py against a slow copy: loops over plain numbers, nothing of torch's."""

from __future__ import annotations

import math
import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from learning.training import ppo_math

Table = list[list[float]]
LEVELS = st.floats(-4, 4, allow_nan=False, width=32)
SHARES = st.sampled_from([0.0, 0.5, 0.9, 0.95, 1.0])


@st.composite
def batches(draw: st.DrawFn, tables: int) -> tuple[list[Tensor], Tensor, list[int]]:
    """Some tables (B, T) of one shape, the mask of their answers, and the answers' lengths."""
    rows, longest = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    lengths = draw(st.lists(st.integers(1, longest), min_size=rows, max_size=rows))
    row = st.lists(LEVELS, min_size=longest, max_size=longest)
    made = [
        torch.tensor(draw(st.lists(row, min_size=rows, max_size=rows)), dtype=torch.float64)
        for _ in range(tables)
    ]
    return made, ppo_math.answer_mask(torch.tensor(lengths), longest), lengths


def close(found: Tensor, wanted: Table | list[float] | float) -> None:
    torch.testing.assert_close(
        found.double(), torch.tensor(wanted, dtype=torch.float64), rtol=1e-5, atol=1e-5
    )


@given(
    st.lists(st.lists(LEVELS, min_size=5, max_size=5), min_size=1, max_size=4), st.floats(0.3, 2), st.data()
)
def test_log_probs_and_entropies_are_those_of_the_tempered_distribution(logits, temperature, data):
    tokens = [data.draw(st.integers(0, 4)) for _ in logits]
    chances = []
    for row in logits:
        weights = [math.exp(level / temperature) for level in row]
        chances.append([weight / sum(weights) for weight in weights])
    table = torch.tensor([logits])
    close(
        ppo_math.token_log_probs(table, torch.tensor([tokens]), temperature),
        [[math.log(row[token]) for row, token in zip(chances, tokens, strict=True)]],
    )
    close(
        ppo_math.token_entropies(table, temperature),
        [[-sum(chance * math.log(chance) for chance in row) for row in chances]],
    )


@given(batches(1), st.booleans())
def test_whitening_is_over_the_tokens_of_answers_alone(batch, shift_mean):
    (values,), mask, lengths = batch
    flat = [float(row[i]) for row, length in zip(values, lengths, strict=True) for i in range(length)]
    mean = statistics.fmean(flat)
    spread = math.sqrt(statistics.variance(flat) + 1e-8) if len(flat) > 1 else 1.0
    back = 0.0 if shift_mean else mean
    wanted = [
        [(float(row[i]) - mean) / spread + back if i < length else 0.0 for i in range(values.shape[1])]
        for row, length in zip(values, lengths, strict=True)
    ]
    close(ppo_math.masked_whiten(values, mask, shift_mean=shift_mean), wanted)
    close(ppo_math.masked_mean(values, mask), mean)


def test_the_mean_of_nothing_is_nought_and_no_nan():
    assert ppo_math.masked_mean(torch.tensor([[1.0]]), torch.tensor([[False]])) == 0


@given(
    st.lists(st.integers(0, 300), min_size=1),
    st.integers(0, 100),
    st.integers(0, 100),
    st.floats(0, 2),
    st.floats(0, 5),
)
def test_length_costs_nothing_inside_the_dead_band_and_is_bounded_outside(
    lengths, shortest, more, per_token, most
):
    longest = shortest + more
    wanted = []
    for length in lengths:
        beyond = max(shortest - length, 0) + max(length - longest, 0)
        wanted.append(min(beyond * per_token, most))
    close(
        ppo_math.length_penalty(
            torch.tensor(lengths), shortest=shortest, longest=longest, per_token=per_token, most=most
        ),
        wanted,
    )


@given(st.lists(st.tuples(LEVELS, st.booleans(), LEVELS), min_size=1), st.floats(0, 3))
def test_an_answer_that_does_not_end_by_itself_loses_the_missing_eos_penalty(answers, missing_eos):
    scores, ended, penalties = (list(column) for column in zip(*answers, strict=True))
    wanted = [
        score - penalty - (0 if end else missing_eos)
        for score, end, penalty in zip(scores, ended, penalties, strict=True)
    ]
    found = ppo_math.final_scores(
        torch.tensor(scores),
        torch.tensor(ended),
        torch.ones(len(scores)),
        torch.tensor(penalties),
        missing_eos,
    )
    close(found, wanted)


def test_an_answer_without_any_token_is_refused():
    one = torch.ones(1)
    with pytest.raises(ValueError, match="no token"):
        ppo_math.final_scores(one, one > 0, torch.zeros(1), one, 1.0)


@given(batches(2), st.floats(0, 1), st.data())
def test_every_token_pays_for_its_kl_and_the_last_one_gets_the_score(batch, coefficient, data):
    (policy, reference), mask, lengths = batch
    scores = [data.draw(LEVELS) for _ in lengths]
    wanted = []
    for row, length in enumerate(lengths):
        line = []
        for i in range(policy.shape[1]):
            reward = -coefficient * float(policy[row, i] - reference[row, i]) if i < length else 0.0
            line.append(reward + scores[row] if i == length - 1 else reward)
        wanted.append(line)
    close(ppo_math.kl_rewards(torch.tensor(scores).double(), policy, reference, mask, coefficient), wanted)


@given(batches(2), SHARES, SHARES)
def test_advantages_are_the_discounted_sum_of_all_later_surprises(batch, discount, trace):
    (rewards, values), mask, lengths = batch
    rewards = torch.where(mask, rewards, 0.0)
    advantages: Table = []
    for row, length in enumerate(lengths):
        value = [float(values[row, i]) if i < length else 0.0 for i in range(values.shape[1] + 1)]
        surprise = [float(rewards[row, i]) + discount * value[i + 1] - value[i] for i in range(length)]
        line = [
            sum((discount * trace) ** (k - i) * surprise[k] for k in range(i, length)) for i in range(length)
        ]
        advantages.append(line + [0.0] * (values.shape[1] - length))
    found, returns = ppo_math.gae(rewards, values, mask, discount=discount, trace=trace)
    close(found, advantages)
    close(returns, (torch.tensor(advantages) + torch.where(mask, values, 0.0)).tolist())


@given(batches(2))
def test_with_trace_1_and_no_discount_returns_are_the_rewards_to_come(batch):
    (rewards, values), mask, lengths = batch
    rewards = torch.where(mask, rewards, 0.0)
    _, returns = ppo_math.gae(rewards, values, mask, discount=1.0, trace=1.0)
    wanted = [
        [float(sum(rewards[row, i:length])) if i < length else 0.0 for i in range(values.shape[1])]
        for row, length in enumerate(lengths)
    ]
    close(returns, wanted)


@given(batches(3), st.sampled_from([0.0, 0.1, 0.2, 0.5]))
def test_the_policys_loss_is_the_worse_of_the_free_and_the_clipped_one(batch, clip):
    (new, old, advantages), _, _ = batch
    losses, held_back = ppo_math.policy_losses(new, old, advantages, clip)
    for row in range(new.shape[0]):
        for i in range(new.shape[1]):
            ratio = math.exp(float(new[row, i] - old[row, i]))
            gain = float(advantages[row, i])
            free, held = gain * ratio, gain * min(max(ratio, 1 - clip), 1 + clip)
            assert float(losses[row, i]) == pytest.approx(-min(free, held), rel=1e-5, abs=1e-6)
            assert bool(held_back[row, i]) == (held < free) or math.isclose(held, free, rel_tol=1e-9)


@given(batches(3), st.sampled_from([0.0, 0.2, 1.0]))
def test_the_values_loss_is_the_worse_of_the_free_and_the_clipped_one(batch, clip):
    (new, old, returns), _, _ = batch
    losses, held_back = ppo_math.value_losses(new, old, returns, clip)
    for row in range(new.shape[0]):
        for i in range(new.shape[1]):
            now, then, wanted = (float(table[row, i]) for table in (new, old, returns))
            near = min(max(now, then - clip), then + clip)
            free, held = (now - wanted) ** 2, (near - wanted) ** 2
            assert float(losses[row, i]) == pytest.approx(max(free, held) / 2, rel=1e-5, abs=1e-6)
            assert bool(held_back[row, i]) == (held > free) or math.isclose(held, free, rel_tol=1e-9)


@given(st.floats(-3, -0.01), st.floats(-3, -0.01), st.sampled_from([-1.0, 1.0]))
def test_beyond_the_clip_nothing_pushes_the_policy_further_away(new, old, advantage):
    """The gradient is nought where the ratio already left the band in the direction that pays."""
    now = torch.tensor([[new]], dtype=torch.float64, requires_grad=True)
    losses, _ = ppo_math.policy_losses(now, torch.tensor([[old]]).double(), torch.tensor([[advantage]]), 0.2)
    losses.sum().backward()
    ratio = math.exp(new - old)
    done = ratio > 1.2 + 1e-6 if advantage > 0 else ratio < 0.8 - 1e-6
    slope = float(now.grad[0, 0])
    assert slope == 0 if done else abs(abs(slope) - ratio) < 1e-4 or abs(abs(ratio - 1) - 0.2) < 1e-4


@given(st.lists(st.tuples(LEVELS, LEVELS), min_size=1))
def test_the_approximate_kl_is_never_negative_and_nought_where_nothing_changed(pairs):
    new, old = (torch.tensor([list(column)]) for column in zip(*pairs, strict=True))
    found = ppo_math.approximate_kl(new, old)
    assert bool((found >= -1e-5).all()) and not ppo_math.approximate_kl(old, old).any()
    close(found, [[math.exp(a - b) - 1 - (a - b) for a, b in pairs]])


@given(st.floats(0.001, 1), st.floats(0.1, 50), st.integers(1, 512), st.floats(-5, 500))
def test_the_controller_moves_towards_its_target_by_a_fifth_at_most(coefficient, target, answers, kl):
    controller = ppo_math.KlController(coefficient=coefficient, target=target, horizon=10_000)
    error = kl / target - 1
    cut = -0.2 if error < -0.2 else 0.2 if error > 0.2 else error
    found = controller.after(kl, answers).coefficient
    assert found == pytest.approx(coefficient + coefficient * cut * answers / 10_000)


def test_without_a_target_the_coefficient_stays():
    controller = ppo_math.KlController(coefficient=0.05, target=None, horizon=10)
    assert controller.after(1e6, 64) == controller


def test_pinned_the_figures_of_one_small_episode():
    """By hand: γ 1, λ .95, coefficient .1; a sign or an index that slips moves one of them."""
    mask = torch.tensor([[True, True, True, False]])
    policy, reference = torch.tensor([[-1.0, -2.0, -0.5, 9.0]]), torch.tensor([[-1.5, -1.0, -0.5, 9.0]])
    rewards = ppo_math.kl_rewards(torch.tensor([1.0]), policy, reference, mask, 0.1)
    close(rewards, [[-0.05, 0.1, 1.0, 0.0]])
    advantages, returns = ppo_math.gae(
        rewards, torch.tensor([[0.2, 0.3, 0.4, 7.0]]), mask, discount=1.0, trace=0.95
    )
    close(advantages, [[0.05 + 0.95 * (0.2 + 0.95 * 0.6), 0.2 + 0.95 * 0.6, 0.6, 0.0]])
    close(returns, [[0.9815, 1.07, 1.0, 0.0]])
