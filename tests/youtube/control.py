"""What tests set and read: films, failures, and the record of what was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from . import routes
from .answers import Answer, Delivery, reset, unwell
from .profiles import PROFILES, Video, profile_name_of

Drip = Literal["headers", "body"]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in. *path* includes the query; *time* is Unix time; *secure* means TLS."""

    method: str
    host: str
    path: str
    headers: tuple[tuple[str, str], ...]
    time: float
    secure: bool

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        return next((value for own, value in self.headers if own.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Failure:
    """What is wrong with all of YouTube, or with one *room* of it. Times in seconds."""

    status: int | None = None
    retry_after_s: int | None = None
    delay_s: float = 0.0
    reset: bool = False
    drip: Drip | None = None
    drip_s: float = 0.2
    down: bool = False
    plain_http_refused: bool = False
    only: routes.Room | None = None


class Control:
    """The switches and the record. Safe to use while requests are running."""

    def __init__(self, on_request: Callable[[Request], None] | None = None) -> None:
        self._on_request = on_request
        self.stopping = threading.Event()
        self._lock = threading.RLock()
        self._videos: dict[str, Video] = {}
        self._failure = Failure()
        self._requests: list[Request] = []
        self._connects: list[str] = []
        self._under_way = 0
        self._most_at_once = 0
        self._reports: list[dict[str, Any]] = []

    def set(self, video_id: str, profile: str | None = None, **options: Any) -> Video:
        """Give a video (or playlist) id a profile and options; the fields of Video are the options.
        Raises KeyError for a profile and TypeError for an option that does not exist."""
        name = profile or profile_name_of(video_id)
        if name not in PROFILES:
            raise KeyError(f"no profile {name!r}; there are {', '.join(PROFILES)}")
        with self._lock:
            self._videos[video_id] = Video(video_id, name, **options)
            return self._videos[video_id]

    def change_picture(self, video_id: str) -> None:
        """From now on the film has another picture, with another ETag, under the same URL."""
        with self._lock:
            self._find(video_id).picture += 1

    def reencode(self, video_id: str) -> None:
        """From now on the same picture comes in other bytes, with another ETag."""
        with self._lock:
            self._find(video_id).encoding += 1

    def fail(self, **failure: Any) -> None:
        """Make all of YouTube fail until recover(); the fields of Failure are the options."""
        with self._lock:
            self._failure = Failure(**failure)

    def recover(self) -> None:
        """Be well again."""
        self.fail()

    @property
    def is_down(self) -> bool:
        """Whether no host of YouTube's can be reached."""
        return self._failure.down and self._failure.only is None

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order of arrival."""
        with self._lock:
            return list(self._requests)

    @property
    def connects(self) -> list[str]:
        """Every host:port that a CONNECT asked for, refused ones too."""
        with self._lock:
            return list(self._connects)

    @property
    def reports(self) -> list[dict[str, Any]]:
        """What players have told about themselves: video, event, referrer, state, autoplay."""
        with self._lock:
            return list(self._reports)

    def count(self, path_prefix: str = "/", method: str | None = None) -> int:
        """How many requests had a path that starts so."""
        asked = [request for request in self.requests if method in (None, request.method)]
        return sum(request.path.startswith(path_prefix) for request in asked)

    @property
    def most_at_once(self) -> int:
        """The largest number of requests that were being answered at one moment."""
        return self._most_at_once

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count a request as being answered while the block runs."""
        with self._lock:
            self._under_way += 1
            self._most_at_once = max(self._most_at_once, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def clear(self) -> None:
        """Forget the record; films and failures stay."""
        with self._lock:
            self._most_at_once = 0
            self._requests.clear()
            self._connects.clear()
            self._reports.clear()

    def note_connect(self, authority: str) -> None:
        with self._lock:
            self._connects.append(authority)

    def note_report(self, report: dict[str, Any]) -> None:
        with self._lock:
            self._reports.append(report)

    def answer(self, request: Request) -> Answer:
        """Record the request and decide what to say."""
        with self._lock:
            self._requests.append(request)
            if self._on_request:
                self._on_request(request)
            failure = self._failure
            room = routes.room_of(request.path)
            if failure.only not in (None, room):
                failure = Failure()
            if failure.down or failure.reset:
                return replace(reset(), delay_s=failure.delay_s)
            if failure.status is not None:
                answer = unwell(failure.status, failure.retry_after_s)
            else:
                answer = routes.answer(
                    request.host,
                    request.path,
                    routes.Pairs(request.headers),
                    self._find,
                    secure=request.secure,
                    plain_refused=failure.plain_http_refused,
                )
        if failure.drip:
            slow = Delivery.DRIP_HEADERS if failure.drip == "headers" else Delivery.DRIP_BODY
            answer = replace(answer, delivery=slow, drip_s=failure.drip_s)
        return replace(answer, delay_s=answer.delay_s + failure.delay_s)

    def _find(self, video_id: str) -> Video:
        if video_id not in self._videos:
            self._videos[video_id] = Video(video_id, profile_name_of(video_id))
        return self._videos[video_id]
