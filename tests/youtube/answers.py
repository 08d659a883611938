"""What the stand-in says and how it says it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from http import HTTPStatus

Headers = tuple[tuple[str, str], ...]

UNUSUAL_TRAFFIC = (
    "<!DOCTYPE html><html><head><title>Sorry...</title></head><body><h1>Unusual traffic</h1>"
    "<p>This network has sent too many requests. Please try again later.</p></body></html>"
)


class Delivery(Enum):
    """How an answer goes down the wire."""

    LENGTH = auto()
    """With Content-Length, at once."""
    CHUNKED = auto()
    UNTIL_CLOSE = auto()
    """No Content-Length; the end of the connection is the end of the body."""
    ENDLESS = auto()
    """The body over and over until the client leaves."""
    CUT = auto()
    """Content-Length promises twice what comes."""
    DRIP_HEADERS = auto()
    """One byte of the head at a time."""
    DRIP_BODY = auto()
    """One byte of the body at a time."""
    RESET = auto()
    """No answer: the connection is reset."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. *delay_s* seconds pass first; a drip waits *drip_s* seconds between bytes."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    delivery: Delivery = Delivery.LENGTH
    delay_s: float = 0.0
    drip_s: float = 0.2

    def with_headers(self, changes: dict[str, str | None]) -> Answer:
        """The same answer with some headers set, or taken away where the value is None."""
        gone = {name.lower() for name in changes}
        kept = tuple(pair for pair in self.headers if pair[0].lower() not in gone)
        added = tuple((name, value) for name, value in changes.items() if value is not None)
        return replace(self, headers=kept + added)


def text(status: int, body: str, content_type: str = "text/html; charset=UTF-8", headers: Headers = ()) -> Answer:
    """A short answer in words."""
    return Answer(status, (("Content-Type", content_type), *headers), body.encode())


def phrase(status: int) -> str:
    """The words of the status line."""
    return HTTPStatus(status).phrase


def unwell(status: int, retry_after_s: int | None = None) -> Answer:
    """A sick server's answer: 429 comes with Google's "unusual traffic" page."""
    headers: Headers = () if retry_after_s is None else (("Retry-After", str(retry_after_s)),)
    return text(status, UNUSUAL_TRAFFIC if status == 429 else f"<h1>{phrase(status)}</h1>", headers=headers)


def reset() -> Answer:
    """The connection breaks."""
    return Answer(500, delivery=Delivery.RESET)
