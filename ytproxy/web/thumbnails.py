"""Pictures: ours by width and format, and i.ytimg.com's names for front-ends that know those."""

from collections.abc import Callable

from flask import Blueprint, Response, request

from ytproxy import images
from ytproxy.errors import Busy, InvalidInput, TooMany, Unavailable, UpstreamFailed
from ytproxy.hotpath import Keep
from ytproxy.images import Format, Variant
from ytproxy.previews import Picture
from ytproxy.web.admission import admit_picture, allowed_origin
from ytproxy.web.answers import Context
from ytproxy.youtube import VideoId

DAY = "max-age=86400"
MOMENT = "max-age=10"
HOT_S = 300.0
UNSETTLED_S = 10.0
_MISSING_PX = (120, 90)  # the size by which front-ends know i.ytimg.com's picture for "no such file"


def routes(context: Context) -> Blueprint:
    room = Blueprint("thumbnails", __name__)

    @room.get("/thumbnail/<video>/<name>")
    def thumbnail(video: str, name: str) -> Response:
        try:
            variant = Variant.parse(name)
        except InvalidInput:
            return _neutral(context, (640, 360), Format.JPEG, 404)

        def find(checked: VideoId) -> Picture:
            if not context.previews.shows_picture(checked):
                return Picture(images.neutral(variant.size_px, variant.format), settled=True)
            return context.previews.thumbnail(checked, variant)

        return picture(context, video, variant.size_px, variant.format, find)

    def legacy(video: str, name: str, format_: Format) -> Response:
        if not (size_px := images.LEGACY_SIZES_PX.get(name)):
            return _neutral(context, _MISSING_PX, format_, 404)

        def find(checked: VideoId) -> Picture:
            if not context.previews.shows_picture(checked):
                return Picture(images.neutral(size_px, format_), settled=True)
            return context.previews.legacy_thumbnail(checked, name, format_)

        return picture(context, video, _MISSING_PX, format_, find)

    @room.get("/vi/<video>/<name>.jpg")
    def vi(video: str, name: str) -> Response:
        return legacy(video, name, Format.JPEG)

    @room.get("/vi_webp/<video>/<name>.webp")
    def vi_webp(video: str, name: str) -> Response:
        return legacy(video, name, Format.WEBP)

    return room


def picture(
    context: Context,
    video_text: str,
    neutral_px: tuple[int, int],
    format_: Format,
    find: Callable[[VideoId], Picture],
) -> Response:
    """The picture, or our neutral one in the same format with the honest status. Never a redirect."""
    try:
        video = VideoId(video_text)
        admit_picture(context.videos, context.sites, request.environ, video)
        if not context.previews.poster(video):  # the operator's own picture needs no answer of YouTube's
            context.pay(video)
            if context.videos.by_channel:
                context.videos.check_channel(video, context.previews.details(video).author_url)
        found = find(video)
    except (InvalidInput, Unavailable):
        return _neutral(context, neutral_px, format_, 404)
    except TooMany as too_many:
        return _neutral(context, neutral_px, format_, 429, retry_after_s=too_many.retry_after_s)
    except Busy as busy:
        return _neutral(context, neutral_px, format_, 503, retry_after_s=busy.retry_after_s)
    except UpstreamFailed:
        return _neutral(context, neutral_px, format_, 502)
    keeper = "public" if context.sites.are_all else "private"
    hot_s = UNSETTLED_S if context.settings.poster_dir or not found.settled else HOT_S  # files come, change and go
    response = context.answer(
        "picture",
        found.body,
        format_.mimetype,
        cache_control=f"{keeper}, {DAY if found.settled and not found.own else MOMENT}",
        keep=Keep(hot_s, video.text),
    )
    if origin := allowed_origin(context.sites, request.environ):
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def _neutral(
    context: Context, size_px: tuple[int, int], format_: Format, status: int, *, retry_after_s: float | None = None
) -> Response:
    keeper = "public" if context.sites.are_all and status != 429 else "private"  # a limit is that of one network
    return context.answer(
        "picture",
        images.neutral(size_px, format_),
        format_.mimetype,
        status=status,
        cache_control=f"{keeper}, {MOMENT}",
        retry_after_s=retry_after_s,
    )
