"""How an answer is put together: one header table, one way to name its bytes, one life in browsers and memory."""

import hashlib
from dataclasses import dataclass

from flask import Response, request

from ytproxy.config import Settings
from ytproxy.hotpath import KEEP, Keep
from ytproxy.previews import Previews
from ytproxy.web.address import LanguageRule
from ytproxy.web.headers import POLICY
from ytproxy.web.static_files import StaticFiles


@dataclass(frozen=True, slots=True)
class Context:
    """What every view works with."""

    settings: Settings
    previews: Previews
    static: StaticFiles
    language: LanguageRule


def answer(
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
    """An answer of one *kind* of `headers.POLICY`. Its validator is a hash of its bytes, the same for everybody."""
    body = body.encode() if isinstance(body, str) else body
    response = Response(body, status=status, content_type=mimetype)
    response.headers.update(POLICY[kind])
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
