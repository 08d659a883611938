"""What the folder store costs as it grows: `python -m bench.store [--videos 1000 100000 1000000]`.

Every video is one entry of 300 bytes. Each size gets a store of its own, filled through SQL in one transaction and
measured through the store. A million videos take about a minute and 1 GB of disk.
"""

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.store_contract import video
from ytproxy.store import Entry, Key, subject_name
from ytproxy.store.folder import FILE_NAME, FolderStore

BODY = bytes(300)
RUNS = 300
ROOMY_BYTES = 20_000_000_000


def fill(folder: Path, videos: int) -> None:
    """What as many `put`s would have left, the counters of the triggers included."""
    store = FolderStore(folder, max_bytes=ROOMY_BYTES)
    store.generation()  # makes the file
    store.close()
    facts = json.dumps({"state": "ok", "confirmed_at": 1_700_000_000.5})
    with sqlite3.connect(folder / FILE_NAME) as db:
        db.executemany(
            "INSERT INTO entry (id, subject, part, sequence, size, confirmed_at, meta)"
            " VALUES (?, ?, 'details', ?, ?, ?, ?)",
            (
                (number, subject_name(video(number)), number, len(facts) + len(BODY), 1_700_000_000.5 + number, facts)
                for number in range(1, videos + 1)
            ),
        )
        db.executemany("INSERT INTO body VALUES (?, ?)", ((number, BODY) for number in range(1, videos + 1)))
        db.execute("UPDATE state SET sequence = ?", (videos,))
    db.close()


def median_us(action: Callable[[], object], runs: int = RUNS) -> float:
    found = []
    for _ in range(runs):
        begun = time.perf_counter()
        action()
        found.append((time.perf_counter() - begun) * 1e6)
    return statistics.median(found)


def measure(folder: Path, videos: int) -> dict[str, float]:
    """Microseconds for each thing a store does."""
    chance = random.Random(1)
    store = FolderStore(folder, max_bytes=ROOMY_BYTES)
    begun, new = store.generation(), iter(range(10**9, 10**10))

    def open_and_ask() -> None:
        fresh = FolderStore(folder, max_bytes=ROOMY_BYTES)
        fresh.generation()
        fresh.close()

    def put(into: FolderStore) -> None:
        facts = {"state": "ok", "confirmed_at": time.time()}
        if not into.put(Key(video(next(new)), "details"), Entry(facts, BODY), begun=begun):
            raise RuntimeError("the store refused an entry")

    def hit() -> None:
        if store.get(Key(video(chance.randint(1, videos)), "details")) is None:
            raise RuntimeError("an entry is missing")

    costs = {
        "start-up": median_us(open_and_ask, 50),
        "hit": median_us(hit),
        "miss": median_us(lambda: store.get(Key(video(next(new)), "details"))),
        "stats": median_us(store.stats),
        "look for purges": median_us(lambda: store.purged_since(begun)),
        "put": median_us(lambda: put(store)),
    }
    full = FolderStore(folder, max_bytes=(folder / FILE_NAME).stat().st_size)
    put(full)  # makes the room that all puts need
    entries = full.stats().entries
    costs["put into a full store"] = median_us(lambda: put(full))
    if full.stats().entries > entries + RUNS // 2:
        raise RuntimeError("nothing was evicted")
    costs["purge of one video"] = median_us(lambda: store.purge(video(chance.randint(1, videos))), 30)
    costs["expire, nothing due"] = median_us(lambda: store.expire(0.0))
    full.close()
    store.close()
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    options = parser.parse_args()
    table: dict[str, list[float]] = {}
    for videos in options.videos:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "cache"
            begun = time.perf_counter()
            fill(folder, videos)
            size = (folder / FILE_NAME).stat().st_size
            print(f"{videos:,} videos: {size / 1e6:,.0f} MB, filled in {time.perf_counter() - begun:.0f} s", flush=True)
            for what, cost_us in measure(folder, videos).items():
                table.setdefault(what, []).append(cost_us)
    print("\nmedians in microseconds, and the last over the first")
    print(f"{'':24}" + "".join(f"{videos:>12,}" for videos in options.videos) + f"{'ratio':>8}")
    for what, costs in table.items():
        print(f"{what:24}" + "".join(f"{cost:12.0f}" for cost in costs) + f"{costs[-1] / costs[0]:8.2f}")


if __name__ == "__main__":
    main()
