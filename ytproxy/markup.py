"""Everything a visitor's browser is given as HTML is written here, and nowhere else.

Pure functions: values in, a whole page out. Pages hold relative URLs only, so one rendering is right under
every host and sub-path. A preview names Google's hosts in the `href` of plain links and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from ytproxy import __version__
from ytproxy.images import LANDSCAPE_WIDTHS_PX, PORTRAIT_WIDTHS_PX, Format, Shape, Variant
from ytproxy.locales import LANGUAGES, Catalogue, Direction, catalogue, direction
from ytproxy.youtube import PlayerParams, PlaylistId, VideoId, watch_url

__all__ = [
    "GOOGLE_PRIVACY_URL",
    "LANGUAGES",
    "PLAYER_ALLOW",
    "Catalogue",
    "Direction",
    "Preview",
    "State",
    "catalogue",
    "direction",
    "embed_code",
    "error_page",
    "play_page",
    "preview_page",
    "prose_html",
    "prose_page",
    "start_page",
]

GOOGLE_PRIVACY_URL = "https://policies.google.com/privacy"

# What YouTube's own embed code grants its player. Our frames must grant as much, or it goes without.
PLAYER_ALLOW = (
    "accelerometer; autoplay; clipboard-write; encrypted-media; fullscreen; gyroscope; picture-in-picture; web-share"
)

State: TypeAlias = Literal["ok", "embedding-off", "absent", "private", "live-unknown"]
StaticUrls: TypeAlias = Mapping[str, str]
Section: TypeAlias = tuple[str, Sequence[str]]  # heading, paragraphs of plain text

_CHANNEL_PREFIX = "https://www.youtube.com/"
_ERROR_STATUSES = (400, 403, 404, 405, 429, 500, 502, 503)
# What the player reports (https://developers.google.com/youtube/iframe_api_reference#onError), or that it is silent.
_FAULTS = {
    "100": "fault_gone",
    "101": "embedding_off",
    "150": "embedding_off",
    "153": "fault_referrer",
    "silent": "fault_silent",
    "other": "fault_failed",
}
_RATIOS = {Shape.LANDSCAPE: 16 / 9, Shape.PORTRAIT: 9 / 16}
_WIDTHS_PX = {Shape.LANDSCAPE: LANDSCAPE_WIDTHS_PX, Shape.PORTRAIT: PORTRAIT_WIDTHS_PX}
_FALLBACK_WIDTH_PX = {Shape.LANDSCAPE: 640, Shape.PORTRAIT: 360}
# How wide the picture is laid out. A portrait one is as high as its frame, so its width follows the height.
_SIZES = {
    (Shape.LANDSCAPE, False): "100vw",
    (Shape.LANDSCAPE, True): "(min-width: 62rem) 60rem, 100vw",
    (Shape.PORTRAIT, False): "56.25vh",
    (Shape.PORTRAIT, True): "45vh",
}

_templates = Environment(
    loader=PackageLoader("ytproxy"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One video or playlist as visitors see it before the click.

    *poster* is the video whose thumbnail is the picture: the subject itself, for a playlist one of its
    videos, None for the neutral card. *ratio* is width by height, where it is known. *root* is the way from
    the page to the server's top, such as "../"; *static_urls* names the hashed copy of each browser file.
    *whole_page* asks for a page of its own (/watch, /shorts …) instead of one to be framed. The signatures, where the
    server wants any, go into the links to the player and to the pictures.
    """

    subject: VideoId | None
    playlist: PlaylistId | None
    params: PlayerParams
    title: str
    author: str
    author_url: str | None
    shape: Shape
    ratio: float | None
    state: State
    poster: VideoId | None
    lang: str
    root: str
    static_urls: StaticUrls
    whole_page: bool = False
    privacy_url: str | None = None
    signature: str = ""
    poster_signature: str = ""


@dataclass(frozen=True, slots=True)
class _Source:
    mimetype: str
    srcset: str


@dataclass(frozen=True, slots=True)
class _Picture:
    sources: tuple[_Source, ...]
    src: str
    srcset: str
    sizes: str
    width_px: int
    height_px: int


def preview_page(p: Preview) -> str:
    """The page before the click: no script, nothing from another host."""
    t = catalogue(p.lang)
    playable = p.state == "ok"
    state = p.state.replace("-", "_")
    if p.state == "absent" and p.subject is None:
        state = "absent_playlist"
    shows_video = p.state in ("ok", "embedding-off")
    return _render(
        "preview.html",
        p.lang,
        p.root,
        p.static_urls,
        body_class=f"{'page' if p.whole_page else 'frame'} {p.shape.value}",
        title=_title(p) if shows_video else p.title or t[f"{state}_heading"],
        author=p.author,
        author_href=_channel_href(p.author_url),
        picture=_picture(p) if shows_video and p.poster else None,
        play_href=_play_href(p) if playable else None,
        heading=None if playable or not (shows_video or p.title) else t[f"{state}_heading"],
        text=None if playable else t[state],
        watch_href=_watch_href(p),
        watch_text=t["watch"] if shows_video else t["open_youtube"],
        google_privacy_url=GOOGLE_PRIVACY_URL,
        privacy_url=p.privacy_url,
    )


def play_page(p: Preview, player_src: str, preview_href: str, *, element: bool = False) -> str:
    """The page after the click: YouTube's player in a frame, and the way back.

    *preview_href* is where Back, reload and restore lead, relative to this page. *element*: our element frames the
    page and has a way back of its own.
    """
    t = catalogue(p.lang)
    return _render(
        "play.html",
        p.lang,
        p.root,
        p.static_urls,
        body_class="player element" if element else "player",
        title=_title(p),
        player_src=player_src,
        preview_href=preview_href,
        watch_href=_watch_href(p),
        allow=PLAYER_ALLOW,
        faults={code: t[key] for code, key in _FAULTS.items()},
    )


def error_page(status: int, *, lang: str, root: str, static_urls: StaticUrls) -> str:
    """A plain word on why there is no page here, for any HTTP status from 400 on."""
    t = catalogue(lang)
    known = status if status in _ERROR_STATUSES else 400 if status < 500 else 500
    return _render(
        "error.html",
        lang,
        root,
        static_urls,
        stylesheet="site.css",
        body_class="error",
        heading=t[f"error_{known}_heading"],
        text=t[f"error_{known}"],
        status=status,
    )


def prose_page(heading: str, sections: Sequence[Section], *, lang: str, root: str, static_urls: StaticUrls) -> str:
    """A page to read, such as /privacy."""
    return _render(
        "prose.html",
        lang,
        root,
        static_urls,
        stylesheet="site.css",
        body_class="prose",
        heading=heading,
        sections=sections,
    )


def prose_html(sections: Sequence[Section]) -> str:
    """The same text as a part to paste into another page."""
    return _templates.get_template("sections.html").render(sections=sections)


def start_page(
    *,
    lang: str,
    root: str,
    static_urls: StaticUrls,
    demo_id: VideoId,
    public_url: str,
    docs_url: str | None = None,
    asked: str = "",
    snippet: str | None = None,
) -> str:
    """The page at "/": what this is, a live preview, how to change one address, a form that makes embed code.

    The form sends its text back to the same page as `?url=`. *asked* is that text and *snippet* the code made
    for it; text without a snippet is answered by the cure.
    """
    return _render(
        "start.html",
        lang,
        root,
        static_urls,
        stylesheet="site.css",
        body_class="start",
        languages=[{"lang": other, "name": catalogue(other)["language_name"]} for other in LANGUAGES],
        demo_id=demo_id.text,
        public_url=public_url.rstrip("/"),
        docs_url=docs_url,
        asked=asked,
        snippet=snippet,
        fault=bool(asked) and snippet is None,
        allow=PLAYER_ALLOW,
        version=__version__,
    )


def embed_code(src: str, title: str, *, width_px: int, height_px: int) -> str:
    """The iframe that site owners paste. It lets the player start on the one click and go full screen."""
    template = _templates.get_template("embed_code.html")
    return template.render(src=src, title=title, width_px=width_px, height_px=height_px, allow=PLAYER_ALLOW)


def _render(
    template: str,
    lang: str,
    root: str,
    static_urls: StaticUrls,
    *,
    stylesheet: str = "preview.css",
    **values: object,
) -> str:
    return _templates.get_template(template).render(
        t=catalogue(lang),
        lang=lang,
        dir=direction(lang),
        root=root,
        static_urls=static_urls,
        stylesheet=stylesheet,
        **values,
    )


def _title(p: Preview) -> str:
    return p.title or catalogue(p.lang)["untitled" if p.subject else "untitled_playlist"]


def _play_href(p: Preview) -> str:
    subject = p.subject.text if p.subject else "videoseries"
    more = {"lang": p.lang} | ({"sig": p.signature} if p.signature else {})
    query = "&".join(part for part in (p.params.query(), urlencode(more)) if part)
    return f"{p.root}play/{subject}?{query}"


def _watch_href(p: Preview) -> str | None:
    if p.subject is None and p.playlist is None:
        return _channel_href(p.author_url)
    return watch_url(p.subject, p.playlist, p.params.start_s)


def _channel_href(author_url: str | None) -> str | None:
    """YouTube gives the channel's address; anything else in that place is not linked."""
    return author_url if author_url and author_url.startswith(_CHANNEL_PREFIX) else None


def _picture(p: Preview) -> _Picture:
    width_px = _WIDTHS_PX[p.shape][-1]
    return _Picture(
        sources=tuple(_Source(f.mimetype, _srcset(p, f)) for f in (Format.AVIF, Format.WEBP)),
        src=_picture_href(p, _FALLBACK_WIDTH_PX[p.shape], Format.JPEG),
        srcset=_srcset(p, Format.JPEG),
        sizes=_SIZES[p.shape, p.whole_page],
        width_px=width_px,
        height_px=round(width_px / (p.ratio or _RATIOS[p.shape])),
    )


def _srcset(p: Preview, image_format: Format) -> str:
    return ", ".join(f"{_picture_href(p, width, image_format)} {width}w" for width in _WIDTHS_PX[p.shape])


def _picture_href(p: Preview, width_px: int, image_format: Format) -> str:
    assert p.poster is not None
    query = f"?{urlencode({'sig': p.poster_signature})}" if p.poster_signature else ""
    return f"{p.root}thumbnail/{p.poster.text}/{Variant(p.shape, width_px, image_format).name}{query}"
