"""The house is in order: style, types, layers, docstrings, and nothing in it that belongs to one machine."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ytproxy"

# An import may only point to a lower layer, or stay within its room. A new room needs a place here.
LAYERS = (
    {"", "errors"},  # "": the package itself, which knows its version
    {"youtube", "images", "locales"},
    {"config"},
    {"markup", "store", "upstream", "posters", "policy", "links", "gate"},
    {"previews", "hotpath", "snippets"},
    {"web", "checkup"},
    {"server"},
    {"cli"},
    {"__main__"},
)
LAYER_OF = {room: layer for layer, rooms in enumerate(LAYERS) for room in rooms}

# In pieces, so that this file is not its own finding.
REGISTRIES = (
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("rubygems", "org"),
    ("deb.debian", "org"),
    ("security.debian", "org"),
    ("docker", "io"),
)
_MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:home/(?!somebody\b)|root/|Users/|work/)\w")


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def own_files() -> list[Path]:
    """What git keeps, or would keep."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    assert listed.returncode == 0, listed.stderr
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def room_of(path: Path) -> str:
    """`previews` for ytproxy/previews.py, `web` for ytproxy/web/pages.py, "" for the package itself."""
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imported_rooms(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports within the package are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for package, _, rest in (name.partition(".") for name in names):
            if package == "ytproxy":
                room = rest.partition(".")[0]
                is_module = (PACKAGE / f"{room}.py").is_file() or (PACKAGE / room).is_dir()
                yield room if is_module else ""


def test_ruff_finds_nothing() -> None:
    found = run(sys.executable, "-m", "ruff", "check", ".")
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_file_is_formatted() -> None:
    found = run(sys.executable, "-m", "ruff", "format", "--check", ".")
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_types_are_right() -> None:
    found = run(sys.executable, "-m", "mypy", "-p", "ytproxy")
    assert found.returncode == 0, found.stdout + found.stderr


def test_bandit_finds_nothing() -> None:
    found = run(sys.executable, "-m", "bandit", "-q", "-c", "pyproject.toml", "-r", "ytproxy")
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_dependency_has_a_floor_and_all_but_pillow_a_ceiling() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert all(">=" in wanted for wanted in project["dependencies"])
    assert [wanted for wanted in project["dependencies"] if "," not in wanted] == ["pillow>=12.3"]  # fixes come first


@pytest.mark.needs("git", "shellcheck")
def test_shellcheck_finds_nothing() -> None:
    scripts = [path for path in own_files() if re.match(rb"#!\S*[ /](?:ba)?sh\b", path.read_bytes()[:40])]
    assert ROOT / "run" in scripts
    found = run("shellcheck", *scripts)
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_room_has_a_layer() -> None:
    rooms = {room_of(path) for path in PACKAGE.rglob("*.py")}
    assert rooms == set(LAYER_OF)


def test_an_import_points_to_a_lower_layer_only() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {other or 'ytproxy'}"
        for path in PACKAGE.rglob("*.py")
        for other in imported_rooms(path)
        if other != room_of(path) and LAYER_OF.get(other, 0) >= LAYER_OF.get(room_of(path), 0)
    ]
    assert wrong == []


@pytest.mark.needs("git")
def test_every_python_file_says_what_it_is() -> None:
    files = [path for path in own_files() if path.suffix == ".py" and path.stat().st_size]
    assert len(files) > 20
    assert [path for path in files if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


@pytest.mark.needs("git")
def test_nothing_belongs_to_one_machine() -> None:
    hosts = re.compile("|".join(rf"\b{re.escape('.'.join(parts))}\b" for parts in REGISTRIES))
    found = []
    for path in own_files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        for pattern in (hosts, _MACHINE_PATH):
            found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in pattern.finditer(text)]
    assert found == []
