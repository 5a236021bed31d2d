"""The special-purpose ranges of IPv4 and IPv6, and the ports of other protocols: the table that the guard goes by.

After the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190) and the multicast and unicast registries.
Stricter than they are in a few places, each noted: no picture is served from there, and nothing is gained by reaching it.
"""

from __future__ import annotations

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_V4 = tuple(
    (ipaddress.IPv4Network(network), what)
    for network, what in (
        ("0.0.0.0/8", "this network (RFC 791)"),
        ("10.0.0.0/8", "a private address (RFC 1918)"),
        ("100.64.0.0/10", "shared behind a provider's NAT (RFC 6598)"),
        ("127.0.0.0/8", "this machine (RFC 1122)"),
        ("169.254.0.0/16", "link-local, where clouds keep credentials (RFC 3927)"),
        ("172.16.0.0/12", "a private address (RFC 1918)"),
        ("192.0.0.0/24", "for protocol assignments (RFC 6890)"),  # its two anycast addresses (RFC 7723, 8155) serve no pictures
        ("192.0.2.0/24", "for documentation (RFC 5737)"),
        ("192.31.196.0/24", "the AS112 sink (RFC 7535)"),
        ("192.52.193.0/24", "for multicast tunnels (RFC 7450)"),
        ("192.88.99.0/24", "a former 6to4 relay (RFC 7526)"),
        ("192.168.0.0/16", "a private address (RFC 1918)"),
        ("192.175.48.0/24", "the AS112 sink (RFC 7534)"),
        ("198.18.0.0/15", "for benchmarks (RFC 2544)"),
        ("198.51.100.0/24", "for documentation (RFC 5737)"),
        ("203.0.113.0/24", "for documentation (RFC 5737)"),
        ("224.0.0.0/4", "multicast (RFC 5771)"),
        ("240.0.0.0/4", "reserved (RFC 1112), or broadcast (RFC 919)"),
    )
)

_V6 = tuple(
    (ipaddress.IPv6Network(network), what)
    for network, what in (
        ("::/128", "unspecified (RFC 4291)"),
        ("::1/128", "this machine (RFC 4291)"),
        ("64:ff9b:1::/48", "a local translation to IPv4 (RFC 8215)"),
        ("100::/64", "discarded (RFC 6666)"),
        ("100:0:0:1::/64", "a dummy prefix (RFC 9780)"),
        ("2001::/23", "for protocol assignments, Teredo among them (RFC 2928, RFC 4380)"),  # the reachable parts serve no pictures
        ("2001:db8::/32", "for documentation (RFC 3849)"),
        ("2620:4f:8000::/48", "the AS112 sink (RFC 7534)"),
        ("3fff::/20", "for documentation (RFC 9637)"),
        ("5f00::/16", "for segment routing (RFC 9602)"),
        ("fc00::/7", "a private address (RFC 4193)"),
        ("fe80::/10", "link-local (RFC 4291)"),
        ("fec0::/10", "site-local (RFC 3879)"),
        ("ff00::/8", "multicast (RFC 4291)"),
    )
)

_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
"""All global unicast addresses are in here (RFC 4291, section 2.4, and IANA's registry); what is outside is reserved."""

_WRAPPERS = tuple(
    (ipaddress.IPv6Network(network), shift)
    for network, shift in (
        ("::ffff:0:0/96", 0),  # IPv4-mapped (RFC 4291, section 2.5.5.2)
        ("::ffff:0:0:0/96", 0),  # IPv4-translated (RFC 2765)
        ("::/96", 0),  # IPv4-compatible (RFC 4291, section 2.5.5.1)
        ("64:ff9b::/96", 0),  # NAT64 (RFC 6052)
        ("2002::/16", 80),  # 6to4 (RFC 3056)
    )
)
"""IPv6 ranges that only carry an IPv4 address, which is what they are judged by, and how many bits stand to its right."""

_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""The upper half of an interface identifier whose lower half is an IPv4 address (RFC 5214, section 6.1)."""

# fmt: off
BAD_PORTS = frozenset((
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111,
    113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554,
    556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666,
    6667, 6668, 6669, 6679, 6697, 10080,
))
# fmt: on
"""Ports that browsers do not fetch from (WHATWG Fetch, "port blocking"): a mail or chat server might take what it is sent for
commands.
"""


def carried(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, if it is one of those that only carry one."""
    if isinstance(address, ipaddress.IPv6Address) and int(address) > 1:  # `::` and `::1` speak for themselves
        for network, shift in _WRAPPERS:
            if address in network:
                return ipaddress.IPv4Address(int(address) >> shift & 0xFFFF_FFFF)
    return None


def tunnelled(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address at the end of an ISATAP tunnel, in whatever prefix."""
    if isinstance(address, ipaddress.IPv6Address) and int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


def special(address: Address) -> str | None:
    """What kind of special range the address itself is in; None for a public one. IPv6 addresses without scope."""
    table: tuple[tuple[Network, str], ...] = _V4 if address.version == 4 else _V6
    for network, what in table:
        if address in network:
            return what
    return "reserved (RFC 4291)" if address.version == 6 and address not in _GLOBAL_V6 else None
