"""A drill that skipped a point did not hold."""

from __future__ import annotations

from bot.drills.crashes import Crashes


def test_a_point_at_which_no_worker_was_killed_is_no_proof() -> None:
    assert Crashes(at=["before commit (1)"], asked=1).held
    missed = Crashes(at=["before commit (1)"], missed=["after commit (1)"], asked=2)
    assert not missed.held and "1 points not come by" in str(missed)
    assert not Crashes(asked=1).held
