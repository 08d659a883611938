"""The web server's side: a WSGI application made of Flask views behind the memory front."""

import logging
from collections.abc import Hashable
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from ytproxy.config import Settings, load
from ytproxy.errors import InvalidInput
from ytproxy.hotpath import HotPath
from ytproxy.previews import Previews
from ytproxy.store.folder import FolderStore
from ytproxy.upstream import Upstream
from ytproxy.web import operation, pages, thumbnails
from ytproxy.web.address import LanguageRule, is_page, parse
from ytproxy.web.answers import Context
from ytproxy.web.static_files import StaticFiles

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREADS_A_WORKER = 32  # more were slower under load; half of them may be busy with misses
_MEMORY_FOR_SOURCES = 4  # a quarter of the memory holds what answers are made of, the rest finished answers

_log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, *, upstream: Upstream | None = None) -> "WSGIApplication":
    """The whole server as a plain WSGI application, for `ytproxy serve` and for any other WSGI server.

    Without *settings* they are read from the environment. *upstream* lets tests put another YouTube in place.
    Raises ConfigError; StoreError where the cache folder cannot be used at all.
    """
    settings = settings or load()
    memory_bytes = settings.memory_max_bytes_a_worker
    previews = Previews(
        FolderStore(settings.cache_dir, max_bytes=settings.cache_max_bytes),
        upstream or connect(settings),
        refresh_after_s=settings.refresh_after_s,
        max_age_s=settings.max_age_s,
        memory_max_bytes=memory_bytes // _MEMORY_FOR_SOURCES,
        miss_slots=THREADS_A_WORKER // 2,
    )
    context = Context(
        settings=settings,
        previews=previews,
        static=StaticFiles(),
        language=LanguageRule(settings.language == "auto", _default_language(settings)),
    )
    front = HotPath(
        _flask(context).wsgi_app,
        key=partial(_hot_key, context.language),
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
    for room in (pages, thumbnails, operation):
        app.register_blueprint(room.routes(context))

    @app.errorhandler(Exception)
    def fail(error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return pages.error(context, error.code or 500)
        # No address, agent or referrer in the log: the path's kind is all that finding the fault needs.
        _log.error("a request under /%s failed", request.path[1:].partition("/")[0][:20], exc_info=error)
        return pages.error(context, 500)

    return app


def _hot_key(rule: LanguageRule, path: str, query: str, accept_language: str) -> Hashable | None:
    """What an answer depends on. A picture: its path alone. A page: its address as read, so that parameters that
    mean nothing (`si=`, `utm_source=`) never make an entry."""
    if path.startswith(("/thumbnail/", "/vi/", "/vi_webp/", "/static/")):
        return path
    if is_page(path) and not path.startswith("/play/"):
        try:
            return parse(path, query, accept_language, rule)
        except InvalidInput:
            return None
    return None
