"""Pages: the preview in all its doors, the player after the click, the start page, and what is said on errors."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from urllib.parse import SplitResult, urlencode, urlsplit

from flask import Blueprint, Response, request
from werkzeug.datastructures import Headers

from ytproxy import markup, policy, snippets
from ytproxy.errors import Absent, Busy, InvalidInput, NotAllowed, Private, TooMany, UpstreamFailed
from ytproxy.hotpath import Keep
from ytproxy.images import Shape
from ytproxy.locales import LANGUAGES, Catalogue
from ytproxy.previews import Details, State
from ytproxy.web.address import MAX_LENGTH, Door, PageAddress, asked_language, is_page, parse
from ytproxy.web.answers import Context
from ytproxy.youtube import TITLE_MAX_CHARS, VideoId, player_url

HTML = "text/html; charset=utf-8"
FIVE_MINUTES = "public, max-age=300"
MOMENT = "public, max-age=10"
HOT_S = 300.0
UNSETTLED_S = 10.0
DEMO = VideoId("jNQXAC9IVRw")  # "Me at the zoo", the first video on YouTube
_WHOLE_PAGES = frozenset(Door) - {Door.EMBED, Door.PLAY}
_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_LOOPBACK = re.compile(r"(?:(?:.+\.)?localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?", re.IGNORECASE)

_View = Callable[[Context, PageAddress], Response]


def routes(context: Context) -> Blueprint:
    room = Blueprint("pages", __name__)
    for door in Door:
        view = _page(context, _play if door is Door.PLAY else _preview)
        for number, rule in enumerate((f"/{door}", f"/{door}/", f"/{door}&<path:rest>", f"/{door}/<path:rest>")):
            room.add_url_rule(rule, f"{door}-{number}", view, methods=["GET"])

    @room.get("/")
    def start() -> Response:
        lang = _language(context)
        public_url = (origin(context) or "https://video.example.org") + context.settings.sub_path
        body = markup.start_page(
            lang=lang,
            root="./",
            static_urls=context.static.urls,
            demo_id=DEMO,
            public_url=public_url,
            builder=_builder(request.args, public_url, lang, context.texts[lang]),
            texts=context.texts,
        )
        return context.answer("start", body, HTML, cache_control="private, no-cache", vary="Accept-Language")

    @room.get("/privacy")
    def privacy() -> Response:
        lang = policy.language(_language(context))
        body = markup.prose_page(
            policy.heading(lang),
            policy.sections(context.settings, lang),
            lang=lang,
            root="./",
            static_urls=context.static.urls,
        )
        return context.answer("site", body, HTML, cache_control=FIVE_MINUTES, vary="Accept-Language")

    @room.get("/consent")
    def consent() -> Response:
        remember = _remember(context)
        body = markup.consent_page(
            remember, lang=_language(context), root="./", static_urls=context.static.urls, texts=context.texts
        )
        kind = "remember" if remember else "preview"
        return context.answer(kind, body, HTML, cache_control=FIVE_MINUTES, vary="Accept-Language")

    return room


def error(context: Context, status: int) -> Response:
    """A page that says in plain words why there is nothing here."""
    body = markup.error_page(
        status,
        lang=_language(context),
        root="../" * (request.path[:MAX_LENGTH].count("/") - 1) or "./",
        static_urls=context.static.urls,
        texts=context.texts,
    )
    # In the place of a preview it may be framed like one, or the browser would say that we refused to connect.
    kind = "preview" if is_page(request.path) else "site"
    # Only what is due to the address alone may a shared cache keep; a 400 is due to this request's headers.
    life = MOMENT if status == 404 else "no-store"
    return context.answer(kind, body, HTML, status=status, cache_control=life, vary="Accept-Language")


def is_click(headers: Headers, own_hosts: Collection[str], *, element: bool = False, remembered: bool = False) -> bool:
    """Whether a request for the player can come from a visitor's choice, a click mostly. When in doubt, it does not.

    Browsers say how a navigation began (Fetch Metadata): prefetches and frames that a page put there carry no
    Sec-Fetch-User. Some engines never send that header, so within our own origin its absence counts only against
    those that do. Over plain http browsers say nothing of the kind, and only our own preview as the referrer tells
    a click. What is no browser may have the page: it plays nothing.

    *element*: the address says that our element asks, which frames the player after a click in a page of another
    site. No browser marks that frame as the click's, so the element's word counts, for a frame and nothing else.

    *remembered*: the address says that our preview asks, without a click, for a visitor who chose so earlier. Only a
    browser that says itself that a page of our own asks is believed.
    """
    if "Sec-Purpose" in headers or headers.get("Purpose") == "prefetch":
        return False
    if headers.get("Sec-Fetch-User") == "?1" or (element and headers.get("Sec-Fetch-Dest", "iframe") == "iframe"):
        return True
    site = headers.get("Sec-Fetch-Site")
    if remembered and site == "same-origin" and headers.get("Sec-Fetch-Mode") == "navigate":
        return True
    agent = headers.get("User-Agent", "")
    if site is None:
        referrer = headers.get("Referer", "")
        return _split(referrer).netloc in own_hosts if referrer else "Mozilla/" not in agent
    return site == "same-origin" and "Sec-CH-UA" not in headers and "Firefox/" not in agent


def _page(context: Context, view: _View) -> Callable[..., Response]:
    def page(rest: str = "") -> Response:  # noqa: ARG001  the address is read as a whole, by one grammar
        try:
            lang = context.language.accepted(request.headers.get("Accept-Language", ""))
            address = parse(request.path, request.query_string.decode("latin-1"), lang)
            if address.subject:
                context.videos.check(address.subject, address.signature)
        except (InvalidInput, NotAllowed):
            return error(context, 404)
        return view(context, address)

    return page


def _preview(context: Context, address: PageAddress) -> Response:
    """The page before the click. It is there whatever YouTube says or fails to say; its status is honest."""
    status, settled, retry_after_s = 200, True, None
    details = Details(State.OK)
    if address.subject:
        try:
            context.pay(address.subject)
            details = context.previews.details(address.subject, short=address.door is Door.SHORTS)
            context.videos.check_channel(address.subject, details.author_url)
        except NotAllowed:
            return error(context, 404)
        except Absent:
            details, status = Details(State.ABSENT), 404
        except Private:
            details, status = Details(State.PRIVATE), 403
        except TooMany as too_many:
            status, settled, retry_after_s = 429, False, too_many.retry_after_s
        except (UpstreamFailed, Busy):
            settled = False  # without a title, but it plays
        if context.videos.by_channel and not settled:
            return error(context, 503)  # whose video it is is not known
    poster = shown_poster(context, address.video or details.cover) if status == 200 else None
    shown = _shown(context, address, details, poster)
    if poster:
        context.previews.prefetch(poster, shown.shape)
    return context.answer(
        "remember" if shown.remember and shown.state == "ok" else "preview",
        markup.preview_page(shown),
        HTML,
        status=status,
        cache_control="no-store" if status == 429 else FIVE_MINUTES if settled and status == 200 else MOMENT,
        vary="Accept-Language",
        retry_after_s=retry_after_s,
        keep=Keep(HOT_S if settled else UNSETTLED_S, address.subject.text if address.subject else None)
        if status == 200
        else None,
    )


def _play(context: Context, address: PageAddress) -> Response:
    """The page after the click; without one, the preview in its place."""
    own_hosts = {request.host, _split(context.settings.public_url or "").netloc} - {""}
    element = request.args.get("element") == "1"
    remembered = request.args.get("remembered") == "1"
    may_ask = remembered and context.settings.remember != "off"
    clicked = is_click(request.headers, own_hosts, element=element, remembered=may_ask)
    known = context.previews.known_details(address.subject) if address.subject and clicked else None
    try:
        if known and address.subject and context.videos.by_channel:
            context.videos.check_channel(address.subject, known.author_url)
    except NotAllowed:
        return error(context, 404)
    if not address.subject or not clicked or (context.videos.by_channel and not known):
        response = _preview(context, address)
        response.headers["Cache-Control"] = "no-store"
        return response
    details = known or Details(State.OK)  # nobody waits after a click
    shown = _shown(context, address, details, None)
    body = markup.play_page(
        shown,
        player_url(address.video, address.params, lang=address.lang, autoplay=not remembered, origin=origin(context)),
        _preview_href(address, shown.root),
        element=element,
    )
    return context.answer("play", body, HTML, vary="Accept-Language")


def _shown(context: Context, address: PageAddress, details: Details, poster: VideoId | None) -> markup.Preview:
    shape = details.shape
    if details.ratio is None and address.door is Door.SHORTS:
        shape = Shape.PORTRAIT
    return markup.Preview(
        subject=address.video,
        playlist=address.playlist,
        params=address.params,
        title=details.title,
        author=details.author,
        author_url=address.channel or details.author_url,
        shape=shape,
        ratio=details.ratio,
        state="live-unknown" if address.live_stream else details.state.value,
        poster=poster,
        lang=address.lang,
        root="../" * address.depth or "./",
        static_urls=context.static.urls,
        whole_page=address.door in _WHOLE_PAGES,
        public_url=context.settings.public_url,
        privacy_url=context.settings.privacy_url,
        signature=address.signature,
        poster_signature=context.videos.sign(poster) if poster else "",
        texts=context.texts,
        remember=_remember(context),
    )


def _remember(context: Context) -> markup.Remember | None:
    settings = context.settings
    return (
        None if settings.remember == "off" else markup.Remember(settings.remember == "always", settings.remember_days)
    )


def shown_poster(context: Context, video: VideoId | None) -> VideoId | None:
    """The video whose picture is shown; None for the neutral card. A playlist's cover may be one not shown here."""
    if video is None or not context.previews.shows_picture(video):
        return None
    try:
        context.videos.check(video, context.videos.sign(video))
    except NotAllowed:
        return None
    return video


def _preview_href(address: PageAddress, root: str) -> str:
    subject = address.video.text if address.video else "videoseries"
    more = {"lang": address.lang} | ({"sig": address.signature} if address.signature else {})
    return f"{root}embed/{subject}?{'&'.join(filter(None, (address.params.query(), urlencode(more))))}"


def _builder(sent: Mapping[str, str], public_url: str, page_lang: str, t: Catalogue) -> markup.Builder:
    """The form of the start page as it was sent, with the code for its link. Fields that mean nothing are empty."""
    link, start_s = sent.get("url", "").strip(), snippets.start_time(sent.get("start", ""))
    form = markup.Builder(
        url=link,
        title=sent.get("title", "").strip()[:TITLE_MAX_CHARS],
        start="" if start_s is None else sent.get("start", "").strip(),
        lang=_one_of(LANGUAGES, sent.get("preview", "")),
        ratio=_one_of(snippets.RATIOS, sent.get("ratio", "")),
        kind=_one_of(snippets.KINDS, sent.get("kind", "")) or "iframe",
        ratios=tuple(snippets.RATIOS),
    )
    try:
        embed = snippets.read(
            link, base=public_url, title=form.title, start_s=start_s, lang=form.lang, ratio=form.ratio, words=t
        )
    except InvalidInput:
        return form
    return replace(
        form,
        codes=[(name, kind.name, kind.write(embed)) for name, kind in snippets.KINDS.items()],
        shape=embed.ratio,
        frame_path=replace(embed, lang=form.lang or page_lang).frame_path,
        name=embed.name,
    )


def _one_of(known: Collection[str], text: str) -> str:
    return text if text in known else ""


def _language(context: Context) -> str:
    accepted = context.language.accepted(request.headers.get("Accept-Language", ""))
    return asked_language(request.args) or accepted


def origin(context: Context) -> str | None:
    """Our origin as the browser sees it; the player sends its messages there. None when it cannot be told.

    Behind a proxy that ends TLS the request looks like plain http; the referrer, our own page, knows better. So does
    the browser, which sends Fetch Metadata over https, and over plain http to the visitor's own machine alone.
    """
    if context.settings.public_url:
        parts = urlsplit(context.settings.public_url)
        return f"{parts.scheme}://{parts.netloc}"
    host = request.host
    if not _HOST.fullmatch(host):
        return None
    referrer = _split(request.headers.get("Referer", ""))
    scheme = referrer.scheme if referrer.netloc == host and referrer.scheme in ("http", "https") else request.scheme
    if "Sec-Fetch-Site" in request.headers and not _LOOPBACK.fullmatch(host):
        scheme = "https"
    return f"{scheme}://{host}"


def _split(url: str) -> SplitResult:
    """The parts of an address that somebody else wrote; all empty where it is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
