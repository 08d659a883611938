"""The real server on a bad day: thousands of useless connections, killed workers, a stop, and a cache that fails."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kills import kill_all_workers
from tests.running import Running
from tests.stalls import KINDS, SlowReader, bodies, stalled
from tests.visitors import ask, visiting
from tests.youtube import IDS, FakeYouTube
from ytproxy.store.folder import FILE_NAME, FolderStore
from ytproxy.youtube import VideoId

Serve = Callable[..., Running]
LARGE = f"/thumbnail/{IDS['full-hd']}/1280.jpg"
SOUND = ("no-maxres", "old", "square", "jpeg-only", "set-cookie", "no-length")
WARM = [IDS[profile] for profile in SOUND]
COLD = [IDS[profile][:10] + letter for profile in SOUND for letter in "AEIMQUYcgko"]
MAX_BYTES = 10_000_000


def warm(server: Running, path: str) -> bytes:
    """The answer, after every worker has it in memory."""
    for _ in range(24):
        given = ask(server.port, path)
        assert given.status == 200
    return given.body


def wait_until(what: str, holds: Callable[[], bool], within_s: float = 20) -> None:
    give_up = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < give_up, f"not within {within_s} s: {what}"
        time.sleep(0.02)


def settings(folder: Path, youtube: FakeYouTube) -> dict[str, str]:
    """Two workers on a small cache, without budgets."""
    return {
        "cache_dir": str(folder),
        "cache_max_bytes": str(MAX_BYTES),
        "miss_rate_limit": "0,0",
        "upstream_proxy": youtube.proxy_url,
        "upstream_ca_file": str(youtube.ca_file),
        "workers": "2",
    }


@contextmanager
def started(folder: Path, youtube: FakeYouTube, within: Sequence[str]) -> Iterator[Running]:
    """The server within another command, with WARM in its memory."""
    server = Running(settings(folder, youtube), within=within)
    try:
        server.wait_until_up()
        for video_id in WARM:
            warm(server, f"/thumbnail/{video_id}/320.jpg")
        yield server
    finally:
        server.stop()


# ---- connections


@pytest.mark.parametrize("kind", [*KINDS, "mixed"])
def test_three_thousand_useless_connections_stop_nobody(serve: Serve, kind: str) -> None:
    server = serve(workers=2)
    picture = warm(server, LARGE)
    with stalled(server, 3_000, kind, LARGE) as connections:
        assert len(connections) == 3_000
        for _ in range(20):
            assert ask(server.port, LARGE, timeout_s=2).body == picture
            assert ask(server.port, "/healthz", timeout_s=2).status == 200


def test_a_killed_worker_costs_no_more_than_its_own_connections(serve: Serve) -> None:
    server, visitors = serve(workers=2), 6
    picture = warm(server, LARGE)
    for _ in range(2):
        before = server.worker_pids()
        with visiting(server.port, [IDS["full-hd"]], lambda _id: ("1280.jpg",), visitors=visitors) as record:
            wait_until("visitors are served", lambda record=record: record.statuses[200] > 20)
            os.kill(before[0], signal.SIGKILL)
            wait_until("a new worker is there", lambda before=before: len({*server.worker_pids()} - {before[0]}) == 2)
            served = record.statuses[200]
            wait_until("visitors are served on", lambda served=served: record.statuses[200] > served + 50)
        assert record.wrong == []
        assert set(record.statuses) == {200}
        # A visitor who has lost one may be given another by the kernel, as long as the dead one's port is open.
        assert len(record.broken) <= 2 * visitors
    assert ask(server.port, LARGE).body == picture


# ---- stopping


def test_a_stop_cuts_no_answer_that_is_under_way(serve: Serve) -> None:
    server = serve(workers=2)
    picture = warm(server, LARGE)
    with ExitStack() as stack, ThreadPoolExecutor(40) as readers:
        slow = [stack.enter_context(closing(SlowReader(server, LARGE))) for _ in range(40)]
        time.sleep(0.5)
        received = [readers.submit(read, rate) for read, rate in zip(slow, 20 * (200_000, 60_000), strict=True)]
        time.sleep(0.2)
        assert server.terminate() < 8
        for answer in received:
            assert set(bodies(answer.result())) == {picture}
    assert server.process.returncode == 0


def test_a_stop_ends_soon_whatever_hangs_and_the_port_is_free_at_once(serve: Serve, youtube: FakeYouTube) -> None:
    server = serve(workers=2)
    warm(server, LARGE)
    youtube.fail(delay_s=30)
    with ThreadPoolExecutor(6) as visitors, stalled(server, 200, "mixed", LARGE):
        hanging = [visitors.submit(ask, server.port, f"/thumbnail/hang-film{n}0/640.avif") for n in range(6)]
        wait_until("YouTube hangs", lambda: youtube.count("/vi/hang") >= 4)
        assert server.terminate() < 8
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", server.port))
            again.listen()
        for future in hanging:
            assert future.exception() is not None or future.result().status in (502, 503)
    assert server.process.returncode == 0


def test_a_stop_is_heard_on_whichever_thread_the_signal_arrives(serve: Serve) -> None:
    server = serve(workers=1)
    (worker,) = server.worker_pids()
    threads = [int(path.name) for path in Path(f"/proc/{worker}/task").iterdir()]
    assert ctypes.CDLL(None).tgkill(worker, max(threads), signal.SIGTERM) == 0
    wait_until("the worker has ended", lambda: worker not in server.worker_pids())


def test_a_worker_that_dies_again_at_once_ends_the_server_with_an_honest_status(serve: Serve) -> None:
    server = serve(workers=2)
    before = set(server.worker_pids())
    os.kill(min(before), signal.SIGKILL)
    wait_until("a new worker is there", lambda: bool({*server.worker_pids()} - before))
    os.kill(({*server.worker_pids()} - before).pop(), signal.SIGKILL)
    assert server.process.wait(20) == 1


def test_a_second_server_on_the_same_port_is_refused(serve: Serve, tmp_path: Path) -> None:
    server = serve(workers=1)
    second = subprocess.run(
        [sys.executable, "-m", "ytproxy", "serve", "--port", str(server.port), "--cache-dir", str(tmp_path / "other")],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode == 2
    assert f"cannot listen on 127.0.0.1, port {server.port}" in second.stderr
    assert ask(server.port, "/healthz").status == 200


# ---- one cache


def test_two_servers_on_one_cache_folder_ask_once_and_purge_together(
    serve: Serve, youtube: FakeYouTube, tmp_path: Path
) -> None:
    servers = [serve(workers=2), serve(workers=2)]
    youtube.fail(delay_s=0.3)
    with ThreadPoolExecutor(12) as visitors:
        path = f"/thumbnail/{IDS['full-hd']}/640.avif"
        answers = list(visitors.map(lambda n: ask(servers[n % 2].port, path), range(12)))
    assert {(given.status, given.body) for given in answers} == {(200, answers[0].body)}
    assert youtube.count("/vi/") == 1
    assert youtube.count("/oembed") == 1
    youtube.set(IDS["full-hd"], title="After the purge")
    store = FolderStore(tmp_path / "cache", max_bytes=2_000_000_000)
    store.purge(VideoId(IDS["full-hd"]))
    time.sleep(2)
    for server in servers:
        assert all(b"After the purge" in ask(server.port, f"/embed/{IDS['full-hd']}").body for _ in range(10))
    assert store.check() == []
    store.close()


def test_a_kill_of_all_workers_in_the_middle_of_writes_leaves_a_sound_cache() -> None:
    outcome = kill_all_workers(6)
    assert outcome.kills == 6
    assert outcome.damage == []
    assert outcome.wrong == []
    assert outcome.statuses[200] > 0


# ---- a cache that fails under the server


@dataclass(frozen=True)
class Fault:
    """What is done to the folder while the server runs, how it is undone, and whether /readyz says so meanwhile."""

    name: str
    harm: Callable[[Path], object]
    heal: Callable[[Path], object] = lambda _folder: None
    is_told: bool = False


def _take_the_place(make: Callable[[Path], object], suffix: str = "") -> Callable[[Path], object]:
    def harm(folder: Path) -> None:
        path = folder / f"{FILE_NAME}{suffix}"
        path.unlink(missing_ok=True)
        make(path)

    return harm


def _link_to_the_victim(path: Path) -> None:
    path.symlink_to(path.parent.parent / "victim")


def _unlink(suffix: str = "") -> Callable[[Path], object]:
    return lambda folder: (folder / f"{FILE_NAME}{suffix}").unlink()


def _unlink_links(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_symlink():  # SQLite may have been faster
            path.unlink(missing_ok=True)


def _scribble(folder: Path) -> None:
    with (folder / FILE_NAME).open("r+b") as file:
        file.write(os.urandom(20_000))


def _lock_up(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o400)
    folder.chmod(0o500)


def _unlock(folder: Path) -> None:
    folder.chmod(0o700)
    for path in folder.iterdir():
        path.chmod(0o600)


def _file_for_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("mine")


def _rmdir(folder: Path) -> None:
    (folder / FILE_NAME).rmdir()


def _fill(folder: Path) -> None:
    with (folder / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def _free(folder: Path) -> None:
    (folder / "ballast").unlink()


FAULTS = (
    Fault("deleted folder", shutil.rmtree),
    Fault("a file in the place of the folder", _file_for_folder, Path.unlink, is_told=True),
    Fault("read-only folder", _lock_up, _unlock),
    Fault("database overwritten", _scribble),
    Fault("database deleted", _unlink()),
    Fault("log deleted", _unlink("-wal")),
    Fault("garbage for a database", _take_the_place(lambda path: path.write_bytes(b"not a database" * 999))),
    Fault("a link for a database", _take_the_place(_link_to_the_victim), _unlink_links, is_told=True),
    Fault("a link for a log", _take_the_place(_link_to_the_victim, "-wal"), _unlink_links),
    Fault("a folder for a database", _take_the_place(Path.mkdir), _rmdir, is_told=True),
)
# Root may write anywhere; the server under test may not.
_LIKE_A_USER = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
_ON_A_SMALL_DISK = (
    *(("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--mount", "--map-root-user")),
    *("sh", "-c", 'mount -t tmpfs -o size=32m none "$0" && exec "$@"'),
)


def is_ready(server: Running) -> bool:
    return all(ask(server.port, "/readyz").status == 200 for _ in range(8))


def says_not_ready(server: Running) -> bool:
    given = ask(server.port, "/readyz")
    return given.status == 503 and given.body.startswith(b"not ready: ")


def keeps_new_videos(server: Running, folder: Path) -> bool:
    """Whether a picture that nobody has asked for before is in the cache's files afterwards."""
    given = ask(server.port, f"/thumbnail/kept-{time.monotonic_ns() % 10**5:05}0/320.jpg")
    assert given.status == 200
    files = [path.read_bytes() for path in folder.glob(f"{FILE_NAME}*") if not path.name.endswith(".broken")]
    return any(given.body[-200:] in file for file in files)


def damage(folder: Path) -> list[str]:
    store = FolderStore(folder, max_bytes=MAX_BYTES)
    try:
        return store.check()
    finally:
        store.close()


def endure(server: Running, folder: Path, fault: Fault) -> None:
    """Harms the folder while visitors come for warm and cold videos, and undoes it; looks at every answer."""
    names = ("320.jpg", "vi/mqdefault.jpg")
    with (
        visiting(server.port, WARM, lambda _id: names, visitors=2) as known,
        visiting(server.port, COLD, lambda _id: names, visitors=2) as new,
    ):
        wait_until("visitors are served", lambda: known.statuses[200] > 20 and new.statuses[200] > 2)
        fault.harm(folder)
        if fault.is_told:
            wait_until("/readyz tells", lambda: says_not_ready(server))
        served = known.statuses[200]
        wait_until("warm videos are served on", lambda: known.statuses[200] > served + 100)
        fault.heal(folder)
        wait_until("ready again", lambda: is_ready(server))
    for record in (known, new):
        assert record.wrong == []
        assert record.broken == []
        assert set(record.statuses) <= {200, 502, 503}
    assert set(known.statuses) == {200}
    wait_until("what is new is kept again", lambda: keeps_new_videos(server, folder))


@pytest.fixture(scope="module")
def unlucky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    """One server for all faults, one after the other, and its folder."""
    folder = tmp_path_factory.mktemp("unlucky") / "cache"
    with FakeYouTube() as youtube, started(folder, youtube, _LIKE_A_USER) as server:
        yield server, folder


@pytest.mark.needs("setpriv")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_cache_that_fails_is_no_visitors_trouble(unlucky: tuple[Running, Path], fault: Fault) -> None:
    server, folder = unlucky
    victim = folder.parent / "victim"
    victim.write_text("precious")
    assert is_ready(server)
    endure(server, folder, fault)
    assert damage(folder) == []
    assert victim.read_text() == "precious"


@pytest.mark.needs("unshare", "mount")
def test_a_full_disk_is_no_visitors_trouble(youtube: FakeYouTube, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    with ExitStack() as stack:
        with started(folder, youtube, (*_ON_A_SMALL_DISK, str(folder))) as server:
            disk = os.open(f"/proc/{server.process.pid}/root{folder}", os.O_RDONLY)
            stack.callback(os.close, disk)  # until then the disk is there, although it is mounted no more
            seen_from_here = Path(f"/proc/self/fd/{disk}")
            assert not (folder / FILE_NAME).exists()
            endure(server, seen_from_here, Fault("full disk", _fill, _free))
            assert "The disk is full" in server.log
        shutil.copytree(seen_from_here, tmp_path / "copy")
    assert damage(tmp_path / "copy") == []
