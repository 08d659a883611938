"""What is installed from the wheel is whole: it serves from a folder far from the checkout."""

import os
import re
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.running import free_port
from tests.youtube import IDS, FakeYouTube

ROOT = Path(__file__).parents[1]
_UP_WITHIN_S = 20


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by way of the source distribution, so that one is whole too."""
    folder = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a fresh environment with the wheel. The dependencies are borrowed from ours."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    done = run(sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "-q", "--no-deps", wheel)
    assert done.returncode == 0, done.stdout + done.stderr
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def get(url: str) -> tuple[str, str]:
    """Content type and body."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


@contextmanager
def serving(command: Path, folder: Path, youtube: FakeYouTube) -> Iterator[str]:
    """`ytproxy serve` of the installed environment, run in *folder*; yields its address."""
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("YTPROXY_")}
    settings = {
        "YTPROXY_PORT": str(port),
        "YTPROXY_WORKERS": "1",
        "YTPROXY_CACHE_DIR": str(folder / "cache"),
        "YTPROXY_UPSTREAM_PROXY": youtube.proxy_url,
        "YTPROXY_UPSTREAM_CA_FILE": str(youtube.ca_file),
    }
    with (
        (folder / "log").open("w+") as log,
        subprocess.Popen(
            [command, "serve"], cwd=folder, env=environ | settings, stdout=log, stderr=subprocess.STDOUT
        ) as server,
    ):
        url = f"http://127.0.0.1:{port}"
        give_up = time.monotonic() + _UP_WITHIN_S
        try:
            while True:
                try:
                    get(f"{url}/healthz")
                except urllib.error.URLError:
                    words = (folder / "log").read_text()
                    assert server.poll() is None and time.monotonic() < give_up, words  # noqa: PT018
                    time.sleep(0.05)
                else:
                    break
            yield url
        finally:
            server.terminate()


def test_the_wheel_holds_the_browser_files_and_every_file_of_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {path for folder in ("static", "ytproxy") for path in (ROOT / folder).rglob("*") if path.is_file()}
    expected = {path for path in ours if path.suffix != ".pyc"}
    assert len(expected) > 20
    relative = {str(path.relative_to(ROOT)) for path in expected}
    assert {name if name.startswith("ytproxy/") else f"ytproxy/{name}" for name in relative} <= names
    assert not {name for name in names if name.startswith(("tests/", "bench/", "static/"))}


def test_the_installed_command_knows_its_version(installed: Path, tmp_path: Path) -> None:
    told = run(installed / "ytproxy", "--version", cwd=tmp_path)
    assert re.fullmatch(r"ytproxy, version \d+\.\d+\.\d+\n", told.stdout), told.stderr


def test_what_is_installed_does_not_look_into_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import ytproxy, ytproxy.web.static_files as s; print(ytproxy.__file__, s.folder(), sep='\\n')"
    told = run(installed / "python", "-I", "-c", code, cwd=tmp_path)
    files = told.stdout.splitlines()
    assert len(files) == 2, told.stderr
    assert all(Path(file).is_relative_to(installed.parent) for file in files)


@pytest.mark.parametrize("lang", ["de", "en"])
def test_the_installed_server_shows_a_preview_with_its_stylesheet(
    lang: str, installed: Path, youtube: FakeYouTube, tmp_path: Path
) -> None:
    with serving(installed / "ytproxy", tmp_path, youtube) as url:
        kind, page = get(f"{url}/embed/{IDS['landscape']}?lang={lang}")
        assert kind == "text/html; charset=utf-8"
        assert f'<html lang="{lang}"' in page
        (stylesheet,) = re.findall(r'<link rel="stylesheet" href="\.\./([^"]+)"', page)
        kind, styles = get(f"{url}/{stylesheet}")
        assert kind == "text/css; charset=utf-8"
        assert styles == (ROOT / "static/preview.css").read_text()
