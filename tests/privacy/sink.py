"""The rest of the internet: a DNS server that counts every query, and one address where all foreign names end."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial

import trustme
from dnslib import QTYPE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from tests.privacy.journal import OWN_ADDRESS, OWN_HOSTS, SINK_ADDRESS, UNKNOWN_HOST, Contact, Journal

_SILENCE_S = 3.0  # how long a connection may stay without a request before the sink closes it
_FRAMING = {"connection", "content-length", "transfer-encoding"}


class _CountingResolver(BaseResolver):  # type: ignore[misc]
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        name = str(request.q.qname).rstrip(".").lower()
        kind = QTYPE[request.q.qtype]
        if name not in OWN_HOSTS:
            self._journal.foreign(Contact("dns", name, str(kind)))
        reply = request.reply()
        if kind == "A":
            address = OWN_ADDRESS if name in OWN_HOSTS else SINK_ADDRESS
            reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=0))
        return reply


def start_dns(journal: Journal) -> None:
    """Answers on port 53, UDP and TCP: our own names with our address, every other name with the sink's."""
    for tcp in (False, True):
        DNSServer(
            _CountingResolver(journal),
            address=OWN_ADDRESS,
            port=53,
            tcp=tcp,
            logger=DNSLogger(logf=lambda _line: None),
        ).start_thread()


class Sink:
    """Listens on TCP 443 (TLS for whatever name is asked), TCP 80 and UDP 443 (QUIC), and notes everything.

    The stand-in YouTube on *youtube_port* gives the answers. Every connection is closed after one, so that
    each further request needs a new connection, which is counted.
    """

    def __init__(self, journal: Journal, authority: trustme.CA, youtube_port: int) -> None:
        self._youtube_port = youtube_port
        self._journal = journal
        self._authority = authority
        self._contexts: dict[str, ssl.SSLContext] = {}

    def start(self) -> None:
        for port, serve in ((443, self._serve_tls), (80, self._serve_plain)):
            listener = socket.create_server((SINK_ADDRESS, port), backlog=64)
            _in_background(partial(self._accept, listener, serve))
        _in_background(self._count_datagrams)

    def _accept(self, listener: socket.socket, serve: Callable[[socket.socket, Contact], None]) -> None:
        port = listener.getsockname()[1]
        while True:
            connection, _address = listener.accept()
            contact = self._journal.foreign(Contact("connection", UNKNOWN_HOST, f"TCP {port}"))
            connection.settimeout(_SILENCE_S)
            _in_background(partial(_guard, serve, connection, contact))

    def _serve_tls(self, connection: socket.socket, contact: Contact) -> None:
        def named(tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
            contact.host = name or UNKNOWN_HOST
            tls.context = self._context(contact.host)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = named
        self._answer(context.wrap_socket(connection, server_side=True), contact)

    def _serve_plain(self, connection: socket.socket, contact: Contact) -> None:
        self._answer(connection, contact)

    def _answer(self, connection: socket.socket, contact: Contact) -> None:
        with connection, connection.makefile("rb") as reader:
            line = reader.readline(65_536).decode("latin-1").strip()
            if not line:
                return
            headers: dict[str, str] = {}
            while text := reader.readline(65_536).decode("latin-1").strip():
                name, _, value = text.partition(":")
                headers[name.lower()] = value.strip()
            if contact.host == UNKNOWN_HOST:
                contact.host = headers.get("host", UNKNOWN_HOST)
            self._journal.foreign(Contact("request", contact.host, line, headers))
            body = reader.read(int(headers.get("content-length", "0")))
            connection.sendall(self._ask_stand_in(line, headers, body))

    def _ask_stand_in(self, line: str, headers: dict[str, str], body: bytes) -> bytes:
        method, path, _version = line.split(" ", 2)
        stand_in = http.client.HTTPConnection("127.0.0.1", self._youtube_port, timeout=_SILENCE_S)
        with contextlib.closing(stand_in):
            stand_in.request(method, path, body, headers | {"connection": "close"})
            answer = stand_in.getresponse()
            content = answer.read()
        head = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        head += [f"{name}: {value}" for name, value in answer.getheaders() if name.lower() not in _FRAMING]
        head += ["Connection: close", f"Content-Length: {len(content)}", "", ""]
        return "\r\n".join(head).encode("latin-1") + content

    def _context(self, host: str) -> ssl.SSLContext:
        if host not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(host).configure_cert(context)
            self._contexts[host] = context
        return self._contexts[host]

    def _count_datagrams(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            listener.bind((SINK_ADDRESS, 443))
            while True:
                listener.recv(65_536)
                self._journal.foreign(Contact("datagram", UNKNOWN_HOST, "UDP 443"))


def _guard(serve: Callable[[socket.socket, Contact], None], connection: socket.socket, contact: Contact) -> None:
    with contextlib.suppress(
        OSError, ValueError, http.client.HTTPException
    ):  # a browser may hang up at any moment; it has been counted already
        serve(connection, contact)
    connection.close()


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()
