"""The stand-in YouTube keeps to what is known of the real one, so that tests against it mean something."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
import requests
from PIL import Image

from tests.youtube import IDS, PROFILES, FakeYouTube
from tests.youtube.asking import TIMEOUT_S, oembed, thumbnail

VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]")
NEARLY_BLACK = 24
"""Of 255: JPEG lets the picture's edge ring into the black beside it."""


@pytest.fixture
def youtube() -> Iterator[FakeYouTube]:
    with FakeYouTube() as running:
        yield running


def picture(answer: requests.Response) -> Image.Image:
    image = Image.open(io.BytesIO(answer.content))
    image.load()
    return image


def brightness(image: Image.Image) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.asarray(image.convert("L"), dtype=float)


# Ids


def test_every_profile_has_a_well_known_id_of_youtubes_form() -> None:
    assert set(PROFILES) < set(IDS)
    for name, known_id in IDS.items():
        assert (VIDEO_ID.fullmatch(known_id) is not None) == (name not in {"impossible", "playlist", "no-playlist"})
    assert len(set(IDS.values())) == len(IDS)


def test_an_unknown_but_valid_id_is_a_landscape_film(youtube: FakeYouTube) -> None:
    assert picture(thumbnail(youtube, "qwertzuiopA", "maxresdefault")).size == (1280, 720)
    assert oembed(youtube, "qwertzuiopA").status_code == 200


def test_a_test_can_give_any_id_any_profile_and_title(youtube: FakeYouTube) -> None:
    youtube.set("qwertzuiopA", profile="short", title="Tall & small", handle="@tall")
    answer = oembed(youtube, "qwertzuiopA").json()
    assert (answer["title"], answer["width"], answer["height"]) == ("Tall & small", 113, 200)
    assert answer["author_url"] == "https://www.youtube.com/@tall"


def test_a_profile_that_does_not_exist_is_refused(youtube: FakeYouTube) -> None:
    with pytest.raises(KeyError, match="no profile 'shrot'"):
        youtube.set("qwertzuiopA", profile="shrot")


# Thumbnails


@pytest.mark.parametrize(
    ("profile", "sizes"),
    [
        (
            "landscape",
            {
                "default": (120, 90),
                "mqdefault": (320, 180),
                "hqdefault": (480, 360),
                "0": (480, 360),
                "sddefault": (640, 480),
                "hq720": (1280, 720),
                "maxresdefault": (1280, 720),
                "1": (120, 90),
                "mq2": (320, 180),
                "hq2": (480, 360),
                "sd3": (640, 480),
                "maxres1": (1280, 720),
                "oar2": (1280, 720),
                "vanished": None,
            },
        ),
        ("full-hd", {"maxresdefault": (1920, 1080), "hq720": (1280, 720), "oar2": None}),
        ("old", {"default": (120, 90), "mqdefault": (320, 180), "hqdefault": (480, 360), "sddefault": None}),
        ("no-maxres", {"maxresdefault": None, "hq720": None, "sddefault": (640, 480)}),
        ("short", {"maxresdefault": (1280, 720), "oar2": (1080, 1920), "oardefault": (1080, 1920)}),
        ("short", {"frame0": (1080, 1920), "hq2": (480, 360)}),
        ("square", {"oar2": (720, 720), "hqdefault": (480, 360)}),
        ("live", {"maxresdefault": None, "maxresdefault_live": (1280, 720), "hqdefault": (480, 360)}),
        ("private", {"hqdefault": None}),
        ("absent", {"hqdefault": None}),
        ("impossible", {"hqdefault": None}),
        ("deleted", {"hqdefault": (480, 360)}),
        ("no-embed", {"hqdefault": (480, 360)}),
    ],
)
def test_each_profile_has_its_names_and_sizes(
    youtube: FakeYouTube, profile: str, sizes: dict[str, tuple[int, int] | None]
) -> None:
    for name, size in sizes.items():
        answer = thumbnail(youtube, IDS[profile], name)
        assert answer.status_code == (404 if size is None else 200), name
        assert picture(answer).size == (size or (120, 90)), name


@pytest.mark.parametrize(("name", "bar_px"), [("hqdefault", 45), ("sddefault", 60), ("default", 11)])
def test_four_by_three_names_of_a_wide_film_have_black_bars(youtube: FakeYouTube, name: str, bar_px: int) -> None:
    rows = brightness(picture(thumbnail(youtube, IDS["landscape"], name))).max(axis=1)
    assert max(rows[:bar_px].max(), rows[-bar_px:].max()) < NEARLY_BLACK
    assert min(rows[bar_px], rows[-bar_px - 1]) > NEARLY_BLACK


def test_old_film_fills_hqdefault_and_stands_between_bars_in_mqdefault(youtube: FakeYouTube) -> None:
    whole = brightness(picture(thumbnail(youtube, IDS["old"], "hqdefault")))
    assert whole[:3].mean() > 60
    wide = brightness(picture(thumbnail(youtube, IDS["old"], "mqdefault")))
    assert wide[:, :40].max() < NEARLY_BLACK
    assert wide[:, 48:272].mean() > 60


def test_a_short_stands_in_the_middle_of_its_landscape_names(youtube: FakeYouTube) -> None:
    columns = brightness(picture(thumbnail(youtube, IDS["short"], "maxresdefault"))).mean(axis=0)
    assert max(columns[:430].max(), columns[-430:].max()) < 1
    assert columns[450:830].min() > 30


def test_a_short_keeps_to_the_wide_middle_of_hqdefault(youtube: FakeYouTube) -> None:
    light = brightness(picture(thumbnail(youtube, IDS["short"], "hqdefault")))
    assert max(light[:45].max(), light[-45:].max(), light[:, :164].max()) < NEARLY_BLACK
    assert light[45, 240] > NEARLY_BLACK


def test_every_film_has_colours_of_its_own_and_always_the_same(youtube: FakeYouTube) -> None:
    first = thumbnail(youtube, "aaaaaaaaaaA").content
    assert first == thumbnail(youtube, "aaaaaaaaaaA").content
    assert first != thumbnail(youtube, "bbbbbbbbbbA").content


def test_a_found_thumbnail_has_youtubes_headers(youtube: FakeYouTube) -> None:
    answer = thumbnail(youtube, IDS["landscape"])
    told = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    for changing in ("Date", "Expires", "ETag", "Content-Length"):
        told = re.sub(rf"^{changing}: .+$", f"{changing}: *", told, flags=re.MULTILINE)
    assert told.splitlines() == [
        "Date: *",
        "Accept-Ranges: bytes",
        "Content-Type: image/jpeg",
        "Access-Control-Allow-Origin: *",
        "Cross-Origin-Resource-Policy: cross-origin",
        "Timing-Allow-Origin: *",
        "Server: sffe",
        "X-Content-Type-Options: nosniff",
        "X-XSS-Protection: 0",
        "Cache-Control: public, max-age=7200",
        "Expires: *",
        "ETag: *",
        "Content-Length: *",
    ]
    assert re.fullmatch(r'"\d{10}"', answer.headers["ETag"])


def test_a_missing_thumbnail_is_404_with_a_grey_picture_of_1097_bytes(youtube: FakeYouTube) -> None:
    for answer in (
        thumbnail(youtube, IDS["absent"]),
        thumbnail(youtube, IDS["jpeg-only"], kind="webp"),
        requests.get(f"{youtube.base_url}/vi/{IDS['landscape']}/hqdefault.png", timeout=TIMEOUT_S),
    ):
        assert (answer.status_code, answer.headers["Content-Type"], len(answer.content)) == (
            404,
            "image/jpeg",
            1097,
        )
        red, green, blue = (np.asarray(channel, dtype=int) for channel in picture(answer).convert("RGB").split())
        assert abs(red - green).max() <= 2
        assert abs(green - blue).max() <= 2


def test_a_query_costs_the_picture_unless_it_is_signed(youtube: FakeYouTube) -> None:
    assert thumbnail(youtube, IDS["landscape"], params={"v": "1"}).status_code == 404
    assert thumbnail(youtube, IDS["landscape"], params={"sqp": "-oay", "rs": "AOn4CL"}).status_code == 200


def test_webp_twins_are_webp(youtube: FakeYouTube) -> None:
    answer = thumbnail(youtube, IDS["landscape"], "sddefault", kind="webp")
    assert (answer.headers["Content-Type"], picture(answer).format) == ("image/webp", "WEBP")
    assert thumbnail(youtube, IDS["old"], kind="webp").status_code == 404


@pytest.mark.parametrize("form", ["{}", "W/{}", '"1", {}', "*"])
def test_a_known_etag_is_answered_304_without_body(youtube: FakeYouTube, form: str) -> None:
    etag = thumbnail(youtube, IDS["landscape"]).headers["ETag"]
    answer = thumbnail(youtube, IDS["landscape"], headers={"If-None-Match": form.format(etag)})
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
    assert answer.headers["Cache-Control"] == "public, max-age=7200"


def test_another_etag_is_answered_200(youtube: FakeYouTube) -> None:
    assert thumbnail(youtube, IDS["landscape"], headers={"If-None-Match": '"1"'}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "start", "end"), [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None)]
)
def test_a_range_is_answered_206(youtube: FakeYouTube, asked: str, start: int, end: int | None) -> None:
    whole = thumbnail(youtube, IDS["landscape"]).content
    part = thumbnail(youtube, IDS["landscape"], headers={"Range": asked})
    assert (part.status_code, part.content) == (206, whole[start:end])
    assert thumbnail(youtube, IDS["landscape"], headers={"Range": "bytes=9999999-"}).status_code == 416


def test_head_tells_what_get_would_without_body(youtube: FakeYouTube) -> None:
    url = f"{youtube.base_url}/vi/{IDS['landscape']}/hqdefault.jpg"
    head, get = requests.head(url, timeout=TIMEOUT_S), requests.get(url, timeout=TIMEOUT_S)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Content-Length", "Content-Type"):
        assert head.headers[name] == get.headers[name]


# Pictures that change


def test_a_changed_picture_has_a_new_etag_and_other_pixels(youtube: FakeYouTube) -> None:
    before, after, later = (thumbnail(youtube, IDS["changing"]) for _ in range(3))
    assert before.headers["ETag"] != after.headers["ETag"]
    assert after.headers["ETag"] == later.headers["ETag"]
    assert abs(brightness(picture(before)) - brightness(picture(after))).mean() > 8


def test_a_reencoded_picture_has_a_new_etag_and_bytes_but_the_same_look(youtube: FakeYouTube) -> None:
    before, after = (thumbnail(youtube, IDS["reencoded"]) for _ in range(2))
    assert before.headers["ETag"] != after.headers["ETag"]
    assert before.content != after.content
    assert abs(brightness(picture(before)) - brightness(picture(after))).mean() < 3


def test_a_test_can_change_or_reencode_a_picture_at_a_moment_of_its_choice(youtube: FakeYouTube) -> None:
    etags = [thumbnail(youtube, IDS["landscape"]).headers["ETag"]]
    for change in (youtube.change_picture, youtube.reencode):
        change(IDS["landscape"])
        etags.append(thumbnail(youtube, IDS["landscape"]).headers["ETag"])
    assert len(set(etags)) == 3


def test_a_fresh_upload_gets_its_maxresdefault_after_some_requests(youtube: FakeYouTube) -> None:
    youtube.set("qwertzuiopA", profile="fresh", after=2)
    assert thumbnail(youtube, "qwertzuiopA").status_code == 200
    assert [thumbnail(youtube, "qwertzuiopA", "maxresdefault").status_code for _ in range(3)] == [
        404,
        404,
        200,
    ]


def test_soft_200_is_the_placeholder_with_status_200(youtube: FakeYouTube) -> None:
    answer = thumbnail(youtube, IDS["soft-200"])
    assert (answer.status_code, picture(answer).size) == (200, (120, 90))


# Hostile thumbnails


def test_hostile_bodies_are_as_announced(youtube: FakeYouTube) -> None:
    def got(profile: str) -> tuple[int, str, bytes]:
        answer = thumbnail(youtube, IDS[profile])
        return answer.status_code, answer.headers["Content-Type"], answer.content

    sound = thumbnail(youtube, IDS["set-cookie"])
    assert "VISITOR_INFO1_LIVE" in sound.headers["Set-Cookie"]
    status, content_type, body = got("wrong-type")
    assert (status, content_type, body[:2]) == (200, "text/html; charset=UTF-8", b"\xff\xd8")
    assert got("html-body")[1:] == (
        "image/jpeg",
        b"<!DOCTYPE html><title>Hello</title><script>alert(1)</script>",
    )
    assert got("svg-body")[2].startswith(b"<svg")
    assert len(got("too-big")[2]) == 6_000_000
    assert Image.open(io.BytesIO(got("megapixels")[2])).size == (10_000, 5_000)
    assert Image.open(io.BytesIO(got("one-pixel")[2])).size == (1, 1)
    assert Image.open(io.BytesIO(got("animated")[2])).n_frames == 2  # type: ignore[attr-defined]
    assert Image.open(io.BytesIO(got("still-webp")[2])).format == "WEBP"
    with pytest.raises(OSError, match="truncated"):
        picture(thumbnail(youtube, IDS["truncated"]))


def test_a_body_cut_short_is_noticed_by_a_careful_client(youtube: FakeYouTube) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        thumbnail(youtube, IDS["cut"])


def test_an_endless_body_outlasts_any_limit(youtube: FakeYouTube) -> None:
    with thumbnail(youtube, IDS["endless"], stream=True) as answer:
        assert "Content-Length" not in answer.headers
        assert len(answer.raw.read(20_000_000)) == 20_000_000


def test_a_body_without_length_is_whole(youtube: FakeYouTube) -> None:
    answer = thumbnail(youtube, IDS["no-length"])
    assert "Content-Length" not in answer.headers
    assert picture(answer).size == (480, 360)


def test_the_gzip_bomb_is_small_on_the_wire_and_large_unpacked(youtube: FakeYouTube) -> None:
    with thumbnail(youtube, IDS["gzip-bomb"], stream=True) as answer:
        assert int(answer.headers["Content-Length"]) < 2_000_000
        assert len(answer.raw.read(50_000_000, decode_content=True)) == 50_000_000


def test_a_redirect_leads_to_another_host_that_counts(youtube: FakeYouTube) -> None:
    answer = thumbnail(youtube, IDS["redirect"], allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"http://localhost:{youtube.port}/redirected",
    )
    requests.get(answer.headers["Location"], timeout=TIMEOUT_S)
    assert youtube.count("/redirected") == 1


def test_a_flood_of_headers_is_too_much_for_the_standard_library(youtube: FakeYouTube) -> None:
    with pytest.raises(requests.exceptions.ConnectionError, match="more than 100 headers"):
        thumbnail(youtube, IDS["headers"])


# oEmbed


@pytest.mark.parametrize(
    ("profile", "status", "body"),
    [
        ("no-embed", 401, "Unauthorized"),
        ("private", 403, "Forbidden"),
        ("deleted", 404, "Not Found"),
        ("absent", 404, "Not Found"),
        ("impossible", 400, "Bad Request"),
    ],
)
def test_a_refused_title_is_text_that_claims_to_be_json(
    youtube: FakeYouTube, profile: str, status: int, body: str
) -> None:
    answer = oembed(youtube, IDS[profile])
    assert (answer.status_code, answer.text) == (status, body)
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"


def test_oembed_has_youtubes_fields_in_youtubes_order_and_spelling(youtube: FakeYouTube) -> None:
    youtube.set("qwertzuiopA", title='Say "hello" & <go>', author="Somebody", handle="@somebody")
    answer = oembed(youtube, "qwertzuiopA")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert not set("<>&") & set(answer.text)
    assert r"width=\u0022200\u0022" in answer.text
    told = answer.json()
    assert told.pop("html").startswith(
        '<iframe width="200" height="113" src="https://www.youtube.com/embed/qwertzuiopA?feature=oembed" '
    )
    assert list(told.items()) == [
        ("title", 'Say "hello" & <go>'),
        ("author_name", "Somebody"),
        ("author_url", "https://www.youtube.com/@somebody"),
        ("type", "video"),
        ("height", 113),
        ("width", 200),
        ("version", "1.0"),
        ("provider_name", "YouTube"),
        ("provider_url", "https://www.youtube.com/"),
        ("thumbnail_height", 360),
        ("thumbnail_width", 480),
        ("thumbnail_url", "https://i.ytimg.com/vi/qwertzuiopA/hqdefault.jpg"),
    ]


@pytest.mark.parametrize(
    ("profile", "size", "html_size", "name"),
    [
        ("full-hd", (200, 113), (200, 113), "hqdefault"),
        ("old", (200, 150), (200, 150), "hqdefault"),
        ("square", (200, 200), (200, 200), "hqdefault"),
        ("short", (113, 200), (200, 113), "hq2"),
    ],
)
def test_oembed_tells_the_shape_of_the_film(
    youtube: FakeYouTube, profile: str, size: tuple[int, int], html_size: tuple[int, int], name: str
) -> None:
    told = oembed(youtube, IDS[profile]).json()
    assert (told["width"], told["height"]) == size
    assert f'width="{html_size[0]}" height="{html_size[1]}"' in told["html"]
    assert told["thumbnail_url"].endswith(f"/{name}.jpg")


def test_a_short_can_be_told_to_be_tall_only_under_its_shorts_url(youtube: FakeYouTube) -> None:
    youtube.set("qwertzuiopA", profile="short", short_by_url=True)
    assert oembed(youtube, "qwertzuiopA").json()["width"] == 200
    assert oembed(youtube, "qwertzuiopA", "shorts/").json()["width"] == 113


def test_a_maximum_size_is_kept_in_the_films_proportion(youtube: FakeYouTube) -> None:
    told = oembed(youtube, IDS["landscape"], maxwidth="500", maxheight="750").json()
    assert (told["width"], told["height"]) == (500, 281)
    assert oembed(youtube, IDS["landscape"], maxheight="0").status_code == 401


def test_oembed_speaks_xml_when_asked(youtube: FakeYouTube) -> None:
    answer = oembed(youtube, IDS["script"], format="xml")
    assert answer.headers["Content-Type"] == "text/xml"
    assert "<width>200</width>" in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("watch?t=3&v=", 200),
        ("live/", 200),
        ("v/", 200),
        ("shorts/", 200),
        ("embed/", 404),
        ("playlist?list=", 400),
    ],
)
def test_oembed_knows_some_url_forms(youtube: FakeYouTube, path: str, status: int) -> None:
    assert oembed(youtube, IDS["landscape"], path).status_code == status


def test_a_playlist_has_its_own_player_and_a_relative_author(youtube: FakeYouTube) -> None:
    told = oembed(youtube, IDS["playlist"], "playlist?list=").json()
    assert f"embed/videoseries?list={IDS['playlist']}" in told["html"]
    assert told["author_url"] == "/user/StandIn"
    assert oembed(youtube, IDS["no-playlist"], "playlist?list=").status_code == 400


def test_plain_http_can_be_refused_as_youtube_does(youtube: FakeYouTube) -> None:
    youtube.fail(plain_http_refused=True)
    answer = oembed(youtube, IDS["landscape"])
    assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


def test_hostile_titles_are_as_announced(youtube: FakeYouTube) -> None:
    def told(profile: str) -> dict[str, object]:
        answer = oembed(youtube, IDS[profile])
        assert answer.status_code == 200
        return json.loads(answer.content)  # type: ignore[no-any-return]

    assert "<script>" in str(told("script")["title"])
    assert len(str(told("long-title")["title"])) > 10_000
    assert "attacker.example" in str(told("foreign")["html"])
    assert told("no-fields").keys() == {"type", "version", "html"}
    assert isinstance(told("odd-types")["title"], list)
    assert "\u202e" in str(told("controls")["title"])
    assert "\ud83d" in str(told("surrogate")["title"])
    assert "البحر" in str(told("arabic")["title"])
    assert "🎬" in str(told("emoji")["title"])
    for profile in ("forbidden", "busy-200", "not-utf8"):
        with pytest.raises(ValueError):
            told(profile)
    with pytest.raises(RecursionError):
        told("deep")


def test_an_endless_title_outlasts_any_limit(youtube: FakeYouTube) -> None:
    url = f"{youtube.base_url}/oembed?url=https://youtu.be/{IDS['big-json']}"
    with requests.get(url, stream=True, timeout=TIMEOUT_S) as answer:
        assert len(answer.raw.read(10_000_000)) == 10_000_000
