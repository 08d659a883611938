"""What operators and browsers need besides previews: health, and the files of `static/`."""

from flask import Blueprint, Response, abort

from ytproxy.hotpath import Keep
from ytproxy.web.answers import Context

_TEXT = "text/plain; charset=utf-8"
_FOR_GOOD = "public, max-age=31536000, immutable"
_FIVE_MINUTES = "public, max-age=300"


def routes(context: Context) -> Blueprint:
    room = Blueprint("operation", __name__)

    @room.get("/healthz")
    def healthz() -> Response:
        return context.answer("plain", "ok\n", _TEXT)

    @room.get("/readyz")
    def readyz() -> Response:
        if fault := context.previews.fault():
            return context.answer("plain", f"not ready: {fault}\n", _TEXT, status=503)
        return context.answer("plain", "ready\n", _TEXT)

    @room.get("/static/<path:name>")
    def static(name: str) -> Response:
        file = context.static.get(name)
        if file is None:
            abort(404)
        return context.answer(
            "static",
            file.body,
            file.mimetype,
            cache_control=_FOR_GOOD if file.immutable else _FIVE_MINUTES,
            keep=Keep(86_400),
        )

    return room
