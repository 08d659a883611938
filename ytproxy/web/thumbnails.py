"""Pictures: ours by width and format, and i.ytimg.com's names for front-ends that know those."""

from collections.abc import Callable

from flask import Blueprint, Response

from ytproxy import images
from ytproxy.errors import Busy, InvalidInput, Unavailable, UpstreamFailed
from ytproxy.hotpath import Keep
from ytproxy.images import Format, Shape, Variant
from ytproxy.previews import Picture
from ytproxy.web.answers import Context, answer
from ytproxy.youtube import VideoId

DAY = "public, max-age=86400"
MOMENT = "public, max-age=10"
HOT_S = 300.0
UNSETTLED_S = 10.0
_MISSING_PX = (120, 90)  # the size by which front-ends know i.ytimg.com's picture for "no such file"


def routes(context: Context) -> Blueprint:
    room = Blueprint("thumbnails", __name__)
    neutral = context.settings.thumbnails == "neutral"

    @room.get("/thumbnail/<video>/<name>")
    def thumbnail(video: str, name: str) -> Response:
        try:
            variant = Variant.parse(name)
        except InvalidInput:
            return _neutral(Variant(Shape.LANDSCAPE, 640, Format.JPEG).size_px, Format.JPEG, 404)
        return _picture(
            video,
            variant.size_px,
            variant.format,
            (lambda _video: _card(variant.size_px, variant.format))
            if neutral
            else (lambda checked: context.previews.thumbnail(checked, variant)),
        )

    def legacy(video: str, name: str, format_: Format) -> Response:
        if not (size_px := images.LEGACY_SIZES_PX.get(name)):
            return _neutral(_MISSING_PX, format_, 404)
        return _picture(
            video,
            _MISSING_PX,
            format_,
            (lambda _video: _card(size_px, format_))
            if neutral
            else (lambda checked: context.previews.legacy_thumbnail(checked, name, format_)),
        )

    @room.get("/vi/<video>/<name>.jpg")
    def vi(video: str, name: str) -> Response:
        return legacy(video, name, Format.JPEG)

    @room.get("/vi_webp/<video>/<name>.webp")
    def vi_webp(video: str, name: str) -> Response:
        return legacy(video, name, Format.WEBP)

    return room


def _card(size_px: tuple[int, int], format_: Format) -> Picture:
    return Picture(images.neutral(size_px, format_), settled=True)


def _picture(
    video_text: str, neutral_px: tuple[int, int], format_: Format, find: Callable[[VideoId], Picture]
) -> Response:
    """The picture, or our neutral one in the same format with the honest status. Never a redirect."""
    try:
        video = VideoId(video_text)
        found = find(video)
    except (InvalidInput, Unavailable):
        return _neutral(neutral_px, format_, 404)
    except Busy as busy:
        return _neutral(neutral_px, format_, 503, retry_after_s=busy.retry_after_s)
    except UpstreamFailed:
        return _neutral(neutral_px, format_, 502)
    return answer(
        "picture",
        found.body,
        format_.mimetype,
        cache_control=DAY if found.settled else MOMENT,
        keep=Keep(HOT_S if found.settled else UNSETTLED_S, video.text),
    )


def _neutral(size_px: tuple[int, int], format_: Format, status: int, *, retry_after_s: float | None = None) -> Response:
    return answer(
        "picture",
        images.neutral(size_px, format_),
        format_.mimetype,
        status=status,
        cache_control=MOMENT,
        retry_after_s=retry_after_s,
    )
