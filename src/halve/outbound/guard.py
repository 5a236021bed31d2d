"""Which addresses may be reached on behalf of people who merely upload a sheet.

A URL in a sheet is a wish of a stranger. Followed blindly, `http://169.254.169.254/` hands out a cloud machine's credentials
and `http://10.0.0.7:9200/` somebody's database. So only the public internet is reached, and what `HALVE_ALLOW_PRIVATE` names.

The verdict falls where the socket is made (`Guard.socket_factory`), on the very address that is connected to: it makes no
difference how the address was spelt, which name it hid behind, what that name resolved to a second ago, or how many redirects
led there. `check_url` is a courtesy beside that: it tells people at upload that a webhook can never work.

The table of ranges is our own (`ranges`): the standard library's `is_private` and `is_global` differ between Python versions.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

from halve.core.errors import AddressRefused, OptionRefused
from halve.outbound.ranges import BAD_PORTS, Address, Network, carried, special, tunnelled
from halve.outbound.spellings import read_literal
from halve.outbound.urls import BadURL, read_url

MAX_URL = 2048
"""Longest webhook URL, in characters."""

LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")


class SocketRefused(OSError):
    """No socket is made for this address. `target` is the address, or the port.

    An OSError, since that is what connecting raises: a name with several addresses goes on with the next one. All of them have
    the same text, for where every address of a name failed with the same text, the first error is raised as it is.
    """

    def __init__(self, target: str) -> None:
        super().__init__(errno.EACCES, "not allowed")
        self.target = target


class Guard:
    """`allow`: networks that may be reached though they are special; an IPv4 network opens its IPv6-mapped form too."""

    def __init__(self, allow: Sequence[Network] = ()) -> None:
        self._allow = tuple(allow)

    def check_ip(self, ip: str | Address) -> None:
        """Raise AddressRefused, with the reason, unless this address may be reached."""
        address = _read_address(ip)
        why = self._why_not(address)
        if why:
            raise AddressRefused(f"{address} is not allowed: it is {why}. {_how_to_open(address)}")

    def check_url(self, url: str) -> None:
        """What can be said of a URL before anything is connected to; no name is looked up.

        Raises OptionRefused, for `webhook_url`, where it is no http(s) URL at all, and AddressRefused for `localhost`, names below
        it, special addresses in any spelling that a resolver understands, and ports of other protocols.
        """
        if len(url) > MAX_URL:
            raise OptionRefused("webhook_url", f"webhook_url must have at most {MAX_URL} characters.")
        try:
            if not url.isprintable() or " " in url:
                raise BadURL("it has blanks or invisible characters")
            target = read_url(url).url  # by the very code that will send to it, so that both see the same host
        except BadURL as error:
            raise OptionRefused(
                "webhook_url", f"webhook_url must be a complete http(s) URL such as https://example.com/hook: {error}."
            ) from None
        host, port = (target.raw_host or "").lower().removesuffix("."), target.port
        literal = read_literal(host)
        if literal is not None:
            self.check_ip(literal)
        elif host in LOCAL_NAMES or host.endswith(".localhost"):  # RFC 6761, section 6.3
            loopback = (ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1"))
            if all(self._why_not(address) for address in loopback):
                raise AddressRefused(f"{host} is not allowed: it is this machine. {_how_to_open(loopback[0])}")
        if port in BAD_PORTS:  # after the address, which is refused for what it is, whatever its port
            raise AddressRefused(f"Port {port} is not allowed: it belongs to another protocol. Use a port for HTTP, such as 443.")

    def socket_factory(self, info: tuple[Any, ...]) -> socket.socket:
        """A socket for an entry of `getaddrinfo`; SocketRefused if its address or port may not be connected to."""
        family, kind, protocol, _, sockaddr = info
        host, port = str(sockaddr[0]), int(sockaddr[1])
        try:
            address = ipaddress.ip_address(host)
        except ValueError:  # whatever it is, the connecting code might read it in another way
            raise SocketRefused(host) from None
        if self._why_not(address):
            raise SocketRefused(str(address))
        if port in BAD_PORTS:
            raise SocketRefused(f"port {port}")
        return socket.socket(family, kind, protocol)

    def _why_not(self, address: Address) -> str | None:
        """The kind of special range it is in, None if it may be reached."""
        plain = _without_scope(address)
        judged = carried(plain) or plain
        if self._allowed(plain) or self._allowed(judged):
            return None
        why = special(judged)
        end = tunnelled(plain)
        if why is None and end is not None and not self._allowed(end):
            why = special(end)
        return why

    def _allowed(self, address: Address) -> bool:
        return any(address in network for network in self._allow)


def _read_address(ip: str | Address) -> Address:
    if not isinstance(ip, str):
        return ip
    try:
        return ipaddress.ip_address(ip)
    except ValueError:
        raise AddressRefused(f"{ip[:80]!r} is not an IP address.") from None


def _without_scope(address: Address) -> Address:
    """fe80::1%eth0 → fe80::1."""
    return ipaddress.IPv6Address(int(address)) if address.version == 6 else address


def _how_to_open(address: Address) -> str:
    plain = _without_scope(address)
    return f"If it is meant, whoever runs this server can open it with HALVE_ALLOW_PRIVATE={carried(plain) or plain}."
