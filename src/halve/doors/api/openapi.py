"""The schema of the API, in OpenAPI 3.0.3: the newest that the bundled Swagger UI renders."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from halve.doors.api import schemas
from halve.doors.api.problems import phrase

VERSION = "3.0.3"

_PROBLEM = "#/components/schemas/Problem"

_WHY = {
    400: "Malformed or impossible input; `code` and `detail` say what, and a refused sheet lists all findings in `errors`.",
    401: "An API key is needed.",
    403: "A page of another site had a browser send this.",
    404: "There is no such thing, or it is another key's.",
    408: "The body did not come in time.",
    409: "Not possible in the state that the request is in.",
    412: "It is not what `If-Match` names.",
    413: "Too large.",
    415: "Not a form, or not a kind of file that is taken.",
    416: "No byte of the asked range is there.",
    429: "Too many of your requests are unfinished.",
    503: "The database, the disk or the image store failed, or all places are taken. Try again after `Retry-After` seconds.",
}

TAGS = [
    {"name": "Sheets", "description": "In and out."},
    {"name": "Requests", "description": "Watching what becomes of a sheet, and stopping, repeating or erasing it."},
    {"name": "Notifications", "description": "Sending a webhook or an e-mail once more."},
    {"name": "Server", "description": "For those who keep it running."},
]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for its schema."""
    return {
        status: {
            "description": f"{phrase(status)}. {_WHY[status]}",
            "content": {"application/problem+json": {"schema": {"$ref": _PROBLEM}}},
            **({"headers": {"Retry-After": {"schema": {"type": "integer"}}}} if status in (429, 503) else {}),
        }
        for status in statuses
    }


def stored(media_type: str, what: str) -> dict[int | str, dict[str, Any]]:
    """The answers of a route that sends stored bytes, whole or in part, for its schema."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {
        200: {"description": what, "content": content},
        206: {"description": "The range that was asked for.", "content": content},
        304: {"description": "It is what `If-None-Match` names."},
    }


def schema(app: FastAPI) -> dict[str, Any]:
    """The schema of all routes. Malformed input is 400 here, so the framework's own 422 is taken out."""
    told = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS, openapi_version=VERSION
    )
    components = told.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    problem = schemas.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components |= {**problem.pop("$defs", {}), "Problem": problem}
    for name, component in components.items():  # the framework leaves nulls out of examples
        if "example" in component:
            component.update(getattr(schemas, name).model_config["json_schema_extra"])
    for operations in told["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
    plain: dict[str, Any] = _as_3_0(told)
    return plain


def _as_3_0(node: Any) -> Any:
    """JSON Schema's `null` types, constants and lists of examples in the words that OpenAPI 3.0 has for them."""
    if isinstance(node, list):
        return [_as_3_0(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: value if key == "example" else _as_3_0(value) for key, value in node.items()}
    if ("type" in node or "anyOf" in node) and isinstance(node.get("title"), str):
        del node["title"]  # made up from the field's name
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if isinstance(node.get("examples"), list):
        node["example"] = node.pop("examples")[0]
    if isinstance(node.get("anyOf"), list) and {"type": "null"} in node["anyOf"]:
        kinds = [kind for kind in node.pop("anyOf") if kind != {"type": "null"}]
        node["nullable"] = True
        node |= {"anyOf": kinds} if len(kinds) > 1 else {"allOf": kinds} if "$ref" in kinds[0] else kinds[0]
    return node
