"""The guard of `tests/conftest.py` sees a handler that a test leaves behind."""

from __future__ import annotations

import signal

from tests.signals import Handlers


def test_a_handler_that_is_left_behind_is_named_and_put_back() -> None:
    before, handlers = signal.getsignal(signal.SIGTERM), Handlers()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert handlers.put_back() == {"SIGTERM": repr(signal.SIG_IGN)}
    assert signal.getsignal(signal.SIGTERM) is before and handlers.put_back() == {}
