"""The stand-in YouTube on the wire: sick, slow, as a proxy, under load, and run by hand."""

from __future__ import annotations

import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.youtube import IDS, FakeYouTube
from tests.youtube.asking import TIMEOUT_S, oembed, thumbnail

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture
def youtube() -> Iterator[FakeYouTube]:
    with FakeYouTube() as running:
        yield running


# Unwell


@pytest.mark.parametrize(
    ("profile", "status", "retry_after"),
    [("busy", 429, "120"), ("busy-html", 429, None), ("error-500", 500, None), ("error-503", 503, None)],
)
def test_an_unwell_film_is_unwell_on_both_hosts(
    youtube: FakeYouTube, profile: str, status: int, retry_after: str | None
) -> None:
    for answer in (thumbnail(youtube, IDS[profile]), oembed(youtube, IDS[profile])):
        assert (answer.status_code, answer.headers.get("Retry-After")) == (status, retry_after)
        assert answer.headers["Content-Type"].startswith("text/html")


def test_a_reset_connection_breaks_on_both_hosts(youtube: FakeYouTube) -> None:
    for ask in (thumbnail, oembed):
        with pytest.raises(requests.exceptions.ConnectionError, match="reset by peer"):
            ask(youtube, IDS["reset"])


def test_a_late_film_is_later_than_a_short_timeout(youtube: FakeYouTube) -> None:
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(f"{youtube.base_url}/vi/{IDS['delay']}/hqdefault.jpg", timeout=0.3)
    youtube.set(IDS["delay"], delay_s=0.01)
    assert thumbnail(youtube, IDS["delay"]).status_code == 200


@pytest.mark.parametrize(("profile", "first"), [("drip", b"HTTP/1.1 200 OK\r\n"), ("drip-head", b"HTTP/1.1")])
def test_a_dripping_film_comes_byte_by_byte(youtube: FakeYouTube, profile: str, first: bytes) -> None:
    youtube.set(IDS[profile], drip_s=0.01)
    with socket.create_connection(("127.0.0.1", youtube.port), timeout=TIMEOUT_S) as wire:
        wire.sendall(f"GET /vi/{IDS[profile]}/hqdefault.jpg HTTP/1.1\r\nHost: i.ytimg.com\r\n\r\n".encode())
        parts = [wire.recv(4096) for _ in range(12)]
    assert b"".join(parts).startswith(first)
    assert [len(part) for part in parts[-8:]] == [1] * 8


@pytest.mark.parametrize("status", [429, 500, 503])
def test_all_of_youtube_can_be_unwell_and_recover(youtube: FakeYouTube, status: int) -> None:
    youtube.fail(status=status, retry_after_s=7)
    answer = thumbnail(youtube, IDS["landscape"])
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")
    youtube.recover()
    assert thumbnail(youtube, IDS["landscape"]).status_code == 200


def test_one_room_can_fail_while_another_is_well(youtube: FakeYouTube) -> None:
    youtube.fail(status=500, only="oembed")
    assert oembed(youtube, IDS["landscape"]).status_code == 500
    assert thumbnail(youtube, IDS["landscape"]).status_code == 200


def test_when_youtube_is_down_nothing_gets_through_but_attempts_count(youtube: FakeYouTube) -> None:
    youtube.fail(down=True)
    with pytest.raises(requests.exceptions.ConnectionError):
        thumbnail(youtube, IDS["landscape"])
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        requests.get(
            "https://i.ytimg.com/",
            proxies={"https": youtube.proxy_url},
            verify=youtube.ca_file,
            timeout=TIMEOUT_S,
        )
    assert (youtube.count("/vi/"), youtube.connects) == (1, ["i.ytimg.com:443"])


# On the wire


@pytest.mark.parametrize(
    ("url", "status"),
    [
        (f"https://i.ytimg.com/vi/{IDS['landscape']}/hqdefault.jpg", 200),
        (f"https://www.youtube.com/oembed?url=https://youtu.be/{IDS['landscape']}", 200),
        (f"https://www.youtube-nocookie.com/embed/{IDS['landscape']}", 200),
        (f"https://www.youtube.com/vi/{IDS['landscape']}/hqdefault.jpg", 404),
        (f"https://i.ytimg.com/oembed?url=https://youtu.be/{IDS['landscape']}", 404),
    ],
)
def test_as_a_proxy_it_is_each_of_youtubes_hosts(youtube: FakeYouTube, url: str, status: int) -> None:
    proxies = {"https": youtube.proxy_url}
    answer = requests.get(url, proxies=proxies, verify=youtube.ca_file, timeout=TIMEOUT_S)
    assert answer.status_code == status
    assert [(request.host, request.secure) for request in youtube.requests] == [(url.split("/")[2], True)]


@pytest.mark.parametrize("authority", ["www.google.com:443", "i.ytimg.com:80", "i.ytimg.com.attacker.example:443"])
def test_as_a_proxy_it_refuses_every_other_host_and_port(youtube: FakeYouTube, authority: str) -> None:
    with socket.create_connection(("127.0.0.1", youtube.port), timeout=TIMEOUT_S) as wire:
        wire.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        assert wire.recv(4096).startswith(b"HTTP/1.1 403 ")
    assert youtube.connects == [authority]


def test_as_a_plain_proxy_it_refuses_every_other_host(youtube: FakeYouTube) -> None:
    proxies = {"http": youtube.proxy_url}
    assert requests.get("http://attacker.example/vi/", proxies=proxies, timeout=TIMEOUT_S).status_code == 403


def test_nobody_trusts_its_certificate_by_accident(youtube: FakeYouTube) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get("https://i.ytimg.com/", proxies={"https": youtube.proxy_url}, timeout=TIMEOUT_S)


def test_a_tls_listener_answers_for_whatever_host_is_asked() -> None:
    with FakeYouTube(tls_address=("127.0.0.1", 0)) as youtube:
        trusting = ssl.create_default_context(cafile=youtube.ca_file)
        for host in ("www.youtube-nocookie.com", "www.youtube.com", "i.ytimg.com"):
            with (
                socket.create_connection(("127.0.0.1", youtube.tls_port or 0), timeout=TIMEOUT_S) as plain,
                trusting.wrap_socket(plain, server_hostname=host, suppress_ragged_eofs=False) as wire,
            ):
                wire.sendall(f"GET /nothing HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                assert b"".join(iter(lambda: wire.recv(4096), b"")).startswith(b"HTTP/1.1 404 ")
        assert youtube.count("/nothing") == 3


def test_every_request_is_kept_as_it_came(youtube: FakeYouTube) -> None:
    requests.get(f"{youtube.base_url}/vi/x/y.jpg?a=b", headers={"Cookie": "a=1", "X-Odd": "2"}, timeout=TIMEOUT_S)
    (request,) = youtube.requests
    assert (request.method, request.path) == ("GET", "/vi/x/y.jpg?a=b")
    assert request.header("cookie") == "a=1"
    assert ("X-Odd", "2") in request.headers
    assert request.header("referer") is None
    assert youtube.count("/vi/", method="HEAD") == 0
    youtube.clear()
    assert youtube.requests == []


def test_five_hundred_connections_at_once_are_all_answered(youtube: FakeYouTube) -> None:
    wires = [socket.create_connection(("127.0.0.1", youtube.port), timeout=TIMEOUT_S) for _ in range(500)]
    request = f"GET /vi/{IDS['landscape']}/default.jpg HTTP/1.1\r\nHost: i.ytimg.com\r\n\r\n".encode()
    for wire in wires:
        wire.sendall(request)
    assert all(wire.recv(15) == b"HTTP/1.1 200 OK" for wire in wires)
    for wire in wires:
        wire.close()
    assert youtube.count("/vi/") == 500


def test_clients_that_leave_make_no_noise(capfd: pytest.CaptureFixture[str]) -> None:
    with FakeYouTube() as youtube:
        for video_id in (IDS["too-big"], IDS["endless"], IDS["drip"]):
            with socket.create_connection(("127.0.0.1", youtube.port), timeout=TIMEOUT_S) as wire:
                wire.sendall(f"GET /vi/{video_id}/hqdefault.jpg HTTP/1.1\r\nHost: i.ytimg.com\r\n\r\n".encode())
                wire.recv(100)
        with socket.create_connection(("127.0.0.1", youtube.port), timeout=TIMEOUT_S) as wire:
            wire.sendall(b"CONNECT i.ytimg.com:443 HTTP/1.1\r\n\r\n")
            wire.recv(100)
            wire.sendall(b"this is not TLS")
    assert capfd.readouterr() == ("", "")


def test_stopping_ends_every_connection_and_thread() -> None:
    before = threading.active_count()
    with FakeYouTube() as youtube:
        wires = [socket.create_connection(("127.0.0.1", youtube.port), timeout=TIMEOUT_S) for _ in range(5)]
        wires[0].sendall(f"GET /vi/{IDS['delay']}/hqdefault.jpg HTTP/1.1\r\nHost: i.ytimg.com\r\n\r\n".encode())
        assert thumbnail(youtube, IDS["landscape"]).status_code == 200
    for wire in wires:
        assert wire.recv(1) == b""
        wire.close()
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name or "serve_forever" in thread.name:
            thread.join(TIMEOUT_S)
    assert threading.active_count() == before


# The player, as far as it can be seen without a browser


def player(youtube: FakeYouTube, path: str, **headers: str) -> requests.Response:
    return requests.get(f"{youtube.base_url}/embed/{path}", headers=headers, timeout=TIMEOUT_S)


def settings(answer: requests.Response) -> dict[str, object]:
    matched = re.search(r"const settings = (\{.*\});", answer.text)
    assert matched
    return json.loads(matched[1])  # type: ignore[no-any-return]


def test_a_player_without_referer_shows_error_153(youtube: FakeYouTube) -> None:
    assert settings(player(youtube, IDS["landscape"]))["error"] == 153
    assert settings(player(youtube, IDS["landscape"], Referer="https://proxy.test/"))["error"] is None


@pytest.mark.parametrize(
    ("profile", "error"), [("no-embed", 150), ("private", 100), ("deleted", 100), ("impossible", 2)]
)
def test_a_film_that_cannot_play_has_its_error(youtube: FakeYouTube, profile: str, error: int) -> None:
    assert settings(player(youtube, IDS[profile], Referer="https://proxy.test/"))["error"] == error


def test_a_player_sets_cookies_and_is_counted(youtube: FakeYouTube) -> None:
    answer = player(youtube, f"videoseries?list={IDS['playlist']}", Referer="https://proxy.test/")
    assert settings(answer)["error"] is None
    assert {cookie.name for cookie in answer.cookies} == {"YSC", "VISITOR_INFO1_LIVE"}
    assert youtube.count("/embed/videoseries") == 1


def test_a_title_cannot_break_out_of_the_players_script(youtube: FakeYouTube) -> None:
    youtube.set("qwertzuiopA", title="</script><script>alert(1)</script>")
    assert "</script><script>" not in player(youtube, "qwertzuiopA").text


# By hand


def test_by_hand_it_prints_the_command_that_uses_it_and_ends_on_sigterm(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    command = [sys.executable, "-m", "tests.youtube", "--port", "0", "--ca-file", str(ca_file)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout
        assert run.stderr
        told = ""
        while "Ctrl-C" not in told:
            line = run.stdout.readline()
            assert line, run.stderr.read()
            told += line
        proxy = re.search(r"YTPROXY_UPSTREAM_PROXY=(\S+) YTPROXY_UPSTREAM_CA_FILE=(\S+) ytproxy serve", told)
        assert proxy
        assert proxy[2] == str(ca_file)
        answer = requests.get(
            f"https://i.ytimg.com/vi/{IDS['landscape']}/hqdefault.jpg",
            proxies={"https": proxy[1]},
            verify=proxy[2],
            timeout=TIMEOUT_S,
        )
        assert answer.status_code == 200
        assert all(known_id in told for known_id in IDS.values())
        run.send_signal(signal.SIGTERM)
        assert run.wait(TIMEOUT_S) == 0
        assert run.stderr.read() == ""
