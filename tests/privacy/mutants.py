"""Leaks put into the real pages, one at a time: each of them must be seen, or a clean result proves nothing.

Every mutant that reaches out names a host of its own, so that no cache of the browser hides it behind an earlier one.
"""

import re
from dataclasses import dataclass

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One leak, put into the answers whose path starts with *page*, which the site's page *shown_at* holds.

    *sign* is the least that must be seen of it: a kind of contact, ``storage`` or ``cookie``.
    """

    name: str
    sign: str
    host: str = ""
    head: str = ""
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    without_csp: bool = False
    frame_source: str = ""
    pictures_move_to: str = ""
    page: str = "/embed/"
    shown_at: str = "plain"
    on_hover: bool = False
    after_click: bool = False
    empties: str = ""

    def edit(self, path: str, status: int, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
        """The answer to *path* with the leak put in; answers that it does not concern are left alone."""
        if self.empties and path.startswith(self.empties):
            return status, headers, b""
        if self.pictures_move_to and path.startswith(("/thumbnail/", "/vi/", "/vi_webp/")):
            return 302, [("Location", self.pictures_move_to), ("Cache-Control", "no-store")], b""
        if not path.startswith(self.page):
            return status, headers, body
        html = body.decode()
        html = html.replace("</head>", self.head + "</head>", 1) if "</head>" in html else self.head + html
        html = html.replace("</body>", self.body + "</body>", 1) if "</body>" in html else html + self.body
        return status, [*self._edit_policy(headers), *self.headers], html.encode()

    def _edit_policy(self, headers: Headers) -> Headers:
        if self.without_csp:
            return [(name, value) for name, value in headers if name.lower() != "content-security-policy"]
        if not self.frame_source:
            return headers
        source = f"frame-src {self.frame_source}"
        return [
            (name, re.sub(r"frame-src [^;]*", "", value) + "; " + source)
            if name.lower() == "content-security-policy"
            else (name, value)
            for name, value in headers
        ]


_COOKIE = "seen=1; Secure; SameSite=None; Path=/"
_HOVER_SCRIPT = """<script>addEventListener("pointermove", () => {
  const link = document.createElement("link");
  link.rel = "preconnect"; link.href = "https://www.google.com"; document.head.append(link);
}, {once: true})</script>"""

_ELEMENT_SCRIPT = """{
  const link = document.createElement("link");
  link.rel = "preconnect"; link.href = "https://s.ytimg.com"; document.head.append(link);
}
"""

_UNGUARDED_FRAME = """for (const frame of document.querySelectorAll("iframe[data-src]"))
  document.body.appendChild(document.createElement("iframe")).src = frame.dataset.src.replace("www.", "waiting.");
"""


def _reaching(rel: str, host: str) -> str:
    """Script that gives the page a hint to *host*."""
    properties = f'{{rel: "{rel}", href: "https://{host}"}}'
    return f'document.head.append(Object.assign(document.createElement("link"), {properties}));\n'


def _in_upgrade(name: str, sign: str, host: str, script: str, shown_at: str) -> Mutant:
    return Mutant(name, sign, host, head=script, page="/static/ytproxy-upgrade", shown_at=shown_at)


MUTANTS = (
    Mutant(
        "a preconnect hint",
        "connection",
        "www.youtube.com",
        head='<link rel="preconnect" href="https://www.youtube.com">',
    ),
    Mutant(
        "a dns-prefetch hint",
        "dns",
        "yt3.ggpht.com",
        head='<link rel="dns-prefetch" href="https://yt3.ggpht.com">',
    ),
    Mutant(
        "a prefetch hint where the policy names the player",
        "request",
        "prefetch.youtube-nocookie.com",
        head='<link rel="prefetch" href="https://prefetch.youtube-nocookie.com/embed/jNQXAC9IVRw">',
        frame_source="https://prefetch.youtube-nocookie.com",
    ),
    Mutant(
        "a lazy frame that the policy blocks",
        "connection",
        "lazy.youtube-nocookie.com",
        body='<iframe loading="lazy" src="https://lazy.youtube-nocookie.com/embed/jNQXAC9IVRw"></iframe>',
    ),
    Mutant(
        "a picture of YouTube's without a policy",
        "request",
        "i.ytimg.com",
        body='<img alt="" src="https://i.ytimg.com/vi/jNQXAC9IVRw/hqdefault.jpg">',
        without_csp=True,
    ),
    Mutant(
        "a style sheet's url() without a policy",
        "request",
        "i1.ytimg.com",
        head="<style>body{background:url(https://i1.ytimg.com/vi/jNQXAC9IVRw/0.jpg)}</style>",
        without_csp=True,
    ),
    Mutant(
        "a script that preconnects on hover",
        "connection",
        "www.google.com",
        body=_HOVER_SCRIPT,
        on_hover=True,
        without_csp=True,
    ),
    Mutant(
        "a script that writes localStorage",
        "storage",
        body='<script>localStorage.setItem("seen", "1")</script>',
        without_csp=True,
    ),
    Mutant(
        "an element that preconnects",
        "connection",
        "s.ytimg.com",
        head=_ELEMENT_SCRIPT,
        page="/static/ytproxy",
        shown_at="element",
    ),
    Mutant(
        "texts that preconnect",
        "connection",
        "fonts.gstatic.com",
        head=_reaching("preconnect", "fonts.gstatic.com"),
        page="/static/texts/",
        shown_at="german",
    ),
    _in_upgrade(
        "a waiting frame let loose", "request", "waiting.youtube-nocookie.com", _UNGUARDED_FRAME, "waiting-frame"
    ),
    _in_upgrade("a hint for a link", "dns", "youtu.be", _reaching("dns-prefetch", "youtu.be"), "lone-link"),
    _in_upgrade(
        "a poster of YouTube's in lite-youtube",
        "request",
        "i3.ytimg.com",
        'new Image().src = "https://i3.ytimg.com/vi/jNQXAC9IVRw/0.jpg";\n',
        "lite-youtube",
    ),
    _in_upgrade(
        "an embetty-video that preconnects",
        "connection",
        "static.doubleclick.net",
        _reaching("preconnect", "static.doubleclick.net"),
        "embetty-video",
    ),
    # This Chromium keeps no plain cookie in another site's frame, so that one is set on a page of its own.
    Mutant("a cookie", "cookie", headers=(("Set-Cookie", _COOKIE),), page="/watch"),
    Mutant("a partitioned cookie", "cookie", headers=(("Set-Cookie", f"{_COOKIE}; Partitioned"),)),
    Mutant(
        "a picture that moves to YouTube",
        "request",
        "i2.ytimg.com",
        pictures_move_to="https://i2.ytimg.com/vi/jNQXAC9IVRw/hqdefault.jpg",
        without_csp=True,
    ),
    Mutant(
        "a preconnect header",
        "connection",
        "googleads.g.doubleclick.net",
        headers=(("Link", "<https://googleads.g.doubleclick.net>; rel=preconnect"),),
    ),
    Mutant(
        "a meta refresh to the player",
        "request",
        "refresh.youtube-nocookie.com",
        head='<meta http-equiv="refresh" content="0;url=https://refresh.youtube-nocookie.com/embed/jNQXAC9IVRw">',
    ),
)

# After the click: a second host beside the player's, and a player that reload brings back.
API_SCRIPT = Mutant(
    "the player's API script",
    "request",
    "www.youtube.com",
    head='<script src="https://www.youtube.com/iframe_api"></script>',
    without_csp=True,
    page="/play/",
    after_click=True,
)
KEPT_HISTORY = Mutant(
    "a player page without its script",
    "request",
    "www.youtube-nocookie.com",
    page="/watch",
    after_click=True,
    empties="/static/play",
)
