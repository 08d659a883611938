"""What is kept between two requests, behind one small protocol.

A store keeps *entries* (a few facts and a body of bytes) about *subjects* (videos and playlists). It knows
nothing of freshness: that is decided in `ytproxy.previews`. It does know *purges*: each one raises the
store's generation, and what was asked for before a purge can no longer be stored after it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from ytproxy.errors import InvalidInput
from ytproxy.youtube import PlaylistId, VideoId

Subject = VideoId | PlaylistId
MetaValue = str | int | float | bool | None

_PART = re.compile(r"[a-z0-9.@-]{1,64}")
_KINDS: dict[str, type[VideoId] | type[PlaylistId]] = {"video": VideoId, "playlist": PlaylistId}


@dataclass(frozen=True, slots=True)
class Key:
    """The place of one entry: whom it is about, and which part, such as `details` or `640.avif@1a2b3c4d`.

    Raises InvalidInput when *part* is anything but 1 to 64 of `a-z 0-9 . @ -`.
    """

    subject: Subject
    part: str

    def __post_init__(self) -> None:
        if not _PART.fullmatch(self.part):
            raise InvalidInput(f"{self.part!r} cannot name a part (1 to 64 of a-z, 0-9, '.', '@', '-')")


@dataclass(frozen=True, slots=True)
class Entry:
    """Facts and bytes. The one fact a store looks at is `confirmed_at`, in seconds since 1970: see Stats."""

    meta: Mapping[str, MetaValue]
    body: bytes


@dataclass(frozen=True, slots=True)
class Purged:
    """What was purged since a generation: everything, or the subjects with these texts.

    *generation* is the present one: the one to ask about next time.
    """

    generation: int
    everything: bool
    subjects: frozenset[str]


@dataclass(frozen=True, slots=True)
class Stats:
    """*bytes* counts bodies and facts. *oldest_s* is the time since the oldest `confirmed_at`, if any."""

    videos: int
    playlists: int
    entries: int
    bytes: int
    oldest_s: float | None


class Store(Protocol):
    """Safe to share between threads and processes. Every method may raise StoreError."""

    def get(self, key: Key) -> Entry | None: ...

    def put(self, key: Key, entry: Entry, *, begun: int) -> bool:
        """Keep *entry*. *begun* is the generation read before YouTube was asked.

        False, and nothing is changed, when the subject was purged since, or the entry is larger than the
        store may become.
        """
        ...

    def drop(self, subject: Subject, parts_prefix: str | None = None) -> None:
        """Delete the subject's entries, or those whose part begins with *parts_prefix*. Not a purge."""
        ...

    def generation(self) -> int:
        """A number that every purge raises. It means something only to the store it comes from."""
        ...

    def purged_since(self, generation: int) -> Purged:
        """Cheap enough to be asked twice a second by every worker."""
        ...

    def purge(self, subject: Subject) -> int:
        """Forget the subject, also what is just being fetched. Returns 1 if anything was kept, else 0."""
        ...

    def purge_all(self) -> int:
        """Forget everything, also what is just being fetched. Returns how many videos and playlists."""
        ...

    def expire(self, before: float) -> int:
        """Delete what was last confirmed earlier than *before*, in seconds since 1970. Returns how many entries."""
        ...

    def claim(self, key: Key, owner: str, ttl_s: float) -> bool:
        """True for one owner at a time, until it releases the key or *ttl_s* have passed."""
        ...

    def release(self, key: Key, owner: str) -> None:
        """Give up a claim. Another owner's claim stays."""
        ...

    def subjects(self) -> Iterator[Subject]: ...

    def stats(self) -> Stats: ...

    def check(self) -> list[str]:
        """Which of the store's own promises do not hold; empty when all do. Reads everything."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def subject_name(subject: Subject) -> str:
    """The subject with its kind, `video:…` or `playlist:…`: one name space for both kinds of id."""
    return f"video:{subject.text}" if isinstance(subject, VideoId) else f"playlist:{subject.text}"


def parse_subject(name: str) -> Subject:
    """The subject of a name that `subject_name` made. Raises InvalidInput."""
    kind, _, text = name.partition(":")
    if kind not in _KINDS:
        raise InvalidInput(f"{name!r} is not a subject (video:ID or playlist:ID)")
    return _KINDS[kind](text)
