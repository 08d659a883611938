"""What a visitor does on a page, and what is noted while they do it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.privacy.devtools import Browser, DevToolsError, Frame, Tab
from tests.privacy.front import Front
from tests.privacy.journal import OWN_HOSTS, PLAYER_HOST, PROXY_HOST, SITE_HOST, Journal
from tests.youtube import FakeYouTube

Phase = dict[str, Any]

_SETTLE_S = 0.8  # hints and lazy frames act within a few hundred milliseconds of their cause
_CLOSE_S = 0.3
_PATIENCE_S = 12.0
_TAB_STOPS = 12

# Our hosts at the top, and our frame inside the site's page, whose storage is a partition of its own.
_STORAGE_KEYS = (
    f"https://{SITE_HOST}/",
    f"https://{PROXY_HOST}/",
    f"https://{PROXY_HOST}/^0https://{SITE_HOST}",
)
_ELEMENTS = "ytproxy-video, lite-youtube, embetty-video"
# The play link of a page of ours, or the play button that our element has put into another page.
_PLAY_LINK = (
    "([...document.links].find(link => link.hostname === location.hostname && link.pathname.startsWith('/play/'))"
    f" ?? document.querySelector('{_ELEMENTS}')?.shadowRoot?.querySelector('[part=play]'))"
)
_FOCUSED = "(document.activeElement?.shadowRoot?.activeElement ?? document.activeElement)"
_STORED = """(async () => {
  const found = [];
  const look = async (kind, read) => {
    try { for (const item of await read()) found.push(`${kind} ${item}`); }
    catch (error) { found.push(`${kind} cannot be read: ${error}`); }
  };
  await look("cookie", () => document.cookie ? [document.cookie] : []);
  await look("localStorage", () => Object.keys(localStorage));
  await look("sessionStorage", () => Object.keys(sessionStorage));
  await look("IndexedDB", async () => (await indexedDB.databases()).map(one => one.name));
  await look("CacheStorage", () => caches.keys());
  await look("service worker", async () => (await navigator.serviceWorker.getRegistrations()).map(one => one.scope));
  return found;
})()"""
_SHOWN = f"""({{
  title: document.title,
  text: document.body ? document.body.innerText.slice(0, 400) : "",
  pictures: [document, ...[...document.querySelectorAll("{_ELEMENTS}")].map(video => video.shadowRoot)]
    .flatMap(place => [...place?.querySelectorAll("img") ?? []])
    .filter(image => image.complete && image.naturalWidth > 1).length,
  playLink: !!{_PLAY_LINK},
}})"""


class Visitor:
    """Drives one browser and notes, phase by phase, whom it contacted, what it stored and what it showed."""

    def __init__(self, browser: Browser, journal: Journal, front: Front, youtube: FakeYouTube) -> None:
        self.browser = browser
        self.journal = journal
        self.front = front
        self.youtube = youtube
        self.ignored: frozenset[str] = frozenset()
        self._noted = (journal.mark(), len(youtube.reports))

    def visit(self, url: str, *steps: tuple[str, Callable[[Tab], None]], scripts: bool = True) -> dict[str, Phase]:
        """Opens *url* in a new tab of an emptied browser: phases "load", one a step, and "close"."""
        self.browser.send("Storage.clearCookies")
        tab = self.browser.open_tab(scripts=scripts)
        tab.send("Network.clearBrowserCache")
        for key in _STORAGE_KEYS:
            tab.send("Storage.clearDataForStorageKey", storageKey=key, storageTypes="all")
        phases: dict[str, Phase] = {}
        try:
            self.open(tab, url)
            phases["load"] = self._note(tab)
            for name, step in steps:
                step(tab)
                phases[name] = self._note(tab)
        finally:
            tab.close()
        self.browser.wait(_CLOSE_S)
        phases["close"] = self._note(None)
        return phases

    def _note(self, tab: Tab | None) -> Phase:
        """All that came since the last note, so that nothing falls between two phases."""
        since, self._noted = self._noted, (self.journal.mark(), len(self.youtube.reports))
        cookies = self.browser.send("Storage.getCookies")["cookies"]
        stored = [f"cookie {one['domain']} {one['name']}" for one in cookies if _is_own(one["domain"])]
        shown = []
        for frame in tab.frames() if tab else []:
            host = _host(frame)
            entry: dict[str, Any] = {"url": frame.url}
            if host in OWN_HOSTS:
                stored += [f"{item} in {host}" for item in frame.evaluate(_STORED)]
                entry.update(frame.evaluate(_SHOWN))
            shown.append(entry)
        return {
            "contacts": self.journal.between(since[0], self._noted[0], self.ignored),
            "asked": self.journal.own_between(since[0], self._noted[0]),
            "player": self.youtube.reports[since[1] : self._noted[1]],
            "stored": stored,
            "frames": shown,
        }

    # Steps. Each leaves time for what it may have set off.

    def open(self, tab: Tab, url: str) -> None:
        self._load(tab, "Page.navigate", url=url)

    def reload(self, tab: Tab) -> None:
        self._load(tab, "Page.reload")

    def _load(self, tab: Tab, command: str, **params: str) -> None:
        """Waits for the new page's load event, so that the old page is not taken for it."""
        before = tab.loads()
        tab.send(command, **params)
        self._until(lambda: tab.loads() > before)
        self._settle(tab)

    def back(self, tab: Tab) -> None:
        self._travel(tab, -1)

    def forward(self, tab: Tab) -> None:
        self._travel(tab, +1)

    def _travel(self, tab: Tab, entries: int) -> None:
        history = tab.send("Page.getNavigationHistory")
        entry = history["entries"][history["currentIndex"] + entries]
        tab.send("Page.navigateToHistoryEntry", entryId=entry["id"])
        self._settle(tab)

    def away_and_back(self, tab: Tab) -> None:
        self.open(tab, f"https://{SITE_HOST}/other")
        self.back(tab)

    def look(self, tab: Tab) -> None:
        """The pointer over the preview and its link, no more."""
        x, y = _middle(tab)
        for step in range(5):
            tab.mouse("mouseMoved", x - 80 + 20 * step, y)
            self.browser.wait(0.05)
        self.browser.wait(_SETTLE_S)

    def roam(self, tab: Tab) -> None:
        """Everything short of a click: hover, scroll, touch, keyboard travel, print, another tab, sleep."""
        self.look(tab)
        x, y = _middle(tab)
        tab.mouse("mouseWheel", 5, 5, deltaX=0, deltaY=400)
        self.browser.wait(0.3)
        tab.mouse("mouseWheel", 5, 5, deltaX=0, deltaY=-400)
        self.browser.wait(0.3)
        tab.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        tab.send("Input.dispatchTouchEvent", type="touchCancel", touchPoints=[])
        for _ in range(_TAB_STOPS):
            tab.key("Tab", 9)
            self.browser.wait(0.05)
        tab.send("Page.printToPDF")
        other = self.browser.open_tab()
        self.browser.wait(0.2)
        for state in ("frozen", "active"):
            tab.send("Page.setWebLifecycleState", state=state)
        other.close()
        self._until(lambda: self._is_in_front(tab))
        tab.frames()[0].evaluate("scrollTo(0, 0)")
        self.browser.wait(_SETTLE_S)

    def _is_in_front(self, tab: Tab) -> bool:
        tab.send("Page.bringToFront")
        return bool(tab.frames()[0].evaluate("document.visibilityState === 'visible'"))

    def press_play(self, tab: Tab) -> None:
        tab.click(*_middle(tab))
        self._settle_player(tab)

    def press_enter_on_play(self, tab: Tab) -> None:
        """Travels to the play link with the Tab key; where there is none to reach, nothing is pressed."""
        frame = _preview(tab)
        for _ in range(_TAB_STOPS):
            if frame and frame.evaluate(f"{_FOCUSED} === {_PLAY_LINK}"):
                tab.key("Enter", 13)
                self._settle_player(tab)
                return
            tab.key("Tab", 9)
            self.browser.wait(0.1)

    def press_back(self, tab: Tab) -> None:
        """The element's control beside its player."""
        back = "document.querySelector('ytproxy-video').shadowRoot.querySelector('[part=back]')"
        box = tab.frames()[0].evaluate(f"(box => ({{x: box.x + 5, y: box.y + 5}}))({back}.getBoundingClientRect())")
        tab.click(box["x"], box["y"])
        self._settle(tab)

    def _settle(self, tab: Tab) -> None:
        self._until(lambda: all(_is_complete(frame) for frame in tab.frames() if _host(frame) in OWN_HOSTS))
        self.browser.wait(_SETTLE_S)

    def _settle_player(self, tab: Tab) -> None:
        """Waits until the player has told what it could do; one that never comes is for the test to judge."""
        told = self._noted[1]
        if tab.scripts:
            self._until(lambda: _has_settled(self.youtube.reports[told:]), patience_s=5)
        else:
            self._until(lambda: any(_host(frame) == PLAYER_HOST for frame in tab.frames()), patience_s=5)
        self.browser.wait(_SETTLE_S)

    def _until(self, true: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
        waited_s = 0.0
        while waited_s < patience_s:
            self.browser.wait(0.15)
            waited_s += 0.15
            try:
                if true():
                    return
            except DevToolsError:  # a document was replaced while it was looked at
                continue


def _preview(tab: Tab) -> Frame | None:
    """The document that holds a play link of ours."""
    for frame in tab.frames():
        if _host(frame) in OWN_HOSTS and frame.evaluate(f"!!{_PLAY_LINK}"):
            return frame
    return None


def _middle(tab: Tab) -> tuple[float, float]:
    """The middle of the play link if there is one, else a place in the page; in CSS pixels of the tab."""
    frame = _preview(tab)
    if not frame:
        return 300.0, 250.0
    rectangle = "(box => ({x: box.x + box.width / 2, y: box.y + box.height / 2}))({element}.getBoundingClientRect())"
    inner = frame.evaluate(rectangle.replace("{element}", _PLAY_LINK))
    top = tab.frames()[0]
    if top.url == frame.url:
        return inner["x"], inner["y"]
    outer = top.evaluate("(box => ({x: box.x, y: box.y}))(document.querySelector('iframe').getBoundingClientRect())")
    return outer["x"] + inner["x"], outer["y"] + inner["y"]


def _has_settled(reports: list[dict[str, Any]]) -> bool:
    return any(report["event"] in ("playing", "blocked", "error") for report in reports)


def _host(frame: Frame) -> str:
    return urlsplit(frame.url).hostname or ""


def _is_complete(frame: Frame) -> bool:
    return bool(frame.evaluate("document.readyState === 'complete'"))


def _is_own(domain: str) -> bool:
    return domain.lstrip(".") in OWN_HOSTS
