"""Addresses of embetty's server, so that sites with its elements can be pointed here. What stands at them is ours."""

import json
from collections.abc import Hashable
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from ytproxy import __version__, images, markup
from ytproxy.errors import Absent, InvalidInput, NotAllowed
from ytproxy.gate import Sites, Videos
from ytproxy.images import Format, Shape, Variant
from ytproxy.previews import Picture
from ytproxy.web import pages, thumbnails
from ytproxy.web.address import asked_language
from ytproxy.web.admission import admit_picture, allowed_origin
from ytproxy.web.answers import Context
from ytproxy.youtube import VideoId

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_FOLDER = "/video/youtube/"
_POSTER = "-poster-image"
_LARGEST = Variant(Shape.LANDSCAPE, images.LANDSCAPE_WIDTHS_PX[-1], Format.JPEG)


def routes(context: Context) -> Blueprint:
    room = Blueprint("compatibility", __name__)

    @room.before_request
    def refuse_other_sites() -> Response | None:
        if _is_from_elsewhere(context.sites, request.environ):
            text = "This site is not among those that may use this server. Its operator can add it to ALLOWED_SITES.\n"
            return context.answer("plain", text, "text/plain; charset=utf-8", status=403)
        return None

    @room.after_request
    def let_scripts_read(response: Response) -> Response:
        if context.sites.are_all:
            response.headers["Access-Control-Allow-Origin"] = "*"
            return response
        response.vary.add("Origin")
        if origin := allowed_origin(context.sites, request.environ):
            response.headers["Access-Control-Allow-Origin"] = origin
        return response

    @room.get(f"{_FOLDER}<video>{_POSTER}")
    def poster(video: str) -> Response:
        return thumbnails.picture(
            context, video, _LARGEST.size_px, Format.JPEG, lambda checked: _poster(context, checked)
        )

    @room.get(f"{_FOLDER}<video>.amp")
    def page(video: str) -> Response:
        signature = request.args.get("sig", "")[:200]
        try:
            checked = VideoId(video)
            context.videos.check(checked, signature)
        except (InvalidInput, NotAllowed):
            missing = pages.error(context, 404)
            missing.headers.update(context.policy["element"])  # in a frame as well
            return missing
        accepted = context.language.accepted(request.headers.get("Accept-Language", ""))
        body = markup.embetty_page(
            checked,
            lang=asked_language(request.args) or accepted,
            root="../../",
            static_urls=context.static.urls,
            signature=signature,
            texts=context.texts,
        )
        return context.answer("element", body, pages.HTML, cache_control=pages.FIVE_MINUTES, vary="Accept-Language")

    @room.get("/version")
    def version() -> Response:
        return context.answer("plain", json.dumps({"version": __version__}) + "\n", "application/json")

    return room


def poster_key(videos: Videos, sites: Sites, environ: "WSGIEnvironment") -> Hashable | None:
    """What a poster's answer depends on, as for any picture. None: no poster, or not let in."""
    path: str = environ["PATH_INFO"]
    text, is_poster, rest = path.removeprefix(_FOLDER).partition(_POSTER)
    if not is_poster or rest or _is_from_elsewhere(sites, environ):
        return None
    try:
        admit_picture(videos, sites, environ, VideoId(text))
    except (InvalidInput, NotAllowed):
        return None
    return path, allowed_origin(sites, environ)


def _is_from_elsewhere(sites: Sites, environ: "WSGIEnvironment") -> bool:
    origin = environ.get("HTTP_ORIGIN", "")
    return bool(origin) and not sites.may(origin)


def _poster(context: Context, video: VideoId) -> Picture:
    """The largest picture that is 16:9, for embetty's element stretches any other to that shape."""
    previews = context.previews
    if not previews.shows_picture(video):
        return Picture(images.neutral(_LARGEST.size_px, Format.JPEG), settled=True)
    found = previews.thumbnail(video, _LARGEST)
    size = images.inspect(found.body)
    if abs(size.width_px / size.height_px - 16 / 9) < 0.02:
        return found
    try:
        return previews.legacy_thumbnail(video, "hq720", Format.JPEG)
    except Absent:
        return previews.legacy_thumbnail(video, "mqdefault", Format.JPEG)
