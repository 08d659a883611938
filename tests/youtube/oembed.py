"""www.youtube.com/oembed: titles, shapes and refusals."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from . import pictures
from .answers import UNUSUAL_TRAFFIC, Answer, Delivery, Headers, phrase, text
from .profiles import IDS, PLAYLIST_ID, Video, number_of_author
from .thumbnails import sickness, slowed

_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com"})
_DEFAULT_BOX_PX = (200, 200)
_ALLOW = "accelerometer; autoplay; clipboard-write; encrypted-media; gyroscope; picture-in-picture; web-share"


def answer(query: str, headers: Mapping[str, str], find: Callable[[str], Video]) -> Answer:
    """The answer to a GET of /oembed over https."""
    asked = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
    subject = subject_of(asked.get("url", ""))
    if isinstance(subject, int):
        return _refused(subject)
    video = find(subject)
    trouble = video.kind.oembed
    return slowed(sickness(trouble, video) or _of(video, subject, asked, headers), trouble, video)


def _of(video: Video, subject: str, asked: dict[str, str], headers: Mapping[str, str]) -> Answer:
    trouble = video.kind.oembed
    if video.kind.oembed_status != 200:
        return _refused(400 if PLAYLIST_ID.fullmatch(subject) else video.kind.oembed_status)
    box = _box(asked.get("maxwidth"), asked.get("maxheight"))
    if box is None:
        return _refused(401)
    fields = _fields(video, subject, box, "/shorts/" in asked["url"]) | video.oembed_fields
    if asked.get("format") == "xml":
        return Answer(200, _headers("text/xml", headers), _xml(fields), Delivery.CHUNKED)
    sound = Answer(200, _headers("application/json", headers), _json(_spoilt_fields(trouble, fields)))
    return _zipped(_spoilt(trouble, replace(sound, delivery=Delivery.CHUNKED)), headers)


def over_plain_http() -> Answer:
    """What YouTube answers without TLS."""
    error = {
        "code": 403,
        "message": "SSL is required to perform this operation.",
        "status": "PERMISSION_DENIED",
    }
    return text(403, json.dumps({"error": error}), "application/json")


def subject_of(url: str) -> str | int:
    """The video or playlist id in a URL, or the status with which YouTube refuses the URL."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if parts.scheme not in ("http", "https"):
        return 400
    if parts.hostname == "youtu.be":
        return parts.path[1:]
    if parts.hostname not in _HOSTS:
        return 404
    if parts.path == "/playlist":
        listed = query.get("list", [""])[0]
        return listed if PLAYLIST_ID.fullmatch(listed) else 400
    if parts.path == "/watch":
        return query["v"][0] if "v" in query else 400
    matched = re.fullmatch(r"/(?:shorts|live|v)/([^/]+)", parts.path)
    return matched[1] if matched else 404


def _refused(status: int) -> Answer:
    return text(status, phrase(status), "application/json; charset=UTF-8")


def _box(maxwidth: str | None, maxheight: str | None) -> tuple[float, float] | None:
    """The box to fit, in pixels; None where YouTube refuses it (a zero, once reported as 401)."""
    if maxwidth is None and maxheight is None:
        return _DEFAULT_BOX_PX
    sides = []
    for side in (maxwidth, maxheight):
        if side is not None and (not side.isdecimal() or int(side) == 0):
            return None
        sides.append(float("inf") if side is None else float(side))
    return sides[0], sides[1]


def _fitted(source: tuple[int, int], box: tuple[float, float]) -> tuple[int, int]:
    scale = min(box[0] / source[0], box[1] / source[1])
    return int(source[0] * scale + 0.5), int(source[1] * scale + 0.5)


def _fields(video: Video, subject: str, box: tuple[float, float], by_shorts_url: bool) -> dict[str, Any]:
    """The answer in the order YouTube gives it."""
    is_list = bool(PLAYLIST_ID.fullmatch(subject))
    is_tall = video.kind.source[1] > video.kind.source[0] and (by_shorts_url or not video.short_by_url)
    source = video.kind.source if is_tall or video.kind.source[1] <= video.kind.source[0] else (16, 9)
    width, height = _fitted(source, box)
    player_width, player_height = _fitted((16, 9), box) if is_tall else (width, height)
    handle = video.handle or f"@standin{number_of_author(subject)}"
    channel = f"https://www.youtube.com/{handle}"
    poster = IDS["landscape"] if is_list else subject
    player = f"videoseries?list={subject}" if is_list else f"{subject}?feature=oembed"
    quoted = escape(video.shown_title, {'"': "&quot;"})
    return {
        "title": video.shown_title,
        "author_name": video.shown_author,
        "author_url": "/user/StandIn" if is_list else channel,
        "type": "video",
        "height": height,
        "width": width,
        "version": "1.0",
        "provider_name": "YouTube",
        "provider_url": "https://www.youtube.com/",
        "thumbnail_height": 360,
        "thumbnail_width": 480,
        "thumbnail_url": f"https://i.ytimg.com/vi/{poster}/{'hq2' if is_tall else 'hqdefault'}.jpg",
        "html": (
            f'<iframe width="{player_width}" height="{player_height}" '
            f'src="https://www.youtube.com/embed/{player}" '
            f'frameborder="0" allow="{_ALLOW}" referrerpolicy="strict-origin-when-cross-origin" '
            f'allowfullscreen title="{quoted}"></iframe>'
        ),
    }


def _headers(content_type: str, asked: Mapping[str, str]) -> Headers:
    origin = asked.get("Origin")
    return (
        ("Content-Type", content_type),
        ("Vary", "Origin,Accept-Encoding"),
        ("Vary", "Referer"),
        ("Vary", "X-Origin"),
        ("Server", "scaffolding on HTTPServer2"),
        ("Cache-Control", "private"),
        ("X-XSS-Protection", "0"),
        ("X-Frame-Options", "SAMEORIGIN"),
        ("X-Content-Type-Options", "nosniff"),
        ("Accept-Ranges", "none"),
        *((("Access-Control-Allow-Origin", origin),) if origin else ()),
    )


def _json(fields: dict[str, Any]) -> bytes:
    """JSON as YouTube writes it: < > & and the quotes inside strings are \\u escapes."""
    has_surrogate = re.search("[\ud800-\udfff]", str(fields.get("title"))) is not None
    written = json.dumps(fields, ensure_ascii=has_surrogate, separators=(",", ":"))
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return re.sub(r'(?<!\\)((?:\\\\)*)\\"', r"\1\\u0022", written).encode()


def _xml(fields: dict[str, Any]) -> bytes:
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items())
    return f'<?xml version="1.0" encoding="utf-8"?><oembed>{inner}</oembed>'.encode()


def _zipped(plain: Answer, headers: Mapping[str, str]) -> Answer:
    if "gzip" not in headers.get("Accept-Encoding", "") or plain.delivery is not Delivery.CHUNKED:
        return plain
    return replace(plain, body=gzip.compress(plain.body), headers=(*plain.headers, ("Content-Encoding", "gzip")))


_HOSTILE_FIELDS: dict[str, dict[str, Any]] = {
    "script": {
        "title": "</title><script>alert(1)</script>\"' onerror=alert(1) {{ 7*7 }} &amp;",
        "author_name": '"><img src=x onerror=alert(1)>',
        "author_url": "javascript:alert(1)",
    },
    "long-title": {"title": "A very long title, " * 527},
    "foreign": {
        "html": '<iframe src="https://attacker.example/embed"></iframe><script src="https://attacker.example/x.js">',
        "thumbnail_url": "https://attacker.example/picture.jpg",
        "author_url": "https://attacker.example/@handle",
        "provider_url": "https://attacker.example/",
    },
    "odd-types": {"title": ["a", "list"], "author_name": 7, "author_url": None, "width": "200", "height": {}},
    "arabic": {"title": "رحلة إلى البحر في الصباح الباكر", "author_name": "قناة البحر"},
    "emoji": {"title": "🎬 Waves 👩‍👩‍👧‍👦 and wind 🏳️‍🌈 🇩🇪", "author_name": "🌊"},
    "controls": {"title": "Line one\r\nSet-Cookie: a=b\x00\x1b[31m\u202egpj.exe\u2066\u200b end"},
    "surrogate": {"title": "Half a \ud83d character"},
    "not-utf8": {"title": "Übergröße"},
}


def _spoilt_fields(trouble: str, fields: dict[str, Any]) -> dict[str, Any]:
    if trouble == "no-fields":
        return {name: fields[name] for name in ("type", "version", "html")}
    return fields | _HOSTILE_FIELDS.get(trouble, {})


def _spoilt(trouble: str, sound: Answer) -> Answer:
    match trouble:
        case "forbidden":
            return text(200, "Forbidden")
        case "busy-200":
            return text(200, UNUSUAL_TRAFFIC)
        case "not-utf8":
            return replace(sound, body=sound.body.decode().encode("latin-1"))
        case "deep":
            return replace(sound, body=b'{"type":"video","html":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
        case "big-json":
            endless = b'{"type":"video","title":"' + pictures.placeholder().hex().encode()
            return replace(sound, body=endless, delivery=Delivery.ENDLESS)
    return sound
