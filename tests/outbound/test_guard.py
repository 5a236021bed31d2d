"""Which addresses may be reached: the table, every way to write an address, and the two places where the verdict falls."""

from __future__ import annotations

import contextlib
import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halve.core.errors import AddressRefused, OptionRefused
from halve.outbound.guard import Guard, SocketRefused
from halve.outbound.ranges import BAD_PORTS


def _words(text: str) -> list[str]:
    return text.split()


SPECIAL = _words("""
0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.255 169.254.169.254
172.16.0.0 172.31.255.255 192.0.0.1 192.0.0.9 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1
198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.255 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:10.0.0.1 ::10.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::1 64:ff9b:1::8.8.8.8
100::1 100:0:0:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1
2002:a00:1::1 2620:4f:8000::1 3fff::1 3fff:fff:ffff::1 5f00::1 fc00::1 fdff::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1
4000::1 1::1 e000::1 2a00:1450:4001::5efe:10.0.0.1 2a00:1450:4001:0:200:5efe:127.0.0.1
""")

PUBLIC = _words("""
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0
172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
198.51.99.255 203.0.112.255 203.0.114.0 223.255.255.255
2606:4700:4700::1111 2a00:1450:4001:831::200e 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1 2003::1
::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1 2a00:1450:4001::5efe:8.8.8.8
""")

V4 = st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address)


@pytest.mark.parametrize("address", SPECIAL)
def test_a_special_address_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused, match="HALVE_ALLOW_PRIVATE") as caught:
        Guard().check_ip(address)
    assert caught.value.code == "address_not_allowed"
    with pytest.raises(SocketRefused):
        Guard().socket_factory(_info(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_let_through(address: str) -> None:
    Guard().check_ip(address)
    Guard().socket_factory(_info(address)).close()


@pytest.mark.parametrize("wrapper", ["::ffff:{}", "::ffff:0:{}", "::{}", "64:ff9b::{}"])
@given(inner=V4)
def test_an_ipv4_address_is_judged_alike_however_ipv6_wraps_it(wrapper: str, inner: ipaddress.IPv4Address) -> None:
    if int(inner) > 1:  # `::` and `::1` have meanings of their own
        assert _refused(Guard(), wrapper.format(inner)) == _refused(Guard(), str(inner))


@given(inner=V4)
def test_an_ipv4_address_inside_6to4_is_judged_as_itself(inner: ipaddress.IPv4Address) -> None:
    outer = ipaddress.IPv6Address(0x2002 << 112 | int(inner) << 80 | 7)
    assert _refused(Guard(), str(outer)) == _refused(Guard(), str(inner))


@given(address=V4)
def test_the_table_refuses_no_less_than_the_standard_library(address: ipaddress.IPv4Address) -> None:
    if not address.is_global or address.is_multicast:
        assert _refused(Guard(), str(address))


@given(number=st.integers(0, 2**128 - 1))
def test_nothing_outside_global_unicast_is_reached_unless_it_carries_ipv4(number: int) -> None:
    address = ipaddress.IPv6Address(number)
    carrier = any(address in ipaddress.ip_network(n) for n in ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96"))
    if address not in ipaddress.ip_network("2000::/3") and not carrier:
        assert _refused(Guard(), str(address))


def test_an_allowed_network_opens_its_addresses_and_their_mapped_form_and_no_others() -> None:
    guard = Guard([ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8")])
    for open_ in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::1"):
        guard.check_ip(open_)
    for closed in ("10.2.0.1", "::ffff:10.2.0.1", "127.0.0.1", "fc00::1"):
        with pytest.raises(AddressRefused):
            guard.check_ip(closed)


def test_an_allowed_ipv4_network_does_not_open_private_ipv6_that_merely_ends_like_it() -> None:
    guard = Guard([ipaddress.ip_network("127.0.0.0/8")])
    for address in ("fd00::5efe:127.0.0.1", "fe80::5efe:7f00:1", "fd00::127.0.0.1"):
        with pytest.raises(AddressRefused):
            guard.check_ip(address)


def test_a_mapped_network_in_the_settings_opens_the_mapped_form() -> None:
    Guard([ipaddress.ip_network("::ffff:10.0.0.0/104")]).check_ip("::ffff:10.1.1.1")


def test_what_is_no_address_never_becomes_a_socket() -> None:
    for host in ("localhost", "127.1", "2130706433", "0x7f.0.0.1", "", "127.0.0.1 "):
        with pytest.raises(SocketRefused):
            Guard().socket_factory(_info(host, family=socket.AF_INET))


@pytest.mark.parametrize("port", [22, 25, 6667])
def test_ports_of_other_protocols_are_refused_everywhere(port: int) -> None:
    assert port in BAD_PORTS
    with pytest.raises(SocketRefused):
        Guard().socket_factory(_info("8.8.8.8", port))
    with pytest.raises(AddressRefused, match=f"Port {port}"):
        Guard().check_url(f"https://example.com:{port}/hook")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "10.0.0.1", "[fd00::1]"])
def test_a_private_address_is_refused_as_one_whatever_the_port(host: str) -> None:
    with pytest.raises(AddressRefused, match="HALVE_ALLOW_PRIVATE"):
        Guard().check_url(f"http://{host}:9/hook")


LOCAL_URLS = _words("""
http://localhost/ http://LOCALHOST:8000/ http://localhost./ http://shop.localhost/x http://127.0.0.1/ http://127.0.0.1./
http://2130706433/ http://0x7f000001/ http://0x7f.1/ http://0177.0.0.1/ http://017700000001/ http://127.1/ http://127.0.1/ http://0/
http://[::1]/ http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/ http://[fe80::1%25eth0]/ http://[0:0:0:0:0:0:0:1]/
http://１２７.０.０.１/ http://127。0。0。1/ http://%31%32%37.0.0.1/ http://ⓛocalhost/ http://user:pass@127.0.0.1/ http://example.com@10.0.0.1/
http://10.0.0.1\\@example.com/ http://169.254.169.254/latest/meta-data/ https://192.168.1.1:8443/hook http://ip6-localhost/
""")


@pytest.mark.parametrize("url", LOCAL_URLS)
def test_a_local_webhook_is_refused_at_upload_with_a_way_out(url: str) -> None:
    with pytest.raises(AddressRefused, match=r"HALVE_ALLOW_PRIVATE=\S+\.$"):
        Guard().check_url(url)


@pytest.mark.parametrize(
    "url", ["http://localhost:9000/webhook", "http://127.0.0.1/", "http://127.1/", "http://[::ffff:127.0.0.1]/"]
)
def test_a_local_webhook_is_taken_where_it_is_allowed(url: str) -> None:
    Guard([ipaddress.ip_network("127.0.0.0/8")]).check_url(url)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/hook", "http://8.8.8.8:8080/", "https://[2606:4700::1111]/", "https://bücher.example/", "https://localhost.example/",
     "https://10.example/", "https://1.2.3.4.5.example/", "https://0x.example/", "https://999.1.1.1.example/"],
)  # fmt: skip
def test_a_public_webhook_is_taken(url: str) -> None:
    Guard().check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "http://",
        "http:///x",
        "http://a b/",
        "http://x:99999/",
        "http://x/\n",
        "http://1.2.3.4.5/",
        "https://e.com/" + "x" * 3000,
    ],
)
def test_what_is_no_http_url_names_the_field(url: str) -> None:
    with pytest.raises(OptionRefused) as caught:
        Guard().check_url(url)
    assert caught.value.field == "webhook_url"
    assert "webhook_url" in str(caught.value)


def _spellings(address: ipaddress.IPv4Address) -> list[str]:
    n = int(address)
    a, b, c, d = address.packed
    return [
        str(n), hex(n), f"0{n:o}", f"{a}.{n & 0xFFFFFF}", f"{a}.{b}.{n & 0xFFFF}", f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a}.{b}.{c}.{d}.", f"0x{a:08X}.{b}.0{c:o}.{d}", str(address).translate({48 + i: 0xFF10 + i for i in range(10)}),
        str(address).replace(".", "．"), "".join(f"%{ord(letter):02x}" for letter in str(address)), f"[::ffff:{address}]",
    ]  # fmt: skip


@given(address=V4)
def test_every_spelling_of_an_address_gets_the_same_verdict_at_upload(address: ipaddress.IPv4Address) -> None:
    verdict = _refused(Guard(), str(address))
    for spelling in _spellings(address):
        try:
            Guard().check_url(f"http://{spelling}/")
        except AddressRefused:
            assert verdict, spelling
        else:
            assert not verdict, spelling


@given(st.text(alphabet="0123456789abcdefx.", max_size=18))
def test_literals_are_read_as_the_c_library_reads_them(host: str) -> None:
    from halve.outbound.spellings import read_literal

    try:
        expected: str | None = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        expected = None
    found = read_literal(host)
    if expected is not None:  # browsers read a few more, such as `0x`
        assert str(found) == expected


@given(st.text(max_size=60))
def test_no_text_makes_the_upload_check_stumble(text: str) -> None:
    for url in (text, f"http://{text}/", f"http://[{text}]/"):
        with contextlib.suppress(AddressRefused, OptionRefused):
            Guard().check_url(url)


def _info(host: str, port: int = 443, family: int | None = None) -> tuple[int, int, int, str, tuple[str, int]]:
    family = family or (socket.AF_INET6 if ":" in host else socket.AF_INET)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))


def _refused(guard: Guard, address: str) -> bool:
    try:
        guard.check_ip(address)
    except AddressRefused:
        return True
    return False
