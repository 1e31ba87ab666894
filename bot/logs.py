"""Logs of every process: an action word and ids, one line each; readable on a terminal, JSON elsewhere.

No thread text, prompt or secret is logged above debug. Loggers of libraries go the same way, from warning on,
and so do Python's warnings, what ends a thread or the process, and what no caller can be told of. Tracebacks
show no values, and no sentence but those of our own errors: another's may quote what people wrote. What is
secret in a line is cut out of it as it is written (`storage/redaction.py`).
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from traceback import walk_tb
from types import TracebackType
from typing import Any, TextIO

import structlog

from storage.errors import ThumbprintError
from storage.redaction import redact

MOST_FRAMES = 50
OURS = "thumbprint"
"""The logger of what we say past structlog."""
QUIET = ("httpx", "httpcore", "dbos", "alembic", "uvicorn.access", "githubkit", "openai")


class Redacting(structlog.stdlib.ProcessorFormatter):
    """The one place where a line is written: nothing secret is left in it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return redact(super().format(record))


def configure(level: str = "info") -> None:
    """Send structlog's and the standard library's logs to stderr. Safe to call more than once."""
    terminal = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=_print)
        if terminal
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    chain: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not terminal:
        chain.append(structlog.processors.ExceptionRenderer(lambda info: places(info[1])))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacting(processors=[*chain, last], foreign_pre_chain=[*shared, _of_library]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_number(level))
    for name in QUIET:
        library = logging.getLogger(name)
        library.handlers[:] = [logging.NullHandler()]  # one is there, so DBOS adds none of its own
        library.propagate = True
        library.setLevel(max(logging.WARNING, _number(level)))
    sys.excepthook = _ended
    threading.excepthook = lambda end: _ended(end.exc_type, end.exc_value, end.exc_traceback)
    sys.unraisablehook = lambda lost: _log(
        logging.ERROR, "error_lost", lost.exc_type, lost.exc_value, lost.exc_traceback
    )
    warnings.showwarning = _warned  # not logging.captureWarnings: it does nothing a second time


def places(error: BaseException | None) -> list[dict[str, Any]]:
    """An error and what led to it, the last first: of which kind, where, and what ours say."""
    found: list[dict[str, Any]] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = [
            {"filename": frame.f_code.co_filename, "lineno": line, "name": frame.f_code.co_name}
            for frame, line in walk_tb(error.__traceback__)
        ]
        said = str(error) if isinstance(error, ThumbprintError) else ""
        found.append({"exc_type": type(error).__name__, "exc_value": said, "frames": frames[-MOST_FRAMES:]})
        if isinstance(error, BaseExceptionGroup):
            found[-1]["exceptions"] = [places(one) for one in error.exceptions]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def _print(to: TextIO, info: structlog.typing.ExcInfo) -> None:
    """`places`, for a terminal."""
    to.write("".join(f"\n{line}" for line in _lines(places(info[1]))))


def _lines(found: list[dict[str, Any]]) -> Iterator[str]:
    for one in reversed(found):
        for member in one.get("exceptions", ()):
            yield from _lines(member)
        for frame in one["frames"]:
            yield f"  {frame['filename']}:{frame['lineno']} in {frame['name']}"
        yield f"{one['exc_type']} {one['exc_value']}".rstrip()


def _of_library(logger: object, method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A library's line has an action word, too, and what the library says for a reason."""
    record = line.get("_record")
    if isinstance(record, logging.LogRecord) and record.name != OURS:
        line.update(event="library_said", library=record.name, reason=line["event"])
    return line


def _ended(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    """What would be printed past the log, logged."""
    if not issubclass(kind, SystemExit):
        _log(logging.CRITICAL, "ended_by_error", kind, error, traceback)


def _log(
    level: int,
    event: str,
    kind: type[BaseException],
    error: BaseException | None,
    traceback: TracebackType | None,
) -> None:
    error = (error or kind()).with_traceback(traceback)
    logging.getLogger(OURS).log(level, event, exc_info=(kind, error, traceback))


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning of Python's, which would be printed with a line of code, logged without."""
    said = structlog.get_logger()
    said.warning("python_warned", kind=category.__name__, place=f"{filename}:{lineno}", reason=str(message))


def _number(level: str) -> int:
    return logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
