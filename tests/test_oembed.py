"""oEmbed: a link to YouTube becomes our frame, in other people's programs as they are."""

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import micawber
import pyoembed
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from werkzeug.test import Client, TestResponse

from tests.quality.tools import node
from tests.running import Running
from tests.test_markup import GOOGLE
from tests.test_web import headers, text
from tests.youtube import IDS, FakeYouTube
from ytproxy import markup
from ytproxy.gate import Videos
from ytproxy.web.oembed import MAX_SIDE_PX, SIDE_PX, Box
from ytproxy.youtube import VideoId

MakeClient = Callable[..., Client]
PUBLIC = "https://video.example/yt"
FILM, SHORT, PLAYLIST = IDS["landscape"], IDS["short"], IDS["playlist"]
LINK = f"https://www.youtube.com/watch?v={FILM}"
KEY = "k" * 16


class Frame(HTMLParser):
    """The attributes of the one element in *html*, which is a frame."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "iframe"
        self.found.append({name: value or "" for name, value in attrs})

    def handle_data(self, data: str) -> None:
        assert not data.strip()


def frame(html: str) -> dict[str, str]:
    (attributes,) = Frame(html).found
    return attributes


def ask(client: Client, link: str | None, **more: Any) -> TestResponse:
    query = {name: value for name, value in more.items() if name not in ("headers", "base_url", "method")}
    kept = {name: value for name, value in more.items() if name not in query}
    return client.open("/oembed", query_string=({"url": link} if link is not None else {}) | query, **kept)


def told(client: Client, link: str, **more: Any) -> dict[str, Any]:
    response = ask(client, link, **more)
    assert response.status_code == 200, text(response)
    fields: dict[str, Any] = json.loads(response.data)
    return fields


def src(client: Client, link: str, **more: Any) -> str:
    return frame(told(client, link, **more)["html"])["src"]


@pytest.fixture
def public(make_client: MakeClient) -> Client:
    return make_client(public_url=PUBLIC)


# What is told


def test_a_video_is_told_as_this_and_nothing_else(public: Client) -> None:
    found = told(public, LINK)
    title, author = found["title"], found["author_name"]
    assert title.endswith("(landscape)")
    assert author.startswith("Stand-in channel")
    html = found.pop("html")
    assert found == {
        "type": "video",
        "version": "1.0",
        "title": title,
        "author_name": author,
        "author_url": found["author_url"],
        "provider_name": "ytproxy",
        "provider_url": f"{PUBLIC}/",
        "cache_age": 86_400,
        "width": 560,
        "height": 315,
        "thumbnail_url": f"{PUBLIC}/thumbnail/{FILM}/480.jpg",
        "thumbnail_width": 480,
        "thumbnail_height": 270,
    }
    assert frame(html) == {
        "src": f"{PUBLIC}/embed/{FILM}",
        "title": title,
        "width": "560",
        "height": "315",
        "loading": "lazy",
        "allow": markup.PLAYER_ALLOW,
        "allowfullscreen": "",
    }


def test_no_host_of_googles_is_told_but_in_the_link_to_the_channel(public: Client) -> None:
    for link in (LINK, f"https://youtube.com/shorts/{SHORT}", f"https://www.youtube.com/playlist?list={PLAYLIST}"):
        found = told(public, link)
        assert found.pop("author_url").startswith("https://www.youtube.com/")
        assert not GOOGLE.search(json.dumps(found))


def test_xml_tells_the_same(public: Client) -> None:
    response = ask(public, LINK, format="xml")
    assert response.headers["Content-Type"] == "text/xml; charset=utf-8"
    root = ElementTree.fromstring(response.data)
    assert root.tag == "oembed"
    assert {child.tag: child.text for child in root} == {name: str(value) for name, value in told(public, LINK).items()}


@given(st.text().filter(str.isprintable))
def test_any_title_comes_out_of_xml_letter_for_letter(title: str) -> None:
    title = f"]]><!--&amp;\"'{title.encode('utf-8', 'replace').decode()}"
    html = markup.embed_code(f"{PUBLIC}/embed/{FILM}?start=1&end=2", title, width_px=1, height_px=1)
    root = ElementTree.fromstring(markup.oembed_xml({"title": title, "html": html}).encode())
    assert (root.findtext("title"), root.findtext("html")) == (title, html)
    assert frame(html)["title"] == title


@pytest.mark.parametrize("profile", ["script", "emoji", "arabic", "controls", "surrogate", "no-fields"])
@pytest.mark.parametrize("format_", ["json", "xml"])
def test_whatever_youtube_calls_a_video_both_formats_can_be_read(public: Client, profile: str, format_: str) -> None:
    data = ask(public, f"https://youtu.be/{IDS[profile]}", format=format_).data
    in_xml = format_ == "xml"
    found = {child.tag: child.text for child in ElementTree.fromstring(data)} if in_xml else json.loads(data)
    assert frame(found["html"])["title"] == found.get("title", "YouTube video")
    assert ("title" in found) == (profile != "no-fields")


def test_the_headers_of_an_answer_are_these_and_no_others(public: Client) -> None:
    assert (
        headers(ask(public, LINK))
        == """200
Access-Control-Allow-Origin: *
Cache-Control: public, max-age=300
Content-Security-Policy: default-src 'none'
Content-Type: application/json
Cross-Origin-Resource-Policy: cross-origin
Referrer-Policy: strict-origin-when-cross-origin
Server: ytproxy
X-Content-Type-Options: nosniff"""
    )


# Which links


@pytest.mark.parametrize(
    "link",
    [
        LINK,
        f"http://youtube.com/watch?v={FILM}&si=x&pp=y",
        f"https://m.youtube.com/watch?app=desktop&v={FILM}",
        f"https://music.youtube.com/watch?v={FILM}",
        f"https://youtu.be/{FILM}?si=abc",
        f"https://www.youtube.com/live/{FILM}",
        f"https://www.youtube.com/v/{FILM}",
        f"https://www.youtube.com/embed/{FILM}",
        f"https://www.youtube-nocookie.com/embed/{FILM}?rel=0",
        f"{PUBLIC}/watch?v={FILM}",
        f"{PUBLIC}/embed/{FILM}#?secret=aBcDeF",
        f"http://video.example/yt/live/{FILM}?utm_source=x",
        f"https://VIDEO.example/yt/play/{FILM}",
    ],
)
def test_every_form_of_link_is_understood_ours_included(public: Client, link: str) -> None:
    assert src(public, link) == f"{PUBLIC}/embed/{FILM}"


@pytest.mark.parametrize(
    ("link", "query"),
    [
        (f"{LINK}&t=1m30s", "start=90"),
        (f"https://youtu.be/{FILM}?t=7", "start=7"),
        (f"{LINK}&list={PLAYLIST}", f"list={PLAYLIST}"),
        (f"{LINK}&list=WL", ""),
        (f"{PUBLIC}/embed/{FILM}?start=5&end=9&rel=0&evil=1&lang=de", "start=5&end=9&rel=0&lang=de"),
    ],
)
def test_start_time_and_list_are_kept_and_of_our_own_links_every_parameter(
    public: Client, link: str, query: str
) -> None:
    assert src(public, link) == f"{PUBLIC}/embed/{FILM}{'?' if query else ''}{query}"


@pytest.mark.parametrize("site", ["https://www.youtube.com", PUBLIC])
def test_a_playlist_is_told_with_the_picture_of_one_of_its_videos(public: Client, site: str) -> None:
    found = told(public, f"{site}/playlist?list={PLAYLIST}")
    assert frame(found["html"])["src"] == f"{PUBLIC}/embed/videoseries?list={PLAYLIST}"
    assert found["thumbnail_url"] == f"{PUBLIC}/thumbnail/{FILM}/480.jpg"


@pytest.mark.parametrize("site", ["https://www.youtube.com", PUBLIC])
def test_a_short_is_told_upright(public: Client, youtube: FakeYouTube, site: str) -> None:
    youtube.set(SHORT, profile="short", short_by_url=True)
    found = told(public, f"{site}/shorts/{SHORT}")
    assert (found["width"], found["height"]) == (315, 560)
    assert found["thumbnail_url"] == f"{PUBLIC}/thumbnail/{SHORT}/portrait-360.jpg"


@pytest.mark.parametrize(
    ("link", "status"),
    [
        (None, 400),
        ("", 400),
        ("https://www.youtube.com/watch?v=aaaaaaaaaaa", 400),  # no id ends in this letter
        (f"{PUBLIC}/embed/aaaaaaaaaaa", 400),
        ("https://www.youtube.com/playlist?list=nonsense", 400),
        ("https://www.youtube.com/playlist?list=WL", 400),
        (f"{PUBLIC}/embed/live_stream?channel=UCoMdktPbSTixAyNGwb-UYkQ", 400),
        ("https://www.youtube.com/feed/trending", 404),
        ("https://vimeo.com/1", 404),
        (f"https://video.example/embed/{FILM}", 404),  # not under our sub-path
        (f"{PUBLIC}/privacy", 404),
        (f"https://video.example.evil.test/yt/embed/{FILM}", 404),
        ("https://[/", 404),
        ("x" * 5_000, 404),
    ],
)
def test_a_link_that_leads_to_no_video_is_refused_in_words_and_never_reaches_youtube(
    public: Client, youtube: FakeYouTube, link: str | None, status: int
) -> None:
    response = ask(public, link)
    assert (response.status_code, response.mimetype) == (status, "text/plain")
    assert "url=" in text(response)
    assert youtube.count() == 0


@pytest.mark.parametrize(
    ("profile", "status"), [("no-embed", 401), ("private", 403), ("absent", 404), ("deleted", 404), ("forbidden", 502)]
)
def test_what_cannot_be_shown_has_the_status_that_youtube_gives(public: Client, profile: str, status: int) -> None:
    response = ask(public, f"https://youtu.be/{IDS[profile]}")
    assert (response.status_code, response.mimetype) == (status, "text/plain")
    assert response.headers["Cache-Control"] == ("no-store" if status == 502 else "public, max-age=10")
    assert "ETag" not in response.headers


def test_another_format_is_not_implemented(public: Client) -> None:
    assert ask(public, LINK, format="yaml").status_code == 501


# Sizes


@pytest.mark.parametrize(
    ("box", "size"),
    [
        ({"maxwidth": 500, "maxheight": 750}, (500, 281)),  # as WordPress asks
        ({"maxwidth": 500}, (500, 281)),
        ({"maxheight": 300}, (533, 300)),
        ({"maxwidth": 1200}, (1200, 675)),
        ({"maxwidth": 200, "maxheight": 50}, (89, 50)),
        ({"maxwidth": 0, "maxheight": ""}, (560, 315)),
        ({"maxwidth": -5, "maxheight": "tall"}, (560, 315)),
        ({"maxwidth": "9" * 9}, (MAX_SIDE_PX, 2304)),
        ({"maxwidth": "9" * 5_000}, (560, 315)),
    ],
)
def test_the_frame_fills_the_room_that_there_is_and_keeps_its_shape(
    public: Client, box: dict[str, Any], size: tuple[int, int]
) -> None:
    found = told(public, LINK, **box)
    assert (found["width"], found["height"]) == size
    attributes = frame(found["html"])
    assert (attributes["width"], attributes["height"]) == tuple(map(str, size))


SIDES = st.none() | st.integers(1, MAX_SIDE_PX)


@given(st.floats(0.2, 4), SIDES, SIDES)
def test_no_frame_is_larger_than_its_box_nor_a_pixel_off_its_shape(
    ratio: float, wide: int | None, high: int | None
) -> None:
    width_px, height_px = Box(wide, high).filled(ratio)
    assert Box(wide, high).holds(width_px, height_px)
    assert 1 <= width_px <= (wide or max(SIDE_PX, high or 0))
    assert 1 <= height_px <= (high or max(SIDE_PX, wide or 0))
    assert min(abs(width_px / ratio - height_px), abs(height_px * ratio - width_px)) <= 1


@pytest.mark.parametrize("profile", ["landscape", "old", "no-maxres", "full-hd", "square", "short"])
@pytest.mark.parametrize("box", [{}, {"maxwidth": 400}, {"maxheight": 340}])
def test_the_picture_told_is_there_in_the_size_told_and_fits(public: Client, profile: str, box: dict[str, int]) -> None:
    door = "shorts" if profile == "short" else "live"
    found = told(public, f"https://www.youtube.com/{door}/{IDS[profile]}", **box)
    told_px = found["thumbnail_width"], found["thumbnail_height"]
    assert Box(box.get("maxwidth"), box.get("maxheight")).holds(*told_px)
    response = public.get(found["thumbnail_url"].removeprefix("https://video.example"))
    size = Image.open(BytesIO(response.data)).size
    assert response.status_code == 200
    assert all(abs(one - other) <= 2 for one, other in zip(size, told_px, strict=True))


def test_no_picture_is_told_wider_than_the_smallest_source_has_it(public: Client, youtube: FakeYouTube) -> None:
    youtube.set(FILM, profile="old", oembed_fields={"width": 200, "height": 200})  # 480x360 with bars, and no more
    found = told(public, LINK)
    picture = Image.open(BytesIO(public.get(found["thumbnail_url"].removeprefix("https://video.example")).data))
    assert picture.width == found["thumbnail_width"] == 320


def test_no_picture_is_told_where_none_fits_or_none_is_shown(public: Client, make_client: MakeClient) -> None:
    for found in (told(public, LINK, maxwidth=200), told(make_client(public_url=PUBLIC, thumbnails="neutral"), LINK)):
        assert not [name for name in found if "thumbnail" in name]


def test_the_operators_own_picture_is_told_in_its_own_size(make_client: MakeClient, tmp_path: Path) -> None:
    folder = tmp_path / "posters"
    folder.mkdir()
    Image.new("RGB", (300, 200), "green").save(folder / f"{FILM}.png")
    found = told(make_client(public_url=PUBLIC, poster_dir=folder), LINK)
    assert (found["thumbnail_width"], found["thumbnail_height"]) == (300, 200)


# Addresses of ours


def test_the_public_url_counts_and_no_host_that_a_request_names(public: Client) -> None:
    response = ask(public, LINK, base_url="http://evil.test/", headers={"X-Forwarded-Host": "evil.test"})
    assert "evil" not in text(response)
    assert response.data == ask(public, LINK).data
    assert ask(public, f"http://evil.test/yt/embed/{FILM}", base_url="http://evil.test/").status_code == 404


def test_without_a_public_url_the_answer_is_for_the_host_asked_and_kept_for_nobody_else(client: Client) -> None:
    response = ask(client, LINK, base_url="http://10.0.0.7:8080/")
    assert frame(json.loads(response.data)["html"])["src"] == f"http://10.0.0.7:8080/embed/{FILM}"
    assert response.headers["Cache-Control"] == "private, max-age=300"
    assert frame(told(client, LINK)["html"])["src"] == f"http://localhost/embed/{FILM}"


# HTTP


def test_an_answer_is_confirmed_by_its_tag_and_head_has_no_body(public: Client) -> None:
    first = ask(public, LINK)
    for tag in (first.headers["ETag"], f'W/{first.headers["ETag"]}, "x"', "*"):
        again = ask(public, LINK, headers={"If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Access-Control-Allow-Origin"] == "*"
    head = ask(public, LINK, method="HEAD")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(first.data))
    assert public.get(f"/oembed/?url={LINK}").data == first.data
    assert public.options("/oembed").status_code == 204
    assert public.post("/oembed").status_code == 405


def test_an_answer_costs_one_request_to_youtube_however_often_it_is_asked_for(
    public: Client, youtube: FakeYouTube
) -> None:
    for _ in range(3):
        told(public, LINK)
        told(public, f"https://youtu.be/{FILM}?t=9", maxwidth=300)
    assert youtube.count() == 1


def test_trouble_with_youtube_is_told_with_a_time_and_kept_by_nobody(public: Client, youtube: FakeYouTube) -> None:
    youtube.fail(status=503)
    first, second = ask(public, LINK), ask(public, LINK)
    assert (first.status_code, second.status_code) == (502, 502)
    assert int(second.headers["Retry-After"]) >= 1
    assert first.headers["Cache-Control"] == "no-store"


def test_past_the_limit_the_answer_is_429_with_a_time(make_client: MakeClient) -> None:
    client = make_client(miss_rate_limit=(1, 1))
    assert ask(client, LINK).status_code == 200
    response = ask(client, f"https://youtu.be/{SHORT}")
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) >= 1
    assert ask(client, LINK).status_code == 200


# Who may have it


def test_a_video_that_is_not_shown_here_is_not_told_either(make_client: MakeClient, youtube: FakeYouTube) -> None:
    denied = ask(make_client(denied_videos=frozenset({FILM})), LINK)
    unsigned = ask(make_client(signing_key=(KEY,)), LINK)
    assert (denied.status_code, unsigned.status_code) == (404, 404)
    assert denied.data == unsigned.data
    assert youtube.count() == 0


def test_only_videos_of_the_channels_allowed_are_told(make_client: MakeClient, youtube: FakeYouTube) -> None:
    youtube.set(FILM, profile="landscape", handle="@ours")
    client = make_client(allowed_channels=frozenset({"@ours"}))
    assert ask(client, LINK).status_code == 200
    assert ask(client, f"https://youtu.be/{SHORT}").status_code == 404


def test_with_a_signing_key_the_signature_goes_into_the_addresses_told(make_client: MakeClient) -> None:
    client = make_client(public_url=PUBLIC, signing_key=(KEY,))
    signature = Videos(keys=(KEY,)).sign(VideoId(FILM))
    for found in (told(client, f"{PUBLIC}/watch?v={FILM}&sig={signature}"), told(client, LINK, sig=signature)):
        for url in (frame(found["html"])["src"], found["thumbnail_url"]):
            assert parse_qs(urlsplit(url).query)["sig"]
            assert client.get(url.removeprefix("https://video.example")).status_code == 200
    assert ask(client, f"https://youtu.be/{SHORT}", sig=signature).status_code == 404


def test_scripts_of_the_sites_allowed_may_read_it_and_no_others(make_client: MakeClient) -> None:
    client = make_client(allowed_sites=("https://good.example",))
    sent = {"Sec-Fetch-Site": "cross-site"}
    good = {"Origin": "https://good.example", "Referer": "https://good.example/"}
    evil = {"Origin": "https://evil.test", "Referer": "https://evil.test/"}
    response = ask(client, LINK, headers=sent | good)
    assert response.headers["Access-Control-Allow-Origin"] == "https://good.example"
    assert response.headers["Vary"] == "Sec-Fetch-Site, Referer, Origin"
    assert response.headers["Cache-Control"] == "private, max-age=300"
    refused = ask(client, LINK, headers=sent | evil)
    assert refused.status_code == 404
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert ask(client, LINK).status_code == 200  # another server's program: not a page


# Discovery


class Alternates(HTMLParser):
    """The addresses of a page's other forms, by their type."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "link" and named.get("rel") == "alternate":
            self.found[named["type"]] = named["href"]


@pytest.mark.parametrize(
    ("path", "frame_path"),
    [
        (f"/watch?v={FILM}&t=30", f"/embed/{FILM}?start=30"),
        (f"/shorts/{SHORT}", f"/embed/{SHORT}"),
        (f"/shorts/{SHORT}?t=5", f"/embed/{SHORT}?start=5"),
        (f"/playlist?list={PLAYLIST}", f"/embed/videoseries?list={PLAYLIST}"),
    ],
)
def test_a_whole_page_names_its_oembed_address_in_both_formats(public: Client, path: str, frame_path: str) -> None:
    found = Alternates(text(public.get(path))).found
    assert found.keys() == {"application/json+oembed", "text/xml+oembed"}
    in_json, in_xml = (public.get(url.removeprefix("https://video.example")) for url in found.values())
    assert (in_json.mimetype, in_xml.mimetype) == ("application/json", "text/xml")
    assert frame(json.loads(in_json.data)["html"])["src"] == f"{PUBLIC}{frame_path}"
    assert ElementTree.fromstring(in_xml.data).findtext("html") == json.loads(in_json.data)["html"]


def test_no_page_names_one_that_would_not_answer(public: Client, client: Client) -> None:
    for path in (f"/embed/{FILM}", f"/watch?v={IDS['no-embed']}", f"/watch?v={IDS['absent']}", "/"):
        assert Alternates(text(public.get(path))).found == {}
    assert Alternates(text(client.get(f"/watch?v={FILM}"))).found == {}  # without PUBLIC_URL it would not be whole


# Other people's programs, as they are


class TlsFront(socketserver.ThreadingTCPServer):
    """What stands in front of the server: https://localhost with a certificate of an authority of its own."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self.tls)
        self.server_port = 0
        super().__init__(("127.0.0.1", 0), _Pipe)
        self.url = f"https://localhost:{self.server_address[1]}"


class _Pipe(socketserver.BaseRequestHandler):
    server: TlsFront

    def handle(self) -> None:
        with (
            self.server.tls.wrap_socket(self.request, server_side=True) as visitor,
            socket.create_connection(("127.0.0.1", self.server.server_port)) as server,
        ):
            back = threading.Thread(target=_copy, args=(server, visitor), daemon=True)
            back.start()
            _copy(visitor, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # either side may leave at any moment


@pytest.fixture
def front(serve: Callable[..., Running], tmp_path: Path) -> Iterator[TlsFront]:
    with TlsFront(tmp_path) as front:
        front.server_port = serve(public_url=front.url, workers=1).port
        running = threading.Thread(target=front.serve_forever, args=(0.02,), daemon=True)
        running.start()
        yield front
        front.shutdown()
        running.join()


def test_micawber_turns_links_in_text_and_html_into_our_frames(serve: Callable[..., Running]) -> None:
    server = serve(workers=1)
    registry = micawber.ProviderRegistry()
    ours = micawber.Provider(f"{server.url}/oembed", timeout=30)
    registry.register(r"https?://(?:(?:www|m)\.)?youtube\.com/\S+", ours)
    registry.register(r"https?://youtu\.be/\S+", ours)
    links = (LINK, f"https://youtu.be/{FILM}?t=9", f"https://www.youtube.com/shorts/{SHORT}")
    found = micawber.parse_text("\n".join(links), registry, maxwidth=400)
    sources = [attributes["src"] for attributes in Frame(found).found]
    assert sources == [f"{server.url}/embed/{rest}" for rest in (FILM, f"{FILM}?start=9", SHORT)]
    assert [attributes["width"] for attributes in Frame(found).found] == ["400", "400", "400"]
    in_html = micawber.parse_html(f"<p>{LINK}</p>", registry)
    assert f'src="{server.url}/embed/{FILM}"' in in_html
    assert not GOOGLE.search(found + in_html)


def test_pyoembed_discovers_our_frame_at_a_link_of_ours(front: TlsFront, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(front.ca_file))
    found = pyoembed.oEmbed(f"{front.url}/watch?v={FILM}&t=9", maxwidth=400)
    assert frame(found["html"])["src"] == f"{front.url}/embed/{FILM}?start=9"
    assert (found["width"], found["height"]) == (400, 225)


def test_unfurl_and_oembed_extractor_find_our_frame_by_discovery_and_as_a_provider(front: TlsFront) -> None:
    page = f"{front.url}/shorts/{SHORT}"
    asked = {"page": page, "link": LINK, "endpoint": f"{front.url}/oembed"}
    found = node("oembed.mjs", asked, front.ca_file)
    assert found["unfurl"]["type"] == "video"
    assert found["unfurl"]["thumbnails"][0]["url"] == f"{front.url}/thumbnail/{SHORT}/portrait-360.jpg"
    for html in (found["unfurl"]["html"], found["extractor"]["html"]):
        assert frame(html)["src"] == f"{front.url}/embed/{SHORT}"
    assert (found["provider"]["method"], found["provider"]["width"]) == ("provider-api", 400)
    assert frame(found["provider"]["html"])["src"] == f"{front.url}/embed/{FILM}"
