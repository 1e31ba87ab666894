"""Figures of an evaluation: by system, comparisons, best of n at equal compute, correlations."""

from __future__ import annotations

import pytest

from learning.training.evaluate_figures import (
    Answer,
    best_name,
    best_of,
    compare,
    comparisons,
    correlations,
    lines,
)
from learning.training.metrics import bleu


def answer(system: str, question: int, attempt: int = 0, seed: int = 0, **values: float) -> Answer:
    made = {"reward": 0.0, "independent": 0.0, "rouge_1": 0.1, "tokens": 5.0, "written": 5.0, **values}
    rest = dict.fromkeys(("rouge_2", "rouge_l", "bleu", "bertscore", "yes_no", "echo", "ended"), 0.5)
    return Answer(
        system=system,
        seed=seed,
        question=f"q{question}",
        group=f"q{question}",
        attempt=attempt,
        text=f"say word {question} of attempt {attempt}",
        reference=f"say word {question} of the page",
        values={**rest, **made},
    )


def system(name: str, reward: float, seeds: int = 1, attempts: int = 2, questions: int = 20) -> list[Answer]:
    """Answers whose rewards rise with the question's number, and by `reward` from system to system."""
    return [
        answer(name, n, attempt, seed, reward=reward + n / 100, independent=reward - n / 100)
        for seed in range(seeds)
        for n in range(questions)
        for attempt in range(attempts)
    ]


def test_a_line_has_means_intervals_corpus_bleu_and_each_seed() -> None:
    made = system("base", 0.2, seeds=2)
    [line] = lines(made)
    assert (line.system, line.answers) == ("base", 80)
    reward = line.figures["reward"]
    assert reward.value == pytest.approx(0.295)
    assert reward.low < 0.295 < reward.high
    assert reward.groups == 20  # questions, not answers
    assert line.by_seed["reward"] == pytest.approx((0.295, 0.295))
    one = [each for each in made if each.attempt == 0 and each.seed == 0]
    other = [each for each in made if each.attempt == 1 and each.seed == 0]
    means = [bleu([each.text for each in some], [each.reference for each in some]) for some in (one, other)]
    assert line.corpus_bleu == pytest.approx(sum(means) / 2)


def test_distinct_n_is_of_batches_for_more_answers_always_have_less() -> None:
    few, many = (lines(system("base", 0.0, questions=count))[0] for count in (64, 128))
    assert few.figures["distinct_2"].value == pytest.approx(many.figures["distinct_2"].value, rel=0.05)
    assert few.figures["distinct_1"].value < few.figures["distinct_2"].value


def test_best_of_n_keeps_what_the_training_reward_likes_and_counts_what_it_cost() -> None:
    some = [
        answer("base", 1, n, reward=reward, independent=-reward) for n, reward in enumerate((0.1, 0.9, 0.5))
    ]
    [best] = best_of(some, 3)
    assert best.system == best_name("base", 3) == "base, best of 3"
    assert best.values["reward"] == 0.9
    assert best.values["written"] == 15.0
    assert best.values["tokens"] == 5.0
    [two] = best_of([*some[:1], some[2], answer("base", 1, 3, reward=1.0)], 3)
    assert two.values["reward"] == 0.5  # what came after the n-th is not looked at


def test_a_comparison_is_paired_by_question_seed_and_attempt() -> None:
    base, ours = system("base", 0.0, seeds=2), system("ppo", 0.05, seeds=2)
    duel = compare(ours, base, "independent")
    assert duel.wins.value == 1.0
    assert duel.difference.value == pytest.approx(0.05)
    assert duel.difference.high - duel.difference.low < 1e-9  # unpaired it would be wide
    assert duel.by_seed == pytest.approx((0.05, 0.05))
    assert compare(base, base, "reward").wins.value == 0.5
    with pytest.raises(ValueError, match="base has no answer to compare"):
        compare([*ours, answer("ppo", 99)], base, "reward")


def test_each_system_meets_base_deployed_sft_and_best_of_n_at_equal_compute() -> None:
    every = [*system("base", 0.0), *system("sft", 0.1), *system("ppo", 0.2), *system("old", 0.1)]
    best = best_of(every, 2)
    found = comparisons(every, best, 2, "old")
    named = {(one.ours, one.theirs) for one in found}
    assert {("sft", "base"), ("ppo", "base"), ("ppo", "sft"), ("ppo", "old"), ("sft", "old")} <= named
    assert ("ppo, best of 2", "base, best of 2") in named
    assert ("ppo", "base, best of 2") in named
    assert not any(one.ours in ("base", one.theirs) for one in found)
    assert {one.by for one in found} == {"independent", "reward", "rouge_1"}
    assert comparisons(every, [], 0, "base")


def test_metrics_are_held_against_both_rewards() -> None:
    some = [answer("base", n, rouge_1=n / 10, reward=n / 10, independent=-n / 10) for n in range(30)]
    found = {(one.metric, one.reward): one.rho for one in correlations(some)}
    assert found["rouge_1", "reward"].value == pytest.approx(1.0)
    assert found["rouge_1", "independent"].value == pytest.approx(-1.0)
    assert found["independent", "reward"].value == pytest.approx(-1.0)
