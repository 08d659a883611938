"""The service: memory, then store, then YouTube. The only room that decides freshness.

Two things are known of a video, its *details* (title, channel, shape, state) and its *source* picture, and
each lives by the same rules:

* fresh for ``refresh_after_s``; after that it is served as it is and confirmed in the background;
* kept on every failure of YouTube until ``max_age_s`` after its last confirmation, then gone;
* "absent" is remembered for minutes at first, then longer; a failure only long enough to share it;
* one request for all who wait, across threads and worker processes, its failure included.
"""

import hashlib
import logging
import os
import random
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeVar, cast

from cachetools import LRUCache

from ytproxy import images
from ytproxy.errors import (
    Absent,
    Busy,
    EmbeddingOff,
    PictureRefused,
    PlaceholderPicture,
    Private,
    StoreError,
    Unavailable,
    UpstreamFailed,
    YtproxyError,
)
from ytproxy.images import WIDTHS_PX, Format, Shape, Variant
from ytproxy.posters import Poster, Posters
from ytproxy.store import Entry, Key, Purged, Store, Subject
from ytproxy.upstream import Upstream
from ytproxy.youtube import LANDSCAPE_NAMES, PORTRAIT_NAMES, VideoId

ABSENT_FIRST_S = 120.0  # a fresh upload gets its pictures within minutes
ABSENT_CEILING_S = 21_600.0
FAILURE_FIRST_S = 2.0
FAILURE_CEILING_S = 60.0
PROBE_FIRST_S = 3_600.0  # how soon a better picture is looked for, four times as long after each vain look
PROBES = 4
LOOK_S = 0.5  # how often a purge by another process is looked for
FETCH_S = 10.0  # what one look at YouTube may take, all names tried
WAIT_S = 12.0  # what whoever waits for another's look waits at the most; also the life of a lease

TIDY_S = 3_600.0  # how often what has passed the ceiling is deleted

_T = TypeVar("_T")
_random = random.SystemRandom()
_log = logging.getLogger(__name__)


class State(StrEnum):
    """What YouTube last said of a video or playlist."""

    OK = "ok"
    EMBEDDING_OFF = "embedding-off"
    PRIVATE = "private"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Details:
    """Title, channel and shape. *ratio* is width over height; *cover* the video whose picture a playlist shows."""

    state: State
    title: str = ""
    author: str = ""
    author_url: str | None = None
    ratio: float | None = None
    cover: VideoId | None = None

    def raise_if_unavailable(self) -> None:
        """Raises Absent or Private where there is nothing to show."""
        if self.state is State.ABSENT:
            raise Absent("YouTube says that there is no such video")
        if self.state is State.PRIVATE:
            raise Private("YouTube says that this video is private")

    @property
    def shape(self) -> Shape:
        return Shape.PORTRAIT if self.ratio is not None and self.ratio < 0.95 else Shape.LANDSCAPE


@dataclass(frozen=True, slots=True)
class Picture:
    """Finished bytes. *settled*: nothing that YouTube did not answer this time could change them. *own*: made of the
    operator's picture, who may put another in its place at any time."""

    body: bytes
    settled: bool
    own: bool = False


class Previews:
    """What this server knows of videos. Thread-safe; one a process, any number of processes on one store.

    *miss_slots* bounds the threads that lead or wait for a miss; past it a miss is refused as Busy at once.
    *renders* bounds the pictures decoded or encoded at the same time, which is all processor time. Without
    *visits_fetch* no look-up causes a request to YouTube: only the schedule of `keep_fresh` does, so that YouTube
    cannot tell from our requests when somebody visits. Without *thumbnails* none is ever fetched. Where *posters* has a
    picture of the operator's own, YouTube is not asked for one.
    Raises, from every look-up: Absent, Private, UpstreamFailed, Busy.
    """

    def __init__(
        self,
        store: Store,
        upstream: Upstream,
        *,
        refresh_after_s: float,
        max_age_s: float,
        memory_max_bytes: int,
        miss_slots: int = 16,
        renders: int = 1,
        visits_fetch: bool = True,
        posters: Posters | None = None,
        thumbnails: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._upstream = upstream
        self._refresh_after_s = refresh_after_s
        self._max_age_s = max_age_s
        self._clock = clock
        self._thumbnails = thumbnails
        self._visits_fetch = visits_fetch
        self._posters = posters
        self._recent: LRUCache[Key, Entry] = LRUCache(memory_max_bytes, getsizeof=_size_bytes)
        self._failures: LRUCache[Key, Entry] = LRUCache(4_096)
        self._flights: dict[tuple[Key, int | None], Future[Entry]] = {}
        self._refreshing: set[Key | None] = set()
        self._lock = threading.Lock()  # guards the four above
        self._slots = threading.BoundedSemaphore(miss_slots)
        self._this_thread = _ThisThread()
        self._stopping = threading.Event()
        self._owner = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._background = ThreadPoolExecutor(2, thread_name_prefix="refresh")
        self._asides = ThreadPoolExecutor(miss_slots, thread_name_prefix="aside")
        self._renders = ThreadPoolExecutor(renders, thread_name_prefix="render", initializer=_give_way)
        self._generation: int | None = None
        self._look_at = self._tidy_at = 0.0
        self._on_purge: list[Callable[[Purged], None]] = []
        self.look()

    def close(self) -> None:
        self._stopping.set()
        for threads in (self._background, self._asides, self._renders):
            threads.shutdown(wait=False, cancel_futures=True)
        self._upstream.close()
        self._store.close()

    # What pages and pictures ask for

    def details(self, subject: Subject, *, short: bool = False) -> Details:
        """Title, channel, shape and whether it may be embedded. *short*: the address says that it is a Short."""
        key = _details_key(subject, short=short)
        found = _details(self._current(key, lambda before: self._fetch_details(key, before, short=short)))
        found.raise_if_unavailable()
        return found

    def known_details(self, subject: Subject) -> Details | None:
        """What is kept of the details, without asking anybody; None where nothing can be shown."""
        for short in (True, False):
            entry = self._read(_details_key(subject, short=short))
            if entry and self._usable(entry) and _is_yes(entry):
                return _details(entry)
        return None

    def thumbnail(self, video: VideoId, variant: Variant) -> Picture:
        """The picture of a video in one of our sizes and formats."""
        if poster := self.poster(video):
            return self._own(video, variant.name, poster, lambda: images.poster(poster.read(), variant))
        source, ratio, settled = self._source_and_ratio(video, variant.shape)
        if variant.shape is Shape.PORTRAIT and ratio is not None and ratio >= 1:
            raise Absent("This video is not in portrait format, so there is no portrait picture")
        key = Key(video, f"render.{variant.name}.{_tag(source, ratio)}")
        return Picture(self._rendered(key, source, lambda: images.render(source.body, variant, ratio=ratio)), settled)

    def legacy_thumbnail(self, video: VideoId, name: str, format_: Format) -> Picture:
        """The picture under one of i.ytimg.com's names, in that name's size. Raises Absent for names it lacks."""

        def there_is(body: bytes | None) -> bytes:
            if body is None:
                raise Absent("There is no picture of this name for this video")
            return body

        part = f"vi-{name}.{format_}"
        if poster := self.poster(video):
            return self._own(video, part, poster, lambda: there_is(images.legacy_poster(poster.read(), name, format_)))
        source, ratio, settled = self._source_and_ratio(video, Shape.LANDSCAPE)
        key = Key(video, f"render.{part}.{_tag(source, ratio)}")
        body = self._rendered(key, source, lambda: there_is(images.legacy(source.body, name, format_, ratio=ratio)))
        return Picture(body, settled)

    def poster(self, video: VideoId) -> Poster | None:
        """The operator's own picture for a video, which needs nothing of YouTube's."""
        return self._posters.find(video) if self._posters else None

    def shows_picture(self, video: VideoId) -> bool:
        """Whether there may be a picture of a video: YouTube's where those are shown, else the operator's own."""
        return self._thumbnails or self.poster(video) is not None

    def prefetch(self, video: VideoId, shape: Shape) -> None:
        """Starts to get the source picture, for the request that a page just made will cause in a moment."""
        key = _source_key(video, shape)
        if self._thumbnails and self._may_fetch() and self._read(key) is None and not self.poster(video):
            self._later(key, lambda: self._source(video, shape))

    def fault(self) -> str | None:
        """Why the store cannot be used just now, for readiness checks; None when it can."""
        try:
            self._store.generation()
        except StoreError as error:
            return str(error)
        return None

    def is_known(self, subject: Subject) -> bool:
        """Whether something is kept of the subject, a "no" included, so that it can be answered without YouTube."""
        entries = (self._read(_details_key(subject, short=short)) for short in (True, False))
        return any(entry is not None and self._usable(entry) for entry in entries)

    def keep_fresh(self, subjects: Sequence[Subject], *, round_s: float = 600.0) -> None:
        """Fetches *subjects* now and confirms them for ever after, on a schedule of our own, with jitter.

        Every size and format is made as well, so that the first visit to a video costs what any other does, and
        nobody can tell by the time it takes whether there was one before."""

        def run() -> None:
            while True:
                for subject in _random.sample(subjects, len(subjects)):
                    if self._stopping.wait(_random.uniform(0.02, 0.2)):
                        return
                    with suppress(YtproxyError):
                        self._without_slot(partial(self._keep_one_fresh, subject))
                if self._stopping.wait(round_s * _random.uniform(0.5, 1.5)):
                    return

        threading.Thread(target=run, name="schedule", daemon=True).start()

    def _keep_one_fresh(self, subject: Subject) -> None:
        details = self.details(subject)
        if isinstance(subject, VideoId):
            self.details(subject, short=True)
        shown = subject if isinstance(subject, VideoId) else details.cover
        if shown and self.shows_picture(shown):
            for format_ in Format:
                for width_px in WIDTHS_PX[details.shape]:
                    self.thumbnail(shown, Variant(details.shape, width_px, format_))

    # Purges

    def on_purge(self, callback: Callable[[Purged], None]) -> None:
        """*callback* hears of every purge, by whichever process, at the first `look` that is LOOK_S after it."""
        self._on_purge.append(callback)

    def look(self) -> int | None:
        """Notices purges; asks the store at most every LOOK_S. Returns the newest generation known of, or None
        while the store cannot say."""
        if (now := time.monotonic()) >= self._look_at:
            self._look_at = now + LOOK_S
            self._notice()
            if now >= self._tidy_at:
                self._tidy_at = now + TIDY_S
                self._later(None, self._tidy)
        return self._generation

    def still(self, generation: int | None) -> bool:
        """Whether nothing has been purged since `look` returned *generation*."""
        self._notice()
        return generation == self._generation

    def _notice(self) -> None:
        known = self._generation
        try:
            if known is None:
                purged = Purged(self._store.generation(), True, frozenset())
            else:
                purged = self._store.purged_since(known)
        except StoreError:
            return
        if purged.generation == known:
            return
        with self._lock:
            for cache in (self._recent, self._failures):
                for key in [key for key in cache if purged.everything or key.subject.text in purged.subjects]:
                    del cache[key]
            self._generation = purged.generation
        for callback in self._on_purge:
            callback(purged)

    def _tidy(self) -> None:
        self._store.expire(self._clock() - self._max_age_s)

    # Freshness

    def _current(self, key: Key, fetch: "_Fetch") -> Entry:
        """The entry: fresh as it is, stale as it is and confirmed in the background, else fetched now."""
        self.look()  # before anything is read: what is read then is not older than the last purge noticed
        entry = self._read(key)
        if entry is None or not self._usable(entry):
            self._refuse_where_visits_do_not_fetch()
            return self._flight(key, fetch, self._fresh)
        if not self._fresh(entry) and self._may_fetch():
            self._later(key, lambda: self._flight(key, fetch, self._fresh))
        return entry

    def _usable(self, entry: Entry) -> bool:
        """Whether it may be shown: confirmed within the hard ceiling or, for a "no", within its short life."""
        age_s = self._clock() - _number(entry, "confirmed_at")
        return age_s < self._max_age_s if _is_yes(entry) else -60 < age_s < _number(entry, "lives_s")

    def _fresh(self, entry: Entry) -> bool:
        """Whether YouTube need not be asked. A clock that went backwards makes things due, not eternal."""
        if not self._usable(entry):
            return False
        rested_s = self._clock() - max(_number(entry, "confirmed_at"), _number(entry, "rested_at"))
        life_s = self._refresh_after_s * (1 + _number(entry, "jitter"))
        if (probes := _number(entry, "probes", PROBES)) < PROBES:
            life_s = min(life_s, PROBE_FIRST_S * 4**probes)
        return not _is_yes(entry) or -60 < rested_s < life_s

    def _flight(self, key: Key, fetch: "_Fetch", good: Callable[[Entry], bool]) -> Entry:
        """The entry, fetched once for everybody who asks meanwhile; a failure is everybody's too."""
        self._raise_failure(key)
        with self._slot():
            with self._lock:
                begun = self._generation  # who asks after a purge does not join a flight begun before it
                flight = self._flights.get((key, begun))
                if leads := flight is None:
                    flight = self._flights[key, begun] = Future()
            if not leads:
                return _outcome(flight)
            try:
                entry = self._lead(key, fetch, good, begun)
            except BaseException as error:
                flight.set_exception(error)
                raise
            else:
                flight.set_result(entry)
                return entry
            finally:
                with self._lock:
                    del self._flights[key, begun]

    def _lead(self, key: Key, fetch: "_Fetch", good: Callable[[Entry], bool], begun: int | None) -> Entry:
        """Single flight among processes: a lease in the store; whoever waited for it finds the outcome there."""
        give_up = time.monotonic() + WAIT_S
        while not self._claim(key):
            if time.monotonic() > give_up:
                raise Busy("Another process is still fetching this", retry_after_s=FAILURE_FIRST_S)
            time.sleep(0.02)
        try:
            self._raise_failure(key)
            before = self._read(key, recent=False)
            if before and good(before):
                return before
            entry = self._fetched(key, fetch, before)
            if self._put(key, entry, begun):
                self._keep(key, entry, begun)
            return entry
        finally:
            self._release(key)

    def _fetched(self, key: Key, fetch: "_Fetch", before: Entry | None) -> Entry:
        try:
            return fetch(before)
        except UpstreamFailed as error:
            self._note_failure(key, error)
            raise

    def _later(self, key: Key | None, work: Callable[[], object]) -> None:
        """Runs *work* in the background, once at a time for a key; dropped without harm when there is too much."""
        with self._lock:
            if key in self._refreshing or len(self._refreshing) >= 200:
                return
            self._refreshing.add(key)

        def run() -> None:
            try:
                self._without_slot(work)
            except YtproxyError as error:
                _log.debug("in the background: %s", error)
            except Exception:  # noqa: BLE001  nobody waits for it: the log is where it is told
                _log.exception("a refresh in the background failed")
            finally:
                with self._lock:
                    self._refreshing.discard(key)

        with suppress(RuntimeError):  # shutting down
            self._background.submit(run)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """A place among the misses, one a thread; Busy at once when all are taken, so that hits keep theirs."""
        if self._this_thread.has_slot:
            yield
            return
        if not self._slots.acquire(blocking=False):
            raise Busy("Too many previews are being fetched just now", retry_after_s=FAILURE_FIRST_S)
        self._this_thread.has_slot = True
        try:
            yield
        finally:
            self._this_thread.has_slot = False
            self._slots.release()

    def _may_fetch(self) -> bool:
        return self._visits_fetch or self._this_thread.has_slot

    def _refuse_where_visits_do_not_fetch(self) -> None:
        if not self._may_fetch():
            raise Busy("This preview has not been fetched yet", retry_after_s=FAILURE_FIRST_S)

    def _without_slot(self, work: Callable[[], _T]) -> _T:
        """Runs *work* on a thread of our own pools, which takes no visitor's place."""
        self._this_thread.has_slot = True
        return work()

    # Fetching

    def _fetch_details(self, key: Key, before: Entry | None, *, short: bool) -> Entry:
        try:
            oembed = self._upstream.oembed(key.subject, short=short)
        except EmbeddingOff:
            # YouTube tells no title with this answer; one from earlier stays, to the ceiling of its own.
            told_at = _number(before, "told_at") if before else 0.0
            if before is None or self._clock() - told_at >= self._max_age_s:
                return self._yes(State.EMBEDDING_OFF, {}, b"")
            known = {name: before.meta.get(name) for name in _TOLD}
            return self._yes(State.EMBEDDING_OFF, known | {"told_at": told_at}, b"")
        except Unavailable as error:
            self._drop(key.subject, "source", "portrait", "render.")  # a picture does not outlive its video
            return self._no(State.PRIVATE if isinstance(error, Private) else State.ABSENT, before)
        told = (
            oembed.title,
            oembed.author,
            oembed.author_url,
            oembed.ratio,
            oembed.thumbnail_video.text if oembed.thumbnail_video else None,
        )
        return self._yes(State.OK, dict(zip(_TOLD, told, strict=True)) | {"told_at": self._clock()}, b"")

    def _source(self, video: VideoId, shape: Shape) -> Entry:
        if not self._thumbnails:
            raise Absent("No thumbnail of YouTube's is fetched or shown here")
        key = _source_key(video, shape)
        entry = self._current(key, lambda before: self._fetch_source(key, shape, before))
        if entry.meta["state"] != State.ABSENT:
            return entry
        if shape is Shape.PORTRAIT:  # the landscape files hold the tall picture between bars
            return self._source(video, Shape.LANDSCAPE)
        raise Absent("YouTube has no picture of this video")

    def _source_and_ratio(self, video: VideoId, shape: Shape) -> tuple[Entry, float | None, bool]:
        """The picture as YouTube has it, the video's shape (width over height), and whether that was answered.
        Both are asked for at the same time. Raises where the video is private or gone."""
        for short in (True, False):
            if (known := self._read(_details_key(video, short=short))) and self._usable(known):
                ratio = self.details(video, short=short).ratio  # also while stale, and confirmed behind it
                return self._source(video, shape), ratio, True
        self._refuse_where_visits_do_not_fetch()
        with self._slot():
            ask = partial(self.details, video, short=shape is Shape.PORTRAIT)
            aside = self._asides.submit(self._without_slot, ask)
            try:
                source = self._source(video, shape)
            except Absent:
                _outcome(aside)  # "private" is the better answer than "no picture"
                raise
            except YtproxyError:
                aside.cancel()
                raise
            try:
                return source, _outcome(aside).ratio, True
            except (UpstreamFailed, Busy):
                return source, None, False

    def _fetch_source(self, key: Key, shape: Shape, before: Entry | None) -> Entry:
        """The best picture there is. A known one is confirmed by its name; better names are looked for a few
        times more, because a fresh upload gets its large picture later."""
        video = cast(VideoId, key.subject)
        old = before if before and _is_yes(before) and self._usable(before) else None
        names = PORTRAIT_NAMES if shape is Shape.PORTRAIT else LANDSCAPE_NAMES
        known = str(old.meta["name"]) if old else names[-1]
        probes = int(_number(old, "probes")) + 1 if old else 0
        if old and probes > PROBES:
            names = names[names.index(known) :]
        refused: PictureRefused | None = None
        until = time.monotonic() + FETCH_S
        for name in names:
            if (left_s := until - time.monotonic()) <= 0:
                raise UpstreamFailed("YouTube took too long for the names of one picture")
            etag = cast("str | None", old.meta["etag"]) if old and name == known else None
            try:
                thumbnail = self._upstream.thumbnail(video, name, etag=etag, within_s=left_s)
                if thumbnail is None:
                    told = {"name": name, "etag": etag, "sha": old.meta["sha"] if old else ""}
                    return self._yes(State.OK, told | {"probes": min(probes, PROBES)}, old.body if old else b"")
                size = self._heavy(partial(images.check_source, thumbnail.body))
            except (Absent, PlaceholderPicture):
                continue
            except PictureRefused as error:
                refused = error
                continue
            if shape is Shape.PORTRAIT and size.width_px >= size.height_px:
                continue  # `oar2` has the video's own shape, whichever that is
            self._drop(key.subject, "render.")
            sha = hashlib.sha256(thumbnail.body).hexdigest()[:12]
            told = {"name": name, "etag": thumbnail.etag, "sha": sha}
            best = name == names[0]
            return self._yes(State.OK, told | {"probes": PROBES if best else min(probes, PROBES)}, thumbnail.body)
        if old and not refused:
            # The picture has gone and the video is there: it stays to the ceiling, and YouTube is left in peace.
            return Entry({**old.meta, "rested_at": self._clock()}, old.body)
        if refused:
            raise UpstreamFailed(f"YouTube's picture cannot be used: {refused}")
        return self._no(State.ABSENT, before)

    def _rendered(self, key: Key, source: Entry, render: Callable[[], bytes]) -> bytes:
        """A picture made from *source*. Its name holds the source's, so it is right for as long as it is asked for;
        it goes from the disk when its source was due to."""

        def make(_before: Entry | None) -> Entry:
            try:
                return Entry({"state": State.OK, "confirmed_at": source.meta["confirmed_at"]}, self._heavy(render))
            except PictureRefused as error:
                raise UpstreamFailed(f"The picture cannot be used: {error}") from error

        return (self._read(key) or self._flight(key, make, lambda _entry: True)).body

    def _own(self, video: VideoId, part: str, poster: Poster, render: Callable[[], bytes]) -> Picture:
        source = Entry({"confirmed_at": self._clock()}, b"")  # from now on: the file is what confirms it
        return Picture(self._rendered(Key(video, f"render.{part}.own-{poster.sha}"), source, render), True, own=True)

    def _heavy(self, work: Callable[[], _T]) -> _T:
        """Runs what needs a processor for long on a thread that leaves it to the hits. Raises what *work* raises."""
        try:
            running = self._renders.submit(work)
        except RuntimeError as error:
            raise Busy("The server is stopping", retry_after_s=FAILURE_FIRST_S) from error
        return running.result()

    def _yes(self, state: State, told: "_Told", body: bytes) -> Entry:
        jitter = zlib.crc32(os.urandom(4)) / 2**32 * 0.2 - 0.1  # spreads what was fetched together
        return Entry({**told, "state": state, "confirmed_at": self._clock(), "jitter": jitter}, body)

    def _no(self, state: State, before: Entry | None) -> Entry:
        """A "no", remembered twice as long as the one before."""
        again_s = 2 * _number(before, "lives_s") if before and not _is_yes(before) else ABSENT_FIRST_S
        lives_s = min(again_s, ABSENT_CEILING_S)
        return Entry({"state": state, "lives_s": lives_s, "confirmed_at": self._clock()}, b"")

    # Failures are shared for a moment, and never taken for "absent"

    def _raise_failure(self, key: Key) -> None:
        if not (entry := self._failure(key)):
            return
        left_s = _number(entry, "until") - self._clock()
        if 0 < left_s <= FAILURE_CEILING_S:
            raise UpstreamFailed(str(entry.meta["reason"]), retry_after_s=left_s)

    def _note_failure(self, key: Key, error: UpstreamFailed) -> None:
        wait_s = FAILURE_FIRST_S
        if (before := self._failure(key)) and self._clock() - _number(before, "until") < FAILURE_CEILING_S:
            wait_s = 2 * _number(before, "wait_s")
        wait_s = min(max(wait_s, error.retry_after_s or 0), FAILURE_CEILING_S)
        facts = {
            "until": self._clock() + wait_s,
            "wait_s": wait_s,
            "reason": str(error),
            "confirmed_at": self._clock(),
        }
        entry = Entry(facts, b"")
        with self._lock:
            self._failures[key] = entry
        self._put(_failure_key(key), entry, self._generation)

    def _failure(self, key: Key) -> Entry | None:
        """The newest failure noted by this process or another."""
        with self._lock:
            own = self._failures.get(key)
        return max(
            filter(None, (own, self._stored(_failure_key(key)))),
            key=lambda e: _number(e, "until"),
            default=None,
        )

    # The store, whose troubles never become a visitor's: memory makes up for it

    def _read(self, key: Key, *, recent: bool = True) -> Entry | None:
        with self._lock:
            own, generation = self._recent.get(key), self._generation
        if own and recent:
            return own
        entry = self._stored(key)
        if entry is None:
            return own
        self._keep(key, entry, generation)
        return entry

    def _stored(self, key: Key) -> Entry | None:
        try:
            return self._store.get(key)
        except StoreError as error:
            _log.warning("%s", error)
            return None

    def _put(self, key: Key, entry: Entry, begun: int | None) -> bool:
        """False when a purge has overtaken the fetch."""
        try:
            return begun is None or self._store.put(key, entry, begun=begun)
        except StoreError as error:
            _log.warning("%s", error)
            return True

    def _keep(self, key: Key, entry: Entry, generation: int | None) -> None:
        """Into memory, unless a purge was noticed since *generation*."""
        with self._lock:
            if generation == self._generation and _size_bytes(entry) <= self._recent.maxsize // 4:
                self._recent[key] = entry

    def _drop(self, subject: Subject, *prefixes: str) -> None:
        with self._lock:
            for key in [key for key in self._recent if key.subject == subject and key.part.startswith(prefixes)]:
                del self._recent[key]
        try:
            for prefix in prefixes:
                self._store.drop(subject, prefix)
        except StoreError as error:
            _log.warning("%s", error)

    def _claim(self, key: Key) -> bool:
        try:
            return self._store.claim(key, self._owner, WAIT_S)
        except StoreError:
            return True

    def _release(self, key: Key) -> None:
        try:
            self._store.release(key, self._owner)
        except StoreError as error:
            _log.warning("%s", error)


_Told = dict[str, str | int | float | bool | None]
_Fetch = Callable[[Entry | None], Entry]  # from what was stored before, fresh or not, to what is to be stored
_TOLD = ("title", "author", "author_url", "ratio", "cover")


def _give_way() -> None:
    """Lowers this thread's priority; elsewhere than on Linux it would be the process's, or there is no such thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


class _ThisThread(threading.local):
    has_slot = False


def _outcome(future: Future[_T]) -> _T:
    """The result for a thread that did not do the work. Raises what the work raised; Busy when it takes too long."""
    try:
        return future.result(timeout=WAIT_S)
    except TimeoutError:
        raise Busy("YouTube is slow just now", retry_after_s=FAILURE_FIRST_S) from None


def _details(entry: Entry) -> Details:
    title, author, author_url, ratio, cover = (entry.meta.get(name) for name in _TOLD)
    return Details(
        State(str(entry.meta["state"])),
        str(title or ""),
        str(author or ""),
        str(author_url) if author_url else None,
        float(ratio) if ratio else None,
        VideoId(str(cover)) if cover else None,
    )


def _is_yes(entry: Entry) -> bool:
    return entry.meta["state"] in (State.OK, State.EMBEDDING_OFF)


def _number(entry: Entry, name: str, default: float = 0.0) -> float:
    value = entry.meta.get(name)
    return float(value) if isinstance(value, int | float) else default


def _size_bytes(entry: Entry) -> int:
    return len(entry.body) + 1_000


def _details_key(subject: Subject, *, short: bool) -> Key:
    return Key(subject, "details.short" if short else "details")


def _source_key(video: VideoId, shape: Shape) -> Key:
    return Key(video, "portrait" if shape is Shape.PORTRAIT else "source")


def _failure_key(key: Key) -> Key:
    return Key(key.subject, f"failed.{key.part}"[:64])


def _tag(source: Entry, ratio: float | None) -> str:
    """Names what a rendering was made of, so that another source or shape never meets it."""
    return f"{source.meta['sha']}-{round((ratio or 0) * 100)}"
