"""Freshness, sharing and refusals: what the service promises, against the stand-in YouTube."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image

from tests.conftest import DAY_S, Clock
from tests.youtube import IDS, FakeYouTube
from ytproxy.errors import Absent, Busy, Private, UpstreamFailed, YtproxyError
from ytproxy.images import Format, Shape, Variant
from ytproxy.previews import LOOK_S, Previews, State
from ytproxy.youtube import PlaylistId, VideoId

FILM = VideoId(IDS["landscape"])
AVIF_640 = Variant(Shape.LANDSCAPE, 640, Format.AVIF)
JPEG_640 = Variant(Shape.LANDSCAPE, 640, Format.JPEG)


def size_px(body: bytes) -> tuple[int, int]:
    return Image.open(BytesIO(body)).size


def colour(body: bytes) -> tuple[int, ...]:
    """The mean colour, coarse enough to survive another encoder."""
    pixel = Image.open(BytesIO(body)).convert("RGB").resize((1, 1)).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return tuple(round(value / 8) for value in pixel)


def settle(previews: Previews) -> None:
    """Waits for what runs in the background."""
    give_up = time.monotonic() + 10
    while previews._refreshing and time.monotonic() < give_up:
        time.sleep(0.01)
    assert not previews._refreshing


def test_a_cold_picture_costs_one_title_and_one_picture_request(previews: Previews, youtube: FakeYouTube) -> None:
    picture = previews.thumbnail(FILM, AVIF_640)
    assert size_px(picture.body) == (640, 360)
    assert picture.settled
    assert sorted(request.path.partition("?")[0] for request in youtube.requests) == [
        "/oembed",
        f"/vi/{FILM.text}/maxresdefault.jpg",
    ]


def test_more_variants_of_a_known_picture_cost_no_request(previews: Previews, youtube: FakeYouTube) -> None:
    previews.thumbnail(FILM, AVIF_640)
    youtube.clear()
    for width_px in (320, 480, 960, 1280):
        assert size_px(previews.thumbnail(FILM, Variant(Shape.LANDSCAPE, width_px, Format.WEBP)).body)[0] == width_px
    assert youtube.count() == 0


def test_another_process_finds_everything_in_the_store(
    make_previews: Callable[..., Previews], youtube: FakeYouTube
) -> None:
    first = make_previews().thumbnail(FILM, AVIF_640)
    youtube.clear()
    assert make_previews().thumbnail(FILM, AVIF_640).body == first.body
    assert youtube.count() == 0


def test_a_width_above_the_sources_is_not_enlarged(previews: Previews) -> None:
    small = VideoId(IDS["old"])
    assert size_px(previews.thumbnail(small, Variant(Shape.LANDSCAPE, 1280, Format.JPEG)).body) == (480, 360)


def test_names_are_tried_best_first_and_the_one_found_is_remembered(
    previews: Previews, youtube: FakeYouTube, clock: Clock
) -> None:
    video = VideoId(IDS["no-maxres"])
    assert size_px(previews.thumbnail(video, AVIF_640).body) == (640, 360)  # sddefault, its bars cut
    assert [request.path for request in youtube.requests if request.path.startswith("/vi/")] == [
        f"/vi/{video.text}/maxresdefault.jpg",
        f"/vi/{video.text}/sddefault.jpg",
    ]
    for _ in range(6):  # the looks for a better one end
        clock.pass_s(2 * DAY_S)
        previews.thumbnail(video, AVIF_640)
        settle(previews)
    youtube.clear()
    clock.pass_s(2 * DAY_S)
    previews.thumbnail(video, AVIF_640)
    settle(previews)
    assert [(r.path, r.header("If-None-Match") is not None) for r in youtube.requests if "/vi/" in r.path] == [
        (f"/vi/{video.text}/sddefault.jpg", True)
    ]


def test_a_fresh_upload_gets_its_large_picture_once_youtube_has_it(
    previews: Previews, youtube: FakeYouTube, clock: Clock
) -> None:
    video = VideoId(IDS["fresh"])
    before = size_px(previews.thumbnail(video, Variant(Shape.LANDSCAPE, 1280, Format.JPEG)).body)
    assert before == (640, 360)
    for _ in range(6):
        clock.pass_s(DAY_S)
        previews.thumbnail(video, JPEG_640)
        settle(previews)
    assert size_px(previews.thumbnail(video, Variant(Shape.LANDSCAPE, 1280, Format.JPEG)).body) == (1280, 720)


def test_within_a_day_nothing_is_asked_again(previews: Previews, youtube: FakeYouTube, clock: Clock) -> None:
    previews.thumbnail(FILM, AVIF_640)
    youtube.clear()
    clock.pass_s(0.8 * DAY_S)
    previews.thumbnail(FILM, AVIF_640)
    settle(previews)
    assert youtube.count() == 0


def test_a_stale_picture_is_served_at_once_and_confirmed_behind_it(
    previews: Previews, youtube: FakeYouTube, clock: Clock
) -> None:
    old = previews.thumbnail(FILM, AVIF_640)
    youtube.clear()
    youtube.fail(delay_s=0.3)
    clock.pass_s(1.2 * DAY_S)
    assert previews.thumbnail(FILM, AVIF_640).body == old.body
    assert youtube.count("/vi/") == 0  # the answer did not wait
    settle(previews)
    conditional = [r for r in youtube.requests if r.path.startswith("/vi/")]
    assert [r.header("If-None-Match") is not None for r in conditional] == [True]
    youtube.clear()
    previews.thumbnail(FILM, AVIF_640)
    settle(previews)
    assert youtube.count() == 0  # confirmed: fresh again


def test_a_changed_picture_and_title_arrive_after_one_refresh(
    previews: Previews, youtube: FakeYouTube, clock: Clock
) -> None:
    youtube.set(FILM.text, title="Before")
    before = colour(previews.thumbnail(FILM, JPEG_640).body)
    assert previews.details(FILM).title == "Before"
    youtube.set(FILM.text, title="After")
    youtube.change_picture(FILM.text)
    clock.pass_s(1.2 * DAY_S)
    previews.thumbnail(FILM, JPEG_640)
    previews.details(FILM)
    settle(previews)
    assert colour(previews.thumbnail(FILM, JPEG_640).body) != before
    assert previews.details(FILM).title == "After"


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 500},
        {"status": 503},
        {"status": 429},
        {"status": 429, "retry_after_s": 60},
        {"reset": True},
        {"down": True},
    ],
    ids=str,
)
def test_what_is_known_is_served_through_any_failure_up_to_thirty_days(
    previews: Previews, youtube: FakeYouTube, clock: Clock, upstream_clock: Clock, failure: dict[str, object]
) -> None:
    known = previews.thumbnail(FILM, AVIF_640)
    title = previews.details(FILM).title
    youtube.fail(**failure)
    for _ in range(29):
        clock.pass_s(DAY_S)
        upstream_clock.pass_s(DAY_S)
        assert previews.thumbnail(FILM, AVIF_640).body == known.body
        assert previews.details(FILM).title == title
    settle(previews)
    clock.pass_s(1.1 * DAY_S)
    upstream_clock.pass_s(DAY_S)
    with pytest.raises(UpstreamFailed):
        previews.thumbnail(FILM, AVIF_640)
    with pytest.raises(UpstreamFailed):
        previews.details(FILM)


def test_a_confirmation_by_304_starts_the_thirty_days_anew(
    previews: Previews, youtube: FakeYouTube, clock: Clock, upstream_clock: Clock
) -> None:
    previews.thumbnail(FILM, AVIF_640)
    clock.pass_s(20 * DAY_S)
    previews.thumbnail(FILM, AVIF_640)
    settle(previews)
    youtube.fail(down=True)
    clock.pass_s(20 * DAY_S)
    upstream_clock.pass_s(20 * DAY_S)
    assert size_px(previews.thumbnail(FILM, AVIF_640).body) == (640, 360)


@pytest.mark.parametrize(("profile", "error"), [("private", Private), ("deleted", Absent)])
def test_title_and_picture_go_when_a_video_becomes_private_or_is_deleted(
    previews: Previews, youtube: FakeYouTube, clock: Clock, profile: str, error: type[Exception]
) -> None:
    previews.thumbnail(FILM, AVIF_640)
    youtube.set(FILM.text, profile=profile)
    clock.pass_s(1.2 * DAY_S)
    previews.details(FILM)
    settle(previews)
    with pytest.raises(error):
        previews.details(FILM)
    with pytest.raises(error):
        previews.thumbnail(FILM, AVIF_640)


def test_a_picture_that_alone_has_gone_stays_to_the_ceiling(
    previews: Previews, youtube: FakeYouTube, clock: Clock
) -> None:
    known = previews.thumbnail(FILM, AVIF_640)
    youtube.fail(status=404, only="thumbnails")
    clock.pass_s(1.2 * DAY_S)
    previews.thumbnail(FILM, AVIF_640)
    settle(previews)
    assert youtube.count("/vi/") > 1
    youtube.clear()
    assert previews.thumbnail(FILM, AVIF_640).body == known.body
    settle(previews)
    assert youtube.count("/vi/") == 0  # and YouTube is not asked all the time


def test_absent_is_remembered_for_minutes_then_longer(previews: Previews, youtube: FakeYouTube, clock: Clock) -> None:
    video = VideoId(IDS["absent"])
    lives_s = []
    for _ in range(4):
        with pytest.raises(Absent):
            previews.details(video)
        youtube.clear()
        lived_s = 0
        while youtube.count() == 0:
            clock.pass_s(30)
            lived_s += 30
            with pytest.raises(Absent):
                previews.details(video)
        lives_s.append(lived_s)
    assert lives_s == sorted(lives_s)
    assert lives_s[0] <= 180
    assert lives_s[-1] >= 4 * lives_s[0]


def test_a_video_that_appears_later_is_found_after_minutes(
    previews: Previews, youtube: FakeYouTube, clock: Clock
) -> None:
    video = VideoId(IDS["absent"])
    with pytest.raises(Absent):
        previews.thumbnail(video, AVIF_640)
    youtube.set(video.text, profile="landscape")
    clock.pass_s(180)
    assert size_px(previews.thumbnail(video, AVIF_640).body) == (640, 360)


def test_embedding_off_keeps_picture_and_an_earlier_title(
    previews: Previews, youtube: FakeYouTube, clock: Clock
) -> None:
    youtube.set(FILM.text, title="Known from before")
    previews.details(FILM)
    youtube.set(FILM.text, profile="no-embed")
    clock.pass_s(1.2 * DAY_S)
    previews.details(FILM)
    settle(previews)
    details = previews.details(FILM)
    assert (details.state, details.title) == (State.EMBEDDING_OFF, "Known from before")
    assert size_px(previews.thumbnail(FILM, AVIF_640).body) == (640, 360)


def test_a_picture_is_served_while_titles_cannot_be_had(previews: Previews, youtube: FakeYouTube) -> None:
    youtube.fail(status=500, only="oembed")
    picture = previews.thumbnail(FILM, AVIF_640)
    assert size_px(picture.body) == (640, 360)
    assert not picture.settled


def test_a_private_video_is_private_also_where_only_the_picture_is_asked_for(previews: Previews) -> None:
    with pytest.raises(Private):
        previews.thumbnail(VideoId(IDS["private"]), AVIF_640)


def test_a_deleted_video_has_no_picture_although_youtube_still_has_the_file(previews: Previews) -> None:
    with pytest.raises(Absent):
        previews.thumbnail(VideoId(IDS["deleted"]), AVIF_640)


def test_a_short_has_a_portrait_picture_and_shape(previews: Previews) -> None:
    short = VideoId(IDS["short"])
    assert previews.details(short, short=True).shape is Shape.PORTRAIT
    body = previews.thumbnail(short, Variant(Shape.PORTRAIT, 360, Format.WEBP)).body
    assert size_px(body) == (360, 640)


def test_a_landscape_film_has_no_portrait_picture(previews: Previews) -> None:
    with pytest.raises(Absent):
        previews.thumbnail(FILM, Variant(Shape.PORTRAIT, 360, Format.WEBP))


def test_a_playlist_has_a_title_and_the_picture_of_one_of_its_videos(previews: Previews) -> None:
    details = previews.details(PlaylistId(IDS["playlist"]))
    assert details.title
    assert details.cover
    assert size_px(previews.thumbnail(details.cover, AVIF_640).body) == (640, 360)


def test_ten_visitors_at_once_cost_one_request_of_each_kind(previews: Previews, youtube: FakeYouTube) -> None:
    youtube.fail(delay_s=0.3)
    with ThreadPoolExecutor(10) as visitors:
        pictures = list(visitors.map(lambda _: previews.thumbnail(FILM, AVIF_640).body, range(10)))
    assert len(set(pictures)) == 1
    assert youtube.count("/vi/") == 1
    assert youtube.count("/oembed") == 1


def test_visitors_of_two_processes_cost_one_request_of_each_kind(
    make_previews: Callable[..., Previews], youtube: FakeYouTube
) -> None:
    workers = [make_previews(), make_previews()]
    youtube.fail(delay_s=0.3)
    with ThreadPoolExecutor(20) as visitors:
        pictures = list(visitors.map(lambda number: workers[number % 2].thumbnail(FILM, AVIF_640).body, range(20)))
    assert len(set(pictures)) == 1
    assert youtube.count("/vi/") == 1
    assert youtube.count("/oembed") == 1


def test_a_failure_is_shared_by_all_who_wait_in_both_processes(
    make_previews: Callable[..., Previews], youtube: FakeYouTube
) -> None:
    workers = [make_previews(), make_previews()]
    youtube.fail(status=500, delay_s=0.3)

    def visit(number: int) -> type[Exception] | None:
        try:
            workers[number % 2].details(FILM)
        except YtproxyError as error:
            return type(error)
        return None

    with ThreadPoolExecutor(20) as visitors:
        assert set(visitors.map(visit, range(20))) == {UpstreamFailed}
    assert youtube.count("/oembed") == 1


def test_a_failure_is_not_taken_for_absent_and_heals(
    previews: Previews, youtube: FakeYouTube, clock: Clock, upstream_clock: Clock
) -> None:
    youtube.fail(status=500)
    with pytest.raises(UpstreamFailed):
        previews.details(FILM)
    youtube.recover()
    with pytest.raises(UpstreamFailed):  # shared for a moment
        previews.details(FILM)
    clock.pass_s(5)
    upstream_clock.pass_s(5)
    assert previews.details(FILM).state is State.OK


def test_misses_past_the_bound_are_refused_at_once_and_hits_are_not(
    make_previews: Callable[..., Previews], youtube: FakeYouTube
) -> None:
    previews = make_previews(miss_slots=2)
    known = previews.details(VideoId("known-film0"))
    youtube.fail(delay_s=2)
    begun = threading.Barrier(3)

    def miss(number: int) -> None:
        begun.wait()
        previews.details(VideoId(f"cold-film{number}0"))

    threads = [threading.Thread(target=miss, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    begun.wait()
    give_up = time.monotonic() + 5
    while youtube.count("/oembed") < 3 and time.monotonic() < give_up:
        time.sleep(0.01)
    with pytest.raises(Busy):
        previews.details(VideoId("cold-film90"))
    assert previews.details(VideoId("known-film0")) == known
    for thread in threads:
        thread.join()


def test_a_purge_by_another_process_is_noticed_within_two_seconds(
    make_previews: Callable[..., Previews], youtube: FakeYouTube
) -> None:
    assert LOOK_S <= 2
    mine, others = make_previews(), make_previews()
    heard = []
    mine.on_purge(lambda purged: heard.append(purged.subjects))
    mine.details(FILM)
    others._store.purge(FILM)
    youtube.clear()
    time.sleep(LOOK_S + 0.1)
    mine.details(FILM)
    assert youtube.count("/oembed") == 1
    assert heard == [{FILM.text}]


def test_a_fetch_that_a_purge_overtook_is_not_stored(
    make_previews: Callable[..., Previews], youtube: FakeYouTube
) -> None:
    mine, others = make_previews(), make_previews()
    youtube.fail(delay_s=1)
    thread = threading.Thread(target=lambda: mine.details(FILM))
    thread.start()
    give_up = time.monotonic() + 5
    while youtube.count("/oembed") == 0 and time.monotonic() < give_up:
        time.sleep(0.01)
    others._store.purge(FILM)
    thread.join()
    youtube.recover()
    youtube.clear()
    mine.details(FILM)
    assert youtube.count("/oembed") == 1


def test_what_has_passed_the_ceiling_is_deleted_from_the_disk(
    make_previews: Callable[..., Previews], youtube: FakeYouTube, clock: Clock
) -> None:
    previews = make_previews()
    settle(previews)
    previews.thumbnail(FILM, AVIF_640)
    assert previews._store.stats().entries >= 3
    clock.pass_s(31 * DAY_S)
    make_previews()  # as at the next start
    give_up = time.monotonic() + 5
    while previews._store.stats().entries and time.monotonic() < give_up:
        time.sleep(0.02)
    assert previews._store.stats().entries == 0


_VIDEOS = sorted(name for name, text in IDS.items() if len(text) == 11 and name != "impossible")


@pytest.mark.parametrize("name", _VIDEOS)
def test_every_profile_of_the_stand_in_ends_in_a_picture_or_a_plain_error(name: str, previews: Previews) -> None:
    try:
        picture = previews.thumbnail(VideoId(IDS[name]), JPEG_640)
    except (Absent, Private, UpstreamFailed):
        return
    assert size_px(picture.body)[0] <= 640


def test_a_failure_heals_although_somebody_asks_all_the_time(
    previews: Previews, youtube: FakeYouTube, clock: Clock, upstream_clock: Clock
) -> None:
    youtube.fail(status=500)
    with pytest.raises(UpstreamFailed):
        previews.details(FILM)
    youtube.recover()
    for _ in range(20):
        clock.pass_s(1)
        upstream_clock.pass_s(1)
        try:
            previews.details(FILM)
        except UpstreamFailed:
            continue
        return
    raise AssertionError("twenty seconds after YouTube is well again it is still not asked")


def test_a_stale_portrait_picture_of_a_short_is_served_while_youtube_is_down(
    previews: Previews, youtube: FakeYouTube, clock: Clock
) -> None:
    short = VideoId(IDS["short"])
    youtube.set(short.text, short_by_url=True)  # as a plain video it is said to be 16:9
    portrait = Variant(Shape.PORTRAIT, 360, Format.WEBP)
    assert size_px(previews.thumbnail(short, portrait).body) == (360, 640)  # asked for directly, from cold
    clock.pass_s(2 * DAY_S)
    youtube.fail(down=True)
    assert size_px(previews.thumbnail(short, portrait).body) == (360, 640)


def test_a_stale_picture_needs_no_place_among_the_misses(
    make_previews: Callable[..., Previews], youtube: FakeYouTube, clock: Clock
) -> None:
    previews = make_previews(miss_slots=1)
    known = previews.thumbnail(FILM, AVIF_640)
    clock.pass_s(2 * DAY_S)
    youtube.fail(delay_s=2)
    thread = threading.Thread(target=lambda: previews.details(VideoId("cold-film00")))
    thread.start()
    give_up = time.monotonic() + 5
    while youtube.count("/oembed") < 2 and time.monotonic() < give_up:
        time.sleep(0.01)
    assert previews.thumbnail(FILM, AVIF_640).body == known.body
    thread.join()


def test_who_asks_after_a_purge_does_not_get_what_was_fetched_before_it(
    make_previews: Callable[..., Previews], youtube: FakeYouTube
) -> None:
    previews = make_previews()
    youtube.set(FILM.text, title="Before", delay_s=1.5)
    thread = threading.Thread(target=lambda: previews.details(FILM))
    thread.start()
    give_up = time.monotonic() + 5
    while youtube.count("/oembed") == 0 and time.monotonic() < give_up:
        time.sleep(0.01)
    previews._store.purge(FILM)
    time.sleep(LOOK_S + 0.1)
    youtube.set(FILM.text, title="After")
    assert previews.details(FILM).title == "After"
    thread.join()
    assert previews.details(FILM).title == "After"


def test_a_title_goes_thirty_days_after_youtube_last_told_it(
    previews: Previews, youtube: FakeYouTube, clock: Clock
) -> None:
    youtube.set(FILM.text, title="Told once")
    previews.details(FILM)
    youtube.set(FILM.text, profile="no-embed")
    for _ in range(29):
        clock.pass_s(DAY_S)
        previews.details(FILM)
        settle(previews)
    assert previews.details(FILM).title == "Told once"
    for _ in range(3):
        clock.pass_s(DAY_S)
        previews.details(FILM)
        settle(previews)
    assert previews.details(FILM).title == ""


def test_a_clock_set_back_makes_no_absence_eternal(previews: Previews, youtube: FakeYouTube, clock: Clock) -> None:
    video = VideoId(IDS["absent"])
    clock.pass_s(365 * DAY_S)
    with pytest.raises(Absent):
        previews.details(video)
    youtube.set(video.text, profile="landscape")
    clock.pass_s(-365 * DAY_S)
    assert previews.details(video).state is State.OK


def test_the_grey_placeholder_with_status_200_means_absent(previews: Previews) -> None:
    with pytest.raises(Absent):
        previews.thumbnail(VideoId(IDS["soft-200"]), AVIF_640)


def test_a_rendered_picture_leaves_the_disk_with_its_source(previews: Previews, clock: Clock) -> None:
    settle(previews)
    previews.thumbnail(FILM, AVIF_640)
    clock.pass_s(29 * DAY_S)
    previews._upstream.close()  # nothing is confirmed any more
    previews.thumbnail(FILM, JPEG_640)
    clock.pass_s(1.5 * DAY_S)
    previews._tidy()
    assert previews._store.stats().bytes < 1_000  # nothing is left but the memory of the failure
