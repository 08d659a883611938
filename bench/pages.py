"""A page with twenty embeds, with ours and with other facades: `python -m bench.pages [--rounds 3]`.

One page after the other in Chromium, with an empty cache each, photographs as thumbnails and the stand-in for every
host that is not ours. "First view" is the page loaded and left alone; "scrolled" is the same page after it was scrolled
to its end. Nothing is clicked. Bytes and requests are those of the network as Chromium counts them, headers included;
main thread is the time its tasks took in the page itself, and processor that of all renderers, so that frames
are in it. The other facades come from npm.
"""

import argparse
import http.server
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench.encoders import photographs
from bench.report import need, table, where
from bench.rivals import ours
from tests.privacy.devtools import Browser, Json
from tests.youtube import FakeYouTube

EMBEDS = 20
IDS = [f"photo{number:05}0" for number in range(EMBEDS)]
PACKAGES = ("lite-youtube-embed@0.3.4", "@justinribeiro/lite-youtube@1.9.0", "@orestbida/iframemanager@1.3.0")
SETTLE_S = 2.0
_IFRAMEMANAGER = """const im = iframemanager(); im.run({currLang: "en", services: {youtube: {
  embedUrl: "https://www.youtube-nocookie.com/embed/{data-id}",
  thumbnailUrl: "https://i.ytimg.com/vi/{data-id}/hqdefault.jpg",
  languages: {en: {notice: "Hosted by YouTube.", loadBtn: "Load video", loadAllBtn: "Don't ask again"}}}}});"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one page caused: bytes and requests in all, and requests to any other host than the page's and ours."""

    bytes: int
    requests: int
    elsewhere: int
    main_thread_ms: float
    processor_ms: float


class Counting(Browser):
    """Chromium that reports the network of every frame."""

    def _welcome(self, session: str, parent: str) -> None:
        self._post("Network.enable", session, {})
        super()._welcome(session, parent)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    need(chromium="chromium", npm="npm")

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        youtube = stack.enter_context(FakeYouTube(tls_address=("127.0.0.1", 0)))
        for video, photograph in zip(IDS, _draw(folder), strict=True):
            youtube.set(video, photograph=photograph)
        server = ours(folder, youtube)
        stack.callback(server.stop)
        server.wait_until_up()
        site = _site(folder, _peers(folder), server.url)
        stack.callback(site.shutdown)
        address = f"http://localhost:{site.server_address[1]}"

        def see(name: str, scrolled: bool, home: Path) -> Seen:
            rules = f"MAP * 127.0.0.1:{youtube.tls_port}, EXCLUDE localhost, EXCLUDE 127.0.0.1"
            browser = Counting(home, f"--host-resolver-rules={rules}", "--ignore-certificate-errors")
            try:
                return _see(browser, f"{address}/{name}.html", server.url, scrolled)
            finally:
                browser.close()

        names = list(_pages(server.url))
        see(names[0], True, folder / "warm-element")  # so that our server has the pictures, as YouTube has
        see(names[1], True, folder / "warm-frame")
        results: dict[tuple[str, bool], list[Seen]] = {}
        for turn in range(options.rounds):
            for name in names:
                for scrolled in (False, True):
                    home = folder / f"{name}-{scrolled}-{turn}"
                    results.setdefault((name, scrolled), []).append(see(name, scrolled, home))
        print(f"{where()}\n{EMBEDS} embeds; {options.rounds} rounds, medians\n")
        for scrolled, title in ((False, "First view"), (True, "Scrolled to the end")):
            head = (title, "kB", "requests", "of them elsewhere", "main thread ms", "processor ms")
            table(head, (_row(name, results[name, scrolled]) for name in names))


def _row(name: str, seen: list[Seen]) -> list[str]:
    def middle(value: Callable[[Seen], float], form: str) -> str:
        return format(median(map(value, seen)), form)

    return [
        name,
        middle(lambda s: s.bytes / 1000, ",.0f"),
        middle(lambda s: s.requests, ".0f"),
        middle(lambda s: s.elsewhere, ".0f"),
        middle(lambda s: s.main_thread_ms, ",.0f"),
        middle(lambda s: s.processor_ms, ",.0f"),
    ]


def _see(browser: Browser, url: str, own: str, scrolled: bool) -> Seen:
    tab = browser.open_tab()
    for domain in ("Network", "Performance"):
        tab.send(f"{domain}.enable")
    before_ms = _renderers_ms(browser)
    tab.send("Page.navigate", url=url)
    while not tab.loads():
        browser.wait(0.1)
    browser.wait(SETTLE_S)
    if scrolled:
        for _ in range(EMBEDS):
            tab.send("Runtime.evaluate", expression="scrollBy({top: 420, behavior: 'instant'})")
            browser.wait(0.25)
        browser.wait(SETTLE_S)
    metrics = {metric["name"]: metric["value"] for metric in tab.send("Performance.getMetrics")["metrics"]}
    hosts = {urlsplit(url).netloc, urlsplit(own).netloc}
    asked: dict[tuple[str, str], str] = {}
    size = 0
    for event in browser.events:
        params: Json = event.get("params", {})
        key = (event.get("sessionId", ""), params.get("requestId", ""))
        if event["method"] == "Network.requestWillBeSent" and params["request"]["url"].startswith("http"):
            asked[key] = urlsplit(params["request"]["url"]).netloc
        elif event["method"] == "Network.requestServedFromCache":
            asked.pop(key, None)
        elif event["method"] == "Network.loadingFinished" and key in asked:
            size += int(params["encodedDataLength"])
    elsewhere = sum(host not in hosts for host in asked.values())
    spent_ms = _renderers_ms(browser) - before_ms
    return Seen(size, len(asked), elsewhere, metrics["TaskDuration"] * 1000, spent_ms)


def _renderers_ms(browser: Browser) -> float:
    processes = browser.send("SystemInfo.getProcessInfo")["processInfo"]
    return sum(process["cpuTime"] * 1000 for process in processes if process["type"] == "renderer")


def _draw(folder: Path) -> list[Path]:
    """Twenty pictures from fewer photographs: mirrored, and parts of them."""
    (folder / "photographs").mkdir()
    found = []
    images = list(photographs().values())
    for number in range(EMBEDS):
        image, turn = images[number % len(images)], number // len(images)
        inset = turn * image.width // 12
        part = image.crop((inset, inset * 9 // 16, image.width - inset // 2, image.height - inset * 9 // 32))
        path = folder / "photographs" / f"{number}.png"
        part.save(path)
        found.append(path)
    return found


def _peers(folder: Path) -> Path:
    subprocess.run(
        ["npm", "install", "--prefix", str(folder / "peers"), "--no-save", "--ignore-scripts", *PACKAGES],
        check=True,
        capture_output=True,
    )
    return folder / "peers" / "node_modules"


def _pages(own: str) -> dict[str, tuple[str, str]]:
    """Head and one embed of each page."""
    lyt, jr, im = "peers/lite-youtube-embed/src", "peers/@justinribeiro/lite-youtube", "peers/@orestbida/iframemanager"
    return {
        "ours, element": (
            f'<script type="module" src="{own}/static/ytproxy.js"></script>',
            f'<ytproxy-video videoid="{{id}}" title="A film"><a href="{own}/watch?v={{id}}">A film</a></ytproxy-video>',
        ),
        "ours, frame": (
            "",
            f'<iframe src="{own}/embed/{{id}}" title="A film" width="560" height="315" loading="lazy" '
            'allow="autoplay; fullscreen" allowfullscreen></iframe>',
        ),
        "lite-youtube-embed": (
            f'<link rel="stylesheet" href="{lyt}/lite-yt-embed.css">'
            f'<script src="{lyt}/lite-yt-embed.js" defer></script>',
            '<lite-youtube videoid="{id}" title="A film"></lite-youtube>',
        ),
        "lite-youtube": (
            f'<script type="module" src="{jr}/lite-youtube.js"></script>',
            '<lite-youtube videoid="{id}" videotitle="A film"></lite-youtube>',
        ),
        "iframemanager": (
            f'<link rel="stylesheet" href="{im}/dist/iframemanager.css">'
            f'<script src="{im}/dist/iframemanager.js" defer></script><script type="module">{_IFRAMEMANAGER}</script>',
            '<div data-service="youtube" data-id="{id}" data-autoscale></div>',
        ),
    }


def _site(folder: Path, peers: Path, own: str) -> http.server.ThreadingHTTPServer:
    pages = folder / "pages"
    pages.mkdir()
    (pages / "peers").symlink_to(peers)
    style = "<style>body{max-width:560px;margin:2rem auto}body>*{display:block;margin-block:2rem}</style>"
    for name, (head, embed) in _pages(own).items():
        body = "\n".join(f"<div>{embed.format(id=video)}</div><p>Words between the films.</p>" for video in IDS)
        (pages / f"{name}.html").write_text(
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
            'content="width=device-width"><title>Twenty films</title><link rel="icon" href="data:,">'
            f"{head}{style}</head><body>{body}</body></html>",
            encoding="utf-8",
        )

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(pages))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


if __name__ == "__main__":
    main()
