"""What a cold picture costs on top of YouTube's own answer: `python -m bench.cold [--videos 15]`.

For each video and each delay of the stand-in YouTube: the time of its own answer, fetched the way the server does it
(through the CONNECT proxy, connection kept), then the time of the same video's first picture from a cold cache. The
pictures take turns, so that whatever else the machine does meets each of them. Of what a preview offers, Chromium and
Firefox take AVIF; 640 and 1280 are for a frame of the usual size at one and at two pixels a point.
"""

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

import requests

from bench.report import table, where
from bench.rivals import ours
from tests.youtube import FakeYouTube

DELAYS_MS = (0, 50, 200)
NAMES = ("640.avif", "1280.avif", "640.webp", "1280.webp", "640.jpg", "1280.jpg")
_WARM_UP = 12  # both workers have a connection to YouTube afterwards, as on any day but the first


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=15)
    options = parser.parse_args()

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        youtube = stack.enter_context(FakeYouTube())
        server = ours(folder, youtube)
        stack.callback(server.stop)
        server.wait_until_up()
        direct, visitor = stack.enter_context(requests.Session()), stack.enter_context(requests.Session())
        direct.trust_env = visitor.trust_env = False
        direct.proxies, direct.verify = {"https": youtube.proxy_url}, youtube.ca_file
        for number in range(_WARM_UP):
            visitor.get(f"{server.url}/thumbnail/warmup-{number:02}_0/640.avif", timeout=30)
            visitor.close()

        print(f"{where()}\nMedians and 90th percentiles over {options.videos} videos, in ms\n")
        rows = []
        for delay_ms in DELAYS_MS:
            theirs: dict[str, list[float]] = {name: [] for name in NAMES}
            mine: dict[str, list[float]] = {name: [] for name in NAMES}
            for number in range(options.videos):
                for kind, name in enumerate(NAMES):
                    video = f"c{delay_ms:03}-{kind}{number:03}_0"
                    picture = f"https://i.ytimg.com/vi/{video}/maxresdefault.jpg"
                    youtube.recover()
                    timed_ms(direct, picture)  # the stand-in draws a picture when it is first asked for it
                    youtube.fail(delay_s=delay_ms / 1000)
                    theirs[name].append(timed_ms(direct, picture))
                    mine[name].append(timed_ms(visitor, f"{server.url}/thumbnail/{video}/{name}"))
            rows += [row(delay_ms, name, theirs[name], mine[name]) for name in NAMES]
        table(("delay, picture", "YouTube p50", "p90", "ours p50", "p90", "on top p50", "p90"), rows)


def timed_ms(session: requests.Session, url: str) -> float:
    """How long a whole answer takes. Raises requests.HTTPError for an error."""
    begun = time.perf_counter()
    session.get(url, timeout=30).raise_for_status()
    return (time.perf_counter() - begun) * 1000


def row(delay_ms: int, name: str, theirs: list[float], mine: list[float]) -> tuple[str, ...]:
    """YouTube's time, ours, and what ours came to on top, each by median and 90th percentile."""
    on_top = [own - other for own, other in zip(mine, theirs, strict=True)]
    figures = (figure for times in (theirs, mine, on_top) for figure in (median(times), quantiles(times, n=10)[8]))
    return (f"{delay_ms} ms, {name}", *(f"{figure:.0f}" for figure in figures))


if __name__ == "__main__":
    main()
