"""Files are read, kept, and read again once they changed; what is wrong is logged without their words."""

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
from storage.configurations import of_installation, of_repository
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


YES, NO = "training: true\n", "training: false\n"


def standing(database: Database) -> tuple[list[int], list[int]]:
    """The repositories that train, and those of which a file is to be read again."""
    with database.unit(read_only=True) as unit:
        return unit.configurations.in_training(), unit.configurations.stale()


def changed(database: Database, *, defaults: bool = False) -> None:
    """A push is heard of."""
    with database.unit() as unit:
        if defaults:
            unit.configurations.defaults_changed(REPOSITORY.installation_id)
        else:
            unit.configurations.changed(REPOSITORY.id)
        unit.commit()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("defaults", [True, False])
def test_a_no_that_is_pushed_while_the_yes_is_read_counts_from_the_push_on(
    database: Database, known: bool, defaults: bool
) -> None:
    path = ORGANISATION_PATH if defaults else PATH
    files = Files({path: YES})
    if known:
        read(database, files)
        assert standing(database) == ([REPOSITORY.id], [])

    def push() -> None:
        files.texts[path] = NO
        changed(database, defaults=defaults)

    files.meanwhile[path] = push
    read(database, files, anew=True)
    assert standing(database) == ([], [REPOSITORY.id])
    before = files.reads
    read(database, files)
    assert standing(database) == ([], []) and files.reads == before + 1
    files.texts[path] = YES
    changed(database, defaults=defaults)
    read(database, files)
    assert standing(database) == ([REPOSITORY.id], [])


def test_a_push_to_the_accounts_file_while_only_the_own_is_read_is_not_lost(database: Database) -> None:
    files = Files({PATH: "tone: formal\n", ORGANISATION_PATH: YES})
    read(database, files)
    changed(database)
    files.meanwhile[PATH] = lambda: changed(database, defaults=True)
    read(database, files)
    assert standing(database) == ([], [REPOSITORY.id])
    with database.unit(read_only=True) as unit:
        file = unit.configurations.file(of_installation(REPOSITORY.installation_id))
    assert file is not None and file.read_at is None


def test_what_was_read_before_a_push_does_not_replace_what_was_read_after_it(database: Database) -> None:
    files = Files({PATH: YES})
    read(database, files)

    def push() -> None:
        changed(database)
        read(database, Files({PATH: NO}))  # another worker is faster

    files.meanwhile[PATH] = push
    read(database, files, anew=True)
    assert standing(database) == ([], [])
    with database.unit(read_only=True) as unit:
        file = unit.configurations.file(of_repository(REPOSITORY.id))
    assert file is not None and (file.text, file.read_at is None) == (NO, False)


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
