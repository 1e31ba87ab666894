"""One migrated database for each test, on SQLite; a copy, except for whoever tests the migrations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from tests.template import migrations_run


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/thumbprint.db", busy_timeout_s=0.2)
    database.migrate()
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def migrations() -> Iterator[None]:
    with migrations_run():
        yield
