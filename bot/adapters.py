"""Which adapter writes an answer, and that the model server has it: load → route → drain → unload.

What is in force is read before each answer, in one query; a new adapter is loaded under a name of its own,
and the answer begins on it. An answer ends on the adapter that it began with. Order of precedence: the
`model` that a repository chose in its file (it never comes here); what is promoted for the repository alone;
for its installation; for all; the server's own model, with `THUMBPRINT_ADAPTER` merged in. An adapter that
the server refuses is said once, and its former answers on. Left out: what may be promoted, when
a canary ends (`bot/canary.py`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.canary import takes
from bot.endpoint import status
from learning.models import adapters
from storage.adapters import serving
from storage.database import Database
from storage.errors import ModelError, ModelRequestError, ModelUnavailable, ThumbprintError
from storage.records import Adapter, Promotion

if TYPE_CHECKING:
    from bot.models import Models

log = structlog.get_logger()

ROOMS = 3
"""So often room is made on a full server for one adapter: another worker may take what was made."""
PATIENT_S = 30.0
"""A server that lets a load wait longer than this is not asked for that adapter for ten times as long."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """The adapter that an answer is begun on: its name on the server, and its id; "" for none."""

    model: str = ""
    adapter: str = ""


def preferred(rows: Iterable[Promotion], thread_key: str) -> tuple[str, ...]:
    """The ids of the adapters for a thread, the first that the server takes is meant. Pure.

    `rows` are what is in force, the nearest scope first. Of a canary a thread gets always the same side;
    where an adapter cannot serve, its former does.
    """
    found: dict[str, None] = {}
    for row in rows:
        canary = not row.is_canary or takes(row.adapter, thread_key, row.share)
        found.update(dict.fromkeys((row.adapter, row.former) if canary else (row.former,)))
    return tuple(one for one in found if one)


def may_serve(adapter: Adapter, installation_id: int, repository_id: int) -> bool:
    """Whether whose data an adapter learned from allows that this repository is answered by it. Pure."""
    account = adapter.installation_id in (0, installation_id)
    return account and adapter.repository_id in (0, repository_id)


def amiss(adapter: Adapter) -> str:
    """Why what lies in an adapter's folder is not what was promoted; "" where it is, or nothing can be seen.

    Our own server compares each file with its manifest, other servers compare nothing; and none of them knows
    which manifest was meant.
    """
    try:
        found = adapters.read(Path(adapter.folder))
    except ModelError as error:
        return str(error)
    except OSError:
        return ""
    if found is None or found.id == adapter.id:
        return ""
    return f"{adapter.folder} holds another adapter, {found.id[:12]}, than was promoted: it was not judged."


class Adapters:
    """What is in force, and what the server has of it. One a worker; its threads share it."""

    def __init__(self, database: Database, models: Models) -> None:
        self._database, self._models = database, models
        self._loading = threading.Lock()
        self._known: dict[tuple[int, int], tuple[Sequence[Promotion], dict[str, Adapter]]] = {}
        self._loaded: set[str] = set()
        self._refused: set[str] = set()
        self._rests: dict[str, float] = {}
        self._used: dict[str, float] = {}

    def choose(self, installation_id: int, repository_id: int, thread_key: str) -> Served:
        """The adapter for an answer in a repository, loaded. Raises ModelUnavailable when nobody can say."""
        rows, known = self._in_force(installation_id, repository_id)
        for adapter_id in preferred(rows, thread_key):
            adapter = known[adapter_id]
            if not may_serve(adapter, installation_id, repository_id):
                log.error("adapter_of_others", adapter=adapter_id, repo=repository_id, so="it is not used")
            elif self._has(adapter):
                self._used[adapter.name] = time.monotonic()
                return Served(model=adapter.name, adapter=adapter_id)
        return Served()

    def lost(self, served: Served, error: ModelRequestError) -> bool:
        """Whether a refusal says that the server has the adapter no more; then it is told of it again."""
        if not served.adapter or status(error) != 404:
            return False
        self._loaded.discard(served.model)
        log.info("adapter_lost", adapter=served.adapter, so="the model server is told again")
        return True

    def settle(self, now: datetime, drain_s: float) -> None:
        """Load what is in force before it is asked for, and unload what no answer can still be on.

        That is `drain_s` after the last promotion: the longest time that an answer takes.
        """
        loaded = set(self._loaded)  # an adapter's row may be gone by now, with whose rows it was made of
        with self._database.unit(read_only=True) as unit:
            rows = unit.adapters.current()
            if not rows and not loaded:
                return
            every = {one.id: one for one in unit.adapters.all()}
        wanted = [one for row in rows for one in _kept(row, every)]
        drained = all(now - row.at >= timedelta(seconds=drain_s) for row in rows)
        gone = loaded.union(one.name for one in every.values()) - {every[one].name for one in wanted}
        try:
            for adapter_id in wanted:
                self._has(every[adapter_id], evict=False)
            for name in [one for one in self._models.names() if one in gone] if gone and drained else ():
                self._unload(name)
        except ModelUnavailable as error:
            log.info("adapters_wait", reason=str(error))

    def _in_force(
        self, installation_id: int, repository_id: int
    ) -> tuple[Sequence[Promotion], dict[str, Adapter]]:
        """The rows for a repository and their adapters; the latter are read where the former changed."""
        key = (installation_id, repository_id)
        with self._database.unit(read_only=True) as unit:
            rows = unit.adapters.for_repository(installation_id, repository_id)
            before, known = self._known.get(key, ((), {}))
            if rows != before:
                ids = {one for row in rows for one in (row.adapter, row.former) if one}
                known = {one: found for one in ids if (found := unit.adapters.get(one)) is not None}
                self._refused -= {one.id for one in known.values() if not one.fault}
                self._refused |= {one.id for one in known.values() if one.fault}
                self._known[key] = (rows, known)
                log.info("adapters_in_force", repo=repository_id, adapters=[one.adapter[:12] for one in rows])
        return rows, known

    def _has(self, adapter: Adapter, *, evict: bool = True) -> bool:
        """Whether the server has an adapter, once it was asked to load it."""
        name = adapter.name
        if name in self._loaded:
            return True
        if adapter.id in self._refused or self._rests.get(name, 0.0) > time.monotonic():
            return False
        with self._loading:
            if name in self._loaded:
                return True
            if wrong := amiss(adapter):
                self._refuse(adapter, wrong)
                return False
            begin = time.monotonic()
            try:
                if not self._load(adapter, evict=evict):
                    return False
            except ModelRequestError as error:
                self._refuse(adapter, str(error))
                return False
            except ModelUnavailable as error:
                took = time.monotonic() - begin
                if took < PATIENT_S:
                    raise
                self._rests[name] = time.monotonic() + 10 * took
                log.warning("adapter_waits", adapter=adapter.id, reason=str(error), after_s=round(took))
                return False
            self._loaded.add(name)
        self._fine(adapter)
        log.info("adapter_loaded", adapter=adapter.id, name=name, seconds=round(time.monotonic() - begin, 1))
        return True

    def _load(self, adapter: Adapter, *, evict: bool) -> bool:
        """Ask for it; where the server is full, the one that was asked for least lately makes room.

        False where none can: that is no fault of the adapter's, and the next answer asks again.
        """
        for _ in range(ROOMS):
            try:
                return self._models.load_adapter(adapter.name, adapter.folder)
            except ModelRequestError as error:
                if "unload one first" not in str(error):
                    raise
            if not evict or not self._made_room(adapter):
                break
        log.info("adapter_waits", adapter=adapter.id, reason="the model server is full")
        return False

    def _made_room(self, adapter: Adapter) -> bool:
        with self._database.unit(read_only=True) as unit:
            ours = {one.name for one in unit.adapters.all()} | self._loaded
        others = [one for one in self._models.names() if one in ours and one != adapter.name]
        for name in sorted(others, key=lambda one: self._used.get(one, 0.0))[:1]:
            self._unload(name)
        return bool(others)

    def _unload(self, name: str) -> None:
        self._loaded.discard(name)
        try:
            self._models.unload_adapter(name)
        except ThumbprintError as error:
            log.info("adapter_stays", name=name, reason=str(error))
        else:
            log.info("adapter_unloaded", name=name)

    def _refuse(self, adapter: Adapter, why: str) -> None:
        """Keep why an adapter is not taken, and say it once, whichever worker finds it."""
        self._refused.add(adapter.id)
        if self._note(adapter.id, why):
            so = "its former answers on: mend it and promote it again, or roll it back"
            log.warning("adapter_refused", adapter=adapter.id, folder=adapter.folder, reason=why, so=so)

    def _fine(self, adapter: Adapter) -> None:
        if adapter.fault:
            self._note(adapter.id, "")

    def _note(self, adapter_id: str, fault: str) -> bool:
        with self._database.unit() as unit:
            changed = unit.adapters.set_fault(adapter_id, fault)
            unit.commit()
        return changed


def _kept(row: Promotion, every: dict[str, Adapter]) -> tuple[str, ...]:
    """The ids that a promotion needs on the server: the former one, too, where the newer is not taken."""
    refused = row.adapter in every and every[row.adapter].fault
    return tuple(dict.fromkeys((*serving(row), *([row.former] if refused and row.former else []))))
