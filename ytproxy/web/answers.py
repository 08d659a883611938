"""How an answer is put together: one header table, one way to name its bytes, one life in browsers and memory."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Response, request

from ytproxy.config import Settings
from ytproxy.gate import Misses, Sites, Videos, client_address
from ytproxy.hotpath import KEEP, Keep
from ytproxy.locales import Texts
from ytproxy.previews import Previews
from ytproxy.web.address import LanguageRule
from ytproxy.web.static_files import StaticFiles
from ytproxy.youtube import PlaylistId, VideoId


@dataclass(frozen=True, slots=True)
class Context:
    """What every view works with."""

    settings: Settings
    texts: Texts
    previews: Previews
    static: StaticFiles
    language: LanguageRule
    videos: Videos
    sites: Sites
    misses: Misses
    policy: Mapping[str, Mapping[str, str]]

    def answer(
        self,
        kind: str,
        body: bytes | str,
        mimetype: str,
        *,
        status: int = 200,
        cache_control: str | None = None,
        vary: str | None = None,
        retry_after_s: float | None = None,
        keep: Keep | None = None,
    ) -> Response:
        """An answer of one *kind* of the header table. Its validator is a hash of its bytes, the same for all."""
        body = body.encode() if isinstance(body, str) else body
        response = Response(body, status=status, content_type=mimetype)
        response.headers.update(self.policy[kind])
        if cache_control:
            response.headers["Cache-Control"] = cache_control
            if status == 200:
                response.headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        if vary:
            response.headers["Vary"] = vary
        if retry_after_s is not None:
            response.headers["Retry-After"] = str(max(1, round(retry_after_s)))
        if keep:
            request.environ[KEEP] = keep
        return response

    def pay(self, subject: VideoId | PlaylistId) -> None:
        """Counts a preview that has to be fetched first against the visitor's network. Raises TooMany."""
        if not self.previews.is_known(subject):
            peer = request.environ.get("REMOTE_ADDR", "")
            forwarded_for = request.environ.get("HTTP_X_FORWARDED_FOR", "")
            address = client_address(peer, forwarded_for, self.settings.trusted_proxies)
            self.misses.spend(address, subject.text)
