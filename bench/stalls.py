"""How long a visitor waits while others hold thousands of connections: `python -m bench.stalls [--connections 3000]`.

For each kind of useless connection: the times of normal requests for a picture in memory, each on a connection of its
own, first while the crowd has just come, then after it has settled. Then how long a killed worker is away, and how
long a stop takes.
"""

import argparse
import os
import signal
import statistics
import tempfile
import threading
import time
from pathlib import Path

from tests.running import Running
from tests.stalls import KINDS, stalled
from tests.visitors import ask
from tests.youtube import IDS, FakeYouTube

PATH = f"/thumbnail/{IDS['full-hd']}/1280.jpg"
REQUESTS = 200
_SETTLED_AFTER_S = 3


def waits_ms(server: Running) -> list[float]:
    found = []
    for _ in range(REQUESTS):
        begun = time.perf_counter()
        given = ask(server.port, PATH)
        found.append((time.perf_counter() - begun) * 1000)
        if given.status != 200:
            raise RuntimeError(f"a normal request was answered with {given.status}")
    return sorted(found)


def told(waits: list[float]) -> str:
    return f"{statistics.median(waits):8.1f} {waits[-len(waits) // 100]:8.1f} {waits[-1]:8.1f}"


def away_s(server: Running) -> float:
    """From the kill of a worker until its successor listens."""
    before = server.worker_pids()
    begun = time.perf_counter()
    os.kill(before[0], signal.SIGKILL)
    while not all(_listens(pid) for pid in server.worker_pids()) or len({*server.worker_pids()} - {before[0]}) < 2:
        time.sleep(0.005)
    return time.perf_counter() - begun


def _listens(pid: int) -> bool:
    listening = {f"socket:[{line.split()[9]}]" for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
                 if line.split()[3] == "0A"}  # fmt: skip
    try:
        return any(str(file.readlink()) in listening for file in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=3_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, FakeYouTube() as youtube:
        settings = {
            "cache_dir": str(Path(folder) / "cache"),
            "workers": "2",
            "upstream_proxy": youtube.proxy_url,
            "upstream_ca_file": str(youtube.ca_file),
        }
        server = Running(settings)
        try:
            server.wait_until_up()
            waits_ms(server)
            print(f"{options.connections} connections, 2 workers; waits of {REQUESTS} normal requests in ms")
            print(f"{'':16}{'median':>8} {'p99':>8} {'worst':>8}   {'settled:':8} {'p99':>8} {'worst':>8}")
            print(f"{'none':16}{told(waits_ms(server))}")
            for kind in [*KINDS, "mixed"]:
                with stalled(server, options.connections, kind, PATH):
                    at_once = told(waits_ms(server))
                    time.sleep(_SETTLED_AFTER_S)
                    print(f"{kind:16}{at_once} {told(waits_ms(server))}", flush=True)
                time.sleep(1)
            aways = []
            for _ in range(5):
                aways.append(away_s(server))
                time.sleep(6)  # a worker that dies twice within 5.5 s ends the server
            print(f"a killed worker's successor listens after {min(aways):.2f} to {max(aways):.2f} s")
            print(f"a stop takes {server.terminate():.2f} s when nothing hangs")
        finally:
            server.stop()
        server = Running(settings)
        try:
            server.wait_until_up()
            youtube.fail(delay_s=30)
            hanging = threading.Thread(target=_ask_in_vain, args=(server,))
            with stalled(server, 200, "mixed", PATH):
                hanging.start()
                time.sleep(1)
                print(f"a stop takes {server.terminate():.2f} s while YouTube and 200 visitors hang")
            hanging.join()
        finally:
            server.stop()


def _ask_in_vain(server: Running) -> None:
    try:
        ask(server.port, "/thumbnail/hang-film000/640.avif")
    except Exception as error:
        print(f"the visitor who waited for YouTube was told: {type(error).__name__}")


if __name__ == "__main__":
    main()
