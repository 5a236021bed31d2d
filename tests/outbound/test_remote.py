"""The addresses that a server may be asked at."""

from __future__ import annotations

import pytest

from halve.core.errors import OptionRefused
from halve.outbound.remote import RemoteServer


@pytest.mark.parametrize(
    "url",
    [
        "shop.example",
        "ftp://shop.example",
        "http://shop..example",
        "http://shop.example:99999",
        "http://[::1",
        "http://shop.example?a",
        "http://shop.example/#a",
    ],
)
async def test_what_is_no_address_is_refused_before_anybody_is_asked(url: str) -> None:
    with pytest.raises(OptionRefused, match="url must be such as http://"):
        RemoteServer(url)


@pytest.mark.parametrize("between", "/?#")
async def test_a_password_that_makes_it_no_address_is_not_told_but_how_to_write_it_is(between: str) -> None:
    with pytest.raises(OptionRefused, match=f"In a password, .*%{ord(between):X}") as caught:
        RemoteServer(f"http://ann:s{between}cret@shop.example")
    assert "cret" not in str(caught.value)
