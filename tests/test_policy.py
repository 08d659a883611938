"""The text for a privacy policy says what this server does, with the settings it has."""

import re
from pathlib import Path
from typing import Any

import pytest

from ytproxy.config import DAY_S, Settings
from ytproxy.errors import InvalidInput
from ytproxy.locales import catalogue
from ytproxy.policy import LANGUAGES, heading, markdown, sections

SEED = {
    "de": "auf die Vorschau klicken, wird eine Verbindung zu den Servern von YouTube hergestellt",
    "en": "click on the preview, a connection to the YouTube servers is established",
}
KEPT = {
    "de": {1: "höchstens einen Tag", 2: "höchstens 2 Tage", 30: "höchstens 30 Tage"},
    "en": {1: "at most one day", 2: "at most 2 days", 30: "at most 30 days"},
}


def text(lang: str, **settings: Any) -> str:
    return markdown(Settings(**({"workers": 1} | settings)), lang)


both = pytest.mark.parametrize("lang", LANGUAGES)


def test_there_is_a_german_and_an_english_text() -> None:
    assert set(LANGUAGES) == set(SEED) == {"de", "en"}


@both
@pytest.mark.parametrize("thumbnails", ["on", "neutral"])
def test_it_says_that_a_click_connects_to_youtube(lang: str, thumbnails: str) -> None:
    assert SEED[lang] in text(lang, thumbnails=thumbnails)


@both
def test_it_names_the_players_host_and_who_runs_it(lang: str) -> None:
    for fact in (
        "www.youtube-nocookie.com",
        "Google Ireland Limited",
        f"https://policies.google.com/privacy?hl={lang}",
    ):
        assert fact in text(lang)


@pytest.mark.parametrize(
    ("lang", "with_pictures", "without"),
    [
        (
            "de",
            ["Vorschaubild und Titel kommen", "Vorschaubilder und Titel ruft"],
            ["neutrale Vorschaukarte", "Titel ruft unser Server"],
        ),
        ("en", ["The picture and the title come", "fetches pictures and titles"], ["A neutral card", "fetches titles"]),
    ],
)
def test_without_youtubes_pictures_it_speaks_of_none(lang: str, with_pictures: list[str], without: list[str]) -> None:
    on, neutral = text(lang, thumbnails="on"), text(lang, thumbnails="neutral")
    for words in with_pictures:
        assert words in on
        assert words not in neutral
    assert all(words in neutral for words in without)
    assert not re.search(r"Vorschaubild|[Pp]icture", neutral)


@both
@pytest.mark.parametrize(
    ("max_age_s", "days"),
    [(60, 1), (DAY_S, 1), (DAY_S + 1, 2), (2 * DAY_S, 2), (29 * DAY_S + 60, 30), (30 * DAY_S, 30)],
)
def test_it_never_promises_a_shorter_time_than_the_setting(lang: str, max_age_s: int, days: int) -> None:
    said = text(lang, max_age_s=max_age_s)
    assert [days for days, words in KEPT[lang].items() if words in said] == [days]


@both
def test_it_names_the_servers_host_where_that_is_known(lang: str) -> None:
    assert "video.example.org" in text(lang, public_url="https://video.example.org:8443/yt")
    assert "8443" not in text(lang, public_url="https://video.example.org:8443/yt")
    assert "None" not in text(lang)


@pytest.mark.parametrize("settings", [{}, {"thumbnails": "neutral"}, {"max_age_s": DAY_S}])
def test_both_languages_have_the_same_form(settings: dict[str, Any]) -> None:
    chosen = Settings(workers=1, **settings)
    forms = {lang: [len(paragraphs) for _, paragraphs in sections(chosen, lang)] for lang in LANGUAGES}
    assert forms["de"] == forms["en"]
    assert min(forms["de"]) > 0


@pytest.mark.parametrize(
    ("lang", "life", "unless"),
    [("de", "höchstens 90 Tage lang", "ohne Ihre Einwilligung keine"), ("en", "for at most 90 days", "without your")],
)
def test_where_visitors_may_have_videos_loaded_without_a_click_it_says_so_and_how_to_revoke_it(
    lang: str, life: str, unless: str
) -> None:
    off, always = text(lang), text(lang, remember="always", remember_days=90)
    session = text(lang, remember="session", remember_days=90)
    for words in (catalogue(lang)["remember"], catalogue(lang)["forget"], unless):
        assert words not in off
        assert words in always
        assert words in session
    assert life in always
    assert life not in session


@both
def test_own_pictures_are_called_pictures_where_youtubes_are_not_shown(lang: str, tmp_path: Path) -> None:
    card = {"de": "neutrale Vorschaukarte", "en": "neutral card"}[lang]
    assert card in text(lang, thumbnails="neutral")
    assert card not in text(lang, thumbnails="neutral", poster_dir=tmp_path)


@both
def test_as_markdown_it_is_headings_and_paragraphs(lang: str) -> None:
    expected = []
    for title, paragraphs in sections(Settings(workers=1), lang):
        expected += [f"## {title}", *paragraphs]
    said = text(lang)
    assert said.rstrip("\n").split("\n\n") == expected
    assert said.endswith("\n")


@both
def test_every_paragraph_is_whole_sentences(lang: str) -> None:
    for _, paragraphs in sections(Settings(workers=1), lang):
        for paragraph in paragraphs:
            assert re.match(r"[A-ZÄÖÜ]", paragraph)
            assert re.search(rf"(\.|hl={lang})\Z", paragraph)
            assert not re.search(r"  |\s[.,;:]|\n|[{}]", paragraph)


@pytest.mark.parametrize("lang", ["fr", "", "DE", "de-AT"])
def test_a_language_without_a_text_is_refused_as_markdown_and_english_on_a_page(lang: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"no policy text in {lang!r}; use one of: de, en.")):
        text(lang)
    assert sections(Settings(workers=1), lang) == sections(Settings(workers=1), "en")
    assert heading(lang) == heading("en") != heading("de")
