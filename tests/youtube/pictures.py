"""Pictures for the stand-in YouTube: photo-like, one colour world per seed, in the sizes YouTube serves.

Made when asked for and kept in memory. Everything here is a pure function of its arguments;
the stand-in asks under one lock, so that no picture is made twice.
"""

from __future__ import annotations

import colorsys
import functools
import gzip
import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

Size = tuple[int, int]

FRAME_SIZES_PX: dict[str, Size] = {
    "default": (120, 90),
    "mqdefault": (320, 180),
    "hqdefault": (480, 360),
    "sddefault": (640, 480),
    "hq720": (1280, 720),
}
PLACEHOLDER_BYTES = 1097
_QUALITY = 85
_REENCODED_QUALITY = 78


def number(text: str) -> int:
    """A number that is always the same for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:6])


Colour = tuple[int, int, int]


@functools.lru_cache(8)
def _texture(size: Size) -> Image.Image:
    """Clouds and grain around a middle grey, so that an encoder has as much work as with a photograph."""
    random = np.random.default_rng(1)
    patches = Image.fromarray(random.integers(0, 256, (9, 16), dtype=np.uint8))
    cloud = np.asarray(patches.resize(size, Image.Resampling.BICUBIC), dtype=float) - 128
    texture = 128 + 0.14 * cloud + random.normal(0, 3.5, cloud.shape)
    return Image.fromarray(texture.round().astype(np.uint8)).convert("RGB")


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = (round(part * 255) for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))
    return red, green, blue


@functools.lru_cache(6)
def artwork(seed: str, size: Size) -> Image.Image:
    """A landscape under a sun, in the colours of *seed*, with the seed's first word written on it."""
    width, height = size
    random = np.random.default_rng(number(seed))
    hue = random.random()
    sky = Image.new("RGB", (1, 2), _colour(hue, 0.55, 0.95))
    sky.putpixel((0, 1), _colour(hue + 0.1, 0.25, 1.0))
    image = sky.resize(size, Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    radius, sun_x, sun_y = min(size) // 9, int(width * (0.2 + 0.6 * random.random())), int(height * 0.25)
    draw.ellipse((sun_x - radius, sun_y - radius, sun_x + radius, sun_y + radius), fill=(255, 244, 214))
    across = np.linspace(0, 2 * np.pi, 200)
    for distance in (0.45, 0.62, 0.8):
        phase, waves = random.random() * 6, 1 + 3 * random.random()
        line = distance + 0.07 * np.sin(across * waves + phase) + 0.02 * np.sin(across * 7 * waves)
        ridge = np.column_stack((across / (2 * np.pi) * width, line * height)).ravel().tolist()
        draw.polygon([*ridge, width, height, 0, height], fill=_colour(hue + 0.4 + distance / 4, 0.65, 1.1 - distance))
    image = ImageChops.add(image, _texture(size), offset=-128)
    font = ImageFont.load_default(max(12, min(size) // 11))
    place = (width / 2, height * 0.72)
    ImageDraw.Draw(image).text(place, seed.split()[0], fill="white", font=font, anchor="mm")
    return image


def _fitted(size: Size, window: Size) -> Size:
    """*size* scaled to touch the window from inside. Pixels, rounded to the nearest."""
    scale = min(window[0] / size[0], window[1] / size[1])
    return round(size[0] * scale), round(size[1] * scale)


def _framed(art: Image.Image, frame: Size) -> Image.Image:
    """*art* in the middle of a black frame as YouTube does it: a 4:3 frame shows 4:3 film whole and
    everything else inside its 16:9 middle (so hqdefault has bars of 45 px, sddefault 60, default 11)."""
    is_tv = abs(art.width / art.height - 4 / 3) < 0.01
    window = frame if is_tv or frame[0] * 9 == frame[1] * 16 else (frame[0], round(frame[0] * 9 / 16))
    inner = _fitted(art.size, window)
    canvas = Image.new("RGB", frame)
    canvas.paste(
        art.resize(inner, Image.Resampling.LANCZOS, reducing_gap=2),
        ((frame[0] - inner[0]) // 2, (frame[1] - inner[1]) // 2),
    )
    return canvas


def _encoded(image: Image.Image, kind: str, quality: int, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    if kind == "webp":
        image.save(out, "WEBP", quality=quality, method=0)
    else:
        image.save(out, "JPEG", quality=quality, comment=comment)
    return out.getvalue()


@functools.lru_cache(512)
def thumbnail(
    seed: str, source: Size, frame: Size | None, kind: str, reencoded: bool, photograph: Path | None = None
) -> bytes:
    """The picture *seed* of a film whose frames are *source* pixels, inside *frame* pixels.
    No frame means the film's own size. *kind* is "jpg" or "webp". *photograph* is shown instead of artwork."""
    art = artwork(seed, source) if photograph is None else Image.open(photograph).convert("RGB").resize(source)
    framed = art if frame is None or frame == source else _framed(art, frame)
    return _encoded(framed, kind, _REENCODED_QUALITY if reencoded else _QUALITY)


@functools.cache
def placeholder() -> bytes:
    """The grey 120x90 JPEG that YouTube sends with a 404."""
    image = Image.new("RGB", (120, 90), (204, 204, 204))
    draw = ImageDraw.Draw(image)
    for x in (42, 60, 78):
        draw.ellipse((x - 5, 40, x + 5, 50), fill=(160, 160, 160))
    plain = _encoded(image, "jpg", 75)
    comment_head_bytes = 4
    return _encoded(image, "jpg", 75, b" " * (PLACEHOLDER_BYTES - len(plain) - comment_head_bytes))


@functools.cache
def fifty_megapixels() -> bytes:
    """A JPEG of 10,000 x 5,000 pixels in a file well below the size limit."""
    return _encoded(Image.new("L", (10_000, 5_000), 128), "jpg", 30)


@functools.cache
def animation() -> bytes:
    """An animated WebP of two frames, 480x360."""
    frames = [artwork(f"animation {turn}", (640, 360)).resize((480, 360)) for turn in range(2)]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], duration=500, method=0)
    return out.getvalue()


@functools.cache
def one_pixel() -> bytes:
    """The smallest JPEG there is."""
    return _encoded(Image.new("RGB", (1, 1), (90, 120, 200)), "jpg", 75)


@functools.cache
def gzip_bomb() -> bytes:
    """About 1 MB that unpacks to 1 GiB of zeros (64 members of 16 MiB)."""
    return gzip.compress(bytes(1 << 24), 9) * 64
