"""What a page's address asks for. The same reading serves the memory table's key and the views."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import parse_qsl

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from ytproxy.errors import InvalidInput, InvalidVideoId
from ytproxy.locales import LANGUAGES, OTHER_NAMES
from ytproxy.youtube import PlayerParams, PlaylistId, VideoId, channel_url, split_joined

MAX_LENGTH = 2_000  # characters of a path or query; what is longer was not written by a page


class Door(StrEnum):
    """The first part of a page's path: how a visitor came in."""

    EMBED = "embed"
    PLAY = "play"
    WATCH = "watch"
    SHORTS = "shorts"
    LIVE = "live"
    V = "v"
    E = "e"
    PLAYLIST = "playlist"


_DOORS = frozenset(Door)


@dataclass(frozen=True, slots=True)
class PageAddress:
    """A page, by everything that its answer depends on. *depth* is how many folders it lies below the root."""

    door: Door
    video: VideoId | None
    params: PlayerParams
    lang: str
    depth: int
    live_stream: bool = False  # "this channel's current stream", which names no video
    channel: str | None = None
    signature: str = ""  # as it came; `gate` tells whether it is one

    @property
    def playlist(self) -> PlaylistId | None:
        return self.params.playlist

    @property
    def subject(self) -> VideoId | PlaylistId | None:
        return self.video or self.playlist


@dataclass(frozen=True, slots=True)
class LanguageRule:
    """Which language a page has that asks for none: the browser's (with *auto*), else *default*."""

    auto: bool
    default: str

    def accepted(self, accept_language: str) -> str:
        """Where the address asks for no language: one of ours, so that what a browser sends is no cache's key."""
        return (_accepted(accept_language[:200], self.default) if self.auto else None) or self.default


def asked_language(query: Mapping[str, str]) -> str | None:
    """The language that an address asks for itself, if it is one of ours."""
    return next(filter(None, (_ours(query.get(name, "")) for name in ("lang", "hl"))), None)


def _ours(tag: str) -> str | None:
    """Our language for a tag such as `de-AT`; its region does not matter to us."""
    first = tag.replace("_", "-").partition("-")[0].lower()
    language = OTHER_NAMES.get(first, first)
    return language if language in LANGUAGES else None


@lru_cache(maxsize=512)
def _accepted(header: str, default: str) -> str | None:
    wanted = parse_accept_header(header, LanguageAccept)  # by quality, the best first
    return next(
        (found for tag, quality in wanted if quality and (found := default if tag == "*" else _ours(tag))), None
    )


def is_page(path: str) -> bool:
    """Whether a path is one of a preview's doors."""
    return path.partition("/")[2].partition("/")[0].partition("&")[0] in _DOORS


def parse(path: str, query: str, lang: str) -> PageAddress:
    """Reads a page's address as forgivingly as YouTube does. Raises InvalidInput where it names nothing to show.

    *lang*, one of ours, holds where the address asks for no other.
    """
    if len(path) > MAX_LENGTH or len(query) > MAX_LENGTH:
        raise InvalidInput("This address is too long")
    return _parse(path, query, lang)


@lru_cache(maxsize=1_024)
def _parse(path: str, query: str, lang: str) -> PageAddress:
    door, *segments = path[1:].split("/")
    name, joined = split_joined(door)
    pairs = joined + parse_qsl(query, keep_blank_values=True)
    first = ""
    for segment in segments:
        text, more = split_joined(segment)
        pairs += more
        if text and first:
            raise InvalidInput("This address has a part too many")
        first = first or text
    named: dict[str, str] = {}
    for key, value in pairs:
        named.setdefault(key, value)
    params = PlayerParams.from_query(pairs)
    lang = asked_language(named) or lang
    depth = path.count("/") - 1

    signature = named.get("sig", "")[:200]

    if first == "live_stream":
        return PageAddress(Door(name), None, params, lang, depth, True, channel_url(named.get("channel", "")))
    id_text = named.get("v", "") if first in ("", "watch", "playlist") else first
    if id_text and id_text != "videoseries":
        return PageAddress(Door(name), VideoId(id_text), params, lang, depth, signature=signature)
    if params.playlist is None:
        raise InvalidVideoId("This address names no video and no playlist that others can open")
    return PageAddress(Door(name), None, params, lang, depth, signature=signature)
