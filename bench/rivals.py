"""The servers beside ours: the same addresses, bytes and headers from nginx, a bare dictionary and Flask."""

import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from flask import Flask, Response, request

from tests.running import Running, free_port
from tests.youtube import FakeYouTube
from ytproxy import server
from ytproxy.config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

WORKERS = 2
FLASK_THREADS = 8
_ANSWERS = "BENCH_ANSWERS"  # names, in the environment of a rival, the file with the answers
_BY_SERVERS = {"connection", "date"}
_BY_NGINX = {"content-length", "content-type", "etag", "server"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What ours sent, and every rival sends again. Names of headers are in small letters."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Server:
    """A server under way, by the id of its first process."""

    url: str
    pid: int


def ours(folder: Path, youtube: FakeYouTube) -> Running:
    """Our server as `ytproxy serve` runs it, on an empty cache in *folder*, asking *youtube*."""
    return Running(
        {
            "cache_dir": str(folder / "cache"),
            "workers": str(WORKERS),
            "miss_rate_limit": "0,0",  # all load comes from one address
            "upstream_proxy": youtube.proxy_url,
            "upstream_ca_file": youtube.ca_file,
        }
    )


def learn(url: str, paths: Iterable[str], headers: Mapping[str, str]) -> dict[str, Answer]:
    """Our answers, asked for often enough that each worker has them in memory afterwards."""
    answers = {}
    for path in paths:
        for _ in range(40):
            told = requests.get(url + path, headers=dict(headers), timeout=30)
            told.raise_for_status()
        kept = {name.lower(): value for name, value in told.headers.items() if name.lower() not in _BY_SERVERS}
        answers[path] = Answer(kept, told.content)
    return answers


@contextmanager
def nginx(folder: Path, answers: Mapping[str, Answer]) -> Iterator[Server]:
    """nginx on files, set for speed: no log, sendfile, open files and connections kept."""
    port = free_port()
    locations = []
    for path, answer in answers.items():
        file = folder / "www" / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(answer.body)
        kind = answer.headers["content-type"]
        more = " ".join(
            f'add_header {name} "{value}";' for name, value in answer.headers.items() if name not in _BY_NGINX
        )
        locations.append(f'location = {path} {{ types {{}} default_type "{kind}"; {more} }}')
    for made in (folder, *(folder / "www").rglob("*"), folder / "www"):
        made.chmod(0o755 if made.is_dir() else 0o644)  # its workers may run as somebody else
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    conf = folder / "nginx.conf"
    conf.write_text(
        f"""worker_processes {WORKERS}; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
        events {{ worker_connections 4096; }}
        http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; etag on; server_tokens off;
          open_file_cache max=100; {temporary}
          server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}/www; {" ".join(locations)} }} }}""",
        encoding="utf-8",
    )
    with _process(["nginx", "-c", str(conf)], port, {}) as found:
        yield found


@contextmanager
def dictionary(folder: Path, answers: Mapping[str, Answer]) -> Iterator[Server]:
    """A look-up and nothing else, under our server's own settings: the most that Python can do behind it."""
    port = free_port()
    with _process([sys.executable, "-m", "bench.rivals", str(port)], port, _kept(folder, answers)) as found:
        yield found


@contextmanager
def flask(folder: Path, answers: Mapping[str, Answer]) -> Iterator[Server]:
    """A plain Flask view under gunicorn with threads."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "bench.rivals:flask_application()", "--log-level", "error"]
    command += ["--worker-class", "gthread", "--workers", str(WORKERS), "--threads", str(FLASK_THREADS)]
    command += ["--bind", f"127.0.0.1:{port}", "--backlog", "4096", "--keep-alive", "60"]
    with _process(command, port, _kept(folder, answers)) as found:
        yield found


def flask_application() -> Flask:
    """One view that sends what it has in memory."""
    app = Flask("plain", static_folder=None)
    answers = _read()

    @app.get("/<path:path>")
    def view(path: str) -> Response:
        answer = answers["/" + path]
        response = Response(answer.body, headers=answer.headers)
        response.make_conditional(request.environ)
        return response

    return app


def dictionary_application(_settings: Settings) -> "WSGIApplication":
    """The least that answers a path, and If-None-Match."""
    answers = {path: (told.headers["etag"], list(told.headers.items()), told.body) for path, told in _read().items()}

    def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        etag, headers, body = answers[environ["PATH_INFO"]]
        if environ.get("HTTP_IF_NONE_MATCH") == etag:
            start_response("304 Not Modified", [("etag", etag), ("server", "ytproxy")])
            return []
        start_response("200 OK", headers)
        return [body]

    return application


def _kept(folder: Path, answers: Mapping[str, Answer]) -> dict[str, str]:
    file = folder / "answers"
    file.write_bytes(pickle.dumps(dict(answers)))
    return {_ANSWERS: str(file)}


def _read() -> dict[str, Answer]:
    answers: dict[str, Answer] = pickle.loads(Path(os.environ[_ANSWERS]).read_bytes())
    return answers


@contextmanager
def _process(command: list[str], port: int, environ: dict[str, str]) -> Iterator[Server]:
    # A session of its own, as ours has: Linux gives each its share of the processors, and wrk's is another.
    process = subprocess.Popen(command, env=os.environ | environ, start_new_session=True)
    try:
        give_up = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 2).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError(f"{command[0]} did not come up") from None
                time.sleep(0.05)
        yield Server(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    from bench import rivals  # under the name by which the answers were pickled

    server.serve(Settings(port=int(sys.argv[1]), workers=WORKERS), rivals.dictionary_application)
