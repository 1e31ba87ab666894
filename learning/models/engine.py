"""What the model server holds: the policies by name, the encoder, and one queue for each.

One generation at a time; a bounded number wait; who would wait longer than the limit is refused at once. An
adapter is loaded, merged and quantised beside the running policy and then takes its name. Left out: HTTP.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from learning.models.encoder import Encoder
from learning.models.policy import Options, Policy, Written, measure_threads
from learning.models.watchdog import Watchdog
from storage.errors import ModelError, ModelRequestError, ModelUnavailable, ThumbprintError

T = TypeVar("T")
QUEUE = 16
MOST_ADAPTERS = 4
AT_ONCE = 32  # texts that are embedded between two looks at the clock


class Engine:
    """Policies and encoder in memory. Thread-safe; torch runs in two worker threads of its own."""

    def __init__(
        self,
        *,
        name: str,
        folder: Path,
        adapter: Path | None,
        encoder: Path | None,
        timeout_s: float,
        threads: int,
    ) -> None:
        """Load everything. Raises ModelError for files that cannot be, or do not fit into the memory cap."""
        self.name, self._folder, self.timeout_s = name, folder, timeout_s
        self._generating = ThreadPoolExecutor(1, "policy")
        self._encoding = ThreadPoolExecutor(1, "encoder")
        self._loading, self._counting = threading.Lock(), threading.Lock()
        self._waiting, self._typical_s = 0, 5.0
        self.watchdog = Watchdog()
        with _loading(f"{folder} with {adapter}" if adapter else str(folder)):
            self._policies = {name: Policy(folder, adapter=adapter)}
        self.adapters: dict[str, Path] = {}
        with _loading(str(encoder)):
            self.encoder = Encoder(encoder) if encoder else None
        choices = (
            [threads] if threads else sorted({1, min(2, torch.get_num_threads()), torch.get_num_threads()})
        )
        self.threads, self.speeds = self._generating.submit(
            measure_threads, self._policies[name], choices
        ).result()

    def policy(self, name: str) -> Policy:
        """The policy of that name. Raises ModelRequestError (404) for an unknown one."""
        found = self._policies.get(name)
        if found is None:
            known = ", ".join(self._policies)
            raise ModelRequestError(f"The model `{name}` does not exist; this server has {known}.")
        return found

    def generate(
        self, name: str, prompt: Sequence[int], options: Options, cancelled: threading.Event
    ) -> Future[tuple[Written, ...]]:
        """Queue one generation. Raises ModelUnavailable when the queue is full or the wait too long."""
        policy = self.policy(name)
        with self._counting:
            wait_s = self._waiting * self._typical_s
            if self._waiting >= QUEUE or wait_s > self.timeout_s:
                message = "The model server is busy: try again later."
                raise ModelUnavailable(message, retry_after_s=max(1.0, wait_s / 2))
            self._waiting += 1
        until = time.monotonic() + self.timeout_s

        def run() -> tuple[Written, ...]:
            begin = time.monotonic()
            if begin > until or cancelled.is_set():
                raise ModelUnavailable(
                    "The request waited longer than its time.", retry_after_s=self._typical_s
                )
            with self.watchdog.over("a generation", until):
                written = _within_limits(
                    lambda: policy.write(
                        prompt, options, stopped=lambda: cancelled.is_set() or time.monotonic() > until
                    ),
                    policy,
                )
            self._typical_s = 0.7 * self._typical_s + 0.3 * (time.monotonic() - begin)
            return written

        future = self._generating.submit(run)
        future.add_done_callback(self._left)
        return future

    def _left(self, _: Future[tuple[Written, ...]]) -> None:
        with self._counting:
            self._waiting -= 1

    def embed(self, texts: Sequence[str], cancelled: threading.Event) -> Future[list[list[float]]]:
        """Queue texts for the encoder. Raises ModelRequestError when there is none."""
        encoder = self.encoder
        if encoder is None:
            raise ModelRequestError(
                "The model `encoder` does not exist: this server was started without one."
            )
        until = time.monotonic() + self.timeout_s

        def run() -> list[list[float]]:
            vectors: list[list[float]] = []
            for start in range(0, len(texts), AT_ONCE):
                if cancelled.is_set() or time.monotonic() > until:
                    raise TimeoutError(f"{start} of {len(texts)} texts were embedded in time")
                with self.watchdog.over("an embedding", until):
                    vectors += encoder.embed(texts[start : start + AT_ONCE])
            return vectors

        return self._encoding.submit(lambda: _within_limits(run, None))

    def load_adapter(self, name: str, folder: Path) -> None:
        """Load, merge and quantise an adapter while the others answer on; then it has its name.

        Raises ModelRequestError (name taken, too many), ModelError (files, or no memory left for it).
        """
        with self._loading:
            if name in self._policies:
                raise ModelRequestError(f"The lora adapter '{name}' has already been loaded.")
            if len(self.adapters) >= MOST_ADAPTERS:
                raise ModelRequestError(f"{MOST_ADAPTERS} adapters are loaded already: unload one first.")
            with _loading(f"{self._folder} with {folder}"):
                policy = Policy(self._folder, adapter=folder)
            self.adapters[name] = folder
            self._policies[name] = policy

    def unload_adapter(self, name: str) -> None:
        """Forget an adapter; a generation that runs on it ends in peace. Raises ModelRequestError."""
        with self._loading:
            if name not in self.adapters:
                raise ModelRequestError(f"The lora adapter '{name}' cannot be found.")
            del self.adapters[name], self._policies[name]


@contextmanager
def _loading(what: str) -> Iterator[None]:
    """Whatever libraries raise for files that are damaged, foreign or too large, as ModelError."""
    try:
        yield
    except ThumbprintError:
        raise
    except Exception as error:
        said = str(error).splitlines()[0] if str(error) else "no reason given"
        if isinstance(error, MemoryError) or "memory" in said.lower():
            raise ModelError(
                f"{what} needs more memory than THUMBPRINT_MODEL_MEMORY_GB allows: raise it, "
                "or name a smaller model."
            ) from error
        raise ModelError(
            f"{what} cannot be loaded, for its files are damaged or of another kind: {type(error).__name__}: "
            f"{said.rstrip('.')}. Fetch them again, or name another model."
        ) from error


def _within_limits(work: Callable[[], T], policy: Policy | None) -> T:
    """`work`'s result. Running out of time or memory becomes ModelUnavailable; then caches are let go."""
    try:
        return work()
    except TimeoutError as error:
        raise ModelUnavailable(
            f"The request needs more time than model_timeout_s allows: {error}."
        ) from error
    except ValueError as error:
        raise ModelRequestError(f"Bad request: {error}.") from error
    except MemoryError as error:
        cause: Exception = error
    except RuntimeError as error:
        if "memory" not in str(error).lower():
            raise ModelError(f"The model failed: {str(error).splitlines()[0]}") from error
        cause = error
    if policy is not None:
        policy.blocks.clear()
    raise ModelUnavailable(
        "The request needs more memory than model_memory_gb allows: ask for fewer candidates or tokens."
    ) from cause
