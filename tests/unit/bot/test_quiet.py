"""When a quiet time ends: by the clock on the wall, across midnights, weekends and summer time."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.quiet import quiet_until
from bot.repo_config import QuietWindow

NIGHT = QuietWindow.model_validate({"from": "22:00", "to": "07:00"}).window
WEEKEND = QuietWindow.model_validate({"from": "00:00", "to": "24:00", "days": ["sat", "sun"]}).window
FRIDAY = QuietWindow.model_validate({"from": "22:00", "to": "07:00", "days": ["fri"]}).window


def local(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-11-18T21:59", None),
        ("2026-11-18T22:00", "2026-11-19T07:00"),
        ("2026-11-19T06:59", "2026-11-19T07:00"),
        ("2026-11-19T07:00", None),
        ("2026-11-20T23:00", "2026-11-23T07:00"),  # Friday night runs through the weekend into Monday
        ("2026-11-22T12:00", "2026-11-23T07:00"),
    ],
)
def test_a_quiet_time_ends_where_no_other_goes_on(moment: str, until: str | None) -> None:
    found = quiet_until(local(moment), [NIGHT, WEEKEND], "Europe/Berlin")
    assert found == (until and local(until))


def test_a_day_is_the_one_on_which_it_begins() -> None:
    assert quiet_until(local("2026-11-21T06:00"), [FRIDAY], "Europe/Berlin") == local("2026-11-21T07:00")
    assert quiet_until(local("2026-11-20T06:00"), [FRIDAY], "Europe/Berlin") is None


def test_the_zones_clock_decides() -> None:
    noon = datetime(2026, 11, 18, 12, tzinfo=UTC)
    assert quiet_until(noon, [NIGHT], "Asia/Tokyo") is None
    assert quiet_until(noon, [NIGHT], "Pacific/Auckland") is not None
    assert quiet_until(noon, [], "UTC") is None


def test_a_night_in_which_the_clock_changes_ends_at_the_same_time_of_day() -> None:
    for evening, morning in (
        ("2026-03-28T23:00", "2026-03-29T07:00"),
        ("2026-10-24T23:00", "2026-10-25T07:00"),
    ):
        assert quiet_until(local(evening), [NIGHT], "Europe/Berlin") == local(morning)
