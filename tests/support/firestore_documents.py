"""What the fake of Firestore keeps: documents with their versions, values in Firestore's order, queries over one collection."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from google.cloud.firestore_v1 import types
from google.cloud.firestore_v1.types import query as queries

KEPT_FOR = 60_000_000
"""Microseconds for which old versions can be read."""

DocumentPb = types.Document.pb()
ValuePb = types.Value.pb()
Filter = queries.StructuredQuery.FieldFilter.Operator
Composite = queries.StructuredQuery.CompositeFilter.Operator
DESCENDING = int(queries.StructuredQuery.Direction.DESCENDING)

EQUALITIES = (Filter.EQUAL, Filter.IN)
RANGES = {
    Filter.LESS_THAN: lambda a, b: a < b,
    Filter.LESS_THAN_OR_EQUAL: lambda a, b: a <= b,
    Filter.GREATER_THAN: lambda a, b: a > b,
    Filter.GREATER_THAN_OR_EQUAL: lambda a, b: a >= b,
}

_RANKS = {"null_value": 0, "boolean_value": 1, "integer_value": 2, "double_value": 2, "timestamp_value": 3, "string_value": 4}
_RANKS |= {"bytes_value": 5, "reference_value": 6, "array_value": 8, "map_value": 9}


class Refused(Exception):
    """`code` is the name of a gRPC status."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NoIndex(Refused):
    def __init__(self, database: str, fields: set[str]) -> None:
        project = database.split("/")[1]
        place = f"https://console.firebase.google.com/v1/r/project/{project}/firestore/indexes?create_composite={'_'.join(sorted(fields))}"
        super().__init__("FAILED_PRECONDITION", f"The query requires an index. You can create it here: {place}")


@dataclass
class Version:
    """`pb` None: it is not there. Times in microseconds."""

    pb: Any
    created: int
    updated: int
    values: dict[str, Any] = field(default_factory=dict)

    def value(self, path: str) -> Any:
        """The field's place in Firestore's order of all values; None: there is no such field."""
        if path not in self.values:
            self.values[path] = (7, self.pb.name) if path == "__name__" else _ordered(field_of(self.pb, path))
        return self.values[path]


def field_of(document: Any, path: str) -> Any:
    fields = document.fields
    *above, last = path.replace("`", "").split(".")
    for name in above:
        if name not in fields or fields[name].WhichOneof("value_type") != "map_value":
            return None
        fields = fields[name].map_value.fields
    return fields.get(last)


def _ordered(value: Any) -> Any:
    if value is None:
        return None
    kind = value.WhichOneof("value_type")
    rank = _RANKS[kind]
    if kind == "timestamp_value":
        return rank, microseconds(value.timestamp_value)
    if kind == "null_value":
        return rank, 0
    if kind == "array_value":
        return rank, [_ordered(entry) for entry in value.array_value.values]
    if kind == "map_value":
        return rank, sorted((name, _ordered(entry)) for name, entry in value.map_value.fields.items())
    return rank, getattr(value, kind)


def microseconds(timestamp: Any) -> int:
    return int(timestamp.seconds) * 1_000_000 + int(timestamp.nanos) // 1000


def stamp(timestamp: Any, moment: int) -> None:
    timestamp.seconds, timestamp.nanos = moment // 1_000_000, moment % 1_000_000 * 1000


@dataclass
class Counted:
    """As Google bills it."""

    reads: int = 0
    writes: int = 0
    deletes: int = 0
    calls: int = 0


@dataclass
class Database:
    name: str
    collections: dict[str, dict[str, list[Version]]] = field(default_factory=lambda: defaultdict(dict))
    counted: Counted = field(default_factory=Counted)
    written: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    largest: int = 0
    clock: int = 0
    fast: int = 0
    """Microseconds by which the server's clock is ahead."""
    aborting: int = 0
    """Of so many writing calls the last one is aborted; 0: none."""
    writing_calls: int = 0

    def now(self) -> int:
        """Never the same twice."""
        self.clock = max(self.clock + 1, time.time_ns() // 1000 + self.fast)
        return self.clock

    def at(self, name: str, moment: int | None = None) -> Version | None:
        """The document as it was then; None: it was not there."""
        versions = self.collections[name.rpartition("/")[0]].get(name, ())
        for version in reversed(versions):
            if moment is None or version.updated <= moment:
                return version if version.pb is not None else None
        return None

    def put(self, name: str, pb: Any, moment: int) -> None:
        collection = self.collections[name.rpartition("/")[0]]
        before = self.at(name)
        kept = [version for version in collection.get(name, ())[:-1] if version.updated > moment - KEPT_FOR]
        latest = collection.get(name, [])[-1:]
        collection[name] = [*kept, *latest, Version(pb, before.created if before else moment, moment)]

    def in_collection(self, path: str, moment: int | None) -> Iterator[Version]:
        for name in list(self.collections[path]):
            version = self.at(name, moment)
            if version is not None:
                yield version

    def pass_time(self, microseconds: int) -> None:
        """Whatever is timed seems to be timed that much earlier."""
        for collection in self.collections.values():
            for versions in collection.values():
                latest = versions[-1]
                for value in latest.pb.fields.values() if latest.pb is not None else ():
                    if value.WhichOneof("value_type") == "timestamp_value":
                        stamp(value.timestamp_value, _moment(value.timestamp_value) - microseconds)
                latest.values.clear()


def _moment(timestamp: Any) -> int:
    return microseconds(timestamp)


# ── queries ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def answer(database: Database, parent: str, query: Any, moment: int | None, *, summed: set[str] | None = None) -> list[Version]:
    """The documents that a structured query finds. Raises Refused, also where Firestore's automatic indexes do not serve it."""
    [source] = query.from_
    if source.all_descendants:
        raise Refused("UNIMPLEMENTED", "The fake knows no queries of collection groups.")
    equal, ranged = set[str](), set[str]()
    if query.HasField("where"):
        _fields_of(query.where, equal, ranged)
    order = [(entry.field.field_path, entry.direction == DESCENDING) for entry in query.order_by]
    if not order:
        order = [(path, False) for path in sorted(ranged)]
    sorted_by = {path for path, _ in order if path != "__name__"} | ranged
    asked = sorted_by | (summed or set())
    if len(asked) > 1 or (asked and equal - asked):
        raise NoIndex(database.name, equal | asked)
    if not any(path == "__name__" for path, _ in order):
        order.append(("__name__", order[-1][1] if order else False))
    found = [
        version
        for version in database.in_collection(f"{parent}/{source.collection_id}", moment)
        if all(version.value(path) is not None for path in [path for path, _ in order] + sorted(summed or ()))
        and (not query.HasField("where") or _holds(query.where, version))
    ]
    for path, descending in reversed(order):
        found.sort(key=lambda version, path=path: version.value(path), reverse=descending)  # type: ignore[misc]
    if query.HasField("start_at"):
        found = [version for version in found if _behind(version, order, query.start_at)]
    if query.HasField("end_at") or query.offset:
        raise Refused("UNIMPLEMENTED", "The fake knows no end_at and no offset.")
    return found[: query.limit.value] if query.HasField("limit") else found


def _behind(version: Version, order: list[tuple[str, bool]], cursor: Any) -> bool:
    for (path, descending), value in zip(order, cursor.values, strict=False):
        here, there = version.value(path), _ordered(value)
        if here != there:
            return bool(here < there if descending else here > there)
    return bool(cursor.before)


def _fields_of(where: Any, equal: set[str], ranged: set[str]) -> None:
    if where.WhichOneof("filter_type") == "composite_filter":
        for inner in where.composite_filter.filters:
            _fields_of(inner, equal, ranged)
    else:
        path, operator = where.field_filter.field.field_path, where.field_filter.op
        (equal if operator in EQUALITIES else ranged).add(path)
        if operator == Filter.IN and len(where.field_filter.value.array_value.values) > 30:
            raise Refused("INVALID_ARGUMENT", "'IN' supports up to 30 comparison values.")


def _holds(where: Any, version: Version) -> bool:
    kind = where.WhichOneof("filter_type")
    if kind == "composite_filter":
        holds = (_holds(inner, version) for inner in where.composite_filter.filters)
        return any(holds) if where.composite_filter.op == Composite.OR else all(holds)
    if kind != "field_filter":
        raise Refused("UNIMPLEMENTED", f"The fake knows no {kind}.")
    said = where.field_filter
    here = version.value(said.field.field_path)
    if here is None:
        return False
    if said.op == Filter.IN:
        return any(here == _ordered(value) for value in said.value.array_value.values)
    there = _ordered(said.value)
    if said.op == Filter.EQUAL:
        return bool(here == there)
    if said.op not in RANGES:
        raise Refused("UNIMPLEMENTED", f"The fake knows no {Filter(said.op).name}.")
    return bool(here[0] == there[0] and RANGES[Filter(said.op)](here, there))
