"""<ytproxy-video> in a real browser, on a page of another site, against the real server and the stand-in."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.privacy.devtools import Browser, DevToolsError, Frame, Tab
from tests.running import Running
from tests.youtube import IDS, FakeYouTube
from ytproxy.locales import catalogue
from ytproxy.markup import PLAYER_ALLOW

pytestmark = pytest.mark.needs("chromium")

FILM = IDS["landscape"]
_DEADLINE_S = 30
_WATCHING = """heard = []; told = []; violations = []; faults = [];
addEventListener("error", (event) => faults.push(event.message));
for (const name of ["activate", "ready", "play", "pause", "ended", "error"])
  addEventListener(`ytproxy:${name}`, (event) => heard.push([event.target.id, name, event.detail ?? {}]));
addEventListener("message", (event) => told.push(event.data));
addEventListener("securitypolicyviolation", (event) => violations.push(event.blockedURI));
const part = (id, name) => document.getElementById(id).shadowRoot.querySelector(`[part=${name}]`);
"""


class Site:
    """Pages of another site, as headers and HTML."""

    def __init__(self) -> None:
        self.page: tuple[dict[str, str], str] = ({}, "")
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *message: object) -> None:
                pass

            def do_GET(self) -> None:
                headers, html = site.page if self.path == "/" else ({}, "<!doctype html><title>other</title>")
                self.send_response(200)
                for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(html.encode())

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # A name, not the address: to the browser the server on 127.0.0.1 is then another site.
        self.url = f"http://localhost:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


class Page:
    """The site's page in a tab, seen with the eyes of its own scripts."""

    def __init__(self, browser: Browser, site: Site, server: Running, *, scripts: bool = True) -> None:
        self.browser, self.site, self.server = browser, site, server
        self.tab: Tab = browser.open_tab(scripts=scripts)
        self.tab.send("Network.enable")
        self.tab.send("Page.addScriptToEvaluateOnNewDocument", source=_WATCHING)

    def show(self, body: str, *, script: str = "", head: str = "", **headers: str) -> Page:
        script = script or f'<script type="module" src="{self.server.url}/static/ytproxy.js"></script>'
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        head = f'<link rel="icon" href="data:,">{script}{head}'
        html = f'<!doctype html><html lang="en"><head><meta charset="utf-8">{head}</head><body>{body}</body></html>'
        self.site.page = (named, html)
        loads = self.tab.loads()
        self.tab.send("Page.navigate", url=self.site.url)
        self.until(lambda: self.tab.loads() > loads)
        return self

    def do(self, script: str) -> Any:
        answer = self.tab.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, seen: Callable[[], object]) -> None:
        """Waits until *seen* is true; it is an error if it never is."""
        deadline = time.monotonic() + _DEADLINE_S
        while True:
            try:
                if seen():
                    return
            except DevToolsError:  # a document was replaced while it was looked at
                pass
            assert time.monotonic() < deadline, f"the browser did not get there; events: {self.heard}"
            self.browser.wait(0.05)

    def until_heard(self, id_: str, name: str) -> None:
        self.until(lambda: name in self.events(id_))

    @property
    def heard(self) -> list[list[Any]]:
        found: list[list[Any]] = self.do("heard")
        return found

    def events(self, id_: str) -> list[str]:
        return [name for target, name, _ in self.heard if target == id_]

    def detail(self, id_: str, name: str) -> dict[str, Any]:
        """What came with the last event of that name."""
        return next(detail for target, told, detail in reversed(self.heard) if (target, told) == (id_, name))

    def click(self, id_: str, part: str) -> None:
        self.do(f"part('{id_}', '{part}').scrollIntoView({{block: 'nearest'}})")
        box = self.do(f"part('{id_}', '{part}').getBoundingClientRect().toJSON()")
        self.tab.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def frames(self, host: str = "127.0.0.1") -> list[Frame]:
        return [frame for frame in self.tab.frames() if urlsplit(frame.url).hostname == host]

    def hold(self, pattern: str) -> None:
        """Stops what is asked from now on of addresses like *pattern*, until `release` or `refuse`."""
        self.tab.send("Network.setCacheDisabled", cacheDisabled=True)
        self.tab.send("Fetch.enable", patterns=[{"urlPattern": pattern}])

    def held(self) -> list[str]:
        return [
            event["params"]["requestId"]
            for event in self.browser.events
            if event["method"] == "Fetch.requestPaused" and event.get("sessionId") == self.tab.session
        ]

    def release(self) -> None:
        self.until(self.held)
        self.tab.send("Fetch.disable")

    def refuse(self) -> None:
        self.until(self.held)
        for request in self.held():
            self.tab.send("Fetch.failRequest", requestId=request, errorReason="Failed")
        self.tab.send("Fetch.disable")

    def asked(self) -> list[str]:
        """The paths that the page itself has asked, its frames left out."""
        return [
            urlsplit(event["params"]["request"]["url"]).path
            for event in self.browser.events
            if event["method"] == "Network.requestWillBeSent" and event.get("sessionId") == self.tab.session
        ]

    def players(self) -> list[Frame]:
        return self.frames("www.youtube-nocookie.com")

    def asked_hosts(self) -> set[str]:
        """Every host that the page and its frames have asked, as the browser tells it."""
        sessions = self.tab.sessions()
        return {
            urlsplit(event["params"]["request"]["url"]).hostname or ""
            for event in self.browser.events
            if event["method"] == "Network.requestWillBeSent" and event.get("sessionId") in sessions
        } - {""}


@pytest.fixture(scope="module")
def youtube() -> Iterator[FakeYouTube]:
    with FakeYouTube() as running:
        yield running


@pytest.fixture(scope="module")
def server(youtube: FakeYouTube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from _serve(youtube, tmp_path_factory)


def _serve(youtube: FakeYouTube, folders: pytest.TempPathFactory, **settings: str) -> Iterator[Running]:
    values = {
        "cache_dir": str(folders.mktemp("cache")),
        "upstream_proxy": youtube.proxy_url,
        "upstream_ca_file": youtube.ca_file,
        "workers": "1",
    }
    running = Running(values | settings)
    running.wait_until_up()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def below(youtube: FakeYouTube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server under a sub-path."""
    yield from _serve(youtube, tmp_path_factory, public_url="https://example.org/yt")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture(scope="module")
def browser(youtube: FakeYouTube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The stand-in is the browser's proxy, so that YouTube's player is the stand-in's."""
    running = Browser(
        tmp_path_factory.mktemp("browser"), f"--proxy-server={youtube.proxy_url}", "--ignore-certificate-errors"
    )
    yield running
    running.close()


@pytest.fixture
def page(browser: Browser, site: Site, server: Running, youtube: FakeYouTube) -> Iterator[Page]:
    youtube.clear()
    opened = Page(browser, site, server)
    yield opened
    opened.tab.close()


def video(id_: str = "a", content: str = "", **attributes: str) -> str:
    named = " ".join(f'{name}="{value}"' for name, value in ({"videoid": FILM, "title": "Snow"} | attributes).items())
    return f'<ytproxy-video id="{id_}" style="width: 600px" {named}>{content}</ytproxy-video>'


def reports(youtube: FakeYouTube, event: str) -> list[dict[str, Any]]:
    return [report for report in youtube.reports if report["event"] == event]


def test_a_picture_that_fails_is_not_asked_for_again_and_again(page: Page) -> None:
    page.tab.send("Page.bringToFront")
    page.show("", Content_Security_Policy=f"img-src 'none'; script-src {page.server.url} 'unsafe-inline'")
    page.do(
        f"""document.body.innerHTML = '{video()}'; failed = 0; root = document.getElementById('a').shadowRoot;
        root.addEventListener('error', () => {{ failed += 1 }}, true); root.querySelector('img').loading = 'eager'"""
    )
    page.until(lambda: page.do("failed") > 0)
    page.browser.wait(0.5)
    assert page.do("failed") < 10


def test_without_script_the_link_inside_leads_to_the_preview(browser: Browser, site: Site, server: Running) -> None:
    page = Page(browser, site, server, scripts=False)
    link = f'<a href="{server.url}/watch?v={FILM}" style="display: block; height: 50px">Snow</a>'
    page.show(video(content=link), head="<style>body { margin: 0 }</style>")
    page.tab.click(20, 20)
    page.until(lambda: any("/watch" in frame.url for frame in page.frames()))
    page.tab.close()


@pytest.mark.parametrize("lang", ["en", "de"])
def test_an_empty_element_builds_the_preview_with_the_servers_own_words(page: Page, lang: str) -> None:
    page.show(f'<div lang="{lang}">{video()}</div>')
    page.until(lambda: page.do("part('a', 'picture').naturalWidth > 1"))
    t = catalogue(lang)
    page.until(lambda: page.do("part('a', 'play').textContent") == f"{t['play']} Snow")
    assert page.do("[...part('a', 'notice').children].map(one => one.textContent)") == [t["notice"], t["notice_short"]]
    assert page.do("part('a', 'watch').textContent") == f"{t['watch']} {t['opens_youtube']}"
    assert page.do("part('a', 'watch').href") == f"https://www.youtube.com/watch?v={FILM}"
    page.click("a", "play")
    page.until(lambda: page.do("part('a', 'back')?.textContent") == t["back_to_preview"])


def test_the_picture_comes_from_the_scripts_own_host_in_a_size_that_fits(page: Page) -> None:
    page.show(video())
    page.until(lambda: page.do("part('a', 'picture').naturalWidth > 1"))
    assert page.do("part('a', 'picture').currentSrc") == f"{page.server.url}/thumbnail/{FILM}/640.avif"
    page.show(video(videoid=IDS["short"], ratio="9/16"))
    page.until(lambda: page.do("part('a', 'picture').naturalHeight > 1"))
    assert "/portrait-" in page.do("part('a', 'picture').currentSrc")
    stage = page.do("part('a', 'stage').getBoundingClientRect().toJSON()")
    assert stage["width"] / stage["height"] == pytest.approx(9 / 16, rel=0.01)


def test_a_link_and_a_picture_inside_give_the_preview_its_title_and_picture(page: Page) -> None:
    own = f"{page.server.url}/thumbnail/{FILM}/320.jpg"
    inside = f'<a href="{page.server.url}/watch?v={FILM}"><img src="{own}" alt="">Morning &lt;b&gt;light</a>'
    page.show(f'<ytproxy-video id="a" videoid="{FILM}">{inside}</ytproxy-video>')
    page.until(lambda: page.do("a.shadowRoot.querySelector('img').src") == own)
    assert page.do("part('a', 'title').textContent") == "Morning <b>light"


def test_an_own_poster_wins_and_a_list_without_one_gets_a_card(page: Page) -> None:
    poster = f"{page.server.url}/thumbnail/{IDS['old']}/320.jpg"
    page.show(
        video(poster=poster) + f'<ytproxy-video id="b" playlistid="{IDS["playlist"]}" title="All"></ytproxy-video>'
    )
    assert page.do("part('a', 'picture').src") == poster
    assert page.do("b.shadowRoot.querySelector('img')") is None
    assert page.do("part('b', 'watch').href") == f"https://www.youtube.com/playlist?list={IDS['playlist']}"
    page.click("b", "play")
    page.until_heard("b", "play")


@pytest.mark.parametrize("script", ["module", "plain", "both"])
def test_before_the_click_the_browser_asks_the_site_and_our_host_alone(
    page: Page, youtube: FakeYouTube, script: str
) -> None:
    src = f"{page.server.url}/static/ytproxy.js"
    tags = {"module": f'<script type="module" src="{src}"></script>', "plain": f'<script defer src="{src}"></script>'}
    page.show(video() + video("b"), script=tags.get(script, tags["plain"] + tags["module"] + tags["plain"]))
    page.until(lambda: page.do("part('a', 'picture').naturalWidth > 1"))
    assert page.do("faults") == []
    page.tab.mouse("mouseMoved", 300, 200)
    for _ in range(5):
        page.tab.key("Tab", 9)
    assert page.asked_hosts() == {"localhost", "127.0.0.1"}
    assert page.players() == []
    assert "www.youtube-nocookie.com:443" not in youtube.connects


def test_a_click_plays_in_place_in_one_frame_of_ours_and_moves_the_focus_there(
    page: Page, youtube: FakeYouTube
) -> None:
    page.show(video(start="30", end="60", params="rel=0&amp;start=5&amp;hl=fr"))
    page.click("a", "play")
    page.until_heard("a", "play")
    assert page.events("a") == ["activate", "ready", "play"]
    assert len(page.players()) == 1
    asked = parse_qs(urlsplit(page.do("part('a', 'frame').src")).query)
    assert asked == {"rel": ["0"], "start": ["30"], "hl": ["fr"], "end": ["60"], "lang": ["en"], "element": ["1"]}
    assert page.do("part('a', 'frame').allow") == PLAYER_ALLOW
    assert page.do("[part('a', 'frame').title, part('a', 'frame').allowFullscreen]") == ["Snow", True]
    assert page.do("document.activeElement.id + a.shadowRoot.activeElement.localName") == "aiframe"
    (played,) = reports(youtube, "playing")
    assert played["autoplay"] == "allowed"
    assert played["position_s"] >= 30
    assert "element" not in parse_qs(played["query"])
    assert played["referrer"] == f"{page.server.url}/"


@pytest.mark.parametrize(("key", "code"), [("Enter", 13), (" ", 32)])
def test_the_keyboard_plays_as_well(page: Page, key: str, code: int) -> None:
    page.show(video())
    page.tab.key("Tab", 9)
    assert page.do("a.shadowRoot.activeElement.part.value") == "play"
    page.tab.key(key, code)
    page.until_heard("a", "play")


def test_it_works_on_a_page_whose_policy_allows_our_host_and_nothing_inline(page: Page) -> None:
    host = page.server.url
    policy = f"default-src 'none'; script-src {host}; style-src 'none'; img-src {host} data:; frame-src {host}"
    page.show(
        f'<ytproxy-video id="a" videoid="{FILM}" ratio="4/3"></ytproxy-video>',
        Content_Security_Policy=f"{policy}; require-trusted-types-for 'script'; trusted-types 'none'",
        Referrer_Policy="no-referrer",
    )
    page.until(lambda: page.do("part('a', 'picture').naturalWidth > 1"))
    stage = page.do("part('a', 'stage').getBoundingClientRect().toJSON()")
    assert stage["width"] / stage["height"] == pytest.approx(4 / 3, rel=0.01)
    page.click("a", "play")
    page.until_heard("a", "play")
    assert page.do("violations") == []


def test_its_methods_drive_the_player(page: Page, youtube: FakeYouTube) -> None:
    page.show(video())
    page.click("a", "play")
    page.until_heard("a", "play")
    page.do("a.pause()")
    page.until_heard("a", "pause")
    page.do("a.seekTo(50); a.play()")
    page.until(lambda: page.events("a").count("play") == 2)
    assert page.detail("a", "play")["seconds"] >= 50
    page.do("a.seekTo(-1); a.seekTo('x'); a.seekTo(99.9)")
    page.until_heard("a", "ended")
    assert [report["position_s"] for report in reports(youtube, "seeked")] == pytest.approx([50, 99.9], abs=0.1)


def test_what_it_is_told_before_the_player_answers_is_done_when_it_does(page: Page, youtube: FakeYouTube) -> None:
    page.show(video())
    page.do("a.pause(); a.seekTo(7); a.stop()")
    assert page.events("a") == []
    page.do("a.play(); a.seekTo(70)")
    page.until(lambda: reports(youtube, "seeked"))
    assert reports(youtube, "seeked")[0]["position_s"] == 70


@pytest.mark.parametrize("how", ["method", "control"])
def test_stopping_brings_the_preview_back_and_ends_the_connection(page: Page, youtube: FakeYouTube, how: str) -> None:
    page.show(video())
    size = "JSON.stringify(a.getBoundingClientRect())"
    before = page.do(size)
    page.click("a", "play")
    page.until_heard("a", "play")
    assert page.do(size) == before
    bar, frame = (page.do(f"part('a', '{name}').getBoundingClientRect().toJSON()") for name in ("bar", "frame"))
    assert bar["top"] >= frame["bottom"], "the way back lies over the player"
    if how == "control":
        page.click("a", "back")
    else:
        page.do("a.stop()")
    page.until(lambda: page.tab.frames() == [] or len(page.tab.frames()) == 1)
    assert page.do("a.shadowRoot.activeElement.part.value") == "play"
    assert page.do(size) == before
    asked = youtube.count("/")
    page.browser.wait(0.5)
    assert youtube.count("/") == asked
    page.click("a", "play")
    page.until(lambda: page.events("a").count("play") == 2)


def test_a_listener_may_refuse_the_activation(page: Page, youtube: FakeYouTube) -> None:
    page.show(video())
    page.do("addEventListener('ytproxy:activate', (event) => event.preventDefault())")
    page.click("a", "play")
    page.browser.wait(0.3)
    assert page.tab.frames()[1:] == []
    assert youtube.count("/embed/") == 0


def test_of_single_players_only_the_last_one_runs(page: Page) -> None:
    page.show(video("a", single="") + video("b", single="") + video("c"))
    page.do("a.activate(); b.activate()")
    page.until_heard("b", "ready")
    assert page.do("[a, b, c].map(one => !!part(one.id, 'frame'))") == [False, True, False]
    page.do("c.activate()")
    page.until_heard("c", "ready")
    assert page.do("[a, b, c].map(one => !!part(one.id, 'frame'))") == [False, False, True]


def test_players_that_are_not_single_run_side_by_side(page: Page) -> None:
    page.show(video("a") + video("b"))
    page.do("a.activate(); b.activate()")
    page.until_heard("a", "ready")
    page.until_heard("b", "ready")
    page.do("a.pause()")
    page.until(lambda: len(page.players()) == 2)
    assert page.do("document.activeElement.localName") == "body", "a player that nobody clicked takes no focus"


@pytest.mark.parametrize(
    ("code", "key"),
    [
        (2, "fault_failed"),
        (5, "fault_failed"),
        (100, "fault_gone"),
        (101, "embedding_off"),
        (150, "embedding_off"),
        (153, "fault_referrer"),
    ],
)
def test_an_error_of_the_players_is_told_in_words_with_a_link_and_as_an_event(
    page: Page, youtube: FakeYouTube, code: int, key: str
) -> None:
    youtube.set(IDS["old"], player_error=code)
    page.show(video(videoid=IDS["old"]))
    page.click("a", "play")
    page.until_heard("a", "error")
    assert page.detail("a", "error") == {"code": code}
    (ours,) = page.frames()
    t = catalogue("en")
    assert ours.evaluate("document.querySelector('[role=status] > span').textContent") == t[key]
    assert t["watch"] in ours.evaluate("document.querySelector('[role=status] > a').textContent")
    assert IDS["old"] in ours.evaluate("document.querySelector('[role=status] > a').href")


def test_a_silent_player_is_told_as_well_and_without_the_element(page: Page, youtube: FakeYouTube) -> None:
    youtube.set(IDS["square"], player_silent=True)
    src = f"{page.server.url}/embed/{IDS['square']}"
    stopped = video("b", videoid=IDS["square"], hidden="")
    page.show(stopped + video(videoid=IDS["square"]) + f'<iframe id="f" src="{src}" width="600" height="300"></iframe>')
    page.until(lambda: page.frames()[0].evaluate("document.readyState") == "complete")
    page.do("b.activate(); b.stop()")
    page.click("a", "play")
    box = page.do("f.getBoundingClientRect().toJSON()")
    page.tab.click(box["x"] + 300, box["y"] + 150)
    page.until_heard("a", "error")
    assert page.detail("a", "error") == {"code": "silent"}
    assert page.events("b") == ["activate"]
    words = "document.querySelector('[role=status]')?.textContent ?? ''"
    assert len(page.frames()) == 2
    page.until(lambda: all(catalogue("en")["fault_silent"] in one.evaluate(words) for one in page.frames()))


def test_it_may_be_moved_taken_out_put_back_and_added_later(page: Page) -> None:
    page.show(video() + '<section id="there"></section>')
    page.click("a", "play")
    page.until_heard("a", "play")
    page.do("there.append(a)")
    assert page.do("!!part('a', 'play') && !part('a', 'frame')")
    page.do("const it = a; it.remove(); it.activate(); document.body.prepend(it)")
    page.click("a", "play")
    page.until(lambda: page.events("a").count("play") == 2)
    page.do(
        "const late = document.createElement('ytproxy-video'); late.id = 'late';"
        f"document.body.append(late); late.setAttribute('videoid', '{FILM}'); late.title = 'Late'; late.activate()"
    )
    page.until_heard("late", "play")
    assert page.do("part('late', 'frame').title") == "Late"


def test_moving_it_with_its_state_keeps_the_player(page: Page) -> None:
    page.show(video() + '<section id="there"></section>')
    page.click("a", "play")
    page.until_heard("a", "play")
    page.do("there.moveBefore(a, null)")
    page.do("a.pause()")
    page.until_heard("a", "pause")


def test_another_video_replaces_the_preview_and_ends_the_player(page: Page) -> None:
    page.show(video())
    page.click("a", "play")
    page.until_heard("a", "play")
    page.do(f"a.setAttribute('videoid', '{IDS['old']}'); a.title = 'Old'")
    assert page.do("part('a', 'title').textContent") == "Old"
    assert page.do("part('a', 'watch').href").endswith(IDS["old"])
    assert page.do("part('a', 'frame')") is None


@pytest.mark.parametrize("nonsense", ["", "short", 'dQw4w9WgXcQ\\"><b>', "../../etc/pw"])
def test_an_id_that_is_none_leaves_the_link_as_it_is(page: Page, nonsense: str) -> None:
    page.show('<ytproxy-video id="a"><a id="link" href="/other">Snow</a></ytproxy-video>')
    page.do(f'a.setAttribute("videoid", "{nonsense}"); a.activate()')
    assert page.do("link.getBoundingClientRect().width > 0")
    assert page.do("part('a', 'bar')") is None or page.do("part('a', 'bar').getBoundingClientRect().width") == 0
    assert page.events("a") == []


def test_coming_back_to_the_page_shows_the_preview(page: Page, youtube: FakeYouTube) -> None:
    page.show(video())
    page.click("a", "play")
    page.until_heard("a", "play")
    page.do("location.href = '/other'")
    page.until(lambda: page.do("document.title") == "other")
    asked = youtube.count("/embed/")
    page.do("history.back()")
    page.until(lambda: page.do("!!part('a', 'play')"))
    assert page.tab.frames()[1:] == []
    assert youtube.count("/embed/") == asked


def test_messages_from_anybody_else_are_nothing_to_it(page: Page) -> None:
    page.show(video() + '<iframe id="other" src="/other"></iframe>')
    page.click("a", "play")
    page.until_heard("a", "play")
    forged = json.dumps({"ytproxy": "ended", "seconds": 1})
    page.do(f"postMessage({forged}, origin)")
    page.do(f"other.contentWindow.eval('parent.postMessage({forged}, origin)')")
    ours, (player,) = page.frames()[0], page.players()
    player.evaluate(f"top.postMessage({forged}, '*')")
    for wrong in ('{"ytproxy": "ended", "seconds": "1"}', '{"ytproxy": "stop", "seconds": 1}', "null", '"ended"'):
        ours.evaluate(f"parent.postMessage({wrong}, '*')")
    page.until(lambda: page.do("told.filter(one => one?.ytproxy !== 'hello').length") >= 7)
    assert page.events("a") == ["activate", "ready", "play"]


def test_the_player_page_tells_nobody_anything_and_obeys_nobody_before_a_hello(
    page: Page, youtube: FakeYouTube
) -> None:
    page.show(f'<iframe id="f" allow="autoplay" src="{page.server.url}/play/{FILM}?element=1"></iframe>')
    page.until(lambda: reports(youtube, "ready"))
    say = "(message) => f.contentWindow.postMessage(message, new URL(f.src).origin)"
    page.do(f"({say})({{ytproxy: 'seek', seconds: 9}})")
    page.browser.wait(0.3)
    assert page.do("told") == []
    page.do(f"({say})({{ytproxy: 'hello'}})")
    page.until(lambda: page.do("told.length") >= 2)
    assert [message["ytproxy"] for message in page.do("told")][:2] == ["hello", "ready"]
    page.do(f"for (const wrong of [null, 'seek', {{ytproxy: 'toString'}}, {{ytproxy: 'seek'}}]) ({say})(wrong)")
    page.do(f"({say})({{ytproxy: 'seek', seconds: 8}})")
    page.until(lambda: reports(youtube, "seeked"))
    assert [report["position_s"] for report in reports(youtube, "seeked")] == [8]


@pytest.mark.parametrize("width_px", [160, 320, 1200])
@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_it_fits_from_160_pixels_on_in_both_directions(page: Page, width_px: int, direction: str) -> None:
    lang = {"ltr": "en", "rtl": "ar"}[direction]
    page.show(f'<div lang="{lang}" style="width: {width_px}px">{video().replace("600px", "auto")}</div>')
    page.until(lambda: page.do("part('a', 'box').lang") == lang)
    for part in ("play", "watch"):
        box = page.do(f"part('a', '{part}').getBoundingClientRect().toJSON()")
        assert min(box["width"], box["height"]) >= 24, part
    host = page.do("a.getBoundingClientRect().toJSON()")
    assert host["width"] == width_px
    assert page.do("a.scrollWidth") <= width_px
    shown = (
        "[...part('a', 'notice').children].filter(one => one.offsetWidth && getComputedStyle(one).clipPath === 'none')"
    )
    notice = catalogue(lang)["notice" if width_px == 1200 else "notice_short"]
    assert page.do(f"{shown}.map(one => one.textContent)") == [notice]
    notice, watch = (page.do(f"part('a', '{part}').getBoundingClientRect().x") for part in ("notice", "watch"))
    assert (notice < watch) is (direction == "ltr")


def test_it_takes_the_colours_of_a_visitor_who_forces_some_and_prints_an_address(page: Page) -> None:
    page.show(video())
    page.tab.send("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
    triangle = "getComputedStyle(part('a', 'play'), '::after').backgroundColor"
    assert page.do(triangle) == page.do("getComputedStyle(part('a', 'notice')).color")
    page.tab.send("Emulation.setEmulatedMedia", media="print", features=[])
    assert (
        page.do("getComputedStyle(part('a', 'watch'), '::after').content")
        == f'"https://www.youtube.com/watch?v={FILM}"'
    )


def test_a_server_under_a_sub_path_is_found_by_its_script(browser: Browser, site: Site, below: Running) -> None:
    page = Page(browser, site, below)
    page.show(video(), script=f'<script type="module" src="{below.url}/yt/static/ytproxy.js"></script>')
    page.until(lambda: page.do("part('a', 'picture').naturalWidth > 1"))
    assert page.do("part('a', 'picture').currentSrc").startswith(f"{below.url}/yt/thumbnail/{FILM}/")
    page.click("a", "play")
    page.until(lambda: any("/yt/embed/" in frame.url for frame in page.frames()) and page.players())
    page.tab.close()


def test_the_script_and_its_styles_are_small(server: Running) -> None:
    with urlopen(Request(f"{server.url}/static/ytproxy.js", headers={"Accept-Encoding": "br"})) as answer:
        assert answer.headers["Content-Encoding"] == "br"
        assert len(answer.read()) <= 2500


def test_as_a_plain_script_of_another_origin_it_finds_the_rest_of_itself(page: Page) -> None:
    page.show(
        f'<div lang="de">{video()}</div>', script=f'<script defer src="{page.server.url}/static/ytproxy.js"></script>'
    )
    page.until(lambda: page.do("part('a', 'box').lang") == "de")
    page.click("a", "play")
    page.until_heard("a", "play")


def test_in_english_nothing_is_fetched_but_the_script_and_the_picture(page: Page) -> None:
    page.show(video())
    page.until(lambda: page.do("part('a', 'picture').naturalWidth > 1"))
    assert page.asked()[1:] == ["/static/ytproxy.js", f"/thumbnail/{FILM}/640.avif"]


def test_the_player_file_is_fetched_when_a_click_is_likely(page: Page) -> None:
    page.show(video())
    assert "/static/ytproxy-player.js" not in page.asked()
    page.tab.mouse("mouseMoved", 300, 200)
    page.until(lambda: "/static/ytproxy-player.js" in page.asked())
    page.show(video())
    before = len(page.asked())
    page.tab.key("Tab", 9)
    page.until(lambda: "/static/ytproxy-player.js" in page.asked()[before:])


def test_a_click_before_the_player_file_is_there_still_plays(page: Page, youtube: FakeYouTube) -> None:
    page.show(video())
    page.hold("*/static/ytproxy-player.js")
    page.click("a", "play")
    page.browser.wait(0.5)
    assert page.events("a") == []
    assert page.frames() == []
    page.release()
    page.until_heard("a", "play")
    (played,) = reports(youtube, "playing")
    assert played["autoplay"] == "allowed"
    assert page.do("document.activeElement.id + a.shadowRoot.activeElement.localName") == "aiframe"


def test_without_the_player_file_the_link_to_youtube_takes_the_buttons_place(page: Page, youtube: FakeYouTube) -> None:
    page.show(video())
    page.hold("*/static/ytproxy-player.js")
    page.click("a", "play")
    page.refuse()
    page.until(lambda: not page.do("!!part('a', 'play')"))
    stage, watch = (page.do(f"part('a', '{part}').getBoundingClientRect().toJSON()") for part in ("stage", "watch"))
    assert watch == stage
    assert page.do("part('a', 'watch').href") == f"https://www.youtube.com/watch?v={FILM}"
    assert page.tab.frames()[1:] == []
    assert youtube.count("/embed/") == 0
    page.do("a.title = 'Again'")
    assert page.do("part('a', 'play').textContent") == "Play: Again"


@pytest.mark.parametrize("lang", ["de", "el", "ar"])
@pytest.mark.parametrize("width_px", [320, 700])
def test_another_languages_words_move_nothing_when_they_come(page: Page, lang: str, width_px: int) -> None:
    t = catalogue(lang)
    page.hold("*/static/texts/*")
    place = f'<div lang="{lang}" dir="{t["direction"]}" style="width: {width_px}px">'
    page.show(f"{place}{video().replace('600px', 'auto')}<p>after</p></div>")
    painted = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    page.do(painted)
    assert page.do("part('a', 'box').lang") == "en"
    watching = "shifts = []; observer = new PerformanceObserver((list) => shifts.push(...list.getEntries()))"
    page.do(f"{watching}; observer.observe({{type: 'layout-shift'}})")
    size = "JSON.stringify(part('a', 'bar').getBoundingClientRect())"
    before = page.do(size)
    page.release()
    page.until(lambda: page.do("part('a', 'box').lang") == lang)
    page.do(painted)
    assert page.do("part('a', 'notice').textContent") == t["notice"] + t["notice_short"]
    assert page.do("part('a', 'box').dir") == t["direction"]
    assert page.do(size) == before
    page.browser.wait(0.2)
    assert page.do("shifts.flatMap((one) => one.sources.map(({ node }) => node.id || node.nodeName))") == []


@pytest.mark.parametrize("lang", ["xx", "de<", "../de", ""])
def test_a_language_that_is_not_there_leaves_the_english_words(page: Page, lang: str) -> None:
    page.show(video())
    page.do(f"a.lang = {json.dumps(lang)}")
    page.browser.wait(0.3)
    assert page.do("part('a', 'box').lang") in ("en", "de" if lang == "de<" else "en")
    assert page.do("faults") == []


def test_the_link_to_youtube_says_that_it_opens_a_tab_and_tells_no_referrer(page: Page) -> None:
    page.show(video())
    node = page.do("part('a', 'watch').relList.value + ' ' + part('a', 'watch').target")
    assert node == "noopener noreferrer _blank"
    named = page.tab.send("Accessibility.getFullAXTree")["nodes"]
    names = {one["role"]["value"]: one["name"]["value"] for one in named if not one["ignored"] and "name" in one}
    t = catalogue("en")
    assert names["link"] == f"{t['watch']} {t['opens_youtube']}"
    assert names["button"] == "Play: Snow"
    (button,) = [one for one in named if one["role"]["value"] == "button"]
    assert t["notice"] in button["description"]["value"]


def test_it_is_said_that_the_player_is_loading_until_it_answers(page: Page, youtube: FakeYouTube) -> None:
    page.show(f'<div lang="de">{video()}</div>')
    page.hold("*/play/*")
    page.click("a", "play")
    status = "a.shadowRoot.querySelector('[role=status]')?.textContent"
    page.until(lambda: page.do(status) == catalogue("de")["player_loading"])
    page.release()
    page.until(lambda: page.do(status) is None)


def test_inside_another_shadow_root_it_has_the_pages_language_and_plays(page: Page) -> None:
    page.show(f'<div id="host"></div>{video("a")}')
    page.do(
        "document.documentElement.lang = 'de'; host.attachShadow({mode: 'open'}).append(a);"
        "globalThis.inner = host.shadowRoot.firstChild"
    )
    page.until(lambda: page.do("inner.shadowRoot.querySelector('#box').lang") == "de")
    page.do("inner.activate()")
    page.until(lambda: page.players())
    page.until(lambda: "ready" in page.events("host"))


def test_a_poster_fills_the_stage_and_a_thumbnail_keeps_its_shape(page: Page) -> None:
    poster = f"{page.server.url}/thumbnail/{IDS['old']}/320.jpg"
    page.show(video(poster=poster, ratio="1/1") + video("b", ratio="1/1"))
    fit = "(id) => getComputedStyle(part(id, 'picture')).objectFit"
    assert page.do(f"['a', 'b'].map({fit})") == ["cover", "contain"]


def test_a_browser_that_cannot_read_avif_gets_a_jpeg(page: Page) -> None:
    page.hold("*.avif")
    page.show(video())
    page.refuse()
    page.until(lambda: page.do("part('a', 'picture').naturalWidth > 1"))
    assert page.do("part('a', 'picture').currentSrc").endswith("/640.jpg")


def test_a_subclass_may_read_its_settings_elsewhere(page: Page) -> None:
    page.show(f'<old-video id="a" data-id="{FILM}" style="width: 600px">Snow</old-video>')
    page.do(
        "customElements.define('old-video', class extends customElements.get('ytproxy-video') {"
        "  static observedAttributes = ['data-id'];"
        "  read(name) { return name === 'videoid' ? this.dataset.id : super.read(name); } })"
    )
    page.click("a", "play")
    page.until_heard("a", "play")
    page.do(f"a.dataset.id = '{IDS['old']}'")
    assert page.do("part('a', 'watch').href").endswith(IDS["old"])
    assert page.do("part('a', 'frame')") is None
