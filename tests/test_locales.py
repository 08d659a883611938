"""The catalogues: every language says the same, in full, briefly enough, and as it is written by those who read it."""

import json
import re
import unicodedata
from dataclasses import replace
from itertools import product
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from tests.test_markup import PREVIEW, STATIC, VIDEO, preview
from ytproxy import locales, markup
from ytproxy.images import Shape
from ytproxy.locales import LANGUAGES, catalogue, direction
from ytproxy.markup import State

ENGLISH = catalogue("en")
OTHERS = [lang for lang in LANGUAGES if lang != "en"]

OWN_NAMES = {
    "ar": "العربية",
    "bg": "Български",
    "cs": "Čeština",
    "da": "Dansk",
    "de": "Deutsch",
    "el": "Ελληνικά",
    "en": "English",
    "es": "Español",
    "et": "Eesti",
    "fi": "Suomi",
    "fr": "Français",
    "ga": "Gaeilge",
    "he": "עברית",
    "hr": "Hrvatski",
    "hu": "Magyar",
    "is": "Íslenska",
    "it": "Italiano",
    "lt": "Lietuvių",
    "lv": "Latviešu",
    "mt": "Malti",
    "nb": "Norsk bokmål",
    "nl": "Nederlands",
    "pl": "Polski",
    "pt": "Português",
    "ro": "Română",
    "sk": "Slovenčina",
    "sl": "Slovenščina",
    "sv": "Svenska",
    "tr": "Türkçe",
    "uk": "Українська",
}
# How a language names the two things that the long notice may not leave out, where not "cookie" and "USA".
COOKIES = {
    "ar": "ملفات تعريف الارتباط",
    "bg": "бисквитки",
    "et": "küpsiseid",
    "fi": "evästeitä",
    "ga": "fianáin",
    "hr": "kolačiće",
    "is": "vafrakökur",
    "lt": "slapukus",
    "lv": "sīkdatnes",
    "nb": "informasjonskapsler",
    "sl": "piškotke",
    "sv": "kakor",
    "tr": "çerez",
}
USA = {
    "ar": "الولايات المتحدة",
    "bg": "САЩ",
    "el": "ΗΠΑ",
    "es": "Estados Unidos",
    "fi": "Yhdysvaltoihin",
    "fr": "États-Unis",
    "ga": "Stáit Aontaithe",
    "he": "ארצות הברית",
    "hr": "SAD",
    "is": "Bandaríkjanna",
    "it": "Stati Uniti",
    "lt": "JAV",
    "lv": "ASV",
    "mt": "Istati Uniti",
    "nl": "VS",
    "pt": "EUA",
    "ro": "SUA",
    "sl": "ZDA",
    "tr": "ABD",
    "uk": "США",
}
# The same word in both languages, not a text that was forgotten.
SAME_AS_ENGLISH = {("de", "details"), ("nl", "details"), ("fr", "start_docs"), ("lv", "untitled")}

# Characters that a place has room for: 200 px wide frames, the bar over the player, a column of terms.
LONGEST = {
    "play": 10,
    "notice": 110,
    "notice_short": 23,
    "details": 12,
    "close": 10,
    "watch": 24,
    "open_youtube": 24,
    "back_to_preview": 30,
    "remember": 36,
    "remember_days": 80,
    "remember_session": 72,
    "forget": 36,
    "remembered": 54,
    "not_remembered": 66,
    "player_loading": 50,
    **dict.fromkeys(("fault_gone", "fault_referrer", "fault_silent", "fault_failed"), 120),
    "embedding_off": 80,
    "embedding_off_heading": 24,
    "absent_heading": 30,
    "absent_playlist_heading": 34,
    "private_heading": 24,
    "live_unknown_heading": 46,
    "live_unknown": 130,
    "start_builder_button": 18,
    **dict.fromkeys(("before_term", "who_term", "what_term", "where_term", "back_term"), 10),
}

_LETTERS = {"ar": "ARABIC", "he": "HEBREW", "bg": "CYRILLIC", "uk": "CYRILLIC", "el": "GREEK"}
# One-letter words that may not be left at the end of a line.
_BOUND = {"cs": "ksvzouai", "sk": "ksvzouai", "pl": "wzioau"}
_QUOTES = {
    **dict.fromkeys(("ar", "es", "fr", "it", "nb", "pt", "uk"), "«»"),
    **dict.fromkeys(("bg", "cs", "de", "et", "is", "lt", "sk"), "„“"),
    **dict.fromkeys(("hu", "pl"), "„”"),
    "da": "»«",
    "he": "״״",
    "nl": "‘’",
    "sv": "””",
    "tr": "“”",
}


def texts(lang: str) -> list[tuple[str, str]]:
    """What is read in *lang*, by key: all but the direction."""
    return [(key, text) for key, text in catalogue(lang).items() if key != "direction"]


def placeholders(text: str) -> list[str]:
    """The names in braces in *text*. Raises ValueError where a brace stands alone."""
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_the_languages_are_those_of_the_european_union_and_some_neighbours() -> None:
    european = {"bg", "hr", "cs", "da", "nl", "en", "et", "fi", "fr", "de", "el", "hu"}
    european |= {"ga", "it", "lv", "lt", "mt", "pl", "pt", "ro", "sk", "sl", "es", "sv"}
    assert set(LANGUAGES) == european | {"uk", "nb", "is", "tr", "ar", "he"}
    assert list(LANGUAGES) == sorted(LANGUAGES)


def test_a_language_without_a_catalogue_is_refused() -> None:
    with pytest.raises(KeyError):
        catalogue("xx")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_the_same_texts_in_the_same_order(lang: str) -> None:
    assert list(catalogue(lang)) == list(ENGLISH)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_catalogue_is_clean_text(lang: str) -> None:
    file = Path(locales.__file__).with_name(f"{lang}.json")
    raw = file.read_bytes().decode("utf-8", errors="strict")
    assert unicodedata.is_normalized("NFC", raw)
    assert raw == json.dumps(dict(catalogue(lang)), ensure_ascii=False, indent=2) + "\n"  # no key stands twice
    for key, text in catalogue(lang).items():
        assert text, key
        assert not text[0].isspace(), key
        assert not text[-1].isspace(), key
        assert "  " not in text, key
        # Control, format, surrogate, private and unassigned characters: invisible, and some turn text around.
        assert [f"U+{ord(c):04X}" for c in text if unicodedata.category(c).startswith("C")] == [], key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_text_for_visitors_holds_a_host_markup_or_a_direction(lang: str) -> None:
    for key, text in texts(lang):
        assert not re.search(r"[<>{}&%]|://|youtube\.com|[←-⇿]", text.replace("{days}", "")), key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_text_has_the_placeholders_of_its_english_between_spaces(lang: str) -> None:
    assert placeholders(ENGLISH["remember_days"]) == ["days"]
    for key, text in texts(lang):
        assert placeholders(text) == placeholders(ENGLISH[key]), key
        for before, after in re.findall(r"(.?)\{\w+\}(.?)", text):
            assert before in (" ", "\u00a0"), key
            assert after in (" ", "\u00a0"), key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_language_goes_by_its_own_name(lang: str) -> None:
    assert catalogue(lang)["language_name"] == OWN_NAMES[lang]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_arabic_and_hebrew_are_written_from_right_to_left_and_no_other(lang: str) -> None:
    assert catalogue(lang)["direction"] == ("rtl" if lang in ("ar", "he") else "ltr")
    html = preview(replace(PREVIEW, lang=lang)).one("html")
    assert (html["lang"], html["dir"]) == (lang, direction(lang)) == (lang, catalogue(lang)["direction"])


@pytest.mark.parametrize("lang", OTHERS)
def test_no_text_is_left_in_english(lang: str) -> None:
    same = {(lang, key) for key, text in texts(lang) if text == ENGLISH[key]}
    assert same == {pair for pair in SAME_AS_ENGLISH if pair[0] == lang}
    for key, text in texts(lang):
        left = re.findall(r"\b(?:the|this|your|and|with|not|please|address)\b", text, re.IGNORECASE)
        assert left == [], key


@pytest.mark.parametrize("lang", _LETTERS)
def test_a_language_is_written_in_its_own_letters(lang: str) -> None:
    names = r"YouTube|Google Ireland Limited|Google|IP|Short|Cookie|cookies?|playlist|Playlist|\{days\}"
    for key, text in texts(lang):
        for letter in filter(str.isalpha, re.sub(names, "", text)):
            assert unicodedata.name(letter).startswith(_LETTERS[lang]), (key, text, letter)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_names_stand_wherever_english_has_them(lang: str) -> None:
    for key, text in texts(lang):
        assert ("YouTube" in text) >= ("YouTube" in ENGLISH[key]), key
        assert ("Google" in text) >= ("Google" in ENGLISH[key]), key
    assert "Google Ireland Limited" in catalogue(lang)["who"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_notice_leaves_nothing_out(lang: str) -> None:
    t = catalogue(lang)
    assert "IP" in t["notice"]
    assert "IP" in t["what"]
    assert COOKIES.get(lang, "cookie") in t["what"].lower()
    assert USA.get(lang, "USA") in t["where"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_texts_fit_where_there_is_little_room(lang: str) -> None:
    assert {key: text for key, text in texts(lang) if len(text) > LONGEST.get(key, 300)} == {}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_text_ends_as_its_english_does(lang: str) -> None:
    for key, text in texts(lang):
        assert text.endswith(".") == ENGLISH[key].endswith("."), key
        assert text.endswith(":") == ENGLISH[key].endswith(":"), key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_quotes_and_apostrophes_are_those_of_the_language(lang: str) -> None:
    for key, text in texts(lang):
        assert not re.search(r"[\"'`´]", text), key
        marks = "".join(re.findall("[«»„“”‘’״]", text if "‘" in text else text.replace("’", "")))
        assert marks == _QUOTES.get(lang, "") * (len(marks) // 2), key


def test_french_keeps_its_signs_on_the_line_of_the_word() -> None:
    for key, text in texts("fr"):
        assert not re.search("[^\u00a0][:»]|[^\u202f][;!?]|«[^\u00a0]", text), key


@pytest.mark.parametrize("lang", _BOUND)
def test_a_one_letter_word_is_never_the_last_of_a_line(lang: str) -> None:
    for key, text in texts(lang):
        assert not re.search(rf"(?<!\w)[{_BOUND[lang]}] ", text, re.IGNORECASE), key


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_is_there_in_every_language(lang: str) -> None:
    t = catalogue(lang)
    for state, whole, shape in product(get_args(State), (False, True), Shape):
        html = markup.preview_page(replace(PREVIEW, lang=lang, state=state, whole_page=whole, shape=shape))
        assert t["notice" if state == "ok" else state.replace("-", "_")] in html
    assert t["back_to_preview"] in markup.play_page(replace(PREVIEW, lang=lang), "about:blank", "../embed/x")
    start = markup.start_page(lang=lang, root="./", static_urls=STATIC, demo_id=VIDEO, public_url="https://v.example")
    assert all(catalogue(other)["language_name"] in start for other in LANGUAGES)
    assert t["start_lead"] in start


def test_the_reference_names_every_language() -> None:
    reference = (Path(__file__).parents[1] / "docs" / "reference.md").read_text(encoding="utf-8")
    assert f"Languages: `{' '.join(LANGUAGES)}`" in reference
