"""Logs: on stderr, JSON lines for machines, coloured lines on a terminal. One shape for our own and for what libraries log."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog

from halve.core.errors import OptionRefused

LEVELS = ("debug", "info", "warning", "error")

_CHATTY = (
    *("aiosqlite", "asyncio", "alembic", "sqlalchemy", "PIL", "pyvips", "amqp", "kombu"),
    *("celery.app.trace", "celery.worker.strategy"),  # two lines for each wish
)


class _OnStderr(logging.StreamHandler[TextIO]):
    """Ours, told from those that others put there."""


def set_up_logs(level: str) -> None:
    """Send everything at `level` or above to stderr. Repeatable. Raises OptionRefused for a level there is not."""
    if level.lower() not in LEVELS:
        raise OptionRefused("HALVE_LOG_LEVEL", f"HALVE_LOG_LEVEL must be {', '.join(LEVELS)}, not {level!r}.", code="bad_setting")
    threshold = getattr(logging, level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Any] = [structlog.dev.ConsoleRenderer()]
    if not sys.stderr.isatty():
        render = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _OnStderr(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [*(other for other in root.handlers if not isinstance(other, _OnStderr)), handler]
    root.setLevel(threshold)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
