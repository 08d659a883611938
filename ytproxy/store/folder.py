"""The embedded default: one SQLite file in the cache folder, shared by all processes of one machine.

SQLite brings what a picture store needs: a crash leaves whole entries only, and recency, sizes and purges are
index look-ups however much is kept.
"""

import json
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ytproxy.errors import InvalidInput, StoreError
from ytproxy.store import Entry, Key, Purged, Stats, Subject, parse_subject, subject_name
from ytproxy.store.database import PAGE_BYTES, Database, used_pages

FILE_NAME = "ytproxy.sqlite3"
SCHEMA_VERSION = 1

_SPARE_PAGES = 64  # empty tables, index growth, purge records and claims live beside the entries
_EVICT_AT_ONCE = 8
_EXPIRE_AT_ONCE = 100
_TOUCH_AT_ONCE = 32
_PURGE_RECORDS = 1000

# Bodies have a table of their own, because SQLite rewrites a whole row when one column changes.
# `sequence` says in which order entries were used, and never when: the cache is not a log of viewing.
_SCHEMA = (
    """CREATE TABLE state (
        generation INTEGER NOT NULL, floor INTEGER NOT NULL, sequence INTEGER NOT NULL DEFAULT 0,
        entries INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
        videos INTEGER NOT NULL DEFAULT 0, playlists INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE entry (
        id INTEGER PRIMARY KEY, subject TEXT NOT NULL, part TEXT NOT NULL, sequence INTEGER NOT NULL UNIQUE,
        size INTEGER NOT NULL, confirmed_at REAL, meta TEXT NOT NULL, UNIQUE (subject, part))""",
    "CREATE INDEX entry_confirmed ON entry (confirmed_at) WHERE confirmed_at IS NOT NULL",
    "CREATE TABLE body (id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
    "CREATE TABLE purge (subject TEXT PRIMARY KEY, generation INTEGER NOT NULL UNIQUE) WITHOUT ROWID",
    """CREATE TABLE claim (
        subject TEXT, part TEXT, owner TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (subject, part)
        ) WITHOUT ROWID""",
    """CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN
        UPDATE state SET entries = entries + 1, bytes = bytes + NEW.size;
        UPDATE state SET videos = videos + (NEW.subject GLOB 'video:*'),
                         playlists = playlists + (NEW.subject GLOB 'playlist:*')
            WHERE NOT EXISTS (SELECT 1 FROM entry WHERE subject = NEW.subject AND id <> NEW.id);
    END""",
    """CREATE TRIGGER entry_removed AFTER DELETE ON entry BEGIN
        DELETE FROM body WHERE id = OLD.id;
        UPDATE state SET entries = entries - 1, bytes = bytes - OLD.size;
        UPDATE state SET videos = videos - (OLD.subject GLOB 'video:*'),
                         playlists = playlists - (OLD.subject GLOB 'playlist:*')
            WHERE NOT EXISTS (SELECT 1 FROM entry WHERE subject = OLD.subject);
    END""",
)

_SUMS = {
    "entries": "SELECT count(*) FROM entry",
    "bytes": "SELECT coalesce(sum(length(meta) + length(body)), 0) FROM entry JOIN body USING (id)",
    "videos": "SELECT count(DISTINCT subject) FROM entry WHERE subject GLOB 'video:*'",
    "playlists": "SELECT count(DISTINCT subject) FROM entry WHERE subject GLOB 'playlist:*'",
}
_NEVER = {
    "entries without a body": "SELECT count(*) FROM entry WHERE id NOT IN (SELECT id FROM body)",
    "bodies without an entry": "SELECT count(*) FROM body WHERE id NOT IN (SELECT id FROM entry)",
    "uses newer than the newest": "SELECT count(*) FROM entry, state WHERE entry.sequence > state.sequence",
    "purges newer than the generation": ("SELECT count(*) FROM purge, state WHERE purge.generation > state.generation"),
}


class FolderStore:
    """A store in *folder*, which is made when it is missing. Opens files at the first use, not before.

    *max_bytes* bounds the database file; SQLite's write-ahead log beside it stays at a few MB. What was used
    longest ago makes room. Every method raises StoreError when the folder or the disk is at fault; the next
    call tries anew.
    """

    def __init__(self, folder: Path, *, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self._database = Database(folder / FILE_NAME, version=SCHEMA_VERSION, create=self._create)
        self._max_pages = max_bytes // PAGE_BYTES
        self._clock = clock
        self._used: deque[int] = deque(maxlen=4 * _TOUCH_AT_ONCE)

    def get(self, key: Key) -> Entry | None:
        rows = self._database.rows(
            "SELECT id, meta, body, entry.sequence < state.sequence - state.entries / 10"
            " FROM state, entry JOIN body USING (id) WHERE subject = ? AND part = ?",
            subject_name(key.subject),
            key.part,
        )
        if not rows:
            return None
        ((entry_id, meta, body, among_older),) = rows
        if among_older:
            self._used.append(entry_id)
            if len(self._used) >= _TOUCH_AT_ONCE:
                # Only the order of eviction suffers when this fails: the answer is already here.
                with suppress(StoreError), self._database.transaction(busy_ms=0) as db:
                    self._note_uses(db)
        try:
            return Entry(json.loads(meta), body)
        except ValueError as error:
            raise StoreError(f"An entry of the cache is damaged ({key.part}). Run `ytproxy doctor`.") from error

    def put(self, key: Key, entry: Entry, *, begun: int) -> bool:
        subject = subject_name(key.subject)
        meta = json.dumps(dict(entry.meta), separators=(",", ":"))
        size = len(meta) + len(entry.body)
        pages = size // (PAGE_BYTES - 4) + _SPARE_PAGES
        if pages > self._max_pages:
            return False
        with self._database.transaction() as db:
            may_store = db.execute(
                "SELECT 1 FROM state WHERE ? BETWEEN floor AND generation AND NOT EXISTS"
                " (SELECT 1 FROM purge WHERE subject = ? AND purge.generation > ?)",
                (begun, subject, begun),
            ).fetchall()
            if not may_store:
                return False
            self._note_uses(db)
            db.execute("DELETE FROM entry WHERE subject = ? AND part = ?", (subject, key.part))
            while used_pages(db) + pages > self._max_pages and _evict(db):
                pass
            added = db.execute(
                "INSERT INTO entry (subject, part, sequence, size, confirmed_at, meta) VALUES (?, ?, ?, ?, ?, ?)",
                (subject, key.part, _next_sequence(db), size, entry.meta.get("confirmed_at"), meta),
            )
            db.execute("INSERT INTO body (id, body) VALUES (?, ?)", (added.lastrowid, entry.body))
        return True

    def drop(self, subject: Subject, parts_prefix: str | None = None) -> None:
        prefix = parts_prefix or ""
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM entry WHERE subject = ? AND substr(part, 1, ?) = ?",
                (subject_name(subject), len(prefix), prefix),
            )

    def generation(self) -> int:
        return int(self._database.rows("SELECT generation FROM state")[0][0])

    def purged_since(self, generation: int) -> Purged:
        rows = self._database.rows(
            "SELECT state.generation, ? NOT BETWEEN floor AND state.generation, subject"
            " FROM state LEFT JOIN purge ON purge.generation > ?",
            generation,
            generation,
        )
        now, everything, _ = rows[0]
        names = [name for _, _, name in rows if name and not everything]
        return Purged(now, bool(everything), frozenset(parse_subject(name).text for name in names))

    def purge(self, subject: Subject) -> int:
        name = subject_name(subject)
        with self._database.transaction() as db:
            db.execute("UPDATE state SET generation = generation + 1")
            db.execute("REPLACE INTO purge (subject, generation) SELECT ?, generation FROM state", (name,))
            too_old = "SELECT generation FROM purge ORDER BY generation DESC LIMIT 1 OFFSET ?"
            for (generation,) in db.execute(too_old, (_PURGE_RECORDS,)).fetchall():
                db.execute("DELETE FROM purge WHERE generation <= ?", (generation,))
                db.execute("UPDATE state SET floor = max(floor, ?)", (generation,))
            had_any = db.execute("DELETE FROM entry WHERE subject = ?", (name,)).rowcount > 0
        self._shrink()
        return int(had_any)

    def purge_all(self) -> int:
        with self._database.transaction() as db:
            ((subjects,),) = db.execute("SELECT videos + playlists FROM state").fetchall()
            db.execute("UPDATE state SET generation = generation + 1, floor = generation + 1")
            db.execute("DELETE FROM purge")
            db.execute("DELETE FROM entry")
        self._shrink()
        return int(subjects)

    def expire(self, before: float) -> int:
        outdated = "DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE confirmed_at < ? LIMIT ?)"
        deleted = 0
        while True:  # in short transactions, so that nobody waits for a long one
            with self._database.transaction() as db:
                batch = db.execute(outdated, (before, _EXPIRE_AT_ONCE)).rowcount
            deleted += batch
            if batch < _EXPIRE_AT_ONCE:
                return deleted

    def claim(self, key: Key, owner: str, ttl_s: float) -> bool:
        now = self._clock()
        with self._database.transaction() as db:
            # One that ends far later than any made now dates from before the clock was set back.
            db.execute("DELETE FROM claim WHERE until <= ? OR until > ?", (now, now + 2 * ttl_s))
            claimed = db.execute(
                "INSERT OR IGNORE INTO claim (subject, part, owner, until) VALUES (?, ?, ?, ?)",
                (subject_name(key.subject), key.part, owner, now + ttl_s),
            )
            return claimed.rowcount == 1

    def release(self, key: Key, owner: str) -> None:
        with self._database.transaction() as db:
            db.execute(
                "DELETE FROM claim WHERE subject = ? AND part = ? AND owner = ?",
                (subject_name(key.subject), key.part, owner),
            )

    def subjects(self) -> Iterator[Subject]:
        """One short look-up a subject, so that a slow reader never holds up the write-ahead log."""
        name = ""
        while name := self._database.rows("SELECT min(subject) FROM entry WHERE subject > ?", name)[0][0]:
            yield parse_subject(name)

    def stats(self) -> Stats:
        ((videos, playlists, entries, size, confirmed_at),) = self._database.rows(
            "SELECT videos, playlists, entries, bytes,"
            " (SELECT min(confirmed_at) FROM entry WHERE confirmed_at IS NOT NULL) FROM state"
        )
        oldest_s = None if confirmed_at is None else max(0.0, self._clock() - confirmed_at)
        return Stats(videos, playlists, entries, size, oldest_s)

    def check(self) -> list[str]:
        with self._database.connection() as db:
            db.execute("BEGIN")  # one snapshot for all questions
            wrong = [f"SQLite: {text}" for (text,) in db.execute("PRAGMA integrity_check") if text != "ok"]
            (counters,) = db.execute("SELECT entries, bytes, videos, playlists FROM state").fetchall()
            for (noun, question), counter in zip(_SUMS.items(), counters, strict=True):
                ((true,),) = db.execute(question).fetchall()
                if counter != true:
                    wrong.append(f"{noun}: {counter} counted, {true} there")
            for noun, question in _NEVER.items():
                ((count,),) = db.execute(question).fetchall()
                if count:
                    wrong.append(f"{noun}: {count}")
            if (used := used_pages(db)) > self._max_pages:
                wrong.append(f"pages of {PAGE_BYTES} bytes: {used} used, {self._max_pages} allowed")
            for row in db.execute("SELECT subject, part, meta FROM entry"):
                wrong += _row_faults(*row)
            db.execute("COMMIT")
        return wrong

    def close(self) -> None:
        """A later call opens the files again."""
        self._database.close()

    def _create(self, db: sqlite3.Connection) -> None:
        for statement in _SCHEMA:
            db.execute(statement)
        # The time in ms, so that no generation of a lost or damaged file is taken for one of this file.
        generation = int(self._clock() * 1000)
        db.execute("INSERT INTO state (generation, floor) VALUES (?, ?)", (generation, generation))

    def _note_uses(self, db: sqlite3.Connection) -> None:
        while self._used:
            with suppress(IndexError):  # another thread was faster
                entry_id = self._used.popleft()
                db.execute("UPDATE entry SET sequence = ? WHERE id = ?", (_next_sequence(db), entry_id))

    def _shrink(self) -> None:
        with suppress(StoreError):  # the purge itself is done
            self._database.shrink()


def _next_sequence(db: sqlite3.Connection) -> int:
    db.execute("UPDATE state SET sequence = sequence + 1")
    return int(db.execute("SELECT sequence FROM state").fetchall()[0][0])


def _evict(db: sqlite3.Connection) -> bool:
    longest_unused = "SELECT id FROM entry ORDER BY sequence LIMIT ?"
    ids = db.execute(longest_unused, (_EVICT_AT_ONCE,)).fetchall()
    db.executemany("DELETE FROM entry WHERE id = ?", ids)
    return bool(ids)


def _row_faults(subject: str, part: str, meta: str) -> Iterator[str]:
    try:
        Key(parse_subject(subject), part)
    except InvalidInput as error:
        yield f"impossible key: {error}"
    try:
        facts = json.loads(meta)
    except ValueError as error:
        facts = error
    if not isinstance(facts, dict):
        yield f"facts of {subject} {part} are not a JSON object: {facts}"
