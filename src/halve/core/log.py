"""How this house logs: an event in plain words, and the facts by their names. The standard library carries it to whoever listens;
`doors.logs` writes it down.
"""

from __future__ import annotations

import logging


class Log:
    """`name` is the module's. Facts are whatever JSON can hold, or has a `repr`."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, *, exc_info: bool = False, **facts: object) -> None:
        self._say(logging.DEBUG, event, facts, exc_info=exc_info)

    def info(self, event: str, **facts: object) -> None:
        self._say(logging.INFO, event, facts)

    def warning(self, event: str, **facts: object) -> None:
        self._say(logging.WARNING, event, facts)

    def error(self, event: str, **facts: object) -> None:
        self._say(logging.ERROR, event, facts)

    def exception(self, event: str, **facts: object) -> None:
        """As `error`, with the exception that is being handled."""
        self._say(logging.ERROR, event, facts, exc_info=True)

    def _say(self, level: int, event: str, facts: dict[str, object], *, exc_info: bool = False) -> None:
        self._logger.log(level, event, exc_info=exc_info, extra={"facts": facts})
