"""Logs of every process: an action word and ids, one line each; readable on a terminal, JSON elsewhere.

No thread text, prompt or secret is logged above debug. Loggers of libraries go the same way, from warning on,
and so does what ends a thread or the process. Tracebacks show no values, and what is secret in a line is cut
out of it as it is written (`storage/redaction.py`).
"""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

import structlog

from storage.redaction import redact

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
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
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
        chain.append(structlog.processors.ExceptionRenderer(_TRACEBACK))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacting(processors=[*chain, last], foreign_pre_chain=shared))
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


_TRACEBACK = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def _ended(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    """What would be printed past the log, logged."""
    if issubclass(kind, SystemExit):
        return
    info = (kind, error or kind(), traceback)
    logging.getLogger("thumbprint").critical("ended_by_error", exc_info=info)


def _number(level: str) -> int:
    return logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
