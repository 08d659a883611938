"""The commands as people call them: what they print, and their exit status."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.youtube import IDS, FakeYouTube
from ytproxy.cli import cli

FILM = IDS["landscape"]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ytproxy(youtube: FakeYouTube, tmp_path: Path) -> Command:
    """Runs a command against the stand-in, with a cache of its own."""

    def run(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("YTPROXY_")}
        settings = {
            "YTPROXY_CACHE_DIR": str(tmp_path / "cache"),
            "YTPROXY_UPSTREAM_PROXY": youtube.proxy_url,
            "YTPROXY_UPSTREAM_CA_FILE": str(youtube.ca_file),
        }
        return subprocess.run(
            [sys.executable, "-m", "ytproxy", *arguments],
            env=kept | settings | environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_version_and_help_work_everywhere(ytproxy: Command) -> None:
    assert ytproxy("--version").stdout.startswith("ytproxy, version ")
    for command in cli.commands:
        answer = ytproxy(command, "--help")
        assert answer.returncode == 0
        assert "Example: ytproxy" in answer.stdout


def test_warm_fetches_ahead_from_every_kind_of_source(ytproxy: Command, youtube: FakeYouTube, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "page.html").write_text(f'<iframe src="https://www.youtube.com/embed/{IDS["full-hd"]}?rel=0&amp;start=3">')
    (site / "post.md").write_text(f"Look: https://youtu.be/{IDS['old']}?si=x.")
    (site / "picture.png").write_bytes(b"\x89PNG")
    listed = tmp_path / "ids.txt"
    listed.write_text(f"{IDS['no-maxres']}\n{FILM}\n")
    answer = ytproxy(
        "warm", FILM, "-", str(site), str(listed), stdin=f"https://www.youtube.com/shorts/{IDS['short']}\n"
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.splitlines()[-1] == "5 of 5 previews are ready."
    counted = json.loads(ytproxy("stats", "--json").stdout)
    assert counted["videos"] == 5
    assert counted["bytes"] > 100_000


def test_warm_says_what_failed_and_why(ytproxy: Command) -> None:
    answer = ytproxy("warm", FILM, IDS["absent"], IDS["private"])
    assert answer.returncode == 1
    assert "1 of 3 previews are ready." in answer.stdout
    assert f"{IDS['absent']}: " in answer.stderr
    assert "private" in answer.stderr


def test_purge_forgets_one_or_all(ytproxy: Command) -> None:
    ytproxy("warm", FILM, IDS["old"])
    assert ytproxy("purge", f"https://youtu.be/{FILM}").stdout == "Forgotten: 1.\n"
    assert json.loads(ytproxy("stats", "--json").stdout)["videos"] == 1
    assert ytproxy("purge", "--all").stdout == "Forgotten: 1.\n"
    assert json.loads(ytproxy("stats", "--json").stdout)["files"] == 0


def test_stats_prints_a_table(ytproxy: Command) -> None:
    answer = ytproxy("stats")
    assert answer.returncode == 0
    assert "videos" in answer.stdout


def test_doctor_is_content_with_a_sound_server_and_says_the_cure_for_a_fault(
    ytproxy: Command, youtube: FakeYouTube
) -> None:
    answer = ytproxy("doctor")
    assert (answer.returncode, "FAULT" in answer.stdout) == (0, False)
    youtube.fail(down=True)
    answer = ytproxy("doctor")
    assert answer.returncode == 1
    assert "YTPROXY_UPSTREAM_PROXY" in answer.stdout
    youtube.recover()
    answer = ytproxy("doctor", "--host", "0.0.0.0")
    assert "YTPROXY_PUBLIC_URL" in answer.stdout


def test_policy_prints_the_section_for_these_settings(ytproxy: Command) -> None:
    german = ytproxy("policy", "--lang", "de", YTPROXY_PUBLIC_URL="https://video.example.org").stdout
    assert "klicken, wird eine Verbindung zu den Servern von YouTube hergestellt" in german
    assert "video.example.org" in german
    assert "a connection to the YouTube servers is established" in ytproxy("policy").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["warm", "nonsense"], "nonsense"),
        (["warm"], "Usage"),
        (["purge"], "--all"),
        (["purge", FILM, "--all"], "--all"),
        (["serve", "--port", "99999"], "--port is '99999'"),
        (["serve", "--config", "/no/such/file"], "/no/such/file"),
        (["policy", "--lang", "xx"], "de, en"),
        (["frobnicate"], "frobnicate"),
    ],
    ids=str,
)
def test_wrong_use_is_told_in_one_sentence_with_status_2(ytproxy: Command, arguments: list[str], words: str) -> None:
    answer = ytproxy(*arguments)
    assert answer.returncode == 2
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_unknown_variable_stops_the_start_and_names_the_right_one(ytproxy: Command) -> None:
    answer = ytproxy("serve", YTPROXY_CACHEDIR="/tmp")
    assert answer.returncode == 2
    assert "did you mean YTPROXY_CACHE_DIR?" in answer.stderr


def test_an_address_in_use_is_told_plainly(ytproxy: Command, youtube: FakeYouTube) -> None:
    port = youtube.proxy_url.rpartition(":")[2]
    answer = ytproxy("serve", "--port", port)
    assert answer.returncode == 2
    assert "--port" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_unusable_cache_folder_is_told_at_the_start(ytproxy: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = ytproxy("serve", "--cache-dir", str(tmp_path / "file"))
    assert answer.returncode == 1
    assert str(tmp_path / "file") in answer.stderr
    assert "Traceback" not in answer.stderr
