"""What a page's address asks for. The same reading serves the memory table's key and the views."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import parse_qsl

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from ytproxy.errors import InvalidInput, InvalidVideoId
from ytproxy.locales import LANGUAGES
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

    @property
    def playlist(self) -> PlaylistId | None:
        return self.params.playlist

    @property
    def subject(self) -> VideoId | PlaylistId | None:
        return self.video or self.playlist


@dataclass(frozen=True, slots=True)
class LanguageRule:
    """Which language a page has: ``lang``, else ``hl``, else the browser's (with *auto*), else *default*."""

    auto: bool
    default: str

    def choose(self, query: dict[str, str], accept_language: str) -> str:
        for name in ("lang", "hl"):
            if (found := query.get(name, "").replace("_", "-").partition("-")[0].lower()) in LANGUAGES:
                return found
        return (_accepted(accept_language, self.default) if self.auto else None) or self.default


@lru_cache(maxsize=1_024)
def _accepted(header: str, default: str) -> str | None:
    return parse_accept_header(header[:500], LanguageAccept).best_match((default, *LANGUAGES))


def is_page(path: str) -> bool:
    """Whether a path is one of a preview's doors."""
    return path.split("/", 2)[1:2] != [] and path.split("/", 2)[1].partition("&")[0] in tuple(Door)


@lru_cache(maxsize=4_096)
def parse(path: str, query: str, accept_language: str, rule: LanguageRule) -> PageAddress:
    """Reads a page's address as forgivingly as YouTube does. Raises InvalidInput where it names nothing to show."""
    if len(path) > MAX_LENGTH or len(query) > MAX_LENGTH:
        raise InvalidInput("This address is too long")
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
    lang = rule.choose(named, accept_language)
    depth = path.count("/") - 1

    if first == "live_stream":
        return PageAddress(Door(name), None, params, lang, depth, True, channel_url(named.get("channel", "")))
    id_text = named.get("v", "") if first in ("", "watch", "playlist") else first
    if id_text and id_text != "videoseries":
        return PageAddress(Door(name), VideoId(id_text), params, lang, depth)
    if params.playlist is None or params.playlist.personal:
        raise InvalidVideoId("This address names no video and no playlist that others can open")
    return PageAddress(Door(name), None, params, lang, depth)
