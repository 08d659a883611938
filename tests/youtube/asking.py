"""Asking the stand-in in one line, for its own tests."""

from __future__ import annotations

from typing import Any

import requests

from .server import FakeYouTube

TIMEOUT_S = 20


def thumbnail(
    youtube: FakeYouTube, video_id: str, name: str = "hqdefault", kind: str = "jpg", **options: Any
) -> requests.Response:
    """A thumbnail by its name; *options* are those of requests.get."""
    folder = "vi" if kind == "jpg" else "vi_webp"
    return requests.get(f"{youtube.base_url}/{folder}/{video_id}/{name}.{kind}", timeout=TIMEOUT_S, **options)


def oembed(youtube: FakeYouTube, subject: str, path: str = "watch?v=", **asked: str) -> requests.Response:
    """The oEmbed answer for a YouTube URL that ends in *path* and *subject*."""
    query = {"format": "json", "url": f"https://www.youtube.com/{path}{subject}", **asked}
    return requests.get(f"{youtube.base_url}/oembed", params=query, timeout=TIMEOUT_S)
