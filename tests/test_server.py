"""The unmodified server as processes: herds, stalls, kills, stops, what it prints."""

import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from tests.running import Running
from tests.youtube import IDS, FakeYouTube
from ytproxy.store.folder import FolderStore
from ytproxy.youtube import VideoId

Serve = Callable[..., Running]
FILM = IDS["landscape"]
HERD = 500


def herd(url: str, count: int = HERD) -> list[tuple[int, bytes, str | None]]:
    """*count* visitors at once, each on a connection of its own; their status, body and Retry-After."""

    def visit(_number: int) -> tuple[int, bytes, str | None]:
        answer = requests.get(url, timeout=30)
        return answer.status_code, answer.content, answer.headers.get("Retry-After")

    with ThreadPoolExecutor(count) as visitors:
        return list(visitors.map(visit, range(count)))


def test_five_hundred_cold_requests_cost_one_upstream_request_a_name(serve: Serve, youtube: FakeYouTube) -> None:
    server = serve(workers=2)
    youtube.fail(delay_s=0.5)
    answers = herd(f"{server.url}/thumbnail/{IDS['no-maxres']}/640.avif")
    assert Counter(request.path.partition("?")[0] for request in youtube.requests) == {
        "/oembed": 1,
        f"/vi/{IDS['no-maxres']}/maxresdefault.jpg": 1,
        f"/vi/{IDS['no-maxres']}/sddefault.jpg": 1,
    }
    assert {status for status, _, _ in answers} <= {200, 503}
    assert len({body for status, body, _ in answers if status == 200}) == 1
    assert all(retry for status, _, retry in answers if status == 503)
    assert requests.get(f"{server.url}/thumbnail/{IDS['no-maxres']}/640.avif", timeout=5).status_code == 200


def test_a_failing_upstream_is_asked_once_for_a_herd_and_warm_videos_are_all_served(
    serve: Serve, youtube: FakeYouTube
) -> None:
    server = serve(workers=2)
    warm = requests.get(f"{server.url}/thumbnail/{FILM}/640.avif", timeout=10).content
    youtube.clear()
    youtube.fail(status=500, delay_s=0.5)
    cold = herd(f"{server.url}/thumbnail/{IDS['full-hd']}/640.avif")
    assert {status for status, _, _ in cold} <= {502, 503}
    assert youtube.count("/vi/") == 1
    assert youtube.count("/oembed") == 1
    assert {answer[:2] for answer in herd(f"{server.url}/thumbnail/{FILM}/640.avif")} == {(200, warm)}


def test_hits_are_answered_while_misses_hang(serve: Serve, youtube: FakeYouTube) -> None:
    server = serve(workers=1)
    requests.get(f"{server.url}/thumbnail/{FILM}/640.avif", timeout=10)
    youtube.fail(delay_s=5)

    def miss(number: int) -> int:
        return requests.get(
            f"{server.url}/thumbnail/slow-film{number % 10}{'AEIMQUYcgk'[number // 10]}/640.avif", timeout=30
        ).status_code

    with ThreadPoolExecutor(60) as visitors:
        misses = [visitors.submit(miss, number) for number in range(60)]
        give_up = time.monotonic() + 5
        while youtube.count() == 2 and time.monotonic() < give_up:
            time.sleep(0.02)
        hits = [requests.get(f"{server.url}/thumbnail/{FILM}/640.avif", timeout=3).status_code for _ in range(20)]
        assert not all(done.done() for done in misses)  # they were still hanging
        assert hits == [200] * 20
        statuses = Counter(done.result() for done in misses)
    assert statuses[503] >= 40  # at most half of the threads wait; the rest are told at once


def test_silent_and_half_open_connections_stop_nobody(serve: Serve) -> None:
    server = serve(workers=2)
    stalled = []
    try:
        for number in range(600):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall([b"", b"GET / HT", b"GET /embed/x HTTP/1.1\r\nHost: x\r\nX-Slow: "][number % 3])
            stalled.append(connection)
        for _ in range(10):
            assert requests.get(f"{server.url}/healthz", timeout=2).status_code == 200
    finally:
        for connection in stalled:
            connection.close()


def test_a_killed_worker_comes_back_and_the_others_never_stop(serve: Serve) -> None:
    server = serve(workers=2)
    before = server.worker_pids()
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    give_up = time.monotonic() + 10
    while len(set(server.worker_pids()) - {before[0]}) < 2 and time.monotonic() < give_up:
        time.sleep(0.05)
    assert len(set(server.worker_pids()) - {before[0]}) == 2
    server.wait_until_up()
    assert [requests.get(f"{server.url}/healthz", timeout=5).status_code for _ in range(20)] == [200] * 20


def test_sigterm_ends_the_server_although_visitors_and_youtube_hang(serve: Serve, youtube: FakeYouTube) -> None:
    server = serve(workers=2)
    youtube.fail(delay_s=20)
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    with ThreadPoolExecutor(4) as visitors:
        hanging = [
            visitors.submit(requests.get, f"{server.url}/thumbnail/hang-film{number}0/640.avif", timeout=30)
            for number in range(4)
        ]
        give_up = time.monotonic() + 5
        while not youtube.requests and time.monotonic() < give_up:
            time.sleep(0.02)
        assert server.terminate() < 8
        for future in hanging:
            future.exception()
    for connection in idle:
        connection.close()
    assert server.process.returncode == 0


def test_a_purge_reaches_every_worker_within_two_seconds(serve: Serve, youtube: FakeYouTube, tmp_path: Path) -> None:
    server = serve(workers=2)
    youtube.set(FILM, title="Before the purge")
    path = f"{server.url}/embed/{FILM}"
    for _ in range(20):
        assert "Before the purge" in requests.get(path, timeout=5).text
    youtube.set(FILM, title="After the purge")
    store = FolderStore(tmp_path / "cache", max_bytes=2_000_000_000)
    assert store.purge(VideoId(FILM)) == 1
    store.close()
    time.sleep(2)
    assert {"After the purge" in requests.get(path, timeout=5).text for _ in range(40)} == {True}


def test_kill_minus_nine_in_the_middle_of_writes_leaves_a_sound_cache(
    serve: Serve, youtube: FakeYouTube, tmp_path: Path
) -> None:
    for round_number in range(4):
        server = serve(workers=2)
        letters = "AEIMQUYcgkosw048"
        with ThreadPoolExecutor(8) as visitors:
            for number in range(16):
                visitors.submit(
                    _try, f"{server.url}/thumbnail/kill-{round_number}-{number:02}0{letters[number]}/320.jpg"
                )
            time.sleep(0.15 * (round_number + 1))
            os.killpg(server.process.pid, signal.SIGKILL)
    store = FolderStore(tmp_path / "cache", max_bytes=2_000_000_000)
    assert store.check() == []
    store.close()


def _try(url: str) -> None:
    try:
        requests.get(url, timeout=5)
    except requests.RequestException:
        return


def test_a_deleted_cache_folder_is_no_visitors_trouble(serve: Serve, tmp_path: Path) -> None:
    server = serve(workers=1)
    first = requests.get(f"{server.url}/thumbnail/{FILM}/640.avif", timeout=10).content
    for file in (tmp_path / "cache").iterdir():
        file.unlink()
    (tmp_path / "cache").rmdir()
    assert requests.get(f"{server.url}/thumbnail/{FILM}/640.avif", timeout=10).content == first
    answer = requests.get(f"{server.url}/thumbnail/{IDS['full-hd']}/640.avif", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/avif")


def test_nothing_of_a_visitor_is_printed_or_stored(serve: Serve, youtube: FakeYouTube, tmp_path: Path) -> None:
    server = serve(workers=1)
    canaries = {
        "User-Agent": "canary-agent",
        "Referer": "https://canary-site.test/page",
        "X-Forwarded-For": "198.51.100.77",
    }
    for path in (
        f"/embed/{FILM}",
        f"/play/{FILM}",
        f"/thumbnail/{FILM}/640.jpg",
        "/",
        "/nowhere",
        "/embed/canary-path",
    ):
        requests.get(server.url + path, headers=canaries, timeout=10)
    youtube.fail(status=500)
    requests.get(f"{server.url}/embed/{IDS['full-hd']}", headers=canaries, timeout=10)
    server.terminate()
    kept = server.log + "".join(
        file.read_bytes().decode("latin-1") for file in (tmp_path / "cache").iterdir() if file.is_file()
    )
    for canary in ("canary", "198.51.100.77", "python-requests"):
        assert canary not in kept


def test_no_version_and_no_environment_leave_the_server(serve: Serve) -> None:
    server = serve(workers=1)
    for path in ("/", f"/embed/{FILM}", "/nowhere", "/healthz"):
        answer = requests.get(server.url + path, timeout=10)
        assert answer.headers["Server"] == "ytproxy"
        assert "YTPROXY_" not in answer.text


def test_workers_end_with_a_killed_server_and_leave_the_port(serve: Serve) -> None:
    server = serve(workers=2)
    workers = server.worker_pids()
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    give_up = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
