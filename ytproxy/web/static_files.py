"""The browser files of `static/`, and the element's words, each under its stable name and one with its hash."""

import hashlib
import json
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from ytproxy.locales import OTHER_NAMES, SHIPPED, Catalogue, Texts

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
# The words of the element (static/ytproxy.js).
ELEMENT_KEYS = (
    *("play", "notice", "notice_short", "watch", "opens_youtube", "back_to_preview", "player_loading"),
    *("remember", "remember_days", "remember_session", "forget", "remembered", "not_remembered", "direction"),
)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """*immutable*: its name holds its hash, so browsers may keep it for good."""

    body: bytes
    mimetype: str
    immutable: bool


def folder() -> Path:
    """Inside the package where it was installed from a wheel; beside it in a checkout."""
    packaged = Path(__file__).parents[1] / "static"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "static"


class StaticFiles:
    """All files of *root*, read once, and a module of words for each language, `texts/de.js`.

    *urls* maps `preview.css` to `preview-1a2b3c4d.css`.
    """

    def __init__(self, texts: Texts = SHIPPED, root: Path | None = None) -> None:
        self.urls: dict[str, str] = {}
        self._files: dict[str, StaticFile] = {}
        for path in sorted((root or folder()).iterdir()):
            if not path.is_file():
                continue
            self._add(path.name, path.read_bytes())
        for lang in (*texts, *OTHER_NAMES):
            self._add(f"texts/{lang}.js", _module(texts[OTHER_NAMES.get(lang, lang)]))

    def _add(self, name: str, body: bytes) -> None:
        stem, dot, ending = name.rpartition(".")
        mimetype = _TYPES.get(dot + ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        hashed = f"{stem}-{hashlib.sha256(body).hexdigest()[:8]}{dot}{ending}"
        self.urls[name] = hashed
        self._files[name] = StaticFile(body, mimetype, immutable=False)
        self._files[hashed] = StaticFile(body, mimetype, immutable=True)

    def get(self, name: str) -> StaticFile | None:
        return self._files.get(name)


def _module(catalogue: Catalogue) -> bytes:
    words = {key: catalogue[key] for key in ELEMENT_KEYS}
    return f"export default {json.dumps(words, ensure_ascii=False, indent=0)};\n".encode()
