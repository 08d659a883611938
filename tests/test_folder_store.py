"""The folder store: what any store must do, and what a file on a disk adds."""

import os
import random
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.store_contract import FIRST, LIST, SECOND, Clock, StoreContract, entry, put, video
from ytproxy.errors import InvalidInput, StoreError
from ytproxy.store import Entry, Key, parse_subject, subject_name
from ytproxy.store.folder import FILE_NAME, FolderStore

MB = 1_000_000
KEY = Key(FIRST, "details")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


class TestContract(StoreContract):
    @pytest.fixture
    def open_store(self, folder: Path, clock: Clock) -> Callable[[], FolderStore]:
        return lambda: FolderStore(folder, max_bytes=50 * MB, clock=clock)


@pytest.fixture
def store(folder: Path) -> Iterator[FolderStore]:
    store = FolderStore(folder, max_bytes=4 * MB)
    yield store
    assert store.check() == []
    store.close()


def disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def fork(action: Callable[[], object]) -> int:
    """Runs *action* in a forked child. Returns the child's process id."""
    if child := os.fork():
        return child
    code = 1
    try:
        action()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def finish(child: int) -> None:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# ---- names and values


@pytest.mark.parametrize("part", ["", "a" * 65, "Source", "a/b", "../a", "a b", "ä", "a\n", "a_b", "a*"])
def test_a_part_with_other_letters_is_refused(part: str) -> None:
    with pytest.raises(InvalidInput):
        Key(FIRST, part)


@pytest.mark.parametrize("subject", [FIRST, LIST])
def test_a_subjects_name_leads_back_to_it(subject: Any) -> None:
    assert parse_subject(subject_name(subject)) == subject


@pytest.mark.parametrize("name", ["", "dQw4w9WgXcQ", "video:", "video:short", "playlist:dQw4w9WgXcQ", "film:x"])
def test_other_names_are_no_subjects(name: str) -> None:
    with pytest.raises(InvalidInput):
        parse_subject(name)


# ---- bounds


def test_the_files_stay_within_the_bound_whatever_is_put(folder: Path) -> None:
    store = FolderStore(folder, max_bytes=8 * MB)
    chance, begun = random.Random(1), store.generation()
    noise = chance.randbytes(MB)
    for step in range(1500):
        size = chance.choice([0, 900, 3000, 20_000, 60_000, 400_000] if step % 50 else [MB])
        store.put(
            Key(video(chance.randrange(400)), f"part-{chance.randrange(3)}"),
            Entry({"size": size}, noise[:size]),
            begun=begun,
        )
        store.get(Key(video(chance.randrange(400)), "part-0"))
        assert (folder / FILE_NAME).stat().st_size <= 8 * MB
        assert disk_bytes(folder) <= 8.8 * MB + 6 * MB
    assert 6 * MB < store.stats().bytes <= 8 * MB
    assert store.check() == []


def test_the_bound_holds_for_thousands_of_tiny_entries(folder: Path) -> None:
    store = FolderStore(folder, max_bytes=MB)
    begun = store.generation()
    for number in range(3000):
        store.put(Key(video(number), "details"), Entry({"n": number}, b"x" * 500), begun=begun)
    assert (folder / FILE_NAME).stat().st_size <= MB
    assert 500 < store.stats().entries < 2000
    assert store.check() == []


def test_an_entry_larger_than_the_store_may_be_is_refused_and_evicts_nothing(store: FolderStore) -> None:
    put(store, FIRST)
    for size in (4 * MB, 5 * MB):
        assert not store.put(Key(SECOND, "source"), Entry({}, bytes(size)), begun=store.generation())
    assert not store.put(Key(SECOND, "source"), Entry({"title": "x" * 4 * MB}, b""), begun=store.generation())
    assert list(store.subjects()) == [FIRST]


def test_what_was_used_longest_ago_makes_room(store: FolderStore) -> None:
    put(store, FIRST)
    put(store, SECOND)
    for number in range(100):
        put(store, video(number), text="x" * 60_000)
        assert store.get(Key(FIRST, "details")) is not None
    assert store.get(Key(SECOND, "details")) is None
    assert store.get(Key(video(99), "details")) is not None


def test_uses_by_readers_alone_count_too(folder: Path, store: FolderStore) -> None:
    for number in range(100):
        put(store, video(number), text="x" * 15_000)
    reader = FolderStore(folder, max_bytes=4 * MB)
    for number in range(32):
        reader.get(Key(video(number), "details"))
    for number in range(100, 160):
        put(store, video(number), text="x" * 15_000)
    kept = {number for number in range(100) if store.get(Key(video(number), "details"))}
    assert kept.issuperset(range(32))
    assert len(kept) < 80


def test_no_time_of_use_is_kept(folder: Path, store: FolderStore) -> None:
    for number in range(40):
        put(store, video(number))
    store.close()
    before = [row[:-1] for row in dump(folder, "SELECT id, subject, confirmed_at, meta, sequence FROM entry")]
    for number in range(40):
        store.get(Key(video(number), "details"))
    store.close()
    rows = dump(folder, "SELECT id, subject, confirmed_at, meta, sequence FROM entry")
    assert [row[:-1] for row in rows] == before
    assert max(row[-1] for row in rows) <= 80, "sequence numbers count uses"


def dump(folder: Path, sql: str) -> list[Any]:
    with sqlite3.connect(folder / FILE_NAME) as db:
        rows = db.execute(sql).fetchall()
    db.close()
    return rows


def test_a_smaller_bound_is_met_with_the_next_put(folder: Path, store: FolderStore) -> None:
    for number in range(50):
        put(store, video(number), text="x" * 50_000)
    store.close()
    small = FolderStore(folder, max_bytes=MB)
    assert small.check() != []
    put(small, FIRST)
    assert small.check() == []
    assert small.get(KEY) is not None


def test_a_purge_gives_its_pages_back(folder: Path) -> None:
    store = FolderStore(folder, max_bytes=30 * MB)
    for number in range(20):
        put(store, video(number), text="x" * 600_000)
    full = disk_bytes(folder)
    store.purge(video(3))
    assert disk_bytes(folder) < full - 600_000
    store.purge_all()
    assert disk_bytes(folder) < 200_000
    assert store.check() == []


@pytest.mark.parametrize("others", [1, 12], ids=["in a small store", "in a large store"])
def test_what_was_purged_is_nowhere_in_the_files(folder: Path, others: int) -> None:
    store = FolderStore(folder, max_bytes=30 * MB)
    put(store, FIRST, text="a title to forget " * 3)
    put(store, FIRST, "source", text="a title to forget " * 3000)
    for number in range(others):
        put(store, video(number), text="x" * 500_000)
    store.purge(FIRST)
    assert all(b"a title to forget" not in path.read_bytes() for path in folder.iterdir())
    assert store.check() == []


def test_the_log_is_short_again_after_a_large_entry(folder: Path) -> None:
    store = FolderStore(folder, max_bytes=30 * MB)
    log = folder / f"{FILE_NAME}-wal"
    store.put(Key(FIRST, "source"), Entry({}, bytes(5 * MB)), begun=store.generation())
    assert log.stat().st_size > 5 * MB
    put(store, SECOND)
    assert log.stat().st_size < 4.3 * MB
    assert store.check() == []


def test_work_does_not_grow_with_the_number_of_entries(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts SQLite's own steps instead of seconds."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def counting_connect(*args: Any, **options: Any) -> sqlite3.Connection:
        db = connect(*args, **options)
        db.set_progress_handler(count, 1)
        return db

    monkeypatch.setattr(sqlite3, "connect", counting_connect)
    store = FolderStore(folder, max_bytes=100 * MB)
    begun = store.generation()

    def cost(action: Callable[[], object]) -> int:
        nonlocal steps
        steps = 0
        action()
        return steps

    def costs() -> dict[str, int]:
        return {
            "open": cost(FolderStore(folder, max_bytes=100 * MB).generation),
            "stats": cost(store.stats),
            "get": cost(lambda: store.get(Key(video(100), "details"))),
            "put": cost(lambda: store.put(KEY, Entry({"confirmed_at": 1.5}, b"x"), begun=begun)),
            "drop": cost(lambda: store.drop(FIRST)),
            "purged_since": cost(lambda: store.purged_since(begun)),
            "claim": cost(lambda: store.claim(KEY, "one", -1)),
            "expire": cost(lambda: store.expire(0.0)),
            "subjects": cost(lambda: next(store.subjects())),
        }

    def fill(numbers: range) -> None:
        for number in numbers:
            facts = {"confirmed_at": float(number)}
            store.put(Key(video(number), "details"), Entry(facts, b"x" * 50), begun=begun)

    fill(range(200))
    few = costs()
    fill(range(200, 8000))
    many = costs()
    assert all(count > 0 for count in few.values())
    assert {name for name in few if many[name] > 1.2 * few[name] + 20} == set()
    assert store.check() == []


# ---- other processes


WRITER = """
import random, sys
from pathlib import Path
from tests.store_contract import video
from ytproxy.store import Entry, Key
from ytproxy.store.folder import FolderStore

store, chance = FolderStore(Path(sys.argv[1]), max_bytes=4_000_000), random.Random()
print("ready", flush=True)
while True:
    subject = video(chance.randrange(200))
    key = Key(subject, f"part-{chance.randrange(4)}")
    store.put(key, Entry({"n": 1}, bytes(chance.choice([10, 900, 30_000, 500_000]))), begun=store.generation())
    store.get(key)
    if chance.random() < 0.1:
        store.purge(subject)
    if chance.random() < 0.01:
        store.purge_all()
    store.claim(key, "me", 0.01)
"""


def test_a_kill_at_any_moment_leaves_a_sound_store(folder: Path, store: FolderStore) -> None:
    chance = random.Random(7)
    root = Path(__file__).parents[1]
    for round_ in range(30):
        if round_ % 10 == 0:
            shutil.rmtree(folder, ignore_errors=True)  # so that making the file is interrupted as well
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], cwd=root, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        time.sleep(chance.choice([0.003, 0.01, 0.1]) * chance.random())
        for writer in writers:
            writer.kill()
        for writer in writers:
            writer.communicate()
            assert writer.returncode == -signal.SIGKILL
        assert store.check() == []
    assert put(store, FIRST)


def test_forked_children_and_their_parent_share_the_store(folder: Path, store: FolderStore) -> None:
    put(store, FIRST)

    def work() -> None:
        for number in range(60):
            assert put(store, video(number), f"part-{os.getpid()}", "x" * 5000)
            assert store.get(KEY) is not None

    children = [fork(work) for _ in range(4)]
    for number in range(60):
        put(store, video(number), "parent", "x" * 5000)
        store.close()
    for child in children:
        finish(child)
    assert store.stats().entries == 1 + 5 * 60


def test_a_parent_that_closes_does_not_cut_off_its_child(folder: Path, store: FolderStore) -> None:
    put(store, FIRST)
    go, ready = os.pipe()
    heard, told = os.pipe()

    def child_works() -> None:
        put(store, SECOND)
        os.write(told, b"x")
        os.read(go, 1)  # the parent has closed, as the last one if our locks were not true
        put(store, SECOND, "source")
        os._exit(0)  # without closing

    child = fork(child_works)
    os.read(heard, 1)
    put(store, FIRST, "source")
    store.close()
    put(store, FIRST, "640.avif")
    store.close()
    os.write(ready, b"x")
    finish(child)
    for pipe in (go, ready, heard, told):
        os.close(pipe)
    assert store.stats().entries == 5


# ---- faults


def test_a_folder_deleted_while_running_is_made_anew(folder: Path) -> None:
    clock = Clock()
    store = FolderStore(folder, max_bytes=4 * MB, clock=clock)
    begun = store.generation()
    put(store, FIRST)
    shutil.rmtree(folder)
    clock.advance(1)
    assert store.get(KEY) is None
    assert not store.put(KEY, entry(), begun=begun), "purges of the lost file are not known"
    assert store.purged_since(begun).everything
    assert put(store, FIRST)
    assert store.check() == []


def test_a_folder_deleted_again_and_again_under_busy_processes_ends_up_sound(folder: Path, store: FolderStore) -> None:
    def work() -> None:
        until = time.monotonic() + 3
        number = 0
        while time.monotonic() < until:
            number += 1
            with suppress(StoreError):
                put(store, video(number % 50), text="x" * 30_000)
                store.get(Key(video(number % 7), "details"))

    children = [fork(work) for _ in range(3)]
    until = time.monotonic() + 2
    while time.monotonic() < until:
        time.sleep(0.02)
        shutil.rmtree(folder, ignore_errors=True)
    for child in children:
        finish(child)
    assert put(store, FIRST)
    assert not (folder / f"{FILE_NAME}.broken").exists() or store.get(KEY)


def test_a_log_deleted_while_running_does_no_lasting_harm(folder: Path, store: FolderStore) -> None:
    other = FolderStore(folder, max_bytes=4 * MB)
    put(store, FIRST)
    assert other.get(KEY) is not None
    (folder / f"{FILE_NAME}-wal").unlink()
    assert put(store, SECOND)
    assert other.get(Key(SECOND, "details")) == entry()
    assert put(other, FIRST)
    other.close()
    assert set(store.subjects()) == {FIRST, SECOND}


@pytest.mark.parametrize("garbage", [b"not a database " * 1000, b"SQLite format 3\x00" + b"\xff" * 9000])
def test_a_file_that_is_no_database_is_moved_aside(folder: Path, store: FolderStore, garbage: bytes) -> None:
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(garbage)
    (folder / f"{FILE_NAME}.broken").write_bytes(b"an older one")
    assert store.get(KEY) is None
    assert put(store, FIRST)
    assert (folder / f"{FILE_NAME}.broken").read_bytes() == garbage


def test_a_file_cut_short_is_moved_aside(folder: Path, store: FolderStore) -> None:
    for number in range(60):
        put(store, video(number))
    store.close()
    with (folder / FILE_NAME).open("r+b") as file:
        file.truncate(8192)
    assert store.get(Key(video(1), "details")) is None
    assert put(store, FIRST)
    assert (folder / f"{FILE_NAME}.broken").stat().st_size == 8192


def test_damage_deep_inside_is_reported_once_and_then_gone(folder: Path, store: FolderStore) -> None:
    for number in range(60):
        put(store, video(number), text="x" * 900)
    store.close()
    with (folder / FILE_NAME).open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 4096 * 20)
    with pytest.raises(StoreError, match=r"\.broken"):
        store.get(Key(video(1), "details"))
    assert (folder / f"{FILE_NAME}.broken").exists()
    assert store.get(KEY) is None
    assert put(store, FIRST)


def test_an_empty_file_in_its_place_is_filled(folder: Path, store: FolderStore) -> None:
    folder.mkdir()
    (folder / FILE_NAME).touch()
    assert put(store, FIRST)


@pytest.mark.parametrize("name", [FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"])
def test_a_link_in_the_place_of_a_file_is_not_followed(folder: Path, tmp_path: Path, name: str) -> None:
    folder.mkdir()
    victim = tmp_path / "victim"
    for content in (None, b"precious"):
        if content:
            victim.write_bytes(content)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(victim)
        store = FolderStore(folder, max_bytes=4 * MB)
        for action in (store.generation, store.purge_all, store.check):
            with pytest.raises(StoreError, match=f"{name} is not a regular file. Remove it"):
                action()
        assert (victim.read_bytes() if victim.exists() else None) == content


def test_a_folder_or_a_pipe_in_the_place_of_the_file_is_refused(folder: Path) -> None:
    store = FolderStore(folder, max_bytes=4 * MB)
    (folder / FILE_NAME).mkdir(parents=True)
    with pytest.raises(StoreError, match="not a regular file"):
        put(store, FIRST)
    (folder / FILE_NAME).rmdir()
    os.mkfifo(folder / FILE_NAME)
    with pytest.raises(StoreError, match="not a regular file"):
        put(store, FIRST)


def test_a_file_in_the_place_of_the_folder_is_refused_with_the_cure(folder: Path) -> None:
    folder.write_text("mine")
    store = FolderStore(folder, max_bytes=4 * MB)
    with pytest.raises(StoreError, match=f"cache folder {folder} cannot be used: .*set CACHE_DIR to another"):
        store.get(KEY)
    assert folder.read_text() == "mine"


def test_a_file_of_a_newer_layout_is_left_alone(folder: Path) -> None:
    store = FolderStore(folder, max_bytes=4 * MB)
    put(store, FIRST)
    store.close()
    dump(folder, "PRAGMA user_version = 99")
    before = (folder / FILE_NAME).read_bytes()
    with pytest.raises(StoreError, match=r"newer ytproxy.*Set CACHE_DIR to another folder"):
        put(store, FIRST)
    store.close()
    assert (folder / FILE_NAME).read_bytes() == before


def test_foreign_files_in_the_folder_are_never_touched(folder: Path, store: FolderStore) -> None:
    folder.mkdir()
    names = ("readme.txt", "dQw4w9WgXcQ.jpg", "ytproxy.sqlite", f"{FILE_NAME}.old")
    for name in names:
        (folder / name).write_text(f"my {name}")
    for number in range(100):
        put(store, video(number), text="x" * 60_000)
    store.purge(video(99))
    store.purge_all()
    store.close()
    assert {path.name for path in folder.iterdir()} == {*names, FILE_NAME}
    assert all((folder / name).read_text() == f"my {name}" for name in names)


def test_nobody_else_may_read_what_is_kept(folder: Path, store: FolderStore) -> None:
    folder.parent.chmod(0o755)
    previous = os.umask(0o022)
    try:
        put(store, FIRST)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    finally:
        os.umask(previous)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes == {FILE_NAME: 0o600, f"{FILE_NAME}-wal": 0o600, f"{FILE_NAME}-shm": 0o600}


def test_a_full_disk_stops_writing_but_not_reading(folder: Path, store: FolderStore) -> None:
    """A limit on file sizes stands in for the disk's end."""

    def fill_up() -> None:
        put(store, FIRST)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
        with pytest.raises(StoreError, match=f"cache folder {folder} cannot be used"):
            assert all(put(store, video(number), text="x" * 50_000) for number in range(40))
        kept = list(store.subjects())
        assert 5 < len(kept) < 40
        for _ in range(10):
            assert all(store.get(Key(subject, "details")) for subject in kept)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert put(store, SECOND, text="x" * 300_000)
        assert store.check() == []

    finish(fork(fill_up))


def test_a_folder_without_rights_is_reported_with_the_cure_and_used_once_it_has_them() -> None:
    with tempfile.TemporaryDirectory() as name:
        parent = Path(name)
        parent.chmod(0o755)
        folder = parent / "cache"
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, 65534, 65534)

        def try_all() -> None:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            store = FolderStore(folder, max_bytes=4 * MB)
            for mode in (0o000, 0o500):
                folder.chmod(mode)
                with pytest.raises(StoreError, match=f"{folder} cannot be used: .*writable for the server's user"):
                    put(store, FIRST)
            folder.chmod(0o700)
            assert put(store, FIRST)
            folder.chmod(0o500)
            assert store.get(KEY) == entry(), "what is open stays readable"
            folder.chmod(0o700)
            assert store.check() == []

        finish(fork(try_all))


def test_reading_waits_for_no_writer(folder: Path, store: FolderStore) -> None:
    for number in range(60):
        put(store, video(number))
    writer = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM entry")
    assert all(store.get(Key(video(number), "details")) == entry() for number in range(60))
    assert store.stats().entries == 60
    writer.execute("ROLLBACK")
    writer.close()


def test_threads_that_come_and_go_leave_no_files_open(store: FolderStore) -> None:
    put(store, FIRST)
    open_files = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(60):
        thread = threading.Thread(target=store.get, args=(KEY,))
        thread.start()
        thread.join()
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_files + 3


# ---- the store's own examination


@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        ("UPDATE state SET entries = entries + 1", "entries: 3 counted, 2 there"),
        ("UPDATE state SET bytes = bytes - 1", "bytes: "),
        ("UPDATE state SET videos = 7", "videos: 7 counted, 1 there"),
        ("UPDATE state SET playlists = 7", "playlists: 7 counted, 1 there"),
        ("UPDATE state SET sequence = 1", "uses newer than the newest: 1"),
        ("INSERT INTO purge SELECT 'video:dQw4w9WgXcQ', generation + 1 FROM state", "purges newer"),
        ("DELETE FROM body WHERE id = 1", "entries without a body: 1"),
        ("INSERT INTO body VALUES (99, x'')", "bodies without an entry: 1"),
        ("UPDATE entry SET subject = 'video:../etc/pwd' WHERE id = 1", "impossible key"),
        ("UPDATE entry SET part = 'A B' WHERE id = 1", "impossible key"),
        ("UPDATE entry SET meta = '{' WHERE id = 1", "facts of video:dQw4w9WgXcQ details are not a JSON object"),
        ("UPDATE entry SET meta = '[]' WHERE id = 1", "facts of video:dQw4w9WgXcQ details are not a JSON object"),
    ],
)
def test_check_finds_what_is_wrong(folder: Path, harm: str, finding: str) -> None:
    store = FolderStore(folder, max_bytes=4 * MB)
    put(store, FIRST)
    put(store, LIST)
    assert store.check() == []
    store.close()
    dump(folder, harm)
    assert any(found.startswith(finding) for found in store.check())
