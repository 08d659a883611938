"""The WSGI front: a finished answer from memory before Flask is asked. A hit is one look-up of a dictionary."""

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import brotli
from cachetools import LRUCache
from werkzeug.http import parse_accept_header, parse_etags

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KEEP = "ytproxy.keep"  # a view puts a Keep here when its answer is the same for everybody
_OF_A_304 = frozenset(
    {
        "access-control-allow-origin",
        "cache-control",
        "content-encoding",
        "content-security-policy",
        "cross-origin-resource-policy",
        "etag",
        "server",
        "vary",
    }
)


@dataclass(frozen=True, slots=True)
class Keep:
    """How long an answer may be given again, and the id whose purge ends that."""

    life_s: float
    subject: str | None = None


_TEXT = ("text/", "application/json", "image/svg+xml")  # what compression makes smaller; pictures are compressed
_SMALL_BYTES = 400  # less than this fits into the same packet either way


@dataclass(frozen=True, slots=True)
class Finished:
    """An answer with everything done: what a hit sends, and nothing else to compute.

    *brotli* is the same answer for who reads Brotli, where that is worth it.
    """

    status: str
    headers: list[tuple[str, str]]
    headers_304: list[tuple[str, str]]
    body: bytes
    etag: str
    until: float
    subject: str | None
    brotli: "Finished | None" = None


class HotPath:
    """Answers from memory what it can, and asks *app* for the rest.

    *key* names what a request asks for, by everything that its answer depends on; None for what is never kept and
    for whoever is not let in.
    *look* and *still* are those of Previews: nothing that a purge has overtaken is kept or given.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        *,
        key: "Callable[[WSGIEnvironment], Hashable | None]",
        max_bytes: int,
        look: Callable[[], int | None],
        still: Callable[[int | None], bool],
        sub_path: str = "",
    ) -> None:
        self._app = app
        self._key = key
        self._look = look
        self._still = still
        self._sub_path = sub_path
        self._table: LRUCache[Hashable, Finished] = LRUCache(max_bytes, getsizeof=_size_bytes)
        self._lock = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _without_body(environ["REQUEST_METHOD"], start_response)
        environ["PATH_INFO"] = environ["PATH_INFO"] or "/"  # `GET host:1`: Flask would redirect to wherever Host says
        generation = self._look()
        if self._sub_path and environ["PATH_INFO"].startswith(self._sub_path):
            rest = environ["PATH_INFO"][len(self._sub_path) :]
            if not rest:
                return _to_folder(self._sub_path, start_response)
            if rest.startswith("/"):
                environ["SCRIPT_NAME"], environ["PATH_INFO"] = self._sub_path, rest
        key = self._key(environ)
        if key is None:
            return self._app(environ, start_response)
        try:
            with self._lock:
                found = self._table[key]
        except KeyError:
            found = None
        if found is None or found.until < time.monotonic():
            found = self._ask(key, environ, generation)
        if found.brotli and reads_brotli(environ.get("HTTP_ACCEPT_ENCODING", "")[:200]):
            found = found.brotli
        if (tags := environ.get("HTTP_IF_NONE_MATCH")) and found.etag and matches(tags, found.etag):
            start_response("304 Not Modified", found.headers_304)
            return []
        start_response(found.status, found.headers)
        return [found.body] if environ["REQUEST_METHOD"] == "GET" else []

    def forget(self, everything: bool, subjects: frozenset[str]) -> None:
        """Drops the answers about *subjects*, or all that are about any."""
        with self._lock:
            for key, found in list(self._table.items()):
                if found.subject is not None and (everything or found.subject in subjects):
                    del self._table[key]

    def _ask(self, key: Hashable, environ: "WSGIEnvironment", generation: int | None) -> Finished:
        status, headers = "", []

        def start(status_: str, headers_: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = status_, headers_
            return lambda _data: None

        asked = {**environ, "REQUEST_METHOD": "GET"}
        iterable = self._app(asked, start)
        try:
            body = b"".join(iterable)
        finally:
            if hasattr(iterable, "close"):
                iterable.close()
        keep: Keep | None = asked.get(KEEP)
        found = _finished(status, headers, body, keep)
        if keep and len(body) <= self._table.maxsize // 8:
            with self._lock:
                self._table[key] = found
            if not self._still(generation):  # asked after the insertion, so that no purge slips between the two
                with self._lock:
                    self._table.pop(key, None)
        return found


def _finished(status: str, headers: list[tuple[str, str]], body: bytes, keep: Keep | None) -> Finished:
    until, subject = time.monotonic() + (keep.life_s if keep else 0), keep.subject if keep else None
    named = {name.lower(): value for name, value in headers}
    etag = named.get("etag", "") if status.startswith("200") else ""

    def finish(headers: list[tuple[str, str]], body: bytes, etag: str, other: Finished | None = None) -> Finished:
        of_a_304 = [(name, value) for name, value in headers if name.lower() in _OF_A_304]
        return Finished(status, headers, of_a_304, body, etag, until, subject, other)

    if not keep or not etag or len(body) < _SMALL_BYTES or not named["content-type"].startswith(_TEXT):
        return finish(headers, body, etag)
    vary = ", ".join(filter(None, (named.get("vary"), "Accept-Encoding")))
    kept = [(name, value) for name, value in headers if name.lower() not in ("vary", "etag", "content-length")]
    # What is kept for long is a file, made once: it is worth the slowest search. A page is made while somebody waits.
    small = brotli.compress(body, quality=11 if keep.life_s > 3_600 else 5)

    def told(body: bytes, etag: str) -> list[tuple[str, str]]:
        return [*kept, ("Content-Length", str(len(body))), ("ETag", etag), ("Vary", vary)]

    small_etag = f'{etag[:-1]}-br"'
    packed = finish([*told(small, small_etag), ("Content-Encoding", "br")], small, small_etag)
    return finish(told(body, etag), body, etag, packed)


def _size_bytes(found: Finished) -> int:
    return len(found.body) + 2_000 + (len(found.brotli.body) + 2_000 if found.brotli else 0)


@lru_cache(maxsize=256)
def reads_brotli(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header asks for Brotli; "*" alone is what scripts send without meaning it."""
    return any(coding.lower() == "br" and quality > 0 for coding, quality in parse_accept_header(accept_encoding))


def matches(if_none_match: str, etag: str) -> bool:
    """Whether an If-None-Match list, weak tags and ``*`` included, holds the strong *etag* (RFC 9110, 13.1.2)."""
    # Browsers send what they were told: reading it as a list would cost more than all the rest of a hit.
    return if_none_match == etag or parse_etags(if_none_match).contains_weak(etag.strip('"'))


def _to_folder(sub_path: str, start_response: "StartResponse") -> Iterable[bytes]:
    """``/yt`` is meant as ``/yt/``; relative, so that it stays on whichever host was asked."""
    location = sub_path.rpartition("/")[2] + "/"
    start_response("308 Permanent Redirect", [("Location", location), ("Content-Length", "0"), ("Server", "ytproxy")])
    return []


def _without_body(method: str, start_response: "StartResponse") -> Iterable[bytes]:
    status = "204 No Content" if method == "OPTIONS" else "405 Method Not Allowed"
    headers = [("Allow", "GET, HEAD, OPTIONS"), ("Server", "ytproxy")]
    if method != "OPTIONS":
        headers += [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "0")]
    start_response(status, headers)
    return []
