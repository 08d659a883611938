"""Settings: where they come from, what they may be, and what a wrong one says."""

import dataclasses
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytproxy.config import (
    DAY_S,
    MAX_AGE_CEILING_S,
    NAMES,
    PREFIX,
    Settings,
    default_cache_dir,
    help_texts,
    load,
    usable_cores,
)
from ytproxy.errors import ConfigError
from ytproxy.locales import LANGUAGES

DEFAULTS: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 8080,
    "workers": usable_cores(),
    "public_url": None,
    "cache_dir": default_cache_dir(),
    "cache_max_bytes": 2_000_000_000,
    "memory_max_bytes": 256_000_000,
    "refresh_after_s": 86_400,
    "max_age_s": 2_592_000,
    "max_upstream_inflight": 8,
    "allowed_videos": None,
    "denied_videos": frozenset(),
    "allowed_channels": frozenset(),
    "allowed_sites": (),
    "signing_key": (),
    "miss_rate_limit": (120, 600),
    "trusted_proxies": (),
    "thumbnails": "on",
    "poster_dir": None,
    "language": "auto",
    "default_language": "en",
    "texts_dir": None,
    "privacy_url": None,
    "remember": "off",
    "remember_days": 180,
    "upstream_proxy": None,
    "upstream_ca_file": None,
}
# Three texts of each setting and what they mean: for the file, the environment and the command line.
A_FILE, ANOTHER_FILE = (Path(__file__).parent / name for name in ("conftest.py", "running.py"))
ROOT = Path(__file__).parents[1]
TEXTS: dict[str, list[tuple[str, Any]]] = {
    "host": [("0.0.0.0", "0.0.0.0"), ("[::1]", "::1"), ("localhost", "127.0.0.1")],
    "port": [("1", 1), ("65535", 65_535), ("443", 443)],
    "workers": [("1", 1), ("256", 256), ("3", 3)],
    "public_url": [
        ("https://v.example.org", "https://v.example.org"),
        ("http://v.example.org:8080/yt/", "http://v.example.org:8080/yt"),
        ("", None),
    ],
    "cache_dir": [("/a/b", Path("/a/b")), ("/c d", Path("/c d")), ("/ü", Path("/ü"))],
    "cache_max_bytes": [("10000000", 10_000_000), ("512MB", 512_000_000), ("2 GiB", 2 * 2**30)],
    "memory_max_bytes": [("1000000", 1_000_000), ("64m", 64_000_000), ("2000k", 2_000_000)],
    "refresh_after_s": [("60", 60), ("3600", 3_600), ("2592000", MAX_AGE_CEILING_S)],
    "max_age_s": [("86400", DAY_S), ("100000", 100_000), ("2592000", MAX_AGE_CEILING_S)],
    "max_upstream_inflight": [("1", 1), ("256", 256), ("16", 16)],
    "allowed_videos": [
        ("aaaaaaaaaaA", frozenset({"aaaaaaaaaaA"})),
        (
            "https://youtu.be/bbbbbbbbbbA, PL0123456789abcdef aaaaaaaaaaA",
            frozenset({"aaaaaaaaaaA", "bbbbbbbbbbA", "PL0123456789abcdef"}),
        ),
        ("", None),
    ],
    "denied_videos": [
        ("aaaaaaaaaaA,bbbbbbbbbbA", frozenset({"aaaaaaaaaaA", "bbbbbbbbbbA"})),
        ("https://www.youtube.com/shorts/bbbbbbbbbbA", frozenset({"bbbbbbbbbbA"})),
        ("", frozenset()),
    ],
    "allowed_channels": [
        ("@Nature", frozenset({"@nature"})),
        ("@one, @two_2", frozenset({"@one", "@two_2"})),
        ("", frozenset()),
    ],
    "allowed_sites": [
        ("https://example.org/", ("https://example.org",)),
        ("example.org, https://*.example.org:8443", ("https://example.org", "https://*.example.org:8443")),
        ("http://localhost:1313", ("http://localhost:1313",)),
    ],
    "signing_key": [("k" * 16, ("k" * 16,)), (f"{'n' * 20},{'o' * 16}", ("n" * 20, "o" * 16)), ("", ())],
    "miss_rate_limit": [("0,0", (0, 0)), ("1, 2", (1, 2)), ("9999999,9999999", (9_999_999, 9_999_999))],
    "trusted_proxies": [
        ("127.0.0.1", (ip_network("127.0.0.1/32"),)),
        ("10.0.0.0/8, fd00::/8", (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))),
        ("", ()),
    ],
    "thumbnails": [("neutral", "neutral"), ("on", "on"), ("neutral", "neutral")],
    "poster_dir": [(str(A_FILE.parent), A_FILE.parent), (str(ROOT), ROOT), ("", None)],
    "language": [("auto", "auto"), ("de", "de"), ("en", "en")],
    "default_language": [("de", "de"), ("en", "en"), ("de", "de")],
    "texts_dir": [(str(A_FILE.parent), A_FILE.parent), (str(ROOT), ROOT), ("", None)],
    "privacy_url": [
        ("https://example.org/privacy", "https://example.org/privacy"),
        ("https://example.org/datenschutzerklärung?a=b#c", "https://example.org/datenschutzerklärung?a=b#c"),
        ("", None),
    ],
    "remember": [("session", "session"), ("always", "always"), ("session", "session")],
    "remember_days": [("1", 1), ("365", 365), ("30", 30)],
    "upstream_proxy": [
        ("http://proxy.example.org:3128", "http://proxy.example.org:3128"),
        ("https://user:secret@10.0.0.1", "https://user:secret@10.0.0.1"),
        ("", None),
    ],
    "upstream_ca_file": [(str(A_FILE), A_FILE), (str(ANOTHER_FILE), ANOTHER_FILE), ("", None)],
}
WRONG: dict[str, list[str]] = {
    "host": ["", "example.org", "127.0.0.1:80", "256.0.0.1", "*", "127.0.0.1\n"],
    "port": ["", "0", "65536", "80a", "-1", "８０", " 80", "1" * 5_000],
    "workers": ["", "0", "257", "two", "1.5"],
    "public_url": [
        *(
            "video.example.org",
            "ftp://example.org",
            "https://",
            "//example.org",
            "https://example.org/?",
            "javascript:1",
        ),
        *("https://example.org/a?b=c", "https://example.org/#", "https://user@example.org", "https://[", "http://a b/"),
        *("https://example.org:0", "https://example.org:65536", "https://example.org:x", "https://:80", "https://a//b"),
        *('https://example.org/"', "https://example.org/<b>", "https://bücher.example", "https://example.org/\x01"),
    ],
    "cache_dir": ["", "a\0b", "~nobody-of-that-name/cache"],
    "cache_max_bytes": ["", "9999999", "1MB", "9MB", "-1", "1.5GB", "2 GB GB", "lots", "5PB", "999999999999999TiB"],
    "memory_max_bytes": ["", "0", "999999", "999kB", "64 M B"],
    "refresh_after_s": ["", "59", "2592001", "1d", "-60"],
    "max_age_s": ["", "59", "2592001", "31d", "9" * 18],
    "max_upstream_inflight": ["", "0", "257", "all"],
    "allowed_videos": [
        "aaaaaaaaaaA everything",
        "https://example.org/watch?v=aaaaaaaaaaA",
        "/nowhere/list",
        "aaaaaaaaaaB",
    ],
    "denied_videos": ["all", "~nobody-of-that-name/list", "/", "/a\0b"],
    "allowed_channels": ["Nature", "@ab", "https://www.youtube.com/@nature", "@a/b", ",", " "],
    "allowed_sites": [
        *("http://example.org", "https://example.org/path", "ftp://example.org", "*", "https://*", "https://a@b", ","),
        *("https://exa mple.org/;", "https://example.org;script-src", "'self'", "https://EXAMPLE.org", "/nowhere", "/"),
    ],
    "signing_key": ["short", f"{'k' * 16},short", "/nowhere/key", ",", " ", os.devnull],
    "miss_rate_limit": ["", "120", "120,600,1", "-1,5", "a,b", "99999999,1"],
    "trusted_proxies": ["proxy.example.org", "10.0.0.1/8", "10.0.0.0/33", "*"],
    "thumbnails": ["", "off", "ON", "true"],
    "poster_dir": [str(A_FILE), "a\0b", "~nobody-of-that-name/pictures", "\ud800", "/nowhere/pictures"],
    "language": ["", "xx", "DE", "german"],
    "default_language": ["", "auto", "xx"],
    "texts_dir": [str(A_FILE), "/nowhere/texts", "a\0b", "\ud800", str(A_FILE.parent / "data")],
    "privacy_url": [
        *("example.org/privacy", "javascript:alert(1)", "data:text/html,a", "https://", "https://user@example.org"),
        *('https://example.org/"onclick="', "https://example.org/a b", "https://[::1", "https://example.org/\x00"),
    ],
    "remember": ["", "on", "Always", "forever"],
    "remember_days": ["", "0", "366", "a week"],
    "upstream_proxy": ["proxy:3128", "socks5://proxy:1080", "http://", "http://proxy:99999", "http://[", "http://a b"],
    "upstream_ca_file": ["/nowhere/ca.pem", "/", "a\0b", "x" * 5_000, "~nobody-of-that-name/ca.pem", "\ud800"],
}


def variable(name: str) -> str:
    return PREFIX + name.upper()


def loaded(environ: Mapping[str, str] | None = None, **sources: Any) -> Settings:
    return load(environ=environ or {}, **sources)


def refusal(environ: Mapping[str, str] | None = None, **sources: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(environ, **sources)
    return str(caught.value)


def toml(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(text, encoding="utf-8")
    return file


# The table


def test_the_tables_of_this_test_cover_every_setting() -> None:
    assert tuple(DEFAULTS) == tuple(TEXTS) == tuple(WRONG) == NAMES


def test_without_any_source_the_defaults_hold() -> None:
    assert dataclasses.asdict(loaded()) == DEFAULTS


def test_every_setting_has_a_help_text_that_is_a_sentence() -> None:
    helps = help_texts()
    assert tuple(helps) == NAMES
    for name, text in helps.items():
        assert re.fullmatch(r"\S.{10,}\.", text), name
    assert len(set(helps.values())) == len(helps)


def test_settings_cannot_be_changed_and_can_be_a_key() -> None:
    settings = loaded()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]
    assert {settings: 1}[loaded()] == 1
    assert settings != loaded({"YTPROXY_PORT": "81"})


def test_no_setting_leads_to_another_youtube() -> None:
    for name in ("thumbnails_url", "oembed_url", "upstream_url", "youtube_host"):
        assert "unknown setting" in refusal({variable(name): "https://attacker.example"})


# Where a value comes from


@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path, name: str) -> None:
    (in_file, file_value), (in_environ, environ_value), (in_command, command_value) = TEXTS[name]
    file = toml(tmp_path, f"{name} = '{in_file}'")
    environ = {variable(name): in_environ}
    command_line = {name: in_command}
    # The setting's companion, so that refresh_after_s may take its whole range.
    rest = {"max_age_s": str(MAX_AGE_CEILING_S)} if name == "refresh_after_s" else {}

    def got(**sources: Any) -> Any:
        command = rest | sources.pop("command_line", {})
        return getattr(load(**({"environ": {}} | sources), command_line=command), name)

    assert got() == DEFAULTS[name]
    assert got(file=file) == file_value
    assert got(environ=environ) == environ_value
    assert got(file=file, environ=environ) == environ_value
    assert got(file=file, environ=environ, command_line=command_line) == command_value
    assert got(file=file, command_line=command_line) == command_value


def test_the_environment_of_the_process_counts_where_no_other_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("YTPROXY_PORT", "8123")
    assert load().port == 8123


def test_other_programs_variables_are_not_looked_at() -> None:
    assert loaded({"PORT": "1", "HOST": "x", "MYYTPROXY_PORT": "x", "ytproxy_port": "x"}) == loaded()


def test_a_file_takes_numbers_as_numbers_and_as_texts(tmp_path: Path) -> None:
    assert loaded(file=toml(tmp_path, "port = 81\nworkers = '2'\n# a remark\n")).port == 81
    assert loaded(file=toml(tmp_path, "cache_max_bytes = 50_000_000")).cache_max_bytes == 50_000_000


# What is wrong, and the cure


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
def test_a_wrong_value_is_answered_with_one_sentence_naming_the_variable_the_value_and_the_cure(
    tmp_path: Path, name: str, text: str
) -> None:
    said = refusal({variable(name): text})
    given = "not right" if name == "signing_key" else repr(text)  # a secret is not printed
    assert re.fullmatch(r"(?:'.+' is no [^:]+; )?use [^\n]+\.", said.removeprefix(f"{variable(name)} is {given}: "))
    assert ". " not in said.replace(repr(text), "")
    assert refusal(command_line={name: text}).startswith(f"--{name.replace('_', '-')} is {given}: ")


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_value_in_a_file_names_the_file(tmp_path: Path, name: str) -> None:
    file = toml(tmp_path, f"{name} = 'wrong <value>'")
    if name == "cache_dir":
        file = toml(tmp_path, "cache_dir = ''")
    assert re.fullmatch(rf"{name} in {re.escape(str(file))} is ('.*'|not right): .*use .*\.", refusal(file=file))


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("host", "127.0.0.1"),
        ("port", "from 1 to 65535"),
        ("public_url", "https://video.example.org"),
        ("cache_max_bytes", "at least 10 MB, such as 512MB or 2GiB"),
        ("memory_max_bytes", "at least 1 MB, such as 512MB or 2GiB"),
        ("max_age_s", "from 60 to 2592000"),
        ("thumbnails", "on, neutral"),
        ("poster_dir", "a folder that exists"),
        ("language", ", ".join(("auto", *LANGUAGES))),
        ("default_language", ", ".join(LANGUAGES)),
        ("upstream_proxy", "http://proxy.example.org:3128"),
        ("upstream_ca_file", "a file that exists"),
    ],
)
def test_a_cure_says_what_would_be_right(name: str, cure: str) -> None:
    assert cure in refusal({variable(name): WRONG[name][-1]})


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("YTPROXY_CACHEDIR", "YTPROXY_CACHE_DIR"),
        ("YTPROXY_LANGUGE", "YTPROXY_LANGUAGE"),
        ("YTPROXY_Cache_Dir", "YTPROXY_CACHE_DIR"),
        ("YTPROXY_pORT", "YTPROXY_PORT"),
        ("YTPROXY_MAX_AGE", "YTPROXY_MAX_AGE_S"),
        ("YTPROXY_PUBLIC_URI", "YTPROXY_PUBLIC_URL"),
    ],
)
def test_an_unknown_variable_names_the_nearest_right_one(wrong: str, right: str) -> None:
    assert refusal({wrong: "1"}) == f"unknown setting {wrong} in the environment; did you mean {right}?"


def test_an_unknown_name_in_a_file_names_the_nearest_right_one(tmp_path: Path) -> None:
    file = toml(tmp_path, "cachedir = '/x'")
    assert refusal(file=file) == f"unknown setting cachedir in {file}; did you mean cache_dir?"


@pytest.mark.parametrize("name", ["YTPROXY_", "YTPROXY_QQQQQQQQ", "YTPROXY_ÄÖÜ"])
def test_an_unknown_variable_like_no_other_leads_to_the_help(name: str) -> None:
    assert refusal({name: ""}) == (
        f"unknown setting {name} in the environment; see `ytproxy serve --help` for the settings there are."
    )


@pytest.mark.parametrize(
    "text",
    ["port", "port = ", "port = 1\nport = 2", "= 1", "a" * 9, "port = 1" + "0" * 5_000, "port = " + "[" * 20_000, "\0"],
)
def test_a_file_that_is_not_toml_says_so(tmp_path: Path, text: str) -> None:
    said = refusal(file=toml(tmp_path, text))
    assert said.startswith(f"The settings file {tmp_path}/settings.toml is not valid TOML: ")
    assert said.endswith(".")


def test_a_file_that_is_not_text_says_so(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(b"language = '\xff'")
    assert "is not valid TOML: " in refusal(file=tmp_path / "settings.toml")


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    assert refusal(file=tmp_path / "no.toml") == (
        f"The settings file {tmp_path}/no.toml cannot be read: No such file or directory."
    )
    assert refusal(file=tmp_path) == f"The settings file {tmp_path} cannot be read: Is a directory."


@pytest.mark.parametrize("value", ["true", "1.5", "[1]", "{a = 1}", "2024-01-01", "nan"])
def test_a_value_of_another_type_says_what_to_use(tmp_path: Path, value: str) -> None:
    said = refusal(file=toml(tmp_path, f"port = {value}"))
    assert said.startswith(f"port in {tmp_path}/settings.toml is ")
    assert said.endswith(": use a text or a whole number.")


def test_an_age_below_the_time_of_refreshing_is_refused_with_the_cure() -> None:
    said = refusal({"YTPROXY_MAX_AGE_S": "3600"})
    assert "max_age_s (3600) is below refresh_after_s (86400)" in said
    assert "Raise the first or lower the second." in said
    assert loaded({"YTPROXY_MAX_AGE_S": "3600", "YTPROXY_REFRESH_AFTER_S": "3600"}).max_age_s == 3600


# Lists


def test_a_list_may_be_a_file_with_remarks(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# films\naaaaaaaaaaA  # the first\n\nhttps://youtu.be/bbbbbbbbbbA\n")
    wanted = frozenset({"aaaaaaaaaaA", "bbbbbbbbbbA"})
    assert loaded({"YTPROXY_ALLOWED_VIDEOS": str(tmp_path / "list")}).allowed_videos == wanted
    (tmp_path / "key").write_text("k" * 32 + "\n")
    assert loaded({"YTPROXY_SIGNING_KEY": str(tmp_path / "key")}).signing_key == ("k" * 32,)


@pytest.mark.parametrize("name", ["signing_key", "allowed_sites", "allowed_channels"])
def test_an_empty_file_never_opens_what_it_was_to_close(tmp_path: Path, name: str) -> None:
    (tmp_path / "list").write_text("# nothing yet\n")
    assert "use at least one item" in refusal({variable(name): str(tmp_path / "list")})


def test_an_empty_file_of_allowed_videos_allows_none(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("\n")
    assert loaded({"YTPROXY_ALLOWED_VIDEOS": str(tmp_path / "list")}).allowed_videos == frozenset()


# Sizes, addresses, derived values


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("10000000", 10_000_000),
        ("10000000b", 10_000_000),
        ("10000k", 10_000_000),
        ("10000KB", 10_000_000),
        ("10000KiB", 10_240_000),
        ("10M", 10_000_000),
        ("10mb", 10_000_000),
        ("10Mi", 10 * 2**20),
        (" 10 MiB ", 10 * 2**20),
        ("3g", 3_000_000_000),
        ("3GiB", 3 * 2**30),
        ("2TB", 2 * 10**12),
        ("2TiB", 2 * 2**40),
    ],
)
def test_sizes_take_units(text: str, size_bytes: int) -> None:
    assert loaded({"YTPROXY_CACHE_MAX_BYTES": text}).cache_max_bytes == size_bytes


@pytest.mark.parametrize(
    ("text", "public_url", "sub_path"),
    [
        ("", None, ""),
        ("https://v.example.org", "https://v.example.org", ""),
        ("https://v.example.org/", "https://v.example.org", ""),
        ("https://v.example.org//", None, None),
        ("https://v.example.org/yt", "https://v.example.org/yt", "/yt"),
        ("https://v.example.org/yt/", "https://v.example.org/yt", "/yt"),
        ("http://v.example.org:8080/a/b", "http://v.example.org:8080/a/b", "/a/b"),
        ("https://[2001:db8::1]:8443/yt", "https://[2001:db8::1]:8443/yt", "/yt"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
        ("https://xn--bcher-kva.example/~yt", "https://xn--bcher-kva.example/~yt", "/~yt"),
    ],
)
def test_a_public_url_has_one_form_and_tells_the_sub_path(
    text: str, public_url: str | None, sub_path: str | None
) -> None:
    if sub_path is None:
        refusal({"YTPROXY_PUBLIC_URL": text})
    else:
        settings = loaded({"YTPROXY_PUBLIC_URL": text})
        assert (settings.public_url, settings.sub_path) == (public_url, sub_path)


@pytest.mark.parametrize(
    ("workers", "inflight", "a_worker"), [("1", "8", 8), ("2", "8", 4), ("3", "8", 2), ("16", "8", 1)]
)
def test_bounds_for_all_workers_are_shared_among_them(workers: str, inflight: str, a_worker: int) -> None:
    settings = loaded({"YTPROXY_WORKERS": workers, "YTPROXY_MAX_UPSTREAM_INFLIGHT": inflight})
    assert settings.upstream_inflight_a_worker == a_worker
    assert settings.memory_max_bytes_a_worker * settings.workers <= settings.memory_max_bytes


def test_a_relative_path_is_relative_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert loaded({"YTPROXY_CACHE_DIR": "cache"}).cache_dir == tmp_path / "cache"
    assert loaded({"YTPROXY_CACHE_DIR": "~/cache"}).cache_dir == Path("/home/somebody/cache")


def test_the_cache_lies_in_the_users_cache_folder_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_cache_dir({}) == Path("/home/somebody/.cache/ytproxy")
    assert default_cache_dir({"XDG_CACHE_HOME": "relative"}) == Path("/home/somebody/.cache/ytproxy")
    assert default_cache_dir({"XDG_CACHE_HOME": "/var/cache"}) == Path("/var/cache/ytproxy")


def test_a_user_without_a_home_is_told_to_set_the_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_123)
    assert refusal() == "There is no home folder for the cache: set YTPROXY_CACHE_DIR."
    assert loaded({"YTPROXY_CACHE_DIR": "/a"}).cache_dir == Path("/a")


# Cores


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


@pytest.mark.usefixtures("eight_cores")
@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000\n"}, 8),
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "1600000 100000\n"}, 8),
        ({"cpu.max": ""}, 8),
        ({"cpu.max": "200000"}, 8),
        ({"cpu.max": "200000 0"}, 8),
        ({"cpu.max": "200000 x"}, 8),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "1000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "300000\n"}, 8),
    ],
)
def test_a_containers_quota_cuts_the_cores_and_rounds_up(tmp_path: Path, files: dict[str, str], cores: int) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert usable_cores(tmp_path) == cores


def test_the_cores_of_this_process_bound_the_workers() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    assert loaded().workers == usable_cores()


# Whatever is written there

TEXT = st.one_of(
    st.text(),
    st.text(st.characters(), max_size=8).map("~{}".format),
    st.text(max_size=20).map("http://{}".format),
    st.text(max_size=20).map("https://example.org{}".format),
    st.from_regex(r"[0-9]+ ?[kKmMgG]?i?B?", fullmatch=True),
    st.from_regex(r"[0-9a-f:.\[\]%/]+", fullmatch=True),
)


@given(st.sampled_from(NAMES), TEXT)
def test_any_text_for_any_setting_is_a_value_or_a_config_error(name: str, text: str) -> None:
    with suppress(ConfigError):
        hash(loaded({variable(name): text}))


@given(st.text(), TEXT)
def test_any_variable_of_ours_is_known_or_a_config_error(name: str, text: str) -> None:
    with suppress(ConfigError):
        loaded({PREFIX + name: text})


@given(st.one_of(st.text(), st.tuples(st.sampled_from(NAMES), st.text()).map(" = ".join)))
def test_any_file_is_settings_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(ConfigError):
        loaded(file=file)
