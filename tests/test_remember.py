"""The choice that videos load without a click, in a real browser: our frames in a page of another site."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.privacy.devtools import Browser, DevToolsError, Frame
from tests.running import Running
from tests.test_element import Page, Site, reports
from tests.wire import exchange, request
from tests.youtube import IDS, FakeYouTube
from ytproxy.config import Settings
from ytproxy.locales import catalogue

pytestmark = pytest.mark.needs("chromium")

FILM, OTHER = IDS["landscape"], IDS["old"]
ALLOW = 'allow="autoplay" width="600" height="340"'
KEY = "ytproxy"
WORDS = catalogue("en")
_ANY_WORDS = "document.body.innerText"


def frame(server: Running, path: str = f"embed/{FILM}?lang=en", more: str = ALLOW) -> str:
    return f'<iframe src="{server.url}/{path}" {more}></iframe>'


def today(days_ago: int = 0) -> str:
    return str(datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=days_ago))


def consent(**changes: Any) -> str:
    return json.dumps({"v": 1, "d": today()} | changes, separators=(",", ":"))


class Frames(Page):
    """A page of another site with our frames in it."""

    def show(self, body: str, *, script: str = " ", head: str = "", **headers: str) -> Frames:
        first, *rest = body.split("<iframe ")
        body = first + "".join(f'<iframe name="{index}" {one}' for index, one in enumerate(rest))
        super().show(body, script=script, head=head, **headers)
        return self

    def visit(self, path: str) -> None:
        """One of our pages in the tab itself."""
        loads = self.tab.loads()
        self.tab.send("Page.navigate", url=f"{self.server.url}/{path}")
        self.until(lambda: self.tab.loads() > loads)

    def ours(self, index: int = 0) -> Frame:
        """By the place in the site's page, or the tab's page itself: browsers do not tell frames in order."""
        named = {one.evaluate("window.name"): one for one in self.frames()}
        return named[str(index) if "" not in named else ""]

    def see(self, index: int, script: str) -> Any:
        """What *script* gives in one of our frames; None while its document is being replaced."""
        try:
            return self.ours(index).evaluate(script)
        except (DevToolsError, KeyError):
            return None

    def until_there(self, index: int, selector: str) -> None:
        self.until(lambda: self.see(index, f"!!document.querySelector('{selector}')?.checkVisibility()"))

    def press(self, index: int, selector: str) -> None:
        """A click in the middle of something in one of our frames, as a mouse does it."""
        self.until_there(index, selector)
        outer = self.do(f"document.querySelectorAll('iframe')[{index}].getBoundingClientRect().toJSON()")
        inner = self.see(index, f"document.querySelector('{selector}').getBoundingClientRect().toJSON()")
        self.tab.click(
            outer["left"] + inner["left"] + inner["width"] / 2, outer["top"] + inner["top"] + inner["height"] / 2
        )

    def is_preview(self, index: int = 0) -> bool:
        return bool(self.see(index, "document.readyState === 'complete' && !!document.querySelector('a.play')"))

    def stored(self, index: int = 0, store: str = "localStorage") -> Any:
        return self.ours(index).evaluate(f"({store}).getItem('{KEY}')")

    def store(self, text: str, store: str = "localStorage") -> None:
        """Puts *text* where our frames keep the choice, before any of them is shown."""
        self.show(frame(self.server, "healthz"))
        self.ours().evaluate(f"({store}).setItem('{KEY}', {json.dumps(text)})")

    def plays_nothing(self, youtube: FakeYouTube) -> None:
        """Some time later, still nobody has asked YouTube for anything."""
        self.browser.wait(0.7)
        assert self.players() == []
        assert self.asked_hosts() <= {"localhost", "127.0.0.1"}
        assert "www.youtube-nocookie.com:443" not in youtube.connects


@pytest.fixture(scope="module")
def youtube() -> Iterator[FakeYouTube]:
    with FakeYouTube() as running:
        yield running


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
def off(youtube: FakeYouTube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from _serve(youtube, tmp_path_factory)


@pytest.fixture(scope="module")
def session(youtube: FakeYouTube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from _serve(youtube, tmp_path_factory, remember="session")


@pytest.fixture(scope="module")
def always(youtube: FakeYouTube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from _serve(youtube, tmp_path_factory, remember="always", remember_days="30")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture(scope="module")
def browser(youtube: FakeYouTube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    running = Browser(
        tmp_path_factory.mktemp("browser"), f"--proxy-server={youtube.proxy_url}", "--ignore-certificate-errors"
    )
    yield running
    running.close()


@pytest.fixture
def open_page(browser: Browser, site: Site, youtube: FakeYouTube) -> Iterator[Callable[[Running], Frames]]:
    """Opens a tab on a page of the site, in a browser that has kept nothing of the server."""
    youtube.clear()
    opened: list[Frames] = []

    def make(server: Running) -> Frames:
        opened.append(Frames(browser, site, server))
        return opened[-1]

    yield make
    for page in opened:
        # The server's storage in the site's frames is neither's alone: only the server's own pages can empty it.
        page.show(frame(page.server, "healthz"))
        page.ours().evaluate("localStorage.clear()")
        page.visit("healthz")
        page.do("localStorage.clear()")
        page.tab.close()


@pytest.fixture
def page(open_page: Callable[[Running], Frames], always: Running) -> Frames:
    return open_page(always)


# Without the choice


def test_with_off_a_preview_has_no_script_and_forbids_any(
    open_page: Callable[[Running], Frames], off: Running, youtube: FakeYouTube
) -> None:
    page = open_page(off)
    page.store(consent())
    page.show(frame(off))
    page.until(page.is_preview)
    assert page.ours().evaluate("document.scripts.length + document.querySelectorAll('.ask, button').length") == 0
    page.plays_nothing(youtube)
    (answer,) = exchange(off.port, request(f"/embed/{FILM}"))
    assert "script-src 'none'" in answer.header("content-security-policy")


@pytest.mark.parametrize("path", [f"/embed/{FILM}", f"/watch?v={FILM}", "/consent"])
def test_with_the_setting_there_is_exactly_one_script_of_ours(always: Running, path: str) -> None:
    (answer,) = exchange(always.port, request(path))
    assert answer.body.count(b"<script") == 1
    assert b"static/remember-" in answer.body
    assert "script-src 'self'" in answer.header("content-security-policy")
    assert b"youtube" not in answer.header("content-security-policy").encode()


@pytest.mark.parametrize("name", ["absent", "private", "no-embed", "impossible"])
def test_what_plays_nothing_has_no_script_either(always: Running, name: str) -> None:
    (answer,) = exchange(always.port, request(f"/embed/{IDS[name]}"))
    assert b'class="play"' not in answer.body
    assert b"<script" not in answer.body
    assert "script-src 'none'" in answer.header("content-security-policy")


def test_nothing_is_kept_and_nobody_asked_before_the_click_nor_by_ticking_the_box(
    page: Frames, youtube: FakeYouTube
) -> None:
    page.show(frame(page.server))
    page.until_there(0, ".ask input")
    assert page.see(0, "document.querySelector('.ask input').checked") is False
    page.press(0, ".ask input")
    page.until(lambda: page.see(0, "document.querySelector('.ask input').checked"))
    page.plays_nothing(youtube)
    assert page.stored() is None
    assert page.see(0, "sessionStorage.length + localStorage.length") == 0


def test_the_box_says_what_it_does_and_for_how_long(page: Frames) -> None:
    page.show(frame(page.server))
    page.until_there(0, ".ask input")
    assert page.see(0, "document.querySelector('label').textContent.trim()") == WORDS["remember"]
    described = "document.getElementById(document.querySelector('.ask input').getAttribute('aria-describedby'))"
    assert page.see(0, f"{described}.textContent") == WORDS["remember_days"].format(days=30)
    assert page.see(0, "document.querySelector('button.remembered').checkVisibility()") is False


def test_without_the_tick_a_click_plays_and_keeps_nothing(page: Frames, youtube: FakeYouTube) -> None:
    page.show(frame(page.server))
    page.press(0, "a.play")
    page.until(lambda: reports(youtube, "playing"))
    assert page.stored() is None
    assert page.see(0, "document.querySelector('button.remembered').checkVisibility()") is False
    page.show(frame(page.server))
    page.until_there(0, ".ask")
    assert page.players() == []


# With the choice


def test_the_ticked_click_plays_keeps_the_day_and_later_videos_load_without_starting(
    page: Frames, youtube: FakeYouTube
) -> None:
    page.show(frame(page.server))
    page.press(0, ".ask input")
    page.press(0, "a.play")
    page.until(lambda: reports(youtube, "playing"))
    assert page.stored() in (consent(), consent(d=today(1)))
    assert page.see(0, "localStorage.length + sessionStorage.length") == 1
    youtube.clear()
    page.show(frame(page.server, f"embed/{OTHER}?lang=en"))
    page.until(lambda: reports(youtube, "ready"))
    assert "autoplay=0" in reports(youtube, "ready")[0]["query"]
    page.browser.wait(0.5)
    assert {report["event"] for report in youtube.reports} == {"loaded", "ready"}
    outer = page.do("document.querySelector('iframe').getBoundingClientRect().toJSON()")
    (player,) = page.players()
    button = player.evaluate("document.getElementById('play').getBoundingClientRect().toJSON()")
    bar_px = page.see(0, "document.querySelector('iframe').getBoundingClientRect().top")
    page.tab.click(outer["left"] + button["left"] + 9, outer["top"] + 2 + bar_px + button["top"] + 9)
    page.until(lambda: reports(youtube, "playing"))


def test_a_choice_for_the_session_is_kept_in_this_tab_alone(
    open_page: Callable[[Running], Frames], session: Running, youtube: FakeYouTube
) -> None:
    page = open_page(session)
    page.show(frame(session))
    page.until_there(0, ".ask input")
    assert WORDS["remember_session"] == page.see(0, "document.getElementById('how').textContent")
    page.press(0, ".ask input")
    page.press(0, "a.play")
    page.until(lambda: reports(youtube, "playing"))
    assert page.stored(store="localStorage") is None
    assert page.stored(store="sessionStorage") is not None
    youtube.clear()
    page.show(frame(session))
    page.until(lambda: reports(youtube, "ready"))
    other = open_page(session)
    youtube.clear()
    other.show(frame(session))
    other.until_there(0, ".ask")
    other.browser.wait(0.5)
    assert other.players() == []


@pytest.mark.parametrize(
    "text",
    [
        consent(d=today(30)),
        consent(d=today(-2)),
        consent(v=2),
        consent(v="1"),
        consent(d=None),
        consent(d=0),
        consent(d=[today()]),
        consent(d=f"{today()}T00:00:00Z"),
        consent(d="2026-99-99"),
        '{"v":1}',
        "null",
        "1",
        "",
        "true",
        "{",
    ],
)
def test_what_is_too_old_from_the_future_or_not_as_we_write_it_is_forgotten_and_asks(
    page: Frames, youtube: FakeYouTube, text: str
) -> None:
    page.store(text)
    page.show(frame(page.server))
    page.until_there(0, ".ask")
    page.plays_nothing(youtube)
    assert page.stored() is None


def test_it_holds_until_its_last_day(page: Frames, youtube: FakeYouTube) -> None:
    page.store(consent(d=today(28)))
    page.show(frame(page.server))
    page.until(lambda: reports(youtube, "ready"))


def test_a_browser_that_says_no_to_all_is_not_asked_and_not_remembered(page: Frames, youtube: FakeYouTube) -> None:
    page.visit("healthz")
    page.do(f"localStorage.setItem('{KEY}', {json.dumps(consent())})")
    source = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"
    page.tab.send("Page.addScriptToEvaluateOnNewDocument", source=source)
    page.visit("consent?lang=en")
    assert page.do("document.querySelector('[role=status]').innerText") == WORDS["not_remembered"]
    page.visit(f"embed/{FILM}?lang=en")
    assert page.is_preview()
    page.plays_nothing(youtube)
    assert page.see(0, "document.querySelector('.ask').checkVisibility()") is False
    assert page.see(0, "document.querySelector('button.remembered').checkVisibility()") is False


def test_where_storage_is_denied_the_box_is_not_offered_and_a_click_still_plays(
    page: Frames, youtube: FakeYouTube
) -> None:
    page.show(frame(page.server, more=f'{ALLOW} sandbox="allow-scripts"'))
    page.until(page.is_preview)
    assert page.see(0, "document.querySelector('.ask').checkVisibility()") is False
    page.press(0, "a.play")
    page.until(lambda: reports(youtube, "loaded"))


def test_a_frame_that_is_not_displayed_loads_nothing_until_it_is(page: Frames, youtube: FakeYouTube) -> None:
    page.store(consent())
    page.show('<div style="height: 5000px"></div>' + frame(page.server))
    page.until(page.is_preview)
    page.plays_nothing(youtube)
    page.do("scrollTo(0, 9999)")
    page.until(lambda: reports(youtube, "ready"))


@pytest.mark.parametrize(
    ("name", "value", "shown"), [("visibilityState", "'hidden'", "'visible'"), ("prerendering", "true", "false")]
)
def test_a_tab_in_the_background_and_a_page_rendered_ahead_load_nothing(
    page: Frames, youtube: FakeYouTube, name: str, value: str, shown: str
) -> None:
    page.visit("healthz")
    page.do(f"localStorage.setItem('{KEY}', {json.dumps(consent())})")
    source = f"Object.defineProperty(Document.prototype, '{name}', {{ get: () => now, configurable: true }})"
    page.tab.send("Page.addScriptToEvaluateOnNewDocument", source=f"let now = {value}; {source}")
    page.visit(f"embed/{FILM}?lang=en")
    page.until(page.is_preview)
    page.plays_nothing(youtube)
    page.do(f"now = {shown}; document.dispatchEvent(new Event('visibilitychange'))")
    page.until(lambda: reports(youtube, "ready"))


@pytest.mark.parametrize("door", ["embed/", "watch?v="])
def test_a_page_of_its_own_remembers_as_well(page: Frames, youtube: FakeYouTube, door: str) -> None:
    page.visit("healthz")
    page.do(f"localStorage.setItem('{KEY}', {json.dumps(consent())})")
    page.visit(f"{door}{FILM}")
    page.until(lambda: reports(youtube, "ready"))


# The way back, and taking it back


def test_back_to_the_preview_stays_there_until_the_next_click(page: Frames, youtube: FakeYouTube) -> None:
    page.store(consent())
    page.show(frame(page.server))
    page.until(lambda: reports(youtube, "ready"))
    page.press(0, ".back")
    page.until(page.is_preview)
    youtube.clear()
    page.plays_nothing(youtube)
    page.until_there(0, "button.remembered")
    page.press(0, "a.play")
    page.until(lambda: reports(youtube, "playing"))
    assert page.stored() is not None


def test_taking_it_back_on_the_preview_asks_again(page: Frames, youtube: FakeYouTube) -> None:
    page.store(consent())
    page.show(frame(page.server))
    page.until(lambda: reports(youtube, "ready"))
    page.press(0, ".back")
    page.until(page.is_preview)
    page.press(0, "button.remembered")
    page.until_there(0, ".ask")
    assert page.stored() is None
    youtube.clear()
    page.show(frame(page.server))
    page.until_there(0, ".ask")
    page.plays_nothing(youtube)


@pytest.mark.parametrize("where", ["player", "consent page"])
def test_taking_it_back_ends_all_players_of_the_site_at_once(page: Frames, youtube: FakeYouTube, where: str) -> None:
    page.store(consent())
    both = frame(page.server) + frame(page.server, f"embed/{OTHER}?lang=en")
    page.show(f'<div style="display: flex">{both}</div>' + frame(page.server, "consent?lang=en"))
    page.until(lambda: len(page.players()) == 2)
    page.until(lambda: WORDS["remembered"] in page.see(2, _ANY_WORDS))
    page.press(0 if where == "player" else 2, "button.remembered")
    page.until(lambda: page.is_preview(0) and page.is_preview(1))
    page.until(lambda: WORDS["not_remembered"] in page.see(2, _ANY_WORDS))
    assert page.stored() is None
    page.until_there(0, ".ask")
    page.until_there(1, ".ask")
    youtube.clear()
    page.plays_nothing(youtube)


def test_the_consent_page_says_what_holds(page: Frames, off: Running) -> None:
    page.show(frame(page.server, "consent?lang=de") + frame(off, "consent?lang=en"))
    status = "document.querySelector('[role=status]').innerText"
    page.until(lambda: page.see(0, status) == catalogue("de")["not_remembered"])
    page.until(lambda: page.see(1, status) == WORDS["not_remembered"])
    assert page.see(1, "document.scripts.length") == 0


NOTICE = """[...document.querySelectorAll("#notice, summary .short")].find((part) => part.offsetHeight > 1 &&
  getComputedStyle(part).clipPath === "none")?.getBoundingClientRect().toJSON()"""


@pytest.mark.parametrize(("width_px", "height_px"), [(160, 284), (200, 160), (320, 180), (600, 340)])
def test_the_box_fits_beside_the_notice(page: Frames, width_px: int, height_px: int) -> None:
    page.show(frame(page.server, more=f'width="{width_px}" height="{height_px}"'))
    page.until_there(0, ".ask input")
    box = page.see(0, "document.querySelector('.remember').getBoundingClientRect().toJSON()")
    foot = page.see(0, "document.querySelector('.foot').getBoundingClientRect().toJSON()")
    notice = page.see(0, NOTICE)
    assert foot["top"] >= 0
    assert 0 <= box["left"] <= box["right"] <= width_px
    assert 0 <= notice["top"] < notice["bottom"] <= box["top"] + 1
    assert box["bottom"] <= height_px
    assert page.see(0, "document.querySelector('label').scrollWidth") <= width_px


@pytest.mark.parametrize(("width_px", "height_px"), [(160, 90), (200, 120)])
def test_where_there_is_no_room_for_it_the_box_gives_way_to_the_notice(
    page: Frames, width_px: int, height_px: int
) -> None:
    page.show(frame(page.server, more=f'width="{width_px}" height="{height_px}"'))
    page.until(lambda: page.see(0, "document.querySelector('.ask')?.hidden === false"))
    assert page.see(0, "document.querySelector('.ask').checkVisibility()") is False
    assert 0 <= page.see(0, NOTICE)["top"] < height_px


@pytest.mark.parametrize(("width_px", "height_px"), [(160, 90), (320, 180)])
def test_the_way_back_stands_above_a_small_player_too(
    page: Frames, youtube: FakeYouTube, width_px: int, height_px: int
) -> None:
    page.store(consent())
    page.show(frame(page.server, more=f'width="{width_px}" height="{height_px}"'))
    page.until(lambda: reports(youtube, "ready"))
    page.until_there(0, "button.remembered")
    assert page.see(0, "document.documentElement.scrollHeight <= innerHeight")
    assert page.see(0, "document.querySelector('button').getBoundingClientRect().width") >= 60
    page.press(0, "button.remembered")
    page.until(page.is_preview)


# The player's page


def test_a_player_that_is_loading_is_announced_until_it_answers(page: Frames, youtube: FakeYouTube) -> None:
    youtube.set(IDS["square"], player_silent=True)
    both = frame(page.server, f"embed/{IDS['square']}?lang=en") + frame(page.server)
    page.show(f'<div style="display: flex">{both}</div>')
    page.press(0, "a.play")
    page.press(1, "a.play")
    words = "document.querySelector('.loading[role=status]')?.textContent"
    page.until(lambda: page.see(0, words) == WORDS["player_loading"])
    page.until(lambda: reports(youtube, "playing"))
    page.until(lambda: page.see(1, words) == "")
    page.until(lambda: WORDS["fault_silent"] in page.see(0, _ANY_WORDS))
    assert page.see(0, words) == ""


def test_another_site_does_not_reach_the_player_by_saying_that_it_is_remembered(
    page: Frames, youtube: FakeYouTube
) -> None:
    page.store(consent())
    page.show(frame(page.server, f"play/{FILM}?lang=en&amp;remembered=1"))
    page.until(page.is_preview)
    page.plays_nothing(youtube)


@pytest.mark.parametrize(
    "lines",
    [
        ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
        ("Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
        ("Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"),
        ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"),
        ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Purpose: prefetch"),
        ("Referer: https://example.org/",),
        (),
    ],
)
def test_only_our_own_page_is_believed_that_the_visitor_is_remembered(
    always: Running, off: Running, lines: tuple[str, ...]
) -> None:
    agent = ("User-Agent: Mozilla/5.0 Chrome/156.0", 'Sec-CH-UA: "Chromium";v="156"')
    path = f"/play/{FILM}?remembered=1"
    ours = ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe")
    for server, asked, plays in ((always, lines, False), (always, ours, True), (off, ours, False)):
        (answer,) = exchange(server.port, request(path, *agent, *asked))
        assert (b"<iframe" in answer.body) is plays


def test_the_setting_is_off_by_default() -> None:
    assert (Settings().remember, Settings().remember_days) == ("off", 180)
