"""The grammar of YouTube's names, on real links, on forged ones and on generated text."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ytproxy.errors import InvalidInput, InvalidPlaylistId, InvalidVideoId, UpstreamFailed
from ytproxy.youtube import (
    LANDSCAPE_NAMES,
    LINK_MAX_CHARS,
    PORTRAIT_NAMES,
    PlayerParams,
    PlaylistId,
    Target,
    VideoId,
    oembed_path,
    parse,
    parse_oembed,
    parse_time,
    player_url,
    split_joined,
    thumbnail_path,
    watch_url,
)

ID = "9Dpqou5cI08"
OTHER_ID = "jZViOEv90dI"
LIST = "PLW5y1tjAOzI3orQNF1yGGVL5x-pR2K1dC"
CLIP = "Ugkx" + "a" * 32
VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "urls.json").read_text("utf-8"))
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

video_ids = st.builds(
    lambda head, last: VideoId(head + last),
    st.text(BASE64URL, min_size=10, max_size=10),
    st.sampled_from(BASE64URL[::4]),
).filter(lambda video: video.text != "videoseries")
playlist_ids = st.one_of(
    st.sampled_from(["WL", "LL", "LM", "RDMM"]),
    st.builds(
        str.__add__,
        st.sampled_from(["PL", "UU", "FL", "LL", "RD", "EC", "SP", "TL", "UL", "PU", "OLAK5uy_"]),
        st.text(BASE64URL, min_size=10, max_size=64),
    ),
).map(PlaylistId)
times_s = st.integers(0, 999_999_999)
fronts = st.sampled_from(("", "//", f"{ID}?", "vnd.youtube:")) | st.sampled_from(
    ("youtu.be/", "i.ytimg.com/vi/", "www.youtube.com/watch?v=", "consent.youtube.com/m?continue=https://")
).map("https://".__add__)
pieces = (
    "https: // / ? & &amp; # = % %00 [ ] @ : . \\ \ud800 é \u202e \0 t= 1h5m list= v= v u= p/ user vi watch embed "
    f"shorts attribution_link www.youtube.com youtu.be videoseries {ID} {ID} {LIST} {LIST}"
).split(" ")
linklike = st.builds(str.__add__, fronts, st.lists(st.sampled_from([*pieces, " ", "\n"]), max_size=12).map("".join))
SWITCHES = ("loop", "controls", "rel", "cc_load_policy", "fs", "disablekb", "mute", "playsinline")
known_values = {
    "start": ["0", "007", "1m30s", "999999999", "1000000000", "-1", "1.5", "٣", ""],
    "t": ["5", "2h", "x"],
    "time_continue": ["7", ""],
    "end": ["90", "1h", "soon"],
    "list": [LIST, "WL", "PLshort", LIST + '"'],
    "listType": ["playlist", "search", "user_uploads", ""],
    "playlist": [ID, f"{ID},{OTHER_ID}", f"{ID},x", ","],
    "hl": ["de", "pt_BR", "zh-Hant-TW", "x" * 9, "de;q"],
    "cc_lang_pref": ["en", ""],
    "color": ["red", "white", "blue"],
    "iv_load_policy": ["1", "3", "2"],
    "clip": [CLIP, "Ug"],
    "clipt": ["EKjfAxjM-AM", "<"],
    **{name: ["0", "1", "2", "true", "1\n"] for name in SWITCHES},
}
unknown_names = [
    "si",
    "feature",
    "autoplay",
    "origin",
    "enablejsapi",
    "widget_referrer",
    "wmode",
    "REL",
    "",
    "é",
]
pairs = st.lists(
    st.one_of(
        st.sampled_from([(name, value) for name, values in known_values.items() for value in values]),
        st.tuples(st.sampled_from([*known_values, *unknown_names]), st.text()),
        st.tuples(st.text(), st.text()),
    ),
    max_size=12,
)


def ids(target: Target) -> tuple[str | None, str | None, int | None]:
    return (
        target.video.text if target.video else None,
        target.playlist.text if target.playlist else None,
        target.start_s,
    )


def answer(**changes: object) -> bytes:
    """An oEmbed answer as YouTube gives it; a field changed to `...` is left out."""
    fields: dict[str, object] = {
        "title": "Noisy kittens",
        "author_name": "Somebody",
        "author_url": "https://www.youtube.com/@somebody",
        "type": "video",
        "height": 150,
        "width": 200,
        "thumbnail_url": f"https://i.ytimg.com/vi/{ID}/hqdefault.jpg",
        "html": "<iframe></iframe>",
        **changes,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


# Links


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['tier']} {vector['url']!a}")
def test_every_known_link_gives_exactly_its_target(vector: dict[str, Any]) -> None:
    expected = (vector["video"], vector["playlist"], vector["start"])
    if expected == (None, None, None):
        with pytest.raises(InvalidInput):
            parse(vector["url"])
    else:
        assert ids(parse(vector["url"])) == expected


def test_the_known_links_cover_every_tier() -> None:
    assert {vector["tier"] for vector in VECTORS} == {"core", "bare", "legacy", "app", "strict", "reject"}


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (f"//www.youtube.com/embed/{ID}", (ID, None, None)),
        (f"  https://youtu.be/{ID} ", (ID, None, None)),
        (f"https://www.youtube.com/embed/watch?v={ID}", (ID, None, None)),
        (f"https://www.youtube.com/embed/?list={LIST}&v={ID}", (ID, LIST, None)),
        (f"https://www.youtube.com/embed/{ID}&autoplay=1&start=3", (ID, None, 3)),
        (f"https://www.youtube.com/embed/{ID}?rel=0?start=3", (ID, None, 3)),
        (f"https://www.youtube.com/embed/{ID}?rel=0&#038;start=3&#038;fs=1", (ID, None, 3)),
        (f"https://www.youtube.com/watch?v={ID}&amp;#038;amp;list={LIST}&#x26;t=1m", (ID, LIST, 60)),
        (f"https://www.youtube.com/watch?v=&list={LIST}", (None, LIST, None)),
        (f"https://www.youtube.com/watch?vi={ID}", (ID, None, None)),
        (f"https://www.youtube.com/watch?v={ID}&ab_channel=Zoë", (ID, None, None)),
        (f"https://m.youtube.com/#/watch?v={ID}&t=4", (ID, None, 4)),
        (f"https://img.youtube.com/vi/{ID}/0.jpg", (ID, None, None)),
        (f"https://www.youtubeeducation.com/embed/{ID}", (ID, None, None)),
        (f"{ID}?start=3&list={LIST}", (ID, LIST, 3)),
        (f"{ID}&amp;t=3", (ID, None, 3)),
        (f"vnd.youtube:{ID}?t=3", (ID, None, 3)),
        (f"https://www.youtube.com/watch?v={ID}&start=x&t=8", (ID, None, 8)),
        (f"https://www.youtube.com/watch?v={ID}&listType=search&list={LIST}", (ID, None, None)),
    ],
)
def test_careless_and_rare_forms_are_understood(link: str, expected: tuple[str | None, str | None, int | None]) -> None:
    assert ids(parse(link)) == expected


@pytest.mark.parametrize(
    "link",
    [
        "",
        "https://www.youtube.com/embed/live_stream?channel=UCoMdktPbSTixAyNGwb-UYkQ",
        "https://www.youtube.com/embed/videoseries",
        "https://www.youtube.com/watch?v=videoseries",
        "https://www.youtube.com/watch/videoseries",
        f"https://www.youtube.com/?list={LIST}",
        f"https://www.youtube.com/embed?listType=search&list={LIST}",
        f"https://www.youtube.com/embed/{ID}/more",
        f"https://www.youtube.com//embed/{ID}",
        f"https://youtu.be/{ID}/more",
        f"https://www.youtube.com/clip/{CLIP}",
        f"https://i.ytimg.com/an/{ID}/hqdefault.jpg",
        f"https://i5.ytimg.com/vi/{ID}/hqdefault.jpg",
        f"https://i.ytimg.com/watch?v={ID}",
        f"https://www.youtube.com/watch?x=vnd.youtube:{ID}",
        f"vnd.youtube:vnd.youtube:{ID}",
        "https://www.youtube.com/attribution_link?a=x",
        f"https://www.youtube.com/watch#v={ID}",
    ],
)
def test_what_shows_no_known_video_is_refused(link: str) -> None:
    with pytest.raises(InvalidInput):
        parse(link)


def test_a_short_is_told_by_its_address() -> None:
    assert parse(f"https://youtube.com/shorts/{ID}?feature=share").short
    assert not parse(f"https://youtube.com/watch?v={ID}&feature=shorts").short
    assert not parse(f"https://youtu.be/{ID}").short


def test_the_first_video_of_a_link_counts_even_if_it_is_impossible() -> None:
    with pytest.raises(InvalidVideoId):
        parse(f"https://www.youtube.com/watch?v=nothing&v={ID}")


WRAPPERS: list[Callable[[str], str]] = [
    lambda path: f"https://www.youtube.com/attribution_link?a=x&u={quote(path, safe='')}",
    lambda path: f"https://consent.youtube.com/m?continue={quote(f'https://www.youtube.com{path}', safe='')}&gl=DE",
]


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_a_wrapped_link_is_opened(wrap: Callable[[str], str]) -> None:
    assert ids(parse(wrap(f"/watch?v={ID}&list={LIST}&t=3"))) == (ID, LIST, 3)


@pytest.mark.parametrize("outer", WRAPPERS)
@pytest.mark.parametrize("inner", WRAPPERS)
def test_a_wrapper_within_a_wrapper_is_refused(outer: Callable[[str], str], inner: Callable[[str], str]) -> None:
    twice = urlsplit(inner(f"/watch?v={ID}"))
    with pytest.raises(InvalidInput):
        parse(outer(f"{twice.path}?{twice.query}"))


@pytest.mark.parametrize(
    "link",
    [
        f"https://www.youtube.com/attribution_link?u=%2F%2Fevil.example%2Fwatch%3Fv%3D{ID}",
        f"https://www.youtube.com/attribution_link?u=.evil.example%2Fwatch%3Fv%3D{ID}",
        f"https://www.youtube.com/attribution_link?u={ID}",
        f"https://www.youtube.com/attribution_link?u=%2Fwatch%3Fv%3D{ID}%0A",
        f"https://consent.youtube.com/m?continue=https%3A%2F%2Fevil.example%2Fwatch%3Fv%3D{ID}",
        f"https://consent.youtube.com/m?continue={ID}",
        f"https://consent.youtube.com/watch?v={ID}",
    ],
)
def test_a_wrapper_that_holds_no_link_to_youtube_is_refused(link: str) -> None:
    with pytest.raises(InvalidInput):
        parse(link)


@given(st.text(max_size=80) | linklike)
@example("https://[www.youtube.com/watch")
@example("https://www.youtube.com\u2100/watch")
@example("https://www.youtube.com/watch?v=\ud800")
def test_any_text_gives_a_checked_target_or_is_invalid_input(text: str) -> None:
    try:
        target = parse(text)
    except InvalidInput as error:
        str(error).encode()
    else:
        assert target.video or target.playlist
        assert target.start_s is None or 0 <= target.start_s <= 999_999_999


@given(video_ids | st.none(), playlist_ids | st.none(), times_s | st.none())
def test_a_watch_link_leads_back_to_its_target(
    video: VideoId | None, playlist: PlaylistId | None, start_s: int | None
) -> None:
    assume(video or playlist)
    assert parse(watch_url(video, playlist, start_s)) == Target(video, playlist, start_s if video else None)


@given(linklike)
@example(f"https://www.youtube.com/watch?v={ID}&list={LIST}&t=1h")
def test_what_was_parsed_can_be_written_and_parsed_again(text: str) -> None:
    try:
        target = parse(text)
    except InvalidInput:
        return
    again = parse(watch_url(target.video, target.playlist, target.start_s))
    assert ids(again) == ids(target)


def test_a_watch_link_to_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput):
        watch_url(None)


@given(
    st.sampled_from(
        ["", "user@", "user:word@", "www.youtube.com@", "www.youtube.com:443@", "%2f@", ".", "-", "x", "x."]
    ),
    st.sampled_from(["www.youtube.com", "youtu.be", "www.youtube-nocookie.com", "i.ytimg.com"]),
    st.sampled_from(["", ":443", ":80", ":", ".", ".evil.example", "@evil.example", "%2eevil", "%00", "x", "\u3002"]),
    st.sampled_from([f"/watch?v={ID}", f"/{ID}", f"/embed/{ID}", f"/vi/{ID}/0.jpg"]),
)
def test_a_host_with_anything_around_it_is_refused(before: str, host: str, after: str, path: str) -> None:
    assume(before or after)
    with pytest.raises(InvalidInput):
        parse(f"https://{before}{host}{after}{path}")


@given(st.sampled_from(["youtu.be/", "youtubekids.com/watch?v="]), st.integers(0, 14), st.characters())
@example("youtubekids.com/watch?v=", 7, "\u212a")  # the Kelvin sign, whose lower case is an ASCII k
@example("youtu.be/", 1, "\uff4f")
def test_a_host_with_another_letter_is_refused(front: str, position: int, letter: str) -> None:
    host, slash, path = front.partition("/")
    position %= len(host)
    assume(letter.lower() != host[position] or not letter.isascii())
    with pytest.raises(InvalidInput):
        parse(f"https://{host[:position]}{letter}{host[position + 1 :]}{slash}{path}{ID}")


@pytest.mark.parametrize("scheme", ["javascript", "data", "file", "ftp", "view-source", "ws", "youtube", "httpss", ""])
def test_only_web_schemes_are_links(scheme: str) -> None:
    with pytest.raises(InvalidInput):
        parse(f"{scheme}://www.youtube.com/watch?v={ID}")


HIDDEN = [
    "\0",
    "\t",
    "\n",
    "\r",
    "\x1b",
    "\x7f",
    "\x85",
    "\xa0",
    "\u200b",
    "\u202e",
    "\u2028",
    "\ufeff",
    "\ud800",
    "\\",
]


@pytest.mark.parametrize("link", [f"https://www.youtube.com/watch?v={ID}&x=y", f"youtu.be/{ID}?x=y", f"{ID}?x=y"])
@given(st.sampled_from(HIDDEN), st.integers(0, 60))
def test_a_hidden_character_anywhere_is_refused(link: str, character: str, position: int) -> None:
    with pytest.raises(InvalidInput):
        parse(link[:position] + character + link[position:])


@given(st.integers(0, 10))
def test_a_percent_escape_in_the_path_is_no_id(position: int) -> None:
    escaped = f"{ID[:position]}%{ord(ID[position]):02X}{ID[position + 1 :]}"
    assert unquote(escaped) == ID
    for front in ("https://www.youtube.com/embed/", "https://youtu.be/", ""):
        with pytest.raises(InvalidInput):
            parse(front + escaped)


def test_a_link_has_a_greatest_length() -> None:
    link = f"https://www.youtube.com/watch?v={ID}&x="
    assert parse(link.ljust(LINK_MAX_CHARS, "y")).video == VideoId(ID)
    with pytest.raises(InvalidInput, match="longer than 2000"):
        parse(link.ljust(LINK_MAX_CHARS + 1, "y"))


# Ids


@given(st.text(BASE64URL, min_size=11, max_size=11))
def test_a_video_id_ends_in_one_of_sixteen_characters(text: str) -> None:
    assume(text != "videoseries")
    if BASE64URL.index(text[-1]) % 4:
        with pytest.raises(InvalidVideoId):
            VideoId(text)
    else:
        assert VideoId(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ID[:-1],
        ID + "A",
        ID + "\n",
        ID[:-1] + "é",
        ID[:-1] + "٠",
        " " + ID[1:],
        "videoseries",
        "live_stream",
    ],
)
def test_what_is_no_video_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidVideoId):
        VideoId(text)


@pytest.mark.parametrize(
    "text", ["", "PL", "PL" + "a" * 9, "PL" + "a" * 65, "XX" + "a" * 20, LIST + "\n", "wl", "WLx", LIST + "é"]
)
def test_what_is_no_playlist_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidPlaylistId):
        PlaylistId(text)


def test_personal_lists_are_told_from_public_ones() -> None:
    assert all(PlaylistId(text).personal for text in ("WL", "LL", "LM", "RDMM"))
    assert not any(PlaylistId(text).personal for text in (LIST, "LL" + "a" * 22, f"RD{ID}"))


def test_an_error_shows_the_text_shortened_and_escaped() -> None:
    with pytest.raises(InvalidVideoId) as caught:
        VideoId("\x1b\u202e" + "x" * 5000)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 120


# Times and joined forms


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("90s", 90),
        ("007", 7),
        ("2m", 120),
        ("1h", 3600),
        ("1h2m3s", 3723),
        ("1h3", 3603),
        ("999999999", 999_999_999),
        ("1000000000", None),
        ("999999999h", None),
        ("", None),
        ("s", None),
        ("h", None),
        ("1s2m", None),
        ("-1", None),
        ("+1", None),
        ("1.5", None),
        ("1 m", None),
        ("٣", None),
        ("5\n", None),
    ],
)
def test_a_time_is_whole_seconds_or_hours_minutes_and_seconds(text: str, seconds: int | None) -> None:
    assert parse_time(text) == seconds


@given(st.text())
def test_any_text_is_a_bounded_time_or_none(text: str) -> None:
    time_s = parse_time(text)
    assert time_s is None or 0 <= time_s <= 999_999_999


@pytest.mark.parametrize(
    ("segment", "joined"),
    [
        (ID, []),
        (f"{ID}&autoplay=1", [("autoplay", "1")]),
        (f"{ID}?start=3", [("start", "3")]),
        (f"{ID}&amp;start=3&amp;rel=0", [("start", "3"), ("rel", "0")]),
        (f"{ID}&#038;start=3", [("start", "3")]),
        (f"{ID}&#38;start=3&#x26;rel=0", [("start", "3"), ("rel", "0")]),
        (f"{ID}&amp;amp;start=3", [("start", "3")]),
        (f"{ID}?rel=0?start=3", [("rel", "0"), ("start", "3")]),
        (f"{ID}?hl=a%26b&x", [("hl", "a&b"), ("x", "")]),
        (f"{ID}&", []),
    ],
)
def test_parameters_stuck_to_an_id_are_taken_off(segment: str, joined: list[tuple[str, str]]) -> None:
    assert split_joined(segment) == (ID, joined)


# Player parameters


@given(pairs)
def test_canonical_parameters_stay_as_they_are(pairs: list[tuple[str, str]]) -> None:
    params = PlayerParams.from_query(pairs)
    assert PlayerParams(params.items) == params
    assert PlayerParams.from_query(parse_qsl(params.query())) == params


@given(pairs, st.randoms())
def test_the_order_of_parameters_does_not_matter(pairs: list[tuple[str, str]], random: Any) -> None:
    # Of repeated names, and of parameters within a value, the first counts: there, order is meaning.
    once = [(name, value) for name, value in dict(pairs).items() if not re.search(r"[&?;]", name + value)]
    shuffled = random.sample(once, len(once))
    assert PlayerParams.from_query(shuffled) == PlayerParams.from_query(once)


SHAPES = {
    "start": r"0|[1-9][0-9]{0,8}",
    "end": r"0|[1-9][0-9]{0,8}",
    "list": r"[A-Z][A-Za-z0-9_-]{11,71}",
    "listType": "playlist",
    "playlist": r"[A-Za-z0-9_-]{11}(,[A-Za-z0-9_-]{11})*",
    "hl": r"[A-Za-z0-9_-]{2,30}",
    "cc_lang_pref": r"[A-Za-z0-9_-]{2,30}",
    "color": "red|white",
    "iv_load_policy": "1|3",
    "clip": r"Ug[A-Za-z0-9_-]{24,34}",
    "clipt": r"[A-Za-z0-9_=-]{1,66}",
    **dict.fromkeys(SWITCHES, "0|1"),
}


@given(pairs)
def test_only_known_parameters_with_valid_values_remain(pairs: list[tuple[str, str]]) -> None:
    for name, value in PlayerParams.from_query(pairs).items:
        assert re.fullmatch(SHAPES[name], value)


def test_every_known_parameter_is_kept() -> None:
    query = {
        "start": "3", "end": "9", "list": LIST, "listType": "playlist", "playlist": f"{ID},{OTHER_ID}",
        "hl": "pt_BR", "cc_lang_pref": "de", "color": "white", "iv_load_policy": "3", "clip": CLIP,
        "clipt": "EKjfAxjM-AM", **dict.fromkeys(SWITCHES, "1"),
    }  # fmt: skip
    params = PlayerParams.from_query(query.items())
    assert dict(params.items) == query
    assert query.keys() == SHAPES.keys()
    assert (params.start_s, params.playlist, params.get("end")) == (3, PlaylistId(LIST), "9")


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("", ""),
        ("si=abc&feature=oembed&autoplay=1&origin=https://x", ""),
        ("t=1m5s", "start=65"),
        ("time_continue=7", "start=7"),
        ("time_continue=7&t=6&start=5", "start=5"),
        ("start=soon&t=6", "start=6"),
        ("start=5&start=6", "start=5"),
        ("rel=0&amp;start=3", "start=3&rel=0"),
        ("rel=0&amp;amp;start=3", "start=3&rel=0"),
        ("rel=0?start=3", "start=3&rel=0"),
        ("rel=0%26start=3&start=4", "start=4&rel=0"),
        ("widget_referrer=https://x/?start=3", ""),
        (f"list={LIST}&listType=search", ""),
        (f"list={LIST}&listType=", f"list={LIST}"),
        ("listType=playlist", ""),
        ("list=WL&listType=playlist&rel=0", "rel=0"),
        (f"playlist={ID},nonsense,{OTHER_ID}", f"playlist={ID},{OTHER_ID}"),
        (f"playlist={','.join([ID] * 300)}", f"playlist={','.join([ID] * 200)}"),
        (f"clip={CLIP}", ""),
        ("clipt=EKjfAxjM-AM", ""),
        ("controls=2&color=blue&hl=&mute=true", ""),
    ],
)
def test_parameters_have_one_spelling(query: str, canonical: str) -> None:
    assert PlayerParams.from_query(parse_qsl(query, keep_blank_values=True, separator="&")).query() == canonical


def test_parameters_that_are_absent_are_none() -> None:
    params = PlayerParams()
    assert (params.items, params.start_s, params.playlist, params.get("rel")) == ((), None, None, None)


# Addresses


def test_the_player_is_asked_for_by_one_plain_address() -> None:
    assert (
        player_url(VideoId(ID), PlayerParams.from_query([("start", "3")]), lang="de", autoplay=True)
        == f"https://www.youtube-nocookie.com/embed/{ID}?hl=de&playsinline=1&start=3&autoplay=1"
    )


def player_query(
    video: VideoId | None, query: str, *, autoplay: bool = False, origin: str | None = None
) -> dict[str, str]:
    params = PlayerParams.from_query(parse_qsl(query))
    return dict(parse_qsl(urlsplit(player_url(video, params, lang="de", autoplay=autoplay, origin=origin)).query))


def test_the_player_is_told_what_was_asked_and_defaults_otherwise() -> None:
    assert player_query(VideoId(ID), "") == {"hl": "de", "playsinline": "1", "autoplay": "0"}
    asked = player_query(VideoId(ID), "hl=fr&playsinline=0&autoplay=1&mute=1")
    assert asked == {"hl": "fr", "playsinline": "0", "autoplay": "0", "mute": "1"}


def test_the_player_speaks_to_scripts_only_of_a_given_origin() -> None:
    plain = {"hl": "de", "playsinline": "1", "autoplay": "1"}
    assert player_query(VideoId(ID), "", autoplay=True) == plain
    spoken = player_query(VideoId(ID), "", autoplay=True, origin="https://video.example:8443")
    assert spoken == {**plain, "enablejsapi": "1", "origin": "https://video.example:8443"}


def test_a_single_video_loops_as_a_list_of_one() -> None:
    assert player_query(VideoId(ID), "loop=1")["playlist"] == ID
    assert player_query(VideoId(ID), f"loop=1&playlist={OTHER_ID}")["playlist"] == OTHER_ID
    assert "playlist" not in player_query(VideoId(ID), f"loop=1&list={LIST}")
    assert "playlist" not in player_query(None, f"loop=1&list={LIST}")
    assert "playlist" not in player_query(VideoId(ID), "loop=0")


def test_a_list_is_played_without_a_video() -> None:
    params = PlayerParams.from_query([("list", LIST)])
    url = player_url(None, params, lang="en", autoplay=False)
    assert url.startswith("https://www.youtube-nocookie.com/embed/videoseries?")
    assert player_query(None, f"list={LIST}")["list"] == LIST


def test_a_player_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidPlaylistId):
        player_url(None, PlayerParams(), lang="en", autoplay=False)


@given(video_ids, pairs, st.booleans())
def test_a_player_address_carries_only_known_parameters(
    video: VideoId, pairs: list[tuple[str, str]], autoplay: bool
) -> None:
    url = urlsplit(player_url(video, PlayerParams.from_query(pairs), lang="de", autoplay=autoplay))
    assert (url.scheme, url.netloc, url.path) == ("https", "www.youtube-nocookie.com", f"/embed/{video.text}")
    assert dict(parse_qsl(url.query)).keys() <= SHAPES.keys() | {"autoplay"}


def test_a_thumbnail_path_has_no_query() -> None:
    assert thumbnail_path(VideoId(ID), LANDSCAPE_NAMES[0]) == f"/vi/{ID}/maxresdefault.jpg"
    assert thumbnail_path(VideoId(ID), PORTRAIT_NAMES[0]) == f"/vi/{ID}/oar2.jpg"


@pytest.mark.parametrize(
    ("path", "page"),
    [
        (oembed_path(VideoId(ID)), f"https://www.youtube.com/watch?v={ID}"),
        (oembed_path(VideoId(ID), short=True), f"https://www.youtube.com/shorts/{ID}"),
        (oembed_path(PlaylistId(LIST)), f"https://www.youtube.com/playlist?list={LIST}"),
    ],
)
def test_oembed_is_asked_about_a_page_that_it_knows(path: str, page: str) -> None:
    assert path == "/oembed?" + urlencode({"format": "json", "url": page})


# oEmbed answers


def test_a_usual_answer_is_read() -> None:
    read = parse_oembed(answer())
    assert (read.title, read.author, read.author_url) == (
        "Noisy kittens",
        "Somebody",
        "https://www.youtube.com/@somebody",
    )
    assert (read.width, read.height, read.thumbnail_video) == (200, 150, VideoId(ID))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Forbidden",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b"\xff\xfe\xfa",
        b"[" * 100_000,
        b'{"width": ' + b"9" * 5000 + b"}",
        answer(type=...),
        answer(html=...),
        answer(type=1),
        answer(html=None),
        answer(html=""),
        answer()[:-1],
    ],
)
def test_an_answer_that_is_no_object_with_type_and_html_has_failed(body: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        parse_oembed(body)


@given(st.binary())
def test_noise_has_failed(body: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        parse_oembed(body)


json_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(
    ("title", "author_name", "author_url", "width", "height", "thumbnail_url"), json_values
)))  # fmt: skip
def test_any_fields_give_clean_and_bounded_values(fields: dict[str, Any]) -> None:
    read = parse_oembed(answer(**fields))
    for text in (read.title, read.author):
        assert len(text) <= 200
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)
        text.encode()
    assert read.author_url is None or read.author_url.startswith("https://www.youtube.com/")
    assert 1 <= read.width <= 10_000
    assert 1 <= read.height <= 10_000


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("two\r\nlines\u2028and\u2029more\x85 \t still", "two lines and more still"),
        ("a\x00b\x1b[31mc\x7f\x9f", "ab[31mc"),
        ("\u202eabc\u202c \u2066d\u2069", "abc d"),
        ("\ud800x\uffff", "x"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
        ("می\u200cخواهم 👨\u200d👩\u200d👧 \u200fשלום", "می\u200cخواهم 👨\u200d👩\u200d👧 \u200fשלום"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("x" * 198 + " " + "y" * 10_000, "x" * 198 + "…"),
        ("", ""),
        (..., ""),
        (None, ""),
        (17, ""),
    ],
)
def test_a_title_is_one_clean_line_of_at_most_200_characters(title: object, shown: str) -> None:
    assert parse_oembed(answer(title=title)).title == shown
    assert parse_oembed(answer(author_name=title)).author == shown


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("/user/Somebody5", "https://www.youtube.com/user/Somebody5"),
        ("https://www.youtube.com/@zoë", "https://www.youtube.com/@zoë"),
        ("http://www.youtube.com/@x", None),
        ("https://youtube.com/@x", None),
        ("https://www.youtube.com.evil.example/@x", None),
        ("https://www.youtube.com@evil.example/", None),
        ("https://x@www.youtube.com/", None),
        ("https://www.youtube.com:444/", None),
        ("//evil.example/", None),
        ("/\\evil.example/", None),
        ("javascript:alert(1)", None),
        ("https://[", None),
        ("/a b", None),
        ("/\u202e", None),
        ("/" + "x" * 2000, None),
        ("", None),
        (5, None),
        (..., None),
    ],
)
def test_an_author_is_linked_on_youtube_only(given_url: object, kept: str | None) -> None:
    assert parse_oembed(answer(author_url=given_url)).author_url == kept


@pytest.mark.parametrize(
    ("width", "height", "shape"),
    [
        (113, 200, (113, 200)),
        (1, 10_000, (1, 10_000)),
        (0, 113, (200, 113)),
        (200, 10_001, (200, 113)),
        (-200, 113, (200, 113)),
        (True, 113, (200, 113)),
        (200.5, 113, (200, 113)),
        ("480", 360, (200, 113)),
        (480, None, (200, 113)),
        (float("nan"), float("inf"), (200, 113)),
        (..., ..., (200, 113)),
    ],
)
def test_an_impossible_shape_is_taken_as_the_usual_one(width: object, height: object, shape: tuple[int, int]) -> None:
    read = parse_oembed(answer(width=width, height=height))
    assert (read.width, read.height) == shape


@pytest.mark.parametrize(
    ("thumbnail_url", "video"),
    [
        (f"https://i.ytimg.com/vi/{OTHER_ID}/hq2.jpg", VideoId(OTHER_ID)),
        (f"https://i.ytimg.com/vi/{OTHER_ID}/hqdefault.jpg?sqp=x&rs=y", VideoId(OTHER_ID)),
        ("https://i.ytimg.com/pl_c/abc/hqdefault.jpg", None),
        (f"https://evil.example/vi/{OTHER_ID}/hqdefault.jpg", None),
        (None, None),
        (..., None),
    ],
)
def test_the_video_behind_a_thumbnail_is_known_by_its_path(thumbnail_url: object, video: VideoId | None) -> None:
    assert parse_oembed(answer(thumbnail_url=thumbnail_url)).thumbnail_video == video
