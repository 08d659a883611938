"""Settings: one closed, typed table. Its rows feed the start-up check, `--help`, the docs and a test.

A value comes from the command line, else the environment (``YTPROXY_NAME``), else a TOML file (``name``),
else the default. YouTube's hosts are deliberately no setting: a deployment cannot be pointed elsewhere.
"""

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from ytproxy.errors import ConfigError, InvalidInput
from ytproxy.locales import LANGUAGES
from ytproxy.locales import read as read_texts
from ytproxy.youtube import parse as parse_link

_T = TypeVar("_T")

PREFIX = "YTPROXY_"
DAY_S = 86_400
_SECRETS = frozenset({"signing_key"})  # never printed: an error may end in a log
MAX_AGE_CEILING_S = 30 * DAY_S  # YouTube's developer policies, III.E.4: stored data is refreshed or deleted.

_BYTES_MAX = 2**60
_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Cores that this process may use: CPU affinity, cut by a container's quota (cgroup v2 and v1)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return cores
    if not (quota.isdecimal() and period.isdecimal() and int(period)):  # "max", or -1: no quota
        return cores
    return max(1, min(cores, -(-int(quota) // int(period))))


def default_cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """``$XDG_CACHE_HOME/ytproxy``, else ``~/.cache/ytproxy``."""
    base = environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "ytproxy"
    except RuntimeError:  # a container's user without a home
        raise ConfigError(f"There is no home folder for the cache: set {PREFIX}CACHE_DIR.") from None


# Parsers: text in, value out; ValueError says in one clause what would be right.


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", value) or not low <= int(value) <= high:
            raise ValueError(f"use a whole number from {low} to {high}")
        return int(value)

    return parse


def _bytes(low: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        found = re.fullmatch(r"([0-9]{1,15})\s*([kmgt]i?)?b?", value.strip().lower())
        size = int(found[1]) * _UNITS[found[2] or ""] if found else 0
        if not low <= size <= _BYTES_MAX:
            raise ValueError(f"use a size of at least {low // 10**6} MB, such as 512MB or 2GiB")
        return size

    return parse


def _choice(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError("use one of: " + ", ".join(choices))
        return value

    return parse


def _is_web_url(value: str) -> bool:
    """Absolute http or https, a port that exists, nothing in it that HTML or a header would read otherwise."""
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return sound and value.isprintable() and not re.search(r"[ <>\"'\\]", value)


def _web_url(value: str) -> str:
    if not _is_web_url(value) or "@" in urlsplit(value).netloc:
        raise ValueError("use an address such as https://example.org/privacy")
    return value


def _public_url(value: str) -> str:
    if not _is_web_url(value) or not value.isascii() or re.search(r"[?#@]|(?<!:)//", value):
        raise ValueError(
            "use an address without ?, # and @, such as https://video.example.org or https://example.org/yt"
        )
    return value.rstrip("/")


def _proxy_url(value: str) -> str:
    if not _is_web_url(value):
        raise ValueError("use the address of an HTTP proxy, such as http://proxy.example.org:3128")
    return value


def _path(value: str) -> Path:
    if not value or "\0" in value:
        raise ValueError("use a path")
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError:
        raise ValueError("use a path without ~, or one that starts with ~/") from None


def _existing_file(value: str) -> Path:
    path = _path(value)
    if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises where a folder may not be read
        raise ValueError("use the path of a file that exists")
    return path


def _texts_folder(value: str) -> Path:
    path = _path(value)
    read_texts(path)
    return path


def _existing_folder(value: str) -> Path:
    path = _path(value)
    if not os.path.isdir(path):  # noqa: PTH112  as above
        raise ValueError("use the path of a folder that exists")
    return path


def _host(value: str) -> str:
    if value == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(value.strip("[]")))
    except ValueError:
        raise ValueError("use an IP address of this machine, such as 127.0.0.1 or 0.0.0.0") from None


def _items(value: str) -> list[str]:
    """Words between commas or white space; from a file, without its # comments, where *value* is a path."""
    if value.startswith(("/", "./", "~")):
        try:
            lines = Path(value).expanduser().read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError, RuntimeError):
            raise ValueError("use a list, or the path of a text file with one a line") from None
        value = " ".join(line.partition("#")[0] for line in lines)
    return value.replace(",", " ").split()


def _some_items(value: str) -> list[str]:
    """For settings whose emptiness opens the door: a file that lacks its keys must not be read as none wanted."""
    items = _items(value)
    if value and not items:
        raise ValueError("use at least one item, or no text at all to do without")
    return items


def _ids(value: str) -> frozenset[str]:
    ids = set()
    for item in _items(value):
        try:
            target = parse_link(item)
        except InvalidInput:
            raise ValueError(
                f"{item!r} is no video, playlist or link to one; use ids or links, or a file of them"
            ) from None
        found = target.video or target.playlist
        ids.add(found.text if found else item)
    return frozenset(ids)


def _handles(value: str) -> frozenset[str]:
    handles = frozenset(item.lower() for item in _some_items(value))
    if not all(re.fullmatch(r"@[^\s/?#@]{3,60}", handle) for handle in handles):
        raise ValueError("use handles such as @name, between commas")
    return handles


def _origins(value: str) -> tuple[str, ...]:
    origins = [item if "://" in item else f"https://{item}" for item in _some_items(value.rstrip("/") or value)]
    for origin in origins:
        found = re.fullmatch(r"(https?)://(\*\.)?([a-z0-9-]+(?:\.[a-z0-9-]+)*)(:[0-9]{1,5})?", origin)
        if not found or (found[1] == "http" and found[3] not in ("localhost", "127.0.0.1")):
            raise ValueError("use origins such as https://example.org or https://*.example.org, between commas")
    return tuple(dict.fromkeys(origins))


def _keys(value: str) -> tuple[str, ...]:
    keys = tuple(_some_items(value))
    if not all(len(key) >= 16 for key in keys):
        raise ValueError("use keys of at least 16 characters, the newest first, between commas")
    return keys


def _rates(value: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,7}),\s*([0-9]{1,7})", value)
    if not found:
        raise ValueError(
            "use two numbers, a network's and all together's misses a minute, such as 120,600; 0: no limit"
        )
    return int(found[1]), int(found[2])


def _networks(value: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        return tuple(ipaddress.ip_network(item) for item in _items(value))
    except ValueError:
        raise ValueError("use addresses or networks such as 127.0.0.1 or 10.0.0.0/8, between commas") from None


def _optional(parse: Callable[[str], _T]) -> Callable[[str], _T | None]:
    return lambda value: None if value == "" else parse(value)


def _setting(parse: Callable[[str], Any], default: Any, help_text: str) -> Any:
    """One row of the table. *default* may be a function, called when the settings are loaded."""
    metadata = {"parse": parse, "help": help_text}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Checked settings. Holding one means that every value has been validated."""

    host: str = _setting(_host, "127.0.0.1", "IP address to listen on.")
    port: int = _setting(_whole(1, 65_535), 8080, "TCP port to listen on.")
    workers: int = _setting(_whole(1, 256), usable_cores, "Worker processes; by default one a usable core.")
    public_url: str | None = _setting(
        _optional(_public_url),
        None,
        "Address under which browsers reach this server, a sub-path included; empty: the address a browser asked for.",
    )
    cache_dir: Path = _setting(_path, default_cache_dir, "Folder of the cache.")
    cache_max_bytes: int = _setting(
        _bytes(10_000_000),
        2_000_000_000,
        "Bound of the cache in bytes (512MB, 2GiB …); the least recently used goes first.",
    )
    memory_max_bytes: int = _setting(
        _bytes(1_000_000), 256_000_000, "Bound of finished answers in memory, all workers together."
    )
    refresh_after_s: int = _setting(
        _whole(60, MAX_AGE_CEILING_S),
        DAY_S,
        "Seconds after which a picture or title is checked against YouTube, in the background.",
    )
    max_age_s: int = _setting(
        _whole(60, MAX_AGE_CEILING_S),
        MAX_AGE_CEILING_S,
        "Seconds after which anything that YouTube has not confirmed is deleted; at most 30 days.",
    )
    max_upstream_inflight: int = _setting(
        _whole(1, 256),
        8,
        "Requests to YouTube under way at once, all workers together (at least one a worker).",
    )
    allowed_videos: frozenset[str] | None = _setting(
        _optional(_ids),
        None,
        "The only videos and playlists to show, ids or links between commas, or a file of them. They are fetched and "
        "refreshed on a schedule, never by a visit. Empty: every one.",
    )
    denied_videos: frozenset[str] = _setting(_ids, frozenset(), "Videos never to show, in the same form.")
    allowed_channels: frozenset[str] = _setting(
        _handles, frozenset(), "The only channels whose videos to show, as @handles between commas."
    )
    allowed_sites: tuple[str, ...] = _setting(
        _origins,
        (),
        "The only sites that may frame previews and show pictures: https://example.org, https://*.example.org.",
    )
    signing_key: tuple[str, ...] = _setting(
        _keys,
        (),
        "Show a video only where its address is signed (`ytproxy sign`). Several keys, newest first, for a change.",
    )
    miss_rate_limit: tuple[int, int] = _setting(
        _rates,
        (120, 600),
        "New previews a minute: for one client network (/24, /64), and for all together. 0: no limit.",
    )
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = _setting(
        _networks, (), "Addresses of your own proxies, whose X-Forwarded-For is believed."
    )
    thumbnails: str = _setting(
        _choice("on", "neutral"),
        "on",
        "on: YouTube's thumbnails from this server; neutral: our own card, no thumbnail is fetched or stored.",
    )
    poster_dir: Path | None = _setting(
        _optional(_existing_folder),
        None,
        "Folder of your own pictures, VIDEO.jpg, VIDEO.png or VIDEO.webp, shown in the place of YouTube's.",
    )
    language: str = _setting(
        _choice("auto", *LANGUAGES),
        "auto",
        "Language of pages: auto (the visitor's browser decides) or a fixed one.",
    )
    default_language: str = _setting(
        _choice(*LANGUAGES), "en", "Language where the visitor's browser asks for none that we have."
    )
    texts_dir: Path | None = _setting(
        _optional(_texts_folder),
        None,
        "Folder of your own words in place of ours: files such as de.json with some of the texts of a language.",
    )
    privacy_url: str | None = _setting(
        _optional(_web_url), None, "Address of your privacy policy, linked from every notice."
    )
    remember: str = _setting(
        _choice("off", "session", "always"),
        "off",
        "Whether visitors may choose that videos load without a click: off, session (until the tab is closed), "
        "always. The choice is kept in their browser alone.",
    )
    remember_days: int = _setting(
        _whole(1, 365), 180, "Days after which a visitor is asked again who chose that videos load without a click."
    )
    upstream_proxy: str | None = _setting(
        _optional(_proxy_url),
        None,
        "HTTP proxy for requests to YouTube. Proxy variables in the environment are ignored.",
    )
    upstream_ca_file: Path | None = _setting(
        _optional(_existing_file),
        None,
        "PEM file of the certificate authorities to trust for YouTube and the proxy.",
    )

    @property
    def sub_path(self) -> str:
        """Path part of the public URL, such as ``/yt``; empty at the root."""
        return unquote(urlsplit(self.public_url or "").path)

    @property
    def memory_max_bytes_a_worker(self) -> int:
        return self.memory_max_bytes // self.workers

    @property
    def upstream_inflight_a_worker(self) -> int:
        return max(1, self.max_upstream_inflight // self.workers)


NAMES = tuple(row.name for row in fields(Settings))


def help_texts() -> dict[str, str]:
    """Setting name (lower case) to its help text, in the table's order."""
    return {row.name: str(row.metadata["help"]) for row in fields(Settings)}


def load(
    *,
    command_line: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
    file: Path | None = None,
) -> Settings:
    """Settings from all sources. Raises ConfigError, naming the source, the value and the cure."""
    texts: dict[str, tuple[str, str]] = {}  # name -> (how the reader knows it, text)
    for name, value in (_read_file(file) if file else {}).items():
        texts[_known(name, name, str(file))] = (f"{name} in {file}", value)
    for variable, value in environ.items():
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX)
            texts[_known(name.lower() if name.isupper() else name, variable, "the environment")] = (
                variable,
                value,
            )
    for name, value in (command_line or {}).items():
        texts[name] = ("--" + name.replace("_", "-"), value)

    values: dict[str, Any] = {}
    for row in fields(Settings):
        if row.name in texts:
            shown, text = texts[row.name]
            try:
                values[row.name] = row.metadata["parse"](text)
            except ValueError as error:
                given = "not right" if row.name in _SECRETS else repr(text)
                raise ConfigError(f"{shown} is {given}: {error}.") from None
    settings = Settings(**values)
    if settings.max_age_s < settings.refresh_after_s:
        raise ConfigError(
            f"max_age_s ({settings.max_age_s}) is below refresh_after_s ({settings.refresh_after_s}): "
            "nothing could be refreshed before it is deleted. Raise the first or lower the second."
        )
    return settings


def _known(name: str, shown: str, source: str) -> str:
    if name in NAMES:
        return name
    near = difflib.get_close_matches(name.lower(), NAMES, n=1)
    wanted = near[0] if near else ""
    if shown.startswith(PREFIX):
        wanted = PREFIX + wanted.upper()
    hint = f"did you mean {wanted}?" if near else "see `ytproxy serve --help` for the settings there are."
    raise ConfigError(f"unknown setting {shown} in {source}; {hint}")


def _read_file(file: Path) -> dict[str, str]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"The settings file {file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"The settings file {file} is not valid TOML: {error}.") from None
    for name, value in table.items():
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise ConfigError(f"{name} in {file} is {value!r}: use a text or a whole number.")
    return {name: str(value) for name, value in table.items()}
