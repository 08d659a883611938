"""A bounded soak: `python -m tests.soak [--seconds 20] [--seed 1]`. Nothing may be wrong, and memory stays flat.

First the unmodified server with two workers under mixed load, while the stand-in YouTube fails in every way in turn,
workers are killed and videos purged. Then the service in this process, two of it on one folder, while the clock jumps
for hours and days, forward and back. Every answer is checked for the right bytes of the right video.
"""

import argparse
import logging
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import DAY_S, Clock
from tests.running import Running
from tests.visitors import FILM_OF, Given, Truth, is_gone, may_be_absent, profiled_videos, visiting
from tests.youtube import PROFILES, FakeYouTube
from tests.youtube.profiles import profile_name_of
from ytproxy.errors import Absent, Unavailable, YtproxyError
from ytproxy.images import Variant
from ytproxy.previews import Previews
from ytproxy.store.folder import FolderStore
from ytproxy.upstream import Upstream
from ytproxy.youtube import VideoId

VIDEOS = 60
VISITORS = 16
MAX_BYTES = 40_000_000
MEMORY_MAX_BYTES = 20_000_000

# Every way in which all of YouTube, or one half of it, can be unwell.
FAILURES: tuple[dict[str, Any], ...] = (
    {"status": 429},
    {"status": 429, "retry_after_s": 1},
    {"status": 500},
    {"status": 503, "retry_after_s": 1},
    {"reset": True},
    {"down": True},
    {"delay_s": 0.2},
    {"delay_s": 12},
    {"drip": "headers"},
    {"drip": "body"},
    {"status": 500, "only": "thumbnails"},
    {"status": 503, "only": "oembed"},
    {"delay_s": 1, "only": "oembed"},
    {"reset": True, "only": "thumbnails"},
)
_JUMPS_S = (0.5, 3, 30, 300, 3_600, DAY_S, 3 * DAY_S, 31 * DAY_S, -1, -30, -3_600, -3 * DAY_S)


@dataclass
class Outcome:
    """What a soak saw. *lost*: connections that ended without an answer. *memory_bytes*: a worker's share of the
    memory, now and then since the last kill."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    kills: int = 0
    purges: int = 0
    failures: int = 0
    jumps: int = 0
    memory_bytes: list[int] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    log: str = ""

    def __str__(self) -> str:
        told = [
            f"answers: {dict(sorted(self.answers.items()))}",
            f"wrong: {len(self.wrong)} {self.wrong[:5]}",
            f"connections lost: {len(self.lost)}, workers killed: {self.kills}",
            f"purges: {self.purges}, changes of YouTube's health: {self.failures}, jumps of the clock: {self.jumps}",
            f"faults found in the cache: {self.damage}",
        ]
        if self.memory_bytes:
            told.append(f"memory of a worker in MB: {[round(size / 1e6) for size in self.memory_bytes]}")
        return "\n".join(told)


def soak_server(seconds: float, seed: int) -> Outcome:
    """The server as processes, for about *seconds*."""
    outcome, chance, videos = Outcome(), random.Random(seed), profiled_videos(VIDEOS)
    with tempfile.TemporaryDirectory() as name, FakeYouTube() as youtube:
        folder = Path(name) / "cache"
        _name_films(youtube, videos)
        server = Running(
            {
                "cache_dir": str(folder),
                "cache_max_bytes": str(MAX_BYTES),
                "memory_max_bytes": str(2 * MEMORY_MAX_BYTES),
                "miss_rate_limit": "0,0",
                "refresh_after_s": "60",
                "upstream_proxy": youtube.proxy_url,
                "upstream_ca_file": str(youtube.ca_file),
                "workers": "2",
            }
        )
        store = FolderStore(folder, max_bytes=MAX_BYTES)
        try:
            server.wait_until_up()
            with visiting(server.port, _often_sound(videos), _names, visitors=VISITORS, seed=seed) as record:
                begun, kill_at, measure_at = time.monotonic(), 1.0, seconds / 2
                while (passed_s := time.monotonic() - begun) < seconds:
                    time.sleep(chance.uniform(0.1, 0.6))
                    youtube.fail(**(chance.choice(FAILURES) if chance.random() < 0.4 else {}))
                    outcome.failures += 1
                    if chance.random() < 0.1:
                        store.purge_all()
                    else:
                        store.purge(VideoId(chance.choice(videos)))
                    outcome.purges += 1
                    if kill_at < passed_s < seconds / 3:  # for memory is that of a worker who lives
                        kill_at = passed_s + chance.uniform(1, 3)
                        outcome.kills += _kill_the_oldest_worker(server)
                    if passed_s > measure_at:
                        measure_at += seconds / 10
                        outcome.memory_bytes.append(_memory_bytes(server))
                youtube.recover()
            outcome.answers.update({str(status): count for status, count in record.statuses.items()})
            outcome.wrong, outcome.lost = record.wrong, record.broken
            outcome.damage = store.check()
            outcome.log = server.log
        finally:
            store.close()
            server.stop()
    return outcome


def soak_in_process(seconds: float, seed: int) -> Outcome:
    """Two services on one folder, whose clock jumps, for about *seconds*."""
    outcome, chance, videos = Outcome(), random.Random(seed), profiled_videos(VIDEOS)
    clock, upstream_clock, over, truth = Clock(), Clock(), threading.Event(), Truth()
    with tempfile.TemporaryDirectory() as name, FakeYouTube() as youtube:
        folder = Path(name) / "cache"
        _name_films(youtube, videos)
        services = [
            Previews(
                FolderStore(folder, max_bytes=MAX_BYTES, clock=clock),
                Upstream(thumbnails=youtube.base_url, oembed=youtube.base_url, deadline_s=0.5, clock=upstream_clock),
                refresh_after_s=DAY_S,
                max_age_s=30 * DAY_S,
                memory_max_bytes=MEMORY_MAX_BYTES,
                clock=clock,
            )
            for _ in range(2)
        ]

        store = FolderStore(folder, max_bytes=MAX_BYTES, clock=clock)

        def visit(number: int) -> None:
            own, previews = random.Random(f"{seed} {number}"), services[number % 2]
            while not over.is_set():
                video_id = own.choice(_often_sound(videos))
                name = own.choice([*_names(video_id), ""])
                look = _ask_for_details if not name else _ask_for_picture
                try:
                    fault = look(previews, truth, video_id, name)
                    outcome.answers["given"] += 1
                except YtproxyError as error:
                    outcome.answers[type(error).__name__] += 1
                    fault = _refusal_fault(video_id, name, error)
                except Exception as error:
                    fault = f"{video_id} {name}: {error!r}"
                if fault:
                    outcome.wrong.append(fault)

        threads = [threading.Thread(target=visit, args=(number,)) for number in range(VISITORS)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(chance.uniform(0.05, 0.3))
            clock.pass_s(chance.choice(_JUMPS_S))
            upstream_clock.pass_s(chance.choice((1, 30, 600)))  # monotonic
            outcome.jumps += 1
            youtube.fail(**(chance.choice(FAILURES) if chance.random() < 0.4 else {}))
            outcome.failures += 1
            if chance.random() < 0.2:
                store.purge(VideoId(chance.choice(videos)))
                outcome.purges += 1
        over.set()
        for thread in threads:
            thread.join()
        for previews in services:
            previews.close()
        outcome.damage = store.check()
        store.close()
    return outcome


def _often_sound(videos: list[str]) -> list[str]:
    """The films that keep a visitor waiting for long come up less often than the rest."""
    return videos + 4 * [video_id for video_id in videos if not PROFILES[profile_name_of(video_id)].thumbnails]


def _name_films(youtube: FakeYouTube, videos: list[str]) -> None:
    for video_id in videos:
        youtube.set(video_id, title=f"{FILM_OF}{video_id}", retry_after_s=1)


def _names(video_id: str) -> tuple[str, ...]:
    portrait = ("portrait-180.jpg",) if video_id.startswith("short") else ()
    return ("320.jpg", "320.avif", "vi/mqdefault.jpg", *portrait)


def _ask_for_details(previews: Previews, _truth: Truth, video_id: str, _name: str) -> str | None:
    title = previews.details(VideoId(video_id)).title
    if title.startswith(FILM_OF) and title != FILM_OF + video_id:
        return f"{video_id} has the title {title}"
    return None


def _ask_for_picture(previews: Previews, truth: Truth, video_id: str, name: str) -> str | None:
    if name.startswith("vi/"):
        from_youtube = name[len("vi/") : -len(".jpg")]
        body = previews.legacy_thumbnail(VideoId(video_id), from_youtube, Variant.parse("320.jpg").format).body
    else:
        body = previews.thumbnail(VideoId(video_id), Variant.parse(name)).body
    return truth.fault(video_id, name, Given(200, {}, body))


def _refusal_fault(video_id: str, name: str, error: YtproxyError) -> str | None:
    may_be = may_be_absent(video_id, name) if name else is_gone(video_id)
    kind = "absent" if isinstance(error, Absent) else "private"
    return f"{video_id} {name}: told to be {kind}" if isinstance(error, Unavailable) and not may_be else None


def _kill_the_oldest_worker(server: Running) -> int:
    """Never the same one twice within seconds: that, Granian takes for a program that cannot run at all."""
    pids = server.worker_pids()
    if len(pids) < 2:
        return 0
    os.kill(min(pids, key=_started_at), signal.SIGKILL)
    return 1


def _started_at(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def _memory_bytes(server: Running) -> int:
    """The larger worker's proportional share of memory."""
    found = []
    for pid in server.worker_pids():
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")]
    return max(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long each of the two takes (default: 20)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)  # that YouTube is unwell is no news here
    soaks: dict[str, Callable[[float, int], Outcome]] = {"the server": soak_server, "the clock": soak_in_process}
    is_wrong = False
    for what, soak in soaks.items():
        outcome = soak(options.seconds, options.seed)
        print(f"{what}, {options.seconds:g} s, seed {options.seed}\n{outcome}\n", flush=True)
        is_wrong |= bool(outcome.wrong or outcome.damage)
    return int(is_wrong)


if __name__ == "__main__":
    sys.exit(main())
