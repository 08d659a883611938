"""oEmbed 1.0 (https://oembed.com): programs that put players into pages get our frame for a link to YouTube."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlencode, urlsplit

from flask import Blueprint, Response, request

from ytproxy import images, markup
from ytproxy.errors import (
    Absent,
    Busy,
    EmbeddingOff,
    InvalidInput,
    InvalidPlaylistId,
    InvalidVideoId,
    NotAllowed,
    Private,
    TooMany,
    UpstreamFailed,
)
from ytproxy.images import WIDTHS_PX, Format, Shape, Variant
from ytproxy.previews import Details, State
from ytproxy.web.address import Door, PageAddress, is_page, parse
from ytproxy.web.admission import admit_site, allowed_origin
from ytproxy.web.answers import Context
from ytproxy.web.pages import origin, shown_poster
from ytproxy.youtube import LINK_MAX_CHARS, PlayerParams, VideoId
from ytproxy.youtube import parse as parse_link

SIDE_PX = 560  # the longer side where no size is asked for, as in YouTube's own embed code
MAX_SIDE_PX = 4_096
LIFE_S, MOMENT_S = 300, 10
_RATIOS = {Shape.LANDSCAPE: 16 / 9, Shape.PORTRAIT: 9 / 16}
# `hqdefault`, which every video has, is 480x360 with bars around: no picture is told wider than it has for sure.
_SURE_PX = (480, 360)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
_JSON, _XML, _TEXT = "application/json", "text/xml; charset=utf-8", "text/plain; charset=utf-8"

# The first that fits counts. 400, 401, 403 and 404 are YouTube's answers, 501 the specification's.
_REFUSALS: tuple[tuple[type[Exception], int, str], ...] = (
    (InvalidVideoId, 400, "The link names no possible video. Give a whole YouTube link as url=."),
    (InvalidPlaylistId, 400, "The link names no playlist that others can open. Give a whole YouTube link as url=."),
    (InvalidInput, 404, "The link leads to no YouTube video or playlist. Give a YouTube link as url=."),
    (EmbeddingOff, 401, "The owner of this video does not allow it in other pages."),
    (Private, 403, "This video is private."),
    (Absent, 404, "There is no such video or playlist."),
    (NotAllowed, 404, "This video is not shown here."),
    (TooMany, 429, "Too many new videos just now. Try again later."),
    (Busy, 503, "This server is busy. Try again in a moment."),
    (UpstreamFailed, 502, "YouTube could not be asked. Try again in a moment."),
)

_Fields = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Box:
    """What a program has room for, in pixels; None where it does not say."""

    max_width_px: int | None
    max_height_px: int | None

    def filled(self, ratio: float) -> tuple[int, int]:
        """Width and height of the largest frame of this shape (width over height) that fits.

        A side that is not bounded may be as long as the other, and SIDE_PX in any case.
        """
        width_px = self.max_width_px or max(SIDE_PX, self.max_height_px or 0)
        height_px = self.max_height_px or max(SIDE_PX, self.max_width_px or 0)
        return max(1, min(width_px, round(height_px * ratio))), max(1, min(height_px, round(width_px / ratio)))

    def holds(self, width_px: int, height_px: int) -> bool:
        return width_px <= (self.max_width_px or width_px) and height_px <= (self.max_height_px or height_px)


def routes(context: Context) -> Blueprint:
    room = Blueprint("oembed", __name__)

    @room.get("/oembed")
    @room.get("/oembed/")
    def oembed() -> Response:
        wanted = request.args.get("format") or "json"
        if wanted not in ("json", "xml"):
            return _answer(context, "There are two formats, json and xml.\n", _TEXT, status=501)
        link, host = request.args.get("url", ""), origin(context)
        if not link or not host:
            return _answer(context, "A link is missing. Give a YouTube link as url=.\n", _TEXT, status=400)
        try:
            fields = _fields(context, link, host + context.settings.sub_path)
        except tuple(kind for kind, _, _ in _REFUSALS) as error:
            return _refused(context, error)
        if wanted == "xml":
            return _answer(context, markup.oembed_xml(fields), _XML)
        return _answer(context, json.dumps(fields), _JSON)

    return room


def _fields(context: Context, link: str, public_url: str) -> _Fields:
    """What is told of the link. Raises one of _REFUSALS."""
    address = _address(link, public_url)
    subject = address.subject
    if subject is None:
        raise InvalidPlaylistId("This link names nothing that others can open")
    admit_site(context.sites, request.environ)
    signature = address.signature or request.args.get("sig", "")[:200]
    context.videos.check(subject, signature)
    context.pay(subject)
    details = context.previews.details(subject, short=address.door is Door.SHORTS)
    context.videos.check_channel(subject, details.author_url)
    if details.state is State.EMBEDDING_OFF:
        raise EmbeddingOff("The owner of this video does not allow it in other pages")

    ratio = details.ratio or _RATIOS[Shape.PORTRAIT if address.door is Door.SHORTS else Shape.LANDSCAPE]
    box = Box(_side_px("maxwidth"), _side_px("maxheight"))
    width_px, height_px = box.filled(ratio)
    t = context.texts[context.language.default]
    html = markup.embed_code(
        _frame_url(address, signature, public_url),
        details.title or t["untitled" if address.video else "untitled_playlist"],
        width_px=width_px,
        height_px=height_px,
    )
    known = {"title": details.title, "author_name": details.author, "author_url": details.author_url or ""}
    return {
        "type": "video",
        "version": "1.0",
        **{name: text for name, text in known.items() if text},
        "provider_name": "ytproxy",
        "provider_url": f"{public_url}/",
        "cache_age": context.settings.refresh_after_s,
        "width": width_px,
        "height": height_px,
        "html": html,
        **_thumbnail(context, address, details, ratio, box, public_url),
    }


def _address(link: str, public_url: str) -> PageAddress:
    """What a link leads to, read as the page of ours that would show it. Its language is empty where it names none.
    Raises InvalidInput."""
    if len(link) > LINK_MAX_CHARS:
        raise InvalidInput(f"This link is longer than {LINK_MAX_CHARS} characters")
    try:
        parts, ours = urlsplit(link.strip(" ")), urlsplit(public_url)
    except ValueError:
        raise InvalidInput("This link cannot be read") from None
    if parts.scheme in ("http", "https") and parts.netloc.lower() == ours.netloc.lower():
        path = unquote(parts.path)
        below = path[len(ours.path) :]
        if not path.startswith(f"{ours.path}/") or not is_page(below):
            raise InvalidInput("This is no page of a video")
        return parse(below, parts.query, "")
    target = parse_link(link)
    start = "" if target.start_s is None else str(target.start_s)
    listed = target.playlist.text if target.playlist else ""
    params = PlayerParams.from_query([("start", start), ("list", listed)])
    return PageAddress(Door.SHORTS if target.short else Door.WATCH, target.video, params, lang="", depth=0)


def _side_px(name: str) -> int | None:
    """A bound in pixels; None where there is none, or none that makes sense."""
    text = request.args.get(name, "")
    return min(int(text), MAX_SIDE_PX) or None if _WHOLE_NUMBER.fullmatch(text) else None


def _frame_url(address: PageAddress, signature: str, public_url: str) -> str:
    subject = address.video.text if address.video else "videoseries"
    more = urlencode({name: text for name, text in (("lang", address.lang), ("sig", signature)) if text})
    query = "&".join(filter(None, (address.params.query(), more)))
    return f"{public_url}/embed/{subject}{'?' if query else ''}{query}"


def _thumbnail(
    context: Context,
    address: PageAddress,
    details: Details,
    ratio: float,
    box: Box,
    public_url: str,
) -> _Fields:
    """The largest picture of ours that is sure to be there and fits into the box; nothing where none is."""
    video = shown_poster(context, address.video or details.cover)
    if video is None:
        return {}
    shape = Shape.PORTRAIT if ratio < 0.95 else Shape.LANDSCAPE
    sure_px = min(_SURE_PX[0], round(_SURE_PX[1] * max(1.0, ratio)))
    for width_px in (width_px for width_px in reversed(WIDTHS_PX[shape]) if width_px <= sure_px):
        variant = Variant(shape, width_px, Format.JPEG)
        size = _picture_px(context, video, variant, ratio)
        if size and box.holds(*size):
            signature = context.videos.sign(video)
            query = f"?{urlencode({'sig': signature})}" if signature else ""
            return {
                "thumbnail_url": f"{public_url}/thumbnail/{video.text}/{variant.name}{query}",
                "thumbnail_width": size[0],
                "thumbnail_height": size[1],
            }
    return {}


def _picture_px(context: Context, video: VideoId, variant: Variant, ratio: float) -> tuple[int, int] | None:
    """Width and height. The operator's own picture has a shape of its own and may be smaller."""
    if not context.previews.poster(video):
        return variant.width_px, round(variant.width_px / (_RATIOS[variant.shape] if ratio < 0.95 else ratio))
    try:
        size = images.inspect(context.previews.thumbnail(video, variant).body)
    except (Busy, UpstreamFailed):
        return None
    return size.width_px, size.height_px


def _refused(context: Context, error: Exception) -> Response:
    status, sentence = next((status, sentence) for kind, status, sentence in _REFUSALS if isinstance(error, kind))
    retry_after_s = error.retry_after_s if isinstance(error, Busy | UpstreamFailed) else None
    return _answer(context, f"{sentence}\n", _TEXT, status=status, retry_after_s=retry_after_s)


def _answer(
    context: Context, body: str, mimetype: str, *, status: int = 200, retry_after_s: float | None = None
) -> Response:
    """Scripts may read it where they may read pictures. It is kept by caches that serve many only where it depends on
    the address alone."""
    keeper = "public" if context.sites.are_all and context.settings.public_url else "private"
    life_s = LIFE_S if status == 200 else MOMENT_S
    response = context.answer(
        "picture",
        body,
        mimetype,
        status=status,
        cache_control="no-store" if status in (429, 502, 503) else f"{keeper}, max-age={life_s}",
        retry_after_s=retry_after_s,
    )
    if allowed := allowed_origin(context.sites, request.environ):
        response.headers["Access-Control-Allow-Origin"] = allowed
    return response
