"""What `ytproxy doctor` looks at. Each fault comes with its cure."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from PIL import features

from ytproxy.config import Settings
from ytproxy.errors import Unavailable, UpstreamFailed, YtproxyError
from ytproxy.store.folder import FolderStore
from ytproxy.upstream import Upstream
from ytproxy.youtube import VideoId

_KNOWN_VIDEO = VideoId("jNQXAC9IVRw")  # the oldest one there is


@dataclass(frozen=True, slots=True)
class Result:
    """One look. *fault* is None where all is well, else what is wrong and the cure."""

    name: str
    fault: str | None


def run(settings: Settings, upstream: Upstream) -> list[Result]:
    """All looks, one after the other; YouTube is asked for one picture and one title."""
    return [
        Result("settings", _settings(settings)),
        Result("picture formats", _formats()),
        Result(f"cache folder {settings.cache_dir}", _told(lambda: _cache(settings))),
        Result("free disk space", _space(settings)),
        Result("YouTube's titles", _told(lambda: _titles(upstream))),
        Result("YouTube's pictures", _told(lambda: _pictures(upstream))),
    ]


def _told(look: Callable[[], str | None]) -> str | None:
    try:
        return look()
    except UpstreamFailed as error:
        return (
            f"{error}. Check that this machine reaches YouTube over HTTPS; behind a proxy set YTPROXY_UPSTREAM_PROXY "
            "(and YTPROXY_UPSTREAM_CA_FILE if it has its own certificates)."
        )
    except YtproxyError as error:
        return str(error)


def _settings(settings: Settings) -> str | None:
    if settings.public_url is None and settings.host not in ("127.0.0.1", "::1"):
        return "No public URL is set. Set YTPROXY_PUBLIC_URL to the address that browsers use, such as https://…"
    return None


def _formats() -> str | None:
    missing = [name for name in ("avif", "webp") if not features.check(name)]
    if missing:
        return (
            f"This Pillow cannot write {' and '.join(missing)}. Install Pillow from its own wheel: pip install pillow."
        )
    return None


def _cache(settings: Settings) -> str | None:
    store = FolderStore(settings.cache_dir, max_bytes=settings.cache_max_bytes)
    try:
        faults = store.check()
    finally:
        store.close()
    return "; ".join(faults) + ". Run `ytproxy purge --all`." if faults else None


def _space(settings: Settings) -> str | None:
    found = os.statvfs(settings.cache_dir if settings.cache_dir.exists() else settings.cache_dir.anchor)
    free = found.f_bavail * found.f_frsize
    if free < settings.cache_max_bytes // 10:
        return (
            f"{free:,} bytes are free, the cache may grow to {settings.cache_max_bytes:,}. "
            "Free some, or lower YTPROXY_CACHE_MAX_BYTES."
        )
    return None


def _titles(upstream: Upstream) -> str | None:
    try:
        upstream.oembed(_KNOWN_VIDEO)
    except Unavailable as error:
        return f"YouTube answered strangely for a video that is there: {error}. Look at it in a browser."
    return None


def _pictures(upstream: Upstream) -> str | None:
    try:
        upstream.thumbnail(_KNOWN_VIDEO, "hqdefault")
    except Unavailable as error:
        return f"YouTube answered strangely for a picture that is there: {error}. Look at it in a browser."
    return None
