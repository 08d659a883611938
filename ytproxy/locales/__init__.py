"""What visitors read: one JSON catalogue a language, the same keys in each. A new language is a new file."""

import json
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, TypeAlias

Catalogue: TypeAlias = Mapping[str, str]
Direction: TypeAlias = Literal["ltr", "rtl"]


def _read() -> dict[str, Catalogue]:
    found = {f.name.removesuffix(".json"): f for f in files(__name__).iterdir() if f.name.endswith(".json")}
    return {
        lang: MappingProxyType(json.loads(file.read_text(encoding="utf-8"))) for lang, file in sorted(found.items())
    }


_CATALOGUES = _read()

LANGUAGES: tuple[str, ...] = tuple(_CATALOGUES)


def catalogue(lang: str) -> Catalogue:
    """The texts in *lang*. Raises KeyError outside LANGUAGES: callers choose among those first."""
    return _CATALOGUES[lang]


def direction(lang: str) -> Direction:
    """Which way *lang* is written, for the dir attribute of a page."""
    return "rtl" if catalogue(lang)["direction"] == "rtl" else "ltr"
