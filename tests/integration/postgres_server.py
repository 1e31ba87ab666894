"""PostgreSQL, the machine's own, started in a temporary folder; without it these tests are skipped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.ports import free_port


def _program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(places[-1]) if places else shutil.which(name)


class Postgres:
    """A server in a folder of its own; its owner is not root, for it refuses to be."""

    def __init__(self, home: str, initdb: str, postgres: str) -> None:
        self._home, self._port = home, free_port()
        self._owner: dict[str, Any] = (
            {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        )
        self.url = f"postgresql://bot@127.0.0.1:{self._port}"
        self._program = postgres
        if self._owner:
            shutil.chown(home, "postgres", "postgres")
        made = [initdb, "-D", f"{home}/data", "-A", "trust", "-U", "bot", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, cwd=home, **self._owner)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        where = ["-D", f"{self._home}/data", "-k", self._home, "-p", str(self._port), "-h", "127.0.0.1"]
        with Path(self._home, "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *where, "-F"], stdout=log, stderr=log, cwd=self._home, **self._owner
            )
        _wait_for(self.url, self._process)

    def stop(self, *, crash: bool = False) -> None:
        """PostgreSQL's "fast" shutdown: every connection is broken off, every transaction rolled back.

        `crash` is its "immediate" one, after which it recovers from its log.
        """
        self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        self._process.wait(30)


@contextmanager
def running() -> Iterator[Postgres]:
    """A server, stopped at the end; without PostgreSQL on this machine the test is skipped."""
    initdb, program = _program("initdb"), _program("postgres")
    if initdb is None or program is None:
        pytest.skip("no PostgreSQL server is installed")
    with tempfile.TemporaryDirectory() as home:
        made = Postgres(home, initdb, program)
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
