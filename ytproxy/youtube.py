"""What YouTube's names look like: ids, links, player parameters, thumbnail and oEmbed addresses.

Values in, values out, no I/O. Whatever YouTube changes about its names is one diff here. Text comes from
strangers, so hosts, names and values are compared with closed lists, and every regular expression runs in
linear time.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

from ytproxy.errors import InvalidInput, InvalidPlaylistId, InvalidVideoId, UpstreamFailed

PLAYER_ORIGIN: Final = "https://www.youtube-nocookie.com"
LANDSCAPE_NAMES: Final[tuple[str, ...]] = ("maxresdefault", "sddefault", "hqdefault")
PORTRAIT_NAMES: Final[tuple[str, ...]] = ("oar2", "oardefault", "frame0")
LINK_MAX_CHARS: Final = 2000
TITLE_MAX_CHARS: Final = 200

_SITE: Final = "https://www.youtube.com"
_SITES: Final = ("youtube.com", "youtube-nocookie.com", "youtubeeducation.com", "youtubekids.com")
_PAGE_HOSTS: Final = frozenset({"m.youtube.com", "music.youtube.com", "youtube.googleapis.com"}).union(
    _SITES, (f"www.{site}" for site in _SITES)
)
_IMAGE_HOSTS: Final = frozenset({"img.youtube.com", *(f"i{n}.ytimg.com" for n in ("", 1, 2, 3, 4, 9))})

# 64 bits in eleven base64url characters leave the last one two spare bits, always zero: 16 letters, not 64.
_VIDEO_ID: Final = re.compile(r"[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]")
# A word in the id's place that the pattern lets through. (`live_stream` ends in an impossible letter.)
_RESERVED: Final = "videoseries"
_PERSONAL: Final = frozenset({"WL", "LL", "LM", "RDMM"})
_PLAYLIST_ID: Final = re.compile(r"(?:PL|UU|FL|LL|RD|EC|SP|TL|UL|PU|OLAK5uy_)[A-Za-z0-9_-]{10,64}")
_PLAYLIST_MAX_VIDEOS: Final = 200
_USUAL_RATIOS: Final = (16 / 9, 9 / 16, 4 / 3, 3 / 4, 1.0)
_ROUNDING: Final = 0.012  # half a pixel more or less of 113 and 200, and a little

_CHANNEL_ID: Final = re.compile(r"UC[A-Za-z0-9_-]{21}[AQgw]")

_TIME: Final = re.compile(r"(?=[0-9])(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s?)?")
_START_NAMES: Final = ("start", "t", "time_continue")
_TIME_MAX_S: Final = 999_999_999
_ESCAPED_AMPERSAND: Final = re.compile(r"&(?:amp;|#0{0,5}38;|#[xX]0{0,5}26;)+")
_QUERY_START: Final = re.compile(r"[&?]")
_APP_SCHEME: Final = re.compile(r"\Avnd\.youtube(?:\.launch)?:(?://)?", re.IGNORECASE)
_WEB_SCHEME: Final = re.compile(r"(?:https?:)?//", re.IGNORECASE)
# Control characters that are not white space, bidi embeddings, overrides and isolates, and what UTF-8 or XML
# cannot carry. Joiners and direction marks stay: emoji, Persian and Hebrew need them.
_UNSAFE_IN_TEXT: Final = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)

Pairs = list[tuple[str, str]]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class VideoId:
    """A possible YouTube video id. Holding one means it has been checked; InvalidVideoId otherwise."""

    text: str

    def __post_init__(self) -> None:
        if not _VIDEO_ID.fullmatch(self.text) or self.text == _RESERVED:
            raise InvalidVideoId(f"{self.text[:40]!r} is no video id. Use the 11 characters after 'v='.")


@dataclass(frozen=True, slots=True)
class PlaylistId:
    """A possible YouTube playlist id. Holding one means it has been checked; InvalidPlaylistId otherwise."""

    text: str

    def __post_init__(self) -> None:
        if not _PLAYLIST_ID.fullmatch(self.text) and not self.personal:
            raise InvalidPlaylistId(f"{self.text[:40]!r} is no playlist id. Use what follows 'list='.")

    @property
    def personal(self) -> bool:
        """Whether it means another list to each visitor (Watch Later, Liked, My Mix): nothing to embed."""
        return self.text in _PERSONAL


@dataclass(frozen=True, slots=True)
class Target:
    """What a link leads to: a video, a playlist, or a video within a playlist."""

    video: VideoId | None
    playlist: PlaylistId | None = None
    start_s: int | None = None
    short: bool = False


def parse(text: str) -> Target:
    """The target of a YouTube link in any form, or of a bare id. Raises InvalidInput.

    Links may lack a scheme and carry HTML-escaped ampersands. `attribution_link` and consent pages are
    opened once, so a wrapper within a wrapper is refused.
    """
    if len(text) > LINK_MAX_CHARS:
        raise InvalidInput(f"This link is longer than {LINK_MAX_CHARS} characters. Use a shorter one.")
    text = _APP_SCHEME.sub("", _with_plain_ampersands(text.strip(" ")))
    inner = _unwrapped(text)
    return _link_target(inner) if inner else _bare_target(text) or _link_target(text)


def parse_time(text: str) -> int | None:
    """Seconds in `90`, `90s`, `1h2m3s` and its parts; None for other text or more than nine digits."""
    if not (match := _TIME.fullmatch(text)):
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total_s = hours * 3600 + minutes * 60 + seconds
    return total_s if total_s <= _TIME_MAX_S else None


def split_joined(segment: str) -> tuple[str, Pairs]:
    """An id and the parameters that were stuck to it: `ID&autoplay=1`, `ID?start=3`, `ID&amp;rel=0`."""
    head, *queries = _QUERY_START.split(_with_plain_ampersands(segment))
    return head, parse_qsl("&".join(queries), keep_blank_values=True)


def _with_plain_ampersands(text: str) -> str:
    """Undo HTML escapes of `&`, escaped again and again included."""
    return _ESCAPED_AMPERSAND.sub("&", text)


def _or_none(checked: Callable[[str], _T], text: str) -> _T | None:
    try:
        return checked(text)
    except InvalidInput:
        return None


def _first(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """YouTube takes the first of repeated parameters. Source: yt-dlp's test of a link with two `v`."""
    return dict(reversed(list(pairs)))


def _start_text(query: dict[str, str]) -> str:
    """The first text in a start time's place that is a time; empty if none is."""
    return next((text for name in _START_NAMES if parse_time(text := query.get(name, "")) is not None), "")


def _list_text(query: dict[str, str]) -> str:
    """The text in a playlist id's place; empty if `listType` says that `list` is a name or search words."""
    return query.get("list", "") if (query.get("listType") or "playlist") == "playlist" else ""


def _bare_target(text: str) -> Target | None:
    ident, pairs = split_joined(text)
    if video := _or_none(VideoId, ident):
        query = _first(pairs)
        return Target(video, _or_none(PlaylistId, _list_text(query)), parse_time(_start_text(query)))
    playlist = _or_none(PlaylistId, ident)
    return Target(None, playlist) if playlist else None


def _is_plain(link: str) -> bool:
    """Whether it means one thing: browsers drop tabs and line breaks, and take a backslash for a slash."""
    return link.isprintable() and " " not in link and "\\" not in link


def _no_link(text: str) -> InvalidInput:
    return InvalidInput(f"{text[:80]!r} leads to no YouTube video or list. Use a link like {_SITE}/watch?v=ID.")


def _split_link(link: str) -> tuple[str, str, str, str]:
    """Host (lower case), path, query and fragment. Host is the whole authority, user and port included."""
    if not _is_plain(link):
        raise _no_link(link)
    try:
        parts = urlsplit(link if _WEB_SCHEME.match(link) else f"//{link}")
    except ValueError:
        raise _no_link(link) from None
    # Lower case would make an ASCII k of the Kelvin sign.
    return parts.netloc.lower() if parts.netloc.isascii() else "", parts.path, parts.query, parts.fragment


def _unwrapped(link: str) -> str | None:
    """The link inside YouTube's attribution and consent links; None if it is neither."""
    host, path, query, _ = _split_link(link)
    inside = _first(parse_qsl(query))
    if host == "consent.youtube.com":
        return inside.get("continue")
    if host in _PAGE_HOSTS and path == "/attribution_link" and inside.get("u", "").startswith("/"):
        return _SITE + inside["u"]
    return None


def _link_target(link: str) -> Target:
    host, path, query, fragment = _split_link(link)
    if path in ("", "/") and fragment.startswith("/"):  # m.youtube.com/#/watch?v=ID
        path, _, query = fragment.partition("?")
    elif path.startswith("/user/") and fragment.startswith("p/"):  # /user/NAME#p/u/1/ID
        path = "/v/" + fragment.rpartition("/")[2]
    *folders, last = path.removesuffix("/").split("/")
    last, pairs = split_joined(f"{last}?{query}")
    found = _first([*pairs, *(pair for pair in parse_qsl(fragment) if pair[0] == "t")])
    segments = [*folders, last][1:]
    video_text, list_text = _texts_in_place(host, segments, found) or ("", "")
    video = VideoId(video_text) if video_text else None
    playlist = PlaylistId(list_text) if list_text and not video else _or_none(PlaylistId, list_text)
    if not video and not playlist:
        raise _no_link(link)
    start_s = parse_time(_start_text(found)) if video else None
    return Target(video, playlist, start_s, short=segments[:1] == ["shorts"])


def _texts_in_place(host: str, segments: list[str], query: dict[str, str]) -> tuple[str, str] | None:
    """What stands in the video id's and the playlist id's place; None on pages that show neither."""
    video_text, list_text = query.get("v") or query.get("vi") or "", _list_text(query)
    if host == "youtu.be":
        return (segments[0], list_text) if len(segments) == 1 else None
    if host in _IMAGE_HOSTS:
        return (segments[1], "") if len(segments) == 3 and segments[0] in ("vi", "vi_webp") else None
    if host not in _PAGE_HOSTS:
        return None
    match segments:
        case ["playlist"]:
            return "", list_text or query.get("p", "")
        case ["embed", "videoseries"]:
            return "", list_text
        case ["watch" | "embed"] | ["embed", "watch"]:
            return video_text, list_text
        case ["embed" | "shorts" | "live" | "watch" | "v" | "e" | "vi" | "w", segment]:
            return segment, list_text
        case [] | ["watch_popup" | "ytscreeningroom"] | ["user", _] if video_text:
            return video_text, list_text
    return None


def _like(pattern: str) -> Callable[[str], str]:
    matches = re.compile(pattern).fullmatch
    return lambda text: text if matches(text) else ""


def _seconds(text: str) -> str:
    time_s = parse_time(text)
    return "" if time_s is None else str(time_s)


def _embeddable_list(text: str) -> str:
    playlist = _or_none(PlaylistId, text)
    return playlist.text if playlist and not playlist.personal else ""


def _videos(text: str) -> str:
    candidates = text.split(",", _PLAYLIST_MAX_VIDEOS)[:_PLAYLIST_MAX_VIDEOS]
    return ",".join(candidate for candidate in candidates if _or_none(VideoId, candidate))


# In canonical order: a parameter's name and its check, which returns the value's one spelling or "".
# Source: developers.google.com/youtube/player_parameters; what it calls dead or never names is left out.
_PARAMETERS: Final[dict[str, Callable[[str], str]]] = {
    "start": _seconds,
    "end": _seconds,
    "list": _embeddable_list,
    "listType": _like(r"playlist"),
    "playlist": _videos,
    "color": _like(r"red|white"),
    "iv_load_policy": _like(r"[13]"),
    **dict.fromkeys(("hl", "cc_lang_pref"), _like(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")),
    **dict.fromkeys(("loop", "controls", "rel", "cc_load_policy", "fs"), _like(r"[01]")),
    **dict.fromkeys(("disablekb", "mute", "playsinline"), _like(r"[01]")),
    "clip": _like(r"Ug[A-Za-z0-9_-]{24}(?:[A-Za-z0-9_-]{10})?"),
    "clipt": _like(r"[A-Za-z0-9_-]{1,64}={0,2}"),
}


def _canonical(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    query = _first(_untangled(pairs))
    query |= {"start": _start_text(query), "list": _list_text(query)}
    found = {name: value for name, check in _PARAMETERS.items() if (value := check(query.get(name, "")))}
    for name, other in (("listType", "list"), ("clip", "clipt"), ("clipt", "clip")):
        if other not in found:
            found.pop(name, None)
    return tuple(found.items())


def _untangled(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Pairs as they were meant: `amp;` left before a name goes, `rel=0?start=3` is two of them.

    Only known names are split: a page's address in `widget_referrer` has parameters that are not ours.
    """
    proper, joined = Pairs(), Pairs()
    for escaped_name, text in pairs:
        name, value = _with_plain_ampersands(f"&{escaped_name}")[1:], text
        if name in _PARAMETERS or name in _START_NAMES:
            value, more = split_joined(text)
            joined += more
        proper.append((name, value))
    return proper + joined


@dataclass(frozen=True, slots=True)
class PlayerParams:
    """Player parameters that may be passed on: known names, checked values, one order, one spelling.

    Built from any pairs; unknown names, bad values, personal lists and halves of a clip vanish, and
    `t` and `time_continue` become `start`. The order of the pairs does not matter: items may key a cache.
    """

    items: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", _canonical(self.items))

    @classmethod
    def from_query(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """From a request's decoded query. Never raises."""
        return cls(tuple(pairs))

    def get(self, name: str) -> str | None:
        return dict(self.items).get(name)

    @property
    def start_s(self) -> int | None:
        start = self.get("start")
        return None if start is None else int(start)

    @property
    def playlist(self) -> PlaylistId | None:
        text = self.get("list")
        return None if text is None else PlaylistId(text)

    def query(self) -> str:
        """URL-encoded, canonical; empty if there is nothing to pass on."""
        return urlencode(self.items, safe=",")


def player_url(
    video: VideoId | None, params: PlayerParams, *, lang: str, autoplay: bool, origin: str | None = None
) -> str:
    """The player's address, on the host that sets no cookie before playback.

    *lang* is the player's language unless *params* name one. *origin* is ours, and lets our script talk to
    the player. Without *video* the player shows the list in *params*; InvalidPlaylistId if there is none.
    """
    if not video and not params.playlist:
        raise InvalidPlaylistId("A player needs a video id or a playlist id. Give one of them.")
    query = {"hl": lang, "playsinline": "1", **dict(params.items), "autoplay": "1" if autoplay else "0"}
    if origin:
        query |= {"enablejsapi": "1", "origin": origin}
    if video and query.get("loop") == "1" and not query.keys() & {"list", "playlist"}:
        query["playlist"] = video.text  # The player loops lists only.
    return f"{PLAYER_ORIGIN}/embed/{video.text if video else _RESERVED}?{urlencode(query, safe=',')}"


def watch_url(video: VideoId | None, playlist: PlaylistId | None = None, start_s: int | None = None) -> str:
    """The page on YouTube. `parse` reads it back. Raises InvalidInput if there is neither video nor list."""
    if not video and not playlist:
        raise InvalidInput("A link to YouTube needs a video id or a playlist id. Give one of them.")
    listed = [("list", playlist.text)] if playlist else []
    if not video:
        return f"{_SITE}/playlist?{urlencode(listed)}"
    timed = [] if start_s is None else [("t", f"{start_s}s")]
    return f"{_SITE}/watch?{urlencode([('v', video.text), *listed, *timed])}"


def thumbnail_path(video: VideoId, name: str) -> str:
    """On i.ytimg.com; *name* from LANDSCAPE_NAMES or PORTRAIT_NAMES. A query would be answered with 404."""
    return f"/vi/{video.text}/{name}.jpg"


def oembed_path(subject: VideoId | PlaylistId, *, short: bool = False) -> str:
    """On www.youtube.com. Only when asked for a Short by its own address does YouTube tell its true shape."""
    if isinstance(subject, PlaylistId):
        page = watch_url(None, subject)
    else:
        page = f"{_SITE}/shorts/{subject.text}" if short else watch_url(subject)
    return f"/oembed?format=json&url={quote(page, safe='')}"


@dataclass(frozen=True, slots=True)
class OEmbed:
    """What YouTube says about a video or list. Texts are plain, clean and bounded, but not HTML-escaped.

    *width* and *height* tell the shape, not a size in pixels. A title may be empty.
    """

    title: str
    author: str
    author_url: str | None
    width: int
    height: int
    thumbnail_video: VideoId | None

    @property
    def ratio(self) -> float:
        """Width over height; the usual shapes exactly, for YouTube rounds its sizes into a box of 200."""
        told = self.width / self.height
        return next((usual for usual in _USUAL_RATIOS if abs(told / usual - 1) < _ROUNDING), told)


def parse_oembed(body: bytes) -> OEmbed:
    """Read a 200 answer. Raises UpstreamFailed unless it is a JSON object with `type` and `html`:
    YouTube has answered 200 with the one word `Forbidden`."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise UpstreamFailed("YouTube's oEmbed answer is not JSON.") from None
    if not isinstance(answer, dict) or not (_text(answer, "type") and _text(answer, "html")):
        raise UpstreamFailed("YouTube's oEmbed answer is not an object with a type and html.")
    width, height = _shape(answer.get("width"), answer.get("height"))
    return OEmbed(
        title=clean_title(_text(answer, "title")),
        author=clean_title(_text(answer, "author_name")),
        author_url=_author_url(_text(answer, "author_url")),
        width=width,
        height=height,
        thumbnail_video=_thumbnail_video(_text(answer, "thumbnail_url")),
    )


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""


def clean_title(text: str) -> str:
    """One line without hidden characters, at most TITLE_MAX_CHARS long."""
    line = " ".join(_UNSAFE_IN_TEXT.sub("", text).split())
    return line if len(line) <= TITLE_MAX_CHARS else line[: TITLE_MAX_CHARS - 1].rstrip() + "…"


def _author_url(text: str) -> str | None:
    """Absolute, and on www.youtube.com only. Playlists have had relative ones."""
    try:
        link = urljoin(f"{_SITE}/", text) if text else ""
    except ValueError:
        return None
    return link if link.startswith(f"{_SITE}/") and len(link) <= LINK_MAX_CHARS and _is_plain(link) else None


def _shape(width: object, height: object) -> tuple[int, int]:
    """As given if both are whole numbers from 1 to 10,000; else YouTube's usual answer."""
    if type(width) is int and type(height) is int and 1 <= min(width, height) <= max(width, height) <= 10_000:
        return width, height
    return 200, 113


def _thumbnail_video(text: str) -> VideoId | None:
    target = _or_none(parse, text)
    return target.video if target else None


def channel_url(channel_id: str) -> str | None:
    """A channel's page, for an id such as the one in `live_stream?channel=`; None for anything else."""
    return f"{_SITE}/channel/{channel_id}" if _CHANNEL_ID.fullmatch(channel_id) else None


def subject_of(text: str) -> VideoId | PlaylistId:
    """A bare id as what it is. Raises InvalidInput."""
    return _or_none(VideoId, text) or PlaylistId(text)
