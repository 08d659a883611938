"""What operators and browsers need besides previews: health, the files of `static/`, a description of all addresses."""

import json

from flask import Blueprint, Response, abort

from ytproxy.hotpath import Keep
from ytproxy.web import openapi
from ytproxy.web.answers import Context

_TEXT = "text/plain; charset=utf-8"
_FOR_GOOD = "public, max-age=31536000, immutable"
_FIVE_MINUTES = "public, max-age=300"
_KEPT_S = 86_400  # what changes with a new version alone


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

    @room.get("/openapi.json")
    def description() -> Response:
        body = json.dumps(openapi.document()) + "\n"
        return context.answer("static", body, "application/json", cache_control=_FIVE_MINUTES, keep=Keep(_KEPT_S))

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
            keep=Keep(_KEPT_S),
        )

    return room
