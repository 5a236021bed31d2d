"""What `docs/http.md` says is so."""

from __future__ import annotations

import re
from pathlib import Path

from halve.asgi import app
from halve.doors.api import archive, events, forms, incoming, notify, upload

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "http.md").read_text()
API = ROOT / "src" / "halve" / "doors" / "api"
SOURCE = "\n".join(path.read_text() for path in API.glob("*.py"))


def table_of(heading: str) -> str:
    return TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_every_route_is_there() -> None:
    schema = app.openapi()
    for path, operations in schema["paths"].items():
        for method in operations:
            shown = re.sub(r"/(failed|input)$", "", path)
            assert f"{method.upper()} {shown}" in TEXT, path
    for name in schema["paths"]["/upload"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]:
        assert f"`{name}`" in TEXT


def test_every_code_is_there_with_its_status() -> None:
    documented = {
        (int(status), code)
        for status, codes in re.findall(r"^\| (\d{3}) \| (.+) \|$", table_of("Errors"), re.MULTILINE)
        for code in re.findall(r"`([a-z_]+)`", codes)
    }
    raised = {(int(status), code) for status, code in re.findall(r'Problem\(\s*(\d{3}),\s*"([a-z_]+)"', SOURCE)}
    raised |= {(400, code) for code in re.findall(r'code="([a-z_]+)"', (API / "contacts.py").read_text())}
    assert len(raised) > 25
    assert raised <= documented


def test_every_bound_is_there_with_its_value() -> None:
    bounds = table_of("Bounds")
    for value in (forms.MAX_WORD, notify.MAX_JSON, upload.UPLOADS_AT_ONCE, events.STREAMS_AT_ONCE, archive.ARCHIVES_AT_ONCE):
        assert f"{value:,}" in bounds
    assert f"{incoming.STALL:g} seconds" in bounds
    assert f"{incoming.SLOWEST:,} bytes a second" in bounds
    assert f"{upload.PATIENCE:g} seconds" in bounds
    assert incoming.LONGEST == 3600
    assert f"up to {upload.MAX_IDEMPOTENCY_KEY} visible" in TEXT
