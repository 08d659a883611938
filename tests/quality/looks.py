"""How it looks: python -m tests.quality.looks [FOLDER] takes the pictures of docs/looks.md again."""

import base64
import io
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.privacy.devtools import Browser, DevToolsError, Frame, Tab
from tests.quality.site import site
from tests.running import Running
from tests.youtube import IDS, FakeYouTube

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
MAX_BYTES = 40_000
_FILM = IDS["landscape"]
_DEADLINE_S = 20
_IS_LOADED = "document.readyState === 'complete' && [...document.images].every((one) => one.complete)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One picture. *path* is shown in a frame of that size, or by itself (*alone*); sizes in CSS pixels.

    *media* and *features* are what the visitor's system asks for. *press*: the selector of what is pressed first.
    """

    path: str
    width_px: int
    height_px: int
    alone: bool = False
    media: str = ""
    features: tuple[tuple[str, str], ...] = ()
    press: str = ""
    settings: tuple[tuple[str, str], ...] = ()


LOOKS = {
    "frame-160": Look(path=f"embed/{_FILM}?lang=en", width_px=160, height_px=90),
    "frame-200-german": Look(path=f"embed/{_FILM}?lang=de", width_px=200, height_px=113),
    "frame-320": Look(path=f"embed/{_FILM}?lang=en", width_px=320, height_px=180),
    "frame-560": Look(path=f"embed/{_FILM}?lang=en", width_px=560, height_px=315),
    "frame-560-arabic": Look(path=f"embed/{IDS['arabic']}?lang=ar", width_px=560, height_px=315),
    "frame-560-details": Look(path=f"embed/{_FILM}?lang=en", width_px=560, height_px=315, press="summary"),
    "frame-560-forced-colours": Look(
        path=f"embed/{_FILM}?lang=en", width_px=560, height_px=315, features=(("forced-colors", "active"),)
    ),
    "frame-560-neutral": Look(
        path=f"embed/{_FILM}?lang=en", width_px=560, height_px=315, settings=(("thumbnails", "neutral"),)
    ),
    "frame-560-embedding-off": Look(path=f"embed/{IDS['no-embed']}?lang=en", width_px=560, height_px=315),
    "frame-315-short": Look(path=f"embed/{IDS['short']}?lang=en", width_px=315, height_px=560),
    "frame-560-player": Look(path=f"embed/{_FILM}?lang=en", width_px=560, height_px=360, press="a.play"),
    "page-light": Look(path=f"watch?v={_FILM}&lang=en", width_px=1000, height_px=800, alone=True),
}


def take(looks: dict[str, Look]) -> Iterator[tuple[str, Image.Image]]:
    """The pictures, one after the other, by name."""
    with FakeYouTube() as youtube, tempfile.TemporaryDirectory() as folder, _browser(Path(folder), youtube) as browser:
        for settings in dict.fromkeys(look.settings for look in looks.values()):
            chosen = {name: look for name, look in looks.items() if look.settings == settings}
            pages = {f"/{name}": _frame(look, "BASE") for name, look in chosen.items()}
            with _server(Path(folder), youtube, settings) as server:
                pages = {path: html.replace("BASE", server.url) for path, html in pages.items()}
                with site(pages) as foreign:
                    for name, look in chosen.items():
                        url = f"{server.url}/{look.path}" if look.alone else f"{foreign}/{name}"
                        yield name, _picture(browser, look, url)


def _frame(look: Look, base: str) -> str:
    size = f"width: {look.width_px}px; height: {look.height_px}px"
    return (
        '<!doctype html><meta charset="utf-8"><title>looks</title><style>body { margin: 0 }</style>'
        f'<iframe style="{size}; border: 0; display: block" allow="autoplay" src="{base}/{look.path}"></iframe>'
    )


@contextmanager
def _browser(folder: Path, youtube: FakeYouTube) -> Iterator[Browser]:
    browser = Browser(folder / "browser", f"--proxy-server={youtube.proxy_url}", "--ignore-certificate-errors")
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def _server(folder: Path, youtube: FakeYouTube, settings: tuple[tuple[str, str], ...]) -> Iterator[Running]:
    values = {
        "cache_dir": str(folder / "cache"),
        "upstream_proxy": youtube.proxy_url,
        "upstream_ca_file": youtube.ca_file,
        "workers": "1",
        "privacy_url": "https://example.org/privacy",
    }
    server = Running(values | dict(settings))
    try:
        server.wait_until_up()
        yield server
    finally:
        server.stop()


def _picture(browser: Browser, look: Look, url: str) -> Image.Image:
    tab = browser.open_tab()
    try:
        size = {"width": look.width_px, "height": look.height_px}
        tab.send("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=False)
        tab.send("Page.navigate", url=url)
        frame = _loaded(tab, look.path)
        features = [{"name": name, "value": value} for name, value in look.features]
        for session in tab.sessions():
            browser.send("Emulation.setEmulatedMedia", session, media=look.media, features=features)
        if look.press:
            place = f"(() => {{ const box = document.querySelector('{look.press}').getBoundingClientRect();"
            x, y = frame.evaluate(f"{place} return [box.x + box.width / 2, box.y + box.height / 2]; }})()")
            tab.click(x, y)
        browser.wait(1)  # what was pressed takes effect
        shot = tab.send("Page.captureScreenshot", clip={"x": 0, "y": 0, **size, "scale": 1})
        return Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    finally:
        tab.close()


def _loaded(tab: Tab, path: str) -> Frame:
    """The frame of our page, when its pictures are there."""
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        with suppress(DevToolsError):  # a document was replaced while it was looked at
            for frame in tab.frames():
                if frame.url.endswith(path) and frame.evaluate(_IS_LOADED):
                    return frame
        tab.browser.wait(0.1)
    raise AssertionError(f"{path} did not load")


def save(image: Image.Image, path: Path) -> None:
    """Writes WebP in the best quality that keeps within MAX_BYTES."""
    for quality in range(85, 20, -5):
        out = io.BytesIO()
        image.save(out, "WEBP", quality=quality, method=6)
        if len(out.getvalue()) <= MAX_BYTES:
            break
    path.write_bytes(out.getvalue())


if __name__ == "__main__":
    to = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    to.mkdir(parents=True, exist_ok=True)
    for name, image in take(LOOKS):
        save(image, to / f"{name}.webp")
