"""What pages tell machines (link previews, JSON-LD), and the linked picture for feeds: ours alone, as far as known."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from tests.privacy.devtools import Browser
from tests.running import Running
from tests.test_markup import GOOGLE, PREVIEW
from tests.youtube import IDS
from ytproxy import markup
from ytproxy.gate import Videos
from ytproxy.images import Shape
from ytproxy.youtube import VideoId

PUBLIC = "https://video.example/yt"
FILM, SHORT, PLAYLIST = IDS["landscape"], IDS["short"], IDS["playlist"]
FEEDS = (Path(__file__).parents[1] / "docs" / "feeds.md").read_text(encoding="utf-8")
KEY = "k" * 16


class Facts(HTMLParser):
    """What a page's head says to machines, and every element's name."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.meta: dict[str, str] = {}
        self.objects: list[dict[str, str]] = []
        self.names: list[str] = []
        self._in_data = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.names.append(tag)
        key = named.get("property", named.get("name", ""))
        if tag == "meta" and key.startswith(("og:", "twitter:", "article:", "video:")):
            assert key not in self.meta
            self.meta[key] = named["content"]
        if tag == "script":
            assert named == {"type": "application/ld+json"}
            self._in_data = True

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.objects.append(json.loads(data))

    def handle_endtag(self, tag: str) -> None:
        self._in_data = self._in_data and tag != "script"


def facts(client: Client, path: str) -> Facts:
    return Facts(client.get(path).get_data(as_text=True))


def of_page(**changes: Any) -> Facts:
    return Facts(markup.preview_page(replace(PREVIEW, whole_page=True, public_url=PUBLIC, **changes)))


@pytest.fixture
def public(make_client: Callable[..., Client]) -> Client:
    return make_client(public_url=PUBLIC)


def test_a_whole_page_tells_machines_this_and_nothing_else(public: Client) -> None:
    found = facts(public, f"/watch?v={FILM}&start=30&lang=de")
    title = found.meta["og:title"]
    picture = f"{PUBLIC}/thumbnail/{FILM}/1280.jpg"
    assert title.endswith("(landscape)")
    assert found.meta == {
        "og:type": "video.other",
        "og:title": title,
        "og:url": f"{PUBLIC}/watch?v={FILM}",
        "og:image": picture,
        "twitter:card": "summary_large_image",
    }
    assert found.objects == [
        {
            "@context": "https://schema.org",
            "@type": "VideoObject",
            "name": title,
            "thumbnailUrl": picture,
            "embedUrl": f"{PUBLIC}/embed/{FILM}",
        }
    ]


def test_a_short_is_told_with_its_portrait_picture_and_its_own_address(public: Client) -> None:
    found = facts(public, f"/shorts/{SHORT}")
    assert found.meta["og:url"] == f"{PUBLIC}/shorts/{SHORT}"
    assert found.meta["og:image"] == f"{PUBLIC}/thumbnail/{SHORT}/portrait-720.jpg"


def test_a_playlist_is_told_by_title_and_picture_but_is_no_video(public: Client) -> None:
    found = facts(public, f"/playlist?list={PLAYLIST}")
    assert found.meta["og:url"] == f"{PUBLIC}/playlist?list={PLAYLIST}"
    assert found.meta["og:image"].startswith(f"{PUBLIC}/thumbnail/")
    assert found.objects == []


def test_a_video_in_a_playlist_keeps_its_list(public: Client) -> None:
    assert (
        facts(public, f"/watch?v={FILM}&list={PLAYLIST}").meta["og:url"] == f"{PUBLIC}/watch?v={FILM}&list={PLAYLIST}"
    )


@pytest.mark.parametrize("path", [f"/watch?v={FILM}", f"/shorts/{SHORT}", f"/playlist?list={PLAYLIST}"])
def test_every_address_told_is_one_of_ours_that_is_there(public: Client, path: str) -> None:
    found = facts(public, path)
    kinds = {"og:url": "text/html", "og:image": "image/jpeg", "embedUrl": "text/html", "thumbnailUrl": "image/jpeg"}
    told = found.meta | (found.objects[0] if found.objects else {})
    for name in kinds.keys() & told.keys():
        assert told[name].startswith(f"{PUBLIC}/")
        answer = public.get(told[name].removeprefix("https://video.example"))
        assert (answer.status_code, answer.mimetype) == (200, kinds[name])
    assert facts(public, told["og:url"].removeprefix("https://video.example")).meta == found.meta


def test_with_a_signing_key_the_addresses_told_are_signed(make_client: Callable[..., Client]) -> None:
    client = make_client(public_url=PUBLIC, signing_key=(KEY,))
    signature = Videos(allowed=None, denied=frozenset(), channels=frozenset(), keys=(KEY,)).sign(VideoId(FILM))
    found = facts(client, f"/watch?v={FILM}&sig={signature}")
    for url in (found.meta["og:url"], found.meta["og:image"], found.objects[0]["embedUrl"]):
        assert "sig=" in url
        assert client.get(url.removeprefix("https://video.example")).status_code == 200


def test_without_a_public_url_nothing_is_told_for_addresses_would_not_be_whole(client: Client) -> None:
    found = facts(client, f"/watch?v={FILM}")
    assert (found.meta, found.objects) == ({}, [])


def test_a_framed_preview_carries_no_facts_for_nobody_reads_them_there(public: Client) -> None:
    framed, unknown = (public.get(f"/embed/{FILM}"), facts(public, f"/embed/{FILM}"))
    assert (unknown.meta, unknown.objects) == ({}, [])
    assert b"schema.org" not in framed.data


@pytest.mark.parametrize("state", ["absent", "private", "live-unknown"])
def test_nothing_is_told_of_what_is_not_shown(state: str) -> None:
    found = of_page(state=state, poster=None)
    assert (found.meta, found.objects) == ({}, [])


def test_a_video_without_a_known_title_is_no_video_object() -> None:
    found = of_page(title="")
    assert found.meta["og:title"] == "YouTube video"
    assert found.objects == []


def test_without_a_picture_none_is_told() -> None:
    found = of_page(poster=None)
    assert "og:image" not in found.meta
    assert found.meta["twitter:card"] == "summary"
    assert found.objects[0].keys() == {"@context", "@type", "name", "embedUrl"}


def test_what_is_told_names_no_host_of_googles(public: Client) -> None:
    found = facts(public, f"/watch?v={FILM}")
    assert not GOOGLE.search(json.dumps([found.meta, found.objects]))
    assert not any("video" in name or "player" in name for name in found.meta)


@given(st.text(min_size=1))
def test_any_title_is_told_letter_for_letter_and_never_becomes_markup(title: str) -> None:
    plain = of_page(title="x")
    title = title.encode("utf-8", "replace").decode().replace("\r", " ").replace("\0", " ")
    found = of_page(title=f"</script><!--\u2028'\"&lt; {title}")
    assert found.objects[0]["name"] == f"</script><!--\u2028'\"&lt; {title}"
    assert found.names == plain.names


def test_the_data_block_holds_no_character_that_an_html_or_script_reader_could_trip_over() -> None:
    html = markup.preview_page(
        replace(PREVIEW, whole_page=True, public_url=PUBLIC, title="</script><script>alert(1)//\u2028\u2029<!-- & ]]>")
    )
    [block] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert not re.search("[<>&\u2028\u2029]", block)
    assert html.count("</script>") == 1


# In a browser


@pytest.mark.needs("chromium")
def test_chromium_shows_the_page_without_a_complaint_and_asks_nobody_else(
    serve: Callable[..., Running], tmp_path: Path
) -> None:
    """Its policy says script-src 'none', which is about scripts; the block of data is there for who reads it."""
    server = serve(public_url=PUBLIC, workers=1)
    browser = Browser(tmp_path / "browser", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    try:
        tab = browser.open_tab()
        tab.send("Network.enable")
        tab.send("Log.enable")
        tab.send("Runtime.enable")
        tab.send("Audits.enable")
        tab.send(
            "Page.addScriptToEvaluateOnNewDocument",
            source="broken = []; addEventListener('securitypolicyviolation', (event) => broken.push(event.blockedURI))",
        )
        tab.send("Page.navigate", url=f"{server.url}/watch?v={FILM}&lang=en")
        give_up = time.monotonic() + 30
        while not tab.loads():
            assert time.monotonic() < give_up, "the page did not load"
            browser.wait(0.1)
        browser.wait(1)

        def in_page(expression: str) -> Any:
            answer = tab.send("Runtime.evaluate", expression=expression, returnByValue=True)
            return answer["result"].get("value")

        told = json.loads(in_page("document.querySelector('script[type=\"application/ld+json\"]').textContent"))
        assert told["embedUrl"] == f"{PUBLIC}/embed/{FILM}"
        assert in_page("document.querySelector('img').naturalWidth") > 0
        assert in_page("broken") == []
        logged = [event["params"]["entry"] for event in browser.events if event["method"] == "Log.entryAdded"]
        assert {entry["source"] for entry in logged} <= {"network"}  # there is no icon, which it asks for by itself
        assert not [event for event in browser.events if event["method"] == "Audits.issueAdded"]
        asked = [
            event["params"]["request"]["url"]
            for event in browser.events
            if event["method"] == "Network.requestWillBeSent"
        ]
        assert {urlsplit(url).netloc for url in asked} == {urlsplit(server.url).netloc}
        # The same tab does hear of a script that the policy forbids.
        tab.send(
            "Runtime.evaluate",
            expression="document.head.append(Object.assign(document.createElement('script'), {textContent: '1'}))",
        )
        browser.wait(1)
        assert in_page("broken") == ["inline"]
    finally:
        browser.close()


# For feeds and mails


def test_the_guide_shows_the_code_that_is_made() -> None:
    code = markup.link_code("https://video.example.org", VideoId("jNQXAC9IVRw"), "Me at the zoo", lang="en")
    assert f"```html\n{code}\n```" in FEEDS


def test_the_linked_picture_needs_neither_frame_nor_script_and_names_us_alone() -> None:
    code = markup.link_code(PUBLIC, VideoId(FILM), 'A "title" <b> & more', lang="de")
    assert code == (
        f'<a href="{PUBLIC}/watch?v={FILM}"><img src="{PUBLIC}/thumbnail/{FILM}/640.jpg" '
        'alt="Abspielen: A &#34;title&#34; &lt;b&gt; &amp; more" width="640" height="360"></a>'
    )


def test_a_short_gets_a_portrait_picture_and_an_unknown_video_a_name() -> None:
    code = markup.link_code(PUBLIC, VideoId(SHORT), "", lang="en", shape=Shape.PORTRAIT)
    assert f'{PUBLIC}/thumbnail/{SHORT}/portrait-360.jpg" alt="Play: YouTube video" width="360" height="640"' in code


def test_the_linked_picture_and_its_page_are_there(public: Client) -> None:
    code = markup.link_code(PUBLIC, VideoId(FILM), "Snow", lang="en")
    page, picture = (public.get(url.removeprefix("https://video.example")) for url in re.findall('"(https[^"]+)', code))
    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert (picture.status_code, picture.mimetype) == (200, "image/jpeg")


def test_signatures_go_into_both_addresses() -> None:
    code = markup.link_code(PUBLIC, VideoId(FILM), "Snow", lang="en", signature="a.b=")
    assert code.count("sig=a.b%3D") == 2


def test_the_guides_video_object_is_one_and_names_us_alone() -> None:
    [block] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', FEEDS, re.DOTALL)
    told = json.loads(block)
    assert {"name", "thumbnailUrl", "uploadDate", "embedUrl"} <= told.keys()
    assert not GOOGLE.search(block)
