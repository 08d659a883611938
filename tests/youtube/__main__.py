"""Run the stand-in YouTube by hand: python -m tests.youtube --help"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from .profiles import IDS, PROFILES
from .server import FakeYouTube

_WORDS = {
    "playlist": "a playlist of landscape films",
    "no-playlist": "a playlist that is not there",
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.youtube",
        description="A stand-in YouTube on 127.0.0.1 that answers as an HTTP proxy, "
        "so that an unmodified server can run against it without a network.",
        epilog="example: python -m tests.youtube --port 8099 --status 503",
    )
    parser.add_argument("--port", type=int, default=8099, help="port to listen on, 0 for any (default: 8099)")
    parser.add_argument("--ca-file", type=Path, help="where to write the authority (default: a new folder)")
    parser.add_argument("--tls", metavar="HOST:PORT", help="listen for TLS here as well, for every host name")
    parser.add_argument("--status", type=int, choices=(429, 500, 503), help="answer everything with this status")
    parser.add_argument("--delay", type=float, default=0.0, metavar="S", help="be this many seconds late")
    parser.add_argument("--down", action="store_true", help="be unreachable behind the proxy")
    parser.add_argument("--log", action="store_true", help="print every request")
    return parser.parse_args()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _say(words: str) -> None:
    print(words, flush=True)


def _introduce(youtube: FakeYouTube, ca_file: str) -> None:
    _say(f"The stand-in YouTube answers at {youtube.base_url}. Start the server against it with:\n")
    _say(
        f"  YTPROXY_UPSTREAM_PROXY={youtube.proxy_url} YTPROXY_UPSTREAM_CA_FILE={shlex.quote(ca_file)} ytproxy serve\n"
    )
    _say("Ids it knows (any other valid id is a landscape film):\n")
    for name, known_id in IDS.items():
        _say(f"  {known_id:<38}{_WORDS[name] if name in _WORDS else PROFILES[name].about}")
    _say("\nCtrl-C ends it.")


def main() -> int:
    """Serve until Ctrl-C or SIGTERM."""
    asked = _arguments()
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    tell: Callable[[Any], None] | None = None
    if asked.log:

        def tell(request: Any) -> None:
            _say(f"{request.method} {request.host} {request.path}")

    try:
        youtube = FakeYouTube(
            port=asked.port,
            tls_address=_address(asked.tls) if asked.tls else None,
            on_request=tell,
        )
    except OSError as error:
        print(f"cannot listen: {error}; choose another port with --port", file=sys.stderr)
        return 1
    with youtube:
        youtube.fail(status=asked.status, delay_s=asked.delay, down=asked.down)
        ca_file = youtube.ca_file
        if asked.ca_file:
            asked.ca_file.write_bytes(Path(ca_file).read_bytes())
            ca_file = str(asked.ca_file.resolve())
        _introduce(youtube, ca_file)
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
