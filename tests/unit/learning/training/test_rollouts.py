"""Answers drawn in batches are those that a model alone, without cache and padding, would draw."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from learning.training import rollouts
from learning.training.roles import Roles
from tests.unit.learning.models.tiny import write_model

PROMPTS = [[5, 6, 7, 8, 9, 10], [40, 41], [7], [9, 9, 9], [100, 101, 102], [5, 6]]
LONGEST = 12


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Roles:
    made = Roles.load(write_model(tmp_path_factory.mktemp("models") / "base"))
    made.ends = frozenset(range(2, 40))  # so that a random model ends, now and then
    return made


@torch.no_grad()
def alone(roles: Roles, prompt: list[int], row: torch.Tensor, temperature: float) -> list[int]:
    """The slow copy: one prompt, everything read anew for each token."""
    written: list[int] = []
    for draw in row.tolist():
        logits = roles.model(torch.tensor([prompt + written])).logits[0, -1]
        if temperature == 0:
            token = int(logits.argmax())
        else:
            chances = (logits / temperature).softmax(-1).tolist()
            goal, reach, token = draw * sum(chances), 0.0, len(chances) - 1
            for index, chance in enumerate(chances):
                reach += chance
                if reach > goal:
                    token = index
                    break
        written.append(token)
        if token in roles.ends:
            break
    return written


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("at_once", [1, 4, 6])
def test_a_batch_draws_what_each_prompt_alone_would_draw(roles, temperature, at_once):
    chances = rollouts.draws(1, 1, range(len(PROMPTS)), LONGEST)
    found = rollouts.write(roles, PROMPTS, chances, temperature=temperature, at_once=at_once)
    wanted = [alone(roles, prompt, row, temperature) for prompt, row in zip(PROMPTS, chances, strict=True)]
    assert [list(answer.ids) for answer in found] == wanted


def test_an_answer_ends_with_its_end_token_or_was_cut_and_says_which(roles):
    chances = rollouts.draws(2, 1, range(30), LONGEST)
    found = rollouts.write(roles, [[5, 6]] * 30, chances, temperature=1.0, at_once=30)
    for answer in found:
        assert answer.ended == (answer.ids[-1] in roles.ends)
        assert not any(token in roles.ends for token in answer.ids[:-1])
        assert answer.ended or len(answer.ids) == LONGEST
    assert {answer.ended for answer in found} == {True, False}


def test_the_random_numbers_are_an_answers_own():
    whole = rollouts.draws(7, 3, range(8), 5)
    assert torch.equal(rollouts.draws(7, 3, [5, 2], 5), whole[[5, 2]])
    assert torch.equal(rollouts.draws(7, 3, range(8), 3), whole[:, :3])
    for seed, step in ((8, 3), (7, 4)):
        assert not torch.equal(rollouts.draws(seed, step, range(8), 5), whole)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=6), st.floats(0.3, 2))
def test_tokens_come_as_often_as_their_chances_say(logits, temperature):
    """An even grid of draws splits into the chances, to one part of its size."""
    grid = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    found = rollouts.pick(torch.tensor([logits]).expand(2000, -1), grid, temperature)
    shares = torch.bincount(found, minlength=len(logits)) / 2000
    wanted = (torch.tensor(logits) / temperature).softmax(-1)
    torch.testing.assert_close(shares, wanted, atol=1.1e-3, rtol=0)


def test_a_draw_of_nought_takes_no_token_without_a_chance():
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf]])
    for draw in (0.0, 1 - 1e-16):
        assert rollouts.pick(logits, torch.tensor([draw], dtype=torch.float64), 1.0).item() == 1
