"""Runs as the first process of fresh network, mount and process namespaces; all ends when it ends.

python -m tests.privacy.inside RESULTS.json
"""

import base64
import contextlib
import json
import os
import shlex
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import trustme

from tests.privacy import scenarios
from tests.privacy.devtools import Browser
from tests.privacy.front import Front
from tests.privacy.journal import OWN_ADDRESS, PROXY_HOST, SITE_HOST, UNKNOWN_HOST, Journal
from tests.privacy.sink import Sink, start_dns
from tests.privacy.visits import Phase, Visitor
from tests.youtube import FakeYouTube

Visits = Callable[[Visitor, Front], dict[str, dict[str, Phase]]]

PRODUCT_PORT = 8080
_CONTROL_S = 4.0
_START_TIMEOUT_S = 40.0

# Quiets what Chromium does on its own account. 0 keeps predictions, and with them hints, at work.
_POLICY = {
    "AutofillAddressEnabled": False,  # else Chromium asks Google about the fields of every form it sees, on any site
    "AutofillCreditCardEnabled": False,
    "BackgroundModeEnabled": False,
    "BrowserNetworkTimeQueriesEnabled": False,
    "BrowserSignin": 0,
    "ComponentUpdatesEnabled": False,
    "DefaultSearchProviderEnabled": False,
    "MetricsReportingEnabled": False,
    "NetworkPredictionOptions": 0,
    "PasswordLeakDetectionEnabled": False,
    "PasswordManagerEnabled": False,
    "SafeBrowsingProtectionLevel": 0,
    "SearchSuggestEnabled": False,
    "SyncDisabled": True,
    "TranslateEnabled": False,
}


def main(results: Path) -> None:
    with contextlib.ExitStack() as stack:
        # A browser that has just been stopped may still write to its profile; that is no failure of the test.
        temporary = tempfile.TemporaryDirectory(dir=results.parent, ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary))
        authority = trustme.CA()
        _prepare_machine(folder, authority)
        journal = Journal()
        start_dns(journal)
        youtube = stack.enter_context(FakeYouTube(ca=authority))
        Sink(journal, authority, youtube.port).start()
        stack.enter_context(_product(folder, youtube))
        front = Front(journal, authority, PRODUCT_PORT, scenarios.SITE)
        front.start()
        report = _browse(folder / "clean", journal, front, youtube, scenarios.run)
        mutants = _browse(folder / "mutants", journal, front, youtube, scenarios.run_mutants)
        report["mutants"] = mutants["visits"]
        report["housekeeping"] = sorted({*report["housekeeping"], *mutants["housekeeping"]})
        # The product asks over TLS, through the CONNECT proxy; the sink passes the browser's requests on in plain.
        report["upstream"] = [
            {"path": one.path, "headers": dict(one.headers)} for one in youtube.requests if one.secure
        ]
        results.write_text(json.dumps(report, indent=1))


def _prepare_machine(folder: Path, authority: trustme.CA) -> None:
    """Loopback, name resolution and the browser's managed policy; only this namespace sees them."""
    resolver = folder / "resolv.conf"
    resolver.write_text(f"nameserver {OWN_ADDRESS}\noptions timeout:1 attempts:1\n")
    policies = Path("/etc/chromium")
    policies.mkdir(exist_ok=True)
    for command in (
        "ip link set lo up",
        f"mount --bind {resolver} {Path('/etc/resolv.conf').resolve()}",
        f"mount -t tmpfs tmpfs {policies}",
    ):
        subprocess.run(command.split(), check=True, timeout=10)
    managed = policies / "policies/managed"
    managed.mkdir(parents=True)
    certificate = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
    policy = _POLICY | {"CACertificates": [base64.b64encode(certificate).decode()]}
    (managed / "test.json").write_text(json.dumps(policy))


@contextlib.contextmanager
def _product(folder: Path, youtube: FakeYouTube) -> Iterator[None]:
    """The unmodified server, as a user starts it."""
    ytproxy = Path(sys.executable).with_name("ytproxy")
    usual = f"{shlex.quote(str(ytproxy))} serve --host 127.0.0.1 --port {PRODUCT_PORT}"
    command = shlex.split(os.environ.get("PRIVACY_TEST_SERVER", usual))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "YTPROXY_PUBLIC_URL": f"https://{PROXY_HOST}",
        "YTPROXY_CACHE_DIR": str(folder / "cache"),
        "YTPROXY_UPSTREAM_PROXY": youtube.proxy_url,
        "YTPROXY_UPSTREAM_CA_FILE": youtube.ca_file,
    }
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            _await_port(server, log)
            yield
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(10)


def _await_port(server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PRODUCT_PORT), 1):
            return
        time.sleep(0.2)
    raise RuntimeError(f"`ytproxy serve` does not answer. It said: {log.read_text(errors='replace')[-2000:]}")


def _browse(folder: Path, journal: Journal, front: Front, youtube: FakeYouTube, visits: Visits) -> dict[str, Any]:
    """Starts a browser, watches what it does by itself, then goes on the visits."""
    mark = journal.mark()
    browser = Browser(folder)
    try:
        visitor = Visitor(browser, journal, front, youtube)
        visitor.visit(f"https://{SITE_HOST}/blank", ("wait", lambda _tab: browser.wait(_CONTROL_S)))
        # A connection says whose it is a moment after it was made; one that never does is nobody's to ignore.
        early, deadline = (mark, journal.mark()), time.monotonic() + _CONTROL_S
        while (
            any(contact["host"] == UNKNOWN_HOST for contact in journal.between(*early)) and time.monotonic() < deadline
        ):
            browser.wait(0.1)
        visitor.ignored = frozenset(str(contact["host"]) for contact in journal.between(*early)) - {UNKNOWN_HOST}
        return {
            "browser": browser.version,
            "housekeeping": sorted(visitor.ignored),
            "visits": visits(visitor, front),
        }
    finally:
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
