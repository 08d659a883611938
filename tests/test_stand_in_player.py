"""The stand-in's player in a real browser: it speaks the player's protocol and obeys the autoplay policy."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.youtube import IDS, FakeYouTube

_DEADLINE_S = 60
_HOST_PAGE = """<!DOCTYPE html><title>host</title><script>
const frames = new Map();
let place = 0;
for (const [name, src] of Object.entries({frames})) {
  const frame = document.createElement("iframe");
  Object.assign(frame, {src, allow: "autoplay"});
  document.documentElement.append(frame);
  frames.set(frame.contentWindow, name);
  const say = (message) => frame.contentWindow.postMessage(JSON.stringify({id: 7, channel: "widget", ...message}), "*");
  frame.onload = () => {
    say({event: "listening"});
    for (const event of ["onStateChange", "onError", "onAutoplayBlocked"])
      say({event: "command", func: "addEventListener", args: [event]});
    say({event: "command", func: "playVideo", args: []});
  };
}
addEventListener("message", (message) => {
  const told = {place: place++, frame: frames.get(message.source), ...JSON.parse(message.data)};
  fetch("/heard", {method: "POST", body: JSON.stringify(told)});
});
</script>"""


class Host:
    """A page on another origin that holds players and notes what they say."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.page = ""
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *message: object) -> None:
                pass

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=UTF-8")
                self.end_headers()
                self.wfile.write(host.page.encode())

            def do_POST(self) -> None:
                host.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def events(self, frame: str) -> list[tuple[str, Any]]:
        """What a frame said, but for its passing of time."""
        in_order = sorted(self.heard, key=lambda message: int(message["place"]))
        said = [message for message in in_order if message["frame"] == frame]
        return [(told["event"], told.get("info")) for told in said if told["event"] != "infoDelivery"]

    def show(self, frames: dict[str, str]) -> None:
        self.page = _HOST_PAGE.replace("{frames}", json.dumps(frames))


@pytest.fixture
def youtube() -> Iterator[FakeYouTube]:
    with FakeYouTube() as running:
        yield running


@pytest.fixture
def host() -> Iterator[Host]:
    running = Host()
    yield running
    running.server.shutdown()
    running.server.server_close()


@contextmanager
def browser(url: str, home: Path, *flags: str) -> Iterator[None]:
    """Chromium on *url* with a fresh profile."""
    chromium = shutil.which("chromium") or "chromium"
    command = [chromium, "--headless=new", "--no-first-run", f"--user-data-dir={home}", *flags, url]
    if os.geteuid() == 0:
        command.insert(1, "--no-sandbox")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def eventually(seen: Callable[[], object]) -> None:
    """Wait until *seen* is true; it is an error if it never is."""
    deadline = time.monotonic() + _DEADLINE_S
    while not seen():
        assert time.monotonic() < deadline, "the browser did not get there"
        time.sleep(0.05)


def player(youtube: FakeYouTube, host: Host, profile: str, more: str = "") -> str:
    return f"{youtube.base_url}/embed/{IDS[profile]}?enablejsapi=1&origin={host.origin}{more}"


def test_a_player_that_may_play_tells_its_states_to_the_page_that_holds_it(
    youtube: FakeYouTube, host: Host, tmp_path: Path
) -> None:
    youtube.set(IDS["old"], duration_s=5.5)
    spoken = ["readyToListen", "initialDelivery", "onReady", "onStateChange", "onStateChange"]
    host.show(
        {
            "plays": player(youtube, host, "landscape"),
            "ends": player(youtube, host, "old", "&start=5"),
            "refuses": player(youtube, host, "no-embed"),
            "deaf": player(youtube, host, "short").replace("origin=", "origin=http://elsewhere.example&was="),
            "mute": player(youtube, host, "square").replace("enablejsapi=1&", ""),
        }
    )
    with browser(host.origin, tmp_path, "--autoplay-policy=no-user-gesture-required"):
        eventually(lambda: [name for name, _ in host.events("plays")] == spoken)
        eventually(lambda: ("onStateChange", 0) in host.events("ends"))
        eventually(lambda: ("onError", 150) in host.events("refuses"))
        eventually(lambda: {report["video"] for report in youtube.reports} >= {IDS["short"], IDS["square"]})
    assert host.events("plays")[-1] == ("onStateChange", 1)
    assert host.events("deaf") == []
    assert (IDS["short"], "ready") not in {(report["video"], report["event"]) for report in youtube.reports}
    assert host.events("mute") == []
    played = next(report for report in youtube.reports if report["event"] == "playing")
    assert (played["autoplay"], played["referrer"]) == ("allowed", f"{host.origin}/")
    assert youtube.count("/stand-in/") == 0


def test_a_player_without_a_visitors_gesture_is_blocked_by_the_browser(
    youtube: FakeYouTube, host: Host, tmp_path: Path
) -> None:
    host.show({"plays": player(youtube, host, "landscape")})
    with browser(host.origin, tmp_path, "--autoplay-policy=document-user-activation-required"):
        eventually(lambda: ("onAutoplayBlocked", None) in host.events("plays"))
    assert ("onStateChange", 1) not in host.events("plays")
    assert [report["autoplay"] for report in youtube.reports if report["event"] == "blocked"] == ["blocked"]


def test_a_player_can_be_told_to_be_blocked_or_silent(youtube: FakeYouTube, host: Host, tmp_path: Path) -> None:
    youtube.set(IDS["landscape"], autoplay_blocked=True)
    youtube.set(IDS["short"], player_silent=True)
    youtube.set(IDS["old"], player_error=5)
    host.show(
        {
            "blocked": player(youtube, host, "landscape"),
            "silent": player(youtube, host, "short"),
            "broken": player(youtube, host, "old"),
        }
    )
    with browser(host.origin, tmp_path, "--autoplay-policy=no-user-gesture-required"):
        eventually(lambda: ("onAutoplayBlocked", None) in host.events("blocked"))
        eventually(lambda: ("onError", 5) in host.events("broken"))
        eventually(lambda: IDS["short"] in {report["video"] for report in youtube.reports})
    assert host.events("silent") == []


def test_a_player_whose_page_hides_its_address_shows_error_153(
    youtube: FakeYouTube, host: Host, tmp_path: Path
) -> None:
    host.show({"hidden": player(youtube, host, "landscape")})
    host.page = host.page.replace("<script>", '<meta name="referrer" content="no-referrer"><script>', 1)
    with browser(host.origin, tmp_path):
        eventually(lambda: ("onError", 153) in host.events("hidden"))
