"""Drawing tokens and pushing phrases."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from learning.models.sampling import CLAMP, PhraseBiases, Picker, dense


def encode(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def bias_row(biases: PhraseBiases, rows: int = 1) -> torch.Tensor:
    logits = torch.zeros(rows, 300)
    biases.add_to(logits)
    return logits


def test_only_the_nucleus_is_drawn_from() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]]))
    picker = Picker(rows=1, seed=3, temperature=1.0, top_p=0.7, length=500)
    drawn = [int(picker.pick(logits, step)) for step in range(500)]
    assert set(drawn) == {0, 1}
    assert drawn.count(0) / 500 == pytest.approx(0.625, abs=0.08)


def test_of_the_likeliest_k_tokens_the_nucleus_is_drawn_from() -> None:
    logits = torch.log(torch.tensor([[0.4, 0.3, 0.2, 0.1]]))
    picker = Picker(rows=1, seed=3, temperature=1.0, top_p=1.0, top_k=2, length=500)
    drawn = [int(picker.pick(logits, step)) for step in range(500)]
    assert set(drawn) == {0, 1}
    assert drawn.count(0) / 500 == pytest.approx(4 / 7, abs=0.08)
    narrow = Picker(rows=1, seed=3, temperature=1.0, top_p=0.5, top_k=2, length=100)
    assert {int(narrow.pick(logits, step)) for step in range(100)} == {0}  # 0.4 of 0.7 is past a half


def test_more_k_than_tokens_is_all_of_them() -> None:
    logits = torch.log(torch.tensor([[0.4, 0.3, 0.2, 0.1]]))
    picker = Picker(rows=1, seed=3, temperature=1.0, top_p=1.0, top_k=50, length=300)
    assert {int(picker.pick(logits, step)) for step in range(300)} == {0, 1, 2, 3}


def test_without_a_nucleus_the_whole_distribution_is_drawn_from() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]]))
    picker = Picker(rows=1, seed=3, temperature=1.0, top_p=1.0, length=2000)
    drawn = torch.tensor([int(picker.pick(logits, step)) for step in range(2000)])
    assert torch.allclose(drawn.bincount(minlength=4) / 2000, logits.exp()[0], atol=0.05)


def test_a_flat_distribution_wider_than_the_fast_path_is_drawn_whole() -> None:
    picker = Picker(rows=1, seed=0, temperature=1.0, top_p=0.99, length=300)
    drawn = {int(picker.pick(torch.zeros(1, 2000), step)) for step in range(300)}
    assert len(drawn) > 250


def test_a_row_draws_the_same_numbers_whatever_the_other_rows_are() -> None:
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(0))
    one = Picker(rows=1, seed=9, temperature=1.0, top_p=0.9, length=20)
    many = Picker(rows=4, seed=9, temperature=1.0, top_p=0.9, length=20)
    for step in range(20):
        assert int(one.pick(logits, step)[0]) == int(many.pick(logits.expand(4, -1), step)[0])


def test_a_phrase_is_ramped_up_and_let_go_after_the_first_hit() -> None:
    biases = PhraseBiases([("abc", 3.0)], 1, encode, chr)
    start = bias_row(biases)[0]
    assert 0 < start[ord("a")] < 3.0
    assert start[ord(" ")] > 0  # the spelling with a space
    assert start[ord("A")] > 0  # and the capitalised one
    previous = start[ord("a")]
    for letter in "abc":
        pushed = bias_row(biases)[0]
        assert pushed[ord(letter)] >= previous
        previous = pushed[ord(letter)]
        biases.saw(0, ord(letter))
    assert previous == pytest.approx(3.0)
    assert not bias_row(biases).any()


def test_a_phrase_without_its_space_starts_only_at_a_word_border() -> None:
    biases = PhraseBiases([("abc", 3.0)], 1, encode, chr)
    biases.saw(0, ord("x"))
    inside = bias_row(biases)[0]
    assert inside[ord("a")] == 0
    assert inside[ord(" ")] > 0
    biases.saw(0, ord("("))
    assert bias_row(biases)[0][ord("a")] > 0


def test_a_phrase_to_avoid_is_stopped_on_its_way_and_stays_avoided() -> None:
    biases = PhraseBiases([("foo()", -4.0)], 1, encode, chr)
    assert not bias_row(biases).any()
    for letter in "foo()":
        biases.saw(0, ord(letter))
    for letter in " foo(":
        biases.saw(0, ord(letter))
    assert bias_row(biases)[0][ord(")")] == pytest.approx(-4.0)


def test_rows_are_followed_apart() -> None:
    biases = PhraseBiases([("ab", 2.0)], 2, encode, chr)
    for letter in "ab":
        biases.saw(0, ord(letter))
    both = bias_row(biases, 2)
    assert not both[0].any()
    assert both[1].any()


@given(st.lists(st.tuples(st.text(min_size=0, max_size=6, alphabet="ab "), st.floats(-100, 100)), max_size=8))
def test_no_token_is_ever_pushed_beyond_the_clamp(phrases: list[tuple[str, float]]) -> None:
    biases = PhraseBiases(phrases, 1, encode, chr)
    for letter in "ab ba ab":
        assert bias_row(biases).abs().max() <= CLAMP
        biases.saw(0, ord(letter))


def test_an_unknown_token_in_logit_bias_is_refused() -> None:
    assert dense({}, 10) is None
    with pytest.raises(ValueError, match="token 10"):
        dense({10: 1.0}, 10)
