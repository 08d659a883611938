"""The description at /openapi.json is true: every address, status, content type and header, and no other."""

import copy
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
import schemathesis
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from werkzeug.test import Client, TestResponse

from tests.running import Running
from tests.youtube import IDS, FakeYouTube
from ytproxy import __version__
from ytproxy import youtube as grammar
from ytproxy.web.openapi import document
from ytproxy.web.static_files import StaticFiles

Json = dict[str, Any]
MakeClient = Callable[..., Client]

FILM = IDS["landscape"]
ROOT = Path(__file__).parents[1]
WATCH = "https://www.youtube.com/watch?v="
DESCRIBED = document()
PATHS = list(DESCRIBED["paths"])
CONFIG = {
    "seed": 1,
    "generation": {"max-examples": 4, "deterministic": True, "no-shrink": True},
    # Nothing may fail but on purpose: oEmbed itself wants 501 for an unknown format (https://oembed.com, 2.3.4).
    "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", 501]}},
}


def differences(described: Json, server: Running) -> tuple[list[str], set[str]]:
    """What schemathesis finds wrong between a description and the server; and which checks have looked."""
    config = SchemathesisConfig.from_dict(CONFIG)
    config.projects.default.base_url = server.url
    wrong, checks = [], set()
    for event in from_schema(schemathesis.openapi.from_dict(described, config=config)).execute():
        if isinstance(event, NonFatalError | FatalError):
            wrong.append(str(event))
        if isinstance(event, ScenarioFinished):
            for node in (node for nodes in event.recorder.checks.values() for node in nodes):
                checks.add(node.name)
                if node.failure_info:
                    wrong.append(f"{event.recorder.label}: {node.name}: {node.failure_info.failure}")
    return wrong, checks


def served(server: Running) -> Json:
    return requests.get(f"{server.url}/openapi.json", timeout=5).json()


# Addresses


def test_every_route_is_described_and_every_description_has_a_route(client: Client) -> None:
    routes = client.application._app.__self__.url_map  # behind the memory front
    rules = {re.sub(r"<(?:path:)?\w+>", "{}", rule.rule) for rule in routes.iter_rules()}
    # A door's other spellings: with a slash at its end, with parameters stuck to its name.
    rules = {rule for rule in rules if rule == "/" or not rule.endswith(("/", "&{}"))}
    described = {re.sub(r"{\w+}", "{}", path) for path in PATHS}
    described.remove("/static/texts/{}.js")  # one route for both, as the test below has it
    assert described == rules


def test_every_browser_file_is_described() -> None:
    patterns = {name: DESCRIBED["components"]["parameters"][name]["schema"]["pattern"] for name in ("file", "language")}
    for stable, hashed in StaticFiles().urls.items():
        for name in (stable, hashed):
            is_text = name.startswith("texts/")
            text = name.removeprefix("texts/").removesuffix(".js") if is_text else name
            assert re.search(patterns["language" if is_text else "file"], text), name


def test_an_id_is_described_as_it_is_read() -> None:
    pattern = DESCRIBED["components"]["parameters"]["video"]["schema"]["pattern"]
    assert pattern == f"^{grammar._VIDEO_ID.pattern}$"


def test_every_player_parameter_is_described_with_an_example_that_counts() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    understood = re.search(r"Understood: `([^`]+)`", reference)
    assert understood
    parameters = DESCRIBED["components"]["parameters"]
    given = [(name, parameters[name]["example"]) for name in understood[1].split()]
    refs = {parameter["$ref"].rpartition("/")[2] for parameter in DESCRIBED["paths"]["/embed"]["get"]["parameters"]}
    assert refs == {name for name, _ in given} | {"v", "lang", "sig"}
    partners = {"clip": "clipt", "clipt": "clip", "listType": "list"}
    for name, example in given:
        more = [(partner, parameters[partner]["example"]) for partner in [partners.get(name)] if partner]
        params = grammar.PlayerParams.from_query([(name, example), *more])
        assert params.items, f"{name}={example}"


def test_the_description_is_served_to_everybody_and_kept(client: Client) -> None:
    response = client.get("/openapi.json")
    assert response.json == DESCRIBED
    assert response.json["info"]["version"] == __version__
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Cache-Control"] == "public, max-age=300"
    again = client.get("/openapi.json", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("folder", ["https://example.org/", "https://example.org/yt/"])
def test_the_server_is_the_folder_of_the_description(folder: str) -> None:
    (server,) = DESCRIBED["servers"]
    assert urljoin(f"{folder}openapi.json", server["url"]) == folder


# Answers


def test_schemathesis_finds_nothing(serve: Callable[..., Running]) -> None:
    server = serve(miss_rate_limit="0,0")  # it asks for more new ids in a minute than the limit lets through
    wrong, checks = differences(served(server), server)
    assert wrong == []
    load_all_checks()
    assert checks >= set(CHECKS.get_all_names())


def _without_a_status(described: Json) -> None:
    del described["paths"]["/embed/{video}"]["get"]["responses"]["404"]


def _of_another_type(described: Json) -> None:
    described["paths"]["/version"]["get"]["responses"]["200"]["content"] = {"text/plain": {}}


def _with_another_schema(described: Json) -> None:
    content = described["paths"]["/oembed"]["get"]["responses"]["200"]["content"]
    content["application/json"]["schema"]["properties"]["version"]["const"] = "2.0"


def _with_a_header_too_many(described: Json) -> None:
    described["paths"]["/healthz"]["get"]["responses"]["200"]["headers"]["X"] = {
        "required": True,
        "schema": {"type": "string"},
    }


def _with_a_route_too_many(described: Json) -> None:
    described["paths"]["/nowhere"] = {"get": {"responses": {"200": {"description": "Nothing."}}}}


def _with_a_parameter_too_strict(described: Json) -> None:
    described["components"]["parameters"]["lang"]["schema"]["enum"] = ["de", "en"]


@pytest.mark.parametrize(
    ("path", "spoil", "check"),
    [
        ("/embed/{video}", _without_a_status, "status_code_conformance"),
        ("/version", _of_another_type, "content_type_conformance"),
        ("/oembed", _with_another_schema, "response_schema_conformance"),
        ("/healthz", _with_a_header_too_many, "response_headers_conformance"),
        ("/nowhere", _with_a_route_too_many, "status_code_conformance"),
        ("/privacy", _with_a_parameter_too_strict, "negative_data_rejection"),
    ],
)
def test_a_wrong_description_is_noticed(
    serve: Callable[..., Running], path: str, spoil: Callable[[Json], None], check: str
) -> None:
    server = serve(workers=1, miss_rate_limit="0,0")
    described = served(server)
    spoil(described)
    described["paths"] = {path: described["paths"][path]}
    wrong, _ = differences(described, server)
    assert any(f": {check}: " in text for text in wrong), wrong


class Seen:
    """Answers, each compared with its description; and which statuses they had."""

    def __init__(self) -> None:
        self._schema = schemathesis.openapi.from_dict(copy.deepcopy(DESCRIBED))
        self.statuses: set[tuple[str, int]] = set()

    def get(self, client: Client, path: str, video: str = FILM, **headers: str) -> TestResponse:
        names = {"name": "320.jpg" if path.startswith("/thumbnail/") else "0", "file": "start.js", "language": "de"}
        query = {"url": f"{WATCH}{video}"} if path == "/oembed" else {"v": video}
        return self.ask(client, path, path.format(video=video, **names), query, **headers)

    def ask(self, client: Client, path: str, url: str, query: Any = None, **headers: str) -> TestResponse:
        # What begins as a prefetch is never taken for a click, so that the player's door shows its preview.
        response = client.get(url, query_string=query, headers={"Sec-Purpose": "prefetch"} | headers)
        described = answers(path).get(str(response.status_code))
        assert described is not None, f"{url} answers {response.status_code}"
        assert not response.data or response.mimetype in described["content"], url
        self._schema[path]["GET"].validate_response(response)
        self.statuses.add((path, response.status_code))
        return response


def answers(path: str) -> Json:
    """What is described of an address, by status."""
    found: Json = DESCRIBED["paths"][path]["get"]["responses"]
    return found


def paths_with(status: int) -> list[str]:
    return [path for path in PATHS if str(status) in answers(path)]


def test_every_status_described_is_one_that_comes(
    make_client: MakeClient, youtube: FakeYouTube, tmp_path: Path
) -> None:
    seen = Seen()
    client = make_client()
    for path in PATHS:
        tag = seen.get(client, path).headers.get("ETag")
        if path in paths_with(304):
            seen.get(client, path, **{"If-None-Match": tag or ""})
        if path in paths_with(404):
            seen.get(client, path, IDS["absent"])
        if path in paths_with(403):
            seen.get(client, path, IDS["private"])
    for path, url in (
        ("/static/{file}", "/static/none.js"),
        ("/static/texts/{language}.js", "/static/texts/xx.js"),
        ("/video/youtube/{video}.amp", "/video/youtube/none.amp"),
    ):
        seen.ask(client, path, url)
    seen.ask(client, "/oembed", "/oembed")
    seen.ask(client, "/oembed", "/oembed", {"url": f"{WATCH}{FILM}", "format": "xml"})
    seen.ask(client, "/oembed", "/oembed", {"url": f"{WATCH}{FILM}", "format": "yaml"})
    seen.get(client, "/oembed", IDS["no-embed"])

    elsewhere = make_client(allowed_sites=("https://example.org",))
    for path in ("/version", "/video/youtube/{video}.amp", "/video/youtube/{video}-poster-image"):
        seen.get(elsewhere, path, Origin="https://example.com")

    limited = make_client(cache_dir=tmp_path / "limited", miss_rate_limit=(1, 0))
    limited.get(f"/embed/{IDS['short']}")
    for path in paths_with(429):
        seen.get(limited, path)

    youtube.fail(status=503)
    failing = make_client(cache_dir=tmp_path / "failing")
    for path in paths_with(502):
        seen.get(failing, path)
    listed = make_client(cache_dir=tmp_path / "listed", allowed_videos=frozenset({FILM}))
    channels = make_client(cache_dir=tmp_path / "channels", allowed_channels=frozenset({"@ours"}))
    for path in paths_with(503):
        is_page = "text/html" in answers(path)["503"]["content"]
        if path != "/readyz":
            seen.get(channels if is_page else listed, path)
    broken = make_client(cache_dir=tmp_path / "broken")
    shutil.rmtree(tmp_path / "broken")
    (tmp_path / "broken").write_text("no folder")
    seen.get(broken, "/readyz")

    assert seen.statuses == {(path, int(status)) for path in PATHS for status in answers(path)}
