"""Settings as they are read: from the environment, from `.env`, and refused by name."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from halve.backends import broker_url, database_url, open_images, open_states, storage_url
from halve.core.errors import OptionRefused
from halve.settings import Settings, read_settings


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("HALVE_") or name in ("DATABASE_URL", "PROCESSED_IMAGES_DIR"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_environment_wins_over_the_file_and_an_argument_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("HALVE_PORT=9001\nHALVE_HOST=0.0.0.0\nHALVE_MAX_ROWS=7\nOTHER=1\n")
    monkeypatch.setenv("HALVE_PORT", "9002")
    monkeypatch.setenv("HALVE_MAX_ROWS", "8")
    settings = read_settings(max_rows=9, host=None)
    assert (settings.host, settings.port, settings.max_rows) == ("0.0.0.0", 9002, 9)


def test_the_customary_names_of_database_and_folder_are_known_and_ours_win(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("DATABASE_URL=sqlite:///shop.db\nPROCESSED_IMAGES_DIR=./pictures\n")
    assert (read_settings().database_url, read_settings().storage_url) == ("sqlite:///shop.db", "./pictures")
    monkeypatch.setenv("HALVE_DATABASE_URL", "sqlite:///ours.db")
    assert read_settings().database_url == "sqlite:///ours.db"


def test_a_user_without_a_home_has_no_cache_and_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2_000_000_001)  # in no list of users
    assert read_settings().cache_folder == Path("/dev/null/halve")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache")
    assert read_settings().cache_folder == Path("/var/cache/halve")


def test_a_home_that_no_shell_put_in_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder called `~` would be a trap: `rm -r ~`."""
    monkeypatch.setenv("HOME", "/home/ann")
    Path(".env").write_text(
        "HALVE_DATA_DIR=~/halve\nHALVE_STORAGE_URL=~/pictures\nHALVE_CACHE_DIR=~/cache\nDATABASE_URL=sqlite:///~/shop.db\n"
    )
    settings = read_settings()
    assert database_url(settings) == "sqlite:////home/ann/shop.db"
    assert (settings.data_dir, settings.cache_folder) == (Path("/home/ann/halve"), Path("/home/ann/cache"))
    assert storage_url(settings) == "file:///home/ann/pictures"


def test_a_file_in_another_encoding_is_refused_by_name() -> None:
    Path(".env").write_bytes("HALVE_PORT=9001\nSHOP=Café\n".encode("cp1252"))
    with pytest.raises(OptionRefused, match=r"\.env .* UTF-8"):
        read_settings()


@pytest.mark.parametrize(("content", "line"), [('HALVE_PORT=9001\nHALVE_API_KEYS="ann:k1\n', 2), ("# a shop\n\n=9001\n", 3)])
def test_a_file_with_a_line_that_cannot_be_read_is_refused_with_its_number(content: str, line: int) -> None:
    """Passed over, the first of these would make a server with keys one that is open to all."""
    Path(".env").write_text(content)
    with pytest.raises(OptionRefused, match=rf"\.env .* line {line}: .*NAME=value"):
        read_settings()


def test_a_mark_of_utf_8_before_the_first_name_is_no_part_of_it() -> None:
    Path(".env").write_bytes(b"\xef\xbb\xbfHALVE_PORT=9001\n")
    assert read_settings().port == 9001


def test_a_name_in_braces_is_replaced_by_what_is_set_under_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the README says, and as others who read `.env` do."""
    monkeypatch.setenv("SERVER", "shop.example")
    Path(".env").write_text(
        "PLACE=cups\nHALVE_BASE_URL=https://${SERVER}/${PLACE}\nHALVE_HOST=${NOBODY:-0.0.0.0}\nHALVE_API_KEY=a$PLACE$\n"
        "HALVE_MAIL_FROM=${NOBODY}\n"
    )
    settings = read_settings()
    assert (settings.base_url, settings.host) == ("https://shop.example/cups", "0.0.0.0")
    assert (settings.api_key, settings.mail_from) == ("a$PLACE$", None)


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALVE_ALLOW_PRIVATE", "127.0.0.0/8, ::1")
    monkeypatch.setenv("HALVE_API_KEYS", "ann:k1, bob:k2,")
    settings = read_settings()
    assert settings.allow_private == (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))
    assert settings.api_keys == {"ann": "k1", "bob": "k2"}


def test_an_empty_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALVE_BASE_URL", "")
    monkeypatch.setenv("HALVE_PORT", "")
    assert (read_settings().base_url, read_settings().port) == (None, 8000)


def test_an_empty_argument_counts_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALVE_URL", "https://halve.example")
    settings = read_settings(url="", host="", api_key="", webhook_secret="", data_dir=Path("a"))
    assert (settings.url, settings.host) == ("https://halve.example", "127.0.0.1")
    assert (settings.api_key, settings.webhook_secret, settings.data_dir) == (None, None, Path("a"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HALVE_PORT", "http"),
        ("HALVE_PORT", "70000"),
        ("HALVE_LOG_LEVEL", "loud"),
        ("HALVE_MEMORY", "on"),
        ("HALVE_MAX_ROWS", "0"),
        ("HALVE_FETCH_TIMEOUT", "0"),
        ("HALVE_FETCH_TIMEOUT", "inf"),
        ("HALVE_FETCH_TIMEOUT", "nan"),
        ("HALVE_FETCH_TIMEOUT", "1e300"),
        ("HALVE_KEEP_DAYS", "inf"),
        ("HALVE_KEEP_DAYS", "40000"),
        ("HALVE_ALLOW_PRIVATE", "here"),
        ("HALVE_API_KEYS", "ann"),
        ("HALVE_API_KEYS", "ann:k,bob:k"),
        ("HALVE_API_KEYS", ","),
        ("HALVE_API_KEYS", " "),
        ("HALVE_API_KEYS", "ann:schlüssel"),
        ("HALVE_API_KEYS", "ann:k1\nbob:k2"),
        ("HALVE_BASE_URL", "shop.example"),
        ("HALVE_BASE_URL", "https://shop.example/?from=halve"),
        ("HALVE_BASE_URL", "https://shop.example/#halve"),
        ("HALVE_BASE_URL", "https://shop.example/?"),
        ("HALVE_BASE_URL", "https://shop.example/a\tb"),
        ("HALVE_BASE_URL", "https://shop.example:99999/"),
        ("HALVE_BASE_URL", "https://shop.example/<b>"),
        ("HALVE_BASE_URL", "https://shop.example/a b"),
        ("HALVE_BASE_URL", "https://shop.example/a\u00a0b"),
        ("HALVE_BASE_URL", "https://ő..example/"),
        ("HALVE_BASE_URL", "ftp://shop.example"),
        ("HALVE_PUBLIC_URL", "https://"),
        ("HALVE_PUBLIC_URL", "http://[::1"),
        ("HALVE_STORAGE_URL", "file://"),
        ("HALVE_STORAGE_URL", "file:///"),
        ("HALVE_STORAGE_URL", "file://images"),
        ("HALVE_STORAGE_URL", "file://images/mine"),
        ("HALVE_STORAGE_URL", "FILE:images"),
        ("HALVE_STORAGE_URL", "file:///srv/images?mine"),
        ("HALVE_STORAGE_URL", "file:///srv/images#mine"),
        ("HALVE_STORAGE_URL", "file:///srv/images%00"),
    ],
)
def test_an_impossible_value_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(OptionRefused, match=name):
        read_settings()


def test_a_word_may_be_in_large_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALVE_LOG_LEVEL", "WARNING")
    assert read_settings().log_level == "warning"


def test_links_may_begin_with_any_web_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALVE_BASE_URL", "https://shop.example:8443/halve/")
    assert read_settings().base_url == "https://shop.example:8443/halve/"


def test_links_are_ascii_whatever_they_begin_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet in Windows-1252 has no ő: links in it would have a question mark there."""
    monkeypatch.setenv("HALVE_BASE_URL", "https://bücher.example:8443/ő,%20/é/")
    assert read_settings().base_url == "https://xn--bcher-kva.example:8443/%C5%91,%20/%C3%A9/"


@pytest.mark.parametrize(
    ("value", "folder"),
    [
        ("images", "{here}/images"),
        ("./my images/x#y", "{here}/my images/x#y"),
        ("/srv/images", "/srv/images"),
        ("file:///srv/my%20images", "/srv/my images"),
        ("file:///srv/x%23y%3Fz", "/srv/x#y?z"),
        ("file://localhost/srv/images", "/srv/images"),
        ("file:/srv/images", "/srv/images"),
        ("s3", "{here}/s3"),
    ],
)
def test_a_folder_of_images_is_a_path_or_a_file_url(tmp_path: Path, value: str, folder: str) -> None:
    url = urlsplit(storage_url(read_settings(storage_url=value)))
    assert (url.scheme, unquote(url.path)) == ("file", folder.format(here=tmp_path))


@pytest.mark.parametrize("value", ["s3:/bucket", "S3:bucket", "gs:/bucket", "az:container", "gridfs:/host/db", "cloudinary:key"])
def test_a_store_with_a_slash_too_few_is_no_folder(value: str) -> None:
    with pytest.raises(OptionRefused, match="HALVE_STORAGE_URL must"):
        open_images(read_settings(storage_url=value))


async def test_a_database_without_a_scheme_is_told_which_there_are() -> None:
    with pytest.raises(OptionRefused, match="HALVE_DATABASE_URL must be a URL, beginning with one of sqlite://, "):
        await open_states(read_settings(database_url="shop.db"))


@pytest.mark.parametrize(
    "setting",
    [
        {"database_url": "mongodb://me:pass[word@127.0.0.1/db"},
        {"storage_url": "gridfs://me:pass[word@127.0.0.1/db"},
        {"storage_url": "cloudinary://key:pass[word@cloud"},
        {"broker_url": "redis://:pass[word@127.0.0.1"},
        {"broker_url": "redis://127.0.0.1:99999"},
    ],
)
async def test_an_address_that_cannot_be_is_refused_by_the_name_of_its_setting_alone(setting: dict[str, str]) -> None:
    (name,) = setting
    with pytest.raises(OptionRefused, match=f"^HALVE_{name.upper()} ") as caught:
        await open_all(read_settings(**setting))
    assert "pass[word" not in str(caught.value)


async def open_all(settings: Settings) -> None:
    broker_url(settings)
    open_images(settings)
    await open_states(settings)
