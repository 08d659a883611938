"""Poisoned caches, garbage from upstream, and noise: on the wire, in the readers, and in long mixed histories."""

import re
import string
import tempfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from PIL import Image
from werkzeug.test import Client, TestResponse

from tests.fuzz.targets import TARGETS
from tests.running import Running
from tests.wire import exchange, request
from tests.youtube import IDS, FakeYouTube
from ytproxy import images
from ytproxy.config import Settings
from ytproxy.errors import NotAllowed
from ytproxy.gate import Sites, Videos
from ytproxy.images import Variant
from ytproxy.store import Key
from ytproxy.store.folder import FolderStore
from ytproxy.upstream import Upstream
from ytproxy.web import create_app
from ytproxy.youtube import VideoId

FILM = IDS["landscape"]
STATIC_FOLDER = Path(__file__).parents[1] / "static"
MakeClient = Callable[..., Client]
LETTERS = "AEIMQUYcgkosw048"  # with which the id of a video may end


# Cache poisoning: the visitor before must not decide what the next one gets

_POISON_HEADERS: list[dict[str, str]] = [
    *({"Host": host} for host in ("evil.test", "evil.test:99", "a" * 300, "[::1", "evil.test, us.test")),
    *(
        {name: "evil.test"}
        for name in ("X-Forwarded-Host", "X-Host", "X-Forwarded-Server", "X-HTTP-Host-Override", "X-Original-Host")
    ),
    *({"Forwarded": f"for=192.0.2.1;host=evil.test;proto={proto}"} for proto in ("http", "https", "javascript")),
    *({"X-Forwarded-Proto": proto} for proto in ("http", "https", "javascript")),
    *({name: "/evil"} for name in ("X-Forwarded-Prefix", "X-Script-Name", "X-Original-URL", "X-Rewrite-URL")),
    *({name: "192.0.2.1"} for name in ("X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP")),
    *({"X-Forwarded-Port": port} for port in ("0", "99999", "x")),
    *({name: "DELETE"} for name in ("X-HTTP-Method-Override", "X-Method-Override")),
    *({"Accept": accept} for accept in ("image/evil", "text/html", "")),
    *({"Accept-Encoding": coding} for coding in ("gzip", "identity;q=0", "evil")),
    *({"Cookie": cookie} for cookie in ("lang=de", "session=1; session=2", "\xff")),
    *({"Origin": origin} for origin in ("https://evil.test", "null")),
    *({"Referer": page} for page in ("https://evil.test/", "http://[", "javascript:1")),
    *({"Range": part} for part in ("bytes=0-0", "bytes=9-1")),
    *({"If-None-Match": tags} for tags in ("*", '"x"')),
    *({"Sec-Fetch-Site": site} for site in ("cross-site", "evil")),
    {"If-Match": '"x"'},
    {"If-Range": '"x"', "Range": "bytes=0-9"},
    {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
    {"Sec-Purpose": "prefetch"},
    {"Save-Data": "on", "DPR": "3", "Width": "9"},
    {"User-Agent": "Googlebot"},
    {"Connection": "Upgrade", "Upgrade": "websocket"},
    {"Transfer-Encoding": "evil"},
    {"Content-Type": "text/evil", "Content-Length": "0"},
    {"Authorization": "Basic eA=="},
]
_POISON_QUERIES = ["", "?lang", "?x=%0d%0aX:1", "?utm_source=evil&si=1", "?callback=evil", "?%00", "?w=1&width=1"]
_TIDY = {"Sec-Fetch-Site": "cross-site"}


def visible(response: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    return response.status_code, sorted(response.headers), response.data


def test_whatever_the_first_visitor_sends_the_next_gets_the_answer_of_a_clean_server(
    tmp_path: Path, youtube: FakeYouTube
) -> None:
    def start(name: str) -> Client:
        upstream = Upstream(thumbnails=youtube.base_url, oembed=youtube.base_url, deadline_s=3)
        app = create_app(Settings(cache_dir=tmp_path / name, workers=1, miss_rate_limit=(0, 0)), upstream=upstream)
        return Client(app, use_cookies=False)

    poisoned, clean = start("poisoned"), start("clean")
    assert len(_POISON_HEADERS) >= 50
    for number, headers in enumerate(_POISON_HEADERS):
        video = f"poison-{number // 16:02}0{LETTERS[number % 16]}"
        for path in (f"/thumbnail/{video}/320.jpg", f"/embed/{video}"):
            first = poisoned.get(path + _POISON_QUERIES[number % len(_POISON_QUERIES)], headers=headers)
            second, expected = poisoned.get(path, headers=_TIDY), clean.get(path, headers=_TIDY)
            assert expected.status_code == 200
            assert visible(second) == visible(expected), headers
            # Nor may a cache in front of us keep what this visitor alone brought about.
            if first.status_code != 304 and visible(first) != visible(expected):
                assert first.headers["Cache-Control"] == "no-store", headers


def test_fifty_ways_to_ask_for_one_picture_make_one_entry(tmp_path: Path, make_client: MakeClient) -> None:
    client = make_client()
    answers = {client.get(f"/thumbnail/{FILM}/320.jpg").data}
    store = FolderStore(tmp_path / "cache", max_bytes=50_000_000)
    before = store.stats().entries, len(client.application._table)
    for headers in _POISON_HEADERS:
        for query in _POISON_QUERIES:
            response = client.open(f"/thumbnail/{FILM}/320.jpg{query}", headers=headers | {"Host": "other.test"})
            if response.status_code != 304:
                answers.add(response.data)
    assert len(answers) == 1
    assert (store.stats().entries, len(client.application._table)) == before  # on disk and in memory
    store.close()


def test_a_refusal_that_is_one_networks_own_fault_is_kept_by_no_shared_cache(make_client: MakeClient) -> None:
    client = make_client(miss_rate_limit=(1, 100))
    client.get("/thumbnail/spent-it-00/320.jpg")
    for path in ("/thumbnail/refused-000/320.jpg", "/vi/refused-000/hqdefault.jpg", "/embed/refused-000"):
        refused = client.get(path)
        assert refused.status_code == 429
        assert re.search("private|no-store", refused.headers["Cache-Control"])


# What is let in by a rule must not be let in, or cost, in a thousand other spellings


def test_a_signature_has_one_spelling_so_that_one_address_makes_one_entry() -> None:
    video, videos = VideoId(FILM), Videos(keys=("a key of some length",))
    good = videos.sign(video)
    videos.check(video, good)
    head, last = good[:-1], good[-1]
    others = [head + letter for letter in string.ascii_letters + string.digits + "-_" if letter != last]
    for spelling in [f"{good}=", f"{good}==", f"{good}!", f"0{good}", good[:9] + "\xfa" + good[9:], *others]:
        with pytest.raises(NotAllowed):
            videos.check(video, spelling)


@pytest.mark.timeout(30)
def test_an_origin_of_many_labels_is_refused_without_looking_at_each_of_its_parents() -> None:
    sites = Sites(("https://*.example.org",))
    assert sites.may("https://a.b.c.example.org")
    for _ in range(50):  # at seconds each, where it does look
        assert not sites.may("https://" + "a." * 30_000 + "example.org")


def test_messages_between_documents_are_bound_to_one_window_and_one_origin() -> None:
    scripts = {path.name: path.read_text(encoding="utf-8") for path in STATIC_FOLDER.glob("*.js")}
    for name, script in scripts.items():
        for sent in re.findall(r"\.postMessage\(.*", script):
            assert re.search(r", [A-Za-z][\w.]*\);?$", sent), f"{name}: {sent} names no receiver's origin"
            assert "*" not in sent, f"{name}: {sent} is for everybody"
        for heard in re.findall(r'addEventListener\(\s*"message",(?:.*\n){3}', script):
            assert {".source", ".origin"} <= set(re.findall(r"event(\.source|\.origin) [!=]==", heard)), (
                f"{name}: {heard}"
            )
    assert ".postMessage(" in scripts["play.js"]


# Garbage from upstream

GARBAGE = ["html-body", "svg-body", "truncated", "cut", "megapixels", "one-pixel", "animated", "too-big", "endless"]
GARBAGE += ["gzip-bomb", "wrong-type", "redirect", "soft-200", "error-500", "reset"]


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_sound_picture_is_neither_stored_nor_served(
    tmp_path: Path, make_client: MakeClient, youtube: FakeYouTube, name: str
) -> None:
    video = VideoId(IDS[name])
    client = make_client()
    for _ in range(2):
        response = client.get(f"/thumbnail/{video.text}/320.webp")
        assert response.status_code in (404, 502)
        assert response.headers["Cache-Control"] == "public, max-age=10"
        assert "Location" not in response.headers
        assert response.data == images.neutral((320, 180), images.Format.WEBP)
    store = FolderStore(tmp_path / "cache", max_bytes=50_000_000)
    for part in ("source", "portrait"):
        entry = store.get(Key(video, part))
        assert entry is None or entry.body == b""
    assert store.check() == []
    store.close()


# Noise on the wire

_ALLOWED_UPSTREAM = re.compile(
    r"/vi/[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]/(maxresdefault|sddefault|hqdefault|oar2|oardefault|frame0)\.jpg"
    r"|/oembed\?format=json&url=https%3A%2F%2Fwww\.youtube\.com%2F(watch%3Fv%3D|shorts%2F|playlist%3Flist%3D)[A-Za-z0-9_-]+"
)

_LATIN = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=30)
_PATHS = st.sampled_from(
    [
        "/",
        f"/embed/{FILM}",
        f"/thumbnail/{FILM}/320.jpg",
        f"/play/{FILM}",
        f"/vi/{FILM}/default.jpg",
        "/healthz",
        "*",
        "",
    ]
)
_FRAMING = ["Host", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "Upgrade", "TE", "Trailer"]
_DECIDING = ["If-None-Match", "Range", "Accept-Language", "Referer", "Sec-Fetch-User", "X-Forwarded-For", "Origin"]
_NAMES = st.sampled_from([*_FRAMING, *_DECIDING, "Cookie", "X-Any"])
_VALUES = st.sampled_from(
    ["", "0", "5", "-1", "chunked", "close", "keep-alive", "*", '"x"', "bytes=0-", "100-continue"]
)
_ENDS = st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n ", "\0", ""])


@st.composite
def noise(draw: st.DrawFn) -> bytes:
    """Something like a request, or several, with pieces wrong, missing or too many."""
    text = ""
    for _ in range(draw(st.integers(1, 3))):
        method = draw(st.sampled_from(["GET", "GET", "POST", "OPTIONS", "TRACE", "get", ""]) | _LATIN)
        version = draw(st.sampled_from([" HTTP/1.1", " HTTP/1.1", " HTTP/1.0", " HTTP/2.0", ""]))
        path = draw(_PATHS) + draw(st.just("") | _LATIN)
        text += f"{method} {path}{version}{draw(_ENDS)}"
        for _ in range(draw(st.integers(0, 5))):
            text += f"{draw(_NAMES)}{draw(st.sampled_from([': ', ':', ' : ']))}{draw(_VALUES | _LATIN)}{draw(_ENDS)}"
        text += draw(st.sampled_from(["\r\n", "\r\n", "\n", ""])) + draw(
            st.sampled_from(["", "5\r\nhello\r\n0\r\n\r\n"])
        )
    return text.encode("latin-1")


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[Running, FakeYouTube]]:
    with FakeYouTube() as youtube, tempfile.TemporaryDirectory() as folder:
        proxy = {"upstream_proxy": youtube.proxy_url, "upstream_ca_file": str(youtube.ca_file)}
        server = Running({"cache_dir": folder, "workers": "1", **proxy})
        server.wait_until_up()
        yield server, youtube
        server.stop()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=noise())
def test_noise_on_the_wire_gets_well_formed_answers_or_none_and_harms_nobody(
    wire: tuple[Running, FakeYouTube], data: bytes
) -> None:
    server, youtube = wire
    for answer in exchange(server.port, data + request("/healthz"), quiet_s=0.2):
        assert answer.status < 500
        assert "location" not in dict(answer.headers)
        assert dict(answer.headers).get("server", "ytproxy") == "ytproxy"
    (after,) = exchange(server.port, request("/healthz"))
    assert (after.status, after.body) == (200, b"ok\n")
    assert all(_ALLOWED_UPSTREAM.fullmatch(asked.path) for asked in youtube.requests)


def test_noise_leaves_no_word_in_the_log(wire: tuple[Running, FakeYouTube]) -> None:
    server, _ = wire
    for path in (f"/embed/{FILM}", "/nowhere", "/%00%ff"):
        exchange(server.port, request(path, "Referer: http://[canary", "Upgrade: websocket", "Cookie: canary"))
    assert "canary" not in server.log
    assert "Traceback" not in server.log


# Noise in the readers: the targets of tests/fuzz, without its engine

_EDITS = st.lists(
    st.tuples(
        st.floats(0, 1), st.integers(0, 6), st.one_of(st.binary(max_size=4), st.sampled_from([b"%", b"&amp;", b"\xff"]))
    ),
    max_size=6,
)


def edited(sample: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """*sample* with pieces replaced: where (0 to 1), how many bytes go, what comes."""
    for where, gone, come in edits:
        at = int(where * len(sample))
        sample = sample[:at] + come + sample[at + gone :]
    return sample


@pytest.mark.parametrize("name", TARGETS)
def test_every_reader_of_foreign_text_holds_its_promise_for_spoilt_samples(name: str) -> None:
    target = TARGETS[name]()
    for sample in target.samples:
        target.feed(sample)

    @settings(max_examples=40 if name == "picture" else 150, deadline=None)
    @given(sample=st.sampled_from(target.samples) | st.binary(max_size=60), edits=_EDITS)
    def holds(sample: bytes, edits: list[tuple[float, int, bytes]]) -> None:
        target.feed(edited(sample, edits)[: target.max_bytes])

    holds()


# Long mixed histories

_FILMS = (FILM, IDS["full-hd"], "histories-0")
_NAMES_OF_PICTURES = ("320.jpg", "480.webp")


class Histories(RuleBasedStateMachine):
    """Visits, purges, new pictures and failures in any order: whoever gets a picture gets that of the right video."""

    @initialize()
    def begin(self) -> None:
        self.youtube = FakeYouTube().__enter__()
        self.folder = tempfile.TemporaryDirectory()
        self.cache = Path(self.folder.name) / "cache"
        upstream = Upstream(thumbnails=self.youtube.base_url, oembed=self.youtube.base_url, deadline_s=3)
        chosen = Settings(cache_dir=self.cache, workers=1, miss_rate_limit=(0, 0))
        self.client = Client(create_app(chosen, upstream=upstream), use_cookies=False)
        self.right: dict[tuple[str, str], set[bytes]] = {}
        self.changes = 0
        self.failing = False
        for video in _FILMS:
            self._learn(video)

    def _learn(self, video: str) -> None:
        """What the pictures of *video* look like from now on, by asking the stand-in itself."""
        source = requests.get(f"{self.youtube.base_url}/vi/{video}/maxresdefault.jpg", timeout=5).content
        for name in _NAMES_OF_PICTURES:
            made = {images.render(source, Variant.parse(name), ratio=ratio) for ratio in (None, 16 / 9)}
            self.right.setdefault((video, name), set()).update(made)

    @rule(
        video=st.sampled_from(_FILMS),
        name=st.sampled_from(_NAMES_OF_PICTURES),
        headers=st.sampled_from(_POISON_HEADERS),
        query=st.sampled_from(_POISON_QUERIES),
    )
    def visit(self, video: str, name: str, headers: dict[str, str], query: str) -> None:
        response = self.client.get(f"/thumbnail/{video}/{name}{query}", headers=headers)
        if response.status_code == 200:
            assert response.data in self.right[video, name]
            assert response.headers["ETag"]
        else:
            assert response.status_code in (304, 400, 404, 502, 503)
            assert response.status_code in (304, 400) or Image.open(BytesIO(response.data)).size[1] in (180, 270)

    @rule(video=st.sampled_from(_FILMS), headers=st.sampled_from(_POISON_HEADERS))
    def look(self, video: str, headers: dict[str, str]) -> None:
        response = self.client.get(f"/embed/{video}", headers=headers)
        assert response.status_code in (200, 304, 400)
        if response.status_code == 200:
            assert f"/thumbnail/{video}/".encode() in response.data
            assert not [other for other in _FILMS if other != video and other.encode() in response.data]

    @rule(video=st.sampled_from(_FILMS))
    def purge(self, video: str) -> None:
        store = FolderStore(self.cache, max_bytes=2_000_000_000)
        store.purge(VideoId(video))
        store.close()

    @precondition(lambda self: self.changes < 3 and not self.failing)
    @rule(video=st.sampled_from(_FILMS))
    def change(self, video: str) -> None:
        self.changes += 1
        self.youtube.change_picture(video)
        self._learn(video)

    @rule(failure=st.sampled_from([{"status": 500}, {"status": 404, "only": "thumbnails"}, {"reset": True}, {}]))
    def fail(self, failure: dict[str, object]) -> None:
        self.failing = bool(failure)
        self.youtube.fail(**failure)

    def teardown(self) -> None:
        store = FolderStore(self.cache, max_bytes=2_000_000_000)
        assert store.check() == []
        store.close()
        self.youtube.__exit__(None, None, None)
        self.folder.cleanup()


# Not made shorter when one fails: that would take minutes.
Histories.TestCase.settings = settings(
    max_examples=10,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
TestHistories = Histories.TestCase
