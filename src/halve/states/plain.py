"""What nests in a request and in a product, as plain values, which every store keeps in its own way: as JSON, in documents, packed.

The same in all of them, so that what is added to a model is written and read back everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from halve.core.finding import Finding
from halve.core.models import ImageResult, ImageState, Mode, SheetOptions
from halve.core.options import Format, MaxBytes, Options

GIVEN = ("owner", "filename", "folder", "secret", "base_url", "email", "webhook_url", "idempotency_key", "fingerprint")
"""What is known of a request when it begins, texts all of it; its options and its sheet's beside them."""

_DEFAULTS = tuple((field.name, field.default) for field in fields(ImageResult))
_PENDING = ImageResult()
_CANCELLED = ImageResult(state=ImageState.CANCELLED, error_code="cancelled", error="cancelled")


def written_options(options: Options) -> dict[str, Any]:
    return {**asdict(options), "format": options.format.value}


def read_options(said: Mapping[str, Any]) -> Options:
    return Options(
        quality=said["quality"],
        max_bytes=MaxBytes(**said["max_bytes"]) if said["max_bytes"] else None,
        format=Format(said["format"]),
        max_size=said["max_size"],
    )


def written_sheet(sheet: SheetOptions) -> dict[str, Any]:
    """Columns as pairs: what users wrote stands in values alone, for not every store takes any text as a key."""
    return {
        "mode": sheet.mode.value,
        "preset": sheet.preset,
        "columns": [[field, header] for field, header in sheet.columns.items()],
    }


def read_sheet(said: Mapping[str, Any]) -> SheetOptions:
    return SheetOptions(mode=Mode(said["mode"]), preset=said["preset"], columns=dict(said["columns"]))


def written_findings(findings: Sequence[Finding]) -> list[list[Any]]:
    return [[finding.line, finding.column, finding.code, finding.message] for finding in findings]


def read_findings(said: Sequence[Sequence[Any]]) -> tuple[Finding, ...]:
    return tuple(Finding(*finding) for finding in said)


def written_results(results: Sequence[ImageResult]) -> list[dict[str, Any]]:
    """What stands at its default is left out: most of it does, and results are most of what is stored."""
    entries = []
    for result in results:
        entry: dict[str, Any] = {}
        for name, default in _DEFAULTS:
            value = getattr(result, name)
            if value != default:
                entry[name] = value.value if name == "state" else value
        entries.append(entry)
    return entries


def read_results(said: Sequence[Mapping[str, Any]] | None, count: int, *, cancelled: bool) -> tuple[ImageResult, ...]:
    """`count` results as recorded, None: none was yet. `cancelled`: those still pending are not to come any more."""
    unfinished = _CANCELLED if cancelled else _PENDING
    if said is None:
        return (unfinished,) * count
    found = []
    for entry in said:
        state = ImageState(entry.get("state", ImageState.PENDING))
        found.append(unfinished if cancelled and state is ImageState.PENDING else ImageResult(**{**entry, "state": state}))
    return tuple(found)
