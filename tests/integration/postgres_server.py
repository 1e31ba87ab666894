"""PostgreSQL, the machine's own, started in a temporary folder; without it these tests are skipped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.ports import free_port
from tests.integration.small_disk import small_disk

AGAIN_S = 0.5


def _program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(places[-1]) if places else shutil.which(name)


SMALL = ("-c", "min_wal_size=2MB", "-c", "max_wal_size=8MB", "-c", "checkpoint_timeout=30s")
"""With segments of 1 MiB: a server whose log takes little of a small disk, and that notices soon when it is
full: at a checkpoint it may end."""


class Postgres:
    """A server in a folder of its own; its owner is not root, for it refuses to be.

    `disk`: a small file system, for its data alone.
    """

    def __init__(self, home: str, initdb: str, postgres: str, disk: Path | None = None) -> None:
        self._home, self._port = home, free_port()
        self.data, self._more = disk or Path(home), SMALL if disk else ()
        self._owner: dict[str, Any] = (
            {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        )
        self.url = f"postgresql://bot@127.0.0.1:{self._port}"
        self._program = postgres
        if self._owner:
            shutil.chown(home, "postgres", "postgres")
            shutil.chown(self.data, "postgres", "postgres")
        made = [initdb, "-D", f"{self.data}/data", "-A", "trust", "-U", "bot", "--no-sync"]
        made += ["--wal-segsize=1"] if disk else []
        subprocess.run(made, check=True, capture_output=True, cwd=home, **self._owner)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self._begin()
        _wait_for(self.url, self._process)

    def _begin(self) -> None:
        where = ["-D", f"{self.data}/data", "-k", self._home, "-p", str(self._port), "-h", "127.0.0.1"]
        with Path(self._home, "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *where, "-F", *self._more],
                stdout=log,
                stderr=log,
                cwd=self._home,
                **self._owner,
            )

    @contextmanager
    def supervised(self) -> Iterator[list[int]]:
        """Begin it again each time that it ends, as systemd does, whatever becomes of that; exit codes."""
        ended: list[int] = []
        over = threading.Event()

        def watch() -> None:
            while not over.wait(AGAIN_S):
                code = self._process.poll()
                if code is not None:
                    ended.append(code)
                    self._begin()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield ended
        finally:
            over.set()
            thread.join()

    def stop(self, *, crash: bool = False) -> None:
        """PostgreSQL's "fast" shutdown: every connection is broken off, every transaction rolled back.

        `crash` is its "immediate" one, after which it recovers from its log.
        """
        self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        self._process.wait(30)


@contextmanager
def running(disk_mb: int = 0) -> Iterator[Postgres]:
    """A server, stopped at the end; without PostgreSQL on this machine the test is skipped.

    `disk_mb`: its data lie on a file system of so many MiB, as in `small_disk.py`.
    """
    initdb, program = _program("initdb"), _program("postgres")
    if initdb is None or program is None:
        pytest.skip("no PostgreSQL server is installed")
    with tempfile.TemporaryDirectory() as home, small_disk(Path(home, "disk"), disk_mb) as disk:
        made = Postgres(home, initdb, program, disk)
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a server, without a database. One for all tests of a process."""
    with running() as made:
        yield made.url


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    engine = sa.create_engine(f"{url}/postgres")
    deadline = time.monotonic() + 30
    while True:
        try:
            engine.connect().close()
            break
        except sa.exc.OperationalError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    engine.dispose()


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of the test's own."""
    engine = sa.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    name = f"t{abs(hash(request.node.nodeid))}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield f"{server}/{name}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()
