"""The operator's lists, signatures and limits, on the whole application."""

import http.client
import ipaddress
import re
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
import requests
from PIL import Image
from werkzeug.test import Client, TestResponse

from tests.running import Running
from tests.youtube import IDS, FakeYouTube
from ytproxy.gate import Videos
from ytproxy.images import WIDTHS_PX, Format, Shape, Variant
from ytproxy.store.folder import FolderStore
from ytproxy.youtube import PlaylistId, VideoId

FILM, OTHER, PLAYLIST = IDS["landscape"], IDS["full-hd"], IDS["playlist"]
MakeClient = Callable[..., Client]
KEY = "a key of some length"
PATHS = ("/embed/{}", "/thumbnail/{}/640.jpg", "/vi/{}/hqdefault.jpg", "/watch?v={}")


def visible(response: TestResponse) -> tuple[object, ...]:
    return response.status_code, sorted(response.headers), response.data


def until_warm(client: Client, path: str) -> TestResponse:
    give_up = time.monotonic() + 10
    while (response := client.get(path)).status_code == 503 and time.monotonic() < give_up:
        time.sleep(0.05)
    return response


def test_a_video_that_is_not_listed_is_refused_like_one_that_is_denied_and_costs_no_request(
    make_client: MakeClient, youtube: FakeYouTube
) -> None:
    listed = make_client(allowed_videos=frozenset({FILM}))
    assert until_warm(listed, f"/thumbnail/{FILM}/640.jpg").status_code == 200
    denied = make_client(denied_videos=frozenset({OTHER}))
    youtube.clear()
    for path in PATHS:
        unknown, forbidden = listed.get(path.format(OTHER)), denied.get(path.format(OTHER))
        assert unknown.status_code == 404
        assert visible(unknown) == visible(forbidden)
    assert not [request for request in youtube.requests if OTHER in request.path]


def test_denying_beats_allowing(make_client: MakeClient) -> None:
    client = make_client(allowed_videos=frozenset({FILM}), denied_videos=frozenset({FILM}))
    assert client.get(f"/embed/{FILM}").status_code == 404
    assert client.get(f"/play/{FILM}", headers={"Sec-Fetch-User": "?1"}).status_code == 404


def until_nothing_is_made_any_more(folder: Path) -> FolderStore:
    store = FolderStore(folder / "cache", max_bytes=10**9)
    rested, entries = 0, -1
    while rested < 20:
        rested, entries = rested + 1 if entries == store.stats().entries else 0, store.stats().entries
        time.sleep(0.1)
    return store


def test_with_a_list_no_visit_causes_a_request_to_youtube(
    make_client: MakeClient, youtube: FakeYouTube, tmp_path: Path
) -> None:
    client = make_client(allowed_videos=frozenset({FILM, PLAYLIST, IDS["short"]}))
    for path in (f"/thumbnail/{FILM}/640.avif", f"/thumbnail/{IDS['short']}/portrait-360.webp"):
        assert until_warm(client, path).status_code == 200
    for path in (f"/embed/{FILM}", f"/embed/videoseries?list={PLAYLIST}", f"/shorts/{IDS['short']}"):
        give_up = time.monotonic() + 10
        while "max-age=300" not in client.get(path).headers["Cache-Control"] and time.monotonic() < give_up:
            time.sleep(0.05)
    until_nothing_is_made_any_more(tmp_path)
    youtube.clear()
    for number in range(1_000):
        client.get(
            [f"/embed/{FILM}", f"/embed/{OTHER}", f"/thumbnail/{FILM}/{[320, 480, 640][number % 3]}.jpg"][number % 3]
        )
    assert youtube.count() == 0


def test_with_a_list_the_first_visit_to_a_video_finds_everything_made(make_client: MakeClient, tmp_path: Path) -> None:
    videos = (FILM, IDS["short"])
    client = make_client(allowed_videos=frozenset(videos))
    paths = [
        f"/thumbnail/{video}/{Variant(shape, width_px, kind).name}"
        for video, shape in zip(videos, Shape, strict=True)
        for width_px in WIDTHS_PX[shape]
        for kind in Format
    ]
    store = until_nothing_is_made_any_more(tmp_path)
    before = store.stats()
    assert before.entries == len(paths) + 3 * len(videos)
    for path in paths:
        assert client.get(path).status_code == 200
    after = store.stats()
    assert (after.entries, after.bytes) == (before.entries, before.bytes)


def test_before_the_schedule_has_been_there_a_visit_gets_the_neutral_picture_and_waits_for_nobody(
    make_client: MakeClient, youtube: FakeYouTube
) -> None:
    youtube.fail(delay_s=2)
    client = make_client(allowed_videos=frozenset({FILM}))
    response = client.get(f"/thumbnail/{FILM}/640.jpg")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert Image.open(BytesIO(response.data)).size == (640, 360)
    assert f"play/{FILM}" in client.get(f"/embed/{FILM}").get_data(as_text=True)


def test_only_videos_of_the_channels_allowed_are_shown(make_client: MakeClient, youtube: FakeYouTube) -> None:
    youtube.set(FILM, handle="@ours")
    youtube.set(OTHER, handle="@theirs")
    client = make_client(allowed_channels=frozenset({"@ours"}))
    assert client.get(f"/embed/{FILM}").status_code == 200
    assert client.get(f"/thumbnail/{FILM}/640.jpg").status_code == 200
    youtube.clear()
    assert client.get(f"/thumbnail/{OTHER}/640.jpg").status_code == 404
    assert client.get(f"/embed/{OTHER}").status_code == 404
    assert [request.path.partition("?")[0] for request in youtube.requests] == ["/oembed"]  # one title request, no more


def test_the_player_of_another_channels_video_is_no_way_around_either(
    make_client: MakeClient, youtube: FakeYouTube
) -> None:
    youtube.set(FILM, handle="@ours")
    youtube.set(OTHER, handle="@theirs")
    client = make_client(allowed_channels=frozenset({"@ours"}))
    for _ in range(2):  # before anything is known of the channel, and after
        assert client.get(f"/play/{OTHER}?element=1").status_code == 404
    assert b"<iframe" not in client.get(f"/play/{FILM}?element=1").data  # the preview: its channel is asked for first
    assert b"<iframe" in client.get(f"/play/{FILM}?element=1").data


def test_a_channel_that_cannot_be_told_is_not_allowed(make_client: MakeClient, youtube: FakeYouTube) -> None:
    youtube.fail(status=500)
    client = make_client(allowed_channels=frozenset({"@ours"}))
    assert client.get(f"/embed/{FILM}").status_code == 503
    assert client.get(f"/thumbnail/{FILM}/640.jpg").status_code == 502


def test_signed_addresses_open_their_video_with_its_pictures_and_player_and_nothing_else(
    make_client: MakeClient, youtube: FakeYouTube
) -> None:
    client = make_client(signing_key=(KEY,))
    for path in PATHS:
        assert client.get(path.format(FILM)).status_code == 404
    assert youtube.count() == 0
    signature = Videos(keys=(KEY,)).sign(VideoId(FILM))
    page = client.get(f"/embed/{FILM}?start=3&sig={signature}")
    assert page.status_code == 200
    text = page.get_data(as_text=True).replace("&amp;", "&")
    (picture,) = re.findall(r'<img src="\.\.(/[^"]+)"', text)
    (play,) = re.findall(r'href="\.\.(/play/[^"]+)"', text)
    assert client.get(picture).status_code == 200
    player = client.get(play, headers={"Sec-Fetch-User": "?1"})
    assert "youtube-nocookie.com/embed" in player.get_data(as_text=True)
    assert signature not in re.findall(r'<iframe src="([^"]+)"', player.get_data(as_text=True))[0]
    assert client.get(f"/embed/{OTHER}?sig={signature}").status_code == 404
    assert client.get(picture.partition("?")[0]).status_code == 404  # also from the memory table


def test_a_signed_playlist_shows_the_picture_of_one_of_its_videos(make_client: MakeClient) -> None:
    client = make_client(signing_key=(KEY,))
    signature = Videos(keys=(KEY,)).sign(PlaylistId(PLAYLIST))
    page = client.get(f"/embed/videoseries?list={PLAYLIST}&sig={signature}").get_data(as_text=True)
    (picture,) = re.findall(r'<img src="\.\.(/[^"]+)"', page)
    assert client.get(picture).status_code == 200


SITES = ("https://ours.test",)
FROM_OURS = {"Sec-Fetch-Site": "cross-site", "Referer": "https://ours.test/", "Origin": "https://ours.test"}
FROM_THEIRS = {"Sec-Fetch-Site": "cross-site", "Referer": "https://theirs.test/", "Origin": "https://theirs.test"}


def test_only_the_sites_allowed_frame_previews_and_show_pictures(make_client: MakeClient) -> None:
    client = make_client(allowed_sites=SITES)
    page = client.get(f"/embed/{FILM}")
    assert page.headers["Content-Security-Policy"].endswith("frame-ancestors 'self' https://ours.test")
    picture = f"/thumbnail/{FILM}/640.jpg"
    for _ in range(2):  # cold, and from memory
        ours = client.get(picture, headers=FROM_OURS)
        assert ours.status_code == 200
        assert ours.headers["Cache-Control"] == "private, max-age=86400"
        assert ours.headers["Vary"] == "Sec-Fetch-Site, Referer, Origin"
        assert ours.headers["Access-Control-Allow-Origin"] == "https://ours.test"
        theirs = client.get(picture, headers=FROM_THEIRS)
        assert theirs.status_code == 404
        assert theirs.headers["Cache-Control"].startswith("private")
        assert "Access-Control-Allow-Origin" not in theirs.headers
        assert client.get(picture, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
        assert client.get(picture, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 404  # hides its referrer
        assert client.get(picture).status_code == 200  # no page of a browser


def test_a_refused_site_causes_no_request_to_youtube(make_client: MakeClient, youtube: FakeYouTube) -> None:
    make_client(allowed_sites=SITES).get(f"/thumbnail/{FILM}/640.jpg", headers=FROM_THEIRS)
    assert youtube.count() == 0


def test_past_the_limit_the_answer_is_429_with_a_time_and_what_is_kept_is_served(
    make_client: MakeClient, youtube: FakeYouTube
) -> None:
    client = make_client(miss_rate_limit=(2, 100))
    statuses = [client.get(f"/thumbnail/flood-film{letter}/320.jpg") for letter in "AEIM"]
    assert [response.status_code for response in statuses] == [200, 200, 429, 429]
    assert 1 <= int(statuses[2].headers["Retry-After"]) <= 30
    assert Image.open(BytesIO(statuses[2].data)).size == (320, 180)
    page = client.get("/embed/flood-filmQ")
    assert (page.status_code, "play/flood-filmQ" in page.get_data(as_text=True)) == (429, True)
    assert client.get("/thumbnail/flood-filmA/640.webp").status_code == 200
    assert client.get("/embed/flood-filmE").status_code == 200
    assert not [request for request in youtube.requests if "flood-filmI" in request.path]


def test_only_a_trusted_proxy_may_say_who_the_visitor_is(make_client: MakeClient) -> None:
    trusted = make_client(miss_rate_limit=(1, 100), trusted_proxies=(ipaddress.ip_network("127.0.0.1"),))
    by_proxy = [
        trusted.get(
            f"/thumbnail/proxy-film{letter}/320.jpg",
            headers={"X-Forwarded-For": f"198.51.{number}.7"},
            environ_base={"REMOTE_ADDR": "127.0.0.1"},
        )
        for number, letter in enumerate("AEIM")
    ]
    assert [response.status_code for response in by_proxy] == [200] * 4
    alone = make_client(miss_rate_limit=(1, 100))
    forged = [
        alone.get(f"/thumbnail/forge-film{letter}/320.jpg", headers={"X-Forwarded-For": f"198.51.{number}.7"})
        for number, letter in enumerate("AEIM")
    ]
    assert [response.status_code for response in forged] == [200, 429, 429, 429]


def test_a_flood_of_ten_thousand_ids_stays_inside_the_bounds_and_hits_go_on(
    serve: Callable[..., Running], youtube: FakeYouTube
) -> None:
    server = serve(workers=2, miss_rate_limit="60,60")
    hit = f"{server.url}/thumbnail/{FILM}/640.avif"
    assert requests.get(hit, timeout=10).status_code == 200
    letters = "AEIMQUYcgkosw048"

    def flood(first: int) -> Counter[int]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        statuses: Counter[int] = Counter()
        for number in range(first, first + 2_500):
            connection.request("GET", f"/thumbnail/{number:010}{letters[number % 16]}/320.jpg")
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1
        connection.close()
        return statuses

    flood(10_000)  # spends the budget: both workers have drawn pictures and opened what they need
    threads_before = [len(_tasks(pid)) for pid in server.worker_pids()]
    memory_before = sum(_rss_bytes(pid) for pid in server.worker_pids())
    youtube.clear()
    with ThreadPoolExecutor(4) as strangers:
        floods = [strangers.submit(flood, first) for first in range(0, 10_000, 2_500)]
        while not all(done.done() for done in floods):
            assert requests.get(hit, timeout=2).status_code == 200
            time.sleep(0.05)
        statuses = sum((done.result() for done in floods), Counter())
    assert set(statuses) <= {200, 429, 503}
    assert statuses[429] > 9_000
    assert len({request.path for request in youtube.requests if "/vi/" in request.path}) <= 200
    threads_after = [len(_tasks(pid)) for pid in server.worker_pids()]
    assert max(after - before for before, after in zip(threads_before, threads_after, strict=True)) < 80
    assert sum(_rss_bytes(pid) for pid in server.worker_pids()) - memory_before < 64_000_000


def _tasks(pid: int) -> list[str]:
    return [entry.name for entry in Path(f"/proc/{pid}/task").iterdir()]


def _rss_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def test_the_start_says_what_strangers_can_do(serve: Callable[..., Running]) -> None:
    assert "shows: any video, for anybody; new ones a minute: 120 for a network, 600 in all" in serve(workers=1).log
    assert "shows: 1 listed videos" in serve(workers=1, allowed_videos=FILM).log


@pytest.mark.parametrize("name", ["signing_key", "allowed_sites"])
def test_an_empty_setting_means_none(make_client: MakeClient, name: str) -> None:
    assert make_client(**{name: ()}).get(f"/thumbnail/{FILM}/320.jpg").status_code == 200
