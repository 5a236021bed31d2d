"""Logs: on stderr, JSON lines for machines, coloured lines on a terminal. One shape for our own and for what libraries log."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import TextIO

from halve.doors.json_line import in_one_line

_CHATTY = (
    *("asyncio", "alembic", "sqlalchemy", "PIL", "pyvips", "amqp", "kombu"),
    *("celery.app.trace", "celery.worker.strategy"),  # two lines for each wish
)

_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31"}
"""Of levels, as terminals know them (ECMA-48, 8.3.117)."""


class _OnStderr(logging.StreamHandler[TextIO]):
    """Ours, told from those that others put there."""


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {**_facts(record), "event": record.getMessage(), "level": record.levelname.lower(), "timestamp": _when(record)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return in_one_line(json.dumps(line, ensure_ascii=False, default=repr))


class _ForPeople(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        facts = "".join(f" {_coloured(name, '36')}={_plain(value)}" for name, value in _facts(record).items())
        said = f"{_coloured(_when(record), '2')} {_coloured(f'{level:<8}', _COLOURS.get(level, '0'))} {record.getMessage()}{facts}"
        return f"{said}\n{self.formatException(record.exc_info)}" if record.exc_info else said


def _facts(record: logging.LogRecord) -> dict[str, object]:
    """What our own logs have; others' have none."""
    return getattr(record, "facts", {})


def _when(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _coloured(text: str, colour: str) -> str:
    return text if os.environ.get("NO_COLOR") else f"\x1b[{colour}m{text}\x1b[0m"


def _plain(value: object) -> str:
    """Strangers' text may hold what a terminal would obey."""
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)


def set_up_logs(level: str) -> None:
    """Send everything at `level` (those of HALVE_LOG_LEVEL) or above to stderr. Repeatable."""
    threshold = getattr(logging, level.upper())
    handler = _OnStderr(sys.stderr)
    handler.setFormatter(_ForPeople() if sys.stderr.isatty() else _JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [*(other for other in root.handlers if not isinstance(other, _OnStderr)), handler]
    root.setLevel(threshold)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))
