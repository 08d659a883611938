"""The operator's own pictures: where they are shown, when they change, and what is passed over."""

import io
import itertools
import logging
import os
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from werkzeug.test import Client

from tests.conftest import Clock
from tests.running import Running
from tests.youtube import IDS, FakeYouTube, pictures
from ytproxy.errors import PictureRefused
from ytproxy.images import LEGACY_SIZES_PX, WIDTHS_PX, Format, Shape, Variant
from ytproxy.posters import LOOK_S, MAX_BYTES, Poster, Posters
from ytproxy.previews import Previews
from ytproxy.store import Entry, Key
from ytproxy.store.folder import FolderStore
from ytproxy.web.thumbnails import UNSETTLED_S
from ytproxy.youtube import VideoId

FILM = VideoId(IDS["landscape"])
SHORT = VideoId(IDS["short"])
RED, GREEN, BLUE = (200, 30, 30), (30, 160, 30), (30, 30, 200)
_PICTURES_OF_YOUTUBES = "/vi"


def drawn(
    colour: tuple[int, ...] = RED, size: tuple[int, int] = (1600, 900), kind: str = "JPEG", mode: str = "RGB"
) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind)
    return out.getvalue()


def animated_png() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (64, 36), colour) for colour in (RED, GREEN)]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:], duration=500)
    return out.getvalue()


def seen(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body)).convert("RGB")


def is_of(colour: tuple[int, int, int], image: Image.Image) -> bool:
    """Whether the middle has this colour, give or take what encoders do."""
    shown = image.getpixel((image.width // 2, image.height // 2))
    assert isinstance(shown, tuple)
    return all(abs(a - b) < 25 for a, b in zip(shown, colour, strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "posters"
    made.mkdir()
    return made


@pytest.fixture
def posters(folder: Path) -> Posters:
    """Looks for files that came or went each time it is asked."""
    return Posters(folder, clock=itertools.count(0.0, LOOK_S).__next__)


@pytest.fixture
def with_posters(make_previews: Callable[..., Previews], posters: Posters) -> Previews:
    return make_previews(posters=posters)


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING, "ytproxy.posters")

    def told() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.name == "ytproxy.posters"]

    return told


# Where they are shown


@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_an_own_picture_is_shown_in_every_format_and_youtube_is_not_asked_for_one(
    make_client: Callable[..., Client], youtube: FakeYouTube, folder: Path, suffix: str, format_: Format
) -> None:
    (folder / f"{FILM.text}.{suffix}").write_bytes(drawn(kind={"jpg": "JPEG"}.get(suffix, suffix)))
    client = make_client(poster_dir=folder)
    for width_px in WIDTHS_PX[Shape.LANDSCAPE]:
        answer = client.get(f"/thumbnail/{FILM.text}/{width_px}.{format_}")
        assert (answer.status_code, answer.mimetype) == (200, format_.mimetype)
        assert seen(answer.data).size == (width_px, width_px * 9 // 16)
        assert is_of(RED, seen(answer.data))
    assert youtube.requests == []


def test_a_page_shows_the_own_picture_under_youtubes_title(
    make_client: Callable[..., Client], youtube: FakeYouTube, folder: Path
) -> None:
    (folder / f"{FILM.text}.jpg").write_bytes(drawn())
    client = make_client(poster_dir=folder)
    page = client.get(f"/embed/{FILM.text}").get_data(as_text=True)
    assert f"../thumbnail/{FILM.text}/640.jpg" in page
    assert "(landscape)" in page
    assert client.get(f"/thumbnail/{FILM.text}/640.jpg").status_code == 200
    assert youtube.count("/oembed") == 1
    assert youtube.count(_PICTURES_OF_YOUTUBES) == 0


def test_other_videos_keep_youtubes_picture(
    make_client: Callable[..., Client], youtube: FakeYouTube, folder: Path
) -> None:
    (folder / f"{SHORT.text}.jpg").write_bytes(drawn())
    answer = make_client(poster_dir=folder).get(f"/thumbnail/{FILM.text}/640.jpg")
    assert answer.status_code == 200
    assert not is_of(RED, seen(answer.data))
    assert youtube.count(_PICTURES_OF_YOUTUBES) > 0


def test_an_own_picture_is_shown_where_youtube_has_none(make_client: Callable[..., Client], folder: Path) -> None:
    (folder / f"{IDS['absent']}.jpg").write_bytes(drawn())
    assert make_client(poster_dir=folder).get(f"/thumbnail/{IDS['absent']}/640.jpg").status_code == 200


def test_where_thumbnails_are_neutral_own_pictures_are_shown_and_no_other(
    make_client: Callable[..., Client], youtube: FakeYouTube, folder: Path
) -> None:
    (folder / f"{FILM.text}.jpg").write_bytes(drawn())
    client = make_client(poster_dir=folder, thumbnails="neutral")
    assert f"thumbnail/{FILM.text}/640.jpg" in client.get(f"/embed/{FILM.text}").get_data(as_text=True)
    assert "/thumbnail/" not in client.get(f"/embed/{SHORT.text}").get_data(as_text=True)
    for path in ("thumbnail/{}/640.jpg", "vi/{}/hqdefault.jpg"):
        assert is_of(RED, seen(client.get("/" + path.format(FILM.text)).data))
        assert not is_of(RED, seen(client.get("/" + path.format(SHORT.text)).data))
    assert youtube.count(_PICTURES_OF_YOUTUBES) == 0


def test_the_operators_lists_and_signatures_hold_for_own_pictures(
    make_client: Callable[..., Client], folder: Path
) -> None:
    (folder / f"{FILM.text}.jpg").write_bytes(drawn())
    path = f"/thumbnail/{FILM.text}/640.jpg"
    assert make_client(poster_dir=folder, denied_videos=frozenset({FILM.text})).get(path).status_code == 404
    assert make_client(poster_dir=folder, signing_key=("k" * 16,)).get(path).status_code == 404
    there = make_client(poster_dir=folder, allowed_sites=("https://site.example",))
    assert there.get(path, headers={"Referer": "https://other.example/"}).status_code == 404
    assert there.get(path, headers={"Referer": "https://site.example/"}).status_code == 200


def test_an_own_picture_costs_nothing_of_the_limit_for_new_previews(
    make_client: Callable[..., Client], folder: Path
) -> None:
    (folder / f"{FILM.text}.jpg").write_bytes(drawn())
    client = make_client(poster_dir=folder, miss_rate_limit=(1, 1))
    statuses = [client.get(f"/thumbnail/{FILM.text}/{width_px}.jpg").status_code for width_px in (320, 480, 640)]
    assert [*statuses, client.get(f"/thumbnail/{SHORT.text}/320.jpg").status_code] == [200] * 4


# What is made of them


def test_an_own_picture_keeps_its_shape_and_is_never_enlarged(with_posters: Previews, folder: Path) -> None:
    (folder / f"{FILM.text}.png").write_bytes(drawn(size=(400, 300), kind="PNG"))
    sizes = [
        seen(with_posters.thumbnail(FILM, Variant(Shape.LANDSCAPE, width_px, Format.JPEG)).body).size
        for width_px in (320, 1280)
    ]
    assert sizes == [(320, 240), (400, 300)]


def test_dark_edges_of_an_own_picture_are_part_of_it(with_posters: Previews, folder: Path) -> None:
    """YouTube's 4:3 pictures have bars, which are cut; nobody put bars into this one."""
    night = Image.new("RGB", (640, 480), (0, 0, 0))
    night.paste(RED, (0, 60, 640, 420))
    night.save(folder / f"{FILM.text}.png")
    picture = seen(with_posters.thumbnail(FILM, Variant(Shape.LANDSCAPE, 640, Format.JPEG)).body)
    assert picture.size == (640, 480)


def test_a_portrait_picture_is_the_middle_of_a_wide_one(with_posters: Previews, folder: Path) -> None:
    wide = Image.new("RGB", (1600, 900), BLUE)
    wide.paste(RED, (500, 0, 1100, 900))
    wide.save(folder / f"{SHORT.text}.png")
    picture = seen(with_posters.thumbnail(SHORT, Variant(Shape.PORTRAIT, 360, Format.JPEG)).body)
    assert picture.size == (360, 640)
    assert all(is_of(RED, picture.crop((left, 0, left + 20, 640))) for left in (0, 340))


@pytest.mark.parametrize("name", LEGACY_SIZES_PX)
def test_i_ytimg_coms_names_give_the_own_picture_in_their_sizes(
    make_client: Callable[..., Client], youtube: FakeYouTube, folder: Path, name: str
) -> None:
    (folder / f"{FILM.text}.webp").write_bytes(drawn(size=(1280, 720), kind="WEBP"))
    client = make_client(poster_dir=folder)
    for path in (f"/vi/{FILM.text}/{name}.jpg", f"/vi_webp/{FILM.text}/{name}.webp"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert seen(answer.data).size == LEGACY_SIZES_PX[name]
        assert is_of(RED, seen(answer.data))
    assert youtube.requests == []


def test_a_name_that_an_own_picture_is_too_small_for_is_absent(
    make_client: Callable[..., Client], folder: Path
) -> None:
    (folder / f"{FILM.text}.jpg").write_bytes(drawn(size=(500, 300)))
    client = make_client(poster_dir=folder)
    assert client.get(f"/vi/{FILM.text}/hqdefault.jpg").status_code == 200
    assert client.get(f"/vi/{FILM.text}/maxresdefault.jpg").status_code == 404


@pytest.mark.parametrize(
    ("mode", "colour"), [("RGBA", (*RED, 255)), ("LA", (120, 255)), ("L", (120,)), ("P", (3,)), ("1", (1,))]
)
def test_a_png_of_any_kind_is_shown(
    with_posters: Previews, folder: Path, mode: str, colour: tuple[int, ...], warnings: Callable[[], list[str]]
) -> None:
    (folder / f"{FILM.text}.png").write_bytes(drawn(colour, mode=mode, kind="PNG"))
    assert with_posters.thumbnail(FILM, Variant(Shape.LANDSCAPE, 640, Format.JPEG)).own
    assert warnings() == []


def test_a_png_of_more_than_8_bits_a_colour_is_refused_for_it_would_be_shown_all_white(
    posters: Posters, folder: Path, warnings: Callable[[], list[str]]
) -> None:
    (folder / f"{FILM.text}.png").write_bytes(drawn((30_000,), mode="I;16", kind="PNG"))
    assert posters.find(FILM) is None
    assert "8 bits" in warnings()[0]


def test_a_neutral_server_with_a_list_fetches_no_thumbnail_on_its_schedule(
    make_client: Callable[..., Client], youtube: FakeYouTube, tmp_path: Path
) -> None:
    make_client(allowed_videos=frozenset({FILM.text}), thumbnails="neutral")
    with closing(FolderStore(tmp_path / "cache", max_bytes=10**9)) as store:
        while store.stats().entries < 2:  # the titles, as a film's and as a Short's
            time.sleep(0.05)
        time.sleep(0.5)
    assert youtube.count("/oembed") > 0
    assert youtube.count(_PICTURES_OF_YOUTUBES) == 0


def test_chance_marks_of_a_pass_do_not_spoil_a_large_png(posters: Posters, folder: Path) -> None:
    """In the noise of a large PNG the two bytes that begin a JPEG's pass are found by the hundred."""
    noise = Image.frombytes("RGB", (2000, 2000), os.urandom(12_000_000))
    noise.save(folder / f"{FILM.text}.png", compress_level=0)
    assert (folder / f"{FILM.text}.png").read_bytes().count(b"\xff\xda") > 100
    assert posters.find(FILM)


# When they change


def test_a_changed_file_is_shown_at_once_by_the_service(with_posters: Previews, folder: Path) -> None:
    variant = Variant(Shape.LANDSCAPE, 320, Format.JPEG)
    for colour in (RED, GREEN, BLUE):
        (folder / f"{FILM.text}.jpg").write_bytes(drawn(colour))
        assert is_of(colour, seen(with_posters.thumbnail(FILM, variant).body))


def test_a_file_that_comes_is_found_within_seconds_and_one_that_goes_at_once(folder: Path, clock: Clock) -> None:
    posters, file = Posters(folder, clock=clock), folder / f"{FILM.text}.jpg"
    file.write_bytes(drawn())
    assert posters.find(FILM) is None
    clock.pass_s(LOOK_S)
    assert posters.find(FILM)
    file.unlink()
    assert posters.find(FILM) is None


@pytest.mark.parametrize("change", [lambda file: file.write_bytes(drawn(GREEN)), lambda file: file.unlink()])
def test_what_was_checked_is_what_is_read_or_nothing(
    posters: Posters, folder: Path, change: Callable[[Path], object]
) -> None:
    file = folder / f"{FILM.text}.jpg"
    file.write_bytes(drawn(RED))
    found = posters.find(FILM)
    assert found
    assert found.read() == drawn(RED)
    change(file)
    with pytest.raises(PictureRefused):
        found.read()


def test_what_was_made_of_an_own_picture_is_kept_for_other_processes(
    make_previews: Callable[..., Previews], posters: Posters, folder: Path, tmp_path: Path
) -> None:
    (folder / f"{FILM.text}.jpg").write_bytes(drawn())
    variant = Variant(Shape.LANDSCAPE, 320, Format.AVIF)
    first, second = (make_previews(posters=posters) for _ in range(2))
    made, poster = first.thumbnail(FILM, variant), posters.find(FILM)
    assert poster
    key = Key(FILM, f"render.{variant.name}.own-{poster.sha}")
    with closing(FolderStore(tmp_path / "cache", max_bytes=50_000_000)) as store:
        kept = store.get(key)
        assert kept
        assert kept.body == made.body
        store.put(key, Entry(kept.meta, b"marked"), begun=store.generation())
    assert second.thumbnail(FILM, variant).body == b"marked"


def test_browsers_ask_for_an_own_picture_again_after_seconds_and_are_told_whether_it_is_the_same(
    make_client: Callable[..., Client], folder: Path
) -> None:
    (folder / f"{FILM.text}.jpg").write_bytes(drawn())
    client, path = make_client(poster_dir=folder), f"/thumbnail/{FILM.text}/320.webp"
    answer = client.get(path)
    assert answer.headers["Cache-Control"] == "public, max-age=10"
    again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    # The three waits that add up: for the folder, in the server's memory, in the browser.
    assert LOOK_S + UNSETTLED_S + 10 <= 60


def test_a_running_server_shows_a_changed_file_and_youtubes_picture_when_it_is_gone(
    serve: Callable[..., Running], folder: Path
) -> None:
    file, path = folder / f"{FILM.text}.png", f"/thumbnail/{FILM.text}/320.jpg"
    file.write_bytes(drawn(RED, kind="PNG"))
    (folder / "Copy of a poster.png").write_bytes(drawn())
    server = serve(poster_dir=folder, workers=1)

    def shows(colour: tuple[int, int, int]) -> bool:
        return is_of(colour, seen(fetched(server, path)))

    assert shows(RED)
    file.write_bytes(drawn(GREEN, kind="PNG"))
    until(lambda: shows(GREEN))
    file.unlink()
    until(lambda: not shows(GREEN))
    assert not shows(RED)
    assert server.log.count("Copy of a poster.png") == 1


def fetched(server: Running, path: str) -> bytes:
    with urllib.request.urlopen(server.url + path, timeout=20) as answer:
        body: bytes = answer.read()
    return body


def until(happened: Callable[[], bool], within_s: float = 60) -> None:
    give_up = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.5)


# What is passed over


def test_of_several_files_the_first_that_can_be_used_counts(posters: Posters, folder: Path) -> None:
    for suffix, kind in (("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")):
        (folder / f"{FILM.text}.{suffix}").write_bytes(drawn(kind=kind))
    (folder / f"{SHORT.text}.jpg").write_bytes(b"no picture")
    (folder / f"{SHORT.text}.webp").write_bytes(drawn(kind="WEBP"))
    assert [found.path.suffix for video in (FILM, SHORT) if (found := posters.find(video))] == [".jpg", ".webp"]


def _link_out(file: Path) -> None:
    outside = file.parent.parent / "outside.jpg"
    outside.write_bytes(drawn())
    file.symlink_to(outside)


def _link_up(file: Path) -> None:
    (file.parent.parent / "outside.jpg").write_bytes(drawn())
    file.symlink_to("../outside.jpg")


def _sparse(file: Path) -> None:
    file.write_bytes(drawn())
    os.truncate(file, MAX_BYTES + 1)


UNUSABLE: dict[str, Callable[[Path], object]] = {
    "a link out of the folder": _link_out,
    "a relative link out of the folder": _link_up,
    "a link to the machine's files": lambda file: file.symlink_to("/etc/passwd"),
    "a link to a device": lambda file: file.symlink_to("/dev/zero"),
    "a link to itself": lambda file: file.symlink_to(file),
    "a folder": lambda file: file.mkdir(),
    "a pipe that nobody writes to": lambda file: os.mkfifo(file),
    "an empty file": lambda file: file.write_bytes(b""),
    "half a picture": lambda file: file.write_bytes(drawn()[:-2000]),
    "a page": lambda file: file.write_bytes(b"<!doctype html><script>alert(1)</script>"),
    "an SVG": lambda file: file.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"),
    "a GIF": lambda file: file.write_bytes(drawn(kind="GIF")),
    "an animated WebP": lambda file: file.write_bytes(pictures.animation()),
    "an animated PNG": lambda file: file.write_bytes(animated_png()),
    "50 megapixels": lambda file: file.write_bytes(pictures.fifty_megapixels()),
    "too many bytes": _sparse,
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_what_cannot_be_used_is_named_once_in_the_log_and_youtubes_picture_is_shown(
    with_posters: Previews, folder: Path, warnings: Callable[[], list[str]], what: str
) -> None:
    file = folder / f"{FILM.text}.jpg"
    UNUSABLE[what](file)
    for _ in range(3):
        picture = with_posters.thumbnail(FILM, Variant(Shape.LANDSCAPE, 320, Format.JPEG))
        assert not picture.own
        assert not is_of(RED, seen(picture.body))
    [warning] = warnings()
    assert file.name in warning
    assert "\n" not in warning


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("a link out of the folder", "it is a link that leads out of the folder"),
        ("a link to a device", "it is a link that leads out of the folder"),
        ("a pipe that nobody writes to", "it is no file"),
        ("too many bytes", f"it is larger than {MAX_BYTES:,} bytes"),
        ("an animated WebP", "more than one picture in the file"),
        ("50 megapixels", "10000x5000 is outside"),
    ],
)
def test_the_log_says_why_a_file_is_not_used(
    posters: Posters, folder: Path, warnings: Callable[[], list[str]], what: str, why: str
) -> None:
    UNUSABLE[what](folder / f"{FILM.text}.jpg")
    assert posters.find(FILM) is None
    assert why in warnings()[0]


def test_a_link_within_the_folder_is_followed(posters: Posters, folder: Path) -> None:
    """As Kubernetes fills folders: each file is a link through a link to a folder with the date in its name."""
    (folder / "..2026").mkdir()
    (folder / "..2026" / f"{FILM.text}.jpg").write_bytes(drawn())
    (folder / "..data").symlink_to("..2026")
    (folder / f"{FILM.text}.jpg").symlink_to(Path("..data") / f"{FILM.text}.jpg")
    assert posters.find(FILM)


def test_wrong_names_are_told_once_each_and_hidden_files_never(
    posters: Posters, folder: Path, warnings: Callable[[], list[str]]
) -> None:
    wrong = [f"{FILM.text}.gif", f"{FILM.text}.JPG", f"{FILM.text}.jpeg", "poster.jpg", "new\nline.png", FILM.text]
    for name in [*wrong, ".gitkeep", ".DS_Store", f"{SHORT.text}.jpg"]:
        (folder / name).write_bytes(drawn())
    for _ in range(3):
        assert posters.find(FILM) is None
    assert len(warnings()) == len(wrong)
    assert all(any(repr(name) in warning for warning in warnings()) for name in wrong)


def test_a_file_that_was_mended_is_shown_and_broken_anew_is_told_anew(
    posters: Posters, folder: Path, warnings: Callable[[], list[str]]
) -> None:
    file = folder / f"{FILM.text}.jpg"
    found: list[Poster | None] = []
    for body in (b"broken", drawn(), b"broken again"):
        file.write_bytes(body)
        found.append(posters.find(FILM))
    assert [poster is not None for poster in found] == [False, True, False]
    assert len(warnings()) == 2


def test_a_folder_that_goes_away_is_told_once_and_found_again(
    posters: Posters, folder: Path, warnings: Callable[[], list[str]]
) -> None:
    file = folder / f"{FILM.text}.jpg"
    file.write_bytes(drawn())
    away = folder.rename(folder.with_name("away"))
    for _ in range(3):
        assert posters.find(FILM) is None
    assert len(warnings()) == 1
    away.rename(folder)
    assert posters.find(FILM)
