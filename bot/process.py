"""One supervised process: started, asked whether it is ready, restarted when it dies, stopped.

Left out: what the processes are and in which order they go (`bot/run.py`). Each child leads a session of
its own, so that Ctrl-C reaches the supervisor alone, and asks the kernel for SIGTERM when its parent dies
(Linux), so that a killed supervisor leaves nobody behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx

from learning.parent import dies_with

LONGEST_PAUSE_S = 30.0
HEALTHY_S = 60.0
ASK_S = 10.0
"""How often what should answer is asked whether it does."""
LEAST_WORK_S = 0.1
"""Seconds of processor time between two such questions: less is used by whoever only waits."""
LOG_BYTES = 20 * 2**20


@dataclass(frozen=True, kw_only=True)
class Part:
    """What to start. `ready` is a URL that answers 2xx once it works, or a question to ask instead.

    `stop_s` is how long it may take to stop before it is killed. What was alive once and then is not for
    `silent_s` hangs, and is killed too; 0: however long. `alive` is asked for that, or else `ready`; what is
    nice may have to wait for the processor, so it is alive while it uses some, too.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    log: Path
    ready: str | Callable[[], bool]
    nice: int = 0
    stop_s: float = 5.0
    silent_s: float = 0.0
    alive: Callable[[], bool] | None = None


class Process:
    """A Part that runs, or did. `restarts` counts how often it was started again."""

    def __init__(self, part: Part, clock: Callable[[], float] = time.monotonic) -> None:
        self.part = part
        self.restarts = 0
        self._clock = clock
        self._popen: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._log_from = 0
        self._failures = 0
        self._due_at: float | None = None
        self._asked_at = self._answered_at = self._used_s = 0.0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._popen.pid if self._popen is not None and self._popen.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """Its exit code once it has ended, negative for a signal."""
        return None if self._popen is None else self._popen.poll()

    def start(self) -> None:
        """Start it; its output goes to its log file. Call from the main thread: the kernel ties both."""
        self.part.log.parent.mkdir(parents=True, exist_ok=True)
        if self.part.log.exists() and self.part.log.stat().st_size > LOG_BYTES:
            self.part.log.replace(self.part.log.with_suffix(".log.1"))
        with self.part.log.open("ab") as log:
            self._log_from = log.tell()
            self._popen = self._spawn(log)
        self._started_at = self._asked_at = self._clock()
        self._answered_at = self._used_s = 0.0
        self._due_at = None

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        ends_with_us, nice = dies_with(os.getpid(), signal.SIGTERM), self.part.nice

        def before_exec() -> None:
            ends_with_us()
            if nice:
                os.nice(nice)

        return subprocess.Popen(
            self.part.command,
            env=dict(self.part.env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=before_exec,
        )

    def ready(self) -> bool:
        """Whether it does its work already."""
        if self.pid is None:
            return False
        if not isinstance(self.part.ready, str):
            return self.part.ready()
        try:
            return httpx.get(self.part.ready, timeout=2.0, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def keep_alive(self) -> str:
        """Start it again when it has died, after a pause that doubles; kill it when it hangs.

        Returns what there is to say.
        """
        now = self._clock()
        if self.pid is not None:
            if now - self._started_at > HEALTHY_S:
                self._failures = 0
            return self._kill_hung(now)
        if self._due_at is None:
            pause_s = min(LONGEST_PAUSE_S, 2.0**self._failures - 1)
            self._failures += 1
            self._due_at = now + pause_s
            return f"{self.part.name} ended ({ending(self.exit_code)}); starting it again in {pause_s:.0f} s"
        if now >= self._due_at:
            self.restarts += 1
            self.start()
        return ""

    def _kill_hung(self, now: float) -> str:
        if not self.part.silent_s or now - self._asked_at < ASK_S:
            return ""
        self._asked_at = now
        used_s, self._used_s = self._used_s, _processor_s(self.pid)
        works = self._answered_at and self.part.nice and self._used_s - used_s > LEAST_WORK_S
        if (self.part.alive() if self.part.alive is not None else self.ready()) or works:
            self._answered_at = now
        silent_s = now - self._answered_at
        if not self._answered_at or silent_s <= self.part.silent_s:
            return ""
        self.kill()
        return f"{self.part.name} has given no sign of life for {silent_s:.0f} s and was killed"

    def ask_to_stop(self) -> None:
        """SIGTERM, if it runs."""
        self._signal(signal.SIGTERM)

    def wait_stopped(self, timeout_s: float) -> bool:
        """Wait for its end; kill what does not end in time, children too. True: it went by itself."""
        if self._popen is None:
            return True
        try:
            self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._popen.wait()
            return False
        return True

    def kill(self) -> None:
        """SIGKILL to it and its children."""
        self._signal(signal.SIGKILL)

    def doing(self) -> str:
        """Its name, and what it says that it is doing: the last line of its log that begins with its name."""
        begin = f"{self.part.name}: "
        said = [line for line in self.last_lines(50) if line.startswith(begin)]
        return said[-1] if said else self.part.name

    def last_lines(self, count: int = 12) -> list[str]:
        """The end of what it logged since its start."""
        return self._own_log().decode(errors="replace").splitlines()[-count:]

    def _own_log(self) -> bytes:
        try:
            with self.part.log.open("rb") as log:
                log.seek(self._log_from)
                return log.read()
        except FileNotFoundError:
            return b""

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                return


def ending(code: int | None) -> str:
    """How a process ended, in words: `exit code 3`, `SIGKILL`."""
    if code is None:
        return "unknown"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _processor_s(pid: int | None) -> float:
    """Seconds of processor time that a process has used; 0.0 where the machine does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
