"""YouTube links in running text: HTML, Markdown, a sitemap, a list of ids."""

import html
import re
from collections.abc import Iterator

from ytproxy.errors import InvalidInput
from ytproxy.youtube import Target, parse

# What a link can be made of; it ends where a quote, a bracket, a comma or white space comes. The look-behind keeps
# the search linear: without it each letter of a long word (an inlined picture) would start a search of its own.
_CANDIDATE = re.compile(
    r"(?<![a-z0-9_.-])(?:https?:)?(?://)?[a-z0-9_.-]*(?:youtu|ytimg)[^\s\"'<>()\[\]{}\\`|,]{3,1000}", re.IGNORECASE
)


def find_targets(text: str) -> Iterator[Target]:
    """Every video and playlist that *text* links to, in order; also ids that stand alone on a line."""
    for line in text.splitlines():
        plain = html.unescape(line)
        for candidate in _CANDIDATE.findall(plain) or [plain.strip()]:
            try:
                yield parse(candidate.rstrip(".,;:!?*"))
            except InvalidInput:
                continue
