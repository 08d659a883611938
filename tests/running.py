"""`ytproxy serve` as a process on a free port of 127.0.0.1."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

_UP_WITHIN_S = 20
_DOWN_WITHIN_S = 15


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """A server process. *settings* become YTPROXY_ variables; `log` is all that it has printed.

    *within*: a command that sets something up and then becomes the command that is appended to it.
    """

    def __init__(
        self, settings: Mapping[str, str], environ: Mapping[str, str] | None = None, within: Sequence[str] = ()
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("YTPROXY_")}
        chosen = {f"YTPROXY_{name.upper()}": value for name, value in settings.items()}
        self._log = tempfile.TemporaryFile("w+b")  # noqa: SIM115  it lives as long as the process
        self.process = subprocess.Popen(
            [*within, sys.executable, "-m", "ytproxy", "serve", "--port", str(self.port)],
            env=kept | chosen | dict(environ or {}),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()

    def wait_until_up(self) -> None:
        give_up = time.monotonic() + _UP_WITHIN_S
        while time.monotonic() < give_up and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=2).close()
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"the server did not come up:\n{self.log}")

    def worker_pids(self) -> list[int]:
        """The worker processes, by /proc: children of the server that run its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [
            pid for pid in map(int, children) if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def terminate(self) -> float:
        """SIGTERM; returns the seconds until it had ended."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(_DOWN_WITHIN_S)
        return time.monotonic() - begun

    def stop(self) -> None:
        """Ends it, whatever it is doing, its workers included."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_DOWN_WITHIN_S)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self._log.close()
