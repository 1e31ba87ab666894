"""Configurations: each repository's files, read when they are older than minutes or known to have changed.

What was read is a row, shared by all workers, a file that is not there too: most organisations have no
`.github` repository, and each look for one is a token that GitHub refuses. A push that touches a file makes
its row stale (`webhooks/route.py`), one during the moment of reading too: what was read is used then, and is
read again the next time. A row is stale, too, until learning is as its files say (`bot/learning_mode.py`):
whoever read them may have died before.
Left out: what the files mean (`bot/config.py`). Run: `pytest tests/integration/test_configuration.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from bot.config import ORGANISATION_PATH, PATH, Effective, Origin, layer, merge
from bot.github import Client
from bot.repo_config import RepoConfig
from bot.settings import Settings
from bot.trigger import Asks
from storage.configurations import of_installation, of_repository
from storage.database import Database, UnitOfWork
from storage.records import AnswerStatus, ConfigFile, Configuration, Decision, Learning, Repository
from storage.redaction import redact_said

KEPT = timedelta(minutes=5)
KEPT_MISS = timedelta(hours=1)
"""How long an organisation is known to have no defaults."""

LARGEST_BYTES = 65_536
"""Of a file that is looked at; of those `bot/yaml_file.py` reads a part."""

log = structlog.get_logger()


class Configurations:
    """Configurations by repository; safe for threads. May raise what reading from GitHub raises."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    def of(self, client: Client, repository: Repository, *, anew: bool = False) -> Effective:
        """What holds in a repository; `anew`: as its files stand now."""
        places = (of_installation(repository.installation_id), of_repository(repository.id))
        with self._database.unit(read_only=True) as unit:
            known = [unit.configurations.file(place) for place in places]
            row = unit.configurations.get(repository.id)
        kept = [one if one and not anew and self._fresh(one) else None for one in known]
        owner = repository.full_name.partition("/")[0]
        sources = ((f"{owner}/.github", ORGANISATION_PATH), (repository.full_name, PATH))
        files = [
            file or replace(self._read(client, place, *source), changes=row_of.changes if row_of else 0)
            for file, row_of, place, source in zip(kept, known, places, sources, strict=True)
        ]
        found = effective(files, owner, self._settings)
        if None in kept or row is None or row.as_of is None:
            self._keep(repository, files, found)
        return found

    def _fresh(self, file: ConfigFile) -> bool:
        missed = file.text is None and not file.fault and file.place.startswith("installation/")
        return file.read_at is not None and self._clock() - file.read_at < (KEPT_MISS if missed else KEPT)

    def _read(self, client: Client, place: str, full_name: str, path: str) -> ConfigFile:
        at = self._clock()
        found = client.read_file(full_name, path)
        if found is None:
            return ConfigFile(place=place, text=None, read_at=at)
        if found.size > LARGEST_BYTES:
            fault = f"it has {found.size} bytes, and {LARGEST_BYTES} are allowed"
            return ConfigFile(place=place, text=None, fault=fault, read_at=at)
        try:
            return ConfigFile(place=place, text=redact_said(found.content.decode("utf-8")), read_at=at)
        except UnicodeDecodeError as error:
            line = found.content.count(b"\n", 0, error.start) + 1
            fault = f"it is no UTF-8 text (line {line}): save it as UTF-8"
            return ConfigFile(place=place, text=None, fault=fault, read_at=at)

    def _keep(self, repository: Repository, files: list[ConfigFile], found: Effective) -> None:
        asks = asks_of(found.config)
        with self._database.unit() as unit:
            if unit.repositories.upsert(repository).installation_id != repository.installation_id:
                return  # it changed hands meanwhile: these are the former owner's defaults
            kept = [unit.configurations.keep_file(file) for file in files]
            still = all(kept)
            known = unit.configurations.get(repository.id, to_change=True)
            said = learning_in(found.config)
            if known is None or still:
                known = known or Configuration(
                    repository_id=repository.id,
                    installation_id=repository.installation_id,
                    words=(),
                    mention=True,
                )
                unit.configurations.keep(
                    replace(
                        known,
                        installation_id=repository.installation_id,
                        words=asks.words,
                        mention=asks.mention,
                        training=bool(found.config.training),
                        as_of=self._clock() if still and known.learning is said else None,
                    )
                )
            unit.commit()
        for one in found.problems:  # its sentence quotes the file
            log.warning(
                "config_problem", repository=repository.full_name, place=one.place, line=one.line, key=one.key
            )


def effective(files: list[ConfigFile], owner: str, settings: Settings) -> Effective:
    """What an organisation's file and a repository's come to. Pure."""
    defaults, own = files
    layers = (
        layer(Origin.ORGANISATION, f"{owner}/.github/{ORGANISATION_PATH}", defaults.text, defaults.fault),
        layer(Origin.REPOSITORY, PATH, own.text, own.fault),
    )
    return merge(layers, settings)


def asks_of(config: RepoConfig) -> Asks:
    """What asks in a repository. Pure."""
    default = Asks()
    return Asks(
        words=default.words if config.triggers is None else tuple(dict.fromkeys(config.triggers)),
        mention=default.mention if config.mention is None else config.mention,
    )


def learning_in(config: RepoConfig) -> Learning | None:
    """What the files say of learning; None where they say nothing. Pure."""
    return Learning(config.learning) if config.learning else None


def to_tell(unit: UnitOfWork, repository_id: int, answer_id: str, found: Effective) -> tuple[str, ...]:
    """What this answer is to say of wrong configuration: all of it, once, and from now on it was said.

    Another answer says it again only where the one that was to say it never came out.
    """
    known = unit.configurations.get(repository_id, to_change=True)
    if known is None:
        return ()
    if known.told == found.digest and known.told_in != answer_id and _came_out(unit, known.told_in):
        return ()
    told_in = answer_id if found.problems else ""
    unit.configurations.keep(replace(known, told=found.digest, told_in=told_in))
    return found.remarks()


def _came_out(unit: UnitOfWork, answer_id: str) -> bool:
    """Whether an answer was posted, or is to be; of a draft that nobody approved the thread saw nothing."""
    answer, draft = unit.answers.get(answer_id), unit.drafts.get(answer_id)
    if draft is not None and draft.decision is Decision.WAITING:
        return True
    if draft is not None and draft.decision is Decision.EXPIRED:
        return False
    return answer is not None and answer.status not in (AnswerStatus.CANCELLED, AnswerStatus.FAILED)
