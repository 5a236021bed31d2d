"""The collections, and how the server is reached: patience, write and read concerns, the server's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bson.codec_options import CodecOptions
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from halve.mongodb import Document, client_of

MAJORITY_WITHIN = 30_000
"""Milliseconds that a write may take to reach a majority of the replica set."""

DUPLICATE = 11000
"""The server's code for a key that is there already."""

Collection = AsyncCollection[Document]


class Base:
    """Writes return when a majority has them in its journal; reads go to the primary and see what a majority has."""

    def __init__(self, url: str) -> None:
        self.client, name = client_of(url, setting="HALVE_DATABASE_URL", scheme="mongodb")
        self.where = f"MongoDB's database {name!r}"
        database = self.client.get_database(
            name,
            codec_options=CodecOptions(tz_aware=True),
            write_concern=WriteConcern("majority", wtimeout=MAJORITY_WITHIN),
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )
        self.requests: Collection = database["requests"]
        self.products: Collection = database["products"]
        self.deliveries: Collection = database["deliveries"]
        self.secrets: Collection = database["secrets"]
        self.memory: Collection = database["memory"]
        self.meta: Collection = database["meta"]
        self._database = database

    async def now(self) -> datetime:
        """The server's clock, for conditions. What is written takes `$$NOW` from the same one."""
        answer: datetime = (await self._database.command("hello"))["localTime"]
        return answer


async def insert_new(collection: Collection, documents: Sequence[Document]) -> None:
    """Insert those whose `_id` is not there yet."""
    if not documents:
        return
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if any(problem["code"] != DUPLICATE for problem in error.details["writeErrors"]) or error.details["writeConcernErrors"]:
            raise


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
