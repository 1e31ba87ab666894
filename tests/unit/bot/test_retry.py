"""Retrying is a decision from the failure and the attempts, and it ends."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pace import Limits as PaceLimits
from bot.pace import take_turn
from bot.retry import (
    FOR_THE_OPERATOR,
    JITTER,
    LATER_FIRST_S,
    LATER_LONGEST_S,
    LONGEST_HINT_S,
    MOST_TELLINGS,
    PATIENCE,
    UNTIL_THEN,
    Failure,
    delay_s,
    is_poison,
    jitter,
    later_s,
)
from storage.errors import (
    BadDelivery,
    DatabaseBusy,
    GitHubRefused,
    GitHubUnavailable,
    Gone,
    ModelRequestError,
    ModelUnavailable,
    Permanent,
    Poisoned,
    RateLimited,
    Retryable,
    ThumbprintError,
    TurnBooked,
)
from storage.paces import Turns


def pauses(failure: Failure) -> list[float]:
    """All pauses until it is given up."""
    found: list[float] = []
    while (pause := delay_s(failure, len(found) + 1)) is not None:
        found.append(pause)
        assert len(found) < 1000
    return found


def test_a_restart_of_the_model_is_survived() -> None:
    assert sum(pauses(Failure.of(ModelUnavailable("restarts"), "compose"))) > 60


@pytest.mark.parametrize("kind", sorted(PATIENCE))
def test_every_patience_grows_to_its_longest_and_ends_within_its_total(kind: str) -> None:
    found = pauses(Failure(kind=kind, message=""))
    patience = PATIENCE[kind]
    assert patience.first_s <= found[0] < patience.first_s * (1 + JITTER)
    assert patience.longest_s <= found[-1] < patience.longest_s * (1 + JITTER)
    assert sum(found) <= patience.total_s * (1 + JITTER)


def test_jobs_that_failed_together_are_not_tried_again_together() -> None:
    failure = Failure.of(GitHubUnavailable("502"), "post")
    found = [delay_s(failure, 1, f"answer/1/issue_comment/{number}") or 0.0 for number in range(400)]
    assert found == [delay_s(failure, 1, f"answer/1/issue_comment/{number}") for number in range(400)]
    first_s = PATIENCE["GitHubUnavailable"].first_s
    tenths = Counter(int((pause / first_s - 1) / JITTER * 10) for pause in found)
    assert set(tenths) == set(range(10)) and max(tenths.values()) < 80


@given(st.text(), st.integers(0, 2000))
def test_jitter_never_shortens_a_pause(job: str, attempts: int) -> None:
    assert 1.0 <= jitter(job, attempts) < 1.0 + JITTER


@pytest.mark.parametrize(
    "error", [Gone("x"), GitHubRefused("x"), ModelRequestError("x"), KeyError("x"), ThumbprintError("x")]
)
def test_what_a_person_has_to_change_is_not_tried_again(error: Exception) -> None:
    assert delay_s(Failure.of(error, "post"), 1) is None


def test_a_retryable_error_of_every_kind_has_its_patience_and_so_has_a_full_disk() -> None:
    direct = {kind.__name__ for kind in Retryable.__subclasses__()}
    assert direct | {"DatabaseFull", "TurnBooked"} == set(PATIENCE) | UNTIL_THEN


@pytest.mark.parametrize("kind", sorted({*PATIENCE, *FOR_THE_OPERATOR}))
def test_telling_and_learning_are_never_given_up_while_the_cause_may_pass(kind: str) -> None:
    found = [later_s(Failure(kind=kind, message=""), tries) or 0.0 for tries in range(5000)]
    assert LATER_FIRST_S <= found[0] < LATER_FIRST_S * (1 + JITTER)
    assert LATER_LONGEST_S == 3600 and all(3600 <= pause < 3600 * (1 + JITTER) for pause in found[10:])


@pytest.mark.parametrize("error", [Gone("x"), GitHubRefused("x"), KeyError("x"), ThumbprintError("x")])
def test_telling_and_learning_end_at_once_where_nothing_can_change(error: Exception) -> None:
    assert later_s(Failure.of(error, "fail"), 0) is None


def test_a_limit_that_says_when_it_ends_is_waited_for_until_then_and_not_for_a_minute() -> None:
    for attempts in (1, 4):
        pause = delay_s(Failure.of(RateLimited("wait", retry_after_s=7.0), "post"), attempts)
        assert pause is not None and 7.0 <= pause <= 7.0 * (1 + JITTER)


@given(st.floats(1, LONGEST_HINT_S), st.integers(1, 4), st.text())
def test_whoever_booked_a_turn_comes_for_it_before_it_is_given_up(
    wait_s: float, attempts: int, job: str
) -> None:
    failure = Failure.of(TurnBooked("not yet", retry_after_s=wait_s), "post")
    assert delay_s(failure, attempts, job) == later_s(failure, attempts, job) == wait_s
    book, limits = Turns(booked={"a_1": 1e9 + wait_s, "a_2": 1e9 + wait_s + 5}), PaceLimits()
    _, at, soon = take_turn(book, 1e9 + (delay_s(failure, attempts, job) or 0), limits, key="a_1")
    assert soon and at == 1e9 + wait_s


@given(st.floats(0, 1e6), st.integers(1, 4))
def test_a_hint_is_honoured_up_to_an_hour(hint: float, attempts: int) -> None:
    pause = delay_s(Failure.of(RateLimited("wait", retry_after_s=hint), "post"), attempts)
    assert pause is not None
    assert pause >= min(hint, LONGEST_HINT_S)
    assert pause <= max(LONGEST_HINT_S, PATIENCE["RateLimited"].longest_s) * (1 + JITTER)


def test_an_outage_that_says_how_long_it_lasts_is_waited_out_that_long() -> None:
    failure = Failure.of(GitHubUnavailable("503", retry_after_s=120.0), "post")
    for pause in (delay_s(failure, 1), later_s(failure, 0)):
        assert pause is not None and 120.0 <= pause <= 120.0 * (1 + JITTER)


@pytest.mark.parametrize(
    "error",
    [
        ModelUnavailable("m", retry_after_s=3.0),
        GitHubUnavailable("g"),
        RateLimited("r", retry_after_s=60.0),
        DatabaseBusy("d"),
        Gone("gone"),
        GitHubRefused("no", status=422),
        BadDelivery("no", status=400),
        Permanent("p"),
    ],
)
def test_an_error_of_ours_comes_back_as_itself(error: ThumbprintError) -> None:
    again = Failure.of(error, "post").error()
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert getattr(again, "retry_after_s", None) == getattr(error, "retry_after_s", None)


def test_the_words_of_a_foreign_error_are_not_repeated() -> None:
    failure = Failure.of(ValueError("words of somebody's thread"), "compose")
    assert failure.message == "ValueError in step compose: see the log"
    assert type(failure.error()) is ThumbprintError


def test_what_says_itself_when_it_ends_is_waited_for_until_then_however_often() -> None:
    night = Failure(kind="Quiet", message="quiet hours", retry_after_s=40_000.0)
    assert [delay_s(night, attempts, "a job") for attempts in (1, 99)] == [40_000.0, 40_000.0]


def test_telling_an_asker_in_which_workers_ended_is_put_off_and_no_other_step_is() -> None:
    poisoned = Failure.of(Poisoned("fail ended its worker again and again"), "fail")
    pauses = [later_s(poisoned, tries, "job", "fail") for tries in range(MOST_TELLINGS + 2)]
    assert all(pause is not None and pause >= 60.0 for pause in pauses[:-1])
    assert pauses[-1] is None, "not for ever"
    assert {later_s(poisoned, 0, "job", step) for step in ("post", "edited", "compose")} == {None}


def test_a_step_that_ended_five_workers_is_begun_no_more() -> None:
    assert [is_poison(deaths) for deaths in (0, 4, 5, 6)] == [False, False, True, True]
