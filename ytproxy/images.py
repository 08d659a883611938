"""Pictures: verify, bound, cut bars, scale, encode. Bytes in, bytes out; no I/O, safe in threads.

Decoders are where hostile bytes do harm, so upstream's reach only two of Pillow's many (JPEG and WebP; PNG is for
the operator's own pictures), and sizes are read from the header before any pixel is. Every output is encoded
afresh from bare pixels, taken as sRGB: no EXIF, XMP, ICC profile or comment of the source survives.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

from PIL import Image, ImageOps, ImageStat

from ytproxy.errors import InvalidInput, PictureRefused, PlaceholderPicture

LANDSCAPE_WIDTHS_PX: Final = (320, 480, 640, 960, 1280)
PORTRAIT_WIDTHS_PX: Final = (180, 360, 540, 720)

MAX_PIXELS: Final = 4_200_000  # twice 1920x1080, YouTube's largest
MAX_SIDE_PX: Final = 4096
PLACEHOLDER_WIDTH_PX: Final = 120  # the grey picture for "none" is 120x90, whatever the status
MAX_SCANS: Final = 100  # a progressive JPEG has about ten; each costs a pass over the whole picture

LEGACY_SIZES_PX: Final = {
    "default": (120, 90),
    "mqdefault": (320, 180),
    "0": (480, 360),
    "hqdefault": (480, 360),
    "sddefault": (640, 480),
    "hq720": (1280, 720),
    "maxresdefault": (1280, 720),
}
"""YouTube's names and their sizes in pixels; `maxresdefault` is as large as the source, from this up to 1920x1080."""

_SOURCE_FORMATS: Final = ("JPEG", "WEBP")
_POSTER_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_JPEG_START: Final = b"\xff\xd8"  # in other formats the mark of a pass is found by chance

_WIDE: Final = 16 / 9
_TALL: Final = 9 / 16
_BLACK: Final = (0, 0, 0)

# Pillow only warns of some broken or huge files. Set once, as `catch_warnings` is not safe in threads.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
warnings.filterwarnings("error", category=UserWarning, module=r"PIL\.")


class Format(StrEnum):
    """What we encode to; the value is the file's suffix."""

    AVIF = "avif"
    WEBP = "webp"
    JPEG = "jpg"

    @property
    def mimetype(self) -> str:
        return "image/jpeg" if self is Format.JPEG else f"image/{self.value}"


_ENCODERS: Final[dict[Format, tuple[str, dict[str, Any]]]] = {
    # 55: a sixth fewer bytes than 60 for a hundredth of likeness. Speed 9: a quarter of speed 8's time for a twelfth
    # more bytes; 10 is the same. One thread: two do the same work, and a busy server has other pictures for the second.
    Format.AVIF: ("AVIF", {"quality": 55, "speed": 9, "max_threads": 1, "subsampling": "4:2:0"}),
    # Method 2: half of the default method 4's time for a thirtieth more bytes. 70: a little nearer to the source.
    Format.WEBP: ("WEBP", {"quality": 70, "method": 2}),
    # 76: as near as WebP's 70. Progressive and optimised: smaller, and shown early on slow lines.
    Format.JPEG: ("JPEG", {"quality": 76, "progressive": True, "optimize": True, "subsampling": "4:2:0"}),
}


class Shape(StrEnum):
    """LANDSCAPE keeps the picture's own shape, whichever that is; PORTRAIT is 9:16, for Shorts."""

    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"


WIDTHS_PX: Final = {Shape.LANDSCAPE: LANDSCAPE_WIDTHS_PX, Shape.PORTRAIT: PORTRAIT_WIDTHS_PX}


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the pictures that we offer of a video. Raises InvalidInput for a width that we do not offer."""

    shape: Shape
    width_px: int
    format: Format

    def __post_init__(self) -> None:
        if self.width_px not in WIDTHS_PX[self.shape]:
            offered = ", ".join(map(str, WIDTHS_PX[self.shape]))
            raise InvalidInput(f"{self.width_px} is not a {self.shape} width; use one of {offered}")

    @property
    def name(self) -> str:
        prefix = "portrait-" if self.shape is Shape.PORTRAIT else ""
        return f"{prefix}{self.width_px}.{self.format}"

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height where the picture has the usual shape: 16:9, or 9:16 for PORTRAIT."""
        return self.width_px, round(self.width_px / (_TALL if self.shape is Shape.PORTRAIT else _WIDE))

    @classmethod
    def parse(cls, name: str) -> "Variant":
        """The variant of this name, such as "640.avif" or "portrait-360.webp". Raises InvalidInput."""
        try:
            return _VARIANTS[name]
        except KeyError:
            raise InvalidInput(f"{name!r} is not a picture that we offer; try 640.avif") from None


_VARIANTS: Final = {
    variant.name: variant
    for shape, widths_px in WIDTHS_PX.items()
    for variant in (Variant(shape, width_px, format_) for width_px in widths_px for format_ in Format)
}


@dataclass(frozen=True, slots=True)
class Size:
    """As the picture is meant to be seen, that is, turned the way its EXIF says."""

    width_px: int
    height_px: int


def inspect(data: bytes) -> Size:
    """The size from the header alone. Raises PictureRefused unless that is of one JPEG or WebP in bounds."""
    with _refusals():
        return _seen_size(_open(data))


def check_source(data: bytes) -> Size:
    """All that must hold before upstream's bytes are stored: in bounds, decodes to the end, no placeholder.
    Raises PictureRefused.

    Anything as narrow as the placeholder is one to us: we never ask for the only real picture so small."""
    with _refusals():
        image = _open(data)
        size = _seen_size(image)
        if size.width_px <= PLACEHOLDER_WIDTH_PX:
            raise PlaceholderPicture(f"{size.width_px} pixels wide: YouTube's placeholder for a missing picture")
        image.load()
        return size


def check_poster(data: bytes) -> Size:
    """All that must hold of the operator's own picture, which may be a PNG as well: in bounds, decodes to the end, one
    picture. Raises PictureRefused."""
    return Size(*_decode(data, formats=_POSTER_FORMATS).size)


def poster(source: bytes, variant: Variant) -> bytes:
    """The operator's own picture, whole, in the variant's width or its own if that is smaller; for PORTRAIT its middle.
    Raises PictureRefused."""
    return _render(_decode(source, formats=_POSTER_FORMATS), variant)


def legacy_poster(source: bytes, name: str, format: Format) -> bytes | None:  # noqa: A002
    """The operator's own picture as i.ytimg.com would serve it under *name*. None for unknown names and those that it
    is too small for. Raises PictureRefused."""
    with _refusals():
        file = _seen_size(_open(source, _POSTER_FORMATS))
    if not (size_px := _legacy_size_px(name, file)):
        return None
    return _encode(_between_bars(_decode(source, formats=_POSTER_FORMATS), size_px), format)


def render(source: bytes, variant: Variant, *, ratio: float | None) -> bytes:
    """*source* without bars, in the variant's width or its own if that is smaller. Raises PictureRefused.
    *ratio*: the video's width over its height, where known."""
    # JPEG decodes faster at half size, and half as wide again as needed leaves Lanczos enough.
    narrowest = max(0.1, min(_TALL if variant.shape is Shape.PORTRAIT else _WIDE, ratio or _WIDE))
    enough_px = (math.ceil(1.5 * variant.width_px), math.ceil(1.5 * variant.width_px / narrowest))
    return _render(_without_bars(_decode(source, enough_px), ratio), variant)


def _render(picture: Image.Image, variant: Variant) -> bytes:
    if variant.shape is Shape.PORTRAIT:
        picture = _centre(picture, _TALL)
    shape = _TALL if variant.shape is Shape.PORTRAIT else picture.width / picture.height
    width_px = min(variant.width_px, picture.width)
    height_px = max(1, min(picture.height, round(width_px / shape)))
    return _encode(_scale(picture, (width_px, height_px)), variant.format)


def legacy(source: bytes, name: str, format: Format, *, ratio: float | None) -> bytes | None:  # noqa: A002
    """The picture as i.ytimg.com serves it under *name*: in that name's size, between black bars where its
    shape differs. None for unknown names and those *source* is too small for. Raises PictureRefused."""
    if not (size_px := _legacy_size_px(name, inspect(source))):
        return None
    return _encode(_between_bars(_without_bars(_decode(source), ratio), size_px), format)


def _legacy_size_px(name: str, file: Size) -> tuple[int, int] | None:
    """Width and height under one of i.ytimg.com's names; None where there is none, or *file* is too small for it."""
    if name not in LEGACY_SIZES_PX:
        return None
    width_px, height_px = LEGACY_SIZES_PX[name]
    tall = file.height_px > file.width_px
    large_enough = file.height_px >= height_px if tall else file.width_px >= width_px
    if width_px > LEGACY_SIZES_PX["hqdefault"][0] and not large_enough:
        return None
    if name == "maxresdefault" and not tall:
        width_px = min(file.width_px, 1920)
        height_px = round(width_px / _WIDE)
    return width_px, height_px


def _between_bars(picture: Image.Image, size_px: tuple[int, int]) -> Image.Image:
    """The picture in this size, with black beside it where its shape differs."""
    width_px, height_px = size_px
    scale = min(width_px / picture.width, height_px / picture.height)
    inner = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    canvas = Image.new("RGB", size_px, _BLACK)
    canvas.paste(_scale(picture, inner), ((width_px - inner[0]) // 2, (height_px - inner[1]) // 2))
    return canvas


@lru_cache(maxsize=64)
def neutral(variant_size: tuple[int, int], format: Format) -> bytes:  # noqa: A002
    """Our own picture for when there is none: a dark card. *variant_size*: width, height.

    Without a sign on it, because the preview, ours or another front-end's, lays its play button over it."""
    shade = Image.linear_gradient("L").resize(variant_size, Image.Resampling.BICUBIC)
    return _encode(ImageOps.colorize(shade, black=(44, 50, 58), white=(25, 28, 32)), format)


@contextmanager
def _refusals() -> Iterator[None]:
    """Pillow promises no closed set of exceptions for broken files; to us they all mean the same."""
    try:
        yield
    except PictureRefused:
        raise
    except Exception as error:
        raise PictureRefused(f"not a whole picture of a kind that is read here: {error}") from error


def _open(data: bytes, formats: tuple[str, ...] = _SOURCE_FORMATS) -> Image.Image:
    """Reads the header only. (Of a WebP's canvas Pillow reserves the addresses, which costs no memory yet.)"""
    if data.startswith(_JPEG_START) and data.count(b"\xff\xda") > MAX_SCANS:
        raise PictureRefused(f"a picture in more than {MAX_SCANS} passes")
    image = Image.open(BytesIO(data), formats=formats)
    _check_bounds(*image.size)
    # Animated, or a JPEG with more pictures behind the first: that one is opened all the same, as "MPO".
    if image.format not in formats or getattr(image, "n_frames", 1) != 1:
        raise PictureRefused("more than one picture in the file")
    return image


def _check_bounds(width_px: int, height_px: int) -> None:
    sides_fit = 0 < width_px <= MAX_SIDE_PX and 0 < height_px <= MAX_SIDE_PX
    if not sides_fit or width_px * height_px > MAX_PIXELS:
        raise PictureRefused(f"{width_px}x{height_px} is outside {MAX_PIXELS} pixels, {MAX_SIDE_PX} on a side")


_TURNS: Final = {  # EXIF tag 274: what has to be done to see the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _turn(image: Image.Image) -> int:
    turn = image.getexif().get(274, 1)
    return turn if turn in _TURNS else 1


def _seen_size(image: Image.Image) -> Size:
    return Size(*(reversed(image.size) if _turn(image) >= 5 else image.size))


def _decode(
    data: bytes, enough_px: tuple[int, int] | None = None, formats: tuple[str, ...] = _SOURCE_FORMATS
) -> Image.Image:
    """Bare upright RGB pixels, all of the file's or still at least *enough_px*. Raises PictureRefused."""
    with _refusals():
        image = _open(data, formats)
        if image.mode.startswith(("I", "F")):  # Pillow would show all that is not black as white
            raise PictureRefused("more than 8 bits a colour")
        turn = _turn(image)
        if enough_px and turn < 5:
            image.draft("RGB", enough_px)
        image.load()
        if image.has_transparency_data:
            ground = Image.new("RGBA", image.size, (*_BLACK, 255))
            image = Image.alpha_composite(ground, image.convert("RGBA"))
        # Converting what is RGB would copy it, and hold up every other thread meanwhile.
        upright = image if image.mode == "RGB" else image.convert("RGB")
        if turn in _TURNS:
            upright = upright.transpose(_TURNS[turn])
        upright.info.clear()  # encoders would copy what they find there
        return upright


def _is(image: Image.Image, ratio: float) -> bool:
    return abs(image.width / image.height - ratio) < 0.02


def _without_bars(image: Image.Image, ratio: float | None) -> Image.Image:
    """Cuts the bars that YouTube added to fill its 4:3 and 16:9 files; a film's own are part of it: kept."""
    if _is(image, 4 / 3) and not (ratio and 1.2 < ratio < 1.5):
        bar_px = round((image.height - image.width / _WIDE) / 2)
        if _both_dark(image, 0, _clear_of_edge_px(bar_px)):
            image = image.crop((0, bar_px, image.width, image.height - bar_px))
    if ratio and 0.2 < ratio <= 1.5 and ratio < image.width / image.height - 0.02:
        # Rounded up: oEmbed tells the ratio in whole pixels (113x200), so that a dark line could stay.
        bar_px = min(math.ceil((image.width - image.height * ratio) / 2), (image.width - 1) // 2)
        if _both_dark(image, _clear_of_edge_px(bar_px), 0):
            image = image.crop((bar_px, 0, image.width - bar_px, image.height))
    return image


def _clear_of_edge_px(bar_px: int) -> int:
    """How much of a bar to look at: 40 rows of 45, for JPEG smears the picture's edge into the next block."""
    return max(1, bar_px * 8 // 9)


def _both_dark(image: Image.Image, columns_px: int, rows_px: int) -> bool:
    """Whether the outermost columns, or rows, are black at both ends. One lit star is enough to say no."""
    width, height = image.size
    boxes = (
        (0, 0, columns_px or width, rows_px or height),
        (width - columns_px if columns_px else 0, height - rows_px if rows_px else 0, width, height),
    )
    return all(_is_black(image.crop(box)) for box in boxes)


def _is_black(strip: Image.Image) -> bool:
    """No bright dot and no glow in any colour, but for JPEG noise: up to 35 was seen, in a quality of 30."""
    stat = ImageStat.Stat(strip)
    return all(brightest <= 40 for _, brightest in stat.extrema) and max(stat.mean) <= 8


def _centre(image: Image.Image, ratio: float) -> Image.Image:
    """The largest part of this shape, from the middle."""
    width_px = max(1, min(image.width, round(image.height * ratio)))
    height_px = max(1, min(image.height, round(image.width / ratio)))
    left, top = (image.width - width_px) // 2, (image.height - height_px) // 2
    return image.crop((left, top, left + width_px, top + height_px))


def _scale(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if size == image.size:
        return image
    # Not `box=` on the uncut image: Lanczos would then reach over the cut and smear the bar into the edge.
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _encode(image: Image.Image, format_: Format) -> bytes:
    pillow_name, options = _ENCODERS[format_]
    out = BytesIO()
    image.save(out, pillow_name, **options)
    return out.getvalue()
