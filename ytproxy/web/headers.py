"""The header policy of every kind of answer, as one table."""

from collections.abc import Mapping

from ytproxy.youtube import PLAYER_ORIGIN

_EVERY = {
    "Server": "ytproxy",  # no version; it also keeps the server beneath from adding its own
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_NOTHING = {"Content-Security-Policy": "default-src 'none'"}
_SELF = "'self'"


def policies(*, frame_ancestors: str, pictures_for_all: bool) -> Mapping[str, Mapping[str, str]]:
    """The table: kind of answer to its headers. *frame_ancestors*: who may frame previews and the player."""
    # Before the click: no script, and no Google host in the policy, so that not even a mistake could load one.
    preview = _csp(img_src=_SELF, style_src=_SELF, frame_ancestors=frame_ancestors)
    # The same where visitors may have their videos load without a click: one script of ours, and still no host.
    preview_with_script = _csp(img_src=_SELF, style_src=_SELF, script_src=_SELF, frame_ancestors=frame_ancestors)
    # After the click: the one page that may hold YouTube's player.
    play = _csp(
        img_src=_SELF, style_src=_SELF, script_src=_SELF, frame_src=PLAYER_ORIGIN, frame_ancestors=frame_ancestors
    )
    # The same frame for a page with our element in it.
    element = _csp(img_src=_SELF, style_src=_SELF, script_src=_SELF, frame_src=_SELF, frame_ancestors=frame_ancestors)
    site = _csp(img_src=_SELF, style_src=_SELF, frame_src=_SELF, form_action=_SELF, frame_ancestors="'none'")
    # The same with a script of ours for its copy buttons.
    start = _csp(
        img_src=_SELF, style_src=_SELF, script_src=_SELF, frame_src=_SELF, form_action=_SELF, frame_ancestors="'none'"
    )
    open_to_scripts = {"Access-Control-Allow-Origin": "*"}
    checked = {"Vary": "Sec-Fetch-Site, Referer, Origin"}
    return {
        "preview": _EVERY | preview,
        "remember": _EVERY | preview_with_script,
        "play": _EVERY | play | {"Cache-Control": "no-store"},
        "element": _EVERY | element,
        "site": _EVERY | site,
        "start": _EVERY | start,
        "picture": _EVERY | _NOTHING | (open_to_scripts if pictures_for_all else checked),
        "static": _EVERY | _NOTHING | open_to_scripts,
        "plain": _EVERY | _NOTHING | {"Cache-Control": "no-store"},
    }


def _csp(**sources: str) -> dict[str, str]:
    policy = {"default-src": "'none'", "script-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}
    policy |= {name.replace("_", "-"): value for name, value in sources.items()}
    return {"Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items())}
