"""Pictures: what is refused, what is cut, what comes out."""

import io
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, UnidentifiedImageError

from ytproxy import images
from ytproxy.errors import InvalidInput, PictureRefused
from ytproxy.images import LANDSCAPE_WIDTHS_PX, PORTRAIT_WIDTHS_PX, Format, Shape, Size, Variant

# pytest undoes what the module set when it was imported.
pytestmark = pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning", "error::UserWarning:PIL")

RED = (200, 40, 30)


def photo(width: int, height: int) -> Image.Image:
    """Soft shapes, fine grain and hard edges; no row or column of it is dark."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    grain = np.random.default_rng(7).normal(0, 8, (height, width))
    layers = [130 + 60 * np.sin(k * x * 9 + phase) * np.cos(y * 7 - k) for k, phase in ((1, 0), (2, 1), (3, 2))]
    image = Image.fromarray(np.clip(np.stack([layer + grain for layer in layers], -1), 50, 255).astype(np.uint8))
    ImageDraw.Draw(image).rectangle((0.2 * width, 0.3 * height, 0.5 * width, 0.6 * height), RED)
    return image


def with_bars(size: tuple[int, int], inner: Image.Image) -> Image.Image:
    image = Image.new("RGB", size)
    image.paste(inner, ((size[0] - inner.width) // 2, (size[1] - inner.height) // 2))
    return image


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **({"quality": 85} if kind == "JPEG" else {}) | options)
    return out.getvalue()


def decoded(data: bytes | None) -> Image.Image:
    assert data is not None
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def rendered(source: bytes, name: str, ratio: float | None = None) -> Image.Image:
    return decoded(images.render(source, Variant.parse(name), ratio=ratio)).convert("RGB")


def brightness(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), dtype=float)


def likeness_db(one: Image.Image, other: Image.Image) -> float:
    """PSNR: 30 dB and more look alike."""
    error = np.mean((np.asarray(one, dtype=float) - np.asarray(other.convert("RGB"), dtype=float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def jpeg_header(width: int, height: int) -> bytes:
    """A small valid picture that claims another size."""
    data = bytearray(encoded(photo(160, 90)))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def webp_header(width: int, height: int) -> bytes:
    data = bytearray(encoded(photo(160, 90), "WEBP", lossless=True))
    (bits,) = struct.unpack_from("<I", data, 21)
    struct.pack_into("<I", data, 21, bits & 0xF0000000 | (height - 1) << 14 | (width - 1))
    return bytes(data)


def scans(count: int) -> bytes:
    """A progressive picture whose last pass over the pixels is there *count* times."""
    data = encoded(photo(320, 180), progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * count + b"\xff\xd9"


def several(kind: str) -> bytes:
    return encoded(photo(160, 90), kind, save_all=True, append_images=[photo(160, 90).rotate(180)])


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 160 90\nshowpage\n"
JPEG = encoded(photo(320, 180))
PROGRESSIVE = encoded(photo(320, 180), progressive=True)
WEBP = encoded(photo(320, 180), "WEBP")

REFUSED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"<!doctype html><title>404</title>",
    "svg": lambda: SVG,
    "eps": lambda: EPS,
    **{kind: lambda kind=kind: encoded(photo(160, 90), kind) for kind in ("PNG", "GIF", "TIFF", "BMP", "AVIF", "PPM")},
    "half a jpeg": lambda: JPEG[: len(JPEG) // 2],
    "a jpeg without its last hundred bytes": lambda: JPEG[:-100],
    "half a progressive jpeg": lambda: PROGRESSIVE[: len(PROGRESSIVE) // 2],
    "a jpeg's header": lambda: JPEG[: JPEG.index(b"\xff\xda")],
    "half a webp": lambda: WEBP[: len(WEBP) // 2],
    "a webp's header": lambda: WEBP[:30],
    "a webp's first words": lambda: WEBP[:16],
    "riff that is no webp": lambda: b"RIFF\x24\0\0\0WAVEfmt " + bytes(28),
    "an animated webp": lambda: several("WEBP"),
    "two jpegs in one file": lambda: several("MPO"),
    "a jpeg of 65535 by 65535": lambda: jpeg_header(65535, 65535),
    "a jpeg of 13000 by 13000": lambda: jpeg_header(13000, 13000),
    "a jpeg without height": lambda: jpeg_header(160, 0),
    "a jpeg of too many pixels": lambda: jpeg_header(2100, 2001),
    "a jpeg too wide": lambda: jpeg_header(4097, 10),
    "a webp canvas of 16383 by 16383": lambda: webp_header(16383, 16383),
    "a webp canvas of 2100 by 2001": lambda: webp_header(2100, 2001),
    "a lossless webp too wide": lambda: encoded(Image.new("RGB", (4097, 8)), "WEBP", lossless=True),
    "a jpeg in thousands of passes": lambda: scans(2000),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_bytes_that_are_not_one_whole_picture_in_bounds_are_refused(make: Callable[[], bytes]) -> None:
    data = make()
    with pytest.raises(PictureRefused):
        images.check_source(data)
    with pytest.raises(PictureRefused):
        images.render(data, Variant.parse("320.jpg"), ratio=None)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP", "AVIF", "PPM", "EPS"])
def test_no_reader_of_another_format_is_ever_asked(kind: str) -> None:
    with pytest.raises(PictureRefused) as refusal:
        images.inspect(encoded(photo(160, 90), kind))
    assert isinstance(refusal.value.__cause__, UnidentifiedImageError)


@pytest.mark.parametrize(
    "data",
    [jpeg_header(65535, 65535), jpeg_header(2100, 2001), webp_header(2100, 2001), several("WEBP"), scans(2000)],
    ids=["huge jpeg", "large jpeg", "large webp", "animated webp", "many passes"],
)
def test_what_the_header_tells_is_refused_before_a_pixel_is_read(data: bytes) -> None:
    with pytest.raises(PictureRefused):
        images.inspect(data)


def test_a_huge_picture_is_refused_without_reserving_its_pixels() -> None:
    code = """
import resource, sys
from ytproxy import images
from ytproxy.errors import PictureRefused

def peak_kb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

small, *bombs = sys.stdin.buffer.read().split(b"--next--")
images.check_source(small)
before_kb = peak_kb()
for bomb in bombs:
    try:
        images.check_source(bomb)
    except PictureRefused:
        print("refused")
print("small" if peak_kb() - before_kb < 8192 else "large")
"""
    pictures = [JPEG, jpeg_header(65535, 65535), jpeg_header(9999, 9999), webp_header(16383, 8000)]
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"--next--".join(pictures), capture_output=True, check=True
    )
    assert done.stdout.split() == [b"refused", b"refused", b"refused", b"small"]
    assert done.stderr == b""  # Pillow's warnings of decompression bombs have become refusals


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (120, 90), (204, 204, 204)),
        photo(120, 90),
        Image.new("L", (1, 1), 128).convert("RGB"),
    ],
    ids=["grey placeholder", "as small as it", "one pixel"],
)
def test_the_grey_placeholder_and_all_as_narrow_are_refused_as_a_source(image: Image.Image, kind: str) -> None:
    data = encoded(image, kind)
    assert images.inspect(data) == Size(*image.size)
    with pytest.raises(PictureRefused, match="placeholder"):
        images.check_source(data)


@pytest.mark.parametrize("size", [(480, 360), (640, 480), (1280, 720), (1920, 1080), (1080, 1920), (144, 256)])
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_the_sizes_that_youtube_has_are_accepted(size: tuple[int, int], kind: str) -> None:
    data = encoded(photo(*size), kind)
    assert images.inspect(data) == images.check_source(data) == Size(*size)


@pytest.mark.parametrize(
    "image",
    [
        photo(320, 180).convert("L"),
        photo(320, 180).convert("CMYK"),
        photo(320, 180),
    ],
    ids=lambda image: image.mode,
)
def test_grey_and_print_colours_come_out_as_they_look(image: Image.Image) -> None:
    out = rendered(encoded(image, quality=95), "320.jpg")
    assert likeness_db(out, image.convert("RGB")) > 28


def test_what_is_transparent_becomes_black() -> None:
    image = photo(320, 180).convert("RGBA")
    image.paste((0, 255, 0, 0), (0, 0, 160, 180))
    out = rendered(encoded(image, "WEBP", exact=True), "320.webp")
    assert brightness(out)[:, :150].max() < 20
    assert brightness(out)[:, 170:].mean() > 60


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_picture_is_set_upright(turn: int) -> None:
    upright = photo(320, 180)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[274] = turn
    data = encoded(upright.transpose(undo[turn]) if turn in undo else upright, quality=95, exif=exif)
    assert images.check_source(data) == Size(320, 180)
    assert likeness_db(rendered(data, "320.jpg"), upright) > 28


def test_a_turned_picture_keeps_the_pixels_that_its_width_needs() -> None:
    exif = Image.Exif()
    exif[274] = 6
    lying = encoded(photo(1920, 1080), exif=exif)
    assert rendered(lying, "640.jpg").size == (640, 1138)


@pytest.mark.parametrize("format_", Format)
def test_no_metadata_of_the_source_comes_out(format_: Format) -> None:
    exif = Image.Exif()
    exif[270] = "who-took-it"
    about: dict[str, object] = {"exif": exif, "xmp": b"<x>who-took-it</x>", "icc_profile": b"who-took-it" * 20}
    for data in (
        encoded(photo(640, 360), comment=b"who-took-it", dpi=(300, 300), **about),
        encoded(photo(640, 360), "WEBP", **about),
    ):
        assert data.count(b"who-took-it") >= 3
        for out in (
            images.render(data, Variant(Shape.LANDSCAPE, 640, format_), ratio=None),  # not even scaled
            images.render(data, Variant(Shape.LANDSCAPE, 320, format_), ratio=None),
            images.legacy(data, "hqdefault", format_, ratio=None),
        ):
            assert out is not None
            assert b"who-took-it" not in out
            left = set(decoded(out).info)
            assert not left & {"exif", "xmp", "icc_profile", "comment", "dpi"}


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", b"\xff\xd8\xff", JPEG[:200], WEBP[:40], b"RIFF\0\0\0\0WEBPVP8X"]))
def test_whatever_bytes_come_nothing_but_a_refusal_is_raised(tail: bytes, head: bytes) -> None:
    with suppress(PictureRefused):
        assert images.inspect(head + tail).width_px <= images.MAX_SIDE_PX
    with pytest.raises(PictureRefused):
        images.check_source(head + tail)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([JPEG, PROGRESSIVE, WEBP, encoded(photo(64, 48), "WEBP", lossless=True), scans(3)]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
    st.sampled_from([None, 9 / 16, 4 / 3, 16 / 9]),
)
def test_a_damaged_picture_is_rendered_or_refused(
    data: bytes, damage: list[tuple[float, int]], keep: float, ratio: float | None
) -> None:
    broken = bytearray(data)
    for where, value in damage:
        broken[int(where * len(broken))] = value
    cut = bytes(broken[: len(broken) if keep > 0.5 else int(2 * keep * len(broken))])
    for step in (
        lambda: images.render(cut, Variant.parse("portrait-180.jpg"), ratio=ratio),
        lambda: images.legacy(cut, "mqdefault", Format.JPEG, ratio=ratio),
    ):
        try:
            out = step()
        except PictureRefused:
            continue
        assert decoded(out).width <= 320


@pytest.mark.parametrize(("size", "inner"), [((480, 360), (480, 270)), ((640, 480), (640, 360))])
@pytest.mark.parametrize("quality", [50, 85])
def test_the_black_bars_of_a_4_3_file_are_cut_to_16_9(
    size: tuple[int, int], inner: tuple[int, int], quality: int
) -> None:
    picture = photo(*inner)
    ImageDraw.Draw(picture).rectangle((0, 0, inner[0], 12), RED)  # a hard edge that rings into the bar
    out = rendered(encoded(with_bars(size, picture), quality=quality), "1280.jpg")
    assert out.size == inner
    assert brightness(out)[[0, -1]].mean(axis=1).min() > 40
    assert likeness_db(out, picture) > 22


@pytest.mark.parametrize(
    ("image", "ratio"),
    [
        (photo(480, 360), None),
        (photo(480, 360), 16 / 9),
        (with_bars((480, 360), photo(480, 270)), 4 / 3),
        (with_bars((480, 360), photo(480, 320)), None),
    ],
    ids=["no bars", "no bars though 16:9", "a 4:3 video with its own bars", "thinner bars"],
)
def test_a_4_3_file_without_youtubes_bars_keeps_its_shape(image: Image.Image, ratio: float | None) -> None:
    assert rendered(encoded(image), "320.jpg", ratio).size == (320, 240)


def test_a_square_picture_with_dark_ends_is_not_cut() -> None:
    assert rendered(encoded(with_bars((720, 720), photo(720, 300))), "480.jpg").size == (480, 480)


@pytest.mark.parametrize("lit", [(300, 20), (20, 344)])
@pytest.mark.parametrize("colour", [(230, 220, 160), (80, 80, 80), (0, 0, 255)], ids=["lit", "dim", "blue"])
def test_a_night_scene_with_one_lit_window_is_not_cut(lit: tuple[int, int], colour: tuple[int, int, int]) -> None:
    night = with_bars((480, 360), photo(480, 200))
    ImageDraw.Draw(night).rectangle((*lit, lit[0] + 5, lit[1] + 5), colour)
    assert rendered(encoded(night), "480.jpg").size == (480, 360)


@pytest.mark.parametrize("sky", [(16, 16, 20), (0, 0, 30)], ids=["grey", "blue"])
def test_a_dark_sky_is_not_a_bar(sky: tuple[int, int, int]) -> None:
    night = Image.new("RGB", (480, 360), sky)
    night.paste(photo(480, 240), (0, 60))
    assert rendered(encoded(night), "480.jpg").size == (480, 360)


def test_a_film_s_own_bars_inside_a_16_9_picture_stay() -> None:
    cinema = with_bars((1280, 720), photo(1280, 536))
    assert rendered(encoded(cinema), "640.jpg", 16 / 9).size == (640, 360)
    boxed = with_bars((480, 360), cinema.resize((480, 270)))
    assert rendered(encoded(boxed), "480.jpg", 16 / 9).size == (480, 270)


@pytest.mark.parametrize(
    ("inner", "ratio", "width", "size"),
    [
        ((960, 720), 4 / 3, 480, (480, 360)),
        ((720, 720), 1.0, 480, (480, 480)),
        ((405, 720), 9 / 16, 320, (320, 569)),
        ((405, 720), 113 / 200, 640, (405, 720)),
    ],
)
def test_dark_sides_are_cut_to_the_video_s_shape(
    inner: tuple[int, int], ratio: float, width: int, size: tuple[int, int]
) -> None:
    file = encoded(with_bars((1280, 720), photo(*inner)))
    out = rendered(file, f"{width}.jpg", ratio)
    assert abs(out.width - size[0]) <= 1
    assert abs(out.height - size[1]) <= 2
    assert brightness(out)[:, [1, -2]].mean(axis=0).min() > 40
    assert rendered(file, "640.jpg", None).size == (640, 360)
    assert rendered(file, "640.jpg", 16 / 9).size == (640, 360)


def test_blurred_sides_are_part_of_the_picture() -> None:
    assert rendered(encoded(photo(1280, 720)), "640.jpg", 9 / 16).size == (640, 360)


@pytest.mark.parametrize(
    ("source", "ratio", "available"),
    [
        (photo(1080, 1920), None, 1080),
        (photo(720, 1280), 9 / 16, 720),
        (photo(1080, 2400), 0.45, 1080),
        (photo(1280, 720), 9 / 16, 405),
        (photo(1920, 1080), 9 / 16, 607),
        (with_bars((1280, 720), photo(405, 720)), 9 / 16, 405),
        (with_bars((1280, 720), photo(405, 720)), None, 405),
        (with_bars((480, 360), with_bars((480, 270), photo(152, 270))), 9 / 16, 152),
    ],
    ids=["full hd", "hd", "narrower", "blurred sides", "large", "dark sides", "unknown", "small file"],
)
@pytest.mark.parametrize("width", PORTRAIT_WIDTHS_PX)
def test_a_portrait_picture_is_9_16_and_without_bars(
    source: Image.Image, ratio: float | None, available: int, width: int
) -> None:
    out = rendered(encoded(source), f"portrait-{width}.jpg", ratio)
    if width <= available:
        assert out.size == (width, width * 16 // 9)
    else:
        assert abs(out.width - available) <= 2
        assert abs(out.height - out.width * 16 / 9) <= 1.5
    assert brightness(out)[:, [1, -2]].mean() > 40
    assert brightness(out)[[1, -2]].mean() > 40


def test_a_picture_too_small_to_hold_bars_is_not_cut_to_nothing() -> None:
    assert rendered(encoded(Image.new("RGB", (2, 1))), "320.jpg", 0.25).size == (2, 1)


def test_no_picture_is_ever_enlarged() -> None:
    assert rendered(encoded(photo(854, 480)), "1280.webp").size == (854, 480)
    assert rendered(encoded(with_bars((480, 360), photo(480, 270))), "960.avif").size == (480, 270)
    assert rendered(encoded(photo(360, 640)), "portrait-720.jpg").size == (360, 640)
    assert rendered(encoded(photo(1, 1)), "320.avif").size == (1, 1)
    assert rendered(encoded(photo(1, 1)), "portrait-180.webp", 9 / 16).size == (1, 1)


@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("width", LANDSCAPE_WIDTHS_PX)
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_every_landscape_picture_has_its_width_and_looks_like_its_source(
    size: tuple[int, int], width: int, format_: Format
) -> None:
    source = photo(*size)
    data = images.render(encoded(source, quality=92), Variant(Shape.LANDSCAPE, width, format_), ratio=16 / 9)
    out = decoded(data)
    assert out.size == (width, width * 9 // 16)
    assert out.format == {"avif": "AVIF", "webp": "WEBP", "jpg": "JPEG"}[format_]
    assert likeness_db(source.resize(out.size, Image.Resampling.LANCZOS), out) > 26


def test_a_jpeg_is_progressive_with_halved_colour() -> None:
    out = decoded(images.render(JPEG, Variant.parse("320.jpg"), ratio=None))
    assert out.info["progressive"]
    assert b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01" in images.render(JPEG, Variant.parse("320.jpg"), ratio=None)


def test_names_and_variants_correspond() -> None:
    names = {
        *(f"{width}.{suffix}" for width in (320, 480, 640, 960, 1280) for suffix in ("avif", "webp", "jpg")),
        *(f"portrait-{width}.{suffix}" for width in (180, 360, 540, 720) for suffix in ("avif", "webp", "jpg")),
    }
    assert {Variant.parse(name).name for name in names} == names
    assert Variant.parse("portrait-360.webp") == Variant(Shape.PORTRAIT, 360, Format.WEBP)
    assert Variant.parse("portrait-360.webp").size_px == (360, 640)
    assert Variant.parse("640.avif").size_px == (640, 360)


@pytest.mark.parametrize(
    "name",
    [
        *("", "640", "640.png", "640.jpeg", "0640.avif", "641.avif", "portrait-640.avif", "180.webp", "640.AVIF"),
        *("640.avif\n", " 640.avif", "landscape-640.avif", "\u0666\u0664\u0660.avif", "640.avif/..", "-640.avif"),
    ],
)
def test_any_other_name_is_invalid_input(name: str) -> None:
    with pytest.raises(InvalidInput):
        Variant.parse(name)


def test_a_width_that_we_do_not_offer_is_invalid_input() -> None:
    with pytest.raises(InvalidInput, match="180, 360, 540, 720"):
        Variant(Shape.PORTRAIT, 640, Format.AVIF)


def test_formats_know_their_media_types() -> None:
    assert [format_.mimetype for format_ in Format] == ["image/avif", "image/webp", "image/jpeg"]


SIZES = {
    "default": (120, 90),
    "mqdefault": (320, 180),
    "0": (480, 360),
    "hqdefault": (480, 360),
    "sddefault": (640, 480),
    "hq720": (1280, 720),
}


@pytest.mark.parametrize(
    ("source", "names", "maxres"),
    [
        (photo(1920, 1080), {*SIZES}, (1920, 1080)),
        (photo(1280, 720), {*SIZES}, (1280, 720)),
        (photo(1080, 1920), {*SIZES}, (1280, 720)),
        (with_bars((640, 480), photo(640, 360)), {*SIZES} - {"hq720"}, None),
        (with_bars((480, 360), photo(480, 270)), {*SIZES} - {"hq720", "sddefault"}, None),
    ],
    ids=["full hd", "hd", "tall", "sd", "hq"],
)
@pytest.mark.parametrize("format_", [Format.JPEG, Format.WEBP])
def test_legacy_names_have_youtube_s_sizes(
    source: Image.Image, names: set[str], maxres: tuple[int, int] | None, format_: Format
) -> None:
    data = encoded(source)
    found = {name: images.legacy(data, name, format_, ratio=None) for name in (*SIZES, "maxresdefault")}
    expected = {name: size for name, size in SIZES.items() if name in names}
    if maxres:
        expected["maxresdefault"] = maxres
    assert {name: decoded(body).size for name, body in found.items() if body} == expected


@pytest.mark.parametrize("name", ["", "hq1", "oar2", "maxresdefault_live", "HQDEFAULT", "640"])
def test_an_unknown_legacy_name_has_no_picture(name: str) -> None:
    assert images.legacy(JPEG, name, Format.JPEG, ratio=None) is None


def lit_box(image: Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is not black."""
    lit = brightness(image) > 40
    rows, columns = np.flatnonzero(lit.mean(axis=1) > 0.1), np.flatnonzero(lit.mean(axis=0) > 0.1)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize(
    ("source", "ratio", "name", "box"),
    [
        (photo(1280, 720), None, "hqdefault", (0, 45, 480, 315)),
        (photo(1280, 720), 16 / 9, "sddefault", (0, 60, 640, 420)),
        (photo(1280, 720), 16 / 9, "hq720", (0, 0, 1280, 720)),
        (with_bars((480, 360), photo(480, 270)), None, "0", (0, 45, 480, 315)),
        (with_bars((480, 360), photo(480, 270)), None, "mqdefault", (0, 0, 320, 180)),
        (photo(480, 360), 4 / 3, "hqdefault", (0, 0, 480, 360)),
        (photo(480, 360), 4 / 3, "mqdefault", (40, 0, 280, 180)),
        (with_bars((1280, 720), photo(960, 720)), 4 / 3, "sddefault", (0, 0, 640, 480)),
        (with_bars((1280, 720), photo(960, 720)), 4 / 3, "maxresdefault", (160, 0, 1120, 720)),
        (photo(1080, 1920), 9 / 16, "hqdefault", (139, 0, 341, 360)),
        (photo(1279, 719), None, "mqdefault", (0, 0, 320, 180)),
    ],
)
def test_legacy_pictures_lie_between_bars_only_where_the_shapes_differ(
    source: Image.Image, ratio: float | None, name: str, box: tuple[int, int, int, int]
) -> None:
    out = decoded(images.legacy(encoded(source), name, Format.WEBP, ratio=ratio))
    assert np.abs(np.subtract(lit_box(out), box)).max() <= 1


def test_the_neutral_picture_comes_in_every_size_and_format_and_is_drawn_once() -> None:
    sizes = {variant.size_px for variant in map(Variant.parse, ("320.jpg", "1280.jpg", "portrait-180.jpg"))}
    for size in {*sizes, *images.LEGACY_SIZES_PX.values()}:
        for format_ in Format:
            data = images.neutral(size, format_)
            out = decoded(data)
            assert out.size == size
            assert out.format == {"avif": "AVIF", "webp": "WEBP", "jpg": "JPEG"}[format_]
            assert images.neutral(size, format_) is data
            grey = brightness(out)
            assert 20 < grey.min() <= grey.max() < 70


def test_threads_render_the_same_picture() -> None:
    source = encoded(photo(1280, 720))
    names = ["320.avif", "640.webp", "480.jpg", "portrait-180.avif"] * 6
    alone = {name: images.render(source, Variant.parse(name), ratio=None) for name in set(names)}
    with ThreadPoolExecutor(6) as threads:
        together = threads.map(lambda name: images.render(source, Variant.parse(name), ratio=None), names)
        assert list(together) == [alone[name] for name in names]
