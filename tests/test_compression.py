"""Pages, styles and scripts in Brotli, for who reads it."""

import brotli
import pytest
from werkzeug.test import Client

from tests.youtube import IDS
from ytproxy.hotpath import reads_brotli

CHROMIUM = {"Accept-Encoding": "gzip, deflate, br, zstd"}
PAGE, PICTURE = f"/embed/{IDS['landscape']}", f"/thumbnail/{IDS['landscape']}/640.avif"


@pytest.mark.parametrize("path", [PAGE, "/static/preview.css", "/static/ytproxy.js"])
def test_text_is_the_same_in_brotli_and_plain_and_each_has_a_tag_of_its_own(client: Client, path: str) -> None:
    for _ in range(2):  # the miss, and the hit
        plain, small = client.get(path), client.get(path, headers=CHROMIUM)
        assert "Content-Encoding" not in plain.headers
        assert small.headers["Content-Encoding"] == "br"
        assert brotli.decompress(small.data) == plain.data
        assert len(small.data) < len(plain.data) / 2
        assert small.headers["Content-Length"] == str(len(small.data))
        assert "Accept-Encoding" in plain.headers["Vary"]
        assert plain.headers["Vary"] == small.headers["Vary"]
        assert plain.headers["ETag"] != small.headers["ETag"]
        differing = {"Content-Length", "ETag", "Content-Encoding"}
        assert {pair for pair in plain.headers if pair[0] not in differing} == {
            pair for pair in small.headers if pair[0] not in differing
        }


def test_a_tag_is_confirmed_for_its_own_encoding_only(client: Client) -> None:
    plain, small = client.get(PAGE), client.get(PAGE, headers=CHROMIUM)
    again = client.get(PAGE, headers=CHROMIUM | {"If-None-Match": small.headers["ETag"]})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", small.headers["ETag"])
    assert again.headers["Vary"] == small.headers["Vary"]
    assert client.get(PAGE, headers=CHROMIUM | {"If-None-Match": plain.headers["ETag"]}).status_code == 200
    assert client.get(PAGE, headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304


def test_pictures_are_sent_as_they_are_for_they_are_compressed_already(client: Client) -> None:
    picture = client.get(PICTURE, headers=CHROMIUM)
    assert "Content-Encoding" not in picture.headers
    assert "Vary" not in picture.headers


def test_head_tells_the_length_of_what_get_would_send(client: Client) -> None:
    for headers in ({}, CHROMIUM):
        told, sent = client.head(PAGE, headers=headers), client.get(PAGE, headers=headers)
        assert list(told.headers) == list(sent.headers)
        assert (told.data, told.headers["Content-Length"]) == (b"", str(len(sent.data)))


@pytest.mark.parametrize(
    ("header", "reads"),
    [
        ("gzip, deflate, br", True),
        ("BR", True),
        ("br;q=0.1, gzip", True),
        ("br;q=0, gzip", False),
        ("gzip, deflate", False),
        ("identity", False),
        ("*", False),
        ("", False),
        ("brotli, abr", False),
    ],
)
def test_only_who_asks_for_brotli_gets_it(header: str, reads: bool) -> None:
    assert reads_brotli(header) is reads
