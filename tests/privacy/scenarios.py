"""The visits of one run. `run` gives a table of what was seen; tests/test_privacy.py says what it must be."""

import json

from tests.privacy.front import Front, embed_code, page
from tests.privacy.journal import PROXY_HOST, SITE_HOST
from tests.privacy.mutants import API_SCRIPT, KEPT_HISTORY, MUTANTS
from tests.privacy.visits import Phase, Visitor
from tests.youtube import IDS

VIDEO = "dQw4w9WgXcQ"
_EMBED = f"/embed/{VIDEO}?si=Zm9vYmFyYmF6cXV4"
_PROXY = f"https://{PROXY_HOST}"
_STRICT = {
    "Content-Security-Policy": f"default-src 'none'; frame-src https://{PROXY_HOST}",
    "Referrer-Policy": "no-referrer",
}
_ELEMENT = (
    f'<ytproxy-video videoid="{VIDEO}" title="A film" style="display: block; width: 560px">'
    f'<a href="{_PROXY}/watch?v={VIDEO}"><img alt="" src="{_PROXY}/thumbnail/{VIDEO}/480.jpg">A film</a>'
    "</ytproxy-video>"
)
_SCRIPT = f'<script type="module" src="{_PROXY}/static/ytproxy.js"></script>'
_OLD_SCRIPT = f'<script type="module" src="{_PROXY}/static/ytproxy.js" data-upgrade></script>'
# What pages held before, each in the form that contacts nobody until a script takes it up.
OLD = {
    "waiting frame": (
        f'<iframe data-src="https://www.youtube-nocookie.com/embed/{VIDEO}" width="560" height="315"></iframe>'
    ),
    "lone link": f'<p style="width: 560px"><a href="https://youtu.be/{VIDEO}">A film</a></p>',
    "lite-youtube": f'<lite-youtube videoid="{VIDEO}" autoload style="display: block; width: 560px"></lite-youtube>',
    "embetty-video": f'<embetty-video type="youtube" video-id="{VIDEO}" style="width: 560px"></embetty-video>',
}
_STRICT_FOR_ELEMENT = {
    "Content-Security-Policy": f"default-src 'none'; script-src {_PROXY}; img-src {_PROXY}; frame-src {_PROXY}",
    "Referrer-Policy": "no-referrer",
}
_AHEAD = [{"urls": [f"{_PROXY}/play/{VIDEO}"], "eagerness": "immediate"}]
_SPECULATION = f'<script type="speculationrules">{json.dumps({"prefetch": _AHEAD, "prerender": _AHEAD})}</script>'

# Address to headers and HTML of the pages that are not the product's.
SITE = {
    f"{SITE_HOST}/blank": ({}, page("<p>no video here</p>")),
    f"{SITE_HOST}/other": ({}, page("<p>another page</p>")),
    f"{SITE_HOST}/plain": ({}, page(embed_code(_EMBED))),
    f"{SITE_HOST}/strict": (_STRICT, page(embed_code(_EMBED))),
    f"{SITE_HOST}/undelegated": ({}, page(f'<iframe width="560" height="315" src="{_PROXY}{_EMBED}"></iframe>')),
    f"{SITE_HOST}/element": ({}, page(_ELEMENT, _SCRIPT)),
    f"{SITE_HOST}/element-strict": (_STRICT_FOR_ELEMENT, page(_ELEMENT, _SCRIPT)),
    f"{SITE_HOST}/german": ({}, page(f'<div lang="de">{_ELEMENT}</div>', _SCRIPT)),
    f"{SITE_HOST}/old": ({}, page("".join(OLD.values()), _OLD_SCRIPT)),
    **{f"{SITE_HOST}/{name.replace(' ', '-')}": ({}, page(html, _OLD_SCRIPT)) for name, html in OLD.items()},
    f"{SITE_HOST}/play-frame": ({}, page(embed_code(f"/play/{VIDEO}?autoplay=1"))),
    # The operator's own page beside the server: only the same host may be rendered ahead.
    f"{PROXY_HOST}/page/speculation": ({}, page("<p>no frame here</p>", _SPECULATION)),
    f"{SITE_HOST}/prefetch": ({}, page("<p>no frame here</p>", f'<link rel="prefetch" href="{_PROXY}/play/{VIDEO}">')),
}

WHOLE_PAGES = {
    "the embed page": f"/embed/{VIDEO}",
    "a watch page": f"/watch?v={VIDEO}",
    "a playlist": f"/playlist?list={IDS['playlist']}",
    "the start page": "/",
    "the privacy page": "/privacy",
    "an impossible video": "/embed/nonsense",
    "an absent video": f"/embed/{IDS['absent']}",
}
_WATCH = _PROXY + WHOLE_PAGES["a watch page"]


def run(visitor: Visitor, _front: Front) -> dict[str, dict[str, Phase]]:
    """Every visit by name. The quiet ones come first, while the browser knows no foreign host yet."""
    site = f"https://{SITE_HOST}"
    roam, look, play = ("roam", visitor.roam), ("look", visitor.look), ("play", visitor.press_play)
    reload, leave = ("reload", visitor.reload), ("away and back", visitor.away_and_back)
    back, forward, enter = (
        ("back", visitor.back),
        ("forward", visitor.forward),
        ("play", visitor.press_enter_on_play),
    )

    seen = {
        "plain": visitor.visit(f"{site}/plain", roam, reload, leave),
        "plain without scripts": visitor.visit(f"{site}/plain", roam, scripts=False),
        "strict": visitor.visit(f"{site}/strict", roam),
        "element": visitor.visit(f"{site}/element", roam, reload, leave),
        "element without scripts": visitor.visit(f"{site}/element", look, scripts=False),
        "element in German": visitor.visit(f"{site}/german", look),
        "old page": visitor.visit(f"{site}/old", roam, reload),
        "play-frame": visitor.visit(f"{site}/play-frame", look),
        "prefetch": visitor.visit(f"{site}/prefetch", look),
        "speculation": visitor.visit(f"{_PROXY}/page/speculation", look),
    }
    for name, path in WHOLE_PAGES.items():
        seen[name] = visitor.visit(_PROXY + path, look)

    same_site = ("same site", lambda tab: visitor.open(tab, f"{site}/undelegated"))
    another_site = ("another site", lambda tab: visitor.open(tab, _PROXY + _EMBED))
    seen["two sites"] = visitor.visit(f"{site}/plain", same_site, another_site)

    seen["click"] = visitor.visit(f"{site}/plain", play, back, forward)
    seen["click then reload"] = visitor.visit(f"{site}/plain", play, reload)
    seen["click then leave"] = visitor.visit(f"{site}/plain", play, leave)
    seen["enter key"] = visitor.visit(f"{site}/plain", enter)
    seen["click without scripts"] = visitor.visit(f"{site}/plain", play, scripts=False)
    seen["click in strict"] = visitor.visit(f"{site}/strict", play)
    stop = ("stop", visitor.press_back)
    seen["click on element"] = visitor.visit(f"{site}/element", play, stop)
    seen["click on element then leave"] = visitor.visit(f"{site}/element", play, leave)
    seen["enter key on element"] = visitor.visit(f"{site}/element", enter)
    seen["click on element in strict"] = visitor.visit(f"{site}/element-strict", play)
    for name in OLD:
        seen[f"click on {name}"] = visitor.visit(f"{site}/{name.replace(' ', '-')}", play)
    seen["click on element in German"] = visitor.visit(f"{site}/german", play)
    seen["click undelegated"] = visitor.visit(f"{site}/undelegated", play)
    seen["click on whole page"] = visitor.visit(_WATCH, play, reload)
    seen["click on whole page then leave"] = visitor.visit(_WATCH, play, leave)
    return seen


def run_mutants(visitor: Visitor, front: Front) -> dict[str, dict[str, Phase]]:
    """The same pages once a mutant, each with its one leak."""
    seen = {}
    for mutant in (*MUTANTS, API_SCRIPT, KEPT_HISTORY):
        address = _WATCH if mutant.page == "/watch" else f"https://{SITE_HOST}/{mutant.shown_at}"
        steps = [("look", visitor.look)] if mutant.on_hover else []
        if mutant.after_click:
            steps = [("play", visitor.press_play), ("reload", visitor.reload)]
        front.mutant = mutant
        try:
            seen[mutant.name] = visitor.visit(address, *steps)
        finally:
            front.mutant = None
    return seen
