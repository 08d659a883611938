"""The whole application in this process: pages, pictures, headers, refusals."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO
from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from werkzeug.test import Client, TestResponse

from tests.conftest import Clock
from tests.youtube import IDS, FakeYouTube

FILM = IDS["landscape"]
PLAYLIST = IDS["playlist"]
GOOGLE = re.compile(r"youtu\.?be|ytimg|google|ggpht|gstatic|doubleclick", re.IGNORECASE)


class Links(HTMLParser):
    """Everything that a page could make a browser fetch, and the plain links apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.plain: list[str] = []
        self.rels: set[str] = set()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append(tag)
        if tag == "link":
            self.rels.update((named.get("rel") or "").split())
        for name, value in attrs:
            if name == "href" and tag == "a":
                self.plain.append(value or "")
            elif name in ("src", "href", "srcset", "data", "poster", "action", "content", "style", "background"):
                self.fetched.append(value or "")


def text(response: TestResponse) -> str:
    return response.get_data(as_text=True)


def headers(response: TestResponse) -> str:
    """All headers as one readable text, without what differs by content."""
    lines = [f"{name}: {value}" for name, value in sorted(response.headers) if name not in ("Content-Length", "ETag")]
    return "\n".join([str(response.status_code), *lines])


CSP = "default-src 'none'; script-src 'none'; base-uri 'none'; form-action 'none'; img-src 'self'; style-src 'self'"


def test_the_headers_of_a_preview_are_these_and_no_others(client: Client) -> None:
    assert (
        headers(client.get(f"/embed/{FILM}"))
        == f"""200
Cache-Control: public, max-age=300
Content-Security-Policy: {CSP}; frame-ancestors *
Content-Type: text/html; charset=utf-8
Cross-Origin-Resource-Policy: cross-origin
Referrer-Policy: strict-origin-when-cross-origin
Server: ytproxy
Vary: Accept-Language, Accept-Encoding
X-Content-Type-Options: nosniff"""
    )


def test_the_headers_of_a_picture_are_these_and_no_others(client: Client) -> None:
    assert (
        headers(client.get(f"/thumbnail/{FILM}/640.avif"))
        == """200
Access-Control-Allow-Origin: *
Cache-Control: public, max-age=86400
Content-Security-Policy: default-src 'none'
Content-Type: image/avif
Cross-Origin-Resource-Policy: cross-origin
Referrer-Policy: strict-origin-when-cross-origin
Server: ytproxy
X-Content-Type-Options: nosniff"""
    )


def test_the_headers_of_the_player_page_are_these_and_no_others(client: Client) -> None:
    assert (
        headers(client.get(f"/play/{FILM}", headers={"Sec-Fetch-User": "?1"}))
        == """200
Cache-Control: no-store
Content-Security-Policy: default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; \
img-src 'self'; style-src 'self'; frame-src https://www.youtube-nocookie.com; frame-ancestors *
Content-Type: text/html; charset=utf-8
Cross-Origin-Resource-Policy: cross-origin
Referrer-Policy: strict-origin-when-cross-origin
Server: ytproxy
Vary: Accept-Language
X-Content-Type-Options: nosniff"""
    )


def test_a_hit_and_a_miss_differ_in_nothing_but_the_date(client: Client) -> None:
    for path in (f"/embed/{FILM}", f"/thumbnail/{FILM}/640.webp"):
        miss, hit = client.get(path), client.get(path)
        assert (list(miss.headers), miss.data) == (list(hit.headers), hit.data)


PREVIEWS = [
    f"/embed/{FILM}",
    f"/embed/{FILM}/",
    f"/embed/{FILM}&autoplay=1",
    f"/embed/{FILM}?start=30&rel=0",
    f"/embed/{FILM}?list={PLAYLIST}",
    f"/embed/videoseries?list={PLAYLIST}",
    f"/embed?listType=playlist&list={PLAYLIST}",
    f"/embed/?list={PLAYLIST}&v={FILM}",
    f"/embed/watch?v={FILM}",
    "/embed/live_stream?channel=UCoMdktPbSTixAyNGwb-UYkQ",
    f"/watch?v={FILM}",
    f"/shorts/{IDS['short']}",
    f"/live/{FILM}",
    f"/v/{FILM}",
    f"/playlist?list={PLAYLIST}",
]
NOT_SHOWN = [f"/embed/{IDS['absent']}", f"/embed/{IDS['private']}", f"/embed/{IDS['no-embed']}", "/embed/nonsense"]


@pytest.mark.parametrize("path", [*PREVIEWS, *NOT_SHOWN, "/", "/privacy", "/nothing/here"])
def test_no_page_before_the_click_names_google_but_in_plain_links(client: Client, path: str) -> None:
    response = client.get(path)
    links = Links(text(response))
    assert not [value for value in links.fetched if GOOGLE.search(value) or "//" in value]
    assert not links.rels & {"preconnect", "dns-prefetch", "prefetch", "preload", "modulepreload", "prerender"}
    assert "script" not in links.tags
    assert "style" not in links.tags
    assert not GOOGLE.search(response.headers["Content-Security-Policy"])
    assert "Location" not in response.headers
    assert "Link" not in response.headers
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("path", PREVIEWS)
def test_every_form_of_address_gives_a_preview_whose_link_leads_to_the_player(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    if "live_stream" in path:
        assert "channel/UCoMdktPbSTixAyNGwb-UYkQ" in text(response)
        return
    (play,) = [href for href in Links(text(response)).plain if "play/" in href]
    answer = client.get(_resolve(path, play))
    assert answer.status_code == 200
    assert text(answer).count("<iframe") == 1
    assert "https://www.youtube-nocookie.com/embed/" in text(answer)


def _resolve(path: str, href: str) -> str:
    return urljoin(f"http://localhost{path}", href).removeprefix("http://localhost")


def test_the_picture_of_a_preview_comes_in_three_formats_and_all_widths(client: Client) -> None:
    page = text(client.get(f"/embed/{FILM}"))
    for format_ in ("avif", "webp", "jpg"):
        for width_px in (320, 480, 640, 960, 1280):
            path = f"../thumbnail/{FILM}/{width_px}.{format_}"
            assert path in page
            response = client.get(_resolve(f"/embed/{FILM}", path))
            assert Image.open(BytesIO(response.data)).size == (width_px, width_px * 9 // 16)


def test_player_parameters_reach_the_player_and_nothing_else_does(client: Client) -> None:
    page = text(client.get(f"/play/{FILM}?start=30&end=40&rel=0&evil=1&autoplay=0&origin=https://evil.test&hl=de"))
    (src,) = [src for src in Links(page).fetched if "nocookie" in src]
    query = dict(pair.split("=") for pair in urlsplit(src).query.split("&"))
    assert {"start": "30", "end": "40", "rel": "0", "hl": "de", "autoplay": "1"}.items() <= query.items()
    assert "evil" not in src


@pytest.mark.parametrize(
    ("sent", "plays"),
    [
        ({}, True),  # says nothing: a client without Fetch Metadata
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-User": "?1"}, True),  # the click
        ({"Sec-Fetch-Site": "same-origin"}, True),  # the click, in an engine without Sec-Fetch-User
        ({"Sec-Fetch-Site": "same-origin", "Sec-CH-UA": '"Chromium";v="156"'}, False),  # a reload or restore
        ({"Sec-Fetch-Site": "same-origin", "User-Agent": "Mozilla/5.0 Gecko/20100101 Firefox/153.0"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),  # a frame that a page put there
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),  # a restored tab
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-User": "?1"}, True),  # typed
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-User": "?1", "Sec-Purpose": "prefetch"}, False),
        ({"Purpose": "prefetch"}, False),
        ({"Referer": "http://localhost/embed/x"}, True),
        ({"Referer": "https://site.test/"}, False),  # plain http, framed by another site
        ({"User-Agent": "Mozilla/5.0 (X11) Chrome/156"}, False),  # the same, hiding its referrer
        ({"User-Agent": "Mozilla/5.0 (X11) Chrome/156", "Referer": "http://localhost/embed/x"}, True),
        ({"Referer": "http://["}, False),
    ],
    ids=str,
)
def test_the_player_needs_a_click(client: Client, sent: dict[str, str], plays: bool) -> None:
    response = client.get(f"/play/{FILM}", headers=sent)
    assert response.status_code == 200
    assert ("youtube-nocookie.com/embed" in text(response)) is plays
    assert response.headers["Cache-Control"] == "no-store"
    if not plays:
        assert "nocookie" not in response.headers["Content-Security-Policy"]
        assert f"../play/{FILM}" in text(response)


@pytest.mark.parametrize(
    ("sent", "plays"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe", "Sec-CH-UA": '"Chromium";v="156"'}, True),
        (
            {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "iframe", "User-Agent": "Mozilla/5.0 Firefox/153.0"},
            True,
        ),
        ({"User-Agent": "Mozilla/5.0 (X11) Chrome/156", "Referer": "http://site.test/"}, True),  # plain http
        ({"User-Agent": "Mozilla/5.0 (X11) Chrome/156"}, True),  # the same, hiding its referrer
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe", "Sec-Purpose": "prefetch"}, False),
        ({"Sec-Fetch-Dest": "iframe", "Purpose": "prefetch"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, False),  # a page that was sent here
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}, False),  # a restored tab
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "object"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "empty"}, False),
    ],
    ids=str,
)
def test_the_elements_own_frame_is_a_click_and_nothing_loaded_ahead_is(
    client: Client, sent: dict[str, str], plays: bool
) -> None:
    response = client.get(f"/play/{FILM}?element=1&start=30", headers=sent)
    players = [src for src in Links(text(response)).fetched if "youtube-nocookie.com/embed" in src]
    assert len(players) == plays
    assert all("element" not in src and "start=30" in src for src in players)
    for other in ("element=0", "element=", "element=11", "elements=1", ""):
        assert "nocookie" not in text(client.get(f"/play/{FILM}?{other}", headers={"Sec-Fetch-Site": "cross-site"}))


def test_the_player_is_told_our_origin_as_the_browser_sees_it(client: Client) -> None:
    for host, metadata, origin in (
        ("video.example", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, "https://video.example"),
        ("localhost:8080", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, "http://localhost:8080"),
        ("127.0.0.1:8080", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, "http://127.0.0.1:8080"),
        ("video.example", {}, "http://video.example"),
        ("127.0.0.1.example", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "iframe"}, "https://127.0.0.1.example"),
    ):
        page = text(client.get(f"/play/{FILM}?element=1", headers=metadata, base_url=f"http://{host}"))
        assert f"origin={quote(origin, safe='')}" in page


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("absent", 404, "no longer|not|gone"),
        ("private", 403, "private"),
        ("no-embed", 200, "Watch on YouTube"),
    ],
)
def test_videos_that_cannot_play_here_get_an_honest_page(client: Client, name: str, status: int, words: str) -> None:
    response = client.get(f"/embed/{IDS[name]}")
    assert response.status_code == status
    assert re.search(words, text(response), re.IGNORECASE)
    assert "play/" not in text(response)


def test_a_preview_works_while_youtube_is_down_and_is_asked_for_again_soon(
    client: Client, youtube: FakeYouTube
) -> None:
    youtube.fail(down=True)
    response = client.get(f"/embed/{FILM}")
    assert response.status_code == 200
    assert f"play/{FILM}" in text(response)
    assert response.headers["Cache-Control"] == "public, max-age=10"


@pytest.mark.parametrize(
    ("failure", "name", "status"),
    [
        ({}, "absent", 404),
        ({}, "private", 404),
        ({"status": 500}, "landscape", 502),
        ({"down": True}, "landscape", 502),
        ({"reset": True}, "landscape", 502),
        ({"status": 429}, "landscape", 502),
    ],
    ids=str,
)
@pytest.mark.parametrize("format_", ["avif", "webp", "jpg"])
def test_without_a_picture_ours_is_sent_in_the_same_format_with_the_honest_status(
    client: Client, youtube: FakeYouTube, failure: dict[str, object], name: str, status: int, format_: str
) -> None:
    youtube.fail(**failure)
    response = client.get(f"/thumbnail/{IDS[name]}/480.{format_}")
    assert response.status_code == status
    image = Image.open(BytesIO(response.data))
    assert image.size == (480, 270)
    assert image.format == {"avif": "AVIF", "webp": "WEBP", "jpg": "JPEG"}[format_]
    assert response.headers["Cache-Control"] == "public, max-age=10"
    assert "Location" not in response.headers


def test_i_ytimg_coms_names_are_answered_in_their_sizes(client: Client) -> None:
    for name, size in {
        "default": (120, 90),
        "mqdefault": (320, 180),
        "hqdefault": (480, 360),
        "sddefault": (640, 480),
    }.items():
        assert Image.open(BytesIO(client.get(f"/vi/{FILM}/{name}.jpg").data)).size == size
        assert Image.open(BytesIO(client.get(f"/vi_webp/{FILM}/{name}.webp").data)).format == "WEBP"
    missing = client.get(f"/vi/{IDS['no-maxres']}/maxresdefault.jpg")
    assert (missing.status_code, Image.open(BytesIO(missing.data)).size) == (404, (120, 90))
    assert client.get(f"/vi/{FILM}/oddname.jpg").status_code == 404


@pytest.mark.parametrize("tags", ['"{}"', 'W/"{}"', '"other", "{}"', 'W/"x", W/"{}" , "y"', "*"])
def test_a_known_picture_and_page_are_answered_with_304(client: Client, tags: str) -> None:
    for path in (f"/thumbnail/{FILM}/640.jpg", f"/embed/{FILM}"):
        etag = client.get(path).headers["ETag"].strip('"')
        response = client.get(path, headers={"If-None-Match": tags.replace("{}", etag)})
        assert (response.status_code, response.data) == (304, b"")
        assert response.headers["ETag"] == f'"{etag}"'
        assert response.headers["Cache-Control"]


@pytest.mark.parametrize("tags", ['"other"', "W/", '"', "", ",,,", '"unfinished', "\\", 'x"y'])
def test_other_and_broken_validators_get_the_whole_picture(client: Client, tags: str) -> None:
    response = client.get(f"/thumbnail/{FILM}/640.jpg", headers={"If-None-Match": tags})
    assert (response.status_code, len(response.data) > 1_000) == (200, True)


def test_head_has_the_headers_of_get_and_no_body(client: Client) -> None:
    for path in (f"/embed/{FILM}", f"/thumbnail/{FILM}/640.jpg", "/", "/healthz", "/static/preview.css"):
        get, head = client.get(path), client.head(path)
        assert head.data == b""
        assert list(head.headers) == list(get.headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PURGE"])
def test_other_methods_are_refused_and_never_reach_youtube(client: Client, youtube: FakeYouTube, method: str) -> None:
    response = client.open(f"/thumbnail/{FILM}/640.jpg", method=method)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert client.options(f"/embed/{FILM}").status_code == 204
    assert youtube.count() == 0


def test_unknown_parameters_make_no_entry_and_cost_no_request(client: Client, youtube: FakeYouTube) -> None:
    pages = {client.get(f"/embed/{FILM}?si=share{number}&utm_source=x").data for number in range(50)}
    pictures = {
        client.get(f"/thumbnail/{FILM}/640.jpg?v={number}", headers={"Host": f"h{number}.test"}).data
        for number in range(50)
    }
    assert (len(pages), len(pictures)) == (1, 1)
    assert youtube.count("/vi/") == 1
    assert youtube.count("/oembed") == 1


@pytest.mark.parametrize(
    ("query", "accept", "lang"),
    [
        ("", "", "en"),
        ("", "de-AT,de;q=0.9,en;q=0.5", "de"),
        ("", "eo;q=0.9,xx", "en"),
        ("", "en-GB,nb;q=0.5", "en"),
        ("", "xx,de;q=0.5,en;q=0.8", "en"),
        ("", "no-NO,en;q=0.8", "nb"),
        ("?hl=iw", "en", "he"),
        ("?hl=pt_BR", "en", "pt"),
        ("?lang=de", "en", "de"),
        ("?hl=de-DE", "en", "de"),
        ("?lang=en&hl=de", "de", "en"),
        ("?lang=zz", "de", "de"),
        ("", ";;;,=q,*", "en"),
    ],
)
def test_the_language_is_asked_for_or_the_browsers_or_the_default(
    client: Client, query: str, accept: str, lang: str
) -> None:
    page = text(client.get(f"/embed/{FILM}{query}", headers={"Accept-Language": accept}))
    assert f'<html lang="{lang}"' in page


def test_a_fixed_language_ignores_the_browser(make_client: Callable[..., Client]) -> None:
    client = make_client(language="de")
    assert '<html lang="de"' in text(client.get(f"/embed/{FILM}", headers={"Accept-Language": "en"}))


def test_neutral_thumbnails_ask_youtube_for_no_picture(
    make_client: Callable[..., Client], youtube: FakeYouTube
) -> None:
    client = make_client(thumbnails="neutral")
    assert "<img" not in text(client.get(f"/embed/{FILM}"))
    response = client.get(f"/thumbnail/{FILM}/640.avif")
    assert (response.status_code, Image.open(BytesIO(response.data)).size) == (200, (640, 360))
    assert client.get(f"/vi/{FILM}/hqdefault.jpg").status_code == 200
    assert youtube.count("/vi/") == 0


def test_everything_works_under_a_sub_path(make_client: Callable[..., Client]) -> None:
    client = make_client(public_url="https://example.org/yt")
    page = text(client.get(f"/yt/embed/{FILM}"))
    links = Links(page)
    for href in [href for href in links.fetched + links.plain if href.startswith("..")]:
        path = _resolve(f"/yt/embed/{FILM}", href.split(" ")[0])
        assert path.startswith("/yt/")
        assert client.get(path).status_code == 200
    assert 'origin=https%3A%2F%2Fexample.org"' in text(client.get(f"/yt/play/{FILM}"))
    assert client.get(f"/embed/{FILM}").status_code == 200  # behind a proxy that cuts the sub-path off


def test_the_privacy_url_is_linked_from_the_notice(make_client: Callable[..., Client]) -> None:
    client = make_client(privacy_url="https://example.org/datenschutz")
    assert "https://example.org/datenschutz" in Links(text(client.get(f"/embed/{FILM}"))).plain


def test_titles_are_text_and_never_markup(client: Client) -> None:
    for name in ("script", "controls", "long-title", "arabic", "emoji"):
        links = Links(text(client.get(f"/embed/{IDS[name]}")))
        assert "script" not in links.tags


def test_static_files_have_a_stable_and_a_hashed_name(client: Client) -> None:
    page = text(client.get(f"/embed/{FILM}"))
    hashed = re.search(r"static/(preview-[0-9a-f]{8}\.css)", page)
    assert hashed
    for name, life in ((hashed[1], "public, max-age=31536000, immutable"), ("preview.css", "public, max-age=300")):
        response = client.get(f"/static/{name}")
        assert response.headers["Cache-Control"] == life
        assert response.headers["Content-Type"] == "text/css; charset=utf-8"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert client.get("/static/nothing.css").status_code == 404
    assert client.get("/static/..%2fpyproject.toml").status_code == 404


def test_health_tells_alive_and_ready(client: Client) -> None:
    assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 200)


_ALLOWED_UPSTREAM = re.compile(
    r"/vi/[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]/(maxresdefault|sddefault|hqdefault|oar2|oardefault|frame0)\.jpg"
    r"|/oembed\?format=json&url=https%3A%2F%2Fwww\.youtube\.com%2F(watch%3Fv%3D|shorts%2F|playlist%3Flist%3D)[A-Za-z0-9_-]+"
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    door=st.sampled_from(
        ["embed", "play", "watch", "shorts", "live", "v", "playlist", "thumbnail", "vi", "static", "x"]
    ),
    rest=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40),
    query=st.text(st.characters(codec="utf-8"), max_size=40),
    header=st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40),
)
def test_nonsense_never_breaks_the_server_nor_reaches_youtube(
    client: Client, youtube: FakeYouTube, door: str, rest: str, query: str, header: str
) -> None:
    before = len(youtube.requests)
    for host in ("localhost", "evil.test:99"):
        response = client.get(
            f"/{door}/{rest.replace('?', '')}",
            query_string=query,
            headers={
                "Accept-Language": header,
                "If-None-Match": header,
                "Referer": header,
                "X-Forwarded-For": header,
                "Host": host,
            },
        )
        assert response.status_code < 500
        assert "Location" not in response.headers
    for request in youtube.requests[before:]:
        assert _ALLOWED_UPSTREAM.fullmatch(request.path)


@pytest.mark.parametrize(
    "path",
    [
        f"/embed/{FILM}%00",
        f"/embed/{FILM}%0d%0aX:1",
        f"/embed//{FILM}",
        f"/embed/{FILM}/../../etc",
        f"/embed/{FILM}%2f..%2fevil",
        f"/embed/{FILM[:10]}",
        f"/embed/{FILM}x",
        f"/embed/{FILM[:10]}R",  # an impossible last letter
        "/embed/videoseries",
        "/embed/videoseries?list=WL",
        "/embed",
        "/watch",
        "/watch?v=",
        "/playlist",
        f"/playlist?list={PLAYLIST}%22",
        "/embed/９Dpqou5cI08",
        f"/thumbnail/{FILM}/641.jpg",
        f"/thumbnail/{FILM}/640.png",
        f"/thumbnail/{FILM}/640.jpg/x",
        f"/thumbnail/{FILM[:10]}/640.jpg",
        f"/vi/{FILM}/hqdefault.png",
    ],
)
def test_impossible_addresses_are_a_plain_4xx_and_never_reach_youtube(
    client: Client, youtube: FakeYouTube, path: str
) -> None:
    response = client.get(path)
    assert 400 <= response.status_code < 500
    assert youtube.count() == 0
    assert "Location" not in response.headers


def test_two_visitors_get_the_same_bytes_and_youtube_sees_neither(client: Client, youtube: FakeYouTube) -> None:
    one = {"User-Agent": "One/1", "Cookie": "a=1", "X-Forwarded-For": "192.0.2.1", "Referer": "https://one.test/secret"}
    two = {"User-Agent": "Two/2", "Accept": "image/*", "X-Real-IP": "192.0.2.2", "Referer": "https://two.test/"}
    other = IDS["full-hd"]
    assert client.get(f"/embed/{FILM}", headers=one).data == client.get(f"/embed/{FILM}", headers=two).data
    client.get(f"/thumbnail/{FILM}/640.avif", headers=one)
    client.get(f"/embed/{other}", headers=two)
    client.get(f"/thumbnail/{other}/640.avif", headers=two)
    sent = {(request.path.split("/")[1][:6], request.headers) for request in youtube.requests}
    assert len(sent) == 2  # one header set for pictures, one for titles
    for request in youtube.requests:
        for word in ("One/1", "Two/2", "192.0.2", ".test", "secret", "a=1"):
            assert word not in str(request.headers)


def test_clients_cannot_force_a_request_to_youtube(client: Client, youtube: FakeYouTube, clock: Clock) -> None:
    client.get(f"/thumbnail/{FILM}/640.avif")
    before = youtube.count()
    client.get(f"/thumbnail/{FILM}/640.avif", headers={"Cache-Control": "no-cache", "Pragma": "no-cache"})
    client.get(f"/embed/{FILM}", headers={"Cache-Control": "max-age=0"})
    assert youtube.count() == before


def test_the_start_page_makes_embed_code_of_a_link_without_a_script(client: Client) -> None:
    page = text(client.get("/", query_string={"url": f"https://youtu.be/{FILM}?t=1m5s&si=x"}))
    assert f"http://localhost/embed/{FILM}?start=65" in page.replace("&#34;", '"')
    refused = text(client.get("/", query_string={"url": "https://example.org/<script>"}))
    assert 'role="alert"' in refused
    assert "<script>" not in refused


def test_a_refused_address_of_a_door_may_be_framed_like_a_preview(client: Client) -> None:
    for path in ("/embed/nonsense", f"/embed/{IDS['absent']}"):
        assert "frame-ancestors *" in client.get(path).headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in client.get("/nowhere").headers["Content-Security-Policy"]


def test_the_player_page_is_never_kept_for_the_next_visitor(client: Client) -> None:
    path = f"/play?v={FILM}"
    assert "nocookie" not in text(client.get(path, headers={"Sec-Fetch-Site": "cross-site"}))
    assert "youtube-nocookie.com/embed" in text(client.get(path, headers={"Sec-Fetch-User": "?1"}))


def test_the_click_does_not_wait_for_youtube(client: Client, youtube: FakeYouTube) -> None:
    short = IDS["short"]
    client.get(f"/shorts/{short}")
    youtube.clear()
    page = text(client.get(f"/play/{short}", headers={"Sec-Fetch-User": "?1"}))
    assert "(short)" in page  # the title that is known
    client.get("/play/unknown-fi0", headers={"Sec-Fetch-User": "?1"})
    assert youtube.count("/oembed") == 0


def test_a_sub_path_without_its_slash_leads_into_the_folder(make_client: Callable[..., Client]) -> None:
    response = make_client(public_url="https://example.org/a/yt").get("/a/yt")
    assert (response.status_code, response.headers["Location"]) == (308, "yt/")
