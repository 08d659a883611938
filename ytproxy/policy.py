"""The privacy-policy section that is true for given settings, in German and English.

Each sentence that depends on a setting is chosen by it, so the text changes where the behaviour does.
"""

import math
from urllib.parse import urlsplit

from ytproxy.config import DAY_S, Settings
from ytproxy.errors import InvalidInput
from ytproxy.locales import read

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
    shown = (
        "Vorschaubild und Titel kommen"
        if pictures or settings.poster_dir
        else "Eine neutrale Vorschaukarte und der Titel kommen"
    )
    days = _days(settings)
    kept = f"höchstens {days} Tage" if days > 1 else "höchstens einen Tag"
    unless = ticked = ""
    revoked = (
        "Sie gilt nur für dieses eine Abspielen: Sobald Sie zur Vorschau zurückkehren oder die Seite neu laden, endet "
        "die Verbindung, und es erscheint wieder nur die Vorschau. "
    )
    if settings.remember != "off":
        text = read(settings.texts_dir)["de"]
        life = (
            f"höchstens {settings.remember_days} Tage lang"
            if settings.remember == "always"
            else "bis der Tab geschlossen wird"
        )
        unless = "ohne Ihre Einwilligung "
        ticked = (
            f" Nur wenn Sie „{text['remember']}“ ankreuzen und das Video starten, merkt sich Ihr Browser {life} das "
            "Datum dieses Tages, ohne Kennung."
        )
        revoked = (
            f"Ohne das Kreuz gilt sie für dieses eine Abspielen, bis Sie zur Vorschau zurückkehren oder die Seite neu "
            "laden. Mit ihm gilt sie für alle Videos dieser Website, die dann laden, sobald sie zu sehen sind; "
            f"widerrufen können Sie das an jeder Vorschau und über jedem Player mit „{text['forget']}“. "
        )
    return [
        (
            "YouTube-Videos mit lokaler Vorschau",
            (
                "Unsere Seiten zeigen Videos von YouTube zunächst nur als Vorschau. "
                f"{shown} von unserem eigenen Server{place}. Beim Aufruf einer solchen Seite stellt Ihr Browser "
                f"{unless}keine Verbindung zu YouTube oder Google her; die Vorschau setzt keine Cookies und speichert "
                f"nichts auf Ihrem Gerät, was Sie wiedererkennbar macht.{ticked}",
                "Wenn Sie eine unserer mit einem YouTube-Plugin ausgestatteten Seiten besuchen und auf die Vorschau "
                "klicken, wird eine Verbindung zu den Servern von YouTube hergestellt. Der Player kommt dann von "
                "www.youtube-nocookie.com; Betreiber ist die Google Ireland Limited, Gordon House, Barrow Street, "
                "Dublin 4, Irland. YouTube erfährt dabei Ihre IP-Adresse, Angaben zu Browser und Gerät, die Adresse "
                "unseres Videoservers und das gewählte Video, nicht aber, welche unserer Seiten Sie besucht haben. "
                "YouTube kann nach dem Klick Cookies oder vergleichbare Techniken einsetzen. Sind Sie bei Google "
                "angemeldet, kann YouTube den Abruf Ihrem Konto zuordnen. Daten können auch in die USA gelangen.",
                "Rechtsgrundlage für das Laden des Videos ist Ihre Einwilligung durch den Klick (Art. 6 Abs. 1 "
                f"lit. a DSGVO, § 25 Abs. 1 TDDDG). {revoked}Die Vorschau selbst "
                "liefern wir im Interesse einer datensparsamen Darstellung aus "
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
    shown = "The picture and the title come" if pictures or settings.poster_dir else "A neutral card and the title come"
    days = _days(settings)
    kept = f"at most {days} days" if days > 1 else "at most one day"
    unless = ticked = ""
    revoked = (
        "It covers this one playback: as soon as you go back to the preview or reload the page, the connection ends "
        "and only the preview is shown again. "
    )
    if settings.remember != "off":
        text = read(settings.texts_dir)["en"]
        always = settings.remember == "always"
        life = f"for at most {settings.remember_days} days" if always else "until the tab is closed"
        unless = " without your consent"
        ticked = (
            f" Only if you tick “{text['remember']}” and start the video, your browser keeps the date of that day, "
            f"with no identifier, {life}."
        )
        revoked = (
            "Without the tick it covers this one playback, until you go back to the preview or reload the page. "
            "With it, it covers all videos on this website, which then load as soon as they can be seen; you can "
            f"withdraw it at every preview and above every player with “{text['forget']}”. "
        )
    return [
        (
            "YouTube videos with a local preview",
            (
                "Videos from YouTube first appear on our pages as a preview only. "
                f"{shown} from our own server{place}. When you open such a page, your browser makes no connection to "
                f"YouTube or Google{unless}; the preview sets no cookies and stores nothing on your device by which "
                f"you could be recognised.{ticked}",
                "If you visit one of our pages featuring a YouTube plugin and click on the preview, a connection to "
                "the YouTube servers is established. The player then comes from www.youtube-nocookie.com, run by "
                "Google Ireland Limited, Gordon House, Barrow Street, Dublin 4, Ireland. YouTube learns your IP "
                "address, details of your browser and device, the address of our video server and the chosen video, "
                "but not which of our pages you visited. After the click YouTube may use cookies or similar "
                "techniques. If you are signed in to Google, YouTube can link the visit to your account. Data may "
                "also reach the USA.",
                "The legal basis for loading the video is your consent, given by the click (Art. 6(1)(a) GDPR; in "
                f"Germany also § 25(1) TDDDG). {revoked}Delivering the preview "
                "itself rests on our interest in a presentation that is sparing with data (Art. 6(1)(f) GDPR).",
                f"Our server itself fetches {'pictures and titles' if pictures else 'titles'} from YouTube"
                f"{', on a schedule of its own, independent of your visit' if _scheduled(settings) else ''}. "
                f"It passes on nothing about you, and keeps them {kept} without YouTube's confirmation. The video "
                "server keeps no access log. More on how Google handles data: https://policies.google.com/privacy?hl=en",
            ),
        )
    ]
