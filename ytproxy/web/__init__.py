"""The web server's side: a WSGI application made of Flask views behind the memory front."""

import logging
from collections.abc import Hashable
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from ytproxy.config import Settings, load
from ytproxy.errors import InvalidInput, NotAllowed
from ytproxy.gate import Misses, Sites, Videos
from ytproxy.hotpath import HotPath
from ytproxy.locales import read as read_texts
from ytproxy.posters import Posters
from ytproxy.previews import Previews
from ytproxy.store.folder import FolderStore
from ytproxy.upstream import Upstream
from ytproxy.web import compatibility, oembed, operation, pages, thumbnails
from ytproxy.web.address import Door, LanguageRule, is_page, parse
from ytproxy.web.admission import picture_key
from ytproxy.web.answers import Context
from ytproxy.web.headers import policies
from ytproxy.web.static_files import StaticFiles
from ytproxy.youtube import subject_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

MISSES_A_WORKER = 16  # a page of twenty previews that nobody has asked for yet, over two workers, with room to spare
THREADS_A_WORKER = MISSES_A_WORKER + 4  # hits wait for nothing, so few threads do, and many were slower under load
_MEMORY_FOR_SOURCES = 4  # a quarter of the memory holds what answers are made of, the rest finished answers

_log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, *, upstream: Upstream | None = None) -> "WSGIApplication":
    """The whole server as a plain WSGI application, for `ytproxy serve` and for any other WSGI server.

    Without *settings* they are read from the environment. *upstream* lets tests put another YouTube in place.
    Raises ConfigError; StoreError where the cache folder cannot be used at all.
    """
    settings = settings or load()
    memory_bytes = settings.memory_max_bytes_a_worker
    videos = Videos(
        allowed=settings.allowed_videos,
        denied=settings.denied_videos,
        channels=settings.allowed_channels,
        keys=settings.signing_key,
    )
    sites = Sites(settings.allowed_sites)
    previews = Previews(
        FolderStore(settings.cache_dir, max_bytes=settings.cache_max_bytes),
        upstream or connect(settings),
        refresh_after_s=settings.refresh_after_s,
        max_age_s=settings.max_age_s,
        memory_max_bytes=memory_bytes // _MEMORY_FOR_SOURCES,
        miss_slots=MISSES_A_WORKER,
        visits_fetch=not videos.is_list,
        thumbnails=settings.thumbnails == "on",
        posters=Posters(settings.poster_dir) if settings.poster_dir else None,
    )
    if videos.is_list:
        previews.keep_fresh([subject_of(text) for text in sorted(settings.allowed_videos or ())])
    texts = read_texts(settings.texts_dir)
    context = Context(
        settings=settings,
        texts=texts,
        previews=previews,
        static=StaticFiles(texts),
        language=LanguageRule(settings.language == "auto", _default_language(settings)),
        videos=videos,
        sites=sites,
        misses=Misses(
            a_network=settings.miss_rate_limit[0],
            overall=-(-settings.miss_rate_limit[1] // settings.workers),
        ),
        policy=policies(frame_ancestors=sites.frame_ancestors, pictures_for_all=sites.are_all),
    )
    front = HotPath(
        _flask(context).wsgi_app,
        key=partial(_hot_key, context),
        max_bytes=memory_bytes - memory_bytes // _MEMORY_FOR_SOURCES,
        look=previews.look,
        still=previews.still,
        sub_path=settings.sub_path,
    )
    previews.on_purge(lambda purged: front.forget(purged.everything, purged.subjects))
    return front


def connect(settings: Settings) -> Upstream:
    """The real YouTube, as these settings reach it."""
    return Upstream(
        proxy=settings.upstream_proxy,
        ca_file=settings.upstream_ca_file,
        inflight=settings.upstream_inflight_a_worker,
    )


def _default_language(settings: Settings) -> str:
    return settings.default_language if settings.language == "auto" else settings.language


def _flask(context: Context) -> Flask:
    app = Flask("ytproxy", static_folder=None, template_folder=None)
    app.url_map.merge_slashes = False  # "//" is an address that names nothing, not a reason for a redirect
    for room in (pages, thumbnails, oembed, compatibility, operation):
        app.register_blueprint(room.routes(context))

    @app.errorhandler(Exception)
    def fail(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return pages.error(context, error.code or 500)
        # No address, agent or referrer in the log: the path's kind is all that finding the fault needs.
        _log.error("a request under /%s failed", request.path[1:].partition("/")[0][:20], exc_info=error)
        return pages.error(context, 500)

    return app


def _hot_key(context: Context, environ: "WSGIEnvironment") -> Hashable | None:
    """What an answer depends on. A picture: its path alone. A page: its address as read, so that parameters that
    mean nothing (`si=`, `utm_source=`) never make an entry. Nothing, where the operator's lists say no."""
    path: str = environ["PATH_INFO"]
    if path.startswith(("/static/", "/oembed", "/openapi.json")):  # oEmbed's is never kept, but confirmed by its tag
        return path
    if path.startswith(("/thumbnail/", "/vi/", "/vi_webp/")):
        return picture_key(context.videos, context.sites, environ)
    if path.startswith("/video/"):
        return compatibility.poster_key(context.videos, context.sites, environ)
    if not is_page(path):
        return None
    lang = context.language.accepted(environ.get("HTTP_ACCEPT_LANGUAGE", ""))
    try:
        address = parse(path, environ.get("QUERY_STRING", ""), lang)
        if address.subject:
            context.videos.check(address.subject, address.signature)
    except (InvalidInput, NotAllowed):
        return None
    return None if address.door is Door.PLAY else address
