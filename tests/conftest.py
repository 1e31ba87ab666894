"""For every test: logs go to pytest's own capture, a busy machine breaks no property, files lie in memory.

What takes longest begins first, so that workers side by side (`make test`) end together; the browser's tests
follow each other, for they share one system. After a file's last test the collector forgets what is there
(libraries, for the most part): walking it again and again took half of its time. A test that leaves a handler
of a signal changed fails. Where one set up logs as a process does, lost errors are told to pytest again from
the next one on. No night begins by itself, whatever the hour: a worker that a test runs would start it.
A new SQLite file begins as a copy (`template.py`); what is the same for all is read once (`read_once.py`).
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest
import structlog

from tests import read_once, template
from tests.signals import Handlers

hypothesis.settings.register_profile("thumbprint", deadline=None)
hypothesis.settings.load_profile("thumbprint")

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(key_order=["event"]),
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=False,
)

MEMORY = Path("/dev/shm")
ROOM = 8 * 2**30
"""Bytes that have to be free for temporary files to lie in memory; all tests take less than one GiB."""

if (
    "TMPDIR" not in os.environ
    and MEMORY.is_dir()
    and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC
    and min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available) > ROOM
):  # thousands of small databases are written here, and each commit would wait for a disk
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None

os.environ["THUMBPRINT_RETRAIN_AT"] = "never"
HANDLERS = Handlers()
template.install()
read_once.install()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[bool, bool, bool]:
    browsing = item.path.parent.name == "e2e"
    return not browsing, item.get_closest_marker("timeout") is None, item.get_closest_marker("slow") is None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    kept = sys.excepthook, threading.excepthook, sys.unraisablehook
    try:
        return (yield)
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    yield
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()
    left = HANDLERS.put_back()
    assert not left, f"this test, or what was set up for it, left a handler behind: {left}"
