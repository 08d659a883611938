"""One small tree of errors. Every message is a plain sentence that says what to do where something can be done.

HTTP statuses do not appear here; `ytproxy.web` maps each class to one.
"""


class YtproxyError(Exception):
    """Root of everything this package raises on purpose."""


class ConfigError(YtproxyError):
    """A setting is unknown or wrong. The message names it, its value and the cure."""


class InvalidInput(YtproxyError):
    """Text from outside (an id, a URL, a parameter, a variant's name) does not fit the grammar."""


class InvalidVideoId(InvalidInput):
    """Not a YouTube video id."""


class InvalidPlaylistId(InvalidInput):
    """Not a YouTube playlist id, or one that nobody but its owner can open."""


class PictureRefused(YtproxyError):
    """Bytes that claim to be a picture but must not be used: wrong format, broken, too large, a placeholder."""


class PlaceholderPicture(PictureRefused):
    """The grey picture by which YouTube says that there is none, whatever the status that came with it."""


class Unavailable(YtproxyError):
    """YouTube was asked, lately, and said that this video cannot be shown."""


class Absent(Unavailable):
    """There is no such video, playlist or picture."""


class Private(Unavailable):
    """The video exists and is private."""


class EmbeddingOff(Unavailable):
    """The video exists; its owner does not allow it in other pages."""


class NotAllowed(Unavailable):
    """The operator does not want this video, or this request, served."""


class UpstreamFailed(YtproxyError):
    """YouTube could not be asked or gave no usable answer. Says nothing about the video."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Busy(YtproxyError):
    """This server will not take on more work just now."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooMany(Busy):
    """This visitor, or all together, asked for more new previews than the limits allow."""


class StoreError(YtproxyError):
    """The store cannot be read or written."""
