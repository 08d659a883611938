"""The owner's own words in the place of ours, and the words that the element gets from the server."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from tests.youtube import IDS
from ytproxy.config import load
from ytproxy.errors import ConfigError
from ytproxy.locales import LANGUAGES, catalogue, read
from ytproxy.web.static_files import StaticFiles

FILM = IDS["landscape"]
ELEMENT_KEYS = {
    *("play", "notice", "notice_short", "watch", "opens_youtube", "back_to_preview", "player_loading", "direction"),
    *("remember", "remember_days", "remember_session", "forget", "remembered", "not_remembered"),
}

MakeClient = Callable[..., Client]


def words(client: Client, name: str) -> dict[str, str]:
    """The texts in a module of words, read as JavaScript's grammar has them."""
    found = re.fullmatch(r"export default (\{.*\});\n", client.get(f"/static/texts/{name}.js").text, re.DOTALL)
    assert found
    read: dict[str, str] = json.loads(found[1])
    return read


def own(folder: Path, **languages: object) -> Path:
    folder.mkdir(exist_ok=True)
    for lang, texts in languages.items():
        (folder / f"{lang}.json").write_text(json.dumps(texts), encoding="utf-8")
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(environ={"YTPROXY_TEXTS_DIR": str(folder)})
    return str(caught.value).removeprefix(f"YTPROXY_TEXTS_DIR is {str(folder)!r}: ")


# The element's words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_element_gets_its_words_in_every_language(client: Client, lang: str) -> None:
    assert words(client, lang) == {key: catalogue(lang)[key] for key in ELEMENT_KEYS}


@pytest.mark.parametrize(("name", "ours"), [("no", "nb"), ("nn", "nb"), ("iw", "he")])
def test_a_language_is_found_under_its_other_names(client: Client, name: str, ours: str) -> None:
    assert words(client, name) == words(client, ours)


def test_words_are_served_as_the_other_browser_files_are(client: Client) -> None:
    answer, other = client.get("/static/texts/de.js"), client.get("/static/ytproxy.js")
    assert {name for name, _ in answer.headers} == {name for name, _ in other.headers}
    for name in ("Content-Type", "Cache-Control", "Access-Control-Allow-Origin", "Cross-Origin-Resource-Policy"):
        assert answer.headers[name] == other.headers[name]
    head = client.head("/static/texts/de.js")
    assert (head.status_code, head.data) == (200, b"")
    held = client.get("/static/texts/de.js", headers={"If-None-Match": answer.headers["ETag"]})
    assert (held.status_code, held.data) == (304, b"")
    for nothing in ("xx.js", "de.json", "../play.js", "de", ""):
        assert client.get(f"/static/texts/{nothing}").status_code == 404


def test_words_have_an_immutable_copy_whose_name_changes_with_them(make_client: MakeClient, tmp_path: Path) -> None:
    plain = StaticFiles().urls
    changed = StaticFiles(read(own(tmp_path / "own", de={"play": "Start:"}))).urls
    assert re.fullmatch(r"texts/de-[0-9a-f]{8}\.js", plain["texts/de.js"])
    assert {name for name in plain if plain[name] != changed[name]} == {"texts/de.js"}
    answer = make_client().get(f"/static/{plain['texts/de.js']}")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]


# The owner's words


def test_own_words_take_the_place_of_ours_in_pages_and_element_alike(make_client: MakeClient, tmp_path: Path) -> None:
    folder = own(tmp_path / "own", de={"notice": "Eigener Hinweis zu YouTube.", "error_404": "Leider nichts."})
    client = make_client(texts_dir=folder)
    assert "Eigener Hinweis zu YouTube." in client.get(f"/embed/{FILM}?lang=de").text
    assert words(client, "de") == words(make_client(), "de") | {"notice": "Eigener Hinweis zu YouTube."}
    assert "Leider nichts." in client.get("/nowhere?lang=de").text
    assert catalogue("en")["notice"] in client.get(f"/embed/{FILM}?lang=en").text
    assert words(client, "en") == words(make_client(), "en")


def test_own_words_reach_the_player_the_start_page_and_the_consent_page(
    make_client: MakeClient, tmp_path: Path
) -> None:
    mine = {
        "back_to_preview": "A",
        "start_lead": "B",
        "not_remembered": "C",
        "remember_days": "{days} D",
        "untitled": "E",
    }
    client = make_client(texts_dir=own(tmp_path / "own", en=mine), remember="always", remember_days=7)
    click = {"Sec-Fetch-User": "?1", "Sec-Fetch-Site": "same-origin"}
    assert "<span>A</span>" in client.get(f"/play/{FILM}?lang=en", headers=click).text
    start = client.get(f"/?lang=en&url=https://youtu.be/{FILM}").text
    assert '<p class="lead">B</p>' in start
    assert "title=&#34;E&#34;" in start
    assert '<p class="not-remembered">C</p>' in client.get("/consent?lang=en").text
    assert ">7 D</p>" in client.get(f"/embed/{FILM}?lang=en").text


def test_html_in_own_words_is_shown_as_text(make_client: MakeClient, tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><b>\u2028&amp;"
    client = make_client(texts_dir=own(tmp_path / "own", en={"notice": hostile, "play": hostile}))
    page = client.get(f"/embed/{FILM}?lang=en").text
    assert "<b>" not in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert words(client, "en")["notice"] == hostile


def test_an_empty_folder_and_other_files_in_it_change_nothing(tmp_path: Path, make_client: MakeClient) -> None:
    folder = own(tmp_path / "own")
    (folder / "README.md").write_text("ours", encoding="utf-8")
    assert load(environ={"YTPROXY_TEXTS_DIR": str(folder)}).texts_dir == folder
    assert words(make_client(texts_dir=folder), "de") == words(make_client(), "de")


@pytest.mark.parametrize(
    ("lang", "texts", "said"),
    [
        ("de", {"notise": "x"}, "use 'notice' in place of 'notise' in de.json."),
        ("de", {"": "x"}, "use '"),
        ("de", {"play": 12}, "use a text for 'play' in de.json, in place of 12."),
        ("de", {"play": None}, "use a text for 'play' in de.json, in place of None."),
        ("de", {"play": " "}, "use a text for 'play' in de.json, in place of ' '."),
        ("de", {"direction": "rtl"}, "use no 'direction' in de.json, for a language is written one way."),
        ("de", {"remember_days": "Tage"}, "use {days} and no other braces in 'remember_days' in de.json."),
        ("de", {"remember_days": "{days} {x}"}, "use {days} and no other braces in 'remember_days' in de.json."),
        ("de", {"remember_days": "{days} {days}"}, "use {days} and no other braces in 'remember_days' in de.json."),
        ("de", {"remember_days": "{days!r}"}, "use {days} and no other braces in 'remember_days' in de.json."),
        ("de", {"play": "{"}, "use no braces in 'play' in de.json."),
        ("de", {"play": "{days}"}, "use no braces in 'play' in de.json."),
        ("de", ["play"], 'use JSON in UTF-8 for de.json, such as {"play": "Start:"}.'),
        ("de-AT", {}, "use de.json, or the name of another of our languages, in place of de-AT.json."),
    ],
)
def test_words_without_a_place_stop_the_start_with_file_name_and_cure(
    tmp_path: Path, lang: str, texts: Any, said: str
) -> None:
    assert refusal(own(tmp_path / "own", **{lang: texts})).startswith(said)


@pytest.mark.parametrize("raw", [b"{", b"", b'{"play": "\xff"}', b"[" * 100_000, b'"play"'])
def test_a_file_that_holds_no_texts_stops_the_start(tmp_path: Path, raw: bytes) -> None:
    (own(tmp_path / "own") / "fr.json").write_bytes(raw)
    assert refusal(tmp_path / "own") == 'use JSON in UTF-8 for fr.json, such as {"play": "Start:"}.'


def test_a_folder_in_the_place_of_a_file_or_the_other_way_round_stops_the_start(tmp_path: Path) -> None:
    (own(tmp_path / "own") / "fr.json").mkdir()
    assert refusal(tmp_path / "own") == "use a file that can be read for fr.json."
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert refusal(tmp_path / "file") == "use a folder that can be read, with files such as de.json."
