"""Which room of YouTube answers which host and path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal
from urllib.parse import urlsplit

from . import oembed, player, thumbnails
from .answers import Answer, text
from .profiles import Video

Room = Literal["thumbnails", "oembed", "player", "pages"]

_THUMBNAIL_HOSTS = ("i.ytimg.com", "img.youtube.com")
_PAGE_HOSTS = ("www.youtube.com", "www.youtube-nocookie.com")
_HOSTS: dict[Room, tuple[str, ...]] = {
    "thumbnails": _THUMBNAIL_HOSTS,
    "oembed": ("www.youtube.com",),
    "player": _PAGE_HOSTS,
    "pages": _PAGE_HOSTS,
}


class Pairs(Mapping[str, str]):
    """Header pairs read by name in any case; the first of a name counts."""

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), value)

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def room_of(path: str) -> Room:
    """The room a path belongs to."""
    bare = urlsplit(path).path
    if bare.startswith(("/vi/", "/vi_webp/")):
        return "thumbnails"
    if bare in ("/oembed", "/oembed/"):
        return "oembed"
    return "player" if bare == "/embed" or bare.startswith("/embed/") else "pages"


def answer(
    host: str,
    path: str,
    headers: Mapping[str, str],
    find: Callable[[str], Video],
    *,
    secure: bool,
    plain_refused: bool,
) -> Answer:
    """The answer to GET. A host of YouTube's answers only for its own rooms; any other host (a loopback
    address) answers for all. *plain_refused*: oEmbed wants TLS."""
    parts, room, name = urlsplit(path), room_of(path), host.partition(":")[0]
    if name in {*_THUMBNAIL_HOSTS, *_PAGE_HOSTS} and name not in _HOSTS[room]:
        return thumbnails.missing() if name in _THUMBNAIL_HOSTS else text(404, "<h1>Not Found</h1>")
    match room:
        case "thumbnails":
            elsewhere = "https://www.youtube.com" if secure else f"http://{host.replace('127.0.0.1', 'localhost')}"
            return thumbnails.answer(parts.path, parts.query, headers, find, elsewhere)
        case "oembed":
            plain = plain_refused and not secure
            return oembed.over_plain_http() if plain else oembed.answer(parts.query, headers, find)
        case "player":
            return player.answer(parts.path, parts.query, headers, find)
    if parts.path == "/iframe_api":
        return player.api_script()
    if parts.path in ("/watch", "/playlist") or parts.path.startswith("/shorts/"):
        return text(200, "<!DOCTYPE html><title>Stand-in YouTube</title><h1>Stand-in YouTube</h1>")
    return text(404, "<h1>Not Found</h1>")
