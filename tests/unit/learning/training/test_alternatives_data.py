"""Pairs and judged answers become the tokens of serving; what teaches nothing is left out and counted."""

from pathlib import Path

import pytest
import torch

from learning.models.tokenizer import Tokens
from learning.training.alternatives_data import check_batch, edited, judged, mismatched, pairs, weights
from learning.training.rows import Source
from storage.errors import ModelError
from tests.unit.learning.training import made


@pytest.fixture(scope="module")
def tokens(base: Path) -> Tokens:
    return Tokens(base)


def test_a_pair_is_the_prompt_of_serving_and_two_answers_with_their_ends(tokens: Tokens) -> None:
    one = made.pair()
    found = pairs([one], tokens, longest=999, most_edited=0.9)
    said = [{"role": each.role, "content": each.content} for each in one.prompt]
    assert found.rows == (
        {
            "prompt_ids": tokens.chat(said),
            "chosen_ids": tokens.answer(one.chosen),
            "rejected_ids": tokens.answer(one.rejected),
        },
    )
    assert found.rows[0]["chosen_ids"][-1] == tokens.end
    assert found.origins == (one.origin,)


def test_the_cap_on_edits_is_for_edits_alone(tokens: Tokens) -> None:
    far = made.pair(chosen="Something else altogether, in other words.")
    corpus = made.pair(chosen=far.chosen, origin=made.origin(source=Source.CORPUS))
    assert pairs([far], tokens, longest=999, most_edited=0.5).left_out == {"rewritten": 1}
    assert len(pairs([corpus], tokens, longest=999, most_edited=0.5).rows) == 1
    assert edited("a b c d", "a b c d") == 0.0
    assert edited("a b c d", "a b c x") == 0.25
    assert edited("a b", "c d") == 1.0


def test_an_answer_that_most_found_good_keeps_every_thumb_and_an_undecided_one_none(tokens: Tokens) -> None:
    two_of_three = [made.judged(n, label) for n, label in ((1, True), (2, True), (3, False))]
    assert [row["label"] for row in judged(two_of_three, tokens, longest=999).rows] == [True, True, False]
    undecided = judged(two_of_three[1:], tokens, longest=999)
    assert (undecided.rows, undecided.left_out) == ((), {"contradictory": 2})


@pytest.mark.parametrize(("good", "bad"), [(1, 1), (9, 3), (3, 9), (100, 1)])
def test_both_kinds_weigh_the_same_in_all(good: int, bad: int) -> None:
    for_good, for_bad = weights(good, bad)
    assert for_good * good == pytest.approx(for_bad * bad)
    assert min(for_good, for_bad) == 1.0


def test_the_mismatched_answers_of_a_batch_are_its_own_turned_round_by_one() -> None:
    rows = [{"completion_ids": [n]} for n in range(5)]
    assert [row["KL_completion_ids"] for row in mismatched(rows, 2)] == [[1], [0], [3], [2], [4]]


def test_a_batch_whose_loss_is_on_more_than_the_answer_is_refused() -> None:
    rows = [{"prompt_ids": [5, 6], "completion_ids": [7, 2]}]
    batch = {
        "input_ids": torch.tensor([[5, 6, 7, 2, 0]]),
        "attention_mask": torch.tensor([[1, 1, 1, 1, 0]]),
        "completion_mask": torch.tensor([[0, 0, 1, 1, 0]]),
    }
    check_batch(batch, rows, 2)
    for change in ([0, 1, 1, 1, 0], [0, 0, 1, 0, 0]):
        with pytest.raises(ModelError, match="answers and their ends alone"):
            check_batch({**batch, "completion_mask": torch.tensor([change])}, rows, 2)
