"""Retrying is a decision from the failure and the attempts, and it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.retry import (
    FOR_THE_OPERATOR,
    LATER_FIRST_S,
    LATER_LONGEST_S,
    LONGEST_HINT_S,
    PATIENCE,
    Failure,
    delay_s,
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
    RateLimited,
    Retryable,
    ThumbprintError,
)


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
    assert found == sorted(found)
    assert found[0] == PATIENCE[kind].first_s
    assert found[-1] == PATIENCE[kind].longest_s
    assert sum(found) <= PATIENCE[kind].total_s


@pytest.mark.parametrize(
    "error", [Gone("x"), GitHubRefused("x"), ModelRequestError("x"), KeyError("x"), ThumbprintError("x")]
)
def test_what_a_person_has_to_change_is_not_tried_again(error: Exception) -> None:
    assert delay_s(Failure.of(error, "post"), 1) is None


def test_a_retryable_error_of_every_kind_has_its_patience_and_so_has_a_full_disk() -> None:
    assert {kind.__name__ for kind in Retryable.__subclasses__()} | {"DatabaseFull"} == set(PATIENCE)


@pytest.mark.parametrize("kind", sorted({*PATIENCE, *FOR_THE_OPERATOR}))
def test_telling_and_learning_are_never_given_up_while_the_cause_may_pass(kind: str) -> None:
    found = [later_s(Failure(kind=kind, message=""), tries) or 0.0 for tries in range(5000)]
    assert found == sorted(found) and found[0] == LATER_FIRST_S and found[-1] == LATER_LONGEST_S == 3600


@pytest.mark.parametrize("error", [Gone("x"), GitHubRefused("x"), KeyError("x"), ThumbprintError("x")])
def test_telling_and_learning_end_at_once_where_nothing_can_change(error: Exception) -> None:
    assert later_s(Failure.of(error, "fail"), 0) is None


@given(st.floats(0, 1e6), st.integers(1, 4))
def test_a_hint_is_honoured_up_to_an_hour(hint: float, attempts: int) -> None:
    pause = delay_s(Failure.of(RateLimited("wait", retry_after_s=hint), "post"), attempts)
    assert pause is not None
    assert pause >= min(hint, LONGEST_HINT_S)
    assert pause <= max(LONGEST_HINT_S, PATIENCE["RateLimited"].longest_s)


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
