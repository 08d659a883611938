"""The operator's own pictures: a folder of files named by video id, which win over YouTube's.

The folder is theirs, so it is only read; still a file in it may come from a visitor's upload or be half written.
Each is opened once, checked like a stranger's bytes and, where it cannot be used, named in the log and passed over.
"""

import hashlib
import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ytproxy import images
from ytproxy.errors import InvalidInput, PictureRefused
from ytproxy.youtube import VideoId

SUFFIXES = (".jpg", ".png", ".webp")  # where a video has several, the first counts
MAX_BYTES = 16_000_000  # a PNG without compression of as many pixels as are read is smaller
LOOK_S = 10.0  # how often files that came or went are looked for

_log = logging.getLogger(__name__)
_Version = tuple[int, int, int]  # time of the last change of bytes or rights in ns, bytes, inode
_UNREAD: _Version = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Poster:
    """A checked picture. *sha* names its bytes."""

    path: Path
    sha: str

    def read(self) -> bytes:
        """The bytes that were checked. Raises PictureRefused where the file has others by now, or none."""
        try:
            data = _read(self.path)[0]
        except OSError as error:
            raise PictureRefused(f"it cannot be read: {error.strerror}") from error
        if _sha(data) != self.sha:
            raise PictureRefused("the file has just been changed")
        return data


class Posters:
    """The pictures in *folder*, as it is at the moment, give or take LOOK_S. Thread-safe."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._checking = threading.Lock()  # one picture at a time: decoding takes its size in memory
        self._lock = threading.Lock()  # guards the four below
        self._names: frozenset[str] = frozenset()
        self._look_at = float("-inf")
        self._checked: dict[str, tuple[_Version, Poster | None]] = {}
        self._told: set[str] = set()
        self._present()

    def find(self, video: VideoId) -> Poster | None:
        """The picture for *video*; None where there is none that can be used."""
        present = self._present()
        names = [f"{video.text}{suffix}" for suffix in SUFFIXES]
        return next((found for name in names if name in present and (found := self._usable(name))), None)

    def _present(self) -> frozenset[str]:
        with self._lock:
            if (now := self._clock()) >= self._look_at:
                self._look_at = now + LOOK_S
                self._names = self._listed()
                self._checked = {name: known for name, known in self._checked.items() if name in self._names}
            return self._names

    def _listed(self) -> frozenset[str]:
        try:
            listed = frozenset(path.name for path in self._folder.iterdir())
        except OSError as error:
            self._tell(str(self._folder), f"the folder of pictures cannot be read: {error.strerror}")
            return frozenset()
        self._told.discard(str(self._folder))
        names = frozenset(filter(_names_video, listed))
        for name in sorted(listed - names):
            if not name.startswith("."):  # what tools leave: .gitkeep, .DS_Store
                self._tell(name, "not shown: call it VIDEO.jpg, VIDEO.png or VIDEO.webp, by the id of its video")
        return names

    def _usable(self, name: str) -> Poster | None:
        path, version = self._folder / name, _UNREAD
        try:
            version = _version(path.stat())
            if known := self._known(name, version):
                return known[0]
        except FileNotFoundError:  # gone since the last look
            return None
        except OSError:
            pass  # to be told below, once
        with self._checking:
            known = self._known(name, version)
            return known[0] if known else self._check(name, path, version)

    def _known(self, name: str, version: _Version) -> tuple[Poster | None] | None:
        """What was found out of this version of a file; None where nothing was."""
        with self._lock:
            known = self._checked.get(name)
        return (known[1],) if known and known[0] == version else None

    def _check(self, name: str, path: Path, version: _Version) -> Poster | None:
        try:
            # By where a link leads: a folder that is filled by links within it (Kubernetes does) works.
            path = path.resolve(strict=True)
            if not path.is_relative_to(self._folder.resolve()):
                raise PictureRefused("it is a link that leads out of the folder")
            data, version = _read(path)
            images.check_poster(data)
            poster = Poster(path, _sha(data))
        except FileNotFoundError:  # gone since the last look
            return None
        except (OSError, RuntimeError, PictureRefused) as error:  # RuntimeError: links in a circle, up to Python 3.12
            with self._lock:
                if self._checked.get(name) != (version, None):
                    self._told.discard(name)
                self._checked[name] = version, None
                self._tell(name, f"not shown, the usual picture is: {error}")
            return None
        with self._lock:
            self._checked[name] = version, poster
        return poster

    def _tell(self, name: str, what: str) -> None:
        """One warning for each file as it is. Called with the lock held, or before anybody else has this object."""
        if name not in self._told:
            self._told.add(name)
            _log.warning("own picture %r: %s", name, what)


def _names_video(name: str) -> bool:
    stem, dot, suffix = name.rpartition(".")
    try:
        VideoId(stem)
    except InvalidInput:
        return False
    return dot + suffix in SUFFIXES


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def _version(status: os.stat_result) -> _Version:
    return status.st_ctime_ns, status.st_size, status.st_ino  # of rights, too: they are what is mended most often


def _read(path: Path) -> tuple[bytes, _Version]:
    """The bytes, and the version that they are of. Raises OSError; PictureRefused for what is no file or too large."""
    # A pipe would make us wait for its writer; a link put there since it was resolved is not followed.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise PictureRefused("it is no file")
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise PictureRefused(f"it is larger than {MAX_BYTES:,} bytes")
    return data, _version(status)
