"""The page about threats names tests that exist, for every threat."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROWS = re.findall(
    r"^\| (T\d+) \|(.*)\|(.*)\|(.*)\|$", (ROOT / "docs" / "security.md").read_text(encoding="utf-8"), re.M
)


def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_all_twenty_four_threats_are_there_with_what_stands_against_them() -> None:
    assert [name for name, *_ in ROWS] == [f"T{number}" for number in range(1, 25)]
    assert all(cell.strip() for row in ROWS for cell in row)


def test_every_test_named_exists_and_every_threat_names_one() -> None:
    for name, _threat, _defence, shown_by in ROWS:
        named = re.findall(r"`(tests/\w+\.py)::(test_\w+)`", shown_by)
        assert named, f"{name} names no test"
        assert "".join(f"`{path}::{test}`" for path, test in named) == re.sub(r"\s", "", shown_by)
        for path, test in named:
            assert test in functions_of(ROOT / path), f"{name} names {path}::{test}, which is not there"
