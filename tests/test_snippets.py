"""Ready code for a link: every kind for every subject, on the command line and the start page, and quiet."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from werkzeug.test import Client

from tests import test_integrations as integrations
from tests.privacy.devtools import Browser, Tab
from tests.quality.site import site
from tests.running import Running
from tests.test_cli import Command, ytproxy
from tests.test_markup import Page
from tests.youtube import IDS, FakeYouTube
from ytproxy import snippets
from ytproxy.errors import InvalidInput
from ytproxy.gate import Videos
from ytproxy.locales import LANGUAGES, catalogue
from ytproxy.snippets import KINDS, RATIOS, Embed
from ytproxy.youtube import TITLE_MAX_CHARS, PlaylistId

__all__ = ["ytproxy"]

BASE = "https://video.example.org/tube"
FILM, SHORT, LIST = IDS["landscape"], IDS["short"], IDS["playlist"]
HOSTILE = '"><script>alert(1)</script> \\" `x` ](y) ![z] [gallery] --> {{ a }} {% b %} >}} %} &amp; *c* \\'
KEY = "a-key-of-sixteen-letters"
_GOOGLE = re.compile(r"youtu(?:be|\.be)[\w-]*\.|ytimg|google\w*\.\w|ggpht|gstatic|doubleclick", re.IGNORECASE)
_DEADLINE_S = 30

# What is pasted, and the video, the list and the parameters that every kind has to keep.
LINKS: Mapping[str, tuple[str, str, str, dict[str, str]]] = {
    "video": (f"https://www.youtube.com/watch?v={FILM}", FILM, "", {}),
    "video with parameters": (
        f"https://youtu.be/{FILM}?t=1m5s&si=x&rel=0&amp;end=90",
        FILM,
        "",
        {"start": "65", "end": "90", "rel": "0"},
    ),
    "short": (f"https://www.youtube.com/shorts/{SHORT}?feature=share", SHORT, "", {}),
    "playlist": (f"https://www.youtube.com/playlist?list={LIST}", "", LIST, {}),
    "video in a playlist": (f"https://m.youtube.com/watch?v={FILM}&list={LIST}&t=9#x", FILM, LIST, {"start": "9"}),
    "bare id": (FILM, FILM, "", {}),
}
HTML = ("iframe", "element", "link", "wordpress")


def shown(url: str) -> tuple[str, str, dict[str, str]]:
    """Video, list and parameters of one of our addresses."""
    parts = urlsplit(url)
    assert url.startswith(f"{BASE}/")
    query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    last = parts.path.rpartition("/")[2]
    video = query.pop("v", "") or (last if last not in ("videoseries", "playlist", "watch") else "")
    return video, query.pop("list", ""), query


def page_of(kind: str, embed: Embed) -> Page:
    """The code as a browser reads it."""
    code = snippets.code(kind, embed)
    return Page(MarkdownIt().render(code) if kind == "markdown" else code)


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("kind", [*HTML, "markdown"])
def test_every_kind_keeps_video_list_and_parameters_and_names_us_alone(kind: str, name: str) -> None:
    link, *wanted = LINKS[name]
    embed = snippets.read(link, base=f"{BASE}/")
    page = page_of(kind, embed)
    addresses = [e[key] for e in page.elements for key in ("src", "href") if key in e.attributes]
    assert all(url.startswith(f"{BASE}/") for url in addresses)
    assert not _GOOGLE.search(snippets.code(kind, embed))
    [place] = page.all("iframe") or page.all("a")
    assert shown(place.attributes.get("src") or place["href"]) == tuple(wanted)
    for element in page.all("ytproxy-video"):
        given = {key: text for key, text in element.attributes.items() if key != "ratio"}
        more = dict(parse_qsl(given.pop("params", "")))
        assert (given.pop("videoid", ""), given.pop("playlistid", ""), given | more) == tuple(wanted)


def test_a_short_is_upright_in_every_kind() -> None:
    embed = snippets.read(LINKS["short"][0], base=BASE)
    frame = page_of("iframe", embed).one("iframe")
    assert (frame["width"], frame["height"]) == ("315", "560")
    assert page_of("element", embed).one("ytproxy-video")["ratio"] == "9/16"
    for kind in ("link", "markdown"):
        assert f"/thumbnail/{SHORT}/portrait-360.jpg" in snippets.code(kind, embed)
        assert f"{BASE}/shorts/{SHORT}" in snippets.code(kind, embed)
    assert 'ratio="9:16"' in snippets.code("hugo", embed)


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_frame_has_the_ratio_that_was_chosen(ratio: str) -> None:
    width_px, height_px = snippets.read(FILM, base=BASE, ratio=ratio).size_px
    width, height = map(int, ratio.split(":"))
    assert width_px / height_px == pytest.approx(width / height, rel=0.01)
    assert max(width_px, height_px) == 560


def test_own_wishes_go_before_those_of_the_link() -> None:
    link = f"https://youtu.be/{FILM}?t=65"
    assert snippets.read(link, base=BASE, start_s=5).params.start_s == 5
    assert snippets.read(link, base=BASE, start_s=0).params.start_s is None
    german = snippets.read(link, base=BASE, lang="de", title="Schnee", words=catalogue("de"))
    assert german.frame_path == f"embed/{FILM}?start=65&lang=de"
    assert page_of("iframe", german).one("iframe")["title"] == "Schnee"
    assert page_of("link", german).one("img")["alt"] == "Abspielen: Schnee"
    assert page_of("element", german).one("ytproxy-video")["lang"] == "de"


@pytest.mark.parametrize("kind", [*HTML, "markdown"])
def test_a_hostile_title_stays_text(kind: str) -> None:
    plain, hostile = (snippets.read(FILM, base=BASE, title=title) for title in ("Snow", HOSTILE))
    page = page_of(kind, hostile)
    assert [(e.name, set(e.attributes)) for e in page.elements] == [
        (e.name, set(e.attributes)) for e in page_of(kind, plain).elements
    ]
    told = [e[name] for e in page.elements for name in ("title", "alt") if name in e.attributes]
    assert any(text.endswith(HOSTILE) for text in [*told, *(a.text for a in page.all("a"))])
    if kind == "wordpress":
        assert "[" not in snippets.code(kind, hostile)
        assert snippets.code(kind, hostile).count("-->") == 2
    if kind == "markdown":
        assert not re.search(r"\{\{|\{%", snippets.code(kind, hostile))


@given(st.text(max_size=60))
def test_any_title_leaves_markdown_one_linked_picture(title: str) -> None:
    embed = snippets.read(FILM, base=BASE, title=title)
    page = page_of("markdown", embed)
    assert [e.name for e in page.elements] == ["p", "a", "img"]
    assert page.one("img")["alt"] == embed.invitation.strip()


def test_a_title_is_one_line_of_bounded_length() -> None:
    embed = snippets.read(FILM, base=BASE, title="a\nb\x00\u202e  c" + "x" * 900)
    assert embed.title.startswith("a b cx")
    assert len(embed.title) == TITLE_MAX_CHARS


@pytest.mark.parametrize(
    ("tool", "kind"),
    [
        pytest.param("Debian's Hugo", "hugo", marks=pytest.mark.needs("hugo")),
        ("current Hugo", "hugo"),
        pytest.param("Jekyll --safe", "jekyll", marks=pytest.mark.needs("jekyll")),
    ],
)
def test_shortcodes_make_the_same_frames_in_sites_built_by_the_real_tools(tool: str, kind: str, tmp_path: Path) -> None:
    embeds = [snippets.read(link, base=BASE, title="At the zoo", lang="de") for link, *_ in LINKS.values()]
    embeds.append(snippets.read(FILM, base=BASE, title=HOSTILE, ratio="4:3"))
    content = "\n\n".join(snippets.code(kind, embed) for embed in embeds)
    config = f'[params.ytproxy]\nbase = "{BASE}"\n' if kind == "hugo" else f"ytproxy:\n  base: {BASE}\n"
    made = integrations._TOOLS[tool]
    built = made.build(made.site(tmp_path, content, config))
    assert built.status == 0, built.log
    frames = built.page.frames
    assert [shown(frame["src"]) for frame in frames] == [shown(f"{BASE}/{embed.frame_path}") for embed in embeds]
    assert {frame["title"] for frame in frames[:-1]} == {"At the zoo"}
    assert "alert(1)" in frames[-1]["title"]
    for frame, embed in zip(frames, embeds, strict=True):
        width, height = embed.size_px
        assert int(frame["width"]) / int(frame["height"]) == pytest.approx(width / height, rel=0.01)


def test_a_signature_goes_into_every_address_and_no_shortcode() -> None:
    embed = replace(snippets.read(FILM, base=BASE), signature="0.a-b=")
    for kind in (*HTML, "markdown"):
        code = snippets.code(kind, embed)
        assert code.count("sig=0.a-b%3D") == len(re.findall(rf"/{FILM}|v={FILM}|videoid", code))
    for kind in ("hugo", "jekyll"):
        with pytest.raises(InvalidInput, match="Use another kind"):
            snippets.code(kind, embed)


@pytest.mark.parametrize(
    ("text", "start_s"),
    [
        *(("90", 90), ("1m30s", 90), ("1:30", 90), (" 0:05 ", 5), ("1:02:03", 3723), ("90:00", 5400)),
        *(("", None), ("soon", None), ("1:60", None), ("1:2:3:4", None), ("-1", None), ("٣", None)),
    ],
)
def test_a_start_time_is_read_as_people_write_it(text: str, start_s: int | None) -> None:
    assert snippets.start_time(text) == start_s


@pytest.mark.parametrize("link", ["", "nothing", "https://example.org/watch?v=jNQXAC9IVRw", "WL"])
def test_what_shows_nothing_to_embed_is_refused(link: str) -> None:
    with pytest.raises(InvalidInput, match="Use "):
        snippets.read(link, base=BASE)


# The command


def test_the_command_prints_every_kind_under_the_public_url(ytproxy: Command) -> None:
    for kind in KINDS:
        answer = ytproxy("snippet", f"https://youtu.be/{FILM}?t=7", "--as", kind, "--public-url", BASE)
        assert (answer.returncode, answer.stderr) == (0, "")
        assert answer.stdout == snippets.code(kind, snippets.read(f"{FILM}?t=7", base=BASE)) + "\n"


def test_the_command_takes_wishes_and_says_where_its_code_leads_without_a_public_url(ytproxy: Command) -> None:
    wishes = ("--title", "Schnee", "--start", "1:30", "--lang", "de", "--ratio", "4:3")
    answer = ytproxy("snippet", FILM, *wishes, "--port", "9000")
    frame = Page(answer.stdout).one("iframe")
    assert frame["src"] == f"http://127.0.0.1:9000/embed/{FILM}?start=90&lang=de"
    assert (frame["title"], frame["width"], frame["height"]) == ("Schnee", "560", "420")
    assert "YTPROXY_PUBLIC_URL" in answer.stderr
    assert answer.returncode == 0


def test_the_command_signs_where_there_is_a_key(ytproxy: Command) -> None:
    code = ytproxy("snippet", LIST, "--public-url", BASE, YTPROXY_SIGNING_KEY=KEY).stdout
    signature = shown(Page(code).one("iframe")["src"])[2]["sig"]
    Videos(keys=(KEY,)).check(PlaylistId(LIST), signature)


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (("nothing",), "Use "),
        ((FILM, "--start", "soon"), "Use seconds"),
        ((FILM, "--as", "word"), "'iframe'"),
        ((FILM, "--lang", "xx"), "'de'"),
        ((FILM, "--ratio", "2:1"), "'16:9'"),
    ],
)
def test_wrong_use_ends_with_2_and_the_cure(ytproxy: Command, arguments: tuple[str, ...], cure: str) -> None:
    answer = ytproxy("snippet", *arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert cure in answer.stderr


# The start page


def built_page(client: Client, **fields: str) -> Page:
    return Page(client.get("/", query_string=fields).text)


def codes(page: Page) -> list[str]:
    """What is in the panes, on one line each."""
    return [code.text for code in page.all("code")][2:]


def test_the_start_page_makes_every_kind_of_code_without_a_script(client: Client) -> None:
    link = f"https://youtu.be/{FILM}?t=65&rel=0"
    page = built_page(client, url=link, title="Snow", start="1:30", preview="de", ratio="4:3", kind="hugo", lang="en")
    embed = snippets.read(link, base="http://localhost", title="Snow", start_s=90, lang="de", ratio="4:3")
    assert codes(page) == [" ".join(snippets.code(kind, embed).split()) for kind in KINDS]
    assert [one["value"] for one in page.all("input", type="radio")] == list(KINDS)
    assert page.one("input", type="radio", checked="")["value"] == "hugo"
    frame = page.all("iframe")[1]
    assert (frame["src"], frame["title"]) == (f"./embed/{FILM}?start=90&rel=0&lang=de", "Snow")
    assert page.one("input", name="start")["value"] == "1:30"
    chosen = [option for option in page.all("option") if "selected" in option.attributes]
    assert [option.text for option in chosen] == [catalogue("de")["language_name"], "4:3"]


def test_fields_that_mean_nothing_are_left_empty(client: Client) -> None:
    page = built_page(client, url=FILM, start="soon", preview="xx", ratio="2:1", kind="word", title="<b>")
    assert codes(page)[0] == snippets.code("iframe", snippets.read(FILM, base="http://localhost", title="<b>"))
    assert page.one("input", name="start")["value"] == ""
    assert page.one("input", type="radio", checked="")["value"] == "iframe"
    assert not page.all("b")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_form_is_there_in_every_language(client: Client, lang: str) -> None:
    page, t = built_page(client, url=FILM, lang=lang), catalogue(lang)
    labels = [label.text for label in page.all("label")][:5]
    assert labels == [t[f"start_builder_{name}"] for name in ("label", "name", "start", "lang", "ratio")]
    assert {button.text for button in page.all("button", type="button")} == {t["start_builder_copy"]}
    assert page.one("p", role="status")["data-copied"] == t["start_builder_copied"]


def test_the_start_page_runs_no_script_but_ours_and_is_never_framed(client: Client) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert {"default-src 'none'", "script-src 'self'", "frame-src 'self'", "frame-ancestors 'none'"} <= set(
        policy.split("; ")
    )
    assert "script-src 'none'" in client.get("/privacy").headers["Content-Security-Policy"]
    assert "script-src 'none'" in client.get("/nowhere").headers["Content-Security-Policy"]


# In a browser


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[FakeYouTube]:
    """All that is not on this machine, for the browser alone: it writes down who is called."""
    with FakeYouTube() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with FakeYouTube() as youtube:
        running = Running(
            {
                "cache_dir": str(tmp_path_factory.mktemp("cache")),
                "upstream_proxy": youtube.proxy_url,
                "upstream_ca_file": youtube.ca_file,
                "workers": "1",
            }
        )
        running.wait_until_up()
        yield running
        running.stop()


@pytest.fixture(scope="module")
def browser(elsewhere: FakeYouTube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    running = Browser(
        tmp_path_factory.mktemp("browser"), f"--proxy-server={elsewhere.proxy_url}", "--ignore-certificate-errors"
    )
    yield running
    running.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    opened = browser.open_tab()
    yield opened
    opened.close()


def go(tab: Tab, url: str) -> None:
    loads = tab.loads()
    tab.send("Page.navigate", url=url)
    until(tab, lambda: tab.loads() > loads)


def do(tab: Tab, script: str) -> object:
    answer = tab.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    return answer["result"].get("value")


def until(tab: Tab, seen: Callable[[], object]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not seen():
        assert time.monotonic() < deadline, "the browser did not get there"
        tab.browser.wait(0.05)


def press(tab: Tab, key: str, code: int, text: str = "") -> None:
    named = {"key": key, "code": key, "windowsVirtualKeyCode": code}
    tab.send("Input.dispatchKeyEvent", type="keyDown", **named, **({"text": text} if text else {}))
    tab.send("Input.dispatchKeyEvent", type="keyUp", **named)


@pytest.mark.needs("chromium")
def test_by_keyboard_a_kind_is_chosen_and_copied_and_the_page_says_so(tab: Tab, server: Running) -> None:
    tab.browser.send("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    go(tab, f"{server.url}/?lang=en&url={FILM}")
    visible = "[...document.querySelectorAll('.code')].filter(one => one.checkVisibility()).map(one => one.innerText)"
    assert len(do(tab, visible)) == 1
    do(tab, "document.querySelector('[name=kind]:checked').focus()")
    for _ in range(3):
        press(tab, "ArrowDown", 40)
    wanted = snippets.code("markdown", snippets.read(FILM, base=server.url))
    assert do(tab, "[...document.querySelectorAll('.code')].find(one => one.checkVisibility()).innerText").startswith(
        wanted
    )
    press(tab, "Tab", 9)
    press(tab, "Tab", 9)
    assert do(tab, "document.activeElement.className") == "copy"
    press(tab, "Enter", 13, "\r")
    until(tab, lambda: do(tab, "document.querySelector('[role=status]').textContent"))
    assert do(tab, "document.querySelector('[role=status]').textContent") == "Copied"
    assert do(tab, "navigator.clipboard.readText()") == wanted
    tab.browser.send("Browser.resetPermissions")


@pytest.mark.needs("chromium")
def test_where_the_clipboard_is_closed_the_code_is_selected(tab: Tab, server: Running) -> None:
    go(tab, f"{server.url}/?lang=en&url={FILM}")
    do(tab, "navigator.clipboard.writeText = () => Promise.reject(new Error('closed'))")
    do(tab, "document.querySelector('.copy').click()")
    wanted = snippets.code("iframe", snippets.read(FILM, base=server.url))
    until(tab, lambda: do(tab, "String(getSelection())") == wanted)
    assert do(tab, "document.querySelector('[role=status]').textContent") == ""


@pytest.mark.needs("chromium")
def test_no_code_contacts_anybody_but_us(tab: Tab, server: Running, elsewhere: FakeYouTube, tmp_path: Path) -> None:
    embeds = [snippets.read(link, base=server.url, title="<i>Snow") for link, *_ in LINKS.values()]
    parts = [snippets.code(kind, embed) for kind in HTML for embed in embeds]
    parts += [MarkdownIt().render(snippets.code("markdown", embed)) for embed in embeds]
    config = f'[params.ytproxy]\nbase = "{server.url}"\n'
    content = "\n\n".join(snippets.code("hugo", embed) for embed in embeds)
    hugo = integrations._TOOLS["current Hugo"]
    folder = hugo.site(tmp_path, content, config)
    assert hugo.build(folder).status == 0
    parts.append((folder / "public/videos/index.html").read_text(encoding="utf-8"))
    leak = f'<iframe src="https://www.youtube-nocookie.com/embed/{FILM}" title="{escape(FILM)}"></iframe>'
    html = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">' + "\n".join(parts).replace(
        'loading="lazy"', ""
    )
    with site({"/quiet": html, "/leak": leak}) as url:
        go(tab, f"{url}/quiet")
        pictures = "[...document.images].filter(one => one.naturalWidth > 1).length"
        until(tab, lambda: do(tab, pictures) == 2 * len([embed for embed in embeds if embed.video]))
        elements = "[...document.querySelectorAll('ytproxy-video')].filter(one => one.shadowRoot).length"
        until(tab, lambda: do(tab, elements) == len(embeds))
        frames = 3 * len(embeds)
        until(tab, lambda: len([frame for frame in tab.frames() if frame.url.startswith(server.url)]) == frames)
        tab.browser.wait(0.5)
        assert google(elsewhere) == []
        go(tab, f"{url}/leak")
        until(tab, lambda: "www.youtube-nocookie.com:443" in google(elsewhere))


@pytest.mark.needs("chromium")
def test_the_start_page_with_its_preview_contacts_nobody_but_us(
    tab: Tab, server: Running, elsewhere: FakeYouTube
) -> None:
    elsewhere.clear()
    go(tab, f"{server.url}/?lang=en&ratio=9:16&url=https://www.youtube.com/shorts/{SHORT}")
    do(tab, "document.querySelectorAll('iframe')[1].scrollIntoView()")
    until(tab, lambda: any(f"/embed/{SHORT}" in frame.url for frame in tab.frames()))
    tab.browser.wait(0.5)
    assert google(elsewhere) == []


def google(elsewhere: FakeYouTube) -> list[str]:
    """The hosts of YouTube's that were called; a browser calls its maker at other ones."""
    return [host for host in elsewhere.connects if re.search(r"youtube|ytimg|ggpht|doubleclick", host)]
