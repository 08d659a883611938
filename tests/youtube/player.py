"""The embed player: a page that speaks the player's postMessage protocol and plays a tone for a film."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs

from .answers import Answer, text
from .profiles import Video

_PAGE = Path(__file__).with_name("player.html").read_text(encoding="utf-8")
_NO_STORE = (("Cache-Control", "no-cache, no-store, max-age=0, must-revalidate"),)


def answer(path: str, query: str, headers: Mapping[str, str], find: Callable[[str], Video]) -> Answer:
    """The answer to GET /embed/{id} and /embed/videoseries; "Error 153" without a Referer."""
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    matched = re.fullmatch(r"/embed(?:/([^/]*))?", path)
    video_id = matched[1] if matched and matched[1] else "videoseries"
    video = find(asked.get("list", "") if video_id == "videoseries" else video_id)
    error = video.player_error if video.player_error is not None else video.kind.player_error
    settings = {
        "video": video_id,
        "title": video.shown_title,
        "author": video.shown_author,
        "duration_s": video.duration_s,
        "error": error if headers.get("Referer") else 153,
        "silent": video.player_silent,
        "autoplayBlocked": video.autoplay_blocked,
        "referer": headers.get("Referer", ""),
    }
    written = json.dumps(settings).replace("<", "\\u003c")
    return text(200, _PAGE.replace("{settings}", written), headers=(*_NO_STORE, *_cookies()))


def api_script() -> Answer:
    """The loader that a private page never asks for. It sets the cookies that the real one sets."""
    return text(200, "window.YT = {loaded: 0};", "text/javascript; charset=utf-8", (*_NO_STORE, *_cookies()))


def _cookies() -> tuple[tuple[str, str], ...]:
    rest = "Path=/; Secure; HttpOnly; SameSite=none"
    return (
        ("Set-Cookie", f"YSC=standin; {rest}"),
        ("Set-Cookie", f"VISITOR_INFO1_LIVE=standin; Max-Age=15552000; {rest}"),
    )
