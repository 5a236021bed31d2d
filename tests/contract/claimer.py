"""A worker for tests, as a process of its own: python -m tests.contract.claimer URL HOLDER.

Migrates, says `ready`, waits for a line, works off all that can be claimed, and prints each product that it was given.
"""

from __future__ import annotations

import asyncio
import sys

from halve.backends import open_states
from halve.settings import read_settings
from tests.contract.sample import DONE, LEASE, outcome


async def main(url: str, holder: str) -> None:
    states = await open_states(read_settings(database_url=url))
    await states.migrate()
    print("ready", await states.secret("shared", lambda: f"made by {holder}"), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    while claimed := await states.claim(holder, 7, lease=LEASE):
        for product in claimed:
            print(product.request_id, product.row)
        await states.record([outcome(product, DONE) for product in claimed])
    await states.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
