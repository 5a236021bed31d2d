"""What an OpenAPI 3.0 schema says of a value, as far as ours goes: types, null, enumerations, required and unknown members."""

from __future__ import annotations

from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


class Schema:
    """The whole document, for its components."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        name = node.get("$ref", "").rpartition("/")[2]
        found: dict[str, Any] = self.document["components"]["schemas"][name] if name else node
        return found

    def faults(self, node: dict[str, Any], value: Any, place: str = "$") -> list[str]:
        """Where the value is not what the schema says. Members that it does not name are a fault, too."""
        node = self.resolved(node)
        if value is None:
            return [] if node.get("nullable") else [f"{place} is null"]
        found = [fault for part in node.get("allOf", ()) for fault in self.faults(part, value, place)]
        kinds = node.get("anyOf", ())
        if kinds and all(self.faults(kind, value, place) for kind in kinds):
            found.append(f"{place} is none of its kinds")
        kind = node.get("type")
        if kind and (not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
            return [*found, f"{place} is no {kind}"]
        if "enum" in node and value not in node["enum"]:
            found.append(f"{place} is none of {node['enum']}")
        if isinstance(value, dict) and "properties" in node:
            found += [f"{place}.{name} is missing" for name in node.get("required", ()) if name not in value]
            for name, member in value.items():
                if name in node["properties"]:
                    found += self.faults(node["properties"][name], member, f"{place}.{name}")
                elif not node.get("additionalProperties"):
                    found.append(f"{place}.{name} is unknown")
        if isinstance(value, list):
            found += [fault for at, item in enumerate(value) for fault in self.faults(node["items"], item, f"{place}[{at}]")]
        return found
