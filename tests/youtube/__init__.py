"""A stand-in YouTube on the loopback: thumbnails, oEmbed and player as a client without a key sees them.

    with FakeYouTube() as youtube:
        youtube.set("abcdefghij0", profile="short", title="A tall film")
        youtube.fail(status=503)      # all of YouTube is unwell ...
        youtube.recover()             # ... and well again
        assert youtube.count("/vi/") == 1

Every valid id is a landscape film until set() says otherwise; IDS names an id for each profile.
By hand: python -m tests.youtube
"""

from .control import Failure, Request
from .profiles import IDS, PROFILES, Profile, Video
from .server import PROXIED_HOSTS, FakeYouTube

__all__ = ["IDS", "PROFILES", "PROXIED_HOSTS", "Failure", "FakeYouTube", "Profile", "Request", "Video"]
