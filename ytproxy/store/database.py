"""One SQLite file in a folder that may fill up, go read-only, be damaged or be deleted at any moment."""

import errno
import fcntl
import os
import sqlite3
import stat
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ytproxy.errors import StoreError

PAGE_BYTES = 4096
BUSY_MS = 5000

_IDLE_CONNECTIONS = 16
_STEP_PAGES = 2048

_NEW_FILE = (
    f"PRAGMA page_size = {PAGE_BYTES}",
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
)
_EVERY_CONNECTION = (  # nothing here may want a lock: a connection must open while another one writes
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA journal_size_limit = 4194304",
    "PRAGMA synchronous = NORMAL",
    # ON, the default of some systems, writes every freed page once more: all of the cache on a full purge.
    "PRAGMA secure_delete = FAST",
    "PRAGMA trusted_schema = OFF",
)

_FULL = "The disk is full: free some space, or lower CACHE_MAX_BYTES."
_RIGHTS = "Make the folder and its files readable and writable for the server's user."
_NAME_TAKEN = "A file has this name: remove it, or set CACHE_DIR to another folder."
_SET_ASIDE = "The damaged file now has a name that ends in .broken, and the next try starts a new one."
_SQLITE_CURES = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_CANTOPEN: _RIGHTS,
    sqlite3.SQLITE_BUSY: "Another process has been writing for long: try again, or look for one that hangs.",
    sqlite3.SQLITE_CORRUPT: _SET_ASIDE,
    sqlite3.SQLITE_NOTADB: _SET_ASIDE,
}
_OS_CURES = {
    errno.ENOSPC: _FULL,
    errno.EACCES: _RIGHTS,
    errno.EROFS: "Make the disk writable, or set CACHE_DIR to another folder.",
    errno.EEXIST: _NAME_TAKEN,
    errno.ENOTDIR: _NAME_TAKEN,
}

_FileId = tuple[int, int]
_DATABASES: "weakref.WeakSet[Database]" = weakref.WeakSet()


class _Link(NamedTuple):
    """An open connection and the files it was opened on."""

    db: sqlite3.Connection
    files: tuple[_FileId | None, ...]


class Database:
    """Lends connections to threads and processes. Opens nothing before the first is asked for.

    *create* fills a new file within a transaction; a file of another *version* is refused. A damaged file is
    renamed to `NAME.broken`, and a new one takes its place. sqlite3.Error and OSError become StoreError.
    """

    def __init__(self, path: Path, *, version: int, create: Callable[[sqlite3.Connection], None]) -> None:
        self._path = path
        self._version = version
        self._create = create
        self._idle: deque[_Link] = deque()
        _DATABASES.add(self)

    def rows(self, sql: str, *values: str | int) -> list[Any]:
        with self.connection() as db:
            return db.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self, busy_ms: int = BUSY_MS) -> Iterator[sqlite3.Connection]:
        """Commits at the end, or changes nothing. Waits *busy_ms* at most for another writer."""
        with self.connection() as db:
            db.execute(f"PRAGMA busy_timeout = {busy_ms}")
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
            db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection nobody else uses. One that saw an error is closed, which undoes what it had begun.

        Borrowed from a pool and not tied to a thread, because servers start and end threads as they like.
        """
        try:
            link = self._take()
            try:
                yield link.db
            except BaseException as error:
                link.db.close()
                if _is_damage(error):
                    self._set_aside(link.files)
                raise
            self._idle.append(link)
            if len(self._idle) > _IDLE_CONNECTIONS:
                self.close(keep=_IDLE_CONNECTIONS)
        except (sqlite3.Error, OSError) as error:
            raise _store_error(self._path.parent, error) from error

    def shrink(self) -> None:
        """Give freed pages back, in steps that let others write in between, and sync all commits to disk."""
        with self.connection() as db:
            if used_pages(db) <= _STEP_PAGES:  # little is left: a copy of it is one step
                db.execute("VACUUM")
            ((free,),) = db.execute("PRAGMA freelist_count").fetchall()
            for _ in range(0, free, _STEP_PAGES):
                # Not execute(): this statement stops after each page, and execute() does not go on.
                db.executescript(f"PRAGMA incremental_vacuum({_STEP_PAGES})")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self, *, keep: int = 0) -> None:
        """Close all idle connections but the *keep* used last. A later call opens the file again."""
        while len(self._idle) > keep:
            with suppress(IndexError):  # another thread was faster
                self._idle.popleft().db.close()

    def _take(self) -> _Link:
        while self._idle:
            with suppress(IndexError):  # another thread was faster
                link = self._idle.pop()
                if self._still_there(link):
                    return link
                # If only the log was deleted, other processes may go on writing to the lost one.
                self._set_aside(link.files)
        with self._locked():
            try:
                return self._open()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._rename()
                return self._open()

    def _still_there(self, link: _Link) -> bool:
        """Whether the names in the folder still lead to the files of *link*, which is closed otherwise."""
        is_there = False
        try:
            is_there = link.files == self._files()
        finally:
            if not is_there:
                link.db.close()
        return is_there

    def _open(self) -> _Link:
        if self._files()[0] is None:  # left to itself, SQLite would make a file that everybody may read
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        db = sqlite3.connect(self._path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
        try:
            for pragma in _EVERY_CONNECTION:
                db.execute(pragma).fetchall()
            ((version,),) = db.execute("PRAGMA user_version").fetchall()
            if version == 0:
                for pragma in _NEW_FILE:
                    db.execute(pragma).fetchall()
                db.execute("BEGIN IMMEDIATE")
                self._create(db)
                db.execute(f"PRAGMA user_version = {self._version}")
                db.execute("COMMIT")
            elif version != self._version:
                raise StoreError(
                    f"{self._path} was written by a newer ytproxy (layout {version}, not {self._version}). "
                    "Set CACHE_DIR to another folder, or update ytproxy."
                )
            return _Link(db, self._files())
        except BaseException:
            db.close()
            raise

    def _files(self) -> tuple[_FileId | None, ...]:
        return tuple(_file_id(self._beside(suffix)) for suffix in ("", "-wal", "-shm"))

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name + suffix)

    def _set_aside(self, damaged: tuple[_FileId | None, ...]) -> None:
        with self._locked():
            if self._files()[0] == damaged[0]:  # else another process was faster, or the file is gone
                self._rename()

    def _rename(self) -> None:
        self._path.replace(self._beside(".broken"))
        for suffix in ("-wal", "-shm"):
            self._beside(suffix).unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Held while files are opened or renamed. Locks the folder itself: no lock file is left behind."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def used_pages(db: sqlite3.Connection) -> int:
    """What the rows truly occupy, indexes and half-filled pages included. Costs no look at the rows."""
    ((pages,),) = db.execute("PRAGMA page_count").fetchall()
    ((free,),) = db.execute("PRAGMA freelist_count").fetchall()
    return int(pages - free)


def _file_id(path: Path) -> _FileId | None:
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(facts.st_mode):
        raise StoreError(f"{path} is not a regular file. Remove it, or set CACHE_DIR to another folder.")
    return facts.st_dev, facts.st_ino


def _is_damage(error: BaseException) -> bool:
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the higher bits say which kind of the kind
    return kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _store_error(folder: Path, error: sqlite3.Error | OSError) -> StoreError:
    if isinstance(error, OSError):
        cure = _OS_CURES.get(error.errno or 0)
    else:
        cure = _SQLITE_CURES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    cure = cure or "Look at the disk and the folder, or set CACHE_DIR to another one."
    return StoreError(f"The cache folder {folder} cannot be used: {error}. {cure}")


def _before_fork() -> None:
    """SQLite believes in file locks that a forked child does not have, so no connection may cross a fork."""
    for database in tuple(_DATABASES):
        database.close()


os.register_at_fork(before=_before_fork)
