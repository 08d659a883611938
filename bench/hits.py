"""Hits beside nginx, a bare dictionary and Flask: `python -m bench.hits [--seconds 2] [--rounds 5]`.

All send the same bytes under the same headers from two workers each, and are measured in turn, round after round,
so that whatever else the machine does meets each of them. Printed are medians over the rounds; a ratio is the median of
the rounds' own ratios. "304" is the picture asked for with If-None-Match.
"""

import argparse
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import requests

from bench.load import BROWSER, Measured, load, memory_a_worker
from bench.report import need, nginx_version, table, where
from bench.rivals import FLASK_THREADS, WORKERS, Server, dictionary, flask, learn, nginx, ours
from tests.youtube import IDS, FakeYouTube

CONNECTIONS = (1, 32, 256)
PICTURE = f"/thumbnail/{IDS['landscape']}/640.avif"
PAGE = f"/embed/{IDS['landscape']}"
ROWS = {"picture": (PICTURE, False), "page": (PAGE, False), "304": (PICTURE, True)}

Rounds = dict[str, list[Measured]]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    need(nginx="nginx-light", wrk="wrk")

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        youtube = stack.enter_context(FakeYouTube())
        running = ours(folder, youtube)
        stack.callback(running.stop)
        running.wait_until_up()
        answers = learn(running.url, (PICTURE, PAGE), BROWSER)
        servers = {
            "ours": Server(running.url, running.process.pid),
            "dictionary": stack.enter_context(dictionary(folder, answers)),
            "nginx": stack.enter_context(nginx(folder, answers)),
            "Flask": stack.enter_context(flask(folder, answers)),
        }
        print(f"{where()}, {nginx_version()}")
        print(
            f"picture of {len(answers[PICTURE].body)} bytes, page of {len(answers[PAGE].body)}; {WORKERS} workers each "
            f"({FLASK_THREADS} threads in Flask's); {options.rounds} rounds of {options.seconds} s\n"
        )
        results: dict[tuple[str, int], Rounds] = {}
        for name, (path, revalidate) in ROWS.items():
            tags = {of: _etag(server.url + path, answers[path].body) for of, server in servers.items()}
            asked = {of: {**BROWSER, **({"If-None-Match": tags[of]} if revalidate else {})} for of in servers}
            for connections in CONNECTIONS:
                rounds: Rounds = {of: [] for of in servers}
                for _ in range(options.rounds):
                    for of, server in servers.items():
                        rounds[of].append(
                            load(
                                server.url + path,
                                server.pid,
                                connections=connections,
                                seconds=options.seconds,
                                headers=asked[of],
                            )
                        )
                results[name, connections] = rounds
        _print(results, list(servers))
        _print_memory(servers)


def _etag(url: str, body: bytes) -> str:
    """The ETag by which this server knows the bytes. Raises RuntimeError where they are not the same as ours."""
    told = requests.get(url, headers=BROWSER, timeout=30)
    if told.content != body:
        raise RuntimeError(f"{url} sends other bytes")
    return told.headers["ETag"]


def _print(results: dict[tuple[str, int], Rounds], servers: list[str]) -> None:
    def figures(digits: int, value: Callable[[Measured], float]) -> None:
        table(
            ("what, connections", *servers),
            (
                (f"{name}, {connections}", *(f"{median(map(value, rounds[of])):,.{digits}f}" for of in servers))
                for (name, connections), rounds in results.items()
            ),
        )

    print("Requests a second\n")
    figures(0, lambda run: run.rate)
    print("p50, ms\n")
    figures(2, lambda run: run.p50_ms)
    print("p99, ms\n")
    figures(2, lambda run: run.p99_ms)
    print("Processor time for one request, all processes of the server, µs\n")
    figures(0, lambda run: run.cpu_us)
    print("Ours over the others'\n")
    table(
        ("what, connections", "req/s: nginx", "dictionary", "Flask", "p99: nginx", "CPU: nginx", "dictionary"),
        (
            (
                f"{name}, {connections}",
                *(_ratio(rounds, other, lambda run: run.rate) for other in ("nginx", "dictionary", "Flask")),
                _ratio(rounds, "nginx", lambda run: run.p99_ms),
                *(_ratio(rounds, other, lambda run: run.cpu_us) for other in ("nginx", "dictionary")),
            )
            for (name, connections), rounds in results.items()
        ),
    )


def _ratio(rounds: Rounds, other: str, value: Callable[[Measured], float]) -> str:
    pairs = zip(rounds["ours"], rounds[other], strict=True)
    return f"{median(value(mine) / value(theirs) for mine, theirs in pairs):.2f}"


def _print_memory(servers: dict[str, Server]) -> None:
    print("Memory of a worker afterwards, MB\n")
    memory = {of: memory_a_worker(server.pid) for of, server in servers.items()}
    table(
        ("", *servers),
        (
            ("resident (RSS)", *(f"{found.rss_bytes / 1e6:.0f}" for found in memory.values())),
            ("its share (PSS)", *(f"{found.pss_bytes / 1e6:.0f}" for found in memory.values())),
        ),
    )


if __name__ == "__main__":
    main()
