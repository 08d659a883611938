"""HTTP's odd corners on the wire of the unmodified server: conditions, methods, framing, names of hosts.

Ids in brackets are those of the cases in the public suite http-tests/cache-tests that a test stands for here; that
suite itself tests caches between a client and an origin of its own, and cannot be pointed at a server like ours.
"""

import re
import socket
from collections.abc import Iterator

import pytest

from tests.running import Running
from tests.wire import Answer, exchange, request
from tests.youtube import IDS, FakeYouTube

FILM = IDS["landscape"]
PICTURE = f"/thumbnail/{FILM}/320.jpg"
PAGE = f"/embed/{FILM}"
STATIC = "/static/preview.css"
KEPT = [PICTURE, f"/vi/{FILM}/hqdefault.jpg", PAGE, STATIC]
NOT_SAID = {"age", "x-cache", "server-timing", "last-modified", "timing-allow-origin", "set-cookie", "location", "link"}
OTHER = '"another"'


@pytest.fixture(scope="module")
def youtube() -> Iterator[FakeYouTube]:
    with FakeYouTube() as running:
        yield running


@pytest.fixture(scope="module")
def server(youtube: FakeYouTube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = {
        "cache_dir": str(tmp_path_factory.mktemp("cache")),
        "upstream_proxy": youtube.proxy_url,
        "upstream_ca_file": str(youtube.ca_file),
        "workers": "1",
    }
    running = Running(settings)
    running.wait_until_up()
    for path in KEPT:
        assert get(running, path).status == 200
    yield running
    running.stop()


def get(server: Running, path: str, *lines: str, **more: str) -> Answer:
    (answer,) = exchange(server.port, request(path, *lines, **more))
    return answer


# Conditions


@pytest.mark.parametrize("path", KEPT)
@pytest.mark.parametrize(
    "validator",
    [
        "{}",  # [conditional-etag-strong-respond]
        "W/{}",  # [conditional-etag-weak-respond]
        f"{{}}, {OTHER}",  # [conditional-etag-strong-respond-multiple-first]
        f'{OTHER}, {{}}, "third"',  # [conditional-etag-strong-respond-multiple-second]
        f'{OTHER}, "third", {{}}',  # [conditional-etag-strong-respond-multiple-last]
        f"{OTHER},{{}}",
        f" \t{OTHER} ,\t W/{{}} ",
        "*",
    ],
)
def test_a_validator_that_holds_is_answered_with_304_and_no_body(server: Running, path: str, validator: str) -> None:
    whole = get(server, path)
    answer = get(server, path, f"If-None-Match: {validator.format(whole.header('etag'))}")
    assert (answer.status, answer.body) == (304, b"")
    for name in ("etag", "cache-control"):  # [conditional-304-etag]
        assert answer.all(name) == whole.all(name)
    assert answer.all("vary") == whole.all("vary")


@pytest.mark.parametrize(
    "validator",
    [
        OTHER,  # [conditional-etag-strong-generate]
        f"W/{OTHER}",
        "{unquoted}",  # [conditional-etag-strong-respond-unquoted and its like]
        "W/{unquoted}",
        f"{{unquoted}}, {OTHER}",
        '"{unquoted}',
        '{unquoted}"',
        "'{unquoted}'",
        '"\xe4\xff"',  # [conditional-etag-strong-respond-obs-text]
        '"\xff", "{unquoted}"',
        '"a\\"b"',  # [conditional-etag-strong-respond-backslash]
        '"\\", "{unquoted}"',
        '"{unquoted}\\"',
        "\\",
        '"',
        '""',
        ",",
        ",,,*",
        "w/",
        "* *",
        '"' * 5_000,
        '"a,' * 10_000,
        "a" + " " * 30_000 + "b",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_an_odd_validator_is_answered_with_the_whole_or_304_and_never_with_a_fault(
    server: Running, validator: str
) -> None:
    whole = get(server, PICTURE)
    bare = whole.header("etag").strip('"')
    answer = get(server, PICTURE, f"If-None-Match: {validator.replace('{unquoted}', bare)}")
    assert answer.status in (200, 304)
    assert answer.body == (whole.body if answer.status == 200 else b"")
    if bare not in validator.replace("{unquoted}", bare):
        assert "*" in validator or answer.status == 200  # what does not name it does not match it


def test_validators_in_two_lines_are_one_list(server: Running) -> None:
    etag = get(server, PICTURE).header("etag")
    assert get(server, PICTURE, f"If-None-Match: {OTHER}", f"If-None-Match: {etag}").status == 304
    assert get(server, PICTURE, f"If-None-Match: {OTHER}", 'If-None-Match: "third"').status == 200


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 01 Jan 2001 00:00:00 GMT",  # [conditional-lm-fresh]
        "Fri, 01 Jan 2100 00:00:00 GMT",  # [conditional-lm-fresh-earlier]
        "Monday, 01-Jan-01 00:00:00 GMT",  # [conditional-lm-fresh-rfc850]
        "Mon Jan  1 00:00:00 2001",
        "yesterday",
        "0",
        "",
    ],
)
def test_a_date_decides_nothing_for_it_would_tell_when_somebody_watched(server: Running, date: str) -> None:
    whole = get(server, PICTURE)
    assert get(server, PICTURE, f"If-Modified-Since: {date}").body == whole.body
    assert get(server, PICTURE, f"If-Unmodified-Since: {date}").body == whole.body
    # [conditional-etag-precedence]
    assert get(server, PICTURE, f"If-None-Match: {OTHER}", f"If-Modified-Since: {date}").status == 200
    held = f"If-None-Match: {whole.header('etag')}"
    assert get(server, PICTURE, held, f"If-Modified-Since: {date}").status == 304


@pytest.mark.parametrize("validator", ["*", OTHER])
@pytest.mark.parametrize("path", ["/nowhere", "/embed/nonsense", f"/thumbnail/{FILM}/641.jpg", "/healthz", "/static/x"])
def test_what_has_no_validator_is_never_not_modified(server: Running, path: str, validator: str) -> None:
    assert get(server, path, f"If-None-Match: {validator}").status == get(server, path).status


def test_a_validator_is_a_hash_of_the_bytes_and_the_same_for_everybody(server: Running) -> None:
    visitors = [
        (),
        ("User-Agent: one", "Cookie: id=1"),
        ("User-Agent: two", 'If-None-Match: "tracked-visitor-7"', "X-Forwarded-For: 192.0.2.9"),
    ]
    for path in [*KEPT, "/", "/privacy"]:  # the last two are made for each request
        answers = [get(server, path, *lines) for lines in visitors]
        assert len({answer.header("etag") for answer in answers}) == 1
        assert "tracked" not in str([answer.headers for answer in answers])
        assert re.fullmatch(r'"[0-9a-f]{20}"', answers[0].header("etag"))


# Parts


@pytest.mark.parametrize(
    "part",
    [
        "bytes=0-4",  # [partial-store-complete-reuse-partial]
        "bytes=5-",  # [partial-store-complete-reuse-partial-no-last]
        "bytes=-5",  # [partial-store-complete-reuse-partial-suffix]
        "bytes=0-0,2-3",
        "bytes=999999999-",
        "bytes=9-1",
        "bytes=" + "0-0," * 2_000 + "0-0",
        "lines=1-2",
        "bytes",
    ],
    ids=lambda text: text[:20],
)
def test_a_part_is_answered_with_the_whole_for_none_is_offered(server: Running, part: str) -> None:
    whole = get(server, PICTURE)
    assert not whole.all("accept-ranges")
    for lines in ((f"Range: {part}",), (f"Range: {part}", f"If-Range: {whole.header('etag')}")):
        answer = get(server, PICTURE, *lines)
        assert (answer.status, answer.but_the_date, answer.body) == (200, whole.but_the_date, whole.body)


# Methods


@pytest.mark.parametrize("path", [*KEPT, "/", "/privacy", "/healthz", "/readyz", "/nowhere", "/embed/nonsense"])
def test_head_has_every_header_of_get_and_no_body(server: Running, path: str) -> None:
    whole = get(server, path)
    data = request(path, method="HEAD")
    (head,) = exchange(server.port, data)
    assert (head.status, head.but_the_date) == (whole.status, whole.but_the_date)
    assert head.header("content-length") == str(len(whole.body))


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PURGE", "BAN", "CONNECT", "PROPFIND", "get", "X" * 300]
)
def test_any_other_method_is_refused_and_changes_nothing(server: Running, youtube: FakeYouTube, method: str) -> None:
    # [method-POST, invalidate-POST, invalidate-PUT, invalidate-DELETE, invalidate-M-SEARCH]
    before, asked = get(server, PICTURE), youtube.count()
    answer = get(server, PICTURE, "Content-Length: 2", method=method, body="{}")
    assert (answer.status, answer.header("allow"), answer.body) == (405, "GET, HEAD, OPTIONS", b"")
    assert get(server, PICTURE).but_the_date == before.but_the_date
    assert youtube.count() == asked


@pytest.mark.parametrize("path", [*KEPT, "/", "/nowhere", "*"])
def test_options_is_204(server: Running, path: str) -> None:
    answer = get(server, path, "Origin: https://site.test", "Access-Control-Request-Method: GET", method="OPTIONS")
    assert (answer.status, answer.header("allow"), answer.body) == (204, "GET, HEAD, OPTIONS", b"")


def test_no_header_turns_a_get_into_another_method(server: Running) -> None:
    lines = ("X-HTTP-Method-Override: DELETE", "X-HTTP-Method: PUT", "X-Method-Override: POST")
    assert get(server, PICTURE, *lines).but_the_date == get(server, PICTURE).but_the_date


# What is said, and what never is


@pytest.mark.parametrize(
    "path",
    [*KEPT, f"/play/{FILM}", "/", "/privacy", "/healthz", "/readyz", "/nowhere", "/embed/nonsense", "/static/none.css"]
    + [f"/embed/{IDS[name]}" for name in ("absent", "private", "error-500")]
    + [f"/thumbnail/{IDS[name]}/320.jpg" for name in ("absent", "private", "error-500", "html-body", "set-cookie")],
)
def test_no_answer_sets_a_cookie_leads_away_or_tells_whether_somebody_was_here(server: Running, path: str) -> None:
    for answer in (get(server, path), get(server, path)):
        assert not NOT_SAID & {name for name, _ in answer.headers}  # [other-set-cookie]
        assert answer.header("server") == "ytproxy"
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("content-length") == str(len(answer.body))
        assert len({name for name, _ in answer.headers}) == len(answer.headers)  # each once


def test_the_miss_and_all_hits_are_the_same_but_for_the_date(server: Running) -> None:
    cold = IDS["full-hd"]
    for path in (f"/thumbnail/{cold}/640.avif", f"/embed/{cold}?start=3", f"/vi/{cold}/mqdefault.jpg"):
        answers = [get(server, path) for _ in range(4)]
        assert answers[0].status == 200
        assert len({(str(answer.but_the_date), answer.body) for answer in answers}) == 1


def test_a_client_cannot_have_anything_fetched_anew(server: Running, youtube: FakeYouTube) -> None:
    before = youtube.count()
    for line in ("Cache-Control: no-cache", "Cache-Control: max-age=0, no-store", "Pragma: no-cache"):
        for path in KEPT:
            assert get(server, path, line).but_the_date == get(server, path).but_the_date
    assert youtube.count() == before


@pytest.mark.parametrize("path", KEPT)
def test_an_unknown_query_is_the_same_object(server: Running, youtube: FakeYouTube, path: str) -> None:
    # [query-args-same, query-args-different]
    whole, before = get(server, path), youtube.count()
    for query in ("?", "?a=1", "?a=2", "?a", "?=", "?&&", "?%00", "?%ff=%fe", "?" + "x" * 1_900, "?si=1&utm_source=2"):
        answer = get(server, path + query)
        assert (answer.status, answer.but_the_date, answer.body) == (200, whole.but_the_date, whole.body)
    assert youtube.count() == before


# Framing: where one request ends and the next begins must have one reading


def _raw(*lines: str, body: str = "", method: str = "GET", path: str = PICTURE) -> bytes:
    """A request on a connection that stays open."""
    return ("\r\n".join([f"{method} {path} HTTP/1.1", "Host: host.test", *lines, "", ""]) + body).encode("latin-1")


NEXT = "GET /embed/smuggled HTTP/1.1\r\nHost: host.test\r\n\r\n"


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 0", f"Content-Length: {len(NEXT)}"),
        (f"Content-Length: {len(NEXT)}", "Content-Length: 0"),
        (f"Content-Length: {len(NEXT)}, 0",),
        (f"Content-Length: +{len(NEXT)}",),
        (f"Content-Length: 0x{len(NEXT):x}",),
        ("Content-Length: -1",),
        ("Content-Length: 99999999999999999999999",),
        ("Content-Length: ",),
        ("Content-Length : 0",),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: identity",),
        ("Transfer-Encoding: chunked, identity",),
        ("X-One: a", " folded: b"),
        ("X-One: a", "\tContent-Length: 5"),
        ("X-One: a\rContent-Length: 5",),
        ("X-One: a\0b",),
        ("X One: a",),
        (": nameless",),
        ("nothing",),
    ],
    ids=repr,
)
def test_framing_with_two_readings_is_refused_and_nothing_after_it_is_read(
    server: Running, youtube: FakeYouTube, lines: tuple[str, ...]
) -> None:
    before = youtube.count()
    for method in ("GET", "POST"):
        answers = exchange(server.port, _raw(*lines, body=NEXT, method=method))
        assert [answer.status for answer in answers] == [400]
    assert youtube.count() == before


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("coding", ["chunked", "Chunked", "chunked\t"])
def test_length_beside_chunks_ends_the_connection_after_one_answer(server: Running, method: str, coding: str) -> None:
    for lines in (
        (f"Content-Length: {len(NEXT) + 5}", f"Transfer-Encoding: {coding}"),
        (f"Transfer-Encoding: {coding}", "Content-Length: 5"),
    ):
        answers = exchange(server.port, _raw(*lines, body=f"0\r\n\r\n{NEXT}", method=method))
        assert len(answers) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_a_body_is_never_taken_for_the_next_request(server: Running, method: str) -> None:
    last = "GET /healthz HTTP/1.1\r\nHost: host.test\r\nConnection: close\r\n\r\n"
    for lines, body in (
        ((f"Content-Length: {len(NEXT)}",), NEXT),
        (("Transfer-Encoding: chunked",), f"{len(NEXT):x}\r\n{NEXT}\r\n0\r\n\r\n"),
    ):
        data = _raw(*lines, body=body + last, method=method)
        statuses = re.findall(rb"HTTP/1\.1 (\d+) ", _bytes(server, data))
        assert b"404" not in statuses  # that would be the answer to the smuggled one
        assert statuses[-1] == b"200"


def _bytes(server: Running, data: bytes) -> bytes:
    """Everything that comes back, not taken apart: after HEAD a reader would have to know what was asked."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_requests_sent_at_once_are_answered_one_after_another(server: Running) -> None:
    paths = [PICTURE, "/healthz", "/nowhere", PAGE] * 25
    data = b"".join(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode() for path in paths[:-1]) + request(paths[-1])
    answers = exchange(server.port, data)
    alone = {path: get(server, path) for path in set(paths)}
    assert [answer.body for answer in answers] == [alone[path].body for path in paths]


@pytest.mark.parametrize(
    "data",
    [
        request(PICTURE, "X-Huge: " + "a" * 1_000_000),
        request(PICTURE, *(f"X-{number}: a" for number in range(5_000))),
        request("/" + "a" * 1_000_000),
        b"G" * 1_000_000,
        b"\0" * 100_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 600,  # the beginning of TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: h\r\n\r\n",
        b"GET  /healthz  HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /healthz HTTP/1.1 \r\nHost: h\r\n\r\n",
        b"GET " + PICTURE.encode() + b"\r\nX: y HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET " + PICTURE.encode() + b" x HTTP/1.1\r\nHost: h\r\n\r\n",
        b"G@T /healthz HTTP/1.1\r\nHost: h\r\n\r\n",
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_no_request_or_too_large_a_one_is_refused_and_harms_nobody(server: Running, data: bytes) -> None:
    assert all(400 <= answer.status < 500 for answer in exchange(server.port, data))
    assert get(server, "/healthz").status == 200


def test_lines_that_end_in_a_bare_newline_make_one_request_with_one_body(server: Running) -> None:
    data = f"GET {PICTURE} HTTP/1.1\nHost: host.test\nContent-Length: {len(NEXT)}\n\n{NEXT}".encode()
    assert len(exchange(server.port, data + request("/healthz"))) == 2


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.0, HTTP/1.1", "x" * 500])
def test_an_upgrade_is_not_taken_up(server: Running, upgrade: str) -> None:
    lines = ("Upgrade: " + upgrade, "HTTP2-Settings: AAMAAABkAAQAAP__", "Sec-WebSocket-Version: 13")
    assert get(server, PICTURE, *lines).status == 200
    assert get(server, "/healthz", *lines).status != 101


# Names


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:99",
        "EVIL.TEST",
        "evil.test, host.test",
        "user@evil.test",
        "evil.test/path?x",
        'evil.test"><script>',
        "[::1]",
        "[::1",
        "[" * 500,
        "127.0.0.1:99999999",
        ":",
        "",
        "\xe4\xff",
        "xn--\x80",
        "xn--.test",
        "a" * 5_000,
        "a." * 5_000,
        "..",
        "%0d%0aX:1",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_no_host_name_changes_a_kept_answer_or_breaks_a_page(server: Running, host: str) -> None:
    for path in KEPT:
        whole, answer = get(server, path), get(server, path, host=host)
        assert (answer.status, answer.but_the_date, answer.body) == (200, whole.but_the_date, whole.body)
    for path in ("/", "/privacy", f"/play/{FILM}", "/nowhere", f"/thumbnail/{FILM}/641.jpg"):
        answer = get(server, path, host=host)
        assert answer.status in (200, 400, 404)
        assert b"<script>" not in answer.body
        # The start page shows the address it was asked by; nobody else may get to see that.
        if b"evil" in answer.body.lower():
            assert re.search("private|no-store", answer.header("cache-control"))


@pytest.mark.parametrize(
    "data",
    [
        f"GET http://evil.test{PICTURE} HTTP/1.1\r\nHost: host.test\r\nConnection: close\r\n\r\n",
        f"GET https://user:password@evil.test:1{PICTURE} HTTP/1.1\r\nHost: host.test\r\nConnection: close\r\n\r\n",
        f"GET {PICTURE} HTTP/1.1\r\nHost: host.test\r\nHost: evil.test\r\nConnection: close\r\n\r\n",
        f"GET {PICTURE} HTTP/1.1\r\nConnection: close\r\n\r\n",
        f"GET {PICTURE} HTTP/1.0\r\n\r\n",
        f"GET {PICTURE}#part HTTP/1.1\r\nHost: host.test\r\nConnection: close\r\n\r\n",
    ],
    ids=lambda data: data[:30],
)
def test_odd_ways_to_name_the_server_give_the_same_picture_or_a_refusal(
    server: Running, youtube: FakeYouTube, data: str
) -> None:
    before = youtube.count()
    (answer,) = exchange(server.port, data.encode())
    assert answer.status == 400 or answer.body == get(server, PICTURE).body
    assert youtube.count() == before


@pytest.mark.parametrize("target", ["evil.test", "evil.test:443", "*0", "*", "http://evil.test", "http://evil.test?x"])
def test_a_target_without_a_path_leads_nowhere(server: Running, target: str) -> None:
    answer = get(server, target, host="evil.test")
    assert answer.status in (200, 400, 404)
    assert not answer.all("location")
    assert answer.header("server") == "ytproxy"


@pytest.mark.parametrize(
    "path",
    [
        f"{PICTURE}%0d%0aSet-Cookie:%20a=b",
        f"/%0d%0aLocation:%20https:%2f%2fevil.test/{FILM}",
        f"{PAGE}%0aX:1",
        f"{PAGE}?start=1%0d%0aX-Bad:%201&list=%0d%0a&hl=de%0d%0aX-Bad:%201",
        f"/play/{FILM}?hl=de%0d%0aX-Bad:1&sig=%0d%0aX-Bad:1",
        "/?url=%0d%0aSet-Cookie:a=b",
        f"{PAGE}%00",
        f"//evil.test{PICTURE}",
        f"///evil.test/%2e%2e{PAGE}",
        "/\\evil.test",
        f"{PICTURE}/../../../../etc/passwd",
        "/static/../pyproject.toml",
        "/static/%2e%2e%2fpyproject.toml",
        "/static/..%5cpyproject.toml",
        "/static//etc/passwd",
        "/embed/%zz%",
        "/embed/\xe4\xff",
        "/." * 5_000,
        "/embed/" + "a/" * 20_000,
    ],
    ids=lambda text: repr(text[:40]),
)
def test_nothing_in_an_address_becomes_a_header_or_leads_away(server: Running, youtube: FakeYouTube, path: str) -> None:
    before = youtube.count()
    for answer in exchange(server.port, request(path)):
        assert answer.status in (200, 400, 404)
        assert not {"set-cookie", "location", "x-bad", "x"} & {name for name, _ in answer.headers}
        assert b"root:" not in answer.body
        assert b"[project]" not in answer.body
    assert youtube.count() == before


@pytest.mark.parametrize(
    "line",
    [
        "Connection: keep-alive, Host, Accept-Language, If-None-Match",
        "Keep-Alive: timeout=99999",
        "TE: trailers, gzip",
        "Trailer: ETag",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic eA==",
        "Proxy: http://evil.test",
        "Authorization: Basic eA==",
        "Expect: 100-continue",
        "Expect: nonsense",
        "Accept-Encoding: gzip, zstd, *;q=0",
        "Accept: nothing/*;q=0",
        "Content-Type: multipart/form-data; boundary=" + "x" * 500,
        "Max-Forwards: 0",
        "Via: 1.1 " + "x" * 500,
        "Forwarded: for=evil.test;host=evil.test;proto=https",
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Prefix: /evil",
        "X-Original-URL: /privacy",
        "X-Rewrite-URL: /privacy",
        "Script-Name: /evil",
        "Wsgi.Url_Scheme: evil",
        "Ytproxy.Keep: 1",
        "Last-Event-ID: 1",
    ],
    ids=lambda line: line[:30],
)
def test_headers_meant_for_others_change_nothing(server: Running, line: str) -> None:
    for path in KEPT:
        whole = get(server, path)
        answer, _last = exchange(server.port, _raw(line, path=path) + request("/healthz"))
        assert (answer.status, answer.body) == (200, whole.body)
        assert not {"keep-alive", "te", "trailer", "upgrade", "via"} & {name for name, _ in answer.headers}
