"""Front-ends of other makers, unmodified, in front of our server: embetty's element, and both lite-youtube elements."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image
from werkzeug.test import Client

from tests.privacy.devtools import Browser, Frame
from tests.quality.tools import FOLDER
from tests.running import Running
from tests.test_element import FILM, Page, Site, browser, page, server, site, youtube
from tests.youtube import IDS, FakeYouTube
from ytproxy import __version__
from ytproxy.gate import Videos
from ytproxy.youtube import VideoId

__all__ = ["browser", "page", "server", "site", "youtube"]

MakeClient = Callable[..., Client]

SITES = ("https://ours.test",)
FROM_OURS = {"Sec-Fetch-Site": "cross-site", "Referer": "https://ours.test/", "Origin": "https://ours.test"}
FROM_THEIRS = {"Sec-Fetch-Site": "cross-site", "Referer": "https://theirs.test/", "Origin": "https://theirs.test"}
POSTER, AMP = f"/video/youtube/{FILM}-poster-image", f"/video/youtube/{FILM}.amp"
ELEMENT = f'<embetty-video type="youtube" video-id="{FILM}"></embetty-video>'
KEY = "k" * 16
_MODULES = FOLDER / "node_modules"
EMBETTY = _MODULES / "@heise" / "embetty" / "dist" / "embetty.js"
LITE = _MODULES / "lite-youtube-embed" / "src" / "lite-yt-embed.js"
OTHER_LITE = _MODULES / "@justinribeiro" / "lite-youtube" / "lite-youtube.js"


def size(body: bytes) -> tuple[int, int]:
    with Image.open(BytesIO(body)) as picture:
        return picture.size


# embetty's addresses


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("landscape", (1280, 720)),
        ("full-hd", (1280, 720)),
        ("no-maxres", (640, 360)),
        ("old", (320, 180)),
        ("short", (1280, 720)),
        ("square", (1280, 720)),
    ],
)
def test_a_poster_is_a_jpeg_of_16_to_9_for_embetty_stretches_any_other(
    client: Client, profile: str, expected: tuple[int, int]
) -> None:
    for _ in range(2):  # cold, and from memory
        answer = client.get(f"/video/youtube/{IDS[profile]}-poster-image")
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        assert answer.headers["Cache-Control"] == "public, max-age=86400"
        assert size(answer.data) == expected


@pytest.mark.parametrize(("video", "status"), [(IDS["absent"], 404), ("short", 404), (IDS["error-500"], 502)])
def test_without_a_poster_there_is_our_neutral_picture_and_the_honest_status(
    client: Client, video: str, status: int
) -> None:
    answer = client.get(f"/video/youtube/{video}-poster-image")
    assert (answer.status_code, answer.mimetype) == (status, "image/jpeg")
    assert size(answer.data) == (1280, 720)


def test_with_neutral_thumbnails_youtube_is_not_asked_for_a_poster(
    make_client: MakeClient, youtube: FakeYouTube
) -> None:
    before = youtube.count()
    answer = make_client(thumbnails="neutral").get(POSTER)
    assert (answer.status_code, size(answer.data)) == (200, (1280, 720))
    assert youtube.count() == before


def test_the_page_holds_embettys_element_and_names_no_other_host(client: Client) -> None:
    answer = client.get(AMP)
    html = answer.get_data(as_text=True)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert ELEMENT in html
    assert "//" not in html
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-src 'self'", "frame-ancestors *"} <= set(policy)
    assert "unsafe" not in str(policy)
    assert "http" not in str(policy)


def test_the_page_speaks_the_visitors_language(client: Client) -> None:
    german = client.get(AMP, headers={"Accept-Language": "de-AT"})
    assert '<html lang="de"' in german.get_data(as_text=True)
    assert german.headers["Vary"] == "Accept-Language"


@pytest.mark.parametrize("path", ["/video/youtube/short.amp", f"/video/youtube/{IDS['old']}.amp"])
def test_a_video_that_is_not_shown_here_has_a_page_that_says_so_in_a_frame_as_well(
    make_client: MakeClient, path: str
) -> None:
    answer = make_client(denied_videos=frozenset({IDS["old"]})).get(path)
    assert answer.status_code == 404
    assert "embetty" not in answer.get_data(as_text=True)
    assert answer.headers["Content-Security-Policy"].endswith("frame-ancestors *")


def test_the_version_is_told_as_json(client: Client) -> None:
    answer = client.get("/version")
    assert (answer.status_code, answer.json) == (200, {"version": __version__})


@pytest.mark.parametrize(
    "path", ["/video/vimeo/1-poster-image", f"/video/youtube/{FILM}", f"{POSTER}/more", "/tweet/1", "/video"]
)
def test_what_embettys_server_does_besides_is_not_there(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", [POSTER, AMP, "/version"])
def test_scripts_of_every_site_may_read_where_no_sites_are_listed(client: Client, path: str) -> None:
    assert client.get(path, headers=FROM_THEIRS).headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", [POSTER, AMP, "/version"])
def test_of_listed_sites_each_is_named_and_others_are_refused(make_client: MakeClient, path: str) -> None:
    client = make_client(allowed_sites=SITES)
    for _ in range(2):  # cold, and from memory
        ours = client.get(path, headers=FROM_OURS)
        assert ours.status_code == 200
        assert ours.headers["Access-Control-Allow-Origin"] == "https://ours.test"
        theirs = client.get(path, headers=FROM_THEIRS)
        assert theirs.status_code == 403
        assert "Access-Control-Allow-Origin" not in theirs.headers
        for answer in (ours, theirs):
            assert "Origin" in answer.headers["Vary"]
        assert client.get(path).status_code == 200  # no page of a browser


def test_what_memory_holds_is_no_way_around_the_check_of_the_origin(make_client: MakeClient) -> None:
    client = make_client(allowed_sites=SITES)
    assert client.get(POSTER).status_code == 200
    assert client.get(POSTER, headers=FROM_THEIRS | {"Referer": FROM_OURS["Referer"]}).status_code == 403


def test_a_poster_is_refused_by_its_referrer_as_well(make_client: MakeClient, youtube: FakeYouTube) -> None:
    client = make_client(allowed_sites=SITES)
    before = youtube.count()
    assert client.get(POSTER, headers={**FROM_THEIRS, "Origin": ""}).status_code == 404
    assert youtube.count() == before


def test_with_a_signing_key_the_page_hands_its_signature_on(make_client: MakeClient) -> None:
    client = make_client(signing_key=(KEY,))
    signature = Videos(keys=(KEY,)).sign(VideoId(FILM))
    assert client.get(AMP).status_code == 404
    assert f' params="sig={signature}">' in client.get(f"{AMP}?sig={signature}").get_data(as_text=True)
    assert client.get(POSTER).status_code == 404
    assert client.get(f"{POSTER}?sig={signature}").status_code == 200
    assert client.get(POSTER).status_code == 404  # from memory neither


# In a browser


def show(page: Page, body: str, script: str, *, kind: str = "module", head: str = "") -> None:
    """A page with the script in it, as its makers ship it but for what the test has changed."""
    assert "</script" not in script
    page.show(body, script=f'{head}<script type="{kind}">{script}</script>')


def without_ytimg(script: str, server: Running) -> str:
    """The one change that a site makes: another host for pictures."""
    assert "https://i.ytimg.com" in script
    return script.replace("https://i.ytimg.com", server.url)


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("named", ["page", "element"])
def test_embettys_own_element_shows_our_poster_and_plays(page: Page, named: str) -> None:
    url = page.server.url
    head, by_element = (f'<meta data-embetty-server="{url}">', "") if named == "page" else ("", f'server-url="{url}"')
    element = f'<embetty-video id="a" type="youtube" video-id="{FILM}" start-at="42" {by_element}></embetty-video>'
    show(page, element, EMBETTY.read_text(encoding="utf-8"), kind="text/javascript", head=head)
    page.until(lambda: page.do("a.shadowRoot.querySelector('#poster img').naturalWidth") == 1280)
    assert page.do("a.shadowRoot.querySelector('#poster img').src") == f"{url}{POSTER}"
    assert page.asked_hosts() == {"localhost", "127.0.0.1"}
    page.do("a.shadowRoot.querySelector('#playbutton').click()")
    page.until(lambda: any(f"/embed/{FILM}?autoplay=1&start=42" in frame.url for frame in page.players()))


@pytest.mark.needs("chromium")
def test_embettys_page_in_a_frame_shows_the_preview_and_plays_after_the_click(page: Page, youtube: FakeYouTube) -> None:
    frame = f'<iframe src="{page.server.url}{AMP}" width="640" height="360" allow="autoplay"></iframe>'
    page.show(frame, head="<style>body { margin: 0 } iframe { border: 0 }</style>")
    picture = "document.querySelector('embetty-video').shadowRoot?.querySelector('#picture').currentSrc"
    page.until(lambda: framed(page, AMP).evaluate(picture) == f"{page.server.url}/thumbnail/{FILM}/640.avif")
    assert asked_by_browsers(youtube) == set()
    page.tab.click(320, 170)
    page.until(page.players)
    (player,) = page.players()
    assert f"/embed/{FILM}?" in player.url
    assert asked_by_browsers(youtube) == {"www.youtube-nocookie.com"}
    page.until(lambda: any(report["event"] == "playing" for report in youtube.reports))


@pytest.mark.needs("chromium")
def test_without_script_embettys_page_leads_to_the_preview(browser: Browser, site: Site, server: Running) -> None:
    page = Page(browser, site, server, scripts=False)
    page.tab.send("Page.navigate", url=f"{server.url}{AMP}")
    page.until(page.tab.loads)
    page.tab.click(20, 10)
    page.until(lambda: any(f"/embed/{FILM}" in frame.url for frame in page.frames()))
    page.tab.close()


@pytest.mark.needs("chromium")
@pytest.mark.parametrize(
    ("profile", "picture"),
    [
        ("landscape", "vi_webp/{}/sddefault.webp"),
        ("no-maxres", "vi_webp/{}/sddefault.webp"),
        ("old", "vi/{}/hqdefault.jpg"),
    ],
)
def test_lite_youtube_embed_shows_the_best_picture_that_there_is(page: Page, profile: str, picture: str) -> None:
    video, url = IDS[profile], page.server.url
    script = without_ytimg(LITE.read_text(encoding="utf-8"), page.server)
    show(page, f'<lite-youtube id="a" videoid="{video}"></lite-youtube>', script)
    page.until(lambda: f"/vi_webp/{video}/sddefault.webp" in finished(page))
    page.until(lambda: page.do("a.style.backgroundImage") == f'url("{url}/{picture.format(video)}")')
    assert page.asked_hosts() == {"localhost", "127.0.0.1"}


@pytest.mark.needs("chromium")
@pytest.mark.parametrize(
    ("profile", "quality", "shown", "expected"),
    [
        ("landscape", "", "hqdefault", 480),
        ("full-hd", "maxresdefault", "maxresdefault", 1920),
        ("landscape", "maxresdefault", "maxresdefault", 1280),
        ("no-maxres", "maxresdefault", "hqdefault", 480),
        ("old", "sddefault", "hqdefault", 480),
    ],
)
def test_the_other_lite_youtube_falls_back_where_a_size_is_missing(
    page: Page, profile: str, quality: str, shown: str, expected: int
) -> None:
    video, url = IDS[profile], page.server.url
    script = without_ytimg(OTHER_LITE.read_text(encoding="utf-8"), page.server)
    wanted = f'posterquality="{quality}"' if quality else ""
    show(page, f'<lite-youtube id="a" videoid="{video}" {wanted}></lite-youtube>', script)
    image = "a.shadowRoot.querySelector('#fallbackPlaceholder')"
    page.until(lambda: page.do(f"{image}.naturalWidth") == expected)
    assert page.do(f"{image}.currentSrc") == f"{url}/vi/{video}/{shown}.jpg"
    assert page.asked_hosts() == {"localhost", "127.0.0.1"}


@pytest.mark.parametrize("path", ["vi/{}/maxresdefault.jpg", "vi_webp/{}/maxresdefault.webp", "vi/{}/nothing.jpg"])
def test_a_missing_size_is_answered_as_front_ends_know_it(client: Client, path: str) -> None:
    answer = client.get(f"/{path.format(IDS['no-maxres'])}")
    assert answer.status_code == 404
    assert size(answer.data) == (120, 90)


def framed(page: Page, path: str) -> Frame:
    return next(frame for frame in page.frames() if frame.url.endswith(path))


def asked_by_browsers(youtube: FakeYouTube) -> set[str]:
    """The hosts of all that went to the stand-in, which is the browser's proxy, but for what our server asks."""
    return {asked.host for asked in youtube.requests if "Mozilla/" in (asked.header("User-Agent") or "")}


def finished(page: Page) -> str:
    """The addresses of all that this page has got an answer for, 404 included."""
    answers = [event for event in page.browser.events if event["method"] == "Network.responseReceived"]
    return " ".join(event["params"]["response"]["url"] for event in answers)
