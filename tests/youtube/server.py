"""The stand-in YouTube as servers on the loopback: plain HTTP, CONNECT proxy, TLS listener."""

from __future__ import annotations

import http.server
import json
import socket
import socketserver
import ssl
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import trustme

from .answers import Answer, Delivery, phrase
from .control import Control, Request

if TYPE_CHECKING:
    from types import TracebackType

PROXIED_HOSTS = frozenset({"i.ytimg.com", "www.youtube.com", "www.youtube-nocookie.com"})
_CERTIFICATE_NAMES = (
    *sorted(PROXIED_HOSTS),
    "*.ytimg.com",
    "youtube.com",
    "*.youtube.com",
    "youtube-nocookie.com",
    "localhost",
    "127.0.0.1",
)
_CHUNK_BYTES = 65536


class FakeYouTube(Control):
    """A YouTube for tests, on 127.0.0.1. What it plays is set by Control's methods.

    *port* is that of the plain listener (0: any free one), which is a CONNECT proxy as well;
    *tls_address* asks for a TLS listener besides, which answers for every host name.
    *ca* signs the certificate; without it a throw-away authority is made. *on_request* hears every request.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        tls_address: tuple[str, int] | None = None,
        ca: trustme.CA | None = None,
        on_request: Callable[[Request], None] | None = None,
    ) -> None:
        super().__init__(on_request)
        self._folder = tempfile.TemporaryDirectory(prefix="youtube-stand-in-")
        authority = ca or trustme.CA()
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*_CERTIFICATE_NAMES).configure_cert(self._tls)
        self._listeners = [_Listener(("127.0.0.1", port), self, None)]
        self.port: int = self._listeners[0].server_address[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.proxy_url = self.base_url
        self.tls_port: int | None = None
        if tls_address is not None:
            self._listeners.append(_Listener(tls_address, self, self._tls))
            self.tls_port = self._listeners[1].server_address[1]

    def __enter__(self) -> Self:
        for listener in self._listeners:
            threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        for listener in self._listeners:
            listener.shutdown()
            listener.server_close()
            listener.hang_up()
        self._folder.cleanup()

    @property
    def tls(self) -> ssl.SSLContext:
        """The context of the certificate that covers every host of YouTube's."""
        return self._tls


class _Listener(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], youtube: FakeYouTube, tls: ssl.SSLContext | None) -> None:
        self.youtube = youtube
        self.tls = tls
        self._open: set[_Handler] = set()
        self._changed = threading.Condition()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer would look its own name up, which can take seconds without a network.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client may leave at any moment, and stopping closes what is still open.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def opened(self, handler: _Handler) -> None:
        with self._changed:
            self._open.add(handler)

    def closed(self, handler: _Handler) -> None:
        with self._changed:
            self._open.discard(handler)
            self._changed.notify_all()

    def hang_up(self) -> None:
        """End every connection and wait until its thread has let go."""
        with self._changed:
            for handler in self._open:
                handler.hang_up()
            self._changed.wait_for(lambda: not self._open, timeout=5)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener
    request: socket.socket

    def setup(self) -> None:
        super().setup()
        self.youtube = self.server.youtube
        self.server.opened(self)

    def handle(self) -> None:
        if self.server.tls:
            self._secure()
        super().handle()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        with suppress(OSError, ValueError):  # ValueError: the client left before TLS had begun
            self._say_goodbye()
        self.connection.close()
        self.server.closed(self)

    def hang_up(self) -> None:
        with suppress(OSError):
            # SSLSocket's own shutdown would take TLS away under the thread that reads.
            socket.socket.shutdown(self.connection, socket.SHUT_RDWR)

    def _say_goodbye(self) -> None:
        """End TLS properly, without waiting for the client to do the same."""
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.settimeout(0)
            self.connection.unwrap()

    def _secure(self) -> None:
        plain = self.connection
        self.rfile.close()
        self.request = self.youtube.tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        super().setup()
        if self.youtube.stopping.is_set():
            raise ConnectionAbortedError
        self.connection.do_handshake()

    def log_message(self, *message: object) -> None:
        pass

    def do_CONNECT(self) -> None:
        host, _, port = self.path.rpartition(":")
        allowed = host in PROXIED_HOSTS and port == "443"
        self.youtube.note_connect(self.path)
        if not allowed or self.youtube.is_down:
            self._refuse(502 if allowed else 403)
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._secure()
        self.close_connection = False

    def do_GET(self) -> None:
        path = self.path
        host = self.headers.get("Host", "")
        if not path.startswith("/"):
            host, _, path = path.partition("://")[2].partition("/")
            path = f"/{path}"
            if host not in PROXIED_HOSTS:
                self._refuse(403)
                return
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(length, _CHUNK_BYTES))
        secure = isinstance(self.connection, ssl.SSLSocket)
        request = Request(
            method=self.command,
            host=host,
            path=path,
            headers=tuple(self.headers.items()),
            time=time.time(),
            secure=secure,
        )
        if path.startswith("/stand-in/report"):
            self.youtube.note_report(json.loads(body))
            self._send(Answer(204))
            return
        with self.youtube.under_way():
            self._send(self.youtube.answer(request))

    do_HEAD = do_GET  # noqa: N815
    do_POST = do_GET  # noqa: N815

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        self._send(Answer(status, body=f"{self.path} is not to be had here.".encode()))

    def _send(self, answer: Answer) -> None:
        stopping = self.youtube.stopping
        if answer.delay_s and stopping.wait(answer.delay_s):
            return
        if answer.delivery is Delivery.RESET:
            self._reset()
            return
        head = "".join(f"{name}: {value}\r\n" for name, value in self._framing(answer))
        head = f"HTTP/1.1 {answer.status} {phrase(answer.status)}\r\n{head}\r\n"
        bodyless = self.command == "HEAD" or answer.status in (204, 304)
        if answer.delivery is Delivery.DRIP_HEADERS:
            self._drip(head.encode("latin-1"), answer.drip_s)
            head = ""
        self.wfile.write(head.encode("latin-1"))
        if bodyless:
            return
        match answer.delivery:
            case Delivery.DRIP_BODY:
                self._drip(answer.body, answer.drip_s)
            case Delivery.ENDLESS:
                while not stopping.is_set():
                    self.wfile.write(answer.body)
            case Delivery.CHUNKED:
                for chunk in _chunks(answer.body):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.write(b"0\r\n\r\n")
            case _:
                self.wfile.write(answer.body)

    def _framing(self, answer: Answer) -> list[tuple[str, str]]:
        """The answer's headers and those that say where it ends."""
        headers = [("Date", self.date_time_string()), *answer.headers]
        lengthless = answer.delivery in (Delivery.UNTIL_CLOSE, Delivery.ENDLESS)
        if lengthless or answer.delivery is Delivery.CUT:
            self.close_connection = True
        if answer.delivery is Delivery.CHUNKED:
            headers.append(("Transfer-Encoding", "chunked"))
        elif answer.delivery is Delivery.CUT:
            headers.append(("Content-Length", str(2 * len(answer.body))))
        elif not lengthless and answer.status not in (204, 304):
            headers.append(("Content-Length", str(len(answer.body))))
        if self.close_connection:
            headers.append(("Connection", "close"))
        return headers

    def _drip(self, data: bytes, drip_s: float) -> None:
        for place in range(len(data)):
            self.wfile.write(data[place : place + 1])
            if self.youtube.stopping.wait(drip_s):
                return

    def _reset(self) -> None:
        """Close so that the client sees a reset, not an end."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.connection.close()


def _chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), _CHUNK_BYTES):
        yield body[start : start + _CHUNK_BYTES]
