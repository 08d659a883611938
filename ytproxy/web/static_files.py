"""The browser files of `static/`, each under its stable name and under a name with its hash."""

import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


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
    """All files of *root*, read once. *urls* maps `preview.css` to `preview-1a2b3c4d.css`."""

    def __init__(self, root: Path | None = None) -> None:
        self.urls: dict[str, str] = {}
        self._files: dict[str, StaticFile] = {}
        for path in sorted((root or folder()).iterdir()):
            if not path.is_file():
                continue
            body = path.read_bytes()
            mimetype = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            hashed = f"{path.stem}-{hashlib.sha256(body).hexdigest()[:8]}{path.suffix}"
            self.urls[path.name] = hashed
            self._files[path.name] = StaticFile(body, mimetype, immutable=False)
            self._files[hashed] = StaticFile(body, mimetype, immutable=True)

    def get(self, name: str) -> StaticFile | None:
        return self._files.get(name)
