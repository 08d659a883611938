"""The pieces for static site generators, in sites built by the real tools."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from werkzeug.test import Client

from tests.youtube import IDS
from ytproxy.markup import PLAYER_ALLOW

ROOT = Path(__file__).parents[1]
BASE = "https://video.example.org"
VIDEO = IDS["landscape"]
LIST = IDS["playlist"]
_GOOGLE = re.compile(r"youtube(?:-nocookie)?\.com|youtu\.be|ytimg|google|gstatic|doubleclick", re.IGNORECASE)
_BUILD_TIMEOUT_S = 120

# What may stand in an id's place, and what of /embed/ it leads to.
SPELLINGS = {
    VIDEO: VIDEO,
    f" {VIDEO} ": VIDEO,
    f"{VIDEO}?start=998&end=1041": f"{VIDEO}?start=998&end=1041",
    f"{VIDEO}?t=2047": f"{VIDEO}?start=2047",
    f"{VIDEO}&amp;rel=0": f"{VIDEO}?rel=0",
    f"{VIDEO}&start=3&start=4": f"{VIDEO}?start=3",
    f"https://www.youtube.com/watch?v={VIDEO}": VIDEO,
    f"https://www.youtube.com/watch?v={VIDEO}&t=1m5s": f"{VIDEO}?start=1m5s",
    f"https://www.youtube.com/watch?feature=shared&v={VIDEO}&pp=abc": VIDEO,
    f"https://www.youtube.com/watch?v={VIDEO}&list={LIST}&index=2": f"{VIDEO}?list={LIST}",
    f"https://www.youtube.com/watch?v={VIDEO}#t=90": f"{VIDEO}?start=90",
    f"http://youtube.com/watch?v={VIDEO}": VIDEO,
    f"https://m.youtube.com/watch?v={VIDEO}&app=desktop": VIDEO,
    f"https://music.youtube.com/watch?v={VIDEO}": VIDEO,
    f"https://YouTu.be/{VIDEO}?si=QmFzZTY0VGV4dA": VIDEO,
    f"youtu.be/{VIDEO}/": VIDEO,
    f"https://www.youtube.com/shorts/{VIDEO}?feature=share": VIDEO,
    f"https://www.youtube.com/live/{VIDEO}": VIDEO,
    f"https://www.youtube.com/v/{VIDEO}&hl=de": f"{VIDEO}?hl=de",
    f"//www.youtube.com/embed/{VIDEO}?autoplay=1&mute=1": f"{VIDEO}?mute=1",
    f"https://www.youtube-nocookie.com/embed/{VIDEO}?controls=0": f"{VIDEO}?controls=0",
    f"https://www.youtube.com/playlist?list={LIST}": f"videoseries?list={LIST}",
    f"https://www.youtube.com/embed/videoseries?list={LIST}": f"videoseries?list={LIST}",
    f"videoseries?list={LIST}": f"videoseries?list={LIST}",
    LIST: f"videoseries?list={LIST}",
}

NO_VIDEOS = ("", "no video", f"https://example.org/watch?v={VIDEO}", "https://www.youtube.com/@someone")

EXAMPLE_FRAMES = [
    "jNQXAC9IVRw",
    "jNQXAC9IVRw",
    "jNQXAC9IVRw?start=30&end=75",
    "jNQXAC9IVRw?start=998&end=1041",
    "jNQXAC9IVRw?start=1m5s",
    "jNQXAC9IVRw?start=42",
    "jNQXAC9IVRw",
    "jNQXAC9IVRw?controls=0&rel=0",
    "videoseries?list=PLrAXtmErZgOeiKm4sgNOknGvNjby9efdf",
    "jNQXAC9IVRw?list=PLrAXtmErZgOeiKm4sgNOknGvNjby9efdf",
    "jNQXAC9IVRw?loop=1&controls=0&mute=1",
    "jNQXAC9IVRw?lang=de",
]


@dataclass
class Page(HTMLParser):
    """What of a built page matters: its frames, its links, and its text without the links' addresses."""

    text: str
    frames: list[dict[str, str]] = field(default_factory=list)
    links: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)
        self.without_links = re.sub(r'(<a\b[^>]*?\bhref=)"[^"]*"', r"\1", self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("iframe", "a"):
            found = self.frames if tag == "iframe" else self.links
            found.append({name: value or "" for name, value in attrs})

    @property
    def embedded(self) -> list[str]:
        """What stands behind /embed/ in the frames."""
        return [frame["src"].removeprefix(f"{BASE}/embed/") for frame in self.frames]


@dataclass(frozen=True)
class Built:
    """A site generator's exit status, all that it printed, and the page `videos` of the site."""

    status: int
    log: str
    page: Page


@dataclass(frozen=True)
class Tool:
    """A site generator. *build* builds the site in a folder; *call* writes our piece with named parameters."""

    build: Callable[[Path], Built]
    call: Callable[[dict[str, str]], str]
    example: Callable[[Path], Path]
    site: Callable[[Path, str, str], Path]


def _run(command: list[str | Path], site: Path, page: Path) -> Built:
    environ = os.environ | {"JEKYLL_NO_BUNDLER_REQUIRE": "true"}
    done = subprocess.run(
        command, cwd=site, env=environ, capture_output=True, text=True, timeout=_BUILD_TIMEOUT_S, check=False
    )
    text = page.read_text(encoding="utf-8") if done.returncode == 0 else ""
    return Built(done.returncode, done.stdout + done.stderr, Page(text))


def _system_command(name: str) -> str:
    """A command outside our virtual environment."""
    ours = Path(sys.executable).parent
    folders = [folder for folder in os.environ["PATH"].split(os.pathsep) if folder and Path(folder) != ours]
    found = shutil.which(name, path=os.pathsep.join(folders))
    assert found, f"{name} is not installed; run: apt-get install {name}"
    return found


def _build_with_hugo(hugo: Callable[[], str | Path]) -> Callable[[Path], Built]:
    return lambda site: _run([hugo(), "--destination", site / "public"], site, site / "public/videos/index.html")


def _build_with_jekyll(*options: str) -> Callable[[Path], Built]:
    return lambda site: _run([_system_command("jekyll"), "build", *options], site, site / "_site/videos.html")


def _hugo_example(folder: Path) -> Path:
    shutil.copytree(ROOT / "integrations/hugo", folder / "hugo")
    return folder / "hugo/example"


def _hugo_site(folder: Path, content: str, config: str) -> Path:
    """A site with our component in `themes/ytproxy`, beside a theme that has a shortcode of its own."""
    shutil.copytree(ROOT / "integrations/hugo/layouts", folder / "themes/ytproxy/layouts")
    for name in ("shortcodes", "_shortcodes"):
        (folder / "themes/theirs/layouts" / name).mkdir(parents=True)
        (folder / "themes/theirs/layouts" / name / "youtube.html").write_text("the theme's own")
    (folder / "layouts/_default").mkdir(parents=True)
    (folder / "layouts/_default/single.html").write_text("{{ .Content }}")
    (folder / "hugo.toml").write_text(
        'theme = ["ytproxy", "theirs"]\ndisableKinds = ["home", "RSS", "sitemap", "taxonomy", "term", "404"]\n' + config
    )
    (folder / "content").mkdir()
    (folder / "content/videos.md").write_text("---\ntitle: Videos\n---\n" + content)
    return folder


def _jekyll_example(folder: Path) -> Path:
    shutil.copytree(ROOT / "integrations/jekyll/example", folder / "site")
    shutil.copytree(ROOT / "integrations/jekyll/_includes", folder / "site/_includes", dirs_exist_ok=True)
    return folder / "site"


def _jekyll_site(folder: Path, content: str, config: str) -> Path:
    shutil.copytree(ROOT / "integrations/jekyll/_includes", folder / "_includes")
    (folder / "_config.yml").write_text("title: Videos\n" + config)
    (folder / "videos.md").write_text("---\ntitle: Videos\n---\n" + content)
    return folder


def _hugo_call(parameters: dict[str, str]) -> str:
    return "{{< youtube " + " ".join(f"{name}=`{value}`" for name, value in parameters.items()) + " >}}\n\n"


def _jekyll_call(parameters: dict[str, str]) -> str:
    return "{% include youtube.html " + " ".join(f"{name}='{value}'" for name, value in parameters.items()) + " %}\n\n"


_DEBIANS_HUGO = _build_with_hugo(lambda: _system_command("hugo"))
_CURRENT_HUGO = _build_with_hugo(lambda: Path(sys.executable).parent / "hugo")
_TOOLS = {
    "Debian's Hugo": Tool(_DEBIANS_HUGO, _hugo_call, _hugo_example, _hugo_site),
    "current Hugo": Tool(_CURRENT_HUGO, _hugo_call, _hugo_example, _hugo_site),
    "Jekyll": Tool(_build_with_jekyll(), _jekyll_call, _jekyll_example, _jekyll_site),
    "Jekyll --safe": Tool(_build_with_jekyll("--safe"), _jekyll_call, _jekyll_example, _jekyll_site),
}
_HUGO_CONFIG = f'[params.ytproxy]\nbase = "{BASE}"\n'
_JEKYLL_CONFIG = f"ytproxy:\n  base: {BASE}\n"


_SYSTEM_HUGO = pytest.param("Debian's Hugo", marks=pytest.mark.needs("hugo"))
_JEKYLLS = [pytest.param(name, marks=pytest.mark.needs("jekyll")) for name in ("Jekyll", "Jekyll --safe")]


@pytest.fixture(params=[_SYSTEM_HUGO, "current Hugo", *_JEKYLLS])
def tool(request: pytest.FixtureRequest) -> Tool:
    return _TOOLS[request.param]


@pytest.fixture(params=[_SYSTEM_HUGO, "current Hugo"])
def hugo(request: pytest.FixtureRequest) -> Tool:
    return _TOOLS[request.param]


def config_of(tool: Tool) -> str:
    return _HUGO_CONFIG if tool.call is _hugo_call else _JEKYLL_CONFIG


def test_the_example_builds_and_each_frame_leads_to_our_server(tool: Tool, tmp_path: Path) -> None:
    built = tool.build(tool.example(tmp_path))
    assert built.status == 0, built.log
    assert built.page.embedded == EXAMPLE_FRAMES
    assert "WARN" not in built.log


def test_a_frame_grants_the_player_what_it_needs(tool: Tool, tmp_path: Path) -> None:
    built = tool.build(tool.site(tmp_path, tool.call({"id": VIDEO}), config_of(tool)))
    (frame,) = built.page.frames
    assert frame == {
        "src": f"{BASE}/embed/{VIDEO}",
        "title": "YouTube video",
        "width": "560",
        "height": "315",
        "loading": "lazy",
        "allow": PLAYER_ALLOW,
        "allowfullscreen": "",
        "referrerpolicy": "strict-origin-when-cross-origin",
        "style": "display:block;width:100%;height:auto;aspect-ratio:16/9;border:0",
    }


def test_every_spelling_leads_to_the_right_address(tool: Tool, tmp_path: Path) -> None:
    calls = "".join(tool.call({"id": spelling}) for spelling in SPELLINGS)
    built = tool.build(tool.site(tmp_path, calls, config_of(tool)))
    assert built.status == 0, built.log
    assert dict(zip(SPELLINGS, built.page.embedded, strict=True)) == SPELLINGS


def test_our_server_has_a_preview_at_every_such_address(client: Client) -> None:
    for rest in sorted(set(SPELLINGS.values())):
        assert client.get(f"/embed/{rest}").status_code == 200, rest


def test_no_host_of_googles_stands_anywhere_but_in_links(tool: Tool, tmp_path: Path) -> None:
    calls = "".join(tool.call({"id": spelling}) for spelling in SPELLINGS)
    page = tool.build(tool.site(tmp_path, calls, config_of(tool))).page
    assert len(page.frames) == len(SPELLINGS)
    assert not _GOOGLE.findall(page.without_links)


def test_named_parameters_win_over_those_in_the_id(tool: Tool, tmp_path: Path) -> None:
    call = tool.call({"id": f"{VIDEO}?start=1&end=9", "start": "2", "list": LIST, "lang": "de"})
    built = tool.build(tool.site(tmp_path, call, config_of(tool)))
    assert built.page.embedded == [f"{VIDEO}?start=2&end=9&list={LIST}&lang=de"]


def test_the_sites_language_goes_along_unless_it_is_auto(tool: Tool, tmp_path: Path) -> None:
    line = 'lang = "de"\n' if tool.call is _hugo_call else "  lang: de\n"
    calls = tool.call({"id": VIDEO}) + tool.call({"id": VIDEO, "lang": "auto"})
    built = tool.build(tool.site(tmp_path, calls, config_of(tool) + line))
    assert built.page.embedded == [f"{VIDEO}?lang=de", VIDEO]


def test_a_server_below_a_path_is_reached_there(tool: Tool, tmp_path: Path) -> None:
    config = config_of(tool).replace(BASE, "https://example.org/yt/")
    built = tool.build(tool.site(tmp_path, tool.call({"id": VIDEO}), config))
    assert [frame["src"] for frame in built.page.frames] == [f"https://example.org/yt/embed/{VIDEO}"]


def test_a_short_stands_upright_and_a_ratio_is_kept(tool: Tool, tmp_path: Path) -> None:
    calls = tool.call({"id": f"https://www.youtube.com/shorts/{VIDEO}"}) + tool.call({"id": VIDEO, "ratio": "4:3"})
    short, old = tool.build(tool.site(tmp_path, calls, config_of(tool))).page.frames
    assert (short["width"], short["height"]) == ("315", "560")
    assert "aspect-ratio:9/16" in short["style"]
    assert (old["width"], old["height"]) == ("560", "420")
    assert "aspect-ratio:4/3" in old["style"]


def test_a_class_takes_the_place_of_our_style(tool: Tool, tmp_path: Path) -> None:
    (frame,) = tool.build(tool.site(tmp_path, tool.call({"id": VIDEO, "class": "wide"}), config_of(tool))).page.frames
    assert frame["class"] == "wide"
    assert "style" not in frame


def test_a_title_cannot_break_out_of_its_place(tool: Tool, tmp_path: Path) -> None:
    title = 'Tall" onload="x"><b> & small'
    (frame,) = tool.build(tool.site(tmp_path, tool.call({"id": VIDEO, "title": title}), config_of(tool))).page.frames
    assert frame["title"] == title
    assert "onload" not in frame


def test_a_query_in_the_id_cannot_break_out_of_the_address(tool: Tool, tmp_path: Path) -> None:
    text = VIDEO + '?playlist="><b&end=5'
    (frame,) = tool.build(tool.site(tmp_path, tool.call({"id": text}), config_of(tool))).page.frames
    assert frame["src"].startswith(f"{BASE}/embed/{VIDEO}?")
    assert frame["src"].endswith("end=5") or "end=5&" in frame["src"]
    assert frame["allow"] == PLAYER_ALLOW


def test_a_site_that_names_no_server_does_not_build_and_the_cure_is_told(tool: Tool, tmp_path: Path) -> None:
    built = tool.build(tool.site(tmp_path, tool.call({"id": VIDEO}), ""))
    assert built.status != 0
    assert re.search(r"\[params\.ytproxy\] base = |set-ytproxy\.base-in-_config\.yml", built.log)


@pytest.mark.parametrize("text", NO_VIDEOS)
def test_what_is_no_video_stops_the_build_and_names_the_page(tool: Tool, text: str, tmp_path: Path) -> None:
    built = tool.build(tool.site(tmp_path, tool.call({"id": text}), config_of(tool)))
    assert built.status != 0
    assert "videos.md" in built.log


def test_hugos_positional_words_are_id_and_class(hugo: Tool, tmp_path: Path) -> None:
    content = f"{{{{< youtube {VIDEO} >}}}}\n\n{{{{< youtube {VIDEO} wide >}}}}\n"
    plain, wide = hugo.build(hugo.site(tmp_path, content, _HUGO_CONFIG)).page.frames
    assert plain["src"] == wide["src"] == f"{BASE}/embed/{VIDEO}"
    assert "class" not in plain
    assert wide["class"] == "wide"


def test_hugos_own_switches_become_player_parameters(hugo: Tool, tmp_path: Path) -> None:
    content = (
        f"{{{{< youtube id={VIDEO} loop=true mute=true controls=false allowFullScreen=false start=0 end=90 >}}}}\n\n"
        f"{{{{< youtube id={VIDEO} loop=false mute=false controls=true allowFullScreen=true >}}}}\n"
    )
    built = hugo.build(hugo.site(tmp_path, content, _HUGO_CONFIG))
    assert built.page.embedded == [f"{VIDEO}?end=90&loop=1&controls=0&fs=0&mute=1", VIDEO]


def test_hugos_privacy_switch_leaves_a_plain_link(hugo: Tool, tmp_path: Path) -> None:
    calls = "".join(
        hugo.call(parameters)
        for parameters in (
            {"id": VIDEO, "title": "A film", "start": "9"},
            {"id": LIST},
            {"id": VIDEO, "list": LIST},
        )
    )
    built = hugo.build(hugo.site(tmp_path, calls, "[privacy.youtube]\ndisable = true\n" + _HUGO_CONFIG))
    assert built.page.frames == []
    assert [link["href"] for link in built.page.links] == [
        f"https://www.youtube.com/watch?v={VIDEO}&t=9",
        f"https://www.youtube.com/playlist?list={LIST}",
        f"https://www.youtube.com/watch?v={VIDEO}&list={LIST}",
    ]
    assert ">A film</a>" in built.page.text


def test_hugo_warns_of_what_it_ignores(hugo: Tool, tmp_path: Path) -> None:
    call = hugo.call({"id": VIDEO, "autoplay": "true", "colour": "red", "start": "soon"})
    built = hugo.build(hugo.site(tmp_path, call, _HUGO_CONFIG))
    assert built.status == 0
    assert built.page.embedded == [VIDEO]
    for told in ('"autoplay" does nothing', 'unknown parameter "colour"', 'start="soon" is no time'):
        assert told in built.log


def test_hugo_takes_our_component_before_a_themes_own_shortcode(hugo: Tool, tmp_path: Path) -> None:
    site = hugo.site(tmp_path, hugo.call({"id": VIDEO}), _HUGO_CONFIG)
    assert "the theme's own" not in hugo.build(site).page.text
    config = site / "hugo.toml"
    config.write_text(config.read_text().replace('["ytproxy", "theirs"]', '["theirs", "ytproxy"]'))
    assert "the theme's own" in hugo.build(site).page.text
