"""Ready code for a YouTube link: what site owners paste, for each of the tools they write with.

Pure. HTML is written by `markup`; the other notations here, each with its own escapes.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from ytproxy import markup
from ytproxy.errors import InvalidInput
from ytproxy.images import Shape
from ytproxy.locales import SHIPPED, Catalogue
from ytproxy.youtube import PlayerParams, VideoId, clean_title, parse, parse_time, split_joined

LONG_SIDE_PX: Final = 560  # of YouTube's own embed code
# Width and height by name.
RATIOS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {name: (int(name.partition(":")[0]), int(name.partition(":")[2])) for name in ("16:9", "9:16", "4:3", "1:1")}
)

_CLOCK: Final = re.compile(r"(?:([0-9]{1,5}):)?([0-9]{1,5}):([0-5]?[0-9])")
_MARKDOWN_SIGNS: Final = re.compile(r"[\\`*_\[\]<>&~|{}%!]")
# The signs that end a text, a tag or an escape for Hugo or Jekyll, which do not agree on how to write them.
_PLAIN_SIGNS: Final = str.maketrans({'"': "'", "`": "'", "\\": "/", "{": "(", "}": ")"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Embed:
    """A video or playlist as it is to be shown: everything that any kind of code needs.

    *base* is the server's address without a slash at its end. An empty *lang* leaves the language to each visitor's
    browser, an empty *title* is that of an unknown video. *signature* is for servers that show signed addresses only.
    """

    video: VideoId | None
    params: PlayerParams
    base: str
    title: str
    lang: str
    ratio: str
    words: Catalogue
    signature: str

    @property
    def name(self) -> str:
        return self.title or self.words["untitled" if self.video else "untitled_playlist"]

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the frame."""
        width, height = RATIOS[self.ratio]
        longer = max(width, height)
        return round(LONG_SIDE_PX * width / longer), round(LONG_SIDE_PX * height / longer)

    @property
    def invitation(self) -> str:
        """The name after the word for playing, as a link says it."""
        return f"{self.words['play']} {self.name}"

    @property
    def shape(self) -> Shape:
        width, height = RATIOS[self.ratio]
        return Shape.PORTRAIT if width < height else Shape.LANDSCAPE

    @property
    def frame_path(self) -> str:
        """The preview to be framed, relative to *base*."""
        return self._path(f"embed/{self.video.text if self.video else 'videoseries'}")

    @property
    def page_url(self) -> str:
        """The preview as a page of its own."""
        if self.video is None:
            path = self._path("playlist")
        elif self.shape is Shape.PORTRAIT and not self.params.playlist:
            path = self._path(f"shorts/{self.video.text}")
        else:
            path = self._path("watch", v=self.video.text)
        return f"{self.base}/{path}"

    def _path(self, door: str, **first: str) -> str:
        last = {name: text for name, text in (("lang", self.lang), ("sig", self.signature)) if text}
        query = "&".join(filter(None, (urlencode(first), self.params.query(), urlencode(last))))
        return f"{door}?{query}" if query else door


def read(
    link: str,
    *,
    base: str,
    title: str = "",
    start_s: int | None = None,
    lang: str = "",
    ratio: str = "",
    words: Catalogue = SHIPPED["en"],
    signature: str = "",
) -> Embed:
    """What any YouTube link or bare id asks for, player parameters included. Raises InvalidInput.

    *start_s* goes before the link's own start time, 0 being the beginning. Without a *ratio* (of RATIOS) a Short is
    9:16, anything else 16:9.
    """
    target = parse(link)
    start_s = target.start_s if start_s is None else start_s
    pairs = [("list", target.playlist.text)] if target.playlist else []
    pairs += [("start", str(start_s))] if target.video and start_s else []
    settled = {"list", "start", "t", "time_continue"}
    pairs += [pair for pair in split_joined(link.partition("#")[0])[1] if pair[0] not in settled]
    params = PlayerParams.from_query(pairs)
    if target.video is None and params.playlist is None:
        raise InvalidInput("This playlist is another one for each visitor. Use the link of a public one or of a video.")
    return Embed(
        video=target.video,
        params=params,
        base=base.rstrip("/"),
        title=clean_title(title),
        lang=lang,
        ratio=ratio or ("9:16" if target.short else "16:9"),
        words=words,
        signature=signature,
    )


def start_time(text: str) -> int | None:
    """Seconds in what people write as a start time: `90`, `1m30s`, `1:30`, `1:02:03`; None for anything else."""
    if not (clock := _CLOCK.fullmatch(text.strip())):
        return parse_time(text.strip())
    hours, minutes, seconds = (int(part or 0) for part in clock.groups())
    return parse_time(str(hours * 3600 + minutes * 60 + seconds))


def code(kind: str, embed: Embed) -> str:
    """The code of that kind, of KINDS. Raises InvalidInput where a kind cannot carry a signature."""
    return KINDS[kind].write(embed)


def _iframe(embed: Embed) -> str:
    width_px, height_px = embed.size_px
    return markup.embed_code(f"{embed.base}/{embed.frame_path}", embed.name, width_px=width_px, height_px=height_px)


def _element(embed: Embed) -> str:
    params = dict(embed.params.items)
    params.pop("listType", None)
    own = {name: params.pop(name, "") for name in ("list", "start", "end")}
    attributes = {
        "videoid": embed.video.text if embed.video else "",
        "playlistid": own["list"],
        "start": own["start"],
        "end": own["end"],
        "params": urlencode(params | ({"sig": embed.signature} if embed.signature else {}), safe=","),
        "lang": embed.lang,
        "ratio": "" if embed.ratio == "16:9" else embed.ratio.replace(":", "/"),
    }
    given = {name: text for name, text in attributes.items() if text}
    return markup.element_code(embed.base, given, href=embed.page_url, text=embed.name)


def _link(embed: Embed) -> str:
    return markup.picture_link(embed.page_url, embed.invitation, _picture(embed), shape=embed.shape)


def _picture(embed: Embed) -> str:
    """The address of the picture; empty for a playlist, whose picture has a name that YouTube tells later."""
    if embed.video is None:
        return ""
    return markup.picture_url(embed.base, embed.video, shape=embed.shape, signature=embed.signature)


def _markdown(embed: Embed) -> str:
    text = _MARKDOWN_SIGNS.sub(r"\\\g<0>", embed.invitation)
    picture = _picture(embed)
    return f"[{f'![{text}]({_in_brackets(picture)})' if picture else text}]({_in_brackets(embed.page_url)})"


def _in_brackets(url: str) -> str:
    return url.replace("(", "%28").replace(")", "%29")


def _hugo(embed: Embed) -> str:
    return f"{{{{< youtube {_arguments(embed)} >}}}}"


def _jekyll(embed: Embed) -> str:
    return f"{{% include youtube.html {_arguments(embed)} %}}"


def _arguments(embed: Embed) -> str:
    """What our shortcode and our include understand, which know the server themselves."""
    if embed.signature:
        raise InvalidInput("Shortcodes carry no signature, and this server asks for one. Use another kind: iframe.")
    params = dict(embed.params.items)
    params.pop("listType", None)
    own = {name: params.pop(name, "") for name in ("start", "end", "list")}
    rest = urlencode(params, safe=",")
    ident = embed.video.text if embed.video else own.pop("list")
    named = {"id": f"{ident}?{rest}" if rest else ident, **own, "title": embed.title.translate(_PLAIN_SIGNS)}
    named |= {"ratio": "" if embed.ratio == "16:9" else embed.ratio, "lang": embed.lang}
    return " ".join(f'{name}="{text}"' for name, text in named.items() if text)


def _wordpress(embed: Embed) -> str:
    frame = _iframe(embed).replace("[", "&#91;")  # else a title could call a shortcode
    return f"<!-- wp:html -->\n{frame}\n<!-- /wp:html -->"


@dataclass(frozen=True, slots=True)
class Kind:
    """*name* is what people call it, in every language alike."""

    name: str
    write: Callable[[Embed], str]


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "iframe": Kind("<iframe>", _iframe),
        "element": Kind("<ytproxy-video>", _element),
        "link": Kind("<a><img></a>", _link),
        "markdown": Kind("Markdown", _markdown),
        "hugo": Kind("Hugo", _hugo),
        "jekyll": Kind("Jekyll", _jekyll),
        "wordpress": Kind("WordPress", _wordpress),
    }
)
