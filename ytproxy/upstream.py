"""The only code that talks to YouTube. Every request is a GET of a constant host with a fixed header set.

What YouTube learns: this server's address and a video or playlist id. Nothing of a visitor can get in here,
because nothing of a visitor is a parameter of any function here.
"""

import http.cookiejar
import logging
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ytproxy import __version__
from ytproxy.errors import Absent, Busy, EmbeddingOff, Private, UpstreamFailed
from ytproxy.youtube import OEmbed, PlaylistId, VideoId, oembed_path, parse_oembed, thumbnail_path

THUMBNAILS = "https://i.ytimg.com"
OEMBED = "https://www.youtube.com"

THUMBNAIL_MAX_BYTES = 5_000_000  # a real 1920x1080 JPEG has tens to hundreds of kB
OEMBED_MAX_BYTES = 200_000
DEADLINE_S = 10.0
RETRY_AFTER_CEILING_S = 3_600.0
BACK_OFF_CEILING_S = 300.0
_TROUBLE_BEFORE_BACK_OFF = 3  # one bad answer says little, three in a row say that YouTube is unwell
_STOPPING = "This server is stopping and asks YouTube for nothing more"

_random = random.SystemRandom()
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A file of YouTube's as it came: not yet looked at, at most THUMBNAIL_MAX_BYTES long."""

    body: bytes
    etag: str | None


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    content_type: str
    etag: str | None
    retry_after_s: float | None


class Upstream:
    """YouTube, seen through a narrow window. Safe to use from several threads.

    *inflight* bounds the requests under way; *deadline_s* is all that one call may take, from the queue to the
    last byte. The base URLs exist for tests; `ytproxy.config` has no setting for them.
    """

    def __init__(
        self,
        *,
        thumbnails: str = THUMBNAILS,
        oembed: str = OEMBED,
        proxy: str | None = None,
        ca_file: Path | None = None,
        inflight: int = 8,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._thumbnails = _Host(thumbnails, clock)
        self._oembed = _Host(oembed, clock)
        self._deadline_s = deadline_s
        self._threads = ThreadPoolExecutor(inflight, thread_name_prefix="upstream")
        self._session = _session(proxy, ca_file, inflight, min(deadline_s, 5.0))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    def thumbnail(
        self, video: VideoId, name: str, *, etag: str | None = None, within_s: float = DEADLINE_S
    ) -> Thumbnail | None:
        """The file *name* (without ``.jpg``) of a video; None when *etag* still holds (304).

        *within_s* is what is left of a time that several calls share.

        Raises Absent (YouTube has no such file), UpstreamFailed (anything else that is not a JPEG or WebP file),
        Busy (our own queue took all the time).
        """
        etag = _etag(etag)
        answer = self._get(
            self._thumbnails,
            thumbnail_path(video, name),
            {"Accept": "image/jpeg"} | ({"If-None-Match": etag} if etag else {}),
            THUMBNAIL_MAX_BYTES,
            within_s,
        )
        if answer.status == 304 and etag:
            return None
        if answer.status == 404:
            raise Absent(f"YouTube has no {name} picture of this video")
        if answer.status != 200:
            raise UpstreamFailed(f"YouTube answered a picture request with {answer.status}")
        if answer.content_type not in ("image/jpeg", "image/webp"):
            raise UpstreamFailed("YouTube answered a picture request with something that is not a picture")
        return Thumbnail(answer.body, answer.etag)

    def oembed(self, subject: VideoId | PlaylistId, *, short: bool = False) -> OEmbed:
        """Title, channel and shape. *short*: ask for it as a Short, which is what tells the portrait shape.

        Raises Absent, Private, EmbeddingOff, UpstreamFailed, Busy.
        """
        answer = self._get(
            self._oembed, oembed_path(subject, short=short), {"Accept": "application/json"}, OEMBED_MAX_BYTES
        )
        if answer.status in (400, 404):
            raise Absent("YouTube knows no such video or playlist")
        if answer.status == 401:
            raise EmbeddingOff("The video's owner does not allow it in other pages")
        if answer.status == 403:
            raise Private("The video is private")
        if answer.status != 200:
            raise UpstreamFailed(f"YouTube answered a title request with {answer.status}")
        return parse_oembed(answer.body)

    def _get(
        self, host: "_Host", path: str, headers: dict[str, str], max_bytes: int, within_s: float = DEADLINE_S
    ) -> _Answer:
        host.refuse_while_backing_off()
        call = _Call(self._session, host.base + path, headers, max_bytes)
        try:
            future = self._threads.submit(call.run)
        except RuntimeError:
            raise UpstreamFailed(_STOPPING) from None
        deadline_s = min(self._deadline_s, max(within_s, 0.0))
        try:
            answer = future.result(timeout=deadline_s)
        except TimeoutError:
            if future.cancel():  # it never left our own queue, which says nothing about YouTube
                raise Busy("Too many requests to YouTube are waiting", retry_after_s=deadline_s) from None
            call.abort()
            message = f"YouTube took longer than {deadline_s:g} s"
            raise UpstreamFailed(message, retry_after_s=host.trouble(None)) from None
        except CancelledError:
            raise UpstreamFailed(_STOPPING) from None
        except UpstreamFailed as error:
            raise UpstreamFailed(str(error), retry_after_s=host.trouble(None)) from error
        # The answer for a private video is 403 and one word; when our address is blocked, a page comes with it.
        blocked = answer.status == 429 or (answer.status == 403 and answer.body.strip() != b"Forbidden")
        if blocked or answer.status >= 500:
            wait_s = host.trouble(answer.retry_after_s, at_once=blocked)
            raise UpstreamFailed(f"YouTube answered with {answer.status}", retry_after_s=wait_s)
        host.well()
        return answer


class _Host:
    """One upstream host and how it has been lately: back-off after trouble, growing, with jitter."""

    def __init__(self, base: str, clock: Callable[[], float]) -> None:
        self.base = base
        self._clock = clock
        self._lock = threading.Lock()
        self._troubles = 0
        self._until = 0.0

    def refuse_while_backing_off(self) -> None:
        """Raises UpstreamFailed, with the seconds left, while YouTube is to be left alone."""
        left_s = self._until - self._clock()
        if left_s > 0:
            raise UpstreamFailed("YouTube is unwell and is not being asked for a moment", retry_after_s=left_s)

    def trouble(self, retry_after_s: float | None, *, at_once: bool = False) -> float | None:
        """Takes note of a failure; returns how long YouTube will be left alone, if at all."""
        with self._lock:
            if self._until <= self._clock():  # what was under way when a back-off began says nothing new
                self._troubles += 1
            over = self._troubles - _TROUBLE_BEFORE_BACK_OFF
            wait_s = min(retry_after_s or 0.0, RETRY_AFTER_CEILING_S)
            if at_once or over >= 0:  # a Retry-After of nothing does not lift our own back-off
                own_s = min(2.0 ** min(max(over, 0) + 1, 16), BACK_OFF_CEILING_S) * _random.uniform(0.8, 1.2)
                wait_s = max(wait_s, own_s)
            if not wait_s:
                return None
            self._until = max(self._until, self._clock() + wait_s)
        _log.warning("YouTube (%s) is unwell: not asked for %.0f s", self.base, wait_s)
        return wait_s

    def well(self) -> None:
        with self._lock:
            self._troubles = 0


class _Call:
    """One request on a thread of the pool. `abort` closes its socket from outside: the time-outs of requests
    bound each read, not their sum, so a drip of one header byte a second would never end by itself."""

    def __init__(self, session: requests.Session, url: str, headers: dict[str, str], max_bytes: int) -> None:
        self._session, self._url, self._headers, self._max_bytes = session, url, headers, max_bytes
        self._sock: Any = None
        self._aborted = False

    def run(self) -> _Answer:
        _running.call = self
        try:
            with self._session.get(self._url, headers=self._headers, stream=True, allow_redirects=False) as response:
                return self._read(response)
        except UpstreamFailed:
            raise
        except Exception as error:
            raise UpstreamFailed(f"YouTube cannot be reached ({type(error).__name__})") from error
        finally:
            _running.call = None
            self._sock = None

    def watch(self, sock: Any) -> None:
        """Takes note of the socket in use: http.client forgets it where an answer ends with the connection."""
        self._sock = sock
        if self._aborted:
            raise TimeoutError("the deadline has passed")

    def abort(self) -> None:
        self._aborted = True
        sock = getattr(self._sock, "socket", self._sock)  # within a proxy's TLS, YouTube's is no socket but wraps one
        if sock is not None:
            try:
                # The plain shutdown: that of SSLSocket would take the TLS object from under the reading thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                _log.debug("the connection was closed already")

    def _read(self, response: requests.Response) -> _Answer:
        headers = response.headers
        if 300 <= response.status_code < 400 and response.status_code != 304:
            raise UpstreamFailed("YouTube answered with a redirect, which is never followed")
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UpstreamFailed("YouTube answered with a compressed body, which was not asked for")
        length = headers.get("Content-Length", "0")
        if length.isdecimal() and int(length) > self._max_bytes:
            raise UpstreamFailed("YouTube's answer is too large")
        body = bytearray()
        for chunk in response.iter_content(65_536):
            body += chunk
            if len(body) > self._max_bytes:
                raise UpstreamFailed("YouTube's answer is too large")
        return _Answer(
            response.status_code,
            bytes(body),
            headers.get("Content-Type", "").partition(";")[0].strip().lower(),
            _etag(headers.get("ETag")),
            _retry_after_s(headers.get("Retry-After")),
        )


class _Running(threading.local):
    call: _Call | None = None


_running = _Running()  # the call that this thread is busy with


class _Watched(HTTPConnection):
    """A connection that shows its socket to the running call, so that the call can be aborted."""

    _sock: Any = None

    @property
    def sock(self) -> Any:
        return self._sock

    @sock.setter
    def sock(self, sock: Any) -> None:
        self._sock = sock
        self._show()

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._show()  # a connection that is used again belongs to another call by now
        super().request(*args, **kwargs)

    def _show(self) -> None:
        if _running.call and self._sock is not None:
            _running.call.watch(self._sock)


class _WatchedTLS(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


class _Adapter(HTTPAdapter):
    """requests' adapter on watched connections, without retries, each step bounded by *timeout_s*."""

    def __init__(self, connections: int, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        super().__init__(pool_connections=4, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _watch(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(*args, **kwargs)
        _watch(manager)
        return manager

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        return super().send(request, **(kwargs | {"timeout": self._timeout_s}))


class _Session(requests.Session):
    """Sees no redirects: told not to follow one, requests would still read and unpack its whole body."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        return None


def _watch(manager: urllib3.PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}


def _session(proxy: str | None, ca_file: Path | None, connections: int, timeout_s: float) -> requests.Session:
    session = _Session()
    session.trust_env = False  # no proxy variables, no .netrc, no CA bundle from the environment
    session.proxies = {"http": proxy, "https": proxy} if proxy else {}
    session.verify = str(ca_file) if ca_file else True
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update({"User-Agent": f"ytproxy/{__version__}", "Accept-Encoding": "identity"})
    adapter = _Adapter(connections, timeout_s)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _etag(value: str | None) -> str | None:
    """A validator that is safe to keep and to send back: one, visible ASCII in quotes; else none."""
    return value if value and re.fullmatch(r'(?:W/)?"[!#-~]{1,98}"', value) else None


def _retry_after_s(value: str | None) -> float | None:
    """Seconds from a Retry-After header, a number or an HTTP date; None when it is neither."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        left_s = (parsedate_to_datetime(value).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return max(0.0, left_s)
