"""The handlers of the signals that end a run of tests: who changes one takes Ctrl-C from everybody."""

from __future__ import annotations

import signal

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Handlers:
    """Those of now, to be put back."""

    def __init__(self) -> None:
        self._before = {number: signal.getsignal(number) for number in ENDING}

    def put_back(self) -> dict[str, str]:
        """What other handlers stand there, by the signals' names; put back are those of before."""
        now = {number: signal.getsignal(number) for number in ENDING}
        changed = [number for number in ENDING if now[number] is not self._before[number]]
        for number in changed:
            signal.signal(number, self._before[number])
        return {number.name: repr(now[number]) for number in changed}
