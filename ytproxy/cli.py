"""The command line. Thin: each command reads its settings and calls the room that does the work."""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from ytproxy import __version__, checkup, config, policy, snippets
from ytproxy.config import Settings
from ytproxy.errors import ConfigError, InvalidInput, YtproxyError
from ytproxy.gate import Videos
from ytproxy.images import WIDTHS_PX, Format, Variant
from ytproxy.links import find_targets
from ytproxy.locales import LANGUAGES, catalogue
from ytproxy.posters import Posters
from ytproxy.previews import Previews
from ytproxy.store.folder import FolderStore
from ytproxy.web import connect
from ytproxy.youtube import VideoId, parse

_WARM_AT_ONCE = 4
_TEXT_FILES = frozenset({".html", ".htm", ".md", ".markdown", ".txt", ".xml", ".rst", ".adoc", ".json"})


def main() -> None:
    """Entry point: errors made on purpose become one sentence on stderr and an exit status."""
    logging.basicConfig(format="ytproxy: %(message)s", level=logging.WARNING)
    try:
        cli(prog_name="ytproxy")
    except (ConfigError, InvalidInput) as error:
        _exit(error, 2)
    except YtproxyError as error:
        _exit(error, 1)


def _exit(error: YtproxyError, status: int) -> None:
    click.echo(f"ytproxy: {error}", err=True)
    sys.exit(status)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ytproxy")
def cli() -> None:
    """Keeps YouTube out of a page until the visitor asks for it.

    Settings come from the command line, else from YTPROXY_… variables, else from a TOML file (--config).
    """


def _with_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command --config and the options *names*, and calls it with the Settings made of them."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(*, config_file: Path | None, **options: Any) -> None:
            given = {name: options.pop(name) for name in names}
            command_line = {name: text for name, text in given.items() if text is not None}
            command(config.load(command_line=command_line, file=config_file), **options)

        helps = config.help_texts()
        for name in reversed(names):
            run = click.option(f"--{name.replace('_', '-')}", name, metavar="VALUE", help=helps[name])(run)
        return click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path),
            help="TOML file with settings, their names in lower case.",
        )(run)

    return decorate


_STORE_SETTINGS = ("cache_dir", "cache_max_bytes")
_UPSTREAM_SETTINGS = ("upstream_proxy", "upstream_ca_file")


@cli.command(epilog="Example: ytproxy serve --port 9000 --cache-dir /var/cache/ytproxy")
@_with_settings(*config.NAMES)
def serve(settings: Settings) -> None:
    """Run the server."""
    from ytproxy import server  # the other commands need no web server

    with _store(settings) as store:
        store.generation()  # a fault of the folder is told now, not by a worker later
    address = f"[{settings.host}]" if ":" in settings.host else settings.host
    click.echo(
        f"ytproxy {__version__} on http://{address}:{settings.port}/ with {settings.workers} workers",
        err=True,
    )
    click.echo(f"cache: {settings.cache_dir}, at most {settings.cache_max_bytes:,} bytes; no access log", err=True)
    click.echo(f"shows: {_admitted(settings)}", err=True)
    server.serve(settings)


def _admitted(settings: Settings) -> str:
    """In one line, what strangers can make this server fetch."""
    a_network, overall = settings.miss_rate_limit
    if settings.signing_key:
        shown = "signed addresses"
    elif settings.allowed_channels:
        shown = f"videos of {', '.join(sorted(settings.allowed_channels))}"
    elif settings.allowed_videos is not None:
        return f"{len(settings.allowed_videos)} listed videos, fetched on a schedule"
    else:
        shown = "any video, for anybody"
    limits = [f"{limit} {what}" for limit, what in ((a_network, "for a network"), (overall, "in all")) if limit]
    return f"{shown}; new ones a minute: {', '.join(limits) or 'no limit'}"


@cli.command(epilog="Example: ytproxy warm jNQXAC9IVRw https://youtu.be/jNQXAC9IVRw ./public")
@_with_settings(*_STORE_SETTINGS, *_UPSTREAM_SETTINGS)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
def warm(settings: Settings, sources: tuple[str, ...]) -> None:
    """Fetch previews ahead.

    A SOURCE is a video id, a YouTube URL, a file or folder to search for YouTube links (HTML, Markdown, sitemap …),
    or - for standard input.
    """
    videos = dict(_videos(sources))
    failures: list[str] = []
    with (
        _previews(settings) as previews,
        ThreadPoolExecutor(_WARM_AT_ONCE) as threads,
        _progress() as progress,
    ):
        task = progress.add_task("warming", total=len(videos))
        running = {threads.submit(_warm, previews, video, short): video for video, short in videos.items()}
        for done in as_completed(running):
            video = running[done].text
            try:
                title = done.result()
            except YtproxyError as error:
                failures.append(f"{video}: {error}")
            else:
                if not progress.console.is_terminal:
                    progress.console.print(f"{video}  {title}", markup=False, highlight=False)
            progress.advance(task)
    click.echo(f"{len(videos) - len(failures)} of {len(videos)} previews are ready.")
    if failures:
        for line in sorted(failures):
            click.echo(line, err=True)
        sys.exit(1)


def _warm(previews: Previews, video: VideoId, short: bool) -> str:
    """Everything that current browsers ask for. Returns the title."""
    details = previews.details(video, short=short)
    for width_px in WIDTHS_PX[details.shape] if previews.shows_picture(video) else ():
        previews.thumbnail(video, Variant(details.shape, width_px, Format.AVIF))
    return details.title


def _videos(sources: Iterable[str]) -> Iterator[tuple[VideoId, bool]]:
    """Videos, and whether a link said that it is a Short."""
    for source in sources:
        path = Path(source)
        if source == "-":
            yield from _found(sys.stdin.read(), "standard input")
        elif path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.suffix.lower() in _TEXT_FILES and file.is_file():
                    yield from _found(file.read_text(encoding="utf-8", errors="replace"), None)
        elif path.is_file():
            yield from _found(path.read_text(encoding="utf-8", errors="replace"), source)
        elif (target := parse(source)).video:
            yield target.video, target.short
        else:
            raise InvalidInput(f"{source} is a playlist: previews are fetched ahead for videos only.")


def _found(text: str, name: str | None) -> Iterator[tuple[VideoId, bool]]:
    videos = [(target.video, target.short) for target in find_targets(text) if target.video]
    if name and not videos:
        raise InvalidInput(f"No YouTube link and no video id was found in {name}.")
    yield from videos


@cli.command(epilog="Example: ytproxy purge jNQXAC9IVRw")
@_with_settings(*_STORE_SETTINGS)
@click.option("--all", "everything", is_flag=True, help="Forget all videos and playlists.")
@click.argument("videos", nargs=-1, metavar="[VIDEO]…")
def purge(settings: Settings, videos: tuple[str, ...], everything: bool) -> None:
    """Forget videos, in every running worker within two seconds. VIDEO is an id or any YouTube URL."""
    if everything == bool(videos):
        raise click.UsageError("name the videos to forget, or give --all.")
    subjects = [target.video or target.playlist for target in map(parse, videos)]
    with _store(settings) as store:
        forgotten = store.purge_all() if everything else sum(store.purge(subject) for subject in subjects if subject)
    click.echo(f"Forgotten: {forgotten}.")


@cli.command(epilog="Example: ytproxy stats --json")
@_with_settings(*_STORE_SETTINGS)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def stats(settings: Settings, as_json: bool) -> None:
    """Tell what the cache holds."""
    with _store(settings) as store:
        found = store.stats()
    facts = {
        "videos": found.videos,
        "playlists": found.playlists,
        "files": found.entries,
        "bytes": found.bytes,
        "max_bytes": settings.cache_max_bytes,
        "oldest_s": found.oldest_s,
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    table = Table("what", "number", title=f"cache in {settings.cache_dir}")
    table.columns[1].justify = "right"
    for name, number in facts.items():
        table.add_row(name, "–" if number is None else f"{number:,.0f}")
    Console().print(table)


@cli.command(epilog="Example: ytproxy doctor")
@_with_settings(*config.NAMES)
def doctor(settings: Settings) -> None:
    """Check settings, cache and the way to YouTube, and say the cure for each fault."""
    console = Console()
    results = checkup.run(settings, connect(settings))
    for result in results:
        console.print("ok   " if result.fault is None else "FAULT", result.name, markup=False, highlight=False)
        if result.fault:
            console.print(f"      {result.fault}", markup=False, highlight=False, soft_wrap=True)
    if any(result.fault for result in results):
        sys.exit(1)


@cli.command(epilog="Example: ytproxy sign jNQXAC9IVRw --days 30")
@_with_settings("signing_key", "public_url")
@click.option("--days", type=click.IntRange(1, 3_650), help="How long the address holds; for good without.")
@click.argument("videos", nargs=-1, required=True, metavar="VIDEO…")
def sign(settings: Settings, videos: tuple[str, ...], days: int | None) -> None:
    """Print signed addresses, for a server with a signing key. VIDEO is an id or any YouTube URL, playlists too."""
    if not settings.signing_key:
        raise ConfigError("There is no key to sign with. Set YTPROXY_SIGNING_KEY to the server's.")
    gate = Videos(keys=settings.signing_key)
    until = int(time.time()) + days * config.DAY_S if days else 0
    base = _base(settings)
    for target in map(parse, videos):
        if subject := target.video or target.playlist:
            path = target.video.text if target.video else f"videoseries?list={subject.text}"
            click.echo(f"{base}/embed/{path}{'&' if '?' in path else '?'}sig={gate.sign(subject, until=until)}")


@cli.command(epilog="Example: ytproxy snippet https://youtu.be/jNQXAC9IVRw --as markdown --start 0:05")
@_with_settings("public_url", "host", "port", "signing_key")
@click.option(
    "--as", "kind", type=click.Choice(list(snippets.KINDS)), default="iframe", show_default=True, help="Kind."
)
@click.option("--title", default="", help="The video's title, for those who do not see the picture.")
@click.option(
    "--start", default="", help="Where the video starts, such as 90, 1m30s or 1:30; else where the link says."
)
@click.option("--lang", type=click.Choice(LANGUAGES), help="Language of the preview; else the visitor's.")
@click.option(
    "--ratio", type=click.Choice(list(snippets.RATIOS)), help="Aspect ratio; without it 9:16 for a Short, else 16:9."
)
@click.argument("link", metavar="URL")
def snippet(
    settings: Settings, link: str, kind: str, title: str, start: str, lang: str | None, ratio: str | None
) -> None:
    """Print ready code for a video or playlist. URL is any YouTube URL or an id."""
    start_s = snippets.start_time(start)
    if start and start_s is None:
        raise InvalidInput(f"{start[:40]!r} is no start time. Use seconds or a time such as 1m30s or 1:30.")
    embed = snippets.read(
        link,
        base=_base(settings),
        title=title,
        start_s=start_s,
        lang=lang or "",
        ratio=ratio or "",
        words=catalogue(lang or "en"),
    )
    if (subject := embed.video or embed.params.playlist) and settings.signing_key:
        embed = replace(embed, signature=Videos(keys=settings.signing_key).sign(subject))
    click.echo(snippets.code(kind, embed))
    if not settings.public_url:
        click.echo(f"ytproxy: this leads to {embed.base}. Set YTPROXY_PUBLIC_URL to your server's address.", err=True)


@cli.command("policy", epilog="Example: ytproxy policy --lang de")
@_with_settings(*config.NAMES)
@click.option("--lang", default="en", show_default=True, help="Language: de or en.")
def print_policy(settings: Settings, lang: str) -> None:
    """Print the section for your privacy policy that is true for these settings."""
    click.echo(policy.markdown(settings, lang), nl=False)


def _base(settings: Settings) -> str:
    """The address that browsers know the server by; without a public one, that of this machine."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return settings.public_url or f"http://{host}:{settings.port}"


@contextmanager
def _store(settings: Settings) -> Iterator[FolderStore]:
    store = FolderStore(settings.cache_dir, max_bytes=settings.cache_max_bytes)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _previews(settings: Settings) -> Iterator[Previews]:
    previews = Previews(
        FolderStore(settings.cache_dir, max_bytes=settings.cache_max_bytes),
        connect(settings),
        refresh_after_s=settings.refresh_after_s,
        max_age_s=settings.max_age_s,
        memory_max_bytes=32_000_000,
        renders=settings.workers,
        posters=Posters(settings.poster_dir) if settings.poster_dir else None,
        thumbnails=settings.thumbnails == "on",
    )
    try:
        yield previews
    finally:
        previews.close()


def _progress() -> Progress:
    console = Console(stderr=sys.stderr.isatty())
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        disable=not console.is_terminal,
    )
