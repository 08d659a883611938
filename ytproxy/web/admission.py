"""Who is let in, decided before the memory table is looked at. Costs nothing where all may have everything."""

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from ytproxy.errors import InvalidInput, NotAllowed
from ytproxy.gate import Sites, Videos
from ytproxy.youtube import VideoId

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def admit_picture(videos: Videos, sites: Sites, environ: "WSGIEnvironment", video: VideoId) -> None:
    """Raises NotAllowed where this request may not have pictures of *video*."""
    videos.check(video, _signature(environ.get("QUERY_STRING", "")))
    admit_site(sites, environ)


def admit_site(sites: Sites, environ: "WSGIEnvironment") -> None:
    """Raises NotAllowed where the page that asks is of another site than those allowed."""
    if not sites.may_have_pictures(
        site=environ.get("HTTP_SEC_FETCH_SITE", ""),
        referrer=environ.get("HTTP_REFERER", ""),
        own_host=environ.get("HTTP_HOST", ""),
    ):
        raise NotAllowed("This site may not show anything from here")


def allowed_origin(sites: Sites, environ: "WSGIEnvironment") -> str:
    """The Origin of a request whose script may read the answer, where not all may; else empty."""
    origin = environ.get("HTTP_ORIGIN", "")
    return origin if origin and not sites.are_all and sites.may(origin) else ""


def picture_key(videos: Videos, sites: Sites, environ: "WSGIEnvironment") -> tuple[str, str] | str | None:
    """What a picture's answer depends on: its path and, where not all may read it, who may. None: not let in."""
    path: str = environ["PATH_INFO"]
    if videos.is_open and not videos.denies and sites.are_all:
        return path
    try:
        admit_picture(videos, sites, environ, VideoId(path.split("/", 3)[2]))
    except (InvalidInput, NotAllowed, IndexError):
        return None
    return path, allowed_origin(sites, environ)


@lru_cache(maxsize=1_024)
def _signature(query: str) -> str:
    return parse_qs(query[:2_000]).get("sig", [""])[0] if "sig=" in query else ""
