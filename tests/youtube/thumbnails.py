"""i.ytimg.com: thumbnails, their validators, and every way in which they can be bad."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import parse_qs

from . import pictures
from .answers import Answer, Delivery, Headers, reset, unwell
from .profiles import Video

_PATH = re.compile(r"/(vi|vi_webp)/([^/]+)/([a-z0-9_]+)\.(jpg|webp)")
_MAX_AGE_S = 7200
_SIX_MB = 6_000_000


def answer(path: str, query: str, headers: Mapping[str, str], find: Callable[[str], Video], other_host: str) -> Answer:
    """The answer to a GET; *other_host* is the origin that a redirect leads to."""
    matched = _PATH.fullmatch(path)
    signed = {"sqp", "rs"} <= parse_qs(query, keep_blank_values=True).keys()
    if not matched or (matched[1] == "vi_webp") != (matched[4] == "webp") or (query and not signed):
        return missing()
    video = find(matched[2])
    trouble = video.kind.thumbnails
    return slowed(sickness(trouble, video) or _of(video, matched[3], matched[4], headers, other_host), trouble, video)


def _of(video: Video, name: str, kind: str, headers: Mapping[str, str], other_host: str) -> Answer:
    turned = _count(video, name)
    trouble = video.kind.thumbnails
    if trouble == "fresh" and name == "maxresdefault" and not turned:
        return missing()
    if name not in video.kind.names or (kind == "webp" and not video.kind.webp):
        return replace(missing(), status=200) if trouble == "soft-200" else missing()
    picture = video.picture + (turned and trouble == "changing")
    encoding = video.encoding + (turned and trouble == "reencoded")
    body = _picture(video, name, kind, picture, reencoded=encoding % 2 == 1)
    stamp = 1_500_000_000 + pictures.number(f"{video.video_id} {name} {kind}") % 100_000_000
    etag = f'"{stamp + 1000 * picture + encoding}"'
    sound = Answer(200, _headers(f"image/{'webp' if kind == 'webp' else 'jpeg'}", etag), body)
    sound = sound.with_headers(video.headers)
    return _spoilt(trouble, sound, video, other_host) or conditional(sound, headers, etag)


def _count(video: Video, name: str) -> bool:
    """Count a request; true once *after* requests lie behind (for "fresh": requests for maxresdefault)."""
    video.asked += 1
    video.asked_maxres += name == "maxresdefault"
    asked = video.asked_maxres if video.profile == "fresh" else video.asked
    return asked > video.after


def _picture(video: Video, name: str, kind: str, picture: int, *, reencoded: bool) -> bytes:
    base = name.removesuffix("_live")
    source = video.kind.source
    seed = f"{video.video_id} {picture}" if picture else video.video_id
    captured = re.fullmatch(r"(|mq|hq|sd|maxres)([123])", base)
    if captured:
        seed = f"{video.video_id} frame {captured[2]}"
        base = f"{captured[1]}default"
    if base == "0":
        base = "hqdefault"
    if base in ("oar2", "oardefault", "frame0"):
        frame = None
    elif base == "maxresdefault":
        frame = source if source == (1920, 1080) else (1280, 720)
    else:
        frame = pictures.FRAME_SIZES_PX[base]
    return pictures.thumbnail(seed, source, frame, kind, reencoded, video.photograph)


def _headers(content_type: str, etag: str | None) -> Headers:
    validator = () if etag is None else (("ETag", etag),)
    return (
        ("Accept-Ranges", "bytes"),
        ("Content-Type", content_type),
        ("Access-Control-Allow-Origin", "*"),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("Timing-Allow-Origin", "*"),
        ("Server", "sffe"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-XSS-Protection", "0"),
        ("Cache-Control", f"public, max-age={_MAX_AGE_S}"),
        ("Expires", formatdate(time.time() + _MAX_AGE_S, usegmt=True)),
        *validator,
    )


def missing() -> Answer:
    """404 with the grey placeholder."""
    return Answer(404, _headers("image/jpeg", None), pictures.placeholder())


def conditional(sound: Answer, headers: Mapping[str, str], etag: str) -> Answer:
    """304 where If-None-Match names the tag, 206 or 416 where a range is asked for, else *sound*."""
    tags = {tag.strip().removeprefix("W/") for tag in headers.get("If-None-Match", "").split(",")}
    if etag in tags or "*" in tags:
        kept = tuple(pair for pair in sound.headers if pair[0] in ("ETag", "Cache-Control", "Expires", "Server"))
        return Answer(304, kept)
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("Range", ""))
    if not asked or not any(asked.groups()):
        return sound
    total = len(sound.body)
    if asked[1]:
        first, last = int(asked[1]), min(int(asked[2] or total - 1), total - 1)
    else:
        first, last = max(0, total - int(asked[2])), total - 1
    if first > last:
        return Answer(416, (*sound.headers, ("Content-Range", f"bytes */{total}")))
    ranged = (("Content-Range", f"bytes {first}-{last}/{total}"),)
    return replace(sound, status=206, headers=sound.headers + ranged, body=sound.body[first : last + 1])


def sickness(trouble: str, video: Video) -> Answer | None:
    """The answer of an unwell server, for both hosts; None for any other trouble."""
    match trouble:
        case "busy":
            return unwell(429, video.retry_after_s)
        case "busy-html":
            return unwell(429)
        case "error-500" | "error-503":
            return unwell(int(trouble[-3:]))
        case "reset":
            return reset()
    return None


def slowed(answer: Answer, trouble: str, video: Video) -> Answer:
    """*answer* as late or as slow as the film's trouble and settings want it."""
    delay_s = video.delay_s if video.delay_s is not None else 30.0 if trouble == "delay" else 0.0
    delivery = {"drip": Delivery.DRIP_BODY, "drip-head": Delivery.DRIP_HEADERS}.get(trouble, answer.delivery)
    return replace(answer, delay_s=delay_s, delivery=delivery, drip_s=video.drip_s)


def _spoilt(trouble: str, sound: Answer, video: Video, other_host: str) -> Answer | None:
    """The bad answer of a hostile film; None where the answer is sound."""
    match trouble:
        case "wrong-type":
            return sound.with_headers({"Content-Type": "text/html; charset=UTF-8"})
        case "html-body":
            return replace(sound, body=b"<!DOCTYPE html><title>Hello</title><script>alert(1)</script>")
        case "svg-body":
            svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
            return replace(sound, body=svg)
        case "truncated":
            return replace(sound, body=sound.body[: len(sound.body) // 2])
        case "cut":
            return replace(sound, delivery=Delivery.CUT)
        case "megapixels":
            return replace(sound, body=pictures.fifty_megapixels())
        case "one-pixel":
            return replace(sound, body=pictures.one_pixel())
        case "animated":
            return replace(sound, body=pictures.animation()).with_headers({"Content-Type": "image/webp"})
        case "still-webp":
            body = pictures.thumbnail(video.video_id, video.kind.source, (480, 360), "webp", False)
            return replace(sound, body=body).with_headers({"Content-Type": "image/webp"})
        case "too-big":
            return replace(sound, body=sound.body.ljust(_SIX_MB, b"\0"))
        case "endless":
            return replace(sound, delivery=Delivery.ENDLESS)
        case "no-length":
            return replace(sound, delivery=Delivery.UNTIL_CLOSE)
        case "gzip-bomb":
            return replace(sound, body=pictures.gzip_bomb()).with_headers({"Content-Encoding": "gzip"})
        case "redirect":
            return Answer(302, (("Location", f"{other_host}/redirected"), ("Content-Type", "text/html")))
        case "set-cookie":
            cookie = f"VISITOR_INFO1_LIVE={video.video_id}; Path=/; Secure; HttpOnly"
            return sound.with_headers({"Set-Cookie": cookie})
        case "headers":
            return sound.with_headers({f"X-Padding-{n}": "x" * 40 for n in range(300)})
    return None
