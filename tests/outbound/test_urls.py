"""URLs as people paste them: what is valid goes out byte for byte, what is not is mended as browsers do."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halve.outbound.urls import BadURL, follow, read_url


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/a.jpg",
        "https://b.s3.amazonaws.com/k%2Fl%20m.jpg?X-Amz-Signature=ab%2Bcd%3D%3D&X-Amz-Date=1&a=%7E~",
        "http://example.com:8080/a+b,c;d=(1)/ü".replace("ü", "%C3%BC"),
        "http://example.com/a?b=[1]|{2}&c=a/b?c",
        "http://example.com/%e4%F6",
        "https://res.cloudinary.com/demo/image/upload/w_400,c_fill,g_auto/v1/a.jpg",
        "http://[2606:4700::1]:81/a",
    ],
)
def test_a_valid_url_survives_byte_for_byte(url: str) -> None:
    assert str(read_url(url).url) == url


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://example.com", "http://example.com/"),
        ("http://example.com?a=1", "http://example.com/?a=1"),
        ("  HTTP://Example.com/A B.jpg \n", "http://example.com/A%20B.jpg"),
        ("http://example.com/Süß/50%.jpg?q=ä b", "http://example.com/S%C3%BC%C3%9F/50%25.jpg?q=%C3%A4%20b"),
        ("http://example.com/already%20there/and not.jpg", "http://example.com/already%20there/and%20not.jpg"),
        ("http://example.com/a.jpg#top", "http://example.com/a.jpg"),
        ("http://example.com/x/../a/./b.jpg", "http://example.com/a/b.jpg"),
        ("http://example.com/../../a/..", "http://example.com/"),
        ("http://example.com\\pictures\\a.jpg", "http://example.com/pictures/a.jpg"),
        ("http://bücher.example/a", "http://xn--bcher-kva.example/a"),
        ("http://例え.テスト/絵.png", "http://xn--r8jz45g.xn--zckzah/%E7%B5%B5.png"),
        ("http://0x7f.1/a", "http://127.0.0.1/a"),
        ("http://１２７。1./a", "http://127.0.0.1/a"),
        ("http://0x/", "http://0.0.0.0/"),
        ("http://[FE80::1%25eth0]:8/a", "http://[fe80::1%eth0]:8/a"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
        ("http://example.com:/a", "http://example.com/a"),
        ("http://example.com/a\tb\n.jpg", "http://example.com/ab.jpg"),
        ('http://example.com/"<a>"', "http://example.com/%22%3Ca%3E%22"),
    ],
)
def test_what_could_not_be_sent_is_mended(url: str, sent: str) -> None:
    assert str(read_url(url).url) == sent


@pytest.mark.parametrize(
    "url",
    ["", "example.com/a.jpg", "ftp://example.com/a", "file:///etc/passwd", "http://", "http:///a.jpg", "http://:80/", "http://a:b:c/",
     "http://example.com:0/", "http://example.com:70000/", "http://exa mple.com/", "http://[::1/", "http://[zz]/",
     "javascript:alert(1)",
     "http://example.com/" + "a" * 9000, "http://%zz/",
     "http://1.2.3.4.5/", "http://256.1.1.1/", "http://127.0.0.1../", "http://shop.0x/", "http://4294967296/",
     "http://[::1%25a%00b]/"],
)  # fmt: skip
def test_what_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(BadURL):
        read_url(url)


def test_credentials_become_a_header_and_leave_the_url() -> None:
    target = read_url("https://an%40na:p%C3%A4ss:w%2Ford@example.com/a.jpg")
    assert str(target.url) == "https://example.com/a.jpg"
    assert target.authorization == "Basic " + base64.b64encode("an@na:päss:w/ord".encode()).decode()


def test_credentials_of_a_redirect_may_be_bytes_that_are_no_text() -> None:
    there = follow(read_url("https://example.com/"), "https://an\udcffna:p@example.com/a.jpg")
    assert there.authorization == "Basic " + base64.b64encode(b"an\xffna:p").decode()


def test_a_bad_url_does_not_tell_its_credentials() -> None:
    with pytest.raises(BadURL) as caught:
        read_url("http://anna:secret@exa mple.com/")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("/b.jpg", "https://example.com/b.jpg"),
        ("b.jpg?x=1", "https://example.com/dir/b.jpg?x=1"),
        ("../b.jpg", "https://example.com/b.jpg"),
        ("?x=1", "https://example.com/dir/a.jpg?x=1"),
        ("//cdn.example.net/b.jpg", "https://cdn.example.net/b.jpg"),
        ("http://other.example/b%2Fc?sig=%2B", "http://other.example/b%2Fc?sig=%2B"),
        ("/bü cher.jpg", "https://example.com/b%C3%BC%20cher.jpg"),
        ("/b\udce4.jpg", "https://example.com/b%E4.jpg"),
        ("https:/b.jpg", "https://example.com/b.jpg"),
        ("https:b.jpg", "https://example.com/dir/b.jpg"),
        ("http:/other.example/b.jpg", "http://other.example/b.jpg"),
        ("https:///cdn.example.net/b.jpg", "https://cdn.example.net/b.jpg"),
        ("///cdn.example.net/b.jpg", "https://cdn.example.net/b.jpg"),
        ("\\\\cdn.example.net\\b.jpg", "https://cdn.example.net/b.jpg"),
        ("https:\\\\cdn.example.net\\b.jpg", "https://cdn.example.net/b.jpg"),
        ("/dir//b.jpg", "https://example.com/dir//b.jpg"),
    ],
)
def test_a_redirect_is_followed_as_browsers_do(location: str, there: str) -> None:
    assert str(follow(read_url("https://example.com/dir/a.jpg"), location).url) == there


@pytest.mark.parametrize(
    "location", ["ftp://example.com/a", "javascript:alert(1)", "data:image/png;base64,xx", "http://", "mailto:a@b.c"]
)
def test_a_redirect_away_from_http_is_refused(location: str) -> None:
    with pytest.raises(BadURL):
        follow(read_url("https://example.com/dir/a.jpg"), location)


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("/b", True),
        ("https://example.com/b", True),
        ("https://EXAMPLE.com:443/b", True),
        ("https://example.com:8443/b", False),
        ("http://example.com/b", False),
        ("https://www.example.com/b", False),
        ("//evil.example/b", False),
    ],
)
def test_credentials_go_on_to_the_same_origin_only(location: str, kept: bool) -> None:
    there = follow(read_url("https://anna:secret@example.com/a"), location)
    assert (there.authorization is not None) == kept


@given(st.text(max_size=80))
def test_no_text_makes_reading_stumble_and_what_is_read_is_fit_to_send(text: str) -> None:
    for url in (text, f"http://{text}", f"http://example.com/{text}"):
        try:
            sent = str(read_url(url).url)
        except BadURL:
            continue
        assert re.fullmatch(r"https?://[!-~]+", sent), sent
        assert str(read_url(sent).url) == sent, "reading is idempotent"


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda raw: raw.decode("utf-8", "surrogateescape")), st.text(max_size=20))
def test_no_location_makes_following_stumble(location: str, prefix: str) -> None:
    for text in (location, prefix + ":" + location, "//" + location):
        try:
            follow(read_url("http://example.com/a/b"), text)
        except BadURL:
            continue
