"""What was seen on the wire: one list, filled by every listener of the namespace."""

import threading
from dataclasses import asdict, dataclass, field

SITE_HOST = "site.test"
PROXY_HOST = "proxy.test"
OWN_HOSTS = (SITE_HOST, PROXY_HOST)
OWN_ADDRESS = "127.0.0.1"
SINK_ADDRESS = "127.0.0.2"
PLAYER_HOST = "www.youtube-nocookie.com"
UNKNOWN_HOST = "?"

Mark = tuple[int, int]


@dataclass(slots=True)
class Contact:
    """One sign of the browser reaching out.

    *kind* is ``dns``, ``connection`` (TCP accepted; the host is filled in when TLS or HTTP names it),
    ``request`` or ``datagram``.
    """

    kind: str
    host: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)


class Journal:
    """Contacts with foreign hosts, and requests to our own two, in order of arrival."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._foreign: list[Contact] = []
        self._own: list[Contact] = []

    def foreign(self, contact: Contact) -> Contact:
        with self._lock:
            self._foreign.append(contact)
        return contact

    def own(self, contact: Contact) -> None:
        with self._lock:
            self._own.append(contact)

    def mark(self) -> Mark:
        """A position in both lists."""
        with self._lock:
            return len(self._foreign), len(self._own)

    def between(self, start: Mark, end: Mark, ignored: frozenset[str] = frozenset()) -> list[dict[str, object]]:
        """Foreign contacts from *start* to *end*, but for those whose host is exactly one of *ignored*."""
        with self._lock:
            return [asdict(contact) for contact in self._foreign[start[0] : end[0]] if contact.host not in ignored]

    def own_between(self, start: Mark, end: Mark) -> list[dict[str, object]]:
        with self._lock:
            return [asdict(contact) for contact in self._own[start[1] : end[1]]]
