"""What most tests need: a stand-in YouTube, a clock that only tests move, the service and the server on them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from werkzeug.test import Client

from tests.running import Running
from tests.youtube import FakeYouTube
from ytproxy.config import Settings
from ytproxy.previews import Previews
from ytproxy.store.folder import FolderStore
from ytproxy.upstream import Upstream
from ytproxy.web import create_app

DAY_S = 86_400

# No deadline for an example: how fast a machine is just now is no property of the code.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def youtube() -> Iterator[FakeYouTube]:
    with FakeYouTube() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def upstream_clock() -> Clock:
    return Clock()


@pytest.fixture
def upstream(youtube: FakeYouTube, upstream_clock: Clock) -> Upstream:
    return Upstream(thumbnails=youtube.base_url, oembed=youtube.base_url, deadline_s=3, clock=upstream_clock)


@pytest.fixture
def make_previews(tmp_path: Path, upstream: Upstream, clock: Clock) -> Iterator[Callable[..., Previews]]:
    """Makes services that share one folder, as worker processes do. The store is checked at the end."""
    made: list[Previews] = []

    def make(**options: Any) -> Previews:
        store = options.pop("store", None) or FolderStore(tmp_path / "cache", max_bytes=50_000_000, clock=clock)
        facts = {"refresh_after_s": DAY_S, "max_age_s": 30 * DAY_S, "memory_max_bytes": 20_000_000, "clock": clock}
        made.append(Previews(store, upstream, **(facts | options)))
        return made[-1]

    yield make
    for previews in made:
        previews.close()
    if made:
        store = FolderStore(tmp_path / "cache", max_bytes=50_000_000, clock=clock)
        assert store.check() == []
        store.close()


@pytest.fixture
def previews(make_previews: Callable[..., Previews]) -> Previews:
    return make_previews()


@pytest.fixture
def make_client(tmp_path: Path, upstream: Upstream) -> Callable[..., Client]:
    """A client of the whole WSGI application in this process, for the settings given."""

    def make(**settings: Any) -> Client:
        values = {"cache_dir": tmp_path / "cache", "workers": 1} | settings
        return Client(create_app(Settings(**values), upstream=upstream))

    return make


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()


@pytest.fixture
def serve(tmp_path: Path, youtube: FakeYouTube) -> Iterator[Callable[..., Running]]:
    """Starts the unmodified server as a process of its own, with the stand-in as its way to YouTube."""
    running: list[Running] = []

    def start(**settings: Any) -> Running:
        values = {
            "cache_dir": tmp_path / "cache",
            "upstream_proxy": youtube.proxy_url,
            "upstream_ca_file": youtube.ca_file,
            "workers": 2,
        } | settings
        running.append(Running({name: str(value) for name, value in values.items()}))
        running[-1].wait_until_up()
        return running[-1]

    yield start
    for server in running:
        server.stop()
