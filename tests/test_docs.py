"""The documents say what is there: every setting, command and address, and no other."""

import re
from pathlib import Path

from ytproxy import config
from ytproxy.cli import cli
from ytproxy.config import Settings
from ytproxy.images import LANDSCAPE_WIDTHS_PX, LEGACY_SIZES_PX, PORTRAIT_WIDTHS_PX
from ytproxy.web.address import Door

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def rows(section: str) -> list[list[str]]:
    """The cells of the first table of a section, without its head."""
    text = REFERENCE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    end = next((number for number, line in enumerate(lines[2:], 2) if line.startswith("|---")), len(lines) + 1) - 1
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:end]]


def test_every_setting_is_in_the_reference_and_no_other() -> None:
    assert [row[0].strip("`").lower() for row in rows("Settings")] == list(config.NAMES)


def test_the_defaults_in_the_reference_are_those_in_force() -> None:
    told = {row[0].strip("`").lower(): row[1] for row in rows("Settings")}
    for name, default in (("host", "127.0.0.1"), ("port", "8080"), ("thumbnails", "on"), ("default_language", "en")):
        assert told[name] == f"`{default}`"
        assert str(getattr(Settings(), name)) == default
    assert told["refresh_after_s"] == f"`{Settings().refresh_after_s}`"
    assert told["max_age_s"] == f"`{Settings().max_age_s}`"
    assert told["max_upstream_inflight"] == f"`{Settings().max_upstream_inflight}`"
    assert told["cache_max_bytes"] == f"{Settings().cache_max_bytes // 10**9} GB"
    assert told["memory_max_bytes"] == f"{Settings().memory_max_bytes // 10**6} MB"


def test_every_command_is_in_the_reference_and_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in cli.commands:
        assert f"`ytproxy {command}" in REFERENCE
        assert f"`ytproxy {command}" in readme


def test_every_door_width_and_name_is_in_the_reference() -> None:
    addresses = " ".join(cell for row in rows("Addresses") for cell in row)
    for door in Door:
        assert f"/{door}" in addresses
    for width_px in LANDSCAPE_WIDTHS_PX + PORTRAIT_WIDTHS_PX:
        assert str(width_px) in addresses
    for name in LEGACY_SIZES_PX:
        assert name in addresses


def test_links_between_documents_lead_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "integrations").glob("*/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}, which is not there"


def test_every_test_named_in_a_document_exists() -> None:
    named = [
        (document.name, path, test)
        for document in (ROOT / "docs").glob("*.md")
        for path, test in re.findall(r"(tests/\w+\.py)::(test_\w+)", document.read_text(encoding="utf-8"))
    ]
    assert len(named) > 10
    for document, path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), f"{document} names {path}::{test}"
