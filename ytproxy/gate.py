"""Who may have what from this server: which videos, for which sites, and how many that are not kept yet.

Decides from values alone and knows nothing of HTTP answers. Open to all, within bounds, is the default.
"""

import ipaddress
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from cachetools import LRUCache
from itsdangerous import Signer
from itsdangerous.encoding import base64_decode, base64_encode

from ytproxy.errors import NotAllowed, TooMany
from ytproxy.youtube import PlaylistId, VideoId

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_CLIENT_BITS = {4: 24, 6: 64}  # what one household or office shares; more precise is not needed and not kept
_CLIENTS = 10_000
_HOST = re.compile(r"[a-z0-9.:-]{1,300}")  # as browsers send it; all parents of a longer one would take seconds
_MINUTE_S = 60.0


class Videos:
    """Which videos and playlists may be shown. Raises NotAllowed, the same for unknown, denied and wrongly signed.

    *allowed* None: every one. *channels*: handles in lower case, such as ``@name``; whether a video is theirs is known
    once its details are. *keys*: newest first; any of them may have signed, the first one signs.
    """

    def __init__(
        self,
        *,
        allowed: frozenset[str] | None = None,
        denied: frozenset[str] = frozenset(),
        channels: frozenset[str] = frozenset(),
        keys: tuple[str, ...] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._allowed, self._denied, self._channels, self._clock = allowed, denied, channels, clock
        self._signer = Signer(list(reversed(keys)), salt="ytproxy", key_derivation="hmac") if keys else None
        self._verified = lru_cache(maxsize=4_096)(self._verify)

    @property
    def is_open(self) -> bool:
        """Whether any id at all may be asked for."""
        return self._allowed is None and not self._channels and self._signer is None

    @property
    def by_channel(self) -> bool:
        """Whether a video's channel decides, which its details tell."""
        return bool(self._channels) and self._signer is None

    @property
    def denies(self) -> bool:
        """Whether some ids are never shown."""
        return bool(self._denied)

    @property
    def is_list(self) -> bool:
        """Whether all that may be shown is known beforehand."""
        return self._allowed is not None and not self._channels and self._signer is None

    def check(self, subject: VideoId | PlaylistId, signature: str = "") -> None:
        """Before anything is looked up."""
        text = subject.text
        if text in self._denied:
            raise NotAllowed("This video is not shown here")
        if self.is_open or (self._allowed is not None and text in self._allowed):
            return
        if self._signer and (until := self._verified(text, signature)) is not None and self._clock() < until:
            return
        if self._channels and self._signer is None:
            return  # decided by check_channel
        raise NotAllowed("This video is not shown here")

    def check_channel(self, subject: VideoId | PlaylistId, author_url: str | None) -> None:
        """After the details are known: whether the channel is one of those allowed."""
        if not self._channels or (self._allowed is not None and subject.text in self._allowed):
            return
        if self._signer is None and (author_url or "").rpartition("/")[2].lower() not in self._channels:
            raise NotAllowed("This video is not shown here")

    def sign(self, subject: VideoId | PlaylistId, *, until: int = 0) -> str:
        """The value of ``sig=`` for *subject*, good until that second since 1970 (0: for good); empty without a key."""
        if self._signer is None:
            return ""
        return f"{until}.{self._signer.get_signature(f'{subject.text}:{until}').decode()}"

    def _verify(self, text: str, signature: str) -> float | None:
        """When a signature ends; None when it is not one of ours for *text*. Compared in constant time."""
        until, _, mac = signature.partition(".")
        if not self._signer or not until.isascii() or not until.isdigit() or len(until) > 11:
            return None
        if not self._signer.verify_signature(f"{text}:{until}", mac):
            return None
        if base64_encode(base64_decode(mac)) != mac.encode():  # decoding overlooks foreign letters
            return None
        return float(until) or float("inf")


class Sites:
    """Which sites may use this server; without any, all may.

    Frames are the browser's job (`frame_ancestors`). For pictures we have what the browser tells: Fetch Metadata and
    the referrer. A site that hides its referrer cannot be told from others and gets no pictures, only frames; what
    is no page of a browser at all (a feed reader, a script) tells nothing and is let through.
    """

    def __init__(self, origins: tuple[str, ...] = ()) -> None:
        self._origins = frozenset(origins)
        self.frame_ancestors = " ".join(("'self'", *origins)) if origins else "*"

    @property
    def are_all(self) -> bool:
        return not self._origins

    def may(self, origin: str) -> bool:
        """Whether pages of *origin* (``https://host[:port]``) may; a ``*.host`` in the list means its sub-domains."""
        if self.are_all or origin in self._origins:
            return True
        scheme, _, host = origin.partition("://")
        if not _HOST.fullmatch(host):
            return False
        labels = host.split(".")
        return any(f"{scheme}://*.{'.'.join(labels[cut:])}" in self._origins for cut in range(1, len(labels)))

    def may_have_pictures(self, *, site: str, referrer: str, own_host: str) -> bool:
        """*site*: Sec-Fetch-Site; *referrer*: the Referer header; both empty where the browser sent none."""
        if self.are_all or site in ("same-origin", "none"):
            return True
        if not referrer:
            return not site
        try:
            parts = urlsplit(referrer)
        except ValueError:
            return False
        return parts.netloc == own_host or self.may(f"{parts.scheme}://{parts.netloc}")


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Misses:
    """How many previews that are not kept yet may be fetched a minute: for one client network, and for all.

    Who asks for what has just been asked for pays nothing: it is one fetch. Kept in memory only, by shortened
    address; the networks longest unseen are forgotten. 0 means no limit.
    """

    def __init__(self, *, a_network: int, overall: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_network, self._overall, self._clock = a_network, overall, clock
        self._networks: LRUCache[Network | None, _Bucket] = LRUCache(_CLIENTS)
        self._paid: LRUCache[str, float] = LRUCache(_CLIENTS)  # id: until when
        self._all = _Bucket(overall, clock())
        self._lock = threading.Lock()

    def spend(self, address: str, text: str) -> None:
        """Takes note of a miss, for the id *text*. Raises TooMany, with the seconds until the next is allowed."""
        now = self._clock()
        network = shortened(address)
        with self._lock:
            if now < self._paid.get(text, 0.0):
                return
            # Whoever has no address (a socket file, an odd proxy) shares one budget: unknown is not unlimited.
            own = self._networks.setdefault(network, _Bucket(self._a_network, now))
            for bucket, limit in ((own, self._a_network), (self._all, self._overall)):
                if not limit:
                    continue
                bucket.left = min(limit, bucket.left + max(0.0, now - bucket.at) * limit / _MINUTE_S)
                bucket.at = now
                if bucket.left < 1:
                    raise TooMany("Too many new previews just now", retry_after_s=(1 - bucket.left) * _MINUTE_S / limit)
            self._paid[text] = now + _MINUTE_S
            own.left -= 1
            self._all.left -= 1


def shortened(address: str) -> Network | None:
    """The network of a client, /24 or /64; None for text that is no address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return ipaddress.ip_network((found, _CLIENT_BITS[found.version]), strict=False)


def client_address(peer: str, forwarded_for: str, trusted: tuple[Network, ...]) -> str:
    """The visitor's address: from the right, the first hop that is no trusted proxy; *peer*'s own without any.

    What stands further left was written by the visitor, and is not believed.
    """
    address = peer
    for hop in [peer, *reversed(forwarded_for.split(","))]:
        try:
            found = ipaddress.ip_address(hop.strip())
        except ValueError:
            break
        address = str(found)
        if not any(found.version == network.version and found in network for network in trusted):
            break
    return address
