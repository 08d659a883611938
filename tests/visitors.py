"""Visitors who look closely: every answer is the right picture of the right video, or our neutral one and honest."""

import hashlib
import http.client
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.youtube import IDS, PROFILES, Video, oembed, thumbnails
from tests.youtube.profiles import profile_name_of
from ytproxy import images
from ytproxy.errors import PictureRefused, UpstreamFailed
from ytproxy.images import Format, Variant
from ytproxy.youtube import LANDSCAPE_NAMES, PORTRAIT_NAMES, VideoId, oembed_path, parse_oembed, thumbnail_path

FILM_OF = "Film of "  # how the titles begin that `name_films` gives
PATIENCE_S = 30  # a miss may wait for another process's look at YouTube
_HONEST = frozenset({200, 403, 404, 429, 502, 503})
_NEVER_AT_ONCE = 10**6


def profiled_videos(count: int) -> list[str]:
    """*count* ids: one or two of every profile of the stand-in, the rest sound landscape films."""
    known = [known_id for name, known_id in IDS.items() if name in PROFILES and name != "impossible"]
    return (known + [f"soak-film{number // 16:01x}{'AEIMQUYcgkosw048'[number % 16]}" for number in range(240)])[:count]


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it came over the wire. The names of *headers* are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(port: int, path: str, *, timeout_s: float = PATIENCE_S) -> Given:
    """One GET on a connection of its own, without following anything. Raises OSError or http.client.HTTPException."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Given(response.status, headers, response.read())
    finally:
        connection.close()


class Truth:
    """What may be said of a video, whatever has happened: worked out from what the stand-in has for that id."""

    def __init__(self) -> None:
        self._right: dict[tuple[str, str], set[bytes]] = {}
        self._left: dict[tuple[str, str], Iterator[bytes]] = {}
        self._lock = threading.Lock()

    def is_right(self, video_id: str, name: str, body: bytes) -> bool:
        """Whether *body* is the picture *name* of this video: "320.jpg", or "vi/mqdefault.jpg" for a name of YouTube's.

        Right is what our pipeline makes of any picture that YouTube has for the video, with its shape known or not.
        """
        key, wanted = (video_id, name), hashlib.sha256(body).digest()
        with self._lock:
            right = self._right.setdefault(key, set())
            left = self._left.setdefault(key, _renderings(video_id, name))
            while wanted not in right:
                rendering = next(left, None)
                if rendering is None:
                    return False
                right.add(hashlib.sha256(rendering).digest())
            return True

    def fault(self, video_id: str, name: str, given: Given) -> str | None:
        """What is wrong with an answer to a request for a picture; None where it is as promised."""
        told = f"{video_id} {name}: {given.status}"
        if given.status not in _HONEST or "location" in given.headers:
            return f"{told} {given.headers.get('location', '')}"
        if given.status == 200:
            return None if self.is_right(video_id, name, given.body) else f"{told} with another picture"
        if given.status == 404 and not may_be_absent(video_id, name):
            return f"{told} although YouTube has it"
        return None if given.body == _neutral(name) else f"{told} without our neutral picture"


def page_fault(video_id: str, given: Given) -> str | None:
    """What is wrong with an answer to a request for a preview page."""
    told = f"page of {video_id}: {given.status}"
    if given.status not in _HONEST or "location" in given.headers:
        return told
    if given.status == 404 and not is_gone(video_id):
        return f"{told} although YouTube has it"
    others = set(re.findall(FILM_OF + r"([\w-]{11})", given.body.decode())) - {video_id}
    return f"{told} with the title of {others}" if others else None


def may_be_absent(video_id: str, name: str) -> bool:
    """Whether 404 is an honest answer for this picture."""
    if name.startswith("portrait-") and profile_name_of(video_id) != "short":
        return True
    return is_gone(video_id) or not any(_sources(video_id, portrait=False))


@cache
def is_gone(video_id: str) -> bool:
    return any(_oembed(video_id, short=short).status in (400, 403, 404) for short in (True, False))


@cache
def _neutral(name: str) -> bytes:
    if name.startswith("vi/"):
        return images.neutral((120, 90), Format.JPEG)
    variant = Variant.parse(name)
    return images.neutral(variant.size_px, variant.format)


def _renderings(video_id: str, name: str) -> Iterator[bytes]:
    """All that may be shown under this name, the likeliest first."""
    is_portrait = name.startswith("portrait-")
    for source in _sources(video_id, portrait=is_portrait):
        for ratio in _ratios(video_id):
            if not name.startswith("vi/"):
                yield images.render(source, Variant.parse(name), ratio=ratio)
            elif body := images.legacy(source, name[len("vi/") : -len(".jpg")], Format.JPEG, ratio=ratio):
                yield body


@cache
def _sources(video_id: str, *, portrait: bool) -> tuple[bytes, ...]:
    """Every picture that YouTube has of the video at one time or another, and that can be used."""
    found: dict[bytes, None] = {}
    for name in (PORTRAIT_NAMES if portrait else ()) + LANDSCAPE_NAMES:
        for after in (0, _NEVER_AT_ONCE):
            path = thumbnail_path(VideoId(video_id), name)
            film = Video(video_id, profile_name_of(video_id), after=after)
            given = thumbnails.answer(path, "", {}, lambda _id, film=film: film, "https://elsewhere.test")
            try:
                if given.status == 200 and images.check_source(given.body):
                    found[given.body] = None
            except PictureRefused:
                continue
    return tuple(found)


@cache
def _ratios(video_id: str) -> tuple[float | None, ...]:
    found: dict[float | None, None] = {}
    for short in (False, True):
        try:
            found[parse_oembed(_oembed(video_id, short=short).body).ratio] = None
        except UpstreamFailed:
            continue
    return (*found, None)


def _oembed(video_id: str, *, short: bool) -> Any:
    query = oembed_path(VideoId(video_id), short=short).partition("?")[2]
    return oembed.answer(query, {}, lambda _id: Video(video_id, profile_name_of(video_id)))


@dataclass
class Record:
    """What visitors have seen. *broken*: connections that ended without an answer."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


@contextmanager
def visiting(
    port: int, videos: Sequence[str], names: Callable[[str], Sequence[str]], *, visitors: int, seed: int = 0
) -> Iterator[Record]:
    """Visitors who ask for pictures and pages of *videos* without a pause while the block runs."""
    record, truth, over = Record(), Truth(), threading.Event()

    def visit(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        while not over.is_set():
            video_id = chance.choice(videos)
            name = chance.choice([*names(video_id), ""])
            path = f"/thumbnail/{video_id}/{name}" if name else f"/embed/{video_id}"
            try:
                given = ask(port, f"/{name[:3]}{video_id}/{name[3:]}" if name.startswith("vi/") else path)
            except (OSError, http.client.HTTPException) as error:
                record.broken.append(f"{path}: {error!r}")
                continue
            record.statuses[given.status] += 1
            fault = truth.fault(video_id, name, given) if name else page_fault(video_id, given)
            if fault:
                record.wrong.append(fault)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(visitors)]
    for thread in threads:
        thread.start()
    try:
        yield record
    finally:
        over.set()
        for thread in threads:
            thread.join()
