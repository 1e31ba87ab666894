import math

import numpy as np
import pytest

from learning.training.metrics import Match, bleu, matched, overlap

REFERENCE = "use the sorted function with a key"  # 7 words
ANSWER = "use the key with sorted"  # 5 words


def test_rouge_is_that_worked_out_by_hand() -> None:
    found = overlap(ANSWER, REFERENCE)
    # all 5 words stand in the 7: P 1, R 5/7. Pairs: only "use the" of 4 and 6. Longest common run of words in
    # order: use, the, with or key: 3 of 5 and 7 ("use the sorted", "use the with", "use the key").
    assert found.rouge_1 == pytest.approx(2 * 5 / (5 + 7))
    assert found.rouge_2 == pytest.approx(2 * 1 / (4 + 6))
    assert found.rouge_l == pytest.approx(2 * 3 / (5 + 7))


def test_rouge_counts_whole_words_unstemmed() -> None:
    assert overlap("sorting", "sorted").rouge_1 == 0
    assert overlap("Sorted!", "sorted").rouge_1 == 1


def test_bleu_is_that_worked_out_by_hand() -> None:
    # 4 of 4, 3 of 3, 2 of 2 and 1 of 1 runs, but 4 words to 5: brevity penalty e^(1 - 5/4)
    assert bleu(["a b c d"], ["a b c d e"]) == pytest.approx(math.exp(-0.25))
    assert overlap("a b c d", "a b c d e").bleu == pytest.approx(math.exp(-0.25))
    assert bleu(["a b c d e", "v w x y z"], ["a b c d e", "v w x y z"]) == pytest.approx(1.0)


def test_corpus_bleu_pools_its_counts_before_it_divides() -> None:
    # runs of 1 to 4 words found: 9/10, 7/8, 5/6, 3/4; both sides have 10 words
    found = bleu(["a b c d e", "v w x y q"], ["a b c d e", "v w x y z"])
    assert found == pytest.approx((9 / 10 * 7 / 8 * 5 / 6 * 3 / 4) ** 0.25)


def test_bleu_of_nothing_is_refused() -> None:
    for answers, references in (([], []), (["a"], ["a", "b"])):
        with pytest.raises(ValueError, match="an answer for every reference"):
            bleu(answers, references)


def vectors(*degrees: float) -> np.ndarray:
    turned = np.radians(np.array(degrees))
    return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def test_bertscore_is_the_paper_s_greedy_matching() -> None:
    # answer at 0° and 90°; reference at 0°, 60°, 90°. Precision: 1 and 1. Recall: 1, cos 30°, 1.
    found = matched(vectors(0, 90), vectors(0, 60, 90))
    recall = (2 + math.cos(math.radians(30))) / 3
    assert found.precision == pytest.approx(1.0)
    assert found.recall == pytest.approx(recall)
    assert found.f1 == pytest.approx(2 * recall / (1 + recall))
    swapped = matched(vectors(0, 60, 90), vectors(0, 90))
    assert (swapped.precision, swapped.recall) == pytest.approx((found.recall, found.precision))


def test_bertscore_of_no_token_is_zero() -> None:
    nothing = np.zeros((0, 2), dtype=np.float32)
    assert matched(nothing, vectors(0)) == matched(vectors(0), nothing) == Match(precision=0, recall=0, f1=0)


def test_an_answer_without_a_word_overlaps_with_nothing() -> None:
    found = overlap("", REFERENCE)
    assert (found.rouge_1, found.rouge_2, found.rouge_l, found.bleu) == (0, 0, 0, 0)
