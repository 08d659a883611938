"""The header policy of every kind of answer, as one table."""

from types import MappingProxyType

_PLAYER = "https://www.youtube-nocookie.com"

_EVERY = {
    "Server": "ytproxy",  # no version; it also keeps the server beneath from adding its own
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


def _csp(**sources: str) -> str:
    policy = {"default-src": "'none'", "script-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}
    policy |= {name.replace("_", "-"): value for name, value in sources.items()}
    return "; ".join(f"{name} {value}" for name, value in policy.items())


POLICY = MappingProxyType(
    {
        # Before the click: no script, and no Google host in the policy, so that not even a mistake could load one.
        "preview": _EVERY
        | {"Content-Security-Policy": _csp(img_src="'self'", style_src="'self'", frame_ancestors="*")},
        # After the click: the one page that may hold YouTube's player.
        "play": _EVERY
        | {
            "Content-Security-Policy": _csp(
                style_src="'self'",
                script_src="'self'",
                frame_src=_PLAYER,
                img_src="'self'",
                frame_ancestors="*",
            ),
            "Cache-Control": "no-store",
        },
        "site": _EVERY
        | {
            "Content-Security-Policy": _csp(
                img_src="'self'",
                style_src="'self'",
                frame_src="'self'",
                form_action="'self'",
                frame_ancestors="'none'",
            ),
        },
        "picture": _EVERY | {"Content-Security-Policy": "default-src 'none'"},
        "static": _EVERY | {"Content-Security-Policy": "default-src 'none'", "Access-Control-Allow-Origin": "*"},
        "plain": _EVERY | {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store"},
    }
)
