"""Visitors that hold a connection and do nothing useful with it, in every way there is."""

import re
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.running import Running

_ANSWER_MAX_BYTES = 65_536
_UNREAD_ANSWERS = 40  # more than the buffers of both ends hold of a large picture
_SMALL_BUFFER_BYTES = 4_096
_SEGMENT_BYTES = 1_400  # as on the Internet: on loopback's 64 kB, the kernel takes megabytes off the server's hands


def _silent(_connection: socket.socket, _path: str) -> None:
    return


def _half_header(connection: socket.socket, _path: str) -> None:
    connection.sendall(b"GET /embed/x HTTP/1.1\r\nHost: x\r\nX-Slow: ")


def _idle(connection: socket.socket, _path: str) -> None:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(_ANSWER_MAX_BYTES).startswith(b"HTTP/1.1 200 ")


def _never_reading(connection: socket.socket, path: str) -> None:
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * _UNREAD_ANSWERS)


KINDS: dict[str, Callable[[socket.socket, str], None]] = {
    "silent": _silent,
    "half a header": _half_header,
    "idle": _idle,
    "never reading": _never_reading,
}


def _connect(server: Running) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER_BYTES)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", server.port))
    return connection


def allow_files(count: int) -> None:
    """Lets this process hold *count* open files and a few more, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 1_000 if hard == resource.RLIM_INFINITY else min(hard, count + 1_000)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def stalled(server: Running, count: int, kind: str, path: str) -> Iterator[list[socket.socket]]:
    """*count* connections of one of KINDS, or of all in turn for "mixed". *path*: the answer nobody reads."""
    allow_files(count)
    chosen = list(KINDS.values()) if kind == "mixed" else [KINDS[kind]]
    connections: list[socket.socket] = []
    try:
        for number in range(count):
            connections.append(_connect(server))
            chosen[number % len(chosen)](connections[-1], path)
        yield connections
    finally:
        for connection in connections:
            connection.close()


class SlowReader:
    """A visitor who asks for much at once and reads it little by little, so that the server is never done writing.

    Called with a number of bytes a second, returns what the server sent until it closed.
    """

    def __init__(self, server: Running, path: str) -> None:
        self._connection = _connect(server)
        _never_reading(self._connection, path)

    def __call__(self, bytes_a_second: float) -> bytes:
        received = bytearray()
        while some := self._connection.recv(_ANSWER_MAX_BYTES):
            received += some
            time.sleep(len(some) / bytes_a_second)
        return bytes(received)

    def close(self) -> None:
        self._connection.close()


def bodies(received: bytes) -> list[bytes]:
    """The bodies of the answers that follow one another in *received*. Raises ValueError where one is cut."""
    found = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)", head.lower())
        if not length or len(received) < int(length[1]):
            raise ValueError(f"an answer was cut after {len(received)} bytes of its body")
        found.append(received[: int(length[1])])
        received = received[int(length[1]) :]
    return found
