"""PostgreSQL, the machine's own, started in a temporary folder; without it these tests are skipped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.playground_fixture import free_port


def _program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(places[-1]) if places else shutil.which(name)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server without its database; its owner is not root, for it refuses to be."""
    initdb, postgres = _program("initdb"), _program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("no PostgreSQL server is installed")
    owner = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as home:
        if owner:
            shutil.chown(home, "postgres", "postgres")
        made = [initdb, "-D", f"{home}/data", "-A", "trust", "-U", "bot", "--no-sync"]
        subprocess.run(made, check=True, capture_output=True, cwd=home, **owner)
        port = free_port()
        started = [postgres, "-D", f"{home}/data", "-k", home, "-p", str(port), "-h", "127.0.0.1", "-F"]
        with Path(home, "log").open("wb") as log:
            process = subprocess.Popen(started, stdout=log, stderr=log, cwd=home, **owner)
        try:
            url = f"postgresql://bot@127.0.0.1:{port}"
            _wait_for(url, process)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


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
    engine = sa.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    name = f"t{abs(hash(request.node.nodeid))}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield f"{server}/{name}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()
