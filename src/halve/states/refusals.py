"""What every store refuses, in the same words."""

from __future__ import annotations

from uuid import UUID

from halve.core.errors import HalveError, NotFound, OptionRefused


def erased(request_id: UUID) -> NotFound:
    return NotFound(f"There is no request {request_id}: it was erased.")


def published(request_id: UUID) -> HalveError:
    return HalveError(f"Request {request_id} is published: no rows can be added.", code="published")


def no_cursor() -> OptionRefused:
    return OptionRefused("cursor", "cursor is none that was given out here: use `next` of the page before, or leave it away.")
