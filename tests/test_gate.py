"""Who may have what: lists, signatures, sites, budgets, and whose address counts."""

import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Clock
from ytproxy.errors import NotAllowed, TooMany
from ytproxy.gate import Misses, Sites, Videos, client_address, shortened
from ytproxy.youtube import VideoId

ONE, TWO = VideoId("one-video-0"), VideoId("two-video-0")
FRESH = map(str, itertools.count())  # ids that nobody has asked for


def refused(videos: Videos, video: VideoId, signature: str = "") -> bool:
    try:
        videos.check(video, signature)
    except NotAllowed:
        return True
    return False


def test_open_is_the_default_and_a_denied_video_is_refused_everywhere() -> None:
    assert not refused(Videos(), ONE)
    for videos in (
        Videos(denied=frozenset({ONE.text})),
        Videos(denied=frozenset({ONE.text}), allowed=frozenset({ONE.text})),
    ):
        assert refused(videos, ONE)


def test_an_allow_list_refuses_everything_else() -> None:
    videos = Videos(allowed=frozenset({ONE.text}))
    assert (refused(videos, ONE), refused(videos, TWO)) == (False, True)
    assert videos.is_list


def test_a_signature_opens_its_own_video_until_it_ends_and_nothing_else(clock: Clock) -> None:
    videos = Videos(keys=("a-key",), clock=clock)
    for_good, for_a_day = videos.sign(ONE), videos.sign(ONE, until=int(clock()) + 86_400)
    assert refused(videos, ONE)
    assert not refused(videos, ONE, for_good)
    assert not refused(videos, ONE, for_a_day)
    assert refused(videos, TWO, for_good)
    clock.pass_s(86_401)
    assert refused(videos, ONE, for_a_day)
    assert not refused(videos, ONE, for_good)


@given(st.text(max_size=80))
def test_no_other_text_is_a_signature(text: str) -> None:
    assert refused(Videos(keys=("a-key",)), ONE, text)


def test_moving_the_end_of_a_signature_breaks_it(clock: Clock) -> None:
    videos = Videos(keys=("a-key",), clock=clock)
    until, _, mac = videos.sign(ONE, until=int(clock()) + 10).partition(".")
    assert refused(videos, ONE, f"{int(until) + 1}.{mac}")
    assert refused(videos, ONE, f"0.{mac}")
    assert refused(videos, ONE, f"٣.{mac}")


def test_keys_rotate_and_a_retired_key_no_longer_opens() -> None:
    old = Videos(keys=("old",)).sign(ONE)
    assert not refused(Videos(keys=("new", "old")), ONE, old)
    assert refused(Videos(keys=("new",)), ONE, old)
    assert not refused(Videos(keys=("new", "old")), ONE, Videos(keys=("new",)).sign(ONE))
    assert Videos(keys=("new", "old")).sign(ONE) == Videos(keys=("new",)).sign(ONE)


def test_channels_are_known_by_their_handle() -> None:
    videos = Videos(channels=frozenset({"@ours"}), allowed=frozenset({TWO.text}))
    videos.check(ONE)
    videos.check_channel(ONE, "https://www.youtube.com/@Ours")
    videos.check_channel(TWO, "https://www.youtube.com/@theirs")
    for url in ("https://www.youtube.com/@theirs", "https://www.youtube.com/user/ours", None):
        with pytest.raises(NotAllowed):
            videos.check_channel(ONE, url)


@pytest.mark.parametrize(
    ("site", "referrer", "may"),
    [
        ("same-origin", "", True),
        ("none", "", True),
        ("cross-site", "https://ours.test/page", True),
        ("cross-site", "https://www.ours.test/", False),
        ("cross-site", "https://a.wild.test/", True),
        ("cross-site", "https://a.b.wild.test/", True),
        ("cross-site", "https://wild.test/", False),
        ("cross-site", "https://evilwild.test/", False),
        ("cross-site", "https://theirs.test/?https://ours.test/", False),
        ("cross-site", "https://ours.test.evil.test/", False),
        ("cross-site", "https://ours.test@evil.test/", False),
        ("cross-site", "http://ours.test/", False),
        ("cross-site", "https://[", False),
        ("cross-site", "https://evil.test\\.wild.test/", False),
        ("cross-site", "", False),
        ("", "https://ours.test/", True),
        ("", "https://theirs.test/", False),
        ("", "https://proxy.test/embed/x", True),
        ("", "", True),
    ],
)
def test_pictures_go_to_the_sites_allowed(site: str, referrer: str, may: bool) -> None:
    sites = Sites(("https://ours.test", "https://*.wild.test"))
    assert sites.may_have_pictures(site=site, referrer=referrer, own_host="proxy.test") is may
    assert sites.frame_ancestors == "'self' https://ours.test https://*.wild.test"


def test_without_a_list_every_site_may() -> None:
    assert Sites().frame_ancestors == "*"
    assert Sites().may_have_pictures(site="cross-site", referrer="", own_host="proxy.test")


def test_a_network_has_its_budget_and_gets_it_back_in_time() -> None:
    clock = Clock()
    misses = Misses(a_network=3, overall=100, clock=clock)
    for last in (1, 2, 3):
        misses.spend(f"192.0.2.{last}", next(FRESH))
    with pytest.raises(TooMany) as error:
        misses.spend("192.0.2.250", next(FRESH))
    assert error.value.retry_after_s == pytest.approx(20)
    misses.spend("198.51.100.1", next(FRESH))  # another network
    clock.pass_s(20)
    misses.spend("192.0.2.9", next(FRESH))


def test_all_networks_together_have_a_budget_too_and_a_refusal_costs_nothing() -> None:
    clock = Clock()
    misses = Misses(a_network=100, overall=5, clock=clock)
    for last in range(5):
        misses.spend(f"10.{last}.0.1", next(FRESH))
    for _ in range(50):
        with pytest.raises(TooMany):
            misses.spend("10.9.0.1", next(FRESH))
    clock.pass_s(12)
    misses.spend("10.9.0.1", next(FRESH))


def test_zero_means_no_limit_and_memory_stays_bounded() -> None:
    misses = Misses(a_network=0, overall=0, clock=Clock())
    for number in range(12_000):
        misses.spend(str(ipaddress.ip_address(number << 8)), next(FRESH))
    assert len(misses._networks) <= 10_000


def test_those_without_an_address_share_one_budget() -> None:
    misses = Misses(a_network=1, overall=100, clock=Clock())
    misses.spend("", next(FRESH))
    with pytest.raises(TooMany):
        misses.spend("unix:", next(FRESH))


def test_addresses_are_shortened_before_they_are_remembered() -> None:
    assert str(shortened("192.0.2.77")) == "192.0.2.0/24"
    assert str(shortened("2001:db8:1:2:3:4:5:6")) == "2001:db8:1:2::/64"
    assert str(shortened("::ffff:192.0.2.77")) == "192.0.2.0/24"
    assert shortened("unknown") is None


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "192.0.2.1", "203.0.113.9"),  # not a proxy of ours: not believed
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "8.8.8.8, 192.0.2.1", "192.0.2.1"),  # the left one was written by the visitor
        ("10.0.0.1", "192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded_for: str, address: str) -> None:
    assert client_address(peer, forwarded_for, (ipaddress.ip_network("10.0.0.0/8"),)) == address


def test_without_trusted_proxies_no_header_counts() -> None:
    assert client_address("10.0.0.1", "192.0.2.1", ()) == "10.0.0.1"


def test_asking_again_for_what_was_just_asked_for_costs_nothing() -> None:
    clock = Clock()
    misses = Misses(a_network=1, overall=1, clock=clock)
    for last in range(500):
        misses.spend(f"192.0.2.{last % 250}", "the-same-id")
    with pytest.raises(TooMany):
        misses.spend("192.0.2.1", "another-id")
    clock.pass_s(61)
    misses.spend("192.0.2.1", "the-same-id")
    with pytest.raises(TooMany):
        misses.spend("192.0.2.1", "another-id")
