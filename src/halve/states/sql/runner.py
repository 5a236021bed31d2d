"""How transactions are run: what both kinds of database have in common.

A transaction is a plain function of a Transaction and runs from its beginning to its end in one go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from halve.states.sql.transaction import Transaction

T = TypeVar("T")
P = ParamSpec("P")

PATIENCE = 30.0
"""Seconds that a transaction waits for its turn before it fails."""

SETTING = "HALVE_DATABASE_URL"


class Runner(Protocol):
    """Runs functions as transactions. All raise StoreFailed where the database fails; nothing that the function did stays then."""

    @property
    def where(self) -> str:
        """Names the database to people, without its password."""

    async def read(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that only looks; it sees one state of the database throughout."""

    async def write(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that changes things: on return it is on disk, or has failed as a whole."""

    async def write_lightly(self, function: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `write`, but a power cut soon after may undo it (a killed process may not): for leases, which it ends anyway."""

    async def close(self) -> None: ...
