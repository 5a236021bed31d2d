"""What is to be written, in the messages of the protocol. The client's own batches say the same at some twelve times the processor
time, which would be a good part of what an image costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.firestore_v1 import DELETE_FIELD, SERVER_TIMESTAMP, AsyncDocumentReference
from google.cloud.firestore_v1 import types as messages
from google.cloud.firestore_v1.base_document import DocumentSnapshot

Snapshot = DocumentSnapshot[AsyncDocumentReference]

_Write: Any = messages.Write.pb()
_REQUEST_TIME = int(messages.DocumentTransform.FieldTransform.ServerValue.REQUEST_TIME)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Writes:
    """Some writes, each of one document. `messages` are in the order in which they were added."""

    def __init__(self, documents: str) -> None:
        """`documents`: what the names of all documents of the database begin with."""
        self._documents = documents
        self.messages: list[Any] = []

    def set(self, reference: AsyncDocumentReference, document: Mapping[str, Any]) -> None:
        """Whether it is there or not."""
        self._add(reference, document)

    def create(self, reference: AsyncDocumentReference, document: Mapping[str, Any]) -> None:
        """If it is not there."""
        self._add(reference, document).current_document.exists = False

    def update(self, snapshot: Snapshot, change: Mapping[str, Any]) -> None:
        """These fields, if the document is as it was read. DELETE_FIELD takes one away."""
        write = self._add(snapshot.reference, change)
        write.update_mask.field_paths.extend(name for name, value in change.items() if value is not SERVER_TIMESTAMP)
        _condition(write, snapshot)

    def delete(self, snapshot: Snapshot) -> None:
        """If the document is as it was read."""
        write = _Write(delete=f"{self._documents}/{snapshot.reference.path}")
        _condition(write, snapshot)
        self.messages.append(write)

    def _add(self, reference: AsyncDocumentReference, fields: Mapping[str, Any]) -> Any:
        write = _Write()
        write.update.name = f"{self._documents}/{reference.path}"
        for name, value in fields.items():
            if value is SERVER_TIMESTAMP:
                write.update_transforms.add(field_path=name, set_to_server_value=_REQUEST_TIME)
            elif value is not DELETE_FIELD:
                _fill(write.update.fields[name], value)
        self.messages.append(write)
        return write


def _condition(write: Any, snapshot: Snapshot) -> None:
    _stamp(write.current_document.update_time, snapshot.update_time)


def _fill(message: Any, value: Any) -> None:
    if isinstance(value, str):
        message.string_value = value
    elif isinstance(value, bool):
        message.boolean_value = value
    elif isinstance(value, int):
        message.integer_value = value
    elif isinstance(value, bytes):
        message.bytes_value = value
    elif value is None:
        message.null_value = 0
    elif isinstance(value, datetime):
        _stamp(message.timestamp_value, value)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _fill(message.map_value.fields[name], inner)
    elif isinstance(value, list):
        message.array_value.SetInParent()
        for inner in value:
            _fill(message.array_value.values.add(), inner)
    else:
        raise TypeError(f"no value of a document: {value!r}")


def _stamp(message: Any, moment: Any) -> None:
    """Firestore's times are whole microseconds."""
    whole = (moment - _EPOCH) // _MICROSECOND
    message.seconds, message.nanos = whole // 1_000_000, whole % 1_000_000 * 1000
