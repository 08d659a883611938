"""Before the click a visitor's browser reaches nobody but us, counted at the network; after it, the player alone.

A normally started Chromium visits the real server in a network namespace where a DNS server and a sink count
everything. The leaks of tests/privacy/mutants.py are the proof that a count of nothing means something.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.privacy.journal import OWN_HOSTS, PLAYER_HOST, PROXY_HOST
from tests.privacy.mutants import API_SCRIPT, KEPT_HISTORY, MUTANTS, Mutant
from tests.privacy.namespace import CannotRun, see
from tests.privacy.scenarios import OLD, VIDEO, WHOLE_PAGES

# The visits take two to three minutes and run once, within the first test that asks for them.
pytestmark = [pytest.mark.needs("chromium", "unshare", "ip", "mount"), pytest.mark.timeout(600)]

Phase = dict[str, Any]
Visits = dict[str, dict[str, Phase]]

_YOUTUBE = ("youtube", "ytimg", "ggpht", "googlevideo", "doubleclick", "gstatic", "www.google.")
_HEADERS_TO_YOUTUBE = {"host", "user-agent", "accept", "accept-encoding", "connection", "if-none-match"}
_CLICKS = (
    "click",
    "enter key",
    "click without scripts",
    "click in strict",
    "click on whole page",
    "click on element",
    "enter key on element",
    "click on element in strict",
    "click on element in German",
    *(f"click on {name}" for name in OLD),
)


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one run saw; a run that cannot be carried out fails."""
    try:
        return see(tmp_path_factory.mktemp("privacy") / "results.json")
    except CannotRun as reason:
        pytest.fail(str(reason), pytrace=False)


@pytest.fixture(scope="session")
def visits(report: dict[str, Any]) -> Visits:
    found: Visits = report["visits"]
    return found


@pytest.fixture(scope="session")
def leaks(report: dict[str, Any]) -> Visits:
    found: Visits = report["mutants"]
    return found


def _shows_preview(phase: Phase) -> bool:
    """A page of ours with a picture that loaded and a link to play; else its silence would prove nothing."""
    return any(frame.get("playLink") and frame.get("pictures") for frame in phase["frames"])


def _shows_player(phase: Phase) -> bool:
    return any(urlsplit(frame["url"]).hostname == PLAYER_HOST for frame in phase["frames"])


def _steps(phases: dict[str, Phase]) -> list[Phase]:
    """The phases in which there was a page; the last, "close", is about what the tab left behind."""
    return [phase for name, phase in phases.items() if name != "close"]


def _contacts(phases: dict[str, Phase]) -> list[Any]:
    return [contact for phase in phases.values() for contact in phase["contacts"]]


def _requests(phase: Phase) -> list[dict[str, Any]]:
    return [contact for contact in phase["contacts"] if contact["kind"] == "request"]


def _signs(phases: dict[str, Phase]) -> Iterator[tuple[str, str]]:
    """Everything that gives a leak away: kinds of contact with their host, and kinds of storage."""
    for phase in phases.values():
        yield from ((contact["kind"], contact["host"]) for contact in phase["contacts"])
        for item in phase["stored"]:
            yield ("cookie" if item.startswith("cookie") else "storage"), ""


@pytest.mark.parametrize("step", ["load", "roam", "reload", "away and back", "close"])
@pytest.mark.parametrize("visit", ["plain", "element"])
def test_a_page_with_embed_code_or_element_contacts_nobody_before_the_click(
    visits: Visits, visit: str, step: str
) -> None:
    """To roam is to hover, scroll, touch, travel by keyboard, print, change tabs and sleep."""
    phase = visits[visit][step]
    assert step == "close" or _shows_preview(phase), phase["frames"]
    assert phase["contacts"] == []


def test_a_page_turned_by_the_upgrade_shows_four_previews_and_is_as_quiet(visits: Visits) -> None:
    """A waiting frame, a lone link, lite-youtube and embetty-video."""
    for phase in _steps(visits["old page"]):
        assert _shows_preview(phase), phase["frames"]
        assert len(phase["frames"]) == 1
    assert sum(frame["pictures"] for frame in visits["old page"]["roam"]["frames"]) == len(OLD)
    assert _contacts(visits["old page"]) == []


def test_an_element_in_another_language_is_as_quiet(visits: Visits) -> None:
    asked = [one["detail"] for phase in visits["element in German"].values() for one in phase["asked"]]
    assert any(detail.startswith("GET /static/texts/de.js") for detail in asked)
    assert _contacts(visits["element in German"]) == []


@pytest.mark.parametrize("visit", ["plain without scripts", "strict"])
def test_it_is_as_quiet_without_scripts_and_in_a_page_with_a_strict_policy(visits: Visits, visit: str) -> None:
    for phase in _steps(visits[visit]):
        assert _shows_preview(phase), phase["frames"]
    assert _contacts(visits[visit]) == []


def test_an_element_without_scripts_is_a_link_with_a_picture_and_as_quiet(visits: Visits) -> None:
    for phase in _steps(visits["element without scripts"]):
        [frame] = phase["frames"]
        assert frame["pictures"] == 1
        assert "A film" in frame["text"]
    assert _contacts(visits["element without scripts"]) == []


@pytest.mark.parametrize("name", WHOLE_PAGES)
def test_no_page_of_ours_contacts_anybody(visits: Visits, name: str) -> None:
    for phase in _steps(visits[name]):
        [frame, *_] = phase["frames"]
        assert urlsplit(frame["url"]).hostname == PROXY_HOST
        assert frame["text"].strip(), "the page is empty"
    assert _contacts(visits[name]) == []


def test_a_player_page_that_a_site_frames_directly_is_only_a_preview(visits: Visits) -> None:
    for phase in _steps(visits["play-frame"]):
        assert _shows_preview(phase), phase["frames"]
        assert not _shows_player(phase)
    assert _contacts(visits["play-frame"]) == []


@pytest.mark.parametrize("visit", ["prefetch", "speculation"])
def test_a_player_page_loaded_ahead_contacts_nobody(visits: Visits, visit: str) -> None:
    ahead = [
        asked
        for phase in _steps(visits[visit])
        for asked in phase["asked"]
        if asked["headers"].get("sec-purpose") and asked["detail"].startswith("GET /play/")
    ]
    assert ahead, "the browser did not load the page ahead"
    assert _contacts(visits[visit]) == []


def test_nothing_is_stored_on_the_visitors_device_before_or_after_the_click(visits: Visits) -> None:
    stored = {(visit, step): phase["stored"] for visit, phases in visits.items() for step, phase in phases.items()}
    assert {place: items for place, items in stored.items() if items} == {}


def test_what_one_site_has_left_in_the_browsers_cache_tells_another_nothing(visits: Visits) -> None:
    def pictures_asked(step: str) -> int:
        phase = visits["two sites"][step]
        assert _shows_preview(phase), phase["frames"]
        return len([asked for asked in phase["asked"] if asked["detail"].startswith("GET /thumbnail/")])

    steps = ("load", "same site", "another site")
    assert [pictures_asked(step) for step in steps] == [1, 0, 1]


@pytest.mark.parametrize("visit", _CLICKS)
def test_a_click_contacts_the_player_and_no_other_host(visits: Visits, visit: str) -> None:
    assert visits[visit]["load"]["contacts"] == []
    phase = visits[visit]["play"]
    assert _shows_player(phase), phase["frames"]
    assert {contact["host"] for contact in phase["contacts"]} == {PLAYER_HOST}
    assert _requests(phase)[0]["detail"].startswith(f"GET /embed/{VIDEO}")


@pytest.mark.parametrize("visit", _CLICKS)
def test_youtube_learns_our_origin_as_referrer_and_not_the_page(visits: Visits, visit: str) -> None:
    first = _requests(visits[visit]["play"])[0]
    assert first["headers"]["referer"] == f"https://{PROXY_HOST}/"
    assert "site.test" not in str(visits[visit]["play"]["contacts"])


@pytest.mark.parametrize("visit", [visit for visit in _CLICKS if visit != "click without scripts"])
def test_one_click_plays_where_the_page_lets_it(visits: Visits, visit: str) -> None:
    assert "playing" in [told["event"] for told in visits[visit]["play"]["player"]]


def test_a_frame_without_leave_to_autoplay_shows_the_player_and_waits(visits: Visits) -> None:
    phase = visits["click undelegated"]["play"]
    assert _shows_player(phase)
    assert "blocked" in [told["event"] for told in phase["player"]]


@pytest.mark.parametrize(
    ("visit", "step"),
    [
        ("click", "back"),
        ("click", "forward"),
        ("click then reload", "reload"),
        ("click then leave", "away and back"),
        ("click on element", "stop"),
        ("click on element then leave", "away and back"),
        ("click on whole page", "reload"),
        ("click on whole page then leave", "away and back"),
    ],
)
def test_back_forward_reload_and_restore_show_the_preview_again_and_contact_nobody(
    visits: Visits, visit: str, step: str
) -> None:
    assert _shows_player(visits[visit]["play"])
    phase = visits[visit][step]
    assert _shows_preview(phase), phase["frames"]
    assert not _shows_player(phase)
    assert phase["contacts"] == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_harness_sees(leaks: Visits, mutant: Mutant) -> None:
    assert (mutant.sign, mutant.host) in set(_signs(leaks[mutant.name]))


def test_the_harness_sees_a_second_host_after_the_click(leaks: Visits) -> None:
    contacts = leaks[API_SCRIPT.name]["play"]["contacts"]
    assert {contact["host"] for contact in contacts} == {PLAYER_HOST, API_SCRIPT.host}


def test_the_harness_sees_a_player_that_reload_brings_back(leaks: Visits) -> None:
    phase = leaks[KEPT_HISTORY.name]["reload"]
    assert _shows_player(phase)
    assert {contact["host"] for contact in phase["contacts"]} == {PLAYER_HOST}


def test_what_is_put_down_to_the_browser_itself_hides_no_host_of_youtubes(report: dict[str, Any]) -> None:
    hidden = [host for host in report["housekeeping"] if any(part in host for part in (*_YOUTUBE, *OWN_HOSTS, "?"))]
    assert hidden == []


def test_youtube_is_told_nothing_of_the_visitor_by_our_server(report: dict[str, Any]) -> None:
    assert report["upstream"], "the server has asked the stand-in nothing"
    for request in report["upstream"]:
        names = {name.lower() for name in request["headers"]}
        assert names <= _HEADERS_TO_YOUTUBE
        assert "Mozilla" not in request["headers"].get("User-Agent", "")
        assert not any(host in str(request) for host in OWN_HOSTS)


@pytest.mark.parametrize("tool", ["chromium", "unshare"])
def test_a_missing_tool_is_named_with_its_cure(tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for present in {"chromium", "unshare", "ip", "mount"} - {tool}:
        (tmp_path / present).write_text("#!/bin/sh\n")
        (tmp_path / present).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotRun, match=f"needs `{tool}`.*apt-get install"):
        see(tmp_path / "results.json")


def test_a_machine_without_namespaces_is_a_failure_with_a_plain_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tool in ("chromium", "ip", "mount"):
        (tmp_path / tool).write_text("#!/bin/sh\n")
        (tmp_path / tool).chmod(0o755)
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotRun, match=r"network namespace.*Operation not permitted.*root"):
        see(tmp_path / "results.json")
