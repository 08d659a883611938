"""Hits during a storm of slow misses, beside the same hits alone: `python -m bench.mixed [--seconds 5] [--rounds 5]`.

The storm: clients that ask for pictures of videos never seen before, each for the next one as soon as it has an
answer, and again after a moment when told that the server is busy; YouTube takes a second for each request. Alone and
storm take turns, so that whatever else the machine does meets both; and a storm at a second server on the same machine,
which shares nothing with the first but the cores, tells how much of the difference is theirs. Printed are medians over
the rounds, and the medians of the rounds' ratios to "alone". "Paced" connections pause between requests, as visitors
do; the others leave the server no rest.
"""

import argparse
import itertools
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import requests

from bench.load import BROWSER, Measured, load
from bench.report import need, table, where
from bench.rivals import learn, ours
from tests.youtube import IDS, FakeYouTube

LOADS = {"32, paced": (32, 20), "256, paced": (256, 100), "1": (1, 0), "32": (32, 0), "256": (256, 0)}
"""Connections, and the pause of each between two requests in ms."""
CLIENTS = 64
YOUTUBE_S = 1.0
PAUSE_S = 0.5
VIDEOS_A_STORM = 150
PICTURE = f"/thumbnail/{IDS['landscape']}/640.avif"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    need(wrk="wrk")

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        youtube = stack.enter_context(FakeYouTube())
        servers = []
        for name in ("a", "b"):
            (folder / name).mkdir()
            servers.append(ours(folder / name, youtube))
            stack.callback(servers[-1].stop)
            servers[-1].wait_until_up()
        server, beside = servers
        learn(server.url, [PICTURE], BROWSER)
        print(f"{where()}\n{options.rounds} rounds of {options.seconds} s; {CLIENTS} clients in the storm\n")
        storms = {"storm": Storm(server.url, youtube), "storm beside": Storm(beside.url, youtube)}
        rows = []

        def measure(connections: int, pause_ms: int) -> Measured:
            pid, seconds = server.process.pid, options.seconds
            return load(server.url + PICTURE, pid, connections=connections, seconds=seconds, pause_ms=pause_ms)

        for name, (connections, pause_ms) in LOADS.items():
            runs: dict[str, list[Measured]] = {"alone": [], "storm": [], "storm beside": []}
            for _ in range(options.rounds):
                runs["alone"].append(measure(connections, pause_ms))
                for kind, storm in storms.items():
                    with storm.under_way():
                        runs[kind].append(measure(connections, pause_ms))
            rows.append((name, runs))
        head = ("connections", "alone", "storm", "ratio", "storm beside", "ratio")
        for what, value in (("Requests a second", _rate), ("p50, ms", _p50_ms), ("p99, ms", _p99_ms)):
            print(f"{what}\n")
            table(head, (_row(*row, value) for row in rows))
        for kind, storm in storms.items():
            told = ", ".join(f"{count} times {status}" for status, count in sorted(storm.answered.items()))
            print(f"Answers to the {kind}: {told}")


def _rate(run: Measured) -> float:
    return run.rate


def _p50_ms(run: Measured) -> float:
    return run.p50_ms


def _p99_ms(run: Measured) -> float:
    return run.p99_ms


def _row(name: str, runs: dict[str, list[Measured]], value: Callable[[Measured], float]) -> list[str]:
    alone = [value(run) for run in runs["alone"]]
    row = [name, _figure(median(alone))]
    for kind in ("storm", "storm beside"):
        stormy = [value(run) for run in runs[kind]]
        ratio = median(two / one for one, two in zip(alone, stormy, strict=True))
        row += [_figure(median(stormy)), f"{ratio:.2f}"]
    return row


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


class Storm:
    """Misses without end while it is under way. *answered* counts their statuses."""

    def __init__(self, url: str, youtube: FakeYouTube) -> None:
        self.answered: Counter[int] = Counter()
        self._url = url
        self._youtube = youtube
        self._numbers = itertools.count()
        self._videos: Iterator[str] = iter(())
        self._lock = threading.Lock()

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Begins, is let to gather for a second, and has ended afterwards."""
        self._videos = iter(self._drawn())
        self._youtube.fail(delay_s=YOUTUBE_S)
        over = threading.Event()
        clients = [threading.Thread(target=self._ask, args=(over,)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            time.sleep(1)
            yield
        finally:
            over.set()
            for client in clients:
                client.join()
            self._youtube.recover()

    def _drawn(self) -> list[str]:
        """New videos. The stand-in draws a picture when it is first asked for it, which costs more than all that is
        measured: so it is asked beforehand."""
        videos = [f"storm{next(self._numbers):05}0" for _ in range(VIDEOS_A_STORM)]
        with requests.Session() as session:
            session.trust_env = False
            session.proxies, session.verify = {"https": self._youtube.proxy_url}, str(self._youtube.ca_file)
            for video in videos:
                session.get(f"https://i.ytimg.com/vi/{video}/maxresdefault.jpg", timeout=60).raise_for_status()
        return videos

    def _ask(self, over: threading.Event) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not over.is_set():
                with self._lock:
                    video = next(self._videos, None)
                if video is None:
                    raise RuntimeError("The storm has run out of videos")
                while not over.is_set():
                    status = session.get(f"{self._url}/thumbnail/{video}/640.avif", timeout=60).status_code
                    with self._lock:
                        self.answered[status] += 1
                    if status == 200:
                        break
                    over.wait(PAUSE_S)


if __name__ == "__main__":
    main()
