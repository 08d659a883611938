"""The privacy-policy section that is true for given settings, in German and English.

Each sentence that depends on a setting is chosen by it, so the text changes where the behaviour does.
"""

import math
from urllib.parse import urlsplit

from ytproxy.config import DAY_S, Settings
from ytproxy.errors import InvalidInput

LANGUAGES = ("de", "en")
Section = tuple[str, tuple[str, ...]]  # heading, paragraphs

_HEADINGS = {"de": "Datenschutz auf diesem Videoserver", "en": "Privacy on this video server"}


def heading(lang: str) -> str:
    """The title of a page that shows the sections."""
    return _HEADINGS[language(lang)]


def sections(settings: Settings, lang: str) -> list[Section]:
    """Headings with their paragraphs. English where there is no text in *lang*."""
    return _german(settings) if language(lang) == "de" else _english(settings)


def markdown(settings: Settings, lang: str) -> str:
    """The sections as Markdown. Raises InvalidInput for a language without a text."""
    _require(lang)
    return "\n".join(
        f"## {title}\n\n" + "\n\n".join(paragraphs) + "\n" for title, paragraphs in sections(settings, lang)
    )


def language(lang: str) -> str:
    """The one of ours to read the text in, for a page in *lang*."""
    return lang if lang in LANGUAGES else "en"


def _require(lang: str) -> None:
    if lang not in LANGUAGES:
        raise InvalidInput(f"There is no policy text in {lang!r}; use one of: {', '.join(LANGUAGES)}.")


def _place(settings: Settings) -> str | None:
    return urlsplit(settings.public_url).hostname if settings.public_url else None


def _days(settings: Settings) -> int:
    """Rounded up: "at most" must stay true."""
    return math.ceil(settings.max_age_s / DAY_S)


def _scheduled(settings: Settings) -> bool:
    """Whether no visit causes a request to YouTube; as `gate.Videos.is_list`."""
    return settings.allowed_videos is not None and not settings.allowed_channels and not settings.signing_key


def _german(settings: Settings) -> list[Section]:
    pictures = settings.thumbnails == "on"
    place = f" {host}" if (host := _place(settings)) else ""
    shown = "Vorschaubild und Titel kommen" if pictures else "Eine neutrale Vorschaukarte und der Titel kommen"
    days = _days(settings)
    kept = f"höchstens {days} Tage" if days > 1 else "höchstens einen Tag"
    return [
        (
            "YouTube-Videos mit lokaler Vorschau",
            (
                "Unsere Seiten zeigen Videos von YouTube zunächst nur als Vorschau. "
                f"{shown} von unserem eigenen Server{place}. Beim Aufruf einer solchen Seite stellt Ihr Browser "
                "keine Verbindung zu YouTube oder Google her; die Vorschau setzt keine Cookies und speichert nichts "
                "auf Ihrem Gerät, was Sie wiedererkennbar macht.",
                "Wenn Sie eine unserer mit einem YouTube-Plugin ausgestatteten Seiten besuchen und auf die Vorschau "
                "klicken, wird eine Verbindung zu den Servern von YouTube hergestellt. Der Player kommt dann von "
                "www.youtube-nocookie.com; Betreiber ist die Google Ireland Limited, Gordon House, Barrow Street, "
                "Dublin 4, Irland. YouTube erfährt dabei Ihre IP-Adresse, Angaben zu Browser und Gerät, die Adresse "
                "unseres Videoservers und das gewählte Video, nicht aber, welche unserer Seiten Sie besucht haben. "
                "YouTube kann nach dem Klick Cookies oder vergleichbare Techniken einsetzen. Sind Sie bei Google "
                "angemeldet, kann YouTube den Abruf Ihrem Konto zuordnen. Daten können auch in die USA gelangen.",
                "Rechtsgrundlage für das Laden des Videos ist Ihre Einwilligung durch den Klick (Art. 6 Abs. 1 "
                "lit. a DSGVO, § 25 Abs. 1 TDDDG). Sie gilt nur für dieses eine Abspielen: Sobald Sie zur Vorschau "
                "zurückkehren oder die Seite neu laden, endet die Verbindung, und es erscheint wieder nur die "
                "Vorschau. Die Vorschau selbst liefern wir im Interesse einer datensparsamen Darstellung aus "
                "(Art. 6 Abs. 1 lit. f DSGVO).",
                f"{'Vorschaubilder und Titel' if pictures else 'Titel'} ruft unser Server selbst bei YouTube ab"
                f"{', nach einem eigenen Zeitplan und unabhängig von Ihrem Besuch' if _scheduled(settings) else ''}. "
                f"Angaben über Sie gibt er dabei nicht weiter. Was er abruft, bewahrt er {kept} auf, ohne dass "
                "YouTube es bestätigt. Der Videoserver führt kein Zugriffsprotokoll. Mehr dazu, wie Google mit "
                "Daten umgeht: https://policies.google.com/privacy?hl=de",
            ),
        )
    ]


def _english(settings: Settings) -> list[Section]:
    pictures = settings.thumbnails == "on"
    place = f", {host}" if (host := _place(settings)) else ""
    shown = "The picture and the title come" if pictures else "A neutral card and the title come"
    days = _days(settings)
    kept = f"at most {days} days" if days > 1 else "at most one day"
    return [
        (
            "YouTube videos with a local preview",
            (
                "Videos from YouTube first appear on our pages as a preview only. "
                f"{shown} from our own server{place}. When you open such a page, your browser makes no connection to "
                "YouTube or Google; the preview sets no cookies and stores nothing on your device by which you could "
                "be recognised.",
                "If you visit one of our pages featuring a YouTube plugin and click on the preview, a connection to "
                "the YouTube servers is established. The player then comes from www.youtube-nocookie.com, run by "
                "Google Ireland Limited, Gordon House, Barrow Street, Dublin 4, Ireland. YouTube learns your IP "
                "address, details of your browser and device, the address of our video server and the chosen video, "
                "but not which of our pages you visited. After the click YouTube may use cookies or similar "
                "techniques. If you are signed in to Google, YouTube can link the visit to your account. Data may "
                "also reach the USA.",
                "The legal basis for loading the video is your consent, given by the click (Art. 6(1)(a) GDPR; in "
                "Germany also § 25(1) TDDDG). It covers this one playback: as soon as you go back to the preview or "
                "reload the page, the connection ends and only the preview is shown again. Delivering the preview "
                "itself rests on our interest in a presentation that is sparing with data (Art. 6(1)(f) GDPR).",
                f"Our server itself fetches {'pictures and titles' if pictures else 'titles'} from YouTube"
                f"{', on a schedule of its own, independent of your visit' if _scheduled(settings) else ''}. "
                f"It passes on nothing about you, and keeps them {kept} without YouTube's confirmation. The video "
                "server keeps no access log. More on how Google handles data: https://policies.google.com/privacy?hl=en",
            ),
        )
    ]
