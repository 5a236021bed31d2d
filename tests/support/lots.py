"""Document stores whose lots are small, so that few products are several."""

from __future__ import annotations

import pytest

from halve.states import firestore, mongo


def small_lots(monkeypatch: pytest.MonkeyPatch, products: int) -> None:
    """Lots of that many products, and as ever no more than half a lot by one claim."""
    monkeypatch.setattr(mongo.lots, "LOT", products)
    monkeypatch.setattr(firestore.packing, "PAGE_ROWS", products)
    monkeypatch.setattr(firestore.lots, "PAGE_ROWS", products)
    for lots in (mongo.lots, firestore.lots):
        monkeypatch.setattr(lots, "CLAIM_LIMIT", products // 2)
