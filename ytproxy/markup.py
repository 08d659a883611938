"""Everything a visitor's browser is given as HTML is written here, and nowhere else.

Pure functions: values in, a whole page out. Pages hold relative URLs only, so one rendering is right under
every host and sub-path; but for what machines read of a whole page, who need the public URL. A preview names Google's
hosts in the `href` of plain links and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from ytproxy import __version__
from ytproxy.images import WIDTHS_PX, Format, Shape, Variant
from ytproxy.locales import LANGUAGES, SHIPPED, Catalogue, Direction, Texts, catalogue, direction
from ytproxy.youtube import PlayerParams, PlaylistId, VideoId, watch_url

__all__ = [
    "GOOGLE_PRIVACY_URL",
    "LANGUAGES",
    "PLAYER_ALLOW",
    "Builder",
    "Catalogue",
    "Direction",
    "Preview",
    "Remember",
    "State",
    "catalogue",
    "consent_page",
    "direction",
    "element_code",
    "embed_code",
    "embetty_page",
    "error_page",
    "link_code",
    "oembed_xml",
    "picture_link",
    "picture_url",
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


@dataclass(frozen=True, slots=True)
class Remember:
    """How long a browser may keep the choice that videos load without a click: *days* at most, and no longer than
    it is open but for *always*."""

    always: bool
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One video or playlist as visitors see it before the click.

    *poster* is the video whose thumbnail is the picture: the subject itself, for a playlist one of its
    videos, None for the neutral card. *ratio* is width by height, where it is known. *root* is the way from
    the page to the server's top, such as "../"; *static_urls* names the hashed copy of each browser file. *texts* are
    the words of every language. *remember* lets visitors choose that videos load without a click; the page then has a
    script.
    *whole_page* asks for a page of its own (/watch, /shorts …) instead of one to be framed; with a *public_url* it says
    to machines what it shows, for they want whole addresses. The signatures, where the
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
    public_url: str | None = None
    privacy_url: str | None = None
    signature: str = ""
    poster_signature: str = ""
    texts: Texts = field(default_factory=lambda: SHIPPED)
    remember: Remember | None = None

    @property
    def t(self) -> Catalogue:
        return self.texts[self.lang]


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """The form on the start page. The fields are as they were sent: *url*, *title*, *start*, *lang*, *ratio*, *kind*.

    *ratios* are those to choose from. *codes* are what is made of a good link: kind, its name, the code; to be shown
    in the *shape*, of *ratios*, with the preview at *frame_path* from the top and under that *name*. A link without
    codes is answered by the cure.
    """

    url: str = ""
    title: str = ""
    start: str = ""
    lang: str = ""
    ratio: str = ""
    kind: str = ""
    ratios: Sequence[str] = ()
    codes: Sequence[tuple[str, str, str]] = ()
    shape: str = ""
    frame_path: str = ""
    name: str = ""


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
    """The page before the click: nothing from another host, and no script but where a choice may be remembered."""
    t = p.t
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
        p.texts,
        remember=_remember(p.remember if playable else None, t),
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
        facts=_facts(p, p.public_url) if p.whole_page and p.public_url and shows_video else None,
        google_privacy_url=GOOGLE_PRIVACY_URL,
        privacy_url=p.privacy_url,
    )


def play_page(p: Preview, player_src: str, preview_href: str, *, element: bool = False) -> str:
    """The page after the click: YouTube's player in a frame, and the way back.

    *preview_href* is where Back, reload and restore lead, relative to this page. *element*: our element frames the
    page and has a way back of its own.
    """
    t = p.t
    return _render(
        "play.html",
        p.lang,
        p.root,
        p.static_urls,
        p.texts,
        remember=_remember(None if element else p.remember, t),
        body_class="player element" if element else "player",
        title=_title(p),
        player_src=player_src,
        preview_href=preview_href,
        watch_href=_watch_href(p),
        allow=PLAYER_ALLOW,
        faults={code: t[key] for code, key in _FAULTS.items()},
    )


def consent_page(
    remember: Remember | None, *, lang: str, root: str, static_urls: StaticUrls, texts: Texts = SHIPPED
) -> str:
    """One line that tells whether videos load without a click in this browser, and takes that back."""
    return _render(
        "consent.html",
        lang,
        root,
        static_urls,
        texts,
        body_class="page consent",
        remember=_remember(remember, texts[lang]),
    )


def embetty_page(
    video: VideoId, *, lang: str, root: str, static_urls: StaticUrls, signature: str = "", texts: Texts = SHIPPED
) -> str:
    """embetty's page for a frame: its element, which our script makes one of ours; without script, a link."""
    return _render(
        "embetty.html",
        lang,
        root,
        static_urls,
        texts,
        body_class="frame",
        video_id=video.text,
        params=_query(sig=signature),
        embed_href=f"{root}embed/{video.text}{_and_signature(signature)}",
    )


def error_page(status: int, *, lang: str, root: str, static_urls: StaticUrls, texts: Texts = SHIPPED) -> str:
    """A plain word on why there is no page here, for any HTTP status from 400 on."""
    t = texts[lang]
    known = status if status in _ERROR_STATUSES else 400 if status < 500 else 500
    return _render(
        "error.html",
        lang,
        root,
        static_urls,
        texts,
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
        SHIPPED,
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
    builder: Builder | None = None,
    texts: Texts = SHIPPED,
) -> str:
    """The page at "/": what this is, a live preview, how to change one address, a form that makes code.

    The form sends its fields back to the same page; *builder* is what they hold and what is made of them.
    """
    return _render(
        "start.html",
        lang,
        root,
        static_urls,
        texts,
        stylesheet="site.css",
        body_class="start",
        languages=[{"lang": other, "name": texts[other]["language_name"]} for other in LANGUAGES],
        demo_id=demo_id.text,
        public_url=public_url.rstrip("/"),
        docs_url=docs_url,
        builder=builder or Builder(),
        allow=PLAYER_ALLOW,
        version=__version__,
    )


def embed_code(src: str, title: str, *, width_px: int, height_px: int) -> str:
    """The iframe that site owners paste. It lets the player start on the one click and go full screen."""
    template = _templates.get_template("embed_code.html")
    return template.render(src=src, title=title, width_px=width_px, height_px=height_px, allow=PLAYER_ALLOW)


def oembed_xml(fields: Mapping[str, str | int]) -> str:
    """An oEmbed answer as XML; the names in *fields* are its elements."""
    return _templates.get_template("oembed.xml").render(fields=fields)


def link_code(
    public_url: str, video: VideoId, title: str, *, lang: str, shape: Shape = Shape.LANDSCAPE, signature: str = ""
) -> str:
    """A linked picture, for feeds and mails, which show no frames. An empty *title* is that of an unknown video.

    JPEG, because mail programs know nothing newer; with its usual size, so that the text around it does not jump.
    """
    t = catalogue(lang)
    return picture_link(
        f"{public_url}/watch?{_query(v=video.text, sig=signature)}",
        f"{t['play']} {title or t['untitled']}",
        picture_url(public_url, video, shape=shape, signature=signature),
        shape=shape,
    )


def picture_url(public_url: str, video: VideoId, *, shape: Shape, signature: str = "") -> str:
    """The picture that `picture_link` has room for."""
    variant = Variant(shape, _FALLBACK_WIDTH_PX[shape], Format.JPEG)
    return f"{public_url}/thumbnail/{video.text}/{variant.name}{_and_signature(signature)}"


def picture_link(href: str, text: str, src: str, *, shape: Shape) -> str:
    """A link around the picture at *src*, with *text* for those who see none; without *src* around the text."""
    width_px, height_px = Variant(shape, _FALLBACK_WIDTH_PX[shape], Format.JPEG).size_px
    template = _templates.get_template("link_code.html")
    return template.render(href=href, text=text, src=src, width_px=width_px, height_px=height_px)


def element_code(base: str, attributes: Mapping[str, str], *, href: str, text: str) -> str:
    """The element with its script. Its text is a link, for visitors without scripts."""
    template = _templates.get_template("element_code.html")
    return template.render(base=base, attributes=attributes, href=href, text=text)


def _render(
    template: str,
    lang: str,
    root: str,
    static_urls: StaticUrls,
    texts: Texts,
    *,
    stylesheet: str = "preview.css",
    remember: Mapping[str, object] | None = None,
    **values: object,
) -> str:
    return _templates.get_template(template).render(
        t=texts[lang],
        lang=lang,
        dir=direction(lang),
        root=root,
        static_urls=static_urls,
        stylesheet=stylesheet,
        remember=remember,
        **values,
    )


def _title(p: Preview) -> str:
    return p.title or p.t["untitled" if p.subject else "untitled_playlist"]


def _remember(remember: Remember | None, t: Catalogue) -> Mapping[str, object] | None:
    """What a page with the choice needs to know, for its script and in words."""
    if remember is None:
        return None
    return {
        "store": "always" if remember.always else "session",
        "days": remember.days,
        "text": t["remember_days"].format(days=remember.days) if remember.always else t["remember_session"],
    }


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
    width_px = WIDTHS_PX[p.shape][-1]
    return _Picture(
        sources=tuple(_Source(f.mimetype, _srcset(p, f)) for f in (Format.AVIF, Format.WEBP)),
        src=_picture_href(p, _FALLBACK_WIDTH_PX[p.shape], Format.JPEG),
        srcset=_srcset(p, Format.JPEG),
        sizes=_SIZES[p.shape, p.whole_page],
        width_px=width_px,
        height_px=round(width_px / (p.ratio or _RATIOS[p.shape])),
    )


def _srcset(p: Preview, image_format: Format) -> str:
    return ", ".join(f"{_picture_href(p, width, image_format)} {width}w" for width in WIDTHS_PX[p.shape])


def _picture_href(p: Preview, width_px: int, image_format: Format) -> str:
    assert p.poster is not None
    name = Variant(p.shape, width_px, image_format).name
    return f"{p.root}thumbnail/{p.poster.text}/{name}{_and_signature(p.poster_signature)}"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a whole page says to machines. *video_object* is schema.org's, in JSON-LD; *oembed_url* answers in JSON, and
    with `&format=xml` in XML."""

    title: str
    url: str
    image_url: str | None
    video_object: Mapping[str, str] | None
    oembed_url: str | None


def _facts(p: Preview, public_url: str) -> _Facts:
    """Only what is known, and no address but ours. A playlist is no VideoObject, nor is a video without a title."""
    image_url = None
    if p.poster:
        image_url = _picture_href(replace(p, root=f"{public_url}/"), WIDTHS_PX[p.shape][-1], Format.JPEG)
    video_object = None
    if p.subject and p.title:
        video_object = {
            "@context": "https://schema.org",
            "@type": "VideoObject",
            "name": p.title,
            "embedUrl": f"{public_url}/embed/{p.subject.text}{_and_signature(p.signature)}",
        } | ({"thumbnailUrl": image_url} if image_url else {})
    url = f"{public_url}/{_whole_page_path(p)}"
    timed = f"{'&' if '?' in url else '?'}start={p.params.start_s}" if p.params.start_s else ""
    oembed_url = f"{public_url}/oembed?{_query(url=url + timed)}" if p.state == "ok" else None
    return _Facts(_title(p), url, image_url, video_object, oembed_url)


def _whole_page_path(p: Preview) -> str:
    listed = p.playlist.text if p.playlist else ""
    if p.subject is None:
        return f"playlist?{_query(list=listed, sig=p.signature)}"
    if p.shape is Shape.PORTRAIT and not listed:
        return f"shorts/{p.subject.text}{_and_signature(p.signature)}"
    return f"watch?{_query(v=p.subject.text, list=listed, sig=p.signature)}"


def _query(**values: str) -> str:
    return urlencode({name: value for name, value in values.items() if value})


def _and_signature(signature: str) -> str:
    return f"?{_query(sig=signature)}" if signature else ""
