"""What YouTube hears from us, and what we make of its answers, good, bad and endless."""

import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from email.utils import formatdate
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Self

import pytest
import trustme

from tests.conftest import Clock
from tests.youtube import IDS, FakeYouTube
from tests.youtube.pictures import gzip_bomb
from ytproxy import __version__
from ytproxy.errors import Absent, Busy, EmbeddingOff, InvalidVideoId, Private, Unavailable, UpstreamFailed
from ytproxy.upstream import (
    BACK_OFF_CEILING_S,
    OEMBED,
    RETRY_AFTER_CEILING_S,
    THUMBNAIL_MAX_BYTES,
    THUMBNAILS,
    Thumbnail,
    Upstream,
)
from ytproxy.youtube import OEmbed, PlaylistId, VideoId

VIDEO = VideoId(IDS["landscape"])
PATIENT_S = 30.0
SHORT_S = 1.0
FOREVER_S = 3_600.0

MakeUpstream = Callable[..., Upstream]
Say = Callable[[socket.socket, bytes], None]


class Wire:
    """A server of one idea: it hears a request's head and then does what *say* does with the connection."""

    def __init__(self, say: Say, tls: SSLContext | None = None) -> None:
        self.asked: list[bytes] = []
        self._say, self._tls = say, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for wire in (self._listener, *self._open):
            with suppress(OSError):
                socket.socket.shutdown(wire, socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    part = connection.recv(4096)
                    if not part:
                        return
                    head += part
                self.asked.append(head)
                self._say(connection, head)


def saying(answer: bytes) -> Say:
    return lambda wire, head: wire.sendall(answer)


def endlessly(start: bytes, more: bytes) -> Say:
    """Says *start* and then *more*, for as long as anybody listens."""

    def say(wire: socket.socket, head: bytes) -> None:
        wire.sendall(start)
        while True:
            wire.sendall(more)

    return say


def slowly(start: bytes, more: bytes = b"") -> Say:
    """Says *start* and then one byte of *more* after the other, or nothing, without an end."""

    def say(wire: socket.socket, head: bytes) -> None:
        wire.sendall(start)
        while True:
            wire.sendall(more)
            time.sleep(0.05)

    return say


def http(status: str, *headers: str, body: bytes = b"") -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers))
    return head.encode("latin-1") + b"\r\n\r\n" + body


def picture(*headers: str) -> bytes:
    return http("200 OK", "Content-Type: image/jpeg", *headers, body=b"a picture")


def forwarding_to(port: int) -> Say:
    """Passes everything on to a port of 127.0.0.1 and back."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(65_536):
                sink.sendall(part)

    def say(wire: socket.socket, head: bytes) -> None:
        with socket.create_connection(("127.0.0.1", port)) as other:
            other.sendall(head)
            threading.Thread(target=pump, args=(other, wire), daemon=True).start()
            pump(wire, other)

    return say


def connect_proxy(tls: SSLContext) -> Say:
    """Agrees to every CONNECT and then speaks TLS itself, as one who listens in."""

    def say(wire: socket.socket, head: bytes) -> None:
        wire.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with tls.wrap_socket(wire, server_side=True) as inner:
            inner.recv(4096)
            inner.sendall(picture())

    return say


def certificate(authority: trustme.CA, *names: str) -> SSLContext:
    context = SSLContext(PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture
def make_upstream(youtube: FakeYouTube, upstream_clock: Clock) -> Iterator[MakeUpstream]:
    """Makes Upstreams of the stand-in; with a proxy, of YouTube's real names."""
    made: list[Upstream] = []

    def make(**options: object) -> Upstream:
        bases = {} if "proxy" in options else {"thumbnails": youtube.base_url, "oembed": youtube.base_url}
        made.append(Upstream(**({"deadline_s": PATIENT_S, "clock": upstream_clock} | bases | options)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for upstream in made:
        upstream.close()


@pytest.fixture
def wires() -> Iterator[Callable[..., Wire]]:
    with ExitStack() as stack:
        yield lambda say, tls=None: stack.enter_context(Wire(say, tls))


def peak_bytes(work: Callable[[], object]) -> int:
    """The most memory that Python held at one moment of *work*, above what it held before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def fails(upstream: Upstream, match: str | None = None, video: VideoId = VIDEO) -> UpstreamFailed:
    """Asks for a picture and returns the failure."""
    with pytest.raises(UpstreamFailed, match=match) as caught:
        upstream.thumbnail(video, "hqdefault")
    return caught.value


# Every profile of the stand-in has one defined outcome.

SLOW = {"delay", "drip", "drip-head"}
SICK: dict[str, tuple[type[Exception], str]] = {
    "busy": (UpstreamFailed, "answered with 429"),
    "busy-html": (UpstreamFailed, "answered with 429"),
    "error-500": (UpstreamFailed, "answered with 500"),
    "error-503": (UpstreamFailed, "answered with 503"),
    "reset": (UpstreamFailed, "cannot be reached"),
    **dict.fromkeys(SLOW, (UpstreamFailed, f"took longer than {SHORT_S:g} s|cannot be reached")),
}
NO_THUMBNAIL: dict[str, tuple[type[Exception], str]] = SICK | {
    "private": (Absent, "no hqdefault picture"),
    "absent": (Absent, "no hqdefault picture"),
    "wrong-type": (UpstreamFailed, "not a picture"),
    "cut": (UpstreamFailed, "cannot be reached"),
    "too-big": (UpstreamFailed, "too large"),
    "endless": (UpstreamFailed, "too large"),
    "gzip-bomb": (UpstreamFailed, "compressed"),
    "redirect": (UpstreamFailed, "redirect"),
    "headers": (UpstreamFailed, "cannot be reached"),
}
NO_OEMBED: dict[str, tuple[type[Exception], str]] = SICK | {
    "no-embed": (EmbeddingOff, "owner"),
    "private": (Private, "private"),
    "deleted": (Absent, "no such video"),
    "absent": (Absent, "no such video"),
    "no-playlist": (Absent, "no such video or playlist"),
    "forbidden": (UpstreamFailed, "not JSON"),
    "busy-200": (UpstreamFailed, "not JSON"),
    "not-utf8": (UpstreamFailed, "not JSON"),
    "deep": (UpstreamFailed, "too large"),
    "big-json": (UpstreamFailed, "too large"),
}
PLAYLISTS = {"playlist", "no-playlist"}
VIDEOS = sorted(set(IDS) - PLAYLISTS - {"impossible"})


@pytest.mark.parametrize("profile", VIDEOS)
def test_a_request_for_any_kind_of_thumbnail_has_a_defined_outcome(make_upstream: MakeUpstream, profile: str) -> None:
    upstream = make_upstream(deadline_s=SHORT_S if profile in SLOW else PATIENT_S)
    video = VideoId(IDS[profile])
    if profile in NO_THUMBNAIL:
        kind, message = NO_THUMBNAIL[profile]
        with pytest.raises(kind, match=message):
            upstream.thumbnail(video, "hqdefault")
    else:
        thumbnail = upstream.thumbnail(video, "hqdefault")
        assert isinstance(thumbnail, Thumbnail)
        assert 0 < len(thumbnail.body) <= THUMBNAIL_MAX_BYTES


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("profile", [*VIDEOS, *sorted(PLAYLISTS)])
def test_a_request_for_any_kind_of_title_has_a_defined_outcome(
    make_upstream: MakeUpstream, profile: str, short: bool
) -> None:
    upstream = make_upstream(deadline_s=SHORT_S if profile in SLOW else PATIENT_S)
    subject = PlaylistId(IDS[profile]) if profile in PLAYLISTS else VideoId(IDS[profile])
    if profile in NO_OEMBED:
        kind, message = NO_OEMBED[profile]
        with pytest.raises(kind, match=message):
            upstream.oembed(subject, short=short)
    else:
        assert isinstance(upstream.oembed(subject, short=short), OEmbed)


def test_an_impossible_id_cannot_even_be_asked_for() -> None:
    with pytest.raises(InvalidVideoId):
        VideoId(IDS["impossible"])


def test_a_short_tells_its_true_shape_only_when_asked_as_one(make_upstream: MakeUpstream, youtube: FakeYouTube) -> None:
    youtube.set(IDS["short"], short_by_url=True)
    video = VideoId(IDS["short"])
    asked_as = {short: make_upstream().oembed(video, short=short) for short in (False, True)}
    assert asked_as[False].width > asked_as[False].height
    assert asked_as[True].width < asked_as[True].height


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial Content", "304 Not Modified", "401 No", "410 Gone"])
def test_an_answer_that_is_neither_a_picture_nor_absence_is_a_failure(
    make_upstream: MakeUpstream, wires: Callable[..., Wire], status: str
) -> None:
    base = wires(saying(http(status, "Content-Type: image/jpeg"))).url
    fails(make_upstream(thumbnails=base), f"answered a picture request with {status[:3]}")


def test_something_that_is_not_http_is_a_failure(make_upstream: MakeUpstream, wires: Callable[..., Wire]) -> None:
    base = wires(saying(b"220 mail.example ESMTP\r\n")).url
    fails(make_upstream(thumbnails=base), "cannot be reached")


def test_youtube_out_of_reach_is_a_failure(make_upstream: MakeUpstream) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        fails(make_upstream(thumbnails=f"http://127.0.0.1:{taken.getsockname()[1]}"), "cannot be reached")


def test_a_title_nested_too_deeply_to_read_is_a_failure(
    make_upstream: MakeUpstream, wires: Callable[..., Wire]
) -> None:
    deep = b'{"type":"video","html":' + b"[" * 90_000 + b"]" * 90_000 + b"}"
    with pytest.raises(UpstreamFailed, match="not JSON"):
        make_upstream(oembed=wires(saying(http("200 OK", body=deep))).url).oembed(VIDEO)


# What we say


def test_a_thumbnail_request_is_exactly_this(make_upstream: MakeUpstream, wires: Callable[..., Wire]) -> None:
    wire = wires(saying(picture()))
    make_upstream(thumbnails=wire.url).thumbnail(VIDEO, "maxresdefault")
    assert wire.asked[0].decode().splitlines() == [
        "GET /vi/landscapeH0/maxresdefault.jpg HTTP/1.1",
        f"Host: {wire.url.removeprefix('http://')}",
        f"User-Agent: ytproxy/{__version__}",
        "Accept-Encoding: identity",
        "Accept: image/jpeg",
        "",
    ]


def test_a_title_request_is_exactly_this(make_upstream: MakeUpstream, wires: Callable[..., Wire]) -> None:
    wire = wires(saying(http("404 Not Found")))
    with pytest.raises(Absent):
        make_upstream(oembed=wire.url).oembed(VIDEO)
    assert wire.asked[0].decode().splitlines() == [
        "GET /oembed?format=json&url=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3DlandscapeH0 HTTP/1.1",
        f"Host: {wire.url.removeprefix('http://')}",
        f"User-Agent: ytproxy/{__version__}",
        "Accept-Encoding: identity",
        "Accept: application/json",
        "",
    ]


def test_two_requests_for_one_thing_are_the_same_to_the_letter_whatever_came_before(
    make_upstream: MakeUpstream, youtube: FakeYouTube
) -> None:
    upstream = make_upstream(proxy=youtube.proxy_url, ca_file=Path(youtube.ca_file))
    cookie_setter = VideoId(IDS["set-cookie"])
    upstream.thumbnail(cookie_setter, "hqdefault")
    fails(upstream, "redirect", VideoId(IDS["redirect"]))
    upstream.oembed(cookie_setter)
    upstream.thumbnail(cookie_setter, "hqdefault")
    first, last = (r for r in youtube.requests if r.path == f"/vi/{cookie_setter.text}/hqdefault.jpg")
    assert first.headers == last.headers


def test_no_request_has_a_cookie_or_a_referrer_and_no_thumbnail_request_a_query(
    make_upstream: MakeUpstream, youtube: FakeYouTube
) -> None:
    upstream = make_upstream(deadline_s=SHORT_S)
    for profile in ("set-cookie", "set-cookie", "redirect", "landscape", "short"):
        with suppress(UpstreamFailed):
            upstream.thumbnail(VideoId(IDS[profile]), "hqdefault")
        upstream.oembed(VideoId(IDS[profile]), short=True)
    assert len(youtube.requests) == 10
    for request in youtube.requests:
        names = {name.lower() for name, _ in request.headers}
        assert names == {"host", "user-agent", "accept-encoding", "accept"}
        assert request.path.startswith("/oembed?") or "?" not in request.path


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent", "300 Many"]
)
def test_a_redirect_is_never_followed(make_upstream: MakeUpstream, wires: Callable[..., Wire], status: str) -> None:
    elsewhere = wires(saying(picture()))
    base = wires(saying(http(status, f"Location: {elsewhere.url}/picture.jpg", "Content-Type: image/jpeg"))).url
    fails(make_upstream(thumbnails=base), "redirect, which is never followed")
    with pytest.raises(UpstreamFailed, match="redirect, which is never followed"):
        make_upstream(oembed=base).oembed(VIDEO)
    assert elsewhere.asked == []


def test_proxy_variables_a_netrc_and_other_authorities_in_the_environment_have_no_effect(
    make_upstream: MakeUpstream,
    wires: Callable[..., Wire],
    youtube: FakeYouTube,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = wires(saying(http("502 Bad Gateway")))
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv(name.lower(), proxy.url)
    upstream = make_upstream()
    upstream.thumbnail(VIDEO, "hqdefault")
    upstream.oembed(VIDEO)
    assert proxy.asked == []
    assert all(request.header("Authorization") is None for request in youtube.requests)

    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, youtube.ca_file)
    fails(make_upstream(proxy=youtube.proxy_url), "SSLError")


# Through a proxy, with TLS


def test_thumbnails_and_titles_come_through_a_proxy_under_youtubes_own_names(
    make_upstream: MakeUpstream, youtube: FakeYouTube
) -> None:
    upstream = make_upstream(proxy=youtube.proxy_url, ca_file=Path(youtube.ca_file))
    assert upstream.thumbnail(VIDEO, "hqdefault")
    assert upstream.oembed(VIDEO).title
    assert youtube.connects == ["i.ytimg.com:443", "www.youtube.com:443"]
    assert [(request.host, request.secure) for request in youtube.requests] == [
        ("i.ytimg.com", True),
        ("www.youtube.com", True),
    ]
    assert (THUMBNAILS, OEMBED) == ("https://i.ytimg.com", "https://www.youtube.com")


def test_a_proxy_hears_only_where_to_connect(
    make_upstream: MakeUpstream, youtube: FakeYouTube, wires: Callable[..., Wire]
) -> None:
    proxy = wires(forwarding_to(youtube.port))
    make_upstream(proxy=proxy.url, ca_file=Path(youtube.ca_file)).thumbnail(VIDEO, "hqdefault")
    heard = proxy.asked[0].decode().splitlines()
    assert heard[0].startswith("CONNECT i.ytimg.com:443 HTTP/1.")
    assert {line.partition(":")[0] for line in heard[1:] if line} <= {"Host"}


def test_a_proxy_may_itself_speak_tls(
    make_upstream: MakeUpstream, youtube: FakeYouTube, wires: Callable[..., Wire]
) -> None:
    proxy = wires(forwarding_to(youtube.port), youtube.tls)
    upstream = make_upstream(proxy=proxy.url, ca_file=Path(youtube.ca_file))
    assert upstream.thumbnail(VIDEO, "hqdefault")
    assert len(proxy.asked) == 1


def test_a_certificate_of_an_unknown_authority_is_a_failure(
    make_upstream: MakeUpstream, youtube: FakeYouTube, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    for ca_file in (None, other):
        upstream = make_upstream(proxy=youtube.proxy_url, ca_file=ca_file)
        fails(upstream, "SSLError")
        with pytest.raises(UpstreamFailed, match="SSLError"):
            upstream.oembed(VIDEO)
    assert youtube.requests == []


@pytest.mark.parametrize(("name", "accepted"), [("i.ytimg.com", True), ("i.ytimg.com.attacker.example", False)])
def test_a_certificate_for_another_name_is_a_failure(
    make_upstream: MakeUpstream, wires: Callable[..., Wire], tmp_path: Path, name: str, accepted: bool
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    proxy = wires(connect_proxy(certificate(authority, name)))
    upstream = make_upstream(proxy=proxy.url, ca_file=tmp_path / "ca.pem")
    if accepted:
        assert upstream.thumbnail(VIDEO, "hqdefault")
    else:
        fails(upstream, "SSLError")


def test_a_file_of_authorities_that_is_none_is_a_failure(
    make_upstream: MakeUpstream, youtube: FakeYouTube, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    fails(make_upstream(proxy=youtube.proxy_url, ca_file=tmp_path / "ca.pem"), "cannot be reached")


# Memory

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
ENDLESS: dict[str, Say] = {
    "body": endlessly(HEAD + b"\r\n", bytes(65_536)),
    "body of a refusal": endlessly(b"HTTP/1.1 404 Not Found\r\n\r\n", bytes(65_536)),
    "body of an error": endlessly(b"HTTP/1.1 500 Error\r\n\r\n", bytes(65_536)),
    "body of a redirect": endlessly(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n", bytes(65_536)),
    "status line": endlessly(b"HTTP/1.1 200 ", b"O" * 65_536),
    "headers": endlessly(HEAD, b"X-More: more\r\n" * 4_096),
    "header": endlessly(HEAD + b"X-More: ", b"more" * 16_384),
    "continue answers": endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000),
    "chunks": endlessly(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + bytes(65_536) + b"\r\n"),
    "chunk's length": endlessly(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1" * 65_536),
    "trailer": endlessly(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-More: ", b"more" * 16_384),
}


@pytest.mark.parametrize("part", ENDLESS)
def test_an_endless_part_of_an_answer_takes_a_bounded_amount_of_memory(
    make_upstream: MakeUpstream, wires: Callable[..., Wire], part: str
) -> None:
    upstream = make_upstream(thumbnails=wires(ENDLESS[part]).url, deadline_s=2 * SHORT_S)
    peak = peak_bytes(lambda: fails(upstream))
    assert peak < 5 * THUMBNAIL_MAX_BYTES


@pytest.mark.parametrize("kind", ["gzip-bomb", "too-big", "endless"])
def test_a_hostile_picture_takes_a_bounded_amount_of_memory(make_upstream: MakeUpstream, kind: str) -> None:
    gzip_bomb()
    upstream = make_upstream()
    assert peak_bytes(lambda: fails(upstream, video=VideoId(IDS[kind]))) < 6 * THUMBNAIL_MAX_BYTES


def test_a_redirect_is_not_unpacked(make_upstream: MakeUpstream, wires: Callable[..., Wire]) -> None:
    bomb = http("302 Found", "Location: /elsewhere", "Content-Encoding: gzip", body=gzip_bomb())
    upstream = make_upstream(thumbnails=wires(saying(bomb)).url)
    assert peak_bytes(lambda: fails(upstream, "redirect")) < 5 * THUMBNAIL_MAX_BYTES


@pytest.mark.parametrize(("size_bytes", "accepted"), [(THUMBNAIL_MAX_BYTES, True), (THUMBNAIL_MAX_BYTES + 1, False)])
@pytest.mark.parametrize("framing", ["Content-Length: {}", "Connection: close"])
def test_a_picture_may_be_as_large_as_the_bound_and_no_larger(
    make_upstream: MakeUpstream, wires: Callable[..., Wire], size_bytes: int, accepted: bool, framing: str
) -> None:
    answer = HEAD + framing.format(size_bytes).encode() + b"\r\n\r\n" + bytes(size_bytes)
    upstream = make_upstream(thumbnails=wires(saying(answer)).url)
    if accepted:
        thumbnail = upstream.thumbnail(VIDEO, "hqdefault")
        assert thumbnail
        assert len(thumbnail.body) == size_bytes
    else:
        fails(upstream, "too large")


def test_a_picture_that_says_it_is_too_large_is_not_waited_for(
    make_upstream: MakeUpstream, wires: Callable[..., Wire]
) -> None:
    wire = wires(slowly(HEAD + f"Content-Length: {THUMBNAIL_MAX_BYTES + 1}\r\n\r\n".encode()))
    fails(make_upstream(thumbnails=wire.url), "too large")


# The deadline

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
STUCK: dict[str, Say] = {
    "silence": slowly(b""),
    "a drip of the status line": slowly(b"HTTP/1.1 200 ", b"O"),
    "a drip of a header": slowly(HEAD + b"X-More: ", b"m"),
    "a drip of the body": slowly(HEAD + b"\r\n", b"b"),
    "a drip of a body that says it is the last": slowly(HEAD + b"Connection: close\r\n\r\n", b"b"),
    "a drip of a chunk": slowly(HEAD + CHUNKED + b"ffff\r\n", b"b"),
    "a body that stops": slowly(HEAD + b"Content-Length: 9\r\n\r\nfour"),
    "continue answers": slowly(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("how", STUCK)
def test_a_stuck_request_ends_at_the_deadline_and_frees_its_place(
    make_upstream: MakeUpstream, wires: Callable[..., Wire], youtube: FakeYouTube, how: str
) -> None:
    upstream = make_upstream(thumbnails=wires(STUCK[how]).url, inflight=1, deadline_s=SHORT_S)
    fails(upstream, "took longer than 1 s|cannot be reached")
    assert upstream.oembed(VIDEO).title


def test_a_request_that_gets_stuck_on_a_connection_used_before_frees_its_place(
    make_upstream: MakeUpstream, youtube: FakeYouTube
) -> None:
    upstream = make_upstream(inflight=1, deadline_s=2 * SHORT_S)
    upstream.thumbnail(VIDEO, "hqdefault")
    youtube.fail(drip="headers", drip_s=0.05, only="thumbnails")
    fails(upstream, "took longer than 2 s|cannot be reached")
    assert upstream.oembed(VIDEO).title


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\nX-More: ", b"HTTP/1.1 200 Connection established\r\n\r\n"]
)
@pytest.mark.parametrize("more", [b"", b"x"])
def test_a_stuck_proxy_ends_at_the_deadline(
    make_upstream: MakeUpstream, wires: Callable[..., Wire], start: bytes, more: bytes
) -> None:
    proxy = wires(slowly(start, more))
    fails(make_upstream(proxy=proxy.url, deadline_s=SHORT_S), "took longer than 1 s|cannot be reached")
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("drip", ["headers", "body"])
@pytest.mark.parametrize("proxy_tls", [False, True])
def test_a_drip_within_tls_ends_at_the_deadline_and_frees_its_place(
    make_upstream: MakeUpstream, youtube: FakeYouTube, wires: Callable[..., Wire], drip: str, proxy_tls: bool
) -> None:
    proxy = wires(forwarding_to(youtube.port), youtube.tls if proxy_tls else None)
    upstream = make_upstream(proxy=proxy.url, ca_file=Path(youtube.ca_file), inflight=1, deadline_s=2 * SHORT_S)
    youtube.fail(drip=drip, drip_s=0.05, only="thumbnails")
    fails(upstream, "took longer than 2 s|cannot be reached")
    assert upstream.oembed(VIDEO).title


def test_requests_that_wait_for_a_place_end_at_their_deadline_and_leave_nothing_behind(
    make_upstream: MakeUpstream, wires: Callable[..., Wire]
) -> None:
    upstream = make_upstream(thumbnails=wires(slowly(HEAD, b"x")).url, inflight=1, deadline_s=SHORT_S)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(upstream.thumbnail, VIDEO, "hqdefault") for _ in range(4)]
        outcomes = [type(call.exception()) for call in asked]
    assert UpstreamFailed in outcomes
    assert set(outcomes) <= {UpstreamFailed, Busy}
    assert upstream.oembed(VIDEO).title


def test_a_request_that_finds_no_place_in_time_is_never_sent_and_says_nothing_of_youtube(
    make_upstream: MakeUpstream, wires: Callable[..., Wire]
) -> None:
    heard, released = threading.Event(), threading.Event()

    def say(wire: socket.socket, head: bytes) -> None:
        heard.set()
        released.wait(PATIENT_S)
        wire.sendall(picture())

    wire = wires(say)
    upstream = make_upstream(thumbnails=wire.url, inflight=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(upstream.thumbnail, VIDEO, "hqdefault")
        heard.wait(PATIENT_S)
        for _ in range(4):
            with pytest.raises(Busy, match="waiting") as caught:
                upstream.thumbnail(VIDEO, "hqdefault", within_s=0.1)
            assert caught.value.retry_after_s == 0.1
        released.set()
        assert first.result()
    assert upstream.thumbnail(VIDEO, "hqdefault")
    assert len(wire.asked) == 2


def test_what_is_left_of_a_shared_time_shortens_the_deadline(
    make_upstream: MakeUpstream, wires: Callable[..., Wire]
) -> None:
    upstream = make_upstream(thumbnails=wires(slowly(HEAD, b"x")).url)
    with pytest.raises(UpstreamFailed, match=r"took longer than 0\.5 s"):
        upstream.thumbnail(VIDEO, "hqdefault", within_s=0.5)


def test_no_more_requests_are_under_way_than_allowed(make_upstream: MakeUpstream, youtube: FakeYouTube) -> None:
    upstream = make_upstream(inflight=3)
    upstream.thumbnail(VIDEO, "hqdefault")
    youtube.fail(delay_s=0.5)
    with ThreadPoolExecutor(9) as pool:
        asked = [pool.submit(upstream.thumbnail, VIDEO, "hqdefault") for _ in range(5)]
        asked_too = [pool.submit(upstream.oembed, VIDEO) for _ in range(4)]
        assert all([call.result() for call in asked] + [call.result() for call in asked_too])
    assert youtube.most_at_once == 3


def test_connections_are_used_again(make_upstream: MakeUpstream, youtube: FakeYouTube) -> None:
    upstream = make_upstream(proxy=youtube.proxy_url, ca_file=Path(youtube.ca_file))
    for name in ("maxresdefault", "sddefault", "hqdefault"):
        upstream.thumbnail(VIDEO, name)
    assert youtube.connects == ["i.ytimg.com:443"]


def test_once_closed_it_asks_for_nothing_and_says_so(
    make_upstream: MakeUpstream, wires: Callable[..., Wire], youtube: FakeYouTube
) -> None:
    heard = threading.Event()

    def say(wire: socket.socket, head: bytes) -> None:
        heard.set()
        wire.recv(1)

    upstream = make_upstream(thumbnails=wires(say).url, inflight=1, deadline_s=2 * SHORT_S)
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(fails, upstream, "longer|reached")
        heard.wait(PATIENT_S)
        waiting = pool.submit(fails, upstream, "stopping|longer")
        upstream.close()
        running.result()
        waiting.result()
    fails(upstream, "stopping")
    assert youtube.requests == []


# Backing off


def retry_after(
    make_upstream: MakeUpstream, wires: Callable[..., Wire], value: str, status: str = "503 Unwell"
) -> float | None:
    answer = http(status, f"Retry-After: {value}")
    return fails(make_upstream(thumbnails=wires(saying(answer)).url)).retry_after_s


@pytest.mark.parametrize("status", ["429 Too Many", "500 Error", "503 Unwell"])
@pytest.mark.parametrize(("value", "seconds"), [("120", 120), (" 7 ", 7), ("99999999999999", RETRY_AFTER_CEILING_S)])
def test_retry_after_in_seconds_is_honoured_up_to_a_ceiling(
    make_upstream: MakeUpstream, wires: Callable[..., Wire], status: str, value: str, seconds: float
) -> None:
    assert retry_after(make_upstream, wires, value, status) == seconds


def test_retry_after_as_a_date_is_honoured_up_to_a_ceiling(
    make_upstream: MakeUpstream, wires: Callable[..., Wire]
) -> None:
    soon = retry_after(make_upstream, wires, formatdate(time.time() + 1_000, usegmt=True))
    assert soon is not None
    assert 500 < soon <= 1_000
    assert retry_after(make_upstream, wires, formatdate(time.time() + 1e6, usegmt=True)) == RETRY_AFTER_CEILING_S


@pytest.mark.parametrize(
    "value",
    [
        *("", "soon", "-5", "1e9", "²", "0", "x" * 9_000),
        *("Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 99 Foo 2030 00:00:00 GMT", formatdate(0, usegmt=True)),
    ],
)
def test_a_retry_after_that_means_nothing_does_not_lift_the_back_off_of_a_block(
    make_upstream: MakeUpstream, wires: Callable[..., Wire], value: str
) -> None:
    wait_s = retry_after(make_upstream, wires, value, "429 Too Many")
    assert wait_s is not None
    assert 1 < wait_s < 3
    assert retry_after(make_upstream, wires, value) is None


def test_while_youtube_is_to_be_left_alone_it_is_not_asked(
    make_upstream: MakeUpstream, youtube: FakeYouTube, upstream_clock: Clock
) -> None:
    upstream = make_upstream()
    youtube.fail(status=429, retry_after_s=100)
    assert fails(upstream, "429").retry_after_s == 100
    youtube.recover()
    upstream_clock.pass_s(40)
    assert fails(upstream, "not being asked").retry_after_s == 60
    upstream_clock.pass_s(59.9)
    fails(upstream, "not being asked")
    assert youtube.count("/vi/") == 1
    upstream_clock.pass_s(0.2)
    assert upstream.thumbnail(VIDEO, "hqdefault")
    assert youtube.count("/vi/") == 2


def test_too_many_requests_without_a_time_backs_off_at_once(make_upstream: MakeUpstream, youtube: FakeYouTube) -> None:
    upstream = make_upstream()
    assert fails(upstream, "429", VideoId(IDS["busy-html"])).retry_after_s
    fails(upstream, "not being asked")
    assert youtube.count("/vi/") == 1


@pytest.mark.parametrize(
    "trouble", [{"status": 500}, {"status": 503}, {"reset": True}, {"down": True}], ids=lambda trouble: str(trouble)
)
def test_the_third_failure_in_a_row_backs_off(
    make_upstream: MakeUpstream, youtube: FakeYouTube, trouble: dict[str, object]
) -> None:
    upstream = make_upstream()
    youtube.fail(**trouble)
    assert [fails(upstream).retry_after_s for _ in range(2)] == [None, None]
    assert fails(upstream, "answered with|cannot be reached").retry_after_s
    assert youtube.count("/vi/") == 3
    fails(upstream, "not being asked")
    assert youtube.count("/vi/") == 3


def test_the_back_off_grows_to_a_ceiling_and_a_good_answer_ends_it(
    make_upstream: MakeUpstream, youtube: FakeYouTube, upstream_clock: Clock
) -> None:
    upstream = make_upstream()
    youtube.fail(status=500)
    waits_s = [fails(upstream).retry_after_s for _ in range(3)][2:]
    for _ in range(12):
        upstream_clock.pass_s(waits_s[-1] or FOREVER_S)
        waits_s.append(fails(upstream, "answered with 500").retry_after_s)
    seconds = [wait_s for wait_s in waits_s if wait_s]
    assert seconds[:7] == sorted(seconds[:7])
    assert seconds[0] < 3
    assert 0.7 * BACK_OFF_CEILING_S < min(seconds[8:]) <= max(seconds) < 1.3 * BACK_OFF_CEILING_S

    youtube.recover()
    upstream_clock.pass_s(2 * BACK_OFF_CEILING_S)
    assert upstream.thumbnail(VIDEO, "hqdefault")
    youtube.fail(status=500)
    assert fails(upstream, "500").retry_after_s is None


def test_failures_between_good_answers_never_back_off(make_upstream: MakeUpstream) -> None:
    upstream = make_upstream()
    for _ in range(4):
        assert fails(upstream, "500", VideoId(IDS["error-500"])).retry_after_s is None
        assert fails(upstream, "503", VideoId(IDS["error-503"])).retry_after_s is None
        assert upstream.thumbnail(VIDEO, "hqdefault")


def test_many_requests_that_fail_together_count_as_the_failure_of_one_moment(
    make_upstream: MakeUpstream, youtube: FakeYouTube
) -> None:
    upstream = make_upstream(inflight=16)
    youtube.fail(status=500, delay_s=0.5)
    with ThreadPoolExecutor(16) as pool:
        waits_s = [call.result().retry_after_s for call in [pool.submit(fails, upstream) for _ in range(16)]]
    assert max(wait_s or 0 for wait_s in waits_s) < 3


def test_one_host_that_is_unwell_does_not_stop_the_other(make_upstream: MakeUpstream, youtube: FakeYouTube) -> None:
    upstream = make_upstream()
    youtube.fail(status=429, only="thumbnails")
    fails(upstream, "429")
    fails(upstream, "not being asked")
    assert upstream.oembed(VIDEO).title


def test_a_page_that_comes_with_a_refusal_means_that_we_are_blocked(
    make_upstream: MakeUpstream, wires: Callable[..., Wire]
) -> None:
    wire = wires(saying(http("403 Forbidden", body=b"<h1>Unusual traffic</h1>")))
    upstream = make_upstream(oembed=wire.url)
    with pytest.raises(UpstreamFailed, match="403") as caught:
        upstream.oembed(VIDEO)
    assert caught.value.retry_after_s
    with pytest.raises(UpstreamFailed, match="not being asked"):
        upstream.oembed(VIDEO)
    assert len(wire.asked) == 1


def test_refusals_and_absences_of_videos_are_no_sign_of_trouble(
    make_upstream: MakeUpstream, youtube: FakeYouTube
) -> None:
    upstream = make_upstream()
    for profile in ["private", "no-embed", "absent", "deleted"] * 3:
        with pytest.raises(Unavailable):
            upstream.oembed(VideoId(IDS[profile]))
    assert upstream.oembed(VIDEO).title
    assert youtube.count("/oembed") == 13


# ETags


def test_a_picture_that_has_not_changed_is_not_sent_again(make_upstream: MakeUpstream, youtube: FakeYouTube) -> None:
    upstream = make_upstream()
    thumbnail = upstream.thumbnail(VIDEO, "hqdefault")
    assert thumbnail
    assert upstream.thumbnail(VIDEO, "hqdefault", etag=thumbnail.etag) is None
    youtube.change_picture(VIDEO.text)
    changed = upstream.thumbnail(VIDEO, "hqdefault", etag=thumbnail.etag)
    assert changed
    assert changed.body != thumbnail.body
    assert [request.header("If-None-Match") for request in youtube.requests] == [None, thumbnail.etag, thumbnail.etag]


def test_not_modified_without_a_question_is_a_failure(make_upstream: MakeUpstream, wires: Callable[..., Wire]) -> None:
    base = wires(saying(http("304 Not Modified"))).url
    fails(make_upstream(thumbnails=base), "304")


SANE = ['"0"', '"1500000000"', 'W/"abc"', '"a-b_c/d+e=f:g,h"', '"' + "x" * 98 + '"']
HOSTILE = [
    "",
    "0",
    '""',
    'W/""',
    '"',
    'w/"a"',
    "'a'",
    '"a',
    'a"',
    '"a", "b"',
    '"a" "b"',
    '"a b"',
    '"a\tb"',
    '"\xe9"',
    '"\x7f"',
    '"\x01"',
    "*",
    '"' + "x" * 99 + '"',
    '"' + "x" * 9_000 + '"',
]


@pytest.mark.parametrize("etag", SANE)
def test_a_sane_etag_is_kept_and_sent_back(make_upstream: MakeUpstream, wires: Callable[..., Wire], etag: str) -> None:
    wire = wires(saying(picture(f"ETag: {etag}")))
    upstream = make_upstream(thumbnails=wire.url)
    assert upstream.thumbnail(VIDEO, "hqdefault", etag=etag) == Thumbnail(b"a picture", etag)
    assert f"\r\nIf-None-Match: {etag}\r\n".encode() in wire.asked[0]


@pytest.mark.parametrize("etag", HOSTILE)
def test_a_hostile_etag_is_neither_kept_nor_sent_back(
    make_upstream: MakeUpstream, wires: Callable[..., Wire], etag: str
) -> None:
    wire = wires(saying(picture(f"ETag: {etag}")))
    upstream = make_upstream(thumbnails=wire.url)
    assert upstream.thumbnail(VIDEO, "hqdefault", etag=etag) == Thumbnail(b"a picture", None)
    assert b"If-None-Match" not in wire.asked[0]


def test_an_etag_cannot_smuggle_a_header(make_upstream: MakeUpstream, wires: Callable[..., Wire]) -> None:
    wire = wires(saying(picture()))
    upstream = make_upstream(thumbnails=wire.url)
    for etag in ('"a"\r\nCookie: a=b', '"a\r\nCookie: a=b"', '"a"\n', "\r\n"):
        assert upstream.thumbnail(VIDEO, "hqdefault", etag=etag)
    assert all(b"Cookie" not in head and b"If-None-Match" not in head for head in wire.asked)
