"""Links and ids are found in what people have: pages, sitemaps, notes and lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytproxy.links import find_targets

A, B, C = "aaaaaaaaaaA", "b-b_b-b_b-E", "cccccccccc0"
LIST = "PL0123456789abcdef"


def videos(text: str) -> list[str]:
    return [target.video.text for target in find_targets(text) if target.video]


PAGE = f"""<!doctype html>
<p>See <a href="https://www.youtube.com/watch?v={A}&amp;t=90">this</a> and <a href='//youtu.be/{B}'>that</a>.</p>
<iframe src=https://www.youtube-nocookie.com/embed/{C}?rel=0></iframe>
<div data-player="{{&quot;url&quot;:&quot;https://www.youtube.com/shorts/{A}&quot;,&quot;n&quot;:1}}"></div>
<img srcset="https://i.ytimg.com/vi/{B}/hqdefault.jpg 1x, https://i.ytimg.com/vi/{C}/hqdefault.jpg 2x">
<a href="https&#58;//www.youtube.com/watch?v&#61;{A}">escaped</a>
"""
MARKDOWN = f"""# Notes
Watch [this](https://youtu.be/{A}?t=1m30s), [that](<https://m.youtube.com/watch?v={B}> "a title") or
![a picture](https://img.youtube.com/vi/{C}/0.jpg). Plain: https://www.youtube.com/live/{A}. And `youtu.be/{B}`!
[3]: https://www.youtube.com/embed/{C}
**https://www.youtube.com/watch?v={A}**
"""
SITEMAP = f"""<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns:video="http://www.google.com/schemas/sitemap-video/1.1"><url><loc>https://example.org/</loc>
<video:video><video:player_loc>https://www.youtube.com/embed/{A}?start=3&amp;rel=0</video:player_loc>
<video:thumbnail_loc>https://i.ytimg.com/vi/{B}/hqdefault.jpg</video:thumbnail_loc></video:video>
<loc><![CDATA[https://www.youtube.com/watch?v={C}]]></loc></url></urlset>
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [(PAGE, [A, B, C, A, B, C, A]), (MARKDOWN, [A, B, C, A, B, C, A]), (SITEMAP, [A, B, C])],
    ids=["HTML", "Markdown", "sitemap"],
)
def test_links_are_found_in_order(text: str, found: list[str]) -> None:
    assert videos(text) == found


def test_ids_and_links_are_found_in_a_plain_list() -> None:
    assert videos(f"{A}\n  {B}  \r\n\nhttps://youtu.be/{C}\n{A},\nyoutube.com/watch?v={B}\n") == [A, B, C, A, B]


def test_links_are_found_in_a_table_with_commas_and_quotes() -> None:
    assert videos(f'A film,https://youtu.be/{A},"https://www.youtube.com/watch?v={B}",12\n') == [A, B]


def test_host_names_are_found_in_any_case() -> None:
    assert videos(f"See HTTPS://WWW.YouTube.COM/watch?v={A} today") == [A]


def test_an_id_may_contain_the_name_of_a_host() -> None:
    assert videos("ab_cyoutu_0\nyoutu-be-_A\n__ytimg_aaA") == ["ab_cyoutu_0", "youtu-be-_A", "__ytimg_aaA"]


def test_start_times_and_playlists_are_kept() -> None:
    (target,) = find_targets(f'<a href="https://www.youtube.com/watch?v={A}&amp;list={LIST}&amp;t=90">')
    assert (target.video and target.video.text, target.playlist and target.playlist.text) == (A, LIST)
    assert target.start_s == 90
    (target,) = find_targets(f"https://www.youtube.com/playlist?list={LIST}")
    assert (target.video, target.playlist and target.playlist.text) == (None, LIST)


@pytest.mark.parametrize(
    "text",
    [
        f"https://youtube.com.attacker.example/watch?v={A}",
        f"https://notyoutube.com/watch?v={A}",
        f"https://youtube.attacker.example/embed/{A}",
        f"https://www.youtube.com@attacker.example/watch?v={A}",
        f"https://www.youtube.com:99/watch?v={A}",
        f"https://youtu.be.attacker.example/{A}",
        f"https://my-youtu.be/{A}",
        f"https://i.ytimg.com.attacker.example/vi/{A}/hqdefault.jpg",
        f"https://vimeo.com/{A}",
        f"The id {A} stands within a sentence.",
        f"{A}{B}",
        f"https://www.youtube.com/watch?v={A[:-1]}",
        f"https://www.youtube.com/watch?v={A[:-1]}B",
        "https://www.youtube.com/@channel",
        "https://www.youtube.com/",
        "youtube",
        "",
        "\0",
    ],
)
def test_look_alikes_and_other_pages_are_ignored(text: str) -> None:
    assert list(find_targets(text)) == []


@given(st.text(), st.text())
def test_any_text_around_a_link_is_survived(before: str, after: str) -> None:
    list(find_targets(before + after))
    assert A in videos(f'{before}\n<a href="https://youtu.be/{A}">\n{after}')


@pytest.mark.timeout(60)
@pytest.mark.parametrize("word", ["a", "https://", "youtu", "youtube.com/", "www.", "//", "&amp;", "https:"])
def test_a_line_without_an_end_takes_no_time_without_an_end(word: str) -> None:
    assert videos(f"{word * (1_000_000 // len(word))}\nhttps://youtu.be/{A}") == [A]
