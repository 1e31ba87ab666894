from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from learning.training.canaries import Kind
from learning.training.gate_options import Limits
from learning.training.gate_rules import CHECKS, Figures, Share, judge, passed
from learning.training.signs import Sign
from tests.unit.learning.training.gate_made import figures, interval, memory, side

NAN = float("nan")


def failed(found: Figures, limits: Limits | None = None) -> list[str]:
    checks = judge(found, limits)
    assert passed(checks) == all(check.passed for check in checks)
    assert all(bool(check.why) != check.passed for check in checks), "a reason stands where it did not pass"
    return [check.name for check in checks if not check.passed]


def test_a_candidate_that_is_better_and_otherwise_alike_passes() -> None:
    assert failed(figures()) == []
    assert passed(judge(figures()))


@pytest.mark.parametrize("name", ["wins", "reward", "length", "kl_base", "kl_deployed", "memory"])
def test_a_figure_that_was_not_taken_fails_its_check_and_no_other(name: str) -> None:
    assert len(failed(figures(**{name: None}))) == 1


def test_without_any_figure_nothing_passes() -> None:
    bare = replace(side(), passed={}, signs={}, distinct=NAN, boilerplate=NAN)
    nothing = Figures(questions=0, candidate=bare, serving=bare)
    assert failed(nothing) == list(CHECKS)


def test_a_check_that_is_left_out_or_doubled_has_not_passed() -> None:
    checks = judge(figures())
    assert not passed(checks[1:]) and not passed((*checks, checks[0])) and not passed(())


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"wins": interval(NAN, NAN, NAN)}, "win rate"),
        ({"reward": interval(NAN, NAN, NAN)}, "independent reward"),
        ({"length": interval(NAN, NAN, NAN)}, "length"),
        ({"kl_base": interval(NAN, NAN, NAN)}, "KL to the base"),
        ({"slices": {"corpus": interval(NAN, NAN, NAN)}}, "slices"),
        ({"slices": {}}, "slices"),
        ({"memory": memory(broken=NAN)}, "phrase memory"),
        ({"questions": 49}, "questions"),
        ({"wins": interval(0.6, 0.5, 0.7)}, "win rate"),
        ({"reward": interval(0.1, 0.0, 0.2)}, "independent reward"),
        ({"length": interval(0.79, 0.7, 0.9)}, "length"),
        ({"length": interval(1.26, 1.1, 1.4)}, "length"),
        ({"kl_base": interval(1.01, 0.9, 1.1)}, "KL to the base"),
        ({"kl_deployed": interval(1.01, 0.9, 1.1)}, "KL to the deployed"),
        ({"memory": memory(broken=0.2)}, "phrase memory"),
        ({"memory": memory(leakage=0.1)}, "phrase memory"),
        ({"memory": memory(side_effects=0.1)}, "phrase memory"),
        ({"memory": memory(looked_at=2)}, "phrase memory"),
        ({"candidate": side(distinct=0.3)}, "variety"),
        ({"candidate": side(distinct=NAN)}, "variety"),
        ({"candidate": side(boilerplate=0.21)}, "boilerplate"),
    ],
)
def test_each_line_is_drawn_where_it_stands(changes: dict[str, Any], check: str) -> None:
    assert failed(figures(**changes)) == [check]


def test_a_slice_that_is_clearly_worse_shuts_the_gate_and_a_small_one_judges_nothing() -> None:
    worse = interval(0.3, 0.2, 0.49, groups=10)
    good = {"corpus": interval(0.6, 0.5, 0.7)}
    assert failed(figures(slices={**good, "repository 7": worse})) == ["slices"]
    assert failed(figures(slices={**good, "repository 7": replace(worse, groups=9)})) == []
    assert failed(figures(slices={"repository 7": replace(worse, groups=9)})) == ["slices"]


@pytest.mark.parametrize("kind", list(Kind))
def test_canaries_are_held_against_the_serving_policy_and_a_floor(kind: Kind) -> None:
    def with_share(ours: int, theirs: int) -> list[str]:
        mine = {**side().passed, kind.value: Share(count=ours, of=20)}
        other = {**side().passed, kind.value: Share(count=theirs, of=20)}
        return failed(figures(candidate=side(passed=mine), serving=side(passed=other)))

    assert with_share(17, 20) == [f"canaries: {kind.value}"]
    assert with_share(18, 20) == [] and with_share(10, 11) == []
    if kind is Kind.FACTS:
        assert with_share(8, 10) == [f"canaries: {kind.value}"] and with_share(10, 12) == []
        assert with_share(0, 0) == [], "a policy that is too small to read a thread is not held to it"
    else:
        assert with_share(9, 9) == [f"canaries: {kind.value}"], "as bad as what serves is no excuse"


@pytest.mark.parametrize("sign", list(Sign))
def test_a_sign_may_be_a_little_oftener_and_never_beyond_its_ceiling(sign: Sign) -> None:
    def with_rate(ours: int, theirs: int) -> bool:
        mine = {**side().signs, sign: Share(count=ours, of=100)}
        other = {**side().signs, sign: Share(count=theirs, of=100)}
        return bool(failed(figures(candidate=side(signs=mine), serving=side(signs=other))))

    assert with_rate(9, 2) and not with_rate(6, 2)
    assert with_rate(40, 45) is (sign is not Sign.NO_END), "an unfinished answer is the serving policy's, too"


def test_a_share_of_nothing_is_no_number() -> None:
    assert math.isnan(Share(count=0, of=0).value)
