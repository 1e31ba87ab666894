"""On PostgreSQL, which several machines share, there is one night over all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import night_lock
from storage.database import Database
from tests.integration.postgres_server import server, url

__all__ = ["server", "url"]

pytestmark = pytest.mark.slow


def test_two_machines_on_one_database_have_one_night_between_them(tmp_path: Path, url: str) -> None:
    one, other = Database(url), Database(url)
    try:
        with night_lock.held(tmp_path / "one", one):
            with (
                pytest.raises(night_lock.AtWork, match="Another night is at work"),
                night_lock.held(tmp_path / "other", other),
            ):
                raise AssertionError("two at once")
            assert night_lock.is_free(tmp_path / "other")
        with night_lock.held(tmp_path / "other", other):
            pass
    finally:
        one.dispose()
        other.dispose()
