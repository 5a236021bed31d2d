"""What a bucket's URL and the environment mean, and what is said of those that cannot be meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from halve.core.errors import OptionRefused
from halve.images.buckets import open_bucket
from tests.support.azure import KEY

NONE: dict[str, str] = {}


@pytest.mark.parametrize(
    ("url", "prefix"),
    [
        ("s3://shop", None),
        ("s3://shop/", None),
        ("s3://shop/pictures", "pictures"),
        ("s3://shop/a/b/", "a/b"),
        ("gs://shop/two%20words", "two words"),
    ],
)
def test_a_bucket_and_a_prefix_are_named(url: str, prefix: str | None) -> None:
    bucket, _, name = open_bucket(url, NONE)
    assert (name, bucket.prefix) == ("shop", prefix)


def test_a_bucket_keeps_the_case_of_its_name() -> None:
    assert open_bucket("s3://Shop.Pictures", NONE)[2] == "Shop.Pictures"


@pytest.mark.parametrize("url", ["s3://", "s3:///prefix", "gs://", "az://", "s3://shop?region=eu-west-1", "s3://shop:9000/x"])
def test_a_url_without_a_bucket_or_with_more_than_one_and_a_prefix_is_refused(url: str) -> None:
    with pytest.raises(OptionRefused, match="HALVE_STORAGE_URL must be"):
        open_bucket(url, NONE)


def test_credentials_do_not_belong_into_the_url() -> None:
    with pytest.raises(OptionRefused, match="AWS_ACCESS_KEY_ID") as refused:
        open_bucket("s3://AKIA:very-secret@shop/x", NONE)
    assert "very-secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"])
def test_an_endpoint_that_says_http_is_taken_at_its_word(name: str) -> None:
    bucket, _, _ = open_bucket("s3://shop", {name: "http://127.0.0.1:9000/"})
    assert bucket.client_options is not None
    assert str(bucket.client_options.get("allow_http")).lower() == "true"


def test_without_one_nothing_goes_unencrypted() -> None:
    bucket, _, _ = open_bucket("s3://shop", NONE)
    assert "allow_http" not in (bucket.client_options or {})


def test_an_account_for_azure_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OptionRefused, match="AZURE_STORAGE_ACCOUNT_NAME"):
        open_bucket("az://shop", NONE)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"AZURE_STORAGE_ACCOUNT": "shop", "AZURE_STORAGE_KEY": KEY}, {"account_name": "shop", "account_key": KEY}),
        (
            {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=https;AccountName=shop;AccountKey={KEY}"},
            {"account_name": "shop", "account_key": KEY},
        ),
        (
            {"AZURE_STORAGE_CONNECTION_STRING": f"AccountName=shop; AccountKey={KEY};BlobEndpoint=http://127.0.0.1:10000/shop;"},
            {"account_name": "shop", "account_key": KEY, "endpoint": "http://127.0.0.1:10000/shop"},
        ),
        (
            {"AZURE_STORAGE_CONNECTION_STRING": f"AccountName=shop;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn"},
            {"account_name": "shop", "account_key": KEY, "endpoint": "https://shop.blob.core.chinacloudapi.cn"},
        ),
        ({"AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"}, {"use_emulator": "true"}),
    ],
)
def test_azure_is_found_the_way_its_own_tools_find_it(environment: dict[str, str], expected: dict[str, str]) -> None:
    bucket, _, _ = open_bucket("az://shop", environment)
    config = {name: value for name, value in bucket.config.items() if name in expected}
    assert config == expected


@pytest.mark.parametrize("text", ["nonsense", "AccountName=shop;AccountKey=not base64", "AccountKey=;"])
def test_a_connection_string_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(OptionRefused, match="AZURE_STORAGE_CONNECTION_STRING"):
        open_bucket("az://shop", {"AZURE_STORAGE_CONNECTION_STRING": text})


@pytest.mark.parametrize("content", [None, "{", json.dumps({"type": "nothing known"})])
def test_google_credentials_that_cannot_be_read_are_said_so(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "google.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(OptionRefused, match="GOOGLE_APPLICATION_CREDENTIALS"):
        open_bucket("gs://shop", NONE)


def test_googles_emulator_is_found_by_its_customary_name() -> None:
    bucket, _, _ = open_bucket("gs://shop", {"STORAGE_EMULATOR_HOST": "127.0.0.1:4443"})
    assert bucket.config.get("base_url") == "http://127.0.0.1:4443"
    assert str(bucket.config.get("skip_signature")).lower() == "true"
