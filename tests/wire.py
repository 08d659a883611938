"""HTTP by hand: requests as raw bytes, for what no client library would send, and answers exactly as they came."""

import re
import socket
from dataclasses import dataclass

_PATIENCE_S = 10.0
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. *headers* in the order and spelling of the wire, names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for own, value in self.headers if own == name]

    def header(self, name: str) -> str:
        """The value of a header that stands there exactly once."""
        (value,) = self.all(name)
        return value

    @property
    def but_the_date(self) -> list[tuple[str, str]]:
        return sorted(pair for pair in self.headers if pair[0] != "date")


def request(path: str, *lines: str, method: str = "GET", host: str = "host.test", body: str = "") -> bytes:
    """A request after which the server closes the connection; header lines and path may hold any latin-1."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", *lines, "Connection: close", "", ""]
    return ("\r\n".join(head) + body).encode("latin-1")


def exchange(port: int, data: bytes, *, quiet_s: float | None = None) -> list[Answer]:
    """Sends *data*, whose last request has to end the connection, and reads every answer until the server closes it.
    (It takes a client that closes its own half for one that has gone.) Raises TimeoutError if it never does, unless
    *quiet_s* says that so many seconds without a byte are an end as well. Only the first request may be a HEAD."""
    with socket.create_connection(("127.0.0.1", port), timeout=quiet_s or _PATIENCE_S) as connection:
        came, is_whole = b"", True
        try:
            connection.sendall(data)
            while more := connection.recv(65_536):
                came += more
        except (ConnectionResetError, BrokenPipeError):
            pass  # refused before it had read all of it
        except TimeoutError:
            is_whole = False
            if not quiet_s:
                raise
    answers = []
    while came:
        found = _first(came, heads_only=data.startswith(b"HEAD "))
        if not found:
            assert not is_whole, f"it ends too early: {came[:200]!r}"
            break
        answer, came = found
        answers.append(answer)
    return answers


def _first(came: bytes, *, heads_only: bool) -> tuple[Answer, bytes] | None:
    """The first answer, and what comes after it; None where it is not whole."""
    head, end, rest = came.partition(_HEAD_END)
    if not end:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    found = re.fullmatch(r"HTTP/1\.[01] ([1-5][0-9]{2}) [ -~]*", first)
    assert found, f"no status line: {first[:200]!r}"
    assert all(re.fullmatch(r"[A-Za-z0-9-]+: [\t -~]*", line) for line in lines), lines
    headers = tuple((name.lower(), value) for name, _, value in (line.partition(": ") for line in lines))
    status = int(found[1])
    size = 0 if heads_only or status in (204, 304) else int(dict(headers).get("content-length", "0"))
    return (Answer(status, headers, rest[:size]), rest[size:]) if len(rest) >= size else None
