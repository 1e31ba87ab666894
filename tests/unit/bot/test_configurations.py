"""Files are read, kept, and read again; what is wrong in one is logged without its words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from bot.config import ORGANISATION_PATH, PATH
from bot.configurations import Configurations
from bot.github import Client
from bot.github_shapes import File
from bot.settings import Settings
from storage.database import Database
from tests.unit.storage.things import REPOSITORY


@dataclass
class Files:
    """GitHub, as far as files are read there; `meanwhile` happens while one is, by its path."""

    texts: dict[str, str]
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    reads: int = 0

    def read_file(self, full_name: str, path: str) -> Any:
        text = self.texts.get(path)
        self.reads += 1
        if happens := self.meanwhile.pop(path, None):
            happens()
        return None if text is None else File(size=len(text), content=text.encode())


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'thumbprint.db'}")
    made.migrate()
    yield made
    made.dispose()


def read(database: Database, files: Files, *, anew: bool = False) -> None:
    settings = Settings(_env_file=None)
    Configurations(database, settings).of(cast(Client, files), REPOSITORY, anew=anew)


def test_of_what_is_wrong_in_a_file_place_line_and_key_are_logged_and_none_of_its_words(
    database: Database,
) -> None:
    own = "tone: Pat lives in Acacia Avenue\nPat's secret plan: 1\nmodel: pats-own\n"
    files = Files({PATH: own, ORGANISATION_PATH: "quiet_hours: [{from: Pat}]\nPat: [\n"})
    with capture_logs() as said:
        read(database, files)
    assert "pat" not in str([{**one, "place": "", "event": ""} for one in said]).lower()
    found = [(one["event"], one["place"], one["line"], one["key"]) for one in said]
    assert found == [
        ("config_problem", f"octo/.github/{ORGANISATION_PATH}", 3, ""),
        ("config_problem", PATH, 1, "tone"),
        ("config_problem", PATH, 2, ""),
        ("config_problem", PATH, 3, "model"),
    ]
    assert {one["repository"] for one in said} == {REPOSITORY.full_name}
