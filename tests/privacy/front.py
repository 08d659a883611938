"""TLS for our two hosts: pages of the embedding site, and the product's server behind a terminator.

The terminator passes everything on unchanged, unless a mutant is set: then the real answer gets that one leak.
"""

import http.client
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme

from tests.privacy.journal import OWN_ADDRESS, OWN_HOSTS, PROXY_HOST, Contact, Journal
from tests.privacy.mutants import Mutant

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade"}


def embed_code(path: str) -> str:
    """YouTube's own embed code ("Share", "Embed"), with only the host swapped."""
    return (
        f'<iframe width="560" height="315" src="https://{PROXY_HOST}{path}" title="YouTube video player" '
        'frameborder="0" allow="accelerometer; autoplay; clipboard-write; encrypted-media; gyroscope; '
        'picture-in-picture; web-share" referrerpolicy="strict-origin-when-cross-origin" allowfullscreen></iframe>'
    )


def page(content: str, head: str = "") -> str:
    """A page of the embedding site: a link before and after, and room to scroll."""
    return (
        f'<!doctype html><html lang="en"><head><title>Site</title><link rel="icon" href="data:,">{head}</head>'
        f'<body><p><a href="/other">before</a></p>{content}<p><a href="/other">after</a></p>'
        '<div style="height:2000px"></div></body></html>'
    )


class Front:
    """Listens on 127.0.0.1:443 for both hosts. *site* maps an address to the headers and HTML of a page
    that is not the product's."""

    def __init__(
        self,
        journal: Journal,
        authority: trustme.CA,
        upstream_port: int,
        site: dict[str, tuple[dict[str, str], str]],
    ) -> None:
        self.journal = journal
        self.upstream_port = upstream_port
        self.site = site
        self.mutant: Mutant | None = None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*OWN_HOSTS).configure_cert(context)
        front = self

        class Handler(_Handler):
            pass

        Handler.front = front
        self._server = _Server((OWN_ADDRESS, 443), Handler)
        # The handshake is left to the connection's own thread, so that a silent one stops nobody.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # a browser may hang up at any moment
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    front: Front

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        host = self.headers.get("Host", "")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.front.journal.own(Contact("request", host, f"{self.command} {self.path}", headers))
        address = host + self.path
        if host == PROXY_HOST and address not in self.front.site:
            status, answer_headers, body = self._from_product()
        else:
            site_headers, html = self.front.site.get(address, ({}, page("<p>nothing here</p>")))
            status, body = 200, html.encode()
            answer_headers = [("Content-Type", "text/html; charset=utf-8"), *site_headers.items()]
        self.send_response_only(status)
        for name, value in answer_headers:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _from_product(self) -> tuple[int, list[tuple[str, str]], bytes]:
        length = int(self.headers.get("Content-Length", "0"))
        request_body = self.rfile.read(length) if length else None
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        mutant = self.front.mutant
        if mutant:
            headers["Accept-Encoding"] = "identity"
        connection = http.client.HTTPConnection("127.0.0.1", self.front.upstream_port, timeout=15)
        try:
            connection.request(self.command, self.path, request_body, headers)
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
            answer_headers = [(n, v) for n, v in answer.getheaders() if n.lower() not in _HOP_BY_HOP]
        finally:
            connection.close()
        return mutant.edit(self.path, status, answer_headers, body) if mutant else (status, answer_headers, body)

    def log_message(self, *_args: object) -> None:
        """Quiet: the journal has it."""
