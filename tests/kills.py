"""kill -9 of all workers in the middle of writes: `python -m tests.kills [--kills 200] [--seed 1]`.

Each round starts the server, lets visitors cause writes, kills all workers at one moment and looks at the cache;
once the server has brought its workers back and they write again, everything is killed, the server included.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.running import Running
from tests.visitors import visiting
from tests.youtube import IDS, FakeYouTube
from ytproxy.store.folder import FILE_NAME, FolderStore

MAX_BYTES = 50_000_000
_SMALL = ("old", "no-maxres", "square", "jpeg-only", "set-cookie", "no-length")
_VIDEOS = [IDS[profile][:10] + letter for profile in _SMALL for letter in "AEIMQUYcgkosw048"]
_PATIENCE_S = 20
# A process of its own: a thread of ours would come too late, for a write takes less than Python's threads do to change.
_KILLER = """
import contextlib, os, signal, sys, time
after_s, wal, file, pids = float(sys.argv[1]), sys.argv[2], sys.argv[3], [int(pid) for pid in sys.argv[4:]]

def state():
    found = []
    for name in (wal, file):
        try:
            facts = os.stat(name)
        except FileNotFoundError:
            continue
        found.append((facts.st_size, facts.st_mtime_ns))
    return found

before, give_up = state(), time.monotonic() + 2
while state() == before and time.monotonic() < give_up:
    pass
until = time.monotonic() + after_s
while time.monotonic() < until:
    pass
for pid in pids:
    with contextlib.suppress(ProcessLookupError):  # the server has ended by itself
        os.kill(pid, signal.SIGKILL)
"""


@dataclass
class Outcome:
    """*damage*: what `check` found after a kill. *entries*: how many the cache held at each kill."""

    kills: int = 0
    damage: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    entries: list[int] = field(default_factory=list)


def kill_all_workers(kills: int, seed: int = 1) -> Outcome:
    """*kills* times, rounded up to an even number."""
    outcome, chance = Outcome(), random.Random(seed)
    with tempfile.TemporaryDirectory() as name, FakeYouTube() as youtube:
        folder = Path(name) / "cache"
        store = FolderStore(folder, max_bytes=MAX_BYTES)
        while outcome.kills < kills:
            server = Running(
                {
                    "cache_dir": str(folder),
                    "cache_max_bytes": str(MAX_BYTES),
                    "miss_rate_limit": "0,0",
                    "upstream_proxy": youtube.proxy_url,
                    "upstream_ca_file": str(youtube.ca_file),
                    "workers": "2",
                }
            )
            try:
                server.wait_until_up()
                with visiting(server.port, _VIDEOS, lambda _id: ("320.jpg",), visitors=6, seed=outcome.kills) as record:
                    killed: set[int] = set()
                    for of_the_server in ((), (server.process.pid,)):
                        _wait_for_workers(server, killed)
                        store.purge_all()  # there is always something to write
                        _wait_for_a_write(store)
                        alive = server.worker_pids()
                        killed.update(alive)
                        _kill_while_writing(folder, [*alive, *of_the_server], chance.uniform(0, 0.0005))
                        outcome.kills += 1
                        outcome.damage += store.check()
                        outcome.entries.append(store.stats().entries)
                outcome.wrong += record.wrong
                outcome.statuses += record.statuses
            finally:
                server.stop()
        store.close()
    return outcome


def _kill_while_writing(folder: Path, pids: list[int], after_s: float) -> None:
    """kill -9 as soon as a file of the cache has changed, and *after_s* more. At once if none does within 2 s."""
    files = [str(folder / f"{FILE_NAME}{suffix}") for suffix in ("-wal", "")]
    subprocess.run([sys.executable, "-c", _KILLER, str(after_s), *files, *map(str, pids)], check=True)


def _wait_for_workers(server: Running, killed: set[int]) -> None:
    _wait_until(lambda: len({*server.worker_pids()} - killed) == 2, "the workers are not there")


def _wait_for_a_write(store: FolderStore) -> None:
    _wait_until(lambda: store.stats().entries > 0, "nothing was written")


def _wait_until(holds: Callable[[], bool], complaint: str) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while not holds():
        if time.monotonic() > give_up:
            raise AssertionError(f"{complaint} within {_PATIENCE_S} s")
        time.sleep(0.01)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many in all (default: 200)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.monotonic()
    outcome = kill_all_workers(options.kills, options.seed)
    print(f"{outcome.kills} kills of all workers in {time.monotonic() - begun:.0f} s, seed {options.seed}")
    print(f"entries in the cache at a kill: {min(outcome.entries)} to {max(outcome.entries)}")
    print(f"answers: {dict(sorted(outcome.statuses.items()))}, wrong: {len(outcome.wrong)} {outcome.wrong[:5]}")
    print(f"faults found in the cache: {outcome.damage}")
    return int(bool(outcome.damage or outcome.wrong))


if __name__ == "__main__":
    sys.exit(main())
