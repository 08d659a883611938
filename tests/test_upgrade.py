"""Old pages with `data-upgrade` in a real browser: frames that wait, lone links, and two other elements' names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.test_element import FILM, Page, browser, page, server, site, youtube
from tests.youtube import IDS, FakeYouTube
from ytproxy.youtube import parse

__all__ = ["browser", "page", "server", "site", "youtube"]
pytestmark = pytest.mark.needs("chromium")

WATCH = f"https://www.youtube.com/watch?v={FILM}"
EMBED = f"https://www.youtube.com/embed/{FILM}"
VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "urls.json").read_text("utf-8"))
# Forms that only the server reads: old doors, other schemes, bare ids, addresses without a scheme, pictures.
_SERVER_ALONE = (
    "/w/",
    "/watch/",
    "watch_popup",
    "/user/",
    "/?v=",
    "ytscreeningroom",
    "ytimg",
    "/vi/",
    "?p=",
    "googleapis",
)


def show(page: Page, body: str, *, head: str = "", **headers: str) -> None:
    script = f'<script type="module" src="{page.server.url}/static/ytproxy.js" data-upgrade></script>'
    page.show(body, script=head + script, **headers)
    page.until(lambda: page.do("customElements.get('embetty-video') !== undefined"))


def attributes(page: Page, selector: str = "ytproxy-video") -> dict[str, str]:
    found: dict[str, str] = page.do(
        f"Object.fromEntries([...document.querySelector('{selector}').attributes].map(one => [one.name, one.value]))"
    )
    return found


def test_addresses_are_read_as_the_server_reads_them(page: Page) -> None:
    show(page, "")
    links = [vector["url"] for vector in VECTORS]
    module = f"import('{page.server.url}/static/ytproxy-upgrade.js')"
    found = page.do(f"{module}.then(m => {json.dumps(links)}.map(link => m.attributesFor(link) ?? null))")
    for vector, read in zip(VECTORS, found, strict=True):
        link = vector["url"]
        if read is None:
            known = vector["tier"] in ("reject", "strict", "bare", "app") or not link.lower().startswith("http")
            assert known or any(form in link for form in _SERVER_ALONE), link
        else:
            target = parse(link)
            assert (read["videoid"] or None) == (target.video and target.video.text), link
            public = target.playlist and not target.playlist.personal  # there is nothing to show of a personal one
            assert read["playlistid"] == (target.playlist.text if target.playlist and public else ""), link
            assert (read.get("start") or None) == (target.start_s or None), link
            assert (read["ratio"] == "9/16") is target.short, link


@pytest.mark.parametrize(
    "name",
    [
        *("data-src", "data-lazy-src", "data-original", "data-cookieblock-src", "data-consent-src", "data-cmp-src"),
        *("data-litespeed-src", "uc-src", "data-src-cmplz", "data-suppressedsrc"),
    ],
)
@pytest.mark.parametrize("src", ["", 'src=""', 'src="about:blank"', 'src="/other"'])
def test_a_frame_that_waits_for_a_script_becomes_a_preview(page: Page, name: str, src: str) -> None:
    show(page, f'<iframe {src} {name}="{EMBED}?start=1m30s&amp;end=99&amp;rel=0"></iframe>')
    page.until(lambda: page.do("!document.querySelector('iframe')"))
    found = attributes(page)
    assert [found[name] for name in ("videoid", "start", "end", "params")] == [FILM, "90", "99", "rel=0"]
    assert page.asked_hosts() == {"localhost", "127.0.0.1"}


def test_a_frame_keeps_its_place_size_names_and_list(page: Page) -> None:
    show(
        page,
        f'<iframe id="a" class="film lazyload" title="Snow" width="400" height="300" style="margin-left: 7px" '
        f'data-src="//www.youtube-nocookie.com/embed/{FILM}?list={IDS["playlist"]}"></iframe>',
        Content_Security_Policy=f"script-src {page.server.url}; style-src-elem 'none'",
    )
    page.until(lambda: page.do("part('a', 'stage') !== null"))
    found = attributes(page)
    assert [found[name] for name in ("class", "title", "playlistid")] == ["film", "Snow", IDS["playlist"]]
    box = page.do("part('a', 'stage').getBoundingClientRect().toJSON()")
    assert [box["width"], box["height"]] == [400, 300]
    assert page.do("a.style.marginLeft") == "7px"
    assert page.do("violations") == []


def test_in_a_wrapper_that_keeps_the_shape_the_notice_stays_visible(page: Page) -> None:
    wrapper = "position: relative; width: 640px; padding-bottom: 360px; height: 0; overflow: hidden"
    head = "<style>.shape iframe { position: absolute; width: 100%; height: 100% }</style>"
    show(page, f'<div class="shape" style="{wrapper}"><iframe id="a" data-src="{EMBED}"></iframe></div>', head=head)
    page.until(lambda: page.do("part('a', 'bar') !== null"))
    bar, shape = (
        page.do(f"{one}.getBoundingClientRect().toJSON()")
        for one in ("part('a', 'bar')", "document.querySelector('.shape')")
    )
    assert shape["height"] == 360
    assert bar["bottom"] <= shape["bottom"]
    assert bar["width"] == 640


def test_a_frame_that_has_called_youtube_is_left_and_told_once_with_the_cure(page: Page) -> None:
    page.tab.send("Runtime.enable")
    show(page, f'<iframe src="{EMBED}"></iframe><iframe src="{EMBED}"></iframe>')
    warnings = [
        event["params"]["args"][0]["value"]
        for event in page.browser.events
        if event["method"] == "Runtime.consoleAPICalled"
        and event.get("sessionId") == page.tab.session
        and event["params"]["type"] == "warning"
    ]
    assert len(warnings) == 1
    assert "Put your video host in the place of YouTube's" in warnings[0]
    assert page.do("document.querySelectorAll('iframe').length") == 2


@pytest.mark.parametrize(
    "waiting",
    [
        f'<iframe data-ytproxy="off" data-src="{EMBED}"></iframe>',
        f'<div data-ytproxy="off"><iframe data-src="{EMBED}"></iframe></div>',
        '<iframe data-src="https://player.vimeo.com/video/1"></iframe>',
        '<iframe data-src="https://www.youtube.com/embed/{{id}}"></iframe>',
        f'<iframe data-page="{EMBED}"></iframe>',
        f'<p>See <a href="{WATCH}">this</a></p>',
        f'<p><a href="{WATCH}">one</a> <a href="{WATCH}">two</a></p>',
        f'<ul><li><a href="{WATCH}">a list of links</a></li></ul>',
        f'<p><a data-ytproxy="off" href="{WATCH}">off</a></p>',
        f'<p contenteditable><a href="{WATCH}">being written</a></p>',
        '<p><a href="https://www.youtube.com/@somebody">a channel</a></p>',
        '<p><a href="https://example.org/watch?v=dQw4w9WgXcQ">elsewhere</a></p>',
    ],
)
def test_anything_else_is_left_as_it_is(page: Page, waiting: str) -> None:
    show(page, f'<main id="m">{waiting}</main><p><a href="{WATCH}">the control</a></p>')
    before = page.do(f"(new DOMParser).parseFromString({json.dumps(waiting)}, 'text/html').body.innerHTML")
    assert page.do("m.innerHTML") == before
    assert page.do("document.querySelectorAll('ytproxy-video').length") == 1


def test_a_lone_link_becomes_a_preview_around_itself_and_plays(page: Page, youtube: FakeYouTube) -> None:
    show(page, f'<p style="width: 600px"><a href="{WATCH}&amp;t=30">Snow &amp; ice</a></p>')
    assert page.do("document.querySelector('p > ytproxy-video > a').textContent") == "Snow & ice"
    assert attributes(page) == {"videoid": FILM, "start": "30", "title": "Snow & ice"}
    page.do("document.querySelector('ytproxy-video').id = 'a'")
    page.click("a", "play")
    page.until_heard("a", "play")
    assert len(page.players()) == 1


def test_a_short_is_tall_and_a_bare_address_is_no_title(page: Page) -> None:
    link = f"https://youtube.com/shorts/{IDS['short']}"
    show(page, f'<figure><a href="{link}">{link}</a><figcaption>A dance</figcaption></figure>')
    assert attributes(page) == {"videoid": IDS["short"], "ratio": "9/16", "title": "YouTube"}
    assert page.do("document.querySelector('ytproxy-video').offsetWidth") <= 360


def test_youtubes_picture_in_a_link_gives_way_to_ours(page: Page) -> None:
    show(page, "")
    image = f'<img loading="lazy" src="https://i.ytimg.com/vi/{FILM}/0.jpg" alt="Snow">'
    html = json.dumps(f'<p style="margin-top: 9000px"><a href="{WATCH}">{image}</a></p>')
    page.do(f"document.body.append(new DOMParser().parseFromString({html}, 'text/html').body.firstChild)")
    page.until(lambda: page.do("document.querySelector('ytproxy-video') !== null"))
    assert attributes(page)["title"] == "Snow"
    assert page.do("document.querySelector('ytproxy-video').shadowRoot.querySelector('img').src").startswith(
        f"{page.server.url}/thumbnail/"
    )
    assert "i.ytimg.com" not in page.asked_hosts()


def test_what_is_added_later_is_turned_as_well(page: Page) -> None:
    show(page, "")
    page.do(
        "const frame = document.createElement('iframe');"
        f"frame.dataset.src = '{EMBED}'; const box = document.createElement('div'); box.append(frame);"
        "document.body.append(box)"
    )
    page.until(lambda: page.do("document.querySelectorAll('ytproxy-video').length") == 1)
    assert page.do("document.querySelector('iframe')") is None


def test_lite_youtube_shows_our_preview_in_its_own_vocabulary(page: Page, youtube: FakeYouTube) -> None:
    show(
        page,
        f'<lite-youtube id="a" style="width: 600px" videoid="{FILM}" playlabel="Play: Snow" params="rel=0&amp;start=5" '
        "js-api autoload nocookie><noscript><b>old</b></noscript></lite-youtube>"
        f'<lite-youtube id="b" videoid="{IDS["short"]}" videotitle="Dance" videoStartAt="7" short></lite-youtube>',
    )
    assert page.do("[part('a', 'title').textContent, part('b', 'title').textContent]") == ["Snow", "Dance"]
    assert page.do("part('b', 'stage').style.aspectRatio.replaceAll(' ', '')") == "9/16"
    assert "t=7" in page.do("part('b', 'watch').href")
    page.browser.wait(0.3)
    assert page.asked_hosts() == {"localhost", "127.0.0.1"}
    page.click("a", "play")
    page.until_heard("a", "play")
    assert len(page.players()) == 1


def test_a_background_of_youtubes_is_taken_off_and_an_own_one_is_the_poster(page: Page) -> None:
    show(page, "")
    own = f"{page.server.url}/thumbnail/{FILM}/320.jpg"
    for id_, picture in (("a", f"https://i.ytimg.com/vi/{FILM}/hqdefault.jpg"), ("b", own)):
        page.do(
            f"{{ const it = document.createElement('lite-youtube'); it.id = '{id_}';"
            f"it.setAttribute('videoid', '{FILM}');"
            f"it.style.backgroundImage = 'url({picture})'; document.body.append(it) }}"
        )
    assert page.do("a.style.backgroundImage") == "none"
    assert page.do("part('b', 'picture').src") == own
    page.browser.wait(0.3)
    assert "i.ytimg.com" not in page.asked_hosts()


def test_a_picture_of_youtubes_that_comes_into_it_later_is_not_fetched(page: Page, youtube: FakeYouTube) -> None:
    show(page, f'<lite-youtube id="a" videoid="{FILM}"></lite-youtube>')
    youtube.clear()
    picture = f"https://i.ytimg.com/vi/{FILM}/hqdefault.jpg"
    page.do(
        f"const image = document.createElement('img'); image.loading = 'lazy'; image.src = '{picture}'; "
        "document.getElementById('a').append(image)"
    )
    page.browser.wait(0.5)
    assert "/thumbnail/" in page.do("document.getElementById('a').shadowRoot.querySelector('img').src")
    assert youtube.count("/vi/") == 0


def test_embetty_video_of_youtubes_is_ours_and_another_is_left(page: Page) -> None:
    poster = f"{page.server.url}/thumbnail/{IDS['old']}/320.jpg"
    show(
        page,
        f'<embetty-video id="a" type="youtube" video-id="{FILM}" start-at="42" style="width: 600px"></embetty-video>'
        f'<embetty-video id="b" type="youtube" video-id="{FILM}" poster-image="{poster}"></embetty-video>'
        '<embetty-video id="c" type="vimeo" video-id="1"><i>as it was</i></embetty-video>',
    )
    assert page.do("part('b', 'picture').src") == poster
    assert page.do("c.innerHTML + !!part('c', 'box') + (c.firstChild.offsetWidth > 0)") == "<i>as it was</i>falsetrue"
    page.click("a", "play")
    page.until_heard("a", "play")
    assert page.do("new URL(part('a', 'frame').src).searchParams.get('start')") == "42"


def test_a_name_that_another_script_has_taken_is_left_to_it_with_a_warning(page: Page) -> None:
    page.tab.send("Runtime.enable")
    taken = "<script>customElements.define('lite-youtube', class extends HTMLElement {})</script>"
    show(page, f'<lite-youtube id="a" videoid="{FILM}"></lite-youtube>', head=taken)
    assert page.do("a.shadowRoot") is None
    said = [str(e["params"]["args"]) for e in page.browser.events if e["method"] == "Runtime.consoleAPICalled"]
    assert any("lite-youtube" in words and "Take that script out" in words for words in said)
