"""The database and its unit of work: all reading and writing goes through `with database.unit() as unit:`.

SQLite in one file by default, PostgreSQL by URL. Left out: DBOS's tables, which `bot/queue.py` creates in the
same database; `bot.queue.migrate(database)` brings both up to date.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from storage import engine, failures
from storage.adapters import AdapterStore
from storage.admissions import AdmissionStore
from storage.answers import AnswerStore
from storage.audits import AuditStore
from storage.columns import upsert
from storage.configurations import ConfigurationStore
from storage.deliveries import DeliveryStore
from storage.drafts import DraftStore
from storage.errors import DatabaseBusy, DatabaseError
from storage.executors import ExecutorStore
from storage.fair_lock import FairLock
from storage.feedback import FeedbackStore
from storage.installations import InstallationStore
from storage.jobs import JobStore
from storage.locks import Claim, claim_file
from storage.paces import PaceStore
from storage.people import PeopleStore
from storage.phrases import PhraseStore
from storage.polls import PollStore
from storage.postings import PostingStore
from storage.progress import ProgressStore
from storage.proposals import ProposalStore
from storage.repositories import RepositoryStore
from storage.tables import heartbeats
from storage.upgrade import upgrade


class Database:
    """One database, opened once per process and shared by its threads.

    `busy_timeout_s` is how long a writer waits before DatabaseBusy: on SQLite first for this process's other
    threads, in the order in which they came, then as long again for other processes. Raises
    ConfigurationError for a URL that is neither a SQLite file's nor PostgreSQL's, DatabaseError when the
    folder cannot be made.
    """

    def __init__(self, url: str, *, busy_timeout_s: float = 10.0) -> None:
        self.url = engine.parse(url)
        self._claims: list[Claim] = []
        self.busy_timeout_s = busy_timeout_s
        self.writers = FairLock() if self.is_sqlite else None
        """Whose turn it is to write, among this process's threads; PostgreSQL needs none."""
        if self.is_sqlite:
            try:
                Path(self.name).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DatabaseError(f"the folder of {self.name} cannot be made: {error.strerror}") from error
        self.session = f"{socket.gethostname()[:40]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        """This process's name, unlike any other's: what PostgreSQL calls its connections."""
        self.engine = engine.create(self.url, busy_timeout_s, self.session)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is one SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def name(self) -> str:
        """The file, or the URL without its password: for messages."""
        return str(self.url.database) if self.is_sqlite else self.url.render_as_string(hide_password=True)

    @contextmanager
    def errors_translated(self) -> Iterator[None]:
        """Turn the driver's errors into DatabaseBusy and DatabaseError, the cause kept."""
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            ours = failures.translate(error, self.name)
            if ours is None:
                raise
            raise ours from error

    def migrate(self) -> None:
        """Create or update Thumbprint's tables. Safe to call from several processes at once."""
        with self.errors_translated(), self.engine.connect() as connection:
            upgrade(connection)

    def unit(self, *, read_only: bool = False) -> UnitOfWork:
        """Begin one unit of work. A read-only one sees one moment, waits for no writer, and cannot commit."""
        return UnitOfWork(self, read_only=read_only)

    def claim(self, role: str) -> None:
        """Make this process the only one in its role (`serve`, `work`) on a SQLite file, until it ends.

        Two workers, or two receivers, on one file are a mistake; on PostgreSQL they are a choice, and nothing
        is claimed. Raises DatabaseError that names the holder and the remedy.
        """
        if self.is_sqlite:
            self._claims.append(claim_file(Path(self.name), role))

    def beat(self, role: str) -> None:
        """Write this role's sign of life: proof that the database takes writes. Raises as any write does."""
        with self.unit() as unit:
            upsert(unit.connection, heartbeats, [{"role": role, "at": datetime.now(UTC)}])
            unit.commit()

    def last_beat(self, role: str) -> datetime | None:
        """When a role last gave a sign of life, or None if it never did."""
        with self.unit(read_only=True) as unit:
            query = sa.select(heartbeats.c.at).where(heartbeats.c.role == role)
            return unit.connection.execute(query).scalar_one_or_none()

    def vacuum(self) -> bool:
        """Empty SQLite's log of what was erased; in the file itself rows are overwritten as they go.

        False where somebody who reads or writes kept it from that for too long.
        """
        if not self.is_sqlite:
            return True
        with self.errors_translated(), self.engine.connect() as connection:
            return not connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]

    def dispose(self) -> None:
        """Close all connections and give up what was claimed."""
        for claim in self._claims:
            claim.close()
        self._claims.clear()
        self.engine.dispose()


class UnitOfWork:
    """One transaction and the Stores on it: rolls back unless `commit()` was called.

    Errors of the driver leave as DatabaseBusy or DatabaseError. Hold none open while a model or GitHub works:
    on SQLite it keeps all other writers waiting.
    """

    def __init__(self, database: Database, *, read_only: bool = False) -> None:
        self._database = database
        self._read_only = read_only

    def __enter__(self) -> Self:
        self._wait_turn()
        try:
            self._begin()
        except BaseException:
            self._end_turn()
            raise
        return self

    def _begin(self) -> None:
        with self._database.errors_translated():
            self.connection = self._database.engine.connect()
            try:
                self._transaction = self.connection.begin()
                if self._database.is_sqlite:
                    self.connection.exec_driver_sql("BEGIN" if self._read_only else "BEGIN IMMEDIATE")
                elif self._read_only:
                    self.connection.execute(
                        sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    )
                self._open_stores()
            except BaseException:
                self.connection.close()
                raise

    def _open_stores(self) -> None:
        self.repositories = RepositoryStore(self.connection)
        self.deliveries = DeliveryStore(self.connection)
        self.answers = AnswerStore(self.connection)
        self.admissions = AdmissionStore(self.connection)
        self.configurations = ConfigurationStore(self.connection)
        self.drafts = DraftStore(self.connection)
        self.feedback = FeedbackStore(self.connection)
        self.phrases = PhraseStore(self.connection)
        self.polls = PollStore(self.connection)
        self.proposals = ProposalStore(self.connection)
        self.installations = InstallationStore(self.connection)
        self.progress = ProgressStore(self.connection)
        self.audits = AuditStore(self.connection)
        self.people = PeopleStore(self.connection)
        self.jobs = JobStore(self.connection)
        self.executors = ExecutorStore(self.connection)
        self.postings = PostingStore(self.connection)
        self.paces = PaceStore(self.connection)
        self.adapters = AdapterStore(self.connection)

    def commit(self) -> None:
        """Make everything durable, at once or not at all. The unit is over then."""
        if self._read_only:
            raise RuntimeError("a read-only unit of work has nothing to commit")
        with self._database.errors_translated():
            self._transaction.commit()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._database.errors_translated():
                self.connection.close()  # rolls back what was not committed
        finally:
            self._end_turn()
            if isinstance(error, sa.exc.SQLAlchemyError):
                ours = failures.translate(error, self._database.name)
                if ours is not None:
                    raise ours from error

    def _wait_turn(self) -> None:
        writers = None if self._read_only else self._database.writers
        if writers is not None and not writers.acquire(self._database.busy_timeout_s):
            raise DatabaseBusy(
                f"{self._database.name} is being written by this process's other threads for longer than "
                f"{self._database.busy_timeout_s:g} s"
            )
        self._turn = writers

    def _end_turn(self) -> None:
        if self._turn is not None:
            self._turn.release()
