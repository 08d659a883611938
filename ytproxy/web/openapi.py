"""What every address answers, as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html)."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from ytproxy import __version__
from ytproxy.images import LEGACY_SIZES_PX, WIDTHS_PX, Format, Variant
from ytproxy.web.address import Door

_Json = dict[str, Any]
_Answer = tuple[list[str] | _Json, tuple[str, ...]]  # content types, and headers

_HTML, _TEXT, _JSON = "text/html", "text/plain", "application/json"
_VIDEO_ID = "[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]"
_LIST = "PLrAXtmErZgOeiKm4sgNOknGvNjby9efdf"
_DEMO = "jNQXAC9IVRw"
_WATCH = "https://www.youtube.com/watch?v="
_HASHED = "(-[0-9a-f]{8})?"

# Name: what it does, and an example.
_PLAYER = {
    "list": ("A playlist's id.", _LIST),
    "listType": ("`playlist`; with another word `list` is no playlist's id.", "playlist"),
    "start": ("Seconds at which the video starts.", "30"),
    "t": ("The same, also as `1m30s`.", "1m30s"),
    "end": ("Seconds at which the video ends.", "60"),
    "playlist": ("Ids of the videos that follow, between commas.", _DEMO),
    "loop": ("`1`: starts over.", "1"),
    "controls": ("`0`: the player without its bar.", "0"),
    "rel": ("`0`: proposals of the same channel only.", "0"),
    "hl": ("The player's language, and the page's where `lang` is not given.", "de"),
    "cc_lang_pref": ("Language of subtitles.", "de"),
    "cc_load_policy": ("`1`: with subtitles.", "1"),
    "color": ("`red` or `white`.", "white"),
    "fs": ("`0`: without full screen.", "0"),
    "iv_load_policy": ("`3`: without annotations.", "3"),
    "disablekb": ("`1`: without keys.", "1"),
    "mute": ("`1`: without sound.", "1"),
    "playsinline": ("`1`: in its place on small screens too.", "1"),
    "clip": ("A clip's id, with `clipt`.", "UgkxExampleExampleExampleExampleExam"),
    "clipt": ("A clip's times, with `clip`.", "EKjfAxjM-AM"),
}
_OTHERS = {
    "lang": ("The page's language; the browser's where it is none of ours.", "de"),
    "sig": ("Signature, for a server with a signing key.", "0.c2lnbmF0dXJl"),
    "element": ("`1`: our element asks.", "1"),
    "remembered": ("`1`: our preview asks, for a visitor who chose so earlier.", "1"),
    "maxwidth": ("Width in pixels that there is room for.", "640"),
    "maxheight": ("Height in pixels that there is room for.", "360"),
    "url": ("A link to show code for.", f"{_WATCH}{_DEMO}"),
    "title": ("A title in the place of YouTube's.", "Our film"),
    "preview": ("Language of the preview in the code.", "de"),
    "ratio": ("The frame's shape.", "4:3"),
    "kind": ("Which code is shown first.", "element"),
}
_HEADERS = {
    "Access-Control-Allow-Origin": "Which scripts may read the answer; all, where all sites may use the server.",
    "Cache-Control": "How long the answer may be kept, and by whom.",
    "Content-Security-Policy": "What the answer may load.",
    "ETag": "Strong, made of the answer's bytes.",
    "Retry-After": "Seconds until it is worth another try.",
    "Vary": "On which headers of the request the answer depends.",
}
_SAID = {
    200: "What was asked for.",
    304: "If-None-Match holds the answer's ETag.",
    400: "There is no link, or it names no possible video or playlist.",
    401: "The owner has switched embedding off.",
    403: "A private video, or a page of a site that may not use this server.",
    404: "There is no such thing here.",
    429: "Past the limit for new previews.",
    501: "There are two formats, json and xml.",
    502: "YouTube could not be asked.",
    503: "Busy, or not able to tell whether this may be shown.",
}
_GUARDED = ("Content-Security-Policy", "Cache-Control")
_KEPT = (*_GUARDED, "ETag")
_ORIGIN = "Access-Control-Allow-Origin"
_OPEN = (*_KEPT, _ORIGIN)
_NOT_FOUND: _Answer = ([_HTML], (*_GUARDED, "Vary"))
_ELSEWHERE: _Answer = ([_TEXT], _GUARDED)
_SCRIPTS = ["text/javascript", "text/css"]
_VERSION = {"schema": {"type": "object", "required": ["version"], "properties": {"version": {"type": "string"}}}}
_SELF = {"schema": {"type": "object", "required": ["openapi", "info", "servers", "paths", "components"]}}
_OEMBED = {
    "schema": {
        "type": "object",
        "required": ["type", "version", "provider_name", "provider_url", "cache_age", "width", "height", "html"],
        "properties": {
            "type": {"const": "video"},
            "version": {"const": "1.0"},
            **{name: {"type": "string"} for name in ("title", "author_name", "provider_name", "html")},
            **{name: {"type": "string"} for name in ("author_url", "provider_url", "thumbnail_url")},
            "cache_age": {"type": "integer", "minimum": 0},
            **{name: {"type": "integer", "minimum": 1} for name in ("width", "height")},
            **{name: {"type": "integer", "minimum": 1} for name in ("thumbnail_width", "thumbnail_height")},
        },
    }
}


def document() -> _Json:
    """The whole description. Its server is the folder that it lies in, so it holds under a sub-path as well."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ytproxy",
            "version": __version__,
            "summary": "Previews that keep YouTube out of a page until the visitor asks for it.",
            "description": "Every address answers GET and HEAD; OPTIONS gives 204, other methods 405. "
            "Parameters that nobody knows are ignored.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "."}],
        "paths": {path: {"get": operation} for path, operation in _operations().items()},
        "components": {
            "parameters": _parameters(),
            "headers": {name: _header(name, said) for name, said in _HEADERS.items()},
        },
    }


def _parameters() -> _Json:
    video = _in_path("video", "A video's id.", {"pattern": f"^{_VIDEO_ID}$"}, _DEMO)
    file = _in_path("file", "A file's name.", {"pattern": rf"^[a-z-]+{_HASHED}\.(js|css)$"}, "ytproxy.js")
    language = _in_path("language", "A language, as in `lang`.", {"pattern": f"^[a-z]{{2}}{_HASHED}$"}, "de")
    v = _in_query("v", "A video's id; without it `list` counts.", _DEMO)
    v["schema"]["pattern"] = f"^({_VIDEO_ID})?$"
    link = _in_query("url", "A link to YouTube in any of its forms, the plain one for instance.", f"{_WATCH}{_DEMO}")
    link |= {"required": True, "schema": {"type": "string", "pattern": f"^{re.escape(_WATCH)}{_VIDEO_ID}$"}}
    form = _in_query("format", "`json` where it is empty.", "json")
    form["schema"]["enum"] = ["json", "xml", ""]
    others = {name: _in_query(name, said, example) for name, (said, example) in (_PLAYER | _OTHERS).items()}
    return {"video": video, "file": file, "language": language, "v": v, "link": link, "format": form} | others


def _operations() -> _Json:
    start = _page(
        "Start page: demo, and ready code for a link",
        ("url", "title", "start", "preview", "ratio", "kind", "lang", "hl"),
    )
    doors = {}
    for door in Door:
        more = (*_PLAYER, "lang", "sig", *(("element", "remembered") if door is Door.PLAY else ()))
        said = "The player, after a click; without one, the preview" if door is Door.PLAY else "The preview"
        kept = door is not Door.PLAY
        doors[f"/{door}"] = _preview(f"{said} of the video `v` or of the playlist `list`", ("v", *more), kept=kept)
        doors[f"/{door}/{{video}}"] = _preview(f"{said} of a video", ("video", *more), kept=kept)
    return {
        "/": start,
        "/privacy": _page("What this server does with data, as its settings are", ("lang", "hl")),
        "/consent": _page("Whether videos load without a click in this browser, to be framed", ("lang", "hl")),
        **doors,
        "/thumbnail/{video}/{name}": _picture(
            "The picture without bars, never enlarged; `portrait-` for Shorts, 9:16",
            [format_.mimetype for format_ in Format],
            [Variant(shape, px, format_).name for shape in WIDTHS_PX for px in WIDTHS_PX[shape] for format_ in Format],
        ),
        "/vi/{video}/{name}.jpg": _picture("As on i.ytimg.com", [Format.JPEG.mimetype], list(LEGACY_SIZES_PX)),
        "/vi_webp/{video}/{name}.webp": _picture("As on i.ytimg.com", [Format.WEBP.mimetype], list(LEGACY_SIZES_PX)),
        "/video/youtube/{video}-poster-image": _picture(
            "The picture for embetty's element, 16:9", [Format.JPEG.mimetype], from_elsewhere=True
        ),
        "/video/youtube/{video}.amp": _operation(
            "A page with embetty's element",
            ("video", "lang", "hl", "sig"),
            {200: ([_HTML], (*_OPEN, "Vary")), 403: _ELSEWHERE, 404: _NOT_FOUND},
        ),
        "/version": _operation("Our version", (), {200: ({_JSON: _VERSION}, (*_GUARDED, _ORIGIN)), 403: _ELSEWHERE}),
        "/oembed": _operation(
            "oEmbed 1.0 for a link to YouTube or to this server",
            ("link", "format", "maxwidth", "maxheight", "sig"),
            {
                200: ({_JSON: _OEMBED, "text/xml": {}}, _OPEN),
                304: ([], _KEPT),
                **{status: ([_TEXT], _GUARDED) for status in (400, 401, 403, 404, 501, 502)},
                **{status: ([_TEXT], (*_GUARDED, "Retry-After")) for status in (429, 503)},
            },
        ),
        "/static/{file}": _file("A browser file, under its stable name or the one with its hash", _SCRIPTS, "file"),
        "/static/texts/{language}.js": _file("The element's words, as a module", _SCRIPTS[:1], "language"),
        "/openapi.json": _operation("This description", (), {200: ({_JSON: _SELF}, _OPEN), 304: ([], _KEPT)}),
        "/healthz": _operation("Alive", (), {200: ([_TEXT], _GUARDED)}),
        "/readyz": _operation("Able to serve", (), {200: ([_TEXT], _GUARDED), 503: ([_TEXT], _GUARDED)}),
    }


def _page(summary: str, names: Collection[str]) -> _Json:
    return _operation(summary, names, {200: ([_HTML], (*_KEPT, "Vary"))})


def _preview(summary: str, names: Collection[str], *, kept: bool) -> _Json:
    page, kept_page = ([_HTML], (*_GUARDED, "Vary")), ([_HTML], (*_KEPT, "Vary"))
    return _operation(
        summary,
        names,
        {200: page, 403: page, 404: page, 429: ([_HTML], (*_GUARDED, "Vary", "Retry-After")), 503: page}
        | ({200: kept_page, 304: ([], (*_KEPT, "Vary"))} if kept else {}),
    )


def _picture(summary: str, types: list[str], names: list[str] | None = None, *, from_elsewhere: bool = False) -> _Json:
    neutral = (types, _GUARDED)
    answers: dict[int, _Answer] = {
        200: (types, _OPEN),
        304: ([], _KEPT),
        404: ([*types, _HTML], _GUARDED),
        429: (types, (*_GUARDED, "Retry-After")),
        502: neutral,
        503: (types, (*_GUARDED, "Retry-After")),
    }
    operation = _operation(summary, ("video", "sig"), answers | ({403: _ELSEWHERE} if from_elsewhere else {}))
    if names:
        operation["parameters"].append(_in_path("name", "Which picture.", {"enum": names}, names[0]))
    return operation


def _file(summary: str, types: list[str], name: str) -> _Json:
    return _operation(summary, (name,), {200: (types, _OPEN), 304: ([], _KEPT), 404: _NOT_FOUND})


def _operation(summary: str, names: Collection[str], answers: Mapping[int, _Answer]) -> _Json:
    responses = {
        str(status): {
            "description": _SAID[status],
            "headers": {header: {"$ref": f"#/components/headers/{header}"} for header in headers},
        }
        | ({"content": types if isinstance(types, dict) else {kind: {} for kind in types}} if types else {})
        for status, (types, headers) in sorted(answers.items())
    }
    parameters = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    return {"summary": summary, "parameters": parameters, "responses": responses}


def _header(name: str, said: str) -> _Json:
    number = {"type": "integer", "minimum": 1}
    return {
        "description": said,
        "required": name != _ORIGIN,
        "schema": number if name == "Retry-After" else {"type": "string"},
    }


def _in_path(name: str, said: str, schema: _Json, example: str) -> _Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": said,
        "schema": {"type": "string"} | schema,
        "example": example,
    }


def _in_query(name: str, said: str, example: str) -> _Json:
    """One that may be any text: what is wrong is ignored, as YouTube does it."""
    return {"name": name, "in": "query", "description": said, "schema": {"type": "string"}, "example": example}
