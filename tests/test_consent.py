"""The consent that lets the element's videos load without a click, in a real browser."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator

import pytest

from tests.privacy.devtools import Browser
from tests.running import Running
from tests.test_element import Page, Site, reports, video
from tests.youtube import IDS, FakeYouTube
from ytproxy.locales import catalogue

pytestmark = pytest.mark.needs("chromium")

WORDS = catalogue("en")
_WATCHING = """changes = [];
document.addEventListener("ytproxy:consent", (event) => changes.push(event.detail.allowed));
"""
_DEFINED = "customElements.whenDefined('ytproxy-video').then(() => true)"


def today(days_ago: int = 0) -> str:
    return str(datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=days_ago))


class Consents(Page):
    """A site whose script tag asks for remembering."""

    def open(self, body: str, how: str = 'data-remember="always"') -> Consents:
        self.load(body, how)
        self.do(_DEFINED)
        return self

    def load(self, body: str, how: str = 'data-remember="always"') -> None:
        self.show(body, script=f'<script type="module" src="{self.server.url}/static/ytproxy.js" {how}></script>')

    def text(self, id_: str, part: str) -> str | None:
        found: str | None = self.do(f"part('{id_}', '{part}')?.textContent")
        return found

    def stored(self) -> str | None:
        found: str | None = self.do("localStorage.getItem('ytproxy')")
        return found

    def call(self, name: str) -> None:
        self.do(f"import('{self.server.url}/static/ytproxy-consent.js').then((consent) => consent.{name}())")


@pytest.fixture(scope="module")
def youtube() -> Iterator[FakeYouTube]:
    with FakeYouTube() as running:
        yield running


@pytest.fixture(scope="module")
def server(youtube: FakeYouTube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(
        {
            "cache_dir": str(tmp_path_factory.mktemp("cache")),
            "upstream_proxy": youtube.proxy_url,
            "upstream_ca_file": youtube.ca_file,
            "workers": "1",
            "remember": "always",
        }
    )
    running.wait_until_up()
    yield running
    running.stop()


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
def page(browser: Browser, site: Site, server: Running, youtube: FakeYouTube) -> Iterator[Consents]:
    youtube.clear()
    opened = Consents(browser, site, server)
    opened.tab.send("Page.addScriptToEvaluateOnNewDocument", source=_WATCHING)
    opened.open("")
    opened.do("localStorage.clear(); sessionStorage.clear()")
    yield opened
    opened.tab.close()


def consent(**changes: object) -> str:
    return json.dumps({"v": 1, "d": today()} | changes)


def test_the_box_is_not_ticked_and_nothing_is_stored_without_it(page: Consents) -> None:
    page.open(video())
    assert page.do("part('a', 'remember').checked") is False
    assert page.text("a", "consent") == WORDS["remember"] + WORDS["remember_days"].replace("{days}", "180")
    page.click("a", "play")
    page.until_heard("a", "play")
    assert page.stored() is None
    assert page.do("document.cookie + sessionStorage.length") == "0"


def test_ticking_alone_stores_nothing_and_a_click_on_play_with_it_does(page: Consents, youtube: FakeYouTube) -> None:
    page.open(video())
    page.click("a", "remember")
    assert page.do("part('a', 'remember').checked") is True
    assert page.stored() is None
    page.click("a", "play")
    page.until_heard("a", "play")
    assert json.loads(page.stored() or "") == {"v": 1, "d": today()}
    assert page.do("changes") == [True]
    assert page.text("a", "forget") == WORDS["forget"]
    above = "part('a', 'forget').getBoundingClientRect().bottom <= part('a', 'stage').getBoundingClientRect().top"
    assert page.do(above)


def test_an_activation_that_is_refused_stores_nothing(page: Consents) -> None:
    page.open(video())
    page.do("addEventListener('ytproxy:activate', (event) => event.preventDefault())")
    page.click("a", "remember")
    page.click("a", "play")
    page.browser.wait(0.5)
    assert page.stored() is None


def test_remembered_videos_load_when_displayed_and_wait_for_a_tap(page: Consents, youtube: FakeYouTube) -> None:
    page.do(f"localStorage.setItem('ytproxy', '{consent()}')")
    page.open(video() + '<div style="height: 3000px"></div>' + video("b"))
    page.until_heard("a", "ready")
    page.browser.wait(0.5)
    assert page.events("b") == []
    assert reports(youtube, "playing") == []
    assert "remembered=1" in page.do("part('a', 'frame').src")
    page.do("b.scrollIntoView()")
    page.until_heard("b", "ready")


def test_going_back_to_the_preview_is_not_undone_by_the_consent(page: Consents) -> None:
    page.do(f"localStorage.setItem('ytproxy', '{consent()}')")
    page.open(video())
    page.until_heard("a", "ready")
    page.click("a", "back")
    page.browser.wait(0.5)
    assert page.do("!!part('a', 'play') && !!part('a', 'forget') && !part('a', 'frame')")


def test_a_choice_taken_back_while_the_players_file_is_on_its_way_contacts_nobody(
    page: Consents, youtube: FakeYouTube
) -> None:
    page.do(f"localStorage.setItem('ytproxy', '{consent()}')")
    page.tab.send("Network.setCacheDisabled", cacheDisabled=True)
    page.tab.send("Fetch.enable", patterns=[{"urlPattern": "*ytproxy-player*"}])

    def held() -> list[str]:
        return [e["params"]["requestId"] for e in page.browser.events if e["method"] == "Fetch.requestPaused"]

    before = len(held())
    page.open(video())
    page.until(lambda: len(held()) > before)
    page.do("part('a', 'forget').focus()")
    page.do("part('a', 'forget').click()")
    assert page.do("part('a', 'play') === document.getElementById('a').shadowRoot.activeElement")
    for request in held()[before:]:
        page.tab.send("Fetch.continueRequest", requestId=request)
    page.tab.send("Fetch.disable")
    page.browser.wait(1)
    assert page.do("!part('a', 'frame')")
    assert not [request for request in youtube.requests if request.path.startswith("/embed/")]


def test_forgetting_stops_every_player_and_empties_the_storage(page: Consents) -> None:
    page.do(f"localStorage.setItem('ytproxy', '{consent()}')")
    page.open(video() + video("b"))
    page.until_heard("a", "ready")
    page.until_heard("b", "ready")
    page.click("b", "forget")
    assert page.stored() is None
    assert page.do("['a', 'b'].map((id) => !!part(id, 'frame'))") == [False, False]
    assert page.text("a", "remember") is not None
    assert page.do("changes") == [False]


@pytest.mark.parametrize(
    "value",
    [
        consent(d=today(180)),
        consent(d=today(-2)),
        consent(v=2),
        consent(d="x"),
        consent(d=[today()]),
        "no",
        "{",
        "null",
        '{"v":1}',
    ],
)
def test_a_consent_that_is_old_or_malformed_is_none(page: Consents, value: str) -> None:
    page.do(f"localStorage.setItem('ytproxy', {json.dumps(value)})")
    page.open(video())
    page.browser.wait(0.3)
    assert page.do("!!part('a', 'remember') && !part('a', 'frame')")


def test_the_owner_may_choose_fewer_days(page: Consents) -> None:
    page.do(f"localStorage.setItem('ytproxy', '{consent(d=today(7))}')")
    page.open(video(), how='data-remember="always" data-remember-days="7"')
    assert "7 days" in (page.text("a", "consent") or "")
    assert page.stored() is None


def test_for_a_session_it_is_kept_in_the_tabs_own_storage(page: Consents) -> None:
    page.open(video(), how='data-remember="session"')
    assert WORDS["remember_session"] in (page.text("a", "consent") or "")
    page.click("a", "remember")
    page.click("a", "play")
    page.until_heard("a", "play")
    assert page.stored() is None
    assert json.loads(page.do("sessionStorage.getItem('ytproxy')"))["v"] == 1


@pytest.mark.parametrize(
    "obstacle",
    [
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {value: true})",
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }})",
    ],
)
def test_where_it_may_not_be_kept_no_box_is_offered_and_every_video_asks(page: Consents, obstacle: str) -> None:
    page.do(f"localStorage.setItem('ytproxy', '{consent()}')")
    page.tab.send("Page.addScriptToEvaluateOnNewDocument", source=obstacle)
    page.open(video())
    page.browser.wait(0.3)
    assert page.do("!!part('a', 'play') && !part('a', 'consent')")
    page.call("allow")
    page.until_heard("a", "ready")


def test_a_banner_allows_for_the_life_of_the_page_and_stores_nothing(page: Consents, youtube: FakeYouTube) -> None:
    page.open(video(), how="")
    page.call("allow")
    page.until_heard("a", "ready")
    assert page.do("localStorage.length + sessionStorage.length") == 0
    assert reports(youtube, "playing") == []
    page.call("withdraw")
    page.until(lambda: page.do("!part('a', 'frame')"))
    assert page.do("changes") == [True, False]
    assert page.do("!!part('a', 'consent')") is False


def test_another_tab_follows(page: Consents, browser: Browser, site: Site, server: Running) -> None:
    page.do(f"localStorage.setItem('ytproxy', '{consent()}')")
    page.open(video())
    page.until_heard("a", "ready")
    other = Page(browser, site, server).show("")
    other.do("localStorage.removeItem('ytproxy')")
    other.tab.close()
    page.until(lambda: page.do("!part('a', 'frame')"))
    assert page.do("changes") == [False]


def test_the_control_tells_how_things_stand_and_changes_it(page: Consents) -> None:
    page.open('<ytproxy-consent id="c" lang="de"></ytproxy-consent>')
    t = catalogue("de")
    text = "c.shadowRoot.textContent"
    page.until(lambda: page.do(text) == f"{t['not_remembered']} {t['remember']}")
    page.do("part('c', 'change').click()")
    page.until(lambda: page.do(text) == f"{t['remembered']} {t['forget']}")
    assert json.loads(page.stored() or "")["d"] == today()
    page.do("part('c', 'change').click()")
    page.until(lambda: page.do(text) == f"{t['not_remembered']} {t['remember']}")
    assert page.stored() is None


def test_the_words_and_the_box_move_nothing_when_they_come(page: Consents) -> None:
    page.show(
        f'<div lang="de" style="width: 320px">{video().replace("600px", "auto")}</div><p>after</p>',
        script=f'<script type="module" src="{page.server.url}/static/ytproxy.js" data-remember="always"></script>'
        "<script>document.documentElement.lang = 'de'</script>",
    )
    page.do(_DEFINED)
    size = page.do("a.getBoundingClientRect().height")
    assert page.do("part('a', 'box').lang + part('a', 'consent').lang") == "dede"
    page.browser.wait(0.3)
    assert page.do("a.getBoundingClientRect().height") == size
    assert "180 Tage" in (page.text("a", "consent") or "")


def test_without_the_file_of_the_consent_every_video_asks(page: Consents) -> None:
    page.do(f"localStorage.setItem('ytproxy', '{consent()}')")
    page.hold("*/static/ytproxy-consent.js")
    page.load(video())
    page.refuse()
    page.do(_DEFINED)
    page.browser.wait(0.3)
    assert page.do("!part('a', 'frame')")
    assert IDS["landscape"] in page.do("part('a', 'watch').href")
