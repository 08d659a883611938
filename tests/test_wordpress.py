"""The WordPress plugin, in Debian's WordPress: what visitors get, what the editor gets, and who may set it."""

import re
import subprocess
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import pytest
import requests
from werkzeug.test import Client

from tests.test_integrations import SPELLINGS
from tests.wordpress import ADMIN, PLUGIN, WordPress
from tests.youtube import IDS
from ytproxy.markup import PLAYER_ALLOW

pytestmark = pytest.mark.needs("php", "mariadbd", "my_print_defaults", "wp-setup")

BASE = "https://video.example.org"
VIDEO = IDS["landscape"]
LIST = IDS["playlist"]
SET = {"server": BASE, "pasted": True}
OTHER_USER = ("reader", "a pass phrase of a reader")
PASTED = (
    f"<iframe class='wide' src='https://www.youtube.com/embed/{VIDEO}?si=x&amp;start=9' width='5' data-a='b'></iframe>"
)
_GOOGLE = re.compile(r"youtube(?:-nocookie)?\.com|youtu\.be|ytimg|google|gstatic|doubleclick", re.IGNORECASE)
_PAGE = "/wp-admin/options-general.php?page=ytproxy"


class Page(HTMLParser):
    """The elements of a page, by their names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[dict[str, str]]] = {}
        self.feed(text)
        self.without_links = re.sub(r'(<a\b[^>]*?\bhref=)"[^"]*"([^>]*>)[^<]*', r"\1\2", text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.setdefault(tag, []).append({name: value or "" for name, value in attrs})

    @property
    def frames(self) -> list[dict[str, str]]:
        return self.found.get("iframe", [])

    @property
    def embedded(self) -> list[str]:
        """What stands behind /embed/ in the frames."""
        return [frame["src"].removeprefix(f"{BASE}/embed/") for frame in self.frames]


@pytest.fixture(scope="module")
def site() -> Iterator[WordPress]:
    """The site with its plugin set as most will be."""
    with WordPress() as running:
        running.act("user", user=OTHER_USER[0], password=OTHER_USER[1])
        running.act("set", **SET)
        yield running
        assert running.complaints() == []


@pytest.fixture(scope="module")
def owner(site: WordPress) -> requests.Session:
    """The administrator's browser."""
    return site.log_in(*ADMIN)


@pytest.fixture
def put(site: WordPress) -> Iterator[Callable[..., None]]:
    """Changes the plugin's settings; at the end of the test they are as they were, whoever changed them."""

    def change(**setting: object) -> None:
        site.act("set", **setting)

    yield change
    change(**SET)


def show(site: WordPress, content: str) -> Page:
    return Page(site.show(content))


def newest_in_feed(site: WordPress) -> Page:
    text = site.get("/?feed=rss2").partition("<content:encoded><![CDATA[")[2]
    return Page(text.partition("]]></content:encoded>")[0])


def form_of(session: requests.Session, site: WordPress) -> dict[str, str]:
    """What a browser would send of the settings page as it stands."""
    page = session.get(f"{site.url}{_PAGE}", timeout=60)
    assert page.status_code == 200
    fields = [field for field in Page(page.text).found["input"] if field.get("name")]
    sent = [field for field in fields if field.get("type") != "checkbox" or "checked" in field]
    return {field["name"]: field.get("value", "") for field in sent}


def send(session: requests.Session, site: WordPress, form: dict[str, str]) -> requests.Response:
    return session.post(f"{site.url}/wp-admin/options.php", form, timeout=60)


def test_every_way_to_show_a_video_shows_our_preview_and_names_no_host_of_googles(site: WordPress) -> None:
    page = show(
        site,
        f"""https://www.youtube.com/watch?v={VIDEO}&t=1m5s

[embed width=300]https://youtu.be/{VIDEO}?si=x[/embed]

<!-- wp:embed {{"url":"https://youtu.be/{VIDEO}","type":"video","providerNameSlug":"youtube","responsive":true}} -->
<figure class="wp-block-embed is-provider-youtube wp-embed-aspect-16-9"><div class="wp-block-embed__wrapper">
https://youtu.be/{VIDEO}
</div></figure>
<!-- /wp:embed -->

{PASTED}

[video src="https://www.youtube.com/watch?v={VIDEO}&amp;end=9"]

https://www.youtube.com/playlist?list={LIST}

https://www.youtube.com/shorts/{VIDEO}

https://www.youtube.com/live/{VIDEO}

https://www.youtube.com/embed/{VIDEO}?start=7
""",
    )
    assert page.embedded == [
        f"{VIDEO}?start=1m5s",
        VIDEO,
        VIDEO,
        f"{VIDEO}?si=x&start=9",
        f"{VIDEO}?end=9",
        f"videoseries?list={LIST}",
        VIDEO,
        VIDEO,
        f"{VIDEO}?start=7",
    ]
    assert not _GOOGLE.findall(page.without_links)
    assert "video" not in page.found
    assert any("wp-embed-aspect-16-9" in figure["class"] for figure in page.found["figure"])


def test_no_preview_costs_a_request_of_wordpresss(site: WordPress) -> None:
    asked = len(site.requests_made())
    assert len(show(site, f"https://youtu.be/{VIDEO}\n\nhttps://www.youtube.com/@somebody").frames) == 1
    assert site.requests_made()[asked:] == []


def test_a_frame_grants_the_player_what_it_needs_and_has_the_size_that_was_asked_for(site: WordPress) -> None:
    page = show(
        site,
        f"[embed width=300]https://youtu.be/{VIDEO}[/embed]\n\n[embed]https://www.youtube.com/shorts/{VIDEO}[/embed]",
    )
    wide, tall = page.frames
    assert wide == {
        "class": "ytproxy",
        "src": f"{BASE}/embed/{VIDEO}",
        "title": "YouTube video",
        "width": "300",
        "height": "169",
        "loading": "lazy",
        "allow": PLAYER_ALLOW,
        "allowfullscreen": "",
        "referrerpolicy": "strict-origin-when-cross-origin",
        "style": "aspect-ratio:16/9",
    }
    assert (tall["width"], tall["height"], tall["style"]) == ("422", "750", "aspect-ratio:9/16")


def test_links_are_read_as_everywhere_in_ytproxy(site: WordPress) -> None:
    links = {link: path for link, path in SPELLINGS.items() if re.match(r"(https?:)?//", link)}
    assert len(links) > 12
    assert dict(zip(links, site.act("targets", urls=list(links)), strict=True)) == links


def test_what_shows_no_video_gets_no_preview(site: WordPress) -> None:
    links = [
        f"https://example.org/watch?v={VIDEO}",
        f"https://www.youtube.com.example.org/watch?v={VIDEO}",
        f"https://example.org/?https://youtu.be/{VIDEO}",
        "https://www.youtube.com/@somebody",
        "https://www.youtube.com/watch?v=too-short",
        f"https://www.youtube.com/watch?v={VIDEO[:10]}B",
        f"https://www.youtube.com/watch?v={VIDEO}%0A",
        "https://www.youtube.com/playlist?list=WL",
    ]
    assert dict(zip(links, site.act("targets", urls=links), strict=True)) == dict.fromkeys(links)


def test_a_youtube_link_that_shows_no_video_becomes_a_plain_link(site: WordPress) -> None:
    page = show(site, "https://www.youtube.com/@somebody?a=1&b=%22%3E")
    assert page.frames == []
    assert "https://www.youtube.com/@somebody?a=1&b=%22%3E" in [link["href"] for link in page.found["a"]]


def test_what_wordpress_kept_of_youtubes_answers_is_not_shown(site: WordPress) -> None:
    link = f"https://youtu.be/{VIDEO}"
    key = site.act("cache_key", url=link)
    kept = '<iframe src="https://www.youtube.com/embed/kept"></iframe>'
    post = site.post(link, **{f"_oembed_{key}": kept, f"_oembed_time_{key}": "1900000000"})
    assert Page(site.get(f"/?p={post}")).embedded == [VIDEO]


def test_a_pasted_frame_keeps_all_but_its_address(site: WordPress) -> None:
    ours = PASTED.replace("https://www.youtube.com", BASE)
    assert ours != PASTED
    assert ours.partition(" width")[0] in site.show(PASTED)
    (frame,) = show(site, PASTED).frames
    assert frame["class"] == "wide"
    assert frame["width"] == "5"
    assert frame["data-a"] == "b"


def test_a_pasted_frame_is_found_however_it_is_written(site: WordPress) -> None:
    written = {
        f'src="//www.youtube.com/embed/{VIDEO}"': f"/{VIDEO}",
        f'src="https://www.youtube-nocookie.com/embed/{VIDEO}&autoplay=1"': f"/{VIDEO}&autoplay=1",
        f'src="https://www.youtube.com/embed?v={VIDEO}"': f"?v={VIDEO}",
        f'src="https://www.youtube.com/watch?v={VIDEO}&amp;t=9"': f"/{VIDEO}?start=9",
        f'src="https://youtu.be/{VIDEO}"': f"/{VIDEO}",
        f'src="https://www.youtube.com/v/{VIDEO}"': f"/{VIDEO}",
        f'SRC = "https://WWW.YouTube.com/embed/{VIDEO}"': f"/{VIDEO}",
        f"src=https://www.youtube.com/embed/{VIDEO}": f"/{VIDEO}",
        f'width="560"cheight="315" src="https://www.youtube.com/embed/{VIDEO}"': f"/{VIDEO}",
        f'srcdoc="&lt;img src=https://i.ytimg.com/vi/{VIDEO}/0.jpg&gt;" src="//youtube.com/embed/{VIDEO}"': f"/{VIDEO}",
    }
    page = show(site, "<!-- wp:html -->\n" + "\n".join(f"<iframe {rest}></iframe>" for rest in written))
    assert [frame["src"] for frame in page.frames] == [f"{BASE}/embed{rest}" for rest in written.values()]
    assert not _GOOGLE.findall(page.without_links)


def test_a_frame_that_waits_for_consent_waits_for_our_preview(site: WordPress) -> None:
    (frame,) = show(
        site, f'<iframe data-src="https://www.youtube.com/embed/{VIDEO}" src="about:blank"></iframe>'
    ).frames
    assert (frame["src"], frame["data-src"]) == ("about:blank", f"{BASE}/embed/{VIDEO}")


def test_a_flash_player_becomes_a_preview_of_its_width(site: WordPress) -> None:
    page = show(
        site,
        f'<object width="425" height="344"><param name="movie" value="http://www.youtube.com/v/{VIDEO}&amp;hl=de">'
        f'<embed src="http://www.youtube.com/v/{VIDEO}&amp;hl=de" width="425" height="344"></object>',
    )
    (frame,) = page.frames
    assert (frame["src"], frame["width"]) == (f"{BASE}/embed/{VIDEO}?hl=de", "425")
    assert page.found.keys().isdisjoint({"object", "embed"})


def test_hot_linked_thumbnails_come_from_our_server(site: WordPress) -> None:
    page = show(
        site,
        f'<img src="https://i.ytimg.com/vi/{VIDEO}/hqdefault.jpg?sqp=x&amp;rs=y" alt="">\n'
        f'<img src="//img.youtube.com/vi/{VIDEO}/0.jpg" srcset="https://i3.ytimg.com/vi_webp/{VIDEO}/hq1.webp 2x">\n'
        f"<div style=\"background: url('https://i.ytimg.com/vi/{VIDEO}/sddefault.jpg')\"></div>\n"
        f'<a href="https://i.ytimg.com/vi/{VIDEO}/0.jpg">A picture</a>',
    )
    first, second = page.found["img"]
    assert first["src"] == f"{BASE}/vi/{VIDEO}/hqdefault.jpg"
    assert second["src"] == f"{BASE}/vi/{VIDEO}/0.jpg"
    assert second["srcset"] == f"{BASE}/vi_webp/{VIDEO}/hqdefault.webp 2x"
    assert f"{BASE}/vi/{VIDEO}/sddefault.jpg" in "".join(div.get("style", "") for div in page.found["div"])
    assert f"https://i.ytimg.com/vi/{VIDEO}/0.jpg" in [link["href"] for link in page.found["a"]]


def test_our_server_has_what_the_pages_ask_it_for(site: WordPress, client: Client) -> None:
    content = (
        f"https://youtu.be/{VIDEO}?t=9\n\n{PASTED}\n\n"
        f'<iframe src="https://www.youtube.com/embed/{VIDEO}&autoplay=1"></iframe>\n\n'
        f'<img src="https://i.ytimg.com/vi/{VIDEO}/hq720.jpg"><img src="https://i.ytimg.com/vi/{VIDEO}/1.jpg">'
    )
    post = site.post(content)
    for page in (Page(site.get(f"/?p={post}")), newest_in_feed(site)):
        addresses = [item["src"] for item in page.frames + page.found.get("img", [])]
        assert len(addresses) > 3
        for address in addresses:
            assert client.get(address.removeprefix(BASE)).status_code == 200, address


def test_text_links_and_other_peoples_frames_stay(site: WordPress) -> None:
    content = (
        f'<p>See <a href="https://www.youtube.com/watch?v={VIDEO}">this</a> on youtube.com/embed.</p>\n'
        '<iframe src="https://example.org/embed/youtube.com"></iframe>\n'
        '<img src="https://example.org/ytimg.png" alt="">'
    )
    text = site.show(content)
    assert f'<a href="https://www.youtube.com/watch?v={VIDEO}">this</a> on youtube.com/embed.' in text
    assert 'src="https://example.org/embed/youtube.com"' in text
    assert 'src="https://example.org/ytimg.png"' in text
    assert BASE not in text


def test_pasted_html_stays_where_the_owner_wants_that(site: WordPress, put: Callable[..., None]) -> None:
    put(server=BASE, pasted=False)
    page = show(site, f"https://youtu.be/{VIDEO}\n\n{PASTED}")
    assert [frame["src"] for frame in page.frames] == [
        f"{BASE}/embed/{VIDEO}",
        f"https://www.youtube.com/embed/{VIDEO}?si=x&start=9",
    ]


def test_a_feed_has_a_linked_picture(site: WordPress) -> None:
    site.post(
        f"https://youtu.be/{VIDEO}\n\nhttps://www.youtube.com/shorts/{VIDEO}\n\nhttps://www.youtube.com/playlist?list={LIST}"
    )
    page = newest_in_feed(site)
    assert page.frames == []
    assert [link["href"] for link in page.found["a"]] == [
        f"{BASE}/watch?v={VIDEO}",
        f"{BASE}/watch?v={VIDEO}",
        f"{BASE}/playlist?list={LIST}",
    ]
    assert [(picture["src"], picture["height"]) for picture in page.found["img"]] == [
        (f"{BASE}/thumbnail/{VIDEO}/640.jpg", "360"),
        (f"{BASE}/thumbnail/{VIDEO}/portrait-360.jpg", "640"),
    ]


def test_hints_to_googles_hosts_are_taken_out_and_others_stay(site: WordPress) -> None:
    hints = [
        link["href"] for link in show(site, "Nothing").found["link"] if link["rel"] in ("dns-prefetch", "preconnect")
    ]
    assert hints == ["//other.example.org"]


def test_a_video_in_the_header_does_not_load_youtubes_script(site: WordPress, put: Callable[..., None]) -> None:
    site.act("theme_mod", external_header_video=f"https://www.youtube.com/watch?v={VIDEO}")
    try:
        assert "wp-custom-header" not in site.show("Nothing")
        put(server="")
        assert "wp-custom-header" in site.show("Nothing")
    finally:
        site.act("theme_mod", external_header_video="")


def test_themes_that_ask_for_a_links_html_get_our_preview(site: WordPress) -> None:
    assert Page(site.act("oembed", url=f"https://youtu.be/{VIDEO}")).embedded == [VIDEO]


def test_the_editor_shows_our_preview_and_strangers_cannot_ask_for_one(
    site: WordPress, owner: requests.Session
) -> None:
    asked = len(site.requests_made())
    address = f"{site.url}/index.php?rest_route=/oembed/1.0/proxy&url=https://youtu.be/{VIDEO}"
    assert requests.get(address, timeout=60).status_code == 401
    nonce = owner.get(f"{site.url}/wp-admin/admin-ajax.php?action=rest-nonce", timeout=60).text
    answer = owner.get(address, headers={"X-WP-Nonce": nonce}, timeout=60).json()
    assert Page(answer["html"]).embedded == [VIDEO]
    assert (answer["type"], answer["provider_name"]) == ("video", "YouTube")
    assert not [url for url in site.requests_made()[asked:] if _GOOGLE.search(url)]


def test_the_owner_names_the_server_on_the_settings_page(
    site: WordPress, owner: requests.Session, put: Callable[..., None]
) -> None:
    put(server="")
    form = form_of(owner, site) | {"ytproxy[server]": " https://example.org/yt/ "}
    assert form["ytproxy[pasted]"] == "1"
    assert "Settings saved" in send(owner, site, form).text
    assert site.act("option") == {"server": "https://example.org/yt", "pasted": True}
    del form["ytproxy[pasted]"]
    send(owner, site, form)
    assert site.act("option") == {"server": "https://example.org/yt", "pasted": False}
    assert "ytproxy[pasted]" not in form_of(owner, site)
    assert Page(site.show(f"https://youtu.be/{VIDEO}")).frames[0]["src"] == f"https://example.org/yt/embed/{VIDEO}"


@pytest.mark.parametrize(
    "address",
    [
        "video.example.org",
        "javascript:alert(1)",
        "https://video.example.org/?a=b",
        "https://user@video.example.org",
        'https://video.example.org/"><script>',
        "https://www.youtube.com",
        "ftp://video.example.org",
    ],
)
def test_what_is_no_address_is_refused_and_the_cure_is_told(
    site: WordPress, owner: requests.Session, address: str
) -> None:
    answer = send(owner, site, form_of(owner, site) | {"ytproxy[server]": address})
    assert "This is no address of a ytproxy. Use one such as https://video.example.org" in answer.text
    assert "<script>" not in answer.text.partition("ytproxy-server")[2].partition("</td>")[0]
    assert site.act("option") == SET


def test_nobody_else_can_change_the_settings(site: WordPress, owner: requests.Session) -> None:
    form = form_of(owner, site) | {"ytproxy[server]": "https://example.com"}
    forged = form | {"_wpnonce": "0123456789"}
    assert send(owner, site, forged).status_code == 403
    reader = site.log_in(*OTHER_USER)
    assert reader.get(f"{site.url}{_PAGE}", timeout=60).status_code == 403
    assert send(reader, site, form).status_code == 403
    assert site.act("option") == SET


def test_until_the_server_is_named_nothing_changes_and_the_owner_is_told(
    site: WordPress, owner: requests.Session, put: Callable[..., None]
) -> None:
    put(server="")
    assert PASTED.partition(" width")[0] in site.show(PASTED)
    assert "ytproxy changes nothing yet" in owner.get(f"{site.url}/wp-admin/", timeout=60).text
    assert "ytproxy changes nothing yet" not in site.log_in(*OTHER_USER).get(f"{site.url}/wp-admin/", timeout=60).text


def test_nothing_is_left_when_the_plugin_is_deleted(site: WordPress, put: Callable[..., None]) -> None:
    site.act("uninstall")
    try:
        assert site.act("option") is None
    finally:
        site.act("activate")  # and *put* sets it again


@pytest.mark.parametrize("file", sorted(PLUGIN.rglob("*.php")), ids=lambda file: str(file.relative_to(PLUGIN)))
def test_php_can_read_every_file_and_no_stranger_can_run_one(site: WordPress, file: object) -> None:
    assert isinstance(file, type(PLUGIN))
    checked = subprocess.run(["php", "-l", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert site.get(f"/wp-content/plugins/ytproxy/{file.relative_to(PLUGIN)}") == ""


def test_the_readmes_and_the_plugin_tell_the_same_versions() -> None:
    head = (PLUGIN / "ytproxy.php").read_text(encoding="utf-8")
    readme = (PLUGIN / "readme.txt").read_text(encoding="utf-8")
    for name in ("Requires at least", "Requires PHP", "License"):
        (told,) = re.findall(rf"^ \* {name}: (.+)$", head, re.MULTILINE)
        assert f"\n{name}: {told}\n" in readme
    (version,) = re.findall(r"^ \* Version: (.+)$", head, re.MULTILINE)
    assert f"\nStable tag: {version}\n" in readme
    assert f"= {version} =" in readme
