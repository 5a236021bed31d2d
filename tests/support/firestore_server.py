"""A FAKE of Firestore, for tests: python -m tests.support.firestore_server PORT CONTROL_PORT.

It speaks the real protocol (gRPC, with the official client's own messages) for as much of it as `halve.states.firestore` uses,
keeps everything in memory, and is strict where Firestore is: conditions on `update_time`, limits of sizes and numbers, no query
beyond the automatic indexes. What it does not know it refuses. It knows nothing of locks, quotas, hot spots and latency; `abort`
makes some writes fail as contention does.

On the second port it answers one line of JSON with another: what tests ask of it, which no real server would tell.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any

import grpc
from google.cloud.firestore_v1.types import firestore as messages

from tests.support.firestore_documents import Database, DocumentPb, Refused, Version, answer, field_of, microseconds, stamp

MOST_WRITES = 500
MOST_REQUEST = 10 * 2**20
MOST_DOCUMENT = 2**20
MOST_ENTRIES = 40_000

databases: dict[str, Database] = {}


def database(name: str) -> Database:
    """Of a full name: that of a database, a document, or what contains documents."""
    name = "/".join(name.split("/")[:4])
    if name not in databases:
        databases[name] = Database(name)
    return databases[name]


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _moment(request: Any) -> int | None:
    chosen = request.WhichOneof("consistency_selector")
    if chosen not in (None, "read_time"):
        raise Refused("UNIMPLEMENTED", "The fake knows no transactions.")
    return microseconds(request.read_time) if chosen else None


def _shown(version: Version, mask: list[str] | None) -> Any:
    shown = DocumentPb()
    if mask is None:
        shown.CopyFrom(version.pb)
    else:
        shown.name = version.pb.name
        for path in mask:
            value = field_of(version.pb, path)
            if value is not None and path != "__name__":
                if "." in path:
                    raise Refused("UNIMPLEMENTED", "The fake shows whole fields.")
                shown.fields[path.replace("`", "")].CopyFrom(value)
    stamp(shown.create_time, version.created)
    stamp(shown.update_time, version.updated)
    return shown


async def batch_get_documents(request: Any, context: Any) -> AsyncIterator[Any]:
    here, moment = database(request.database), _moment(request)
    here.counted.calls += 1
    read_at = moment or here.now()
    mask = list(request.mask.field_paths) if request.HasField("mask") else None
    for name in dict.fromkeys(request.documents):
        here.counted.reads += 1
        version = here.at(name, moment)
        told = messages.BatchGetDocumentsResponse.pb()()
        if version is None:
            told.missing = name
        else:
            told.found.CopyFrom(_shown(version, mask))
        stamp(told.read_time, read_at)
        yield told


async def run_query(request: Any, context: Any) -> AsyncIterator[Any]:
    here, moment, query = database(request.parent), _moment(request), request.structured_query
    here.counted.calls += 1
    read_at = moment or here.now()
    found = answer(here, request.parent, query, moment)
    here.counted.reads += max(1, len(found))
    mask = [entry.field_path for entry in query.select.fields] if query.HasField("select") else None
    for version in found:
        told = messages.RunQueryResponse.pb()()
        told.document.CopyFrom(_shown(version, mask))
        stamp(told.read_time, read_at)
        yield told
    if not found:
        told = messages.RunQueryResponse.pb()()
        stamp(told.read_time, read_at)
        yield told


async def run_aggregation_query(request: Any, context: Any) -> AsyncIterator[Any]:
    here, moment, query = database(request.parent), _moment(request), request.structured_aggregation_query
    here.counted.calls += 1
    read_at = moment or here.now()
    summed = {entry.sum.field.field_path for entry in query.aggregations if entry.WhichOneof("operator") == "sum"}
    found = answer(here, request.parent, query.structured_query, moment, summed=summed)
    here.counted.reads += max(1, -(-len(found) // 1000))
    told = messages.RunAggregationQueryResponse.pb()()
    for entry in query.aggregations:
        kind = entry.WhichOneof("operator")
        if kind == "count":
            told.result.aggregate_fields[entry.alias].integer_value = len(found)
        elif kind == "sum":
            values = [field_of(version.pb, entry.sum.field.field_path) for version in found]
            total = sum(value.integer_value for value in values if value.WhichOneof("value_type") == "integer_value")
            told.result.aggregate_fields[entry.alias].integer_value = total
        else:
            raise Refused("UNIMPLEMENTED", f"The fake knows no {kind}.")
    stamp(told.read_time, read_at)
    yield told


# ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_call(here: Database, request: Any) -> None:
    here.counted.calls += 1
    if len(request.writes) > MOST_WRITES:
        raise Refused("INVALID_ARGUMENT", f"maximum {MOST_WRITES} writes allowed per request")
    if request.ByteSize() > MOST_REQUEST:
        raise Refused("INVALID_ARGUMENT", f"Request payload size exceeds the limit: {MOST_REQUEST} bytes.")
    here.writing_calls += 1
    if here.aborting and here.writing_calls % here.aborting == 0:
        raise Refused("ABORTED", "Too much contention on these documents. Please try again.")


def _name(write: Any) -> str:
    kind = write.WhichOneof("operation")
    if kind not in ("update", "delete"):
        raise Refused("UNIMPLEMENTED", f"The fake knows no write of the kind {kind}.")
    return str(write.update.name if kind == "update" else write.delete)


def _check_condition(here: Database, write: Any) -> None:
    name = _name(write)
    version = here.at(name)
    condition = write.current_document.WhichOneof("condition_type")
    if condition == "exists":
        if write.current_document.exists and version is None:
            raise Refused("NOT_FOUND", f"No document to update: {name}")
        if not write.current_document.exists and version is not None:
            raise Refused("ALREADY_EXISTS", f"Document already exists: {name}")
    elif condition == "update_time":
        wanted, stored = microseconds(write.current_document.update_time), version.updated if version else 0
        if wanted != stored:
            raise Refused(
                "FAILED_PRECONDITION", f"the stored version ({stored}) does not match the required base version ({wanted})"
            )


def _written(here: Database, write: Any, moment: int) -> Any:
    """The document as it is after the write; None: deleted."""
    if write.WhichOneof("operation") == "delete":
        return None
    version, after = here.at(write.update.name), DocumentPb()
    if write.HasField("update_mask"):
        if version is not None:
            after.CopyFrom(version.pb)
        after.name = write.update.name
        for path in write.update_mask.field_paths:
            if "." in path:
                raise Refused("UNIMPLEMENTED", "The fake writes whole fields.")
            value = field_of(write.update, path)
            if value is None:
                after.fields.pop(path.replace("`", ""), None)
            else:
                after.fields[path.replace("`", "")].CopyFrom(value)
    else:
        after.CopyFrom(write.update)
    for transform in write.update_transforms:
        if transform.WhichOneof("transform_type") != "set_to_server_value":
            raise Refused("UNIMPLEMENTED", "The fake transforms to the server's time alone.")
        stamp(after.fields[transform.field_path.replace("`", "")].timestamp_value, moment)
    _check_document(here, after)
    return after


def _apply(here: Database, write: Any, moment: int, result: Any) -> None:
    name, after = _name(write), _written(here, write, moment)
    version = here.at(name)
    if after is None:
        here.counted.deletes += 1
        if version is not None:
            here.put(name, None, moment)
        return
    here.counted.writes += 1
    here.written[name] += 1
    if version is None or list(version.pb.fields.items()) != list(after.fields.items()):
        here.put(name, after, moment)
        version = here.at(name)
    assert version is not None
    stamp(result.update_time, version.updated)  # what was written and changed nothing has its old time


async def commit(request: Any, context: Any) -> Any:
    here = database(request.database)
    if request.transaction:
        raise Refused("UNIMPLEMENTED", "The fake knows no transactions.")
    _check_call(here, request)
    moment = here.now()
    for write in request.writes:
        _check_condition(here, write)
    for write in request.writes:
        _written(here, write, moment)  # refuses what cannot be, before anything is written
    told = messages.CommitResponse.pb()()
    for write in request.writes:
        _apply(here, write, moment, told.write_results.add())
    stamp(told.commit_time, moment)
    return told


async def batch_write(request: Any, context: Any) -> Any:
    here = database(request.database)
    _check_call(here, request)
    if any(count > 1 for count in Counter(map(_name, request.writes)).values()):
        raise Refused("INVALID_ARGUMENT", "A document cannot be written to more than once in a single request.")
    told = messages.BatchWriteResponse.pb()()
    for write in request.writes:
        status, result = told.status.add(), told.write_results.add()
        try:
            _check_condition(here, write)
            _apply(here, write, here.now(), result)
        except Refused as refused:
            status.code, status.message = grpc.StatusCode[refused.code].value[0], str(refused)
    return told


def _check_document(here: Database, document: Any) -> None:
    """By the rules of https://firebase.google.com/docs/firestore/storage-size."""
    path = document.name.split("/documents/", 1)[1]
    size = 16 + sum(len(part.encode()) + 1 for part in path.split("/")) + _size_of(document.fields) + 32
    here.largest = max(here.largest, size)
    if size > MOST_DOCUMENT:
        raise Refused(
            "INVALID_ARGUMENT",
            f"Document '{document.name}' cannot be written because its size ({size:,} bytes) exceeds the maximum allowed size of "
            f"{MOST_DOCUMENT:,} bytes.",
        )
    if _entries(document.fields) > MOST_ENTRIES:
        raise Refused("INVALID_ARGUMENT", f"too many index entries for entity {document.name}")


def _size_of(fields: Any) -> int:
    return sum(len(name.encode()) + 1 + _size(value) for name, value in fields.items())


def _size(value: Any) -> int:
    kind = value.WhichOneof("value_type")
    if kind == "string_value":
        return len(value.string_value.encode()) + 1
    if kind == "bytes_value":
        return len(value.bytes_value)
    if kind == "array_value":
        return sum(map(_size, value.array_value.values))
    if kind == "map_value":
        return _size_of(value.map_value.fields)
    return 1 if kind in ("null_value", "boolean_value") else 8


def _entries(fields: Any) -> int:
    """Automatic indexes: one rising and one falling for each field, one for each different element of an array."""
    count = 0
    for value in fields.values():
        if value.WhichOneof("value_type") == "map_value":
            count += _entries(value.map_value.fields)
        count += 2
        if value.WhichOneof("value_type") == "array_value":
            count += len({entry.SerializeToString() for entry in value.array_value.values})
    return count


# ── the server ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _unary(method: Callable[..., Any]) -> Callable[..., Any]:
    async def served(request: Any, context: Any) -> Any:
        try:
            return await method(request, context)
        except Refused as refused:
            await context.abort(grpc.StatusCode[refused.code], str(refused))

    return served


def _stream(method: Callable[..., Any]) -> Callable[..., Any]:
    async def served(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for told in method(request, context):
                yield told
        except Refused as refused:
            await context.abort(grpc.StatusCode[refused.code], str(refused))

    return served


def _handlers() -> dict[str, Any]:
    def serialized(message: Any) -> bytes:
        return bytes(message.SerializeToString())

    unary: dict[str, tuple[Any, Any]] = {
        "Commit": (commit, messages.CommitRequest),
        "BatchWrite": (batch_write, messages.BatchWriteRequest),
    }
    streams: dict[str, tuple[Any, Any]] = {
        "BatchGetDocuments": (batch_get_documents, messages.BatchGetDocumentsRequest),
        "RunQuery": (run_query, messages.RunQueryRequest),
        "RunAggregationQuery": (run_aggregation_query, messages.RunAggregationQueryRequest),
    }
    return {
        **{
            name: grpc.unary_unary_rpc_method_handler(_unary(method), request.pb().FromString, serialized)
            for name, (method, request) in unary.items()
        },
        **{
            name: grpc.unary_stream_rpc_method_handler(_stream(method), request.pb().FromString, serialized)
            for name, (method, request) in streams.items()
        },
    }


def _control(asked: dict[str, Any]) -> Any:
    name = asked["database"]
    here = database(name)
    match asked["do"]:
        case "pass_time":
            here.pass_time(round(asked["seconds"] * 1_000_000))
        case "counted":
            hottest = sorted(here.written.items(), key=lambda entry: -entry[1])[:5]
            return {**asdict(here.counted), "largest": here.largest, "hottest": hottest}
        case "clock":
            here.fast = round(asked["ahead"] * 1_000_000)
        case "abort":
            here.aborting = asked["every"]
        case "names":
            return [name for path in here.collections for version in here.in_collection(path, None) for name in [version.pb.name]]
        case "drop":
            databases.pop(name, None)
    return None


async def _talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(json.dumps(_control(json.loads(await reader.readline()))).encode() + b"\n")
    await writer.drain()
    writer.close()


async def main(port: int, control_port: int) -> None:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("google.firestore.v1.Firestore", _handlers()),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    async with await asyncio.start_server(_talk, "127.0.0.1", control_port, limit=2**20):
        await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
