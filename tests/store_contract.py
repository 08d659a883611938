"""What every store promises. A store's own test module inherits the class and says how to open one."""

import threading
from collections.abc import Callable, Iterator

import pytest

from ytproxy.store import Entry, Key, MetaValue, Purged, Stats, Store
from ytproxy.youtube import PlaylistId, VideoId

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
FIRST = VideoId("dQw4w9WgXcQ")
SECOND = VideoId("jNQXAC9IVRw")
LIST = PlaylistId("PLrAXtmErZgOeiKm4sgNOknGvNjby9efdf")


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


def video(number: int) -> VideoId:
    """A valid id for each number below 64 to the power of ten."""
    return VideoId("".join(ALPHABET[number >> shift & 63] for shift in range(0, 60, 6)) + "A")


def entry(text: str = "picture") -> Entry:
    return Entry({"title": text}, text.encode())


def put(store: Store, subject: VideoId | PlaylistId, part: str = "details", text: str = "picture") -> bool:
    return store.put(Key(subject, part), entry(text), begun=store.generation())


class StoreContract:
    """Subclasses provide the fixture `open_store`: every call opens one more handle on the same empty store."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def store(self, open_store: Callable[[], Store]) -> Iterator[Store]:
        store = open_store()
        yield store
        assert store.check() == []
        store.close()

    def test_an_entry_comes_back_as_it_was_put(self, store: Store) -> None:
        meta: dict[str, MetaValue] = {
            "title": "Grüße\u2028\ud800 'x' ✓",
            "width": 1280,
            "ratio": 1.7777,
            "short": False,
            "etag": None,
        }
        given = Entry(meta, bytes(range(256)) * 999)
        assert store.put(Key(FIRST, "640.avif@1a2b3c4d"), given, begun=store.generation())
        assert store.get(Key(FIRST, "640.avif@1a2b3c4d")) == given

    def test_an_entry_may_have_no_body_and_no_facts(self, store: Store) -> None:
        assert store.put(Key(FIRST, "details"), Entry({}, b""), begun=store.generation())
        assert store.get(Key(FIRST, "details")) == Entry({}, b"")

    def test_what_was_never_put_is_not_there(self, store: Store) -> None:
        put(store, FIRST, "details")
        assert store.get(Key(FIRST, "source")) is None
        assert store.get(Key(SECOND, "details")) is None

    def test_a_later_put_takes_the_place_of_an_earlier(self, store: Store) -> None:
        put(store, FIRST, text="long " * 5000)
        put(store, FIRST, text="short")
        assert store.get(Key(FIRST, "details")) == entry("short")
        assert store.stats().entries == 1

    def test_all_handles_see_the_same_entries(self, store: Store, open_store: Callable[[], Store]) -> None:
        other = open_store()
        put(store, FIRST)
        assert other.get(Key(FIRST, "details")) == entry()
        put(other, FIRST, text="newer")
        assert store.get(Key(FIRST, "details")) == entry("newer")
        other.close()

    def test_entries_outlive_a_close(self, store: Store) -> None:
        put(store, FIRST)
        store.close()
        assert store.get(Key(FIRST, "details")) == entry()

    def test_drop_deletes_the_parts_that_begin_so(self, store: Store) -> None:
        for part in ("640.avif@1", "640.avif@2", "640.webp@1", "details"):
            put(store, FIRST, part)
        put(store, SECOND, "640.avif@1")
        store.drop(FIRST, "640.avif@")
        assert [part for part in ("640.avif@1", "640.avif@2", "640.webp@1", "details")
                if store.get(Key(FIRST, part))] == ["640.webp@1", "details"]  # fmt: skip
        assert store.get(Key(SECOND, "640.avif@1"))

    def test_drop_takes_a_prefix_by_the_letter(self, store: Store) -> None:
        put(store, FIRST, "640.avif")
        for prefix in ("*", "%", "_", "640?", "640.avif.", "40"):
            store.drop(FIRST, prefix)
        assert store.get(Key(FIRST, "640.avif"))

    def test_drop_without_a_prefix_deletes_the_subject_and_is_no_purge(self, store: Store) -> None:
        begun = store.generation()
        put(store, FIRST, "details")
        put(store, FIRST, "source")
        store.drop(FIRST)
        assert store.stats().entries == 0
        assert store.generation() == begun
        assert store.put(Key(FIRST, "details"), entry(), begun=begun)

    def test_a_purge_forgets_all_of_a_subject_and_nothing_else(self, store: Store) -> None:
        for subject in (FIRST, SECOND, LIST):
            put(store, subject, "details")
            put(store, subject, "source")
        assert store.purge(FIRST) == 1
        assert store.purge(LIST) == 1
        assert set(store.subjects()) == {SECOND}
        assert store.stats().entries == 2

    def test_a_purge_of_the_unknown_forgets_nothing_but_counts(self, store: Store) -> None:
        begun = store.generation()
        assert store.purge(FIRST) == 0
        assert store.generation() > begun
        assert not store.put(Key(FIRST, "details"), entry(), begun=begun)

    def test_what_was_begun_before_a_purge_cannot_be_stored_after_it(self, store: Store) -> None:
        begun = store.generation()
        put(store, FIRST, text="old")
        store.purge(FIRST)
        assert not store.put(Key(FIRST, "details"), entry(), begun=begun)
        assert not store.put(Key(FIRST, "source"), entry(), begun=begun)
        assert store.get(Key(FIRST, "details")) is None

    def test_what_was_begun_after_a_purge_can_be_stored(self, store: Store) -> None:
        store.purge(FIRST)
        assert put(store, FIRST)
        assert store.get(Key(FIRST, "details")) == entry()

    def test_the_purge_of_one_subject_does_not_hinder_another(self, store: Store) -> None:
        begun = store.generation()
        store.purge(FIRST)
        assert store.put(Key(SECOND, "details"), entry(), begun=begun)

    def test_a_full_purge_forgets_everything_and_all_that_was_begun(self, store: Store) -> None:
        begun = store.generation()
        for subject in (FIRST, SECOND, LIST):
            put(store, subject)
        assert store.purge_all() == 3
        assert store.stats() == Stats(0, 0, 0, 0, None)
        assert list(store.subjects()) == []
        assert not store.put(Key(FIRST, "details"), entry(), begun=begun)
        assert put(store, FIRST)

    def test_a_refused_put_leaves_the_newer_entry_alone(self, store: Store) -> None:
        begun = store.generation()
        store.purge(FIRST)
        put(store, FIRST, text="newer")
        assert not store.put(Key(FIRST, "details"), entry("older"), begun=begun)
        assert store.get(Key(FIRST, "details")) == entry("newer")

    def test_purges_are_told_to_every_handle(self, store: Store, open_store: Callable[[], Store]) -> None:
        other = open_store()
        begun = other.generation()
        store.purge(FIRST)
        middle = other.generation()
        store.purge(LIST)
        now = other.generation()
        assert begun < middle < now
        assert other.purged_since(begun) == Purged(now, False, frozenset({FIRST.text, LIST.text}))
        assert other.purged_since(middle) == Purged(now, False, frozenset({LIST.text}))
        assert other.purged_since(now) == Purged(now, False, frozenset())
        other.close()

    def test_a_subject_purged_again_is_told_again(self, store: Store) -> None:
        store.purge(FIRST)
        middle = store.generation()
        store.purge(FIRST)
        assert store.purged_since(middle).subjects == {FIRST.text}

    def test_a_full_purge_is_told_as_everything(self, store: Store) -> None:
        begun = store.generation()
        store.purge(FIRST)
        store.purge_all()
        now = store.generation()
        assert store.purged_since(begun) == Purged(now, True, frozenset())
        assert store.purged_since(now) == Purged(now, False, frozenset())

    def test_purges_too_many_to_list_are_told_as_everything(self, store: Store) -> None:
        begun = store.generation()
        store.purge(video(0))
        after_first = store.generation()
        for number in range(1, 1001):
            store.purge(video(number))
        assert store.purged_since(begun) == Purged(store.generation(), True, frozenset())
        assert not store.put(Key(video(0), "details"), entry(), begun=begun)
        assert store.purged_since(after_first).subjects == {video(number).text for number in range(1, 1001)}

    def test_a_generation_from_elsewhere_is_told_everything_and_may_store_nothing(self, store: Store) -> None:
        for strange in (-1, store.generation() + 1):
            assert store.purged_since(strange).everything
            assert not store.put(Key(FIRST, "details"), entry(), begun=strange)

    def test_a_claim_excludes_all_other_owners(self, store: Store, open_store: Callable[[], Store]) -> None:
        other = open_store()
        key = Key(FIRST, "source")
        assert store.claim(key, "one", 30)
        assert not other.claim(key, "two", 30)
        assert other.claim(Key(FIRST, "details"), "two", 30)
        assert other.claim(Key(SECOND, "source"), "two", 30)
        other.close()

    def test_a_released_key_can_be_claimed(self, store: Store) -> None:
        key = Key(FIRST, "source")
        store.claim(key, "one", 30)
        store.release(key, "one")
        assert store.claim(key, "two", 30)

    def test_nobody_can_release_the_claim_of_another(self, store: Store) -> None:
        key = Key(FIRST, "source")
        store.claim(key, "one", 30)
        store.release(key, "two")
        assert not store.claim(key, "two", 30)

    def test_a_claim_ends_by_itself(self, store: Store, clock: Clock) -> None:
        key = Key(FIRST, "source")
        store.claim(key, "crashed", 30)
        clock.advance(29.5)
        assert not store.claim(key, "two", 30)
        clock.advance(1)
        assert store.claim(key, "two", 30)
        store.release(key, "crashed")
        assert not store.claim(key, "three", 30)

    def test_one_of_many_threads_gets_the_claim(self, store: Store) -> None:
        start, owners = threading.Barrier(12), []

        def run(owner: str) -> None:
            start.wait()
            if store.claim(Key(FIRST, "source"), owner, 30):
                owners.append(owner)

        threads = [threading.Thread(target=run, args=(str(number),)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(owners) == 1

    def test_many_threads_can_use_one_handle(self, store: Store) -> None:
        faults: list[object] = []

        def run(number: int) -> None:
            try:
                for step in range(40):
                    text = f"{number} {step} " * 200
                    put(store, video(step % 8), f"part-{number}", text)
                    found = store.get(Key(video(step % 8), f"part-{number}"))
                    if found != entry(text):
                        faults.append(found)
            except Exception as error:
                faults.append(error)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert store.stats().entries == 64

    def test_subjects_are_listed_once_each(self, store: Store) -> None:
        for subject in (FIRST, SECOND, LIST):
            put(store, subject, "details")
            put(store, subject, "source")
        listed = list(store.subjects())
        assert len(listed) == 3
        assert set(listed) == {FIRST, SECOND, LIST}

    def test_stats_count_what_is_there(self, store: Store) -> None:
        assert store.stats() == Stats(0, 0, 0, 0, None)
        put(store, FIRST, "details")
        put(store, FIRST, "source")
        put(store, SECOND, "details")
        put(store, LIST, "details", "x" * 1000)
        stats = store.stats()
        assert (stats.videos, stats.playlists, stats.entries) == (2, 1, 4)
        assert stats.bytes >= 1000 + 3 * len("picture")
        store.drop(FIRST, "source")
        store.drop(LIST)
        fewer = store.stats()
        assert (fewer.videos, fewer.playlists, fewer.entries) == (2, 0, 2)
        assert fewer.bytes < stats.bytes - 1000

    def test_stats_tell_the_age_of_what_was_confirmed_longest_ago(self, store: Store, clock: Clock) -> None:
        def confirm(subject: VideoId) -> None:
            store.put(Key(subject, "source"), Entry({"confirmed_at": clock()}, b""), begun=store.generation())

        confirm(FIRST)
        clock.advance(100)
        confirm(SECOND)
        put(store, LIST)
        assert store.stats().oldest_s == 100
        clock.advance(5)
        confirm(FIRST)
        assert store.stats().oldest_s == 5

    def test_expire_deletes_what_was_confirmed_before_and_nothing_else(self, store: Store) -> None:
        begun = store.generation()
        for number in range(250):
            facts = {"confirmed_at": float(number)}
            store.put(Key(video(number), "source"), Entry(facts, b"x"), begun=begun)
        put(store, LIST)
        assert store.expire(220.0) == 220
        assert set(store.subjects()) == {LIST, *(video(number) for number in range(220, 250))}
        assert store.expire(220.0) == 0
        assert store.generation() == begun
