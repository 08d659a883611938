"""Size, quality and time of picture settings, on photographs: `python -m bench.encoders [--rounds 3]`.

The photographs are those that scikit-image and scikit-learn carry, cut to 16:9 and at most 640 pixels wide. Quality is
the structural similarity (SSIM) of brightness to the photograph before it was encoded: 1 is the same. Time is processor
time. Then the hardest work that a cold picture can mean: noise, in sizes up to the largest that is taken.
"""

import argparse
import time
from collections.abc import Callable
from io import BytesIO
from statistics import mean, median
from typing import Any

import numpy as np
from PIL import Image, features
from skimage import data
from skimage.metrics import structural_similarity
from sklearn.datasets import load_sample_images

from bench.report import table, where
from ytproxy import images
from ytproxy.images import Format, Variant

WIDTH_PX = 640
HARDEST_PX = ((1280, 720), (1920, 1080), (2732, 1536))  # the last has just less than MAX_PIXELS
OURS = images._ENCODERS
TRIED: dict[Format, list[dict[str, Any]]] = {
    Format.AVIF: [
        *({"speed": speed} for speed in (4, 6, 7, 8, 9, 10)),
        *({"quality": quality} for quality in (50, 60, 65, 70)),
        {"subsampling": "4:4:4"},
    ],
    Format.WEBP: [*({"method": method} for method in (0, 1, 2, 3, 4, 6)), *({"quality": q} for q in (60, 65, 75, 80))],
    Format.JPEG: [
        {},
        {"progressive": False},
        {"progressive": False, "optimize": False},
        *({"quality": quality} for quality in (70, 73, 79, 82)),
    ],
}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    pictures = photographs()
    print(f"{where()}, libavif {features.version('avif')}, libwebp {features.version('webp')}")
    print(f"Photographs: {', '.join(pictures)}; {options.rounds} rounds; * is what the server uses\n")
    for format_, tried in TRIED.items():
        name, ours = OURS[format_]
        settings = [ours, *(chosen for change in tried if (chosen := ours | change) != ours)]
        times: list[list[float]] = [[] for _ in settings]
        for _ in range(options.rounds):
            for spent, chosen in zip(times, settings, strict=True):
                spent.append(sum(_spent_ms(_encoded, image, name, chosen) for image in pictures.values()))
        rows = []
        for chosen, spent in zip(settings, times, strict=True):
            bodies = [_encoded(image, name, chosen) for image in pictures.values()]
            similar = [_similarity(image, body) for image, body in zip(pictures.values(), bodies, strict=True)]
            rows.append((chosen, sum(map(len, bodies)), mean(similar), min(similar), median(spent)))
        _, own_bytes, _, _, own_ms = rows[0]
        table(
            (format_.mimetype, "kB a picture", "of ours", "SSIM mean", "least", "ms a picture", "of ours"),
            (
                (
                    ("* " if chosen == ours else "") + ", ".join(f"{key} {value}" for key, value in chosen.items()),
                    f"{size / len(pictures) / 1000:.1f}",
                    f"{size / own_bytes:.2f}",
                    f"{whole:.4f}",
                    f"{least:.4f}",
                    f"{spent_ms / len(pictures):.1f}",
                    f"{spent_ms / own_ms:.2f}",
                )
                for chosen, size, whole, least, spent_ms in rows
            ),
        )
    _print_hardest(options.rounds)


def photographs() -> dict[str, Image.Image]:
    """Each in 16:9, at most WIDTH_PX wide, by its name."""
    found = {name: getattr(data, name)() for name in ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field")}
    found["motorcycle"] = data.stereo_motorcycle()[0]
    found |= dict(zip(("china", "flower"), load_sample_images().images, strict=True))
    return {name: _prepared(pixels) for name, pixels in found.items()}


def _prepared(pixels: np.ndarray) -> Image.Image:
    """The middle in 16:9, never enlarged: enlarged pictures are easier to encode than any photograph."""
    image = Image.fromarray(pixels).convert("RGB")
    width_px = min(image.width, round(image.height * 16 / 9))
    height_px = round(width_px * 9 / 16)
    left, top = (image.width - width_px) // 2, (image.height - height_px) // 2
    cut = image.crop((left, top, left + width_px, top + height_px))
    if cut.width > WIDTH_PX:
        cut = cut.resize((WIDTH_PX, WIDTH_PX * 9 // 16), Image.Resampling.LANCZOS)
    return cut


def _encoded(image: Image.Image, pillow_name: str, options: dict[str, Any]) -> bytes:
    out = BytesIO()
    image.save(out, pillow_name, **options)
    return out.getvalue()


def _similarity(image: Image.Image, body: bytes) -> float:
    before, after = (np.asarray(one.convert("L")) for one in (image, Image.open(BytesIO(body))))
    return float(structural_similarity(before, after, gaussian_weights=True, sigma=1.5, use_sample_covariance=False))


def _spent_ms(work: Callable[..., object], *arguments: object, **options: object) -> float:
    begun = time.process_time()
    work(*arguments, **options)
    return (time.process_time() - begun) * 1000


def _print_hardest(rounds: int) -> None:
    random = np.random.default_rng(1)
    variants = [Variant.parse(f"{width_px}.{format_}") for format_ in Format for width_px in (640, 1280)]
    rows = []
    for size_px in HARDEST_PX:
        noise = Image.fromarray(random.integers(0, 256, (*reversed(size_px), 3), dtype=np.uint8))
        source = _encoded(noise, "JPEG", {"quality": 85})
        spent = [
            median(_spent_ms(images.render, source, variant, ratio=None) for _ in range(rounds)) for variant in variants
        ]
        rows.append(("noise, {}x{}".format(*size_px), *(f"{spent_ms:.0f}" for spent_ms in spent)))
    print("Decode, scale and encode, processor time in ms\n")
    table(("source", *(variant.name for variant in variants)), rows)


if __name__ == "__main__":
    main()
