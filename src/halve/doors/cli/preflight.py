"""A look at database and store before something long is begun, so that what is wrong is said in a sentence."""

from __future__ import annotations

import asyncio

from halve.backends import broker_url
from halve.settings import Settings
from halve.wiring import open_parts


def check_parts(settings: Settings) -> None:
    """Open all parts and close them again. Raises OptionRefused, ExtraMissing or StoreFailed, saying what to do."""

    async def check() -> None:
        async with open_parts(settings) as parts:
            await parts.states.ready()
            await parts.images.ready()
            broker_url(settings)

    asyncio.run(check())
