"""Each way in which a policy goes wrong stops its training, and says why; what goes well does not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from learning.training.alarms import Alarms, Limits, Seen, distinct, echo_rate, yes_no_rate

GOOD = Seen(kl=3.0, yes_no=0.0, echo=0.0, distinct=0.8, never_ends=0.02, reward=0.1, independent=0.1)
BAD = {"kl": 60.0, "yes_no": 0.5, "echo": 0.5, "distinct": 0.02, "never_ends": 0.9}
SAYS = {
    "kl": "over its cap",
    "yes_no": "bare yes or no",
    "echo": "say the question again",
    "distinct": "all alike",
    "never_ends": "never end",
}


def reasons(alarms: Alarms, *seen: Seen) -> list[str | None]:
    return [alarms.look(each) for each in seen]


@pytest.mark.parametrize("name", BAD)
def test_each_alarm_stops_a_run_after_its_patience_and_says_why(name):
    alarms, bad = Alarms(Limits(patience=3)), replace(GOOD, **{name: BAD[name]})
    assert reasons(alarms, GOOD, bad, bad) == [None] * 3
    assert SAYS[name] in str(alarms.look(bad))


@pytest.mark.parametrize("name", BAD)
def test_one_bad_batch_between_good_ones_stops_nothing(name):
    alarms, bad = Alarms(Limits(patience=2)), replace(GOOD, **{name: BAD[name]})
    assert reasons(alarms, *[GOOD, bad] * 10) == [None] * 20


@pytest.mark.parametrize("name", [name for name in BAD if name != "kl"])
def test_what_begins_badly_may_get_better(name):
    alarms, bad = Alarms(Limits(patience=1)), replace(GOOD, **{name: BAD[name]})
    better = replace(GOOD, **{name: (BAD[name] + getattr(Limits(), name)) / 2})
    assert reasons(alarms, bad, better, better, bad) == [None] * 4


def test_training_reward_up_while_the_independent_one_falls_stops_the_run():
    alarms = Alarms(Limits(window=4, fall=0.05))
    up = [replace(GOOD, reward=0.05 * i, independent=0.05 * i) for i in range(10)]
    assert reasons(alarms, *up) == [None] * 10
    apart = [replace(GOOD, reward=0.5 + 0.05 * i, independent=0.45 - 0.05 * i) for i in range(10)]
    said = [reason for reason in reasons(alarms, *apart) if reason]
    assert said and "independent one fell" in said[0]


@pytest.mark.parametrize(
    ("reward", "independent"),
    [(0.05, 0.05), (-0.05, -0.05), (0.0, -0.05), (0.05, -0.001)],
    ids=["both rise", "both fall", "training's stands still", "a fall within its limit"],
)
def test_only_the_two_rewards_drifting_apart_is_an_alarm(reward, independent):
    alarms = Alarms(Limits(window=4, fall=0.05))
    run = [replace(GOOD, reward=reward * i, independent=independent * i) for i in range(20)]
    assert reasons(alarms, *run) == [None] * 20


@pytest.mark.parametrize(("rise", "fall", "share"), [(0, 0, 0.0), (0.002, 0.001, 0.0), (0.004, -0.004, 1.0)])
def test_chance_is_no_drift_and_a_drift_within_chance_is_found(
    rise: float, fall: float, share: float
) -> None:
    """Batches of 32 answers scatter by 0.035 or so; 100 of them, in 40 runs."""
    stopped = 0
    for seed in range(40):
        chance, alarms = random.Random(seed), Alarms(Limits())
        batches = (
            replace(GOOD, reward=chance.gauss(rise * n, 0.035), independent=chance.gauss(fall * n, 0.035))
            for n in range(100)
        )
        stopped += any(reasons(alarms, *batches))
    assert stopped / 40 == share


def test_without_an_independent_reward_nothing_is_compared():
    alarms = Alarms(Limits(window=2))
    assert reasons(alarms, *[replace(GOOD, reward=i, independent=None) for i in range(9)]) == [None] * 9


def test_bare_yes_and_no_are_counted_in_their_spellings_and_real_answers_are_not():
    bare = ["Yes", "no.", " **Yes!** ", "I don't know.", "I do not know", "", "..."]
    real = ["Yes, with `zip`.", "No: lists are mutable.", "Knowing the index, use enumerate."]
    assert yes_no_rate([*bare[:-1], *real]) == pytest.approx(6 / 9)
    assert yes_no_rate(real) == 0 and yes_no_rate([]) == 0


def test_an_echo_says_the_question_again_and_an_answer_may_quote_it():
    question = "How do I sort a list of dicts by one key in Python?"
    echo, quote = "How do I sort a list of dicts by one key?", "To sort a list of dicts, pass key=itemgetter."
    assert echo_rate([question] * 2, [echo, quote]) == 0.5
    assert echo_rate([question], ["a list"]) == 0


def test_distinct_n_is_the_share_of_different_word_pairs():
    assert distinct(["a b c", "a b d"]) == pytest.approx(3 / 4)
    assert distinct(["use it"] * 50) == pytest.approx(1 / 50)
    assert distinct(["a b a b"], size=1) == 0.5
    assert distinct(["", "one"]) == 1.0
