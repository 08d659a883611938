"""The pages as text: what a browser may be told before the click."""

import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytproxy import markup
from ytproxy.images import Shape
from ytproxy.markup import LANGUAGES, Builder, Preview, State, catalogue
from ytproxy.youtube import PlayerParams, PlaylistId, VideoId, player_url

VIDEO = VideoId("aBcDeFgHiJk")
OTHER = VideoId("kJiHgFeDcBA")
PLAYLIST = PlaylistId("PL0123456789abcdef")
STATIC = {
    "preview.css": "preview-1a2b.css",
    "site.css": "site-3c4d.css",
    "play.js": "play-5e6f.js",
    "start.js": "start-7a8b.js",
}
STATIC_FOLDER = Path(__file__).parent.parent / "static"
GOOGLE = re.compile(r"youtube[\w-]*\.\w|youtu\.be|ytimg|google\w*\.\w|ggpht|gstatic|doubleclick", re.IGNORECASE)
# What an HTML parser, a style sheet aside, may fetch, run or connect to.
INERT = {
    *("html", "head", "meta", "title", "link", "body", "main", "div", "picture", "source", "img", "a", "span", "bdi"),
    *("svg", "circle", "path", "h1", "h2", "p", "details", "summary", "dl", "dt", "dd"),
}
NO_END = {"meta", "link", "source", "img", "input"}

PREVIEW = Preview(
    subject=VIDEO,
    playlist=None,
    params=PlayerParams.from_query([("start", "30")]),
    title="How bees talk",
    author="Nature studio",
    author_url="https://www.youtube.com/@nature",
    shape=Shape.LANDSCAPE,
    ratio=None,
    state="ok",
    poster=VIDEO,
    lang="en",
    root="../",
    static_urls=STATIC,
    privacy_url="https://site.example/privacy",
)
OF_PLAYLIST = replace(
    PREVIEW,
    subject=None,
    playlist=PLAYLIST,
    params=PlayerParams.from_query([("list", PLAYLIST.text)]),
    poster=OTHER,
)


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return re.sub(r"[ \t\r\n]+", " ", "".join(self.texts)).strip(" ")  # a no-break space stays one, as in a browser

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]


class Page(HTMLParser):
    """The elements of a page, each with all the text inside it. Fails on tags that do not match up."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {[e.name for e in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute stands twice on <{tag}>"
        self._open.append(Element(tag, {name: value or "" for name, value in attrs}))
        self.elements.append(self._open[-1])
        if tag in NO_END:
            self._open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in NO_END:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().name == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.texts.append(data)

    def all(self, name: str, /, **attributes: str) -> list[Element]:
        return [e for e in self.elements if e.name == name and attributes.items() <= e.attributes.items()]

    def one(self, name: str, /, **attributes: str) -> Element:
        [element] = self.all(name, **attributes)
        return element

    def classed(self, name: str, css_class: str) -> list[Element]:
        return [e for e in self.all(name) if css_class in e.attributes.get("class", "").split()]


def preview(p: Preview) -> Page:
    return Page(markup.preview_page(p))


def play() -> Page:
    src = player_url(VIDEO, PREVIEW.params, lang="en", autoplay=True, origin="https://video.example")
    return Page(markup.play_page(PREVIEW, src, "../embed/aBcDeFgHiJk?start=30&lang=en"))


def start(**changes: object) -> Page:
    values: dict[str, object] = {
        "lang": "en",
        "root": "",
        "static_urls": STATIC,
        "demo_id": VIDEO,
        "public_url": "https://video.example/tube/",
    }
    return Page(markup.start_page(**(values | changes)))  # type: ignore[arg-type]


BUILT = Builder(
    url="https://youtu.be/aBcDeFgHiJk",
    kind="markdown",
    ratios=("16:9", "9:16"),
    codes=[("iframe", "<iframe>", '<iframe src="x">'), ("markdown", "Markdown", "[x](y)")],
    shape="9:16",
    frame_path="embed/aBcDeFgHiJk?lang=en",
    name="Bees",
)

# The plainest, the longest in bytes, and one from right to left; test_locales.py has them all.
SOME_LANGUAGES = ("en", "el", "he")
ALL_PREVIEWS = [
    replace(p, state=state, whole_page=whole, lang=lang, shape=shape, poster=poster, title=title)
    for p, state, whole, lang, shape, poster, title in product(
        (PREVIEW, OF_PLAYLIST),
        get_args(State),
        (False, True),
        SOME_LANGUAGES,
        Shape,
        (VIDEO, None),
        ("How bees talk", ""),
    )
]


def test_a_preview_holds_nothing_that_runs_styles_or_connects_by_itself() -> None:
    for p in ALL_PREVIEWS:
        for element in preview(p).elements:
            assert element.name in INERT
            assert not any(name == "style" or name.startswith(("on", "ping")) for name in element.attributes)
            assert "http-equiv" not in element.attributes
            if element.name == "link":
                assert element.attributes == {"rel": "stylesheet", "href": "../static/preview-1a2b.css"}


def test_a_preview_loads_from_relative_addresses_only() -> None:
    for p in ALL_PREVIEWS:
        for element in preview(p).elements:
            loaded = [element.attributes.get("src", "")]
            loaded += [part.split()[0] for part in element.attributes.get("srcset", "").split(",") if part]
            loaded += [element["href"]] if element.name == "link" else []
            assert all(url == "" or url.startswith("../") for url in loaded)


def test_a_preview_names_googles_hosts_in_plain_links_alone() -> None:
    for p in ALL_PREVIEWS:
        page = preview(p)
        assert not GOOGLE.search(page.one("html").text)
        for element in page.elements:
            for name, value in element.attributes.items():
                assert (element.name, name) == ("a", "href") or not GOOGLE.search(value)


def test_links_to_elsewhere_open_outside_the_frame_and_tell_nobody_where_from() -> None:
    for p in ALL_PREVIEWS:
        for link in preview(p).all("a"):
            if not link["href"].startswith("../"):
                assert link["target"] == "_blank"
                assert link["rel"] == "noopener noreferrer nofollow"
                assert catalogue(p.lang)["opens_youtube"] in link.text or catalogue(p.lang)["new_tab"] in link.text


def test_search_engines_are_asked_to_leave_every_page_out() -> None:
    pages = [*map(preview, ALL_PREVIEWS), play(), start()]
    assert all(page.one("meta", name="robots")["content"] == "noindex" for page in pages)


def test_a_preview_has_one_heading_whose_direction_follows_the_title() -> None:
    for p in ALL_PREVIEWS:
        page = preview(p)
        heading = page.one("h1")
        assert heading["dir"] == "auto"
        assert heading.text == page.one("title").text != ""
        if p.title:
            assert heading.text == p.title


def test_ids_stand_once_and_references_lead_to_one() -> None:
    for page in [*map(preview, ALL_PREVIEWS), start(builder=Builder(url="x")), start(builder=BUILT)]:
        ids = [e["id"] for e in page.elements if "id" in e.attributes]
        assert len(set(ids)) == len(ids)
        for name in ("aria-describedby", "for"):
            assert {e[name] for e in page.elements if name in e.attributes} <= set(ids)


def test_a_preview_is_small() -> None:
    assert max(len(markup.preview_page(p).encode()) for p in ALL_PREVIEWS) <= 5_000


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_title_and_no_channel_name_can_become_markup(title: str, author: str) -> None:
    plain = [e.name for e in preview(PREVIEW).elements]
    hostile = preview(replace(PREVIEW, title=f"<b>{title}", author=f'"><i x="{author}'))
    assert [e.name for e in hostile.elements] == plain


def test_a_title_is_shown_letter_for_letter_wherever_it_stands() -> None:
    title = """</title><script>alert("1")</script> & 'q' {{ 7*7 }}"""
    page = preview(replace(PREVIEW, title=title))
    assert page.one("h1").text == page.one("title").text == page.one("bdi").text == title
    src = player_url(VIDEO, PREVIEW.params, lang="en", autoplay=True)
    assert Page(markup.play_page(replace(PREVIEW, title=title), src, "../embed/x")).one("iframe")["title"] == title


def test_one_link_over_the_picture_leads_to_the_player_with_its_parameters() -> None:
    link = preview(PREVIEW).one("a", **{"class": "play"})
    assert link["href"] == "../play/aBcDeFgHiJk?start=30&lang=en"
    assert link.text == "Play: How bees talk"
    assert "target" not in link.attributes


def test_a_playlist_is_played_as_a_list() -> None:
    page = preview(OF_PLAYLIST)
    assert page.one("a", **{"class": "play"})["href"] == f"../play/videoseries?list={PLAYLIST.text}&lang=en"
    assert page.one("a", **{"class": "watch"})["href"] == f"https://www.youtube.com/playlist?list={PLAYLIST.text}"
    assert page.one("img")["src"] == "../thumbnail/kJiHgFeDcBA/640.jpg"


def test_the_notice_before_the_click_is_read_out_with_the_play_link() -> None:
    for lang in LANGUAGES:
        page = preview(replace(PREVIEW, lang=lang))
        notice = page.one("p", id=page.one("a", **{"class": "play"})["aria-describedby"])
        assert all(word in notice.text for word in ("YouTube", "Google", "IP"))


def test_the_long_notice_opens_without_a_script_and_says_who_what_where_and_how_to_go_back() -> None:
    for lang in LANGUAGES:
        page = preview(replace(PREVIEW, lang=lang))
        details = page.one("details")
        assert "open" not in details.attributes
        assert all(catalogue(lang)[part] in details.text for part in ("before", "who", "what", "where", "back_how"))
        links = [a["href"] for a in page.all("a")]
        assert markup.GOOGLE_PRIVACY_URL in links
        assert "https://site.example/privacy" in links


def test_a_site_without_a_privacy_page_gets_no_link_to_one() -> None:
    page = preview(replace(PREVIEW, privacy_url=None))
    assert not [a for a in page.all("a") if catalogue("en")["site_privacy"] in a.text]


def test_the_way_to_youtube_keeps_the_start_time() -> None:
    link = preview(PREVIEW).one("a", **{"class": "watch"})
    assert link["href"] == "https://www.youtube.com/watch?v=aBcDeFgHiJk&t=30s"
    assert link.text == "Watch on YouTube (opens YouTube in a new tab)"


@pytest.mark.parametrize(
    "address", [None, "javascript:alert(1)", "https://evil.example/", "https://www.youtube.com.evil.example/"]
)
def test_a_channel_is_linked_only_where_youtube_keeps_channels(address: str | None) -> None:
    page = preview(replace(PREVIEW, author_url=address))
    assert page.one("p", **{"class": "by"}).text == "Nature studio"
    assert address not in [a["href"] for a in page.all("a")]
    assert "https://www.youtube.com/@nature" in [a["href"] for a in preview(PREVIEW).all("a")]


def test_the_picture_is_offered_in_three_formats_and_every_width() -> None:
    page = preview(PREVIEW)
    assert [source["type"] for source in page.all("source")] == ["image/avif", "image/webp"]
    for element, ending in zip([*page.all("source"), page.one("img")], ("avif", "webp", "jpg"), strict=True):
        assert element["sizes"] == "100vw"
        assert element["srcset"] == ", ".join(
            f"../thumbnail/aBcDeFgHiJk/{width}.{ending} {width}w" for width in (320, 480, 640, 960, 1280)
        )
    image = page.one("img").attributes
    assert (
        image.items() >= {"alt": "", "loading": "lazy", "decoding": "async", "width": "1280", "height": "720"}.items()
    )


def test_a_short_gets_portrait_pictures() -> None:
    page = preview(replace(PREVIEW, shape=Shape.PORTRAIT))
    image = page.one("img")
    assert "portrait" in page.one("body")["class"].split()
    assert image["src"] == "../thumbnail/aBcDeFgHiJk/portrait-360.jpg"
    assert image["srcset"].split()[::2] == [
        f"../thumbnail/aBcDeFgHiJk/portrait-{width}.jpg" for width in (180, 360, 540, 720)
    ]
    assert (image["width"], image["height"]) == ("720", "1280")


def test_the_room_kept_for_the_picture_follows_the_videos_true_shape() -> None:
    assert preview(replace(PREVIEW, ratio=4 / 3)).one("img")["height"] == "960"


def test_without_a_picture_there_is_a_neutral_card_to_click_on() -> None:
    page = preview(replace(PREVIEW, poster=None))
    assert not page.all("img")
    assert not page.all("source")
    assert page.classed("div", "card")
    assert page.one("a", **{"class": "play"})


def test_a_video_without_a_known_title_still_has_a_name() -> None:
    assert preview(replace(PREVIEW, title="")).one("a", **{"class": "play"}).text == "Play: YouTube video"
    assert preview(replace(OF_PLAYLIST, title="", lang="de")).one("h1").text == "YouTube-Playlist"


def test_what_cannot_be_played_here_has_no_play_link() -> None:
    for p in ALL_PREVIEWS:
        assert bool(preview(p).classed("a", "play")) == (p.state == "ok")


def test_a_video_that_may_not_be_embedded_keeps_picture_and_title_and_offers_youtube() -> None:
    page = preview(replace(PREVIEW, state="embedding-off"))
    assert page.one("img")
    assert page.one("h1").text == "How bees talk"
    assert page.one("a", **{"class": "button"})["href"].startswith("https://www.youtube.com/watch?v=")
    assert catalogue("en")["embedding_off"] in page.one("main").text


@pytest.mark.parametrize("state", ["absent", "private", "live-unknown"])
def test_a_video_that_is_not_there_says_why_and_shows_no_picture(state: State) -> None:
    page = preview(replace(PREVIEW, state=state, title=""))
    key = state.replace("-", "_")
    assert not page.all("img")
    assert page.one("h1").text == catalogue("en")[f"{key}_heading"]
    assert catalogue("en")[key] in page.one("main").text


def test_an_absent_playlist_is_not_called_a_video() -> None:
    page = preview(replace(OF_PLAYLIST, state="absent", title=""))
    assert page.one("h1").text == catalogue("en")["absent_playlist_heading"]


def test_a_live_stream_without_a_video_leads_to_its_channel_or_nowhere() -> None:
    unknown = replace(PREVIEW, subject=None, state="live-unknown", title="", author="", poster=None)
    assert preview(unknown).one("a")["href"] == "https://www.youtube.com/@nature"
    assert not preview(replace(unknown, author_url=None)).all("a")


def test_a_whole_page_and_a_frame_hold_the_same_things() -> None:
    framed, whole = preview(PREVIEW), preview(replace(PREVIEW, whole_page=True))
    assert [e.name for e in framed.elements] == [e.name for e in whole.elements]
    assert framed.one("body")["class"] == "frame landscape"
    assert whole.one("body")["class"] == "page landscape"


def test_addresses_start_where_the_page_says_the_top_is() -> None:
    html = markup.preview_page(replace(PREVIEW, root=""))
    assert "../" not in html
    assert 'href="play/aBcDeFgHiJk?start=30&amp;lang=en"' in html


def test_the_play_page_holds_exactly_one_frame_and_it_is_youtubes_player() -> None:
    frame = play().one("iframe")
    assert frame["src"].startswith("https://www.youtube-nocookie.com/embed/aBcDeFgHiJk?")
    assert frame["title"] == "How bees talk"
    assert frame["referrerpolicy"] == "strict-origin-when-cross-origin"
    assert frame["allow"].split("; ") == [
        *("accelerometer", "autoplay", "clipboard-write", "encrypted-media", "fullscreen", "gyroscope"),
        *("picture-in-picture", "web-share"),
    ]
    assert frame["allowfullscreen"] == ""
    assert not frame.attributes.keys() & {"sandbox", "credentialless", "srcdoc", "loading"}


def test_the_play_page_leads_back_to_the_preview_with_and_without_script() -> None:
    page = play()
    assert page.one("a", **{"class": "back"})["href"] == "../embed/aBcDeFgHiJk?start=30&lang=en"
    assert page.one("body")["data-preview"] == "../embed/aBcDeFgHiJk?start=30&lang=en"
    assert page.one("script").attributes == {"src": "../static/play-5e6f.js", "defer": ""}
    assert page.one("script").text == ""


def test_the_play_page_has_words_for_every_fault_of_the_players_and_shows_none_yet() -> None:
    place = play().one("div", role="status")
    assert place.text == ""
    faults = {name.removeprefix("data-"): text for name, text in place.attributes.items() if name.startswith("data-")}
    assert faults.keys() == {"100", "101", "150", "153", "silent", "other"}
    assert set(faults.values()) <= set(catalogue("en").values())


def test_a_play_page_in_our_element_says_so_in_its_class() -> None:
    page = Page(markup.play_page(PREVIEW, "https://player.example/", "../embed/x", element=True))
    assert page.one("body")["class"] == "player element"
    assert play().one("body")["class"] == "player"


def test_the_play_page_loads_nothing_foreign_but_the_player() -> None:
    page = play()
    loaded = [e.attributes.get("src", "") for e in page.elements] + [e["href"] for e in page.all("link")]
    assert [url for url in loaded if "://" in url] == [page.one("iframe")["src"]]
    assert [link["rel"] for link in page.all("link")] == ["stylesheet"]


@pytest.mark.parametrize(
    ("status", "told_as"), [*((s, s) for s in (400, 403, 404, 405, 429, 500, 502, 503)), (418, 400), (504, 500)]
)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_error_has_a_plain_word(status: int, told_as: int, lang: str) -> None:
    page = Page(markup.error_page(status, lang=lang, root="../../", static_urls=STATIC))
    assert page.one("h1").text == catalogue(lang)[f"error_{told_as}_heading"]
    assert catalogue(lang)[f"error_{told_as}"] in page.one("main").text
    assert str(status) in page.one("main").text
    assert page.one("link")["href"] == "../../static/site-3c4d.css"
    assert not page.all("script")
    assert not page.all("a")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_start_page_shows_a_live_preview_of_its_own_and_loads_nothing_foreign(lang: str) -> None:
    page = start(lang=lang, docs_url="https://docs.example/")
    demo = page.one("iframe")
    assert demo["src"] == f"embed/aBcDeFgHiJk?lang={lang}"
    assert demo["loading"] == "lazy"
    assert "autoplay" in demo["allow"].split("; ")
    assert not page.all("script")
    loaded = [e.attributes.get("src", "") for e in page.elements] + [e["href"] for e in page.all("link")]
    assert not [url for url in loaded if ":" in url or url.startswith("/")]
    assert "https://docs.example/" in [a["href"] for a in page.all("a")]


def test_the_start_page_says_how_to_change_one_address() -> None:
    before, after = [code.text for code in start().all("code")]
    assert "https://www.youtube.com/embed/aBcDeFgHiJk" in before
    assert after == before.replace("https://www.youtube.com", "https://video.example/tube")


def test_the_start_page_exists_in_every_language() -> None:
    page = start()
    links = {a["lang"]: a["href"] for a in page.all("a") if "lang" in a.attributes}
    assert links == {lang: f"?lang={lang}" for lang in LANGUAGES}
    assert page.one("a", **{"aria-current": "true"})["lang"] == "en"


def test_the_start_page_gives_every_code_and_its_preview_or_says_what_to_paste_instead() -> None:
    good = start(builder=BUILT)
    assert [code.text for code in good.all("code")][-2:] == [code for _, _, code in BUILT.codes]
    assert [radio["value"] for radio in good.all("input", type="radio") if "checked" in radio.attributes] == [
        "markdown"
    ]
    assert {radio["form"] for radio in good.all("input", type="radio")} == {good.one("form")["id"]}
    assert [(frame["src"], frame["title"]) for frame in good.all("iframe")][1:] == [(BUILT.frame_path, "Bees")]
    assert [script["src"] for script in good.all("script")] == ["static/start-7a8b.js"]
    assert not good.all("p", role="alert")
    bad = start(builder=Builder(url='"><script>'))
    assert bad.one("input", name="url")["value"] == '"><script>'
    assert bad.one("p", role="alert").text == catalogue("en")["start_builder_fault"]
    assert not start().all("p", role="alert")


def test_embed_code_lets_one_click_start_the_player_and_full_screen() -> None:
    code = markup.embed_code("https://video.example/embed/x?a=1&b=2", 'Bees & "flowers"', width_px=560, height_px=315)
    frame = Page(code).one("iframe")
    assert frame.attributes == {
        "src": "https://video.example/embed/x?a=1&b=2",
        "title": 'Bees & "flowers"',
        "width": "560",
        "height": "315",
        "loading": "lazy",
        "allow": markup.PLAYER_ALLOW,
        "allowfullscreen": "",
    }
    assert "\n" not in code


def test_a_page_to_read_holds_its_paragraphs_and_so_does_the_part_to_paste() -> None:
    sections = [("First & last", ("One <b>.", "Two.")), ("Next", ("Three.",))]
    page = Page(markup.prose_page("Privacy", sections, lang="de", root="", static_urls=STATIC))
    part = Page(markup.prose_html(sections))
    assert page.one("h1").text == "Privacy"
    for shown in (page, part):
        assert [h.text for h in shown.all("h2")] == ["First & last", "Next"]
        assert [p.text for p in shown.all("p")] == ["One <b>.", "Two.", "Three."]


@pytest.mark.parametrize("name", ["preview.css", "site.css"])
def test_a_style_sheet_loads_nothing(name: str) -> None:
    css = (STATIC_FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|@font-face|image-set|//", css)
    assert css.count("{") == css.count("}")


SCRIPTS = ("play.js", "ytproxy.js", "ytproxy-player.js")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_makes_no_html_from_text_and_fetches_nothing(name: str) -> None:
    script = (STATIC_FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(
        r"innerHTML|outerHTML|HTMLUnsafe|insertAdjacent|document\.write|eval\(|Function\(|fetch\(|XMLHttp", script
    )
    assert not re.search(r"localStorage|sessionStorage|indexedDB|\.cookie|caches\.", script)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_names_no_host_but_in_the_plain_link_to_youtube(name: str) -> None:
    script = (STATIC_FOLDER / name).read_text(encoding="utf-8")
    assert [line for line in script.splitlines() if GOOGLE.search(line)] == [
        line for line in script.splitlines() if line.strip().startswith("const page = new URL(")
    ]
    assert re.findall(r"\bimport\b.*", script) == (["import(at(`${name}.js`));"] if name == "ytproxy.js" else [])
    assert re.findall(r"""\bload\(["`]([^"`]*)""", script) == (
        ["ytproxy-player", "texts/${lang}", "ytproxy-consent", "ytproxy-upgrade"] if name == "ytproxy.js" else []
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_sends_its_messages_to_one_origin_and_never_to_all(name: str) -> None:
    script = (STATIC_FOLDER / name).read_text(encoding="utf-8")
    exact = re.findall(r"postMessage\(.+, (?:player\.origin|element|origin)\)", script)
    assert script.count("postMessage(") == len(exact)
    assert not re.search(r"""postMessage\(.*["'`]\*["'`]""", script)
