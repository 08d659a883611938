"""The stand-in's films: which pictures exist, what oEmbed says, and what is wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .pictures import Size, number

VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]")
PLAYLIST_ID = re.compile(r"(?:PL|UU|FL|LL|RD|EC|SP|TL|UL|PU|OLAK5uy_)[A-Za-z0-9_-]{10,64}")

_SMALL = frozenset({"default", "mqdefault", "hqdefault"})
_FRAMES = frozenset(f"{size}{n}" for size in ("", "mq", "hq", "sd", "maxres") for n in (1, 2, 3))
_UP_TO_SD = _SMALL | {"0", "sddefault", "1", "2", "3", "hq1", "hq2", "hq3"}
_USUAL = _UP_TO_SD | {"hq720", "maxresdefault"} | _FRAMES
_OWN_SHAPE = frozenset({"oar2", "oardefault", "frame0"})
_LIVE = frozenset(f"{name}_live" for name in ("default", "mqdefault", "hqdefault", "sddefault", "maxresdefault"))

HD: Size = (1280, 720)
FULL_HD: Size = (1920, 1080)
TV: Size = (640, 480)
TALL: Size = (1080, 1920)
SQUARE: Size = (720, 720)


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of film. *source* is the film's size in pixels; *thumbnails*, *oembed* and *player* name
    what goes wrong there ("" for nothing)."""

    about: str
    source: Size = HD
    names: frozenset[str] = _USUAL
    webp: bool = True
    oembed_status: int = 200
    thumbnails: str = ""
    oembed: str = ""
    player_error: int | None = None


def _everywhere(about: str, trouble: str) -> Profile:
    return Profile(about, thumbnails=trouble, oembed=trouble)


_NOTHING: frozenset[str] = frozenset()

PROFILES: dict[str, Profile] = {
    "landscape": Profile("1280x720, every name there is", names=_USUAL | _OWN_SHAPE),
    "full-hd": Profile("maxresdefault is 1920x1080", FULL_HD),
    "old": Profile("4:3, small pictures only, no bars in hqdefault, no WebP", TV, _SMALL | {"0"}, webp=False),
    "no-maxres": Profile("nothing above sddefault", (640, 360), _UP_TO_SD),
    "jpeg-only": Profile("no WebP twin", webp=False),
    "short": Profile("1080x1920; landscape names are pillarboxed", TALL, _USUAL | _OWN_SHAPE),
    "square": Profile("720x720; landscape names are pillarboxed", SQUARE, _USUAL | {"oar2"}),
    "live": Profile("a running stream: *_live and hqdefault only", names=_LIVE | {"hqdefault"}),
    "no-embed": Profile("embedding switched off: oEmbed 401", oembed_status=401, player_error=150),
    "private": Profile("oEmbed 403, no pictures", names=_NOTHING, oembed_status=403, player_error=100),
    "deleted": Profile("oEmbed 404, but the pictures remain", oembed_status=404, player_error=100),
    "absent": Profile("404 everywhere", names=_NOTHING, oembed_status=404, player_error=100),
    "impossible": Profile("an id YouTube never gives: oEmbed 400", names=_NOTHING, oembed_status=400, player_error=2),
    "changing": Profile("picture and ETag change after N requests", thumbnails="changing"),
    "reencoded": Profile("bytes and ETag change after N requests, the picture does not", thumbnails="reencoded"),
    "fresh": Profile("maxresdefault is 404 for N requests, then there", thumbnails="fresh"),
    "soft-200": Profile("no pictures: the grey placeholder with status 200", names=_NOTHING, thumbnails="soft-200"),
    "wrong-type": Profile("a JPEG called text/html", thumbnails="wrong-type"),
    "html-body": Profile("HTML called image/jpeg", thumbnails="html-body"),
    "svg-body": Profile("SVG with a script called image/jpeg", thumbnails="svg-body"),
    "truncated": Profile("half a JPEG, honestly sized", thumbnails="truncated"),
    "cut": Profile("the connection ends before Content-Length is reached", thumbnails="cut"),
    "megapixels": Profile("a JPEG of 50 megapixels", thumbnails="megapixels"),
    "one-pixel": Profile("a JPEG of 1x1", thumbnails="one-pixel"),
    "animated": Profile("an animated WebP", thumbnails="animated"),
    "still-webp": Profile("a sound WebP under a .jpg name, labelled image/webp", thumbnails="still-webp"),
    "too-big": Profile("a sound JPEG of 6 MB", thumbnails="too-big"),
    "endless": Profile("the body never ends", thumbnails="endless"),
    "no-length": Profile("a sound JPEG without Content-Length", thumbnails="no-length"),
    "gzip-bomb": Profile("1 MB that unpacks to 1 GiB", thumbnails="gzip-bomb"),
    "redirect": Profile("302 to another host", thumbnails="redirect"),
    "set-cookie": Profile("a sound picture with Set-Cookie", thumbnails="set-cookie"),
    "headers": Profile("a sound picture after 300 headers", thumbnails="headers"),
    "script": Profile("<script> and quotes in title and author", oembed="script"),
    "long-title": Profile("a title of 10 kB", oembed="long-title"),
    "forbidden": Profile("oEmbed 200 with the body Forbidden", oembed="forbidden"),
    "foreign": Profile("oEmbed html and thumbnail_url lead elsewhere", oembed="foreign"),
    "no-fields": Profile("oEmbed without title, author and sizes", oembed="no-fields"),
    "odd-types": Profile("oEmbed fields of the wrong JSON type", oembed="odd-types"),
    "arabic": Profile("a title in Arabic", oembed="arabic"),
    "emoji": Profile("a title of emoji", oembed="emoji"),
    "controls": Profile("control and bidi characters in the title", oembed="controls"),
    "surrogate": Profile("half a character in the title", oembed="surrogate"),
    "not-utf8": Profile("oEmbed in Latin-1", oembed="not-utf8"),
    "busy-200": Profile("oEmbed 200 with an HTML page about unusual traffic", oembed="busy-200"),
    "deep": Profile("oEmbed nested 100,000 deep", oembed="deep"),
    "big-json": Profile("oEmbed that never ends", oembed="big-json"),
    "busy": _everywhere("429 with Retry-After", "busy"),
    "busy-html": _everywhere("429 without Retry-After, an HTML page", "busy-html"),
    "error-500": _everywhere("500", "error-500"),
    "error-503": _everywhere("503", "error-503"),
    "reset": _everywhere("the connection is reset", "reset"),
    "delay": _everywhere("30 seconds late", "delay"),
    "drip": _everywhere("the body comes byte by byte", "drip"),
    "drip-head": _everywhere("the head comes byte by byte", "drip-head"),
}


def _well_known(word: str) -> str:
    return word.ljust(10, "_") + "0"


IDS: dict[str, str] = {name: _well_known(name) for name in PROFILES} | {
    "landscape": "landscapeH0",
    "impossible": "impossible_",
    "playlist": "PLstand-in-playlist-of-twelve-films",
    "no-playlist": "PLstand-in-playlist-that-is-not-there",
}
"""Well-known ids by profile. A video id whose first ten characters are a profile's id stands for that profile
whatever its last character, so "short_____0", "short_____4" and "short_____8" are three Shorts."""

_BY_STEM = {video_id[:10]: name for name, video_id in IDS.items() if name in PROFILES}
_SUBJECTS = ("A quiet harbour", "The old mill", "Snow", "A paper boat", "Morning light", "The night train")
_DEEDS = ("wakes up", "meets the wind", "seen from above", "in ten small steps", "without a word")


def profile_name_of(video_id: str) -> str:
    """The profile an id stands for before anybody has set another."""
    if video_id == IDS["no-playlist"]:
        return "absent"
    if not VIDEO_ID.fullmatch(video_id) and not PLAYLIST_ID.fullmatch(video_id):
        return "impossible"
    return _BY_STEM.get(video_id[:10], "landscape")


def title_of(video_id: str) -> str:
    """A readable title, always the same for the same id."""
    n = number(video_id)
    return f"{_SUBJECTS[n % len(_SUBJECTS)]} {_DEEDS[n // 7 % len(_DEEDS)]} ({profile_name_of(video_id)})"


def number_of_author(video_id: str) -> int:
    """Which of three channels a film belongs to; they are @standin1, @standin2 and @standin3."""
    return number(video_id) % 3 + 1


@dataclass(slots=True)
class Video:
    """One film as the stand-in plays it, with what a test has set.

    *after* is the number of thumbnail requests before "changing", "reencoded" and "fresh" turn.
    *headers* are set on (or, with None, taken from) every sound thumbnail.
    *short_by_url*: a Short is portrait only when asked for by its /shorts/ URL.
    *photograph* is a picture file to be its thumbnail. *drip_s* and *delay_s* are seconds.
    *player_error* is an onError code; *player_silent* never speaks.
    """

    video_id: str
    profile: str = "landscape"
    title: str | None = None
    author: str | None = None
    handle: str | None = None
    after: int = 1
    retry_after_s: int = 120
    delay_s: float | None = None
    drip_s: float = 0.2
    headers: dict[str, str | None] = field(default_factory=dict)
    oembed_fields: dict[str, Any] = field(default_factory=dict)
    short_by_url: bool = False
    duration_s: float = 100.0
    player_error: int | None = None
    player_silent: bool = False
    autoplay_blocked: bool = False
    asked: int = 0
    asked_maxres: int = 0
    picture: int = 0
    encoding: int = 0
    photograph: Path | None = None

    @property
    def kind(self) -> Profile:
        return PROFILES[self.profile]

    @property
    def shown_title(self) -> str:
        return self.title or title_of(self.video_id)

    @property
    def shown_author(self) -> str:
        return self.author or f"Stand-in channel {number_of_author(self.video_id)}"
