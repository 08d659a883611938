"""The container image's recipe: what it promises to those who run it. The image itself is not built here."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import Running, free_port
from ytproxy.config import load

ROOT = Path(__file__).parents[1]
Instruction = tuple[str, str]


@pytest.fixture(scope="module")
def stages() -> list[list[Instruction]]:
    """The Dockerfile's instructions, stage by stage, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    found: list[list[Instruction]] = []
    for name, _, rest in (line.partition(" ") for line in lines if line.strip()):
        if name == "FROM":
            found.append([])
        found[-1].append((name, " ".join(rest.split())))
    return found


@pytest.fixture(scope="module")
def image(stages: list[list[Instruction]]) -> dict[str, str]:
    """Of the last stage, the last of each instruction: that is the one that counts."""
    return dict(stages[-1])


@pytest.fixture(scope="module")
def environment(image: dict[str, str]) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in image["ENV"].split())


def health(image: dict[str, str], port: int) -> int:
    """Exit status of the image's own health check for a server on *port*."""
    command = json.loads(image["HEALTHCHECK"].partition("CMD ")[2])
    assert command[0] == "python"
    environ = {"YTPROXY_PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run([sys.executable, *command[1:]], env=environ, capture_output=True, check=False).returncode


def test_hadolint_finds_nothing() -> None:
    command = [str(Path(sys.executable).parent / "hadolint"), "Dockerfile"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_server_runs_as_a_numbered_user_without_rights(image: dict[str, str]) -> None:
    # A number, not a name: only so can an orchestrator see that it is not root.
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", image["USER"])


def test_the_image_is_the_command(image: dict[str, str]) -> None:
    assert json.loads(image["ENTRYPOINT"]) == ["ytproxy"]
    assert json.loads(image["CMD"]) == ["serve"]
    assert image["STOPSIGNAL"] == "SIGTERM"


def test_every_setting_in_the_image_is_one_that_the_server_knows(environment: dict[str, str]) -> None:
    settings = load(environ=environment)
    assert settings.host == "0.0.0.0"
    assert settings.port == 8080
    assert str(settings.cache_dir) == "/var/cache/ytproxy"


def test_only_the_cache_is_written(image: dict[str, str], environment: dict[str, str]) -> None:
    assert image["VOLUME"] == environment["YTPROXY_CACHE_DIR"]
    assert image["EXPOSE"] == environment["YTPROXY_PORT"]
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_the_finished_image_takes_over_nothing_but_the_environment(stages: list[list[Instruction]]) -> None:
    assert len(stages) == 2
    assert [rest for name, rest in stages[-1] if name in ("COPY", "ADD")] == ["--from=build /opt/venv /opt/venv"]


def test_the_health_check_tells_a_server_that_is_up_from_one_that_is_not(
    image: dict[str, str], serve: Callable[..., Running]
) -> None:
    assert health(image, serve(workers=1).port) == 0
    assert health(image, free_port()) != 0


def test_the_build_gets_what_it_copies_and_nothing_else(stages: list[list[Instruction]]) -> None:
    copied = {word for name, rest in stages[0] if name == "COPY" for word in rest.split()[:-1]}
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)
