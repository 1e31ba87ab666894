"""For every test: what is logged goes to pytest's own capture, and a busy machine breaks no property."""

from __future__ import annotations

import hypothesis
import structlog

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
