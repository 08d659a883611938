"""What is fuzzed: each target takes bytes and fails on anything but a good value or the refusal it promises."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from PIL import Image

from tests.youtube.pictures import thumbnail
from ytproxy import gate, images
from ytproxy.config import load
from ytproxy.errors import ConfigError, InvalidInput, NotAllowed, PictureRefused, UpstreamFailed
from ytproxy.hotpath import matches
from ytproxy.images import Variant
from ytproxy.locales import LANGUAGES
from ytproxy.web.address import Door, LanguageRule, asked_language
from ytproxy.web.address import parse as parse_address
from ytproxy.youtube import (
    PLAYER_ORIGIN,
    TITLE_MAX_CHARS,
    PlayerParams,
    VideoId,
    oembed_path,
    parse,
    parse_oembed,
    player_url,
    watch_url,
)

_ID = "jNQXAC9IVRw"
_LIST = "PLbpi6ZahtOH6Ar_3GPy3workzzBPnpNoE"
_PLAIN_URL = re.compile(r"https://[\x21-\x7e]+")
_KEYS = ("new-key-of-sixteen", "old-key-of-sixteen")
_SIGNED = gate.Videos(allowed=frozenset(), keys=_KEYS)
_UNTIL = (0, 4_000_000_000)
_SITES = gate.Sites(("https://example.org", "https://*.example.net"))


def link(data: bytes) -> None:
    """youtube.parse: a Target that leads back to itself, or InvalidInput."""
    try:
        target = parse(_text(data))
    except InvalidInput:
        return
    url = watch_url(target.video, target.playlist, target.start_s)
    assert _PLAIN_URL.fullmatch(url)
    assert (parse(url).video, parse(url).playlist) == (target.video, target.playlist)
    subject = target.video or target.playlist
    assert subject
    assert re.fullmatch(r"/oembed\?format=json&url=[A-Za-z0-9%._~-]+", oembed_path(subject))


def params(data: bytes) -> None:
    """PlayerParams: never raises, and its one spelling is read as the same parameters."""
    found = PlayerParams.from_query(parse_qsl(_text(data), keep_blank_values=True))
    again = PlayerParams.from_query(parse_qsl(found.query()))
    assert again == found
    assert again.query() == found.query()
    url = player_url(VideoId(_ID), found, lang="en", autoplay=True, origin="https://example.org")
    assert _PLAIN_URL.fullmatch(url)
    assert url.startswith(f"{PLAYER_ORIGIN}/embed/{_ID}?")
    assert dict(parse_qsl(urlsplit(url).query))["origin"] == "https://example.org"


def oembed(data: bytes) -> None:
    """youtube.parse_oembed: clean and bounded values, or UpstreamFailed."""
    try:
        found = parse_oembed(data)
    except UpstreamFailed:
        return
    for shown in (found.title, found.author):
        assert len(shown) <= TITLE_MAX_CHARS
        assert shown.isprintable() or not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
        shown.encode()
    assert found.author_url is None or found.author_url.startswith("https://www.youtube.com/")
    assert 0 < found.ratio < 10_001


def picture(data: bytes) -> None:
    """images: what is checked can be rendered in every format, or PictureRefused."""
    try:
        size = images.check_source(data)
        assert images.inspect(data) == size
        assert size.width_px * size.height_px <= images.MAX_PIXELS
        for name, ratio in (("320.jpg", None), ("320.webp", 9 / 16), ("portrait-180.avif", 0.6)):
            Image.open(io.BytesIO(images.render(data, Variant.parse(name), ratio=ratio))).load()
    except PictureRefused:
        return


def address(data: bytes) -> None:
    """web.address.parse: a page of a video, a list or a live stream, or InvalidInput."""
    door, _, rest = _text(data).partition("/")
    path, _, query = rest.partition("?")
    doors = tuple(Door)
    try:
        page = f"/{doors[len(door) % len(doors)]}{'&' if door.endswith('&') else '/'}{path}"
        found = parse_address(page, query, "en")
    except InvalidInput:
        return
    assert found.lang in LANGUAGES
    assert found.subject or found.live_stream
    assert found.channel is None or _PLAIN_URL.fullmatch(found.channel)
    assert len(found.params.query()) < 4_000


def signature(data: bytes) -> None:
    """gate.Videos: no text but the one that was made opens a video; NotAllowed and nothing else."""
    text = _text(data)
    video = VideoId(_ID)
    good = {gate.Videos(allowed=frozenset(), keys=(key,)).sign(video, until=until) for key in _KEYS for until in _UNTIL}
    try:
        _SIGNED.check(video, text)
    except NotAllowed:
        return
    assert text in good


def header(data: bytes) -> None:
    """Request headers that decide something: whatever they hold, there is a decision and no exception."""
    text = data.decode("latin-1")
    assert matches('"real"', "real") or not text
    assert LanguageRule(auto=True, default="en").accepted(text) in LANGUAGES
    assert asked_language({"lang": text}) in (*LANGUAGES, None)
    trusted = (gate.shortened("10.0.0.1"),)
    gate.client_address("10.0.0.1", text, tuple(filter(None, trusted)))
    gate.shortened(text)
    assert _SITES.may_have_pictures(site="cross-site", referrer=text, own_host="us.test") in (True, False)
    assert _SITES.may(text) in (True, False)
    assert matches(text, '"0123456789abcdef"') in (True, False)


def setting(data: bytes) -> None:
    """config.load: settings, or ConfigError."""
    name, _, value = _text(data).partition("=")
    try:
        load(environ={f"YTPROXY_{name}": value})
    except ConfigError:
        return


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Target:
    """What is fed, the longest input worth trying in bytes, and good samples to start from."""

    feed: Callable[[bytes], None]
    max_bytes: int
    samples: tuple[bytes, ...]


def _pictures() -> tuple[bytes, ...]:
    made = [thumbnail("seed", (160, 120), None, kind, reencoded=False) for kind in ("JPEG", "WEBP")]
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (160, 90), (90, 40, 10)).save(turned, "JPEG", exif=exif, progressive=True, quality=40)
    return (*made, turned.getvalue())


def _signatures() -> tuple[bytes, ...]:
    return tuple(_SIGNED.sign(VideoId(_ID), until=until).encode() for until in _UNTIL)


TARGETS = {
    "link": lambda: Target(
        link,
        2_100,
        (
            f"https://www.youtube.com/watch?v={_ID}&t=1m5s&list={_LIST}".encode(),
            f"https://youtu.be/{_ID}?si=x".encode(),
            f"https://m.youtube.com/#/watch?v={_ID}".encode(),
            f"https://www.youtube.com/attribution_link?u=%2Fwatch%3Fv%3D{_ID}".encode(),
            f"https://consent.youtube.com/m?continue=https%3A%2F%2Fwww.youtube.com%2Fshorts%2F{_ID}".encode(),
            f"https://i.ytimg.com/vi/{_ID}/0.jpg".encode(),
            f"{_ID}&amp;start=3".encode(),
            _LIST.encode(),
        ),
    ),
    "params": lambda: Target(
        params,
        2_100,
        (
            f"start=30&end=1m&list={_LIST}&listType=playlist&loop=1&color=white&hl=de-DE".encode(),
            f"playlist={_ID},{_ID}&rel=0?t=3&amp;mute=1&clipt=EAAY&clip=Ug{'x' * 24}".encode(),
        ),
    ),
    "oembed": lambda: Target(
        oembed,
        4_000,
        (
            b'{"type":"video","html":"<iframe>","title":"A \\u202e title","author_name":"x","author_url":'
            b'"https://www.youtube.com/@x","width":113,"height":200,"thumbnail_url":"https://i.ytimg.com/vi/'
            + _ID.encode()
            + b'/hq.jpg"}',
            b"Forbidden",
        ),
    ),
    "picture": lambda: Target(picture, 20_000, _pictures()),
    "address": lambda: Target(
        address,
        2_100,
        (
            f"a/{_ID}&autoplay=1?start=3&lang=de".encode(),
            f"ab/videoseries?list={_LIST}".encode(),
            b"abc/live_stream?channel=UCoMdktPbSTixAyNGwb-UYkQ",
            f"abcd/watch?v={_ID}&sig=0.x".encode(),
        ),
    ),
    "signature": lambda: Target(signature, 200, _signatures()),
    "header": lambda: Target(
        header,
        4_000,
        (
            b"de-AT,de;q=0.9,*;q=0.1",
            b'W/"0123456789abcdef", "x"',
            b"https://www.example.net/page",
            b"192.0.2.1, 10.0.0.2, ::ffff:10.0.0.3",
        ),
    ),
    "setting": lambda: Target(
        setting,
        400,
        (
            b"CACHE_MAX_BYTES=2GiB",
            b"ALLOWED_SITES=https://*.example.org",
            b"PUBLIC_URL=https://example.org/yt",
            b"TRUSTED_PROXIES=10.0.0.0/8",
            b"MISS_RATE_LIMIT=1,2",
        ),
    ),
}
"""By name; made when asked for, because some samples take a moment."""
