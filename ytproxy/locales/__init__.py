"""What visitors read: one JSON catalogue a language, the same keys in each. A new language is a new file.

The owner's own words, single keys of a language, are laid over these once, at the start (`read`).
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeAlias

Catalogue: TypeAlias = Mapping[str, str]
Texts: TypeAlias = Mapping[str, Catalogue]  # by language
Direction: TypeAlias = Literal["ltr", "rtl"]

_BRACES = re.compile(r"\{[^{}]*\}|[{}]")


def _read_shipped() -> Texts:
    found = {f.name.removesuffix(".json"): f for f in files(__name__).iterdir() if f.name.endswith(".json")}
    return MappingProxyType(
        {lang: MappingProxyType(json.loads(file.read_text(encoding="utf-8"))) for lang, file in sorted(found.items())}
    )


SHIPPED = _read_shipped()

LANGUAGES: tuple[str, ...] = tuple(SHIPPED)
OTHER_NAMES = MappingProxyType({"no": "nb", "nn": "nb", "iw": "he"})  # what browsers and YouTube call some of them


def catalogue(lang: str) -> Catalogue:
    """The shipped texts in *lang*. Raises KeyError outside LANGUAGES: callers choose among those first."""
    return SHIPPED[lang]


def direction(lang: str) -> Direction:
    """Which way *lang* is written, for the dir attribute of a page."""
    return "rtl" if catalogue(lang)["direction"] == "rtl" else "ltr"


def read(folder: Path | None) -> Texts:
    """The shipped texts, with those in *folder* in their places: files such as `de.json` with some of a catalogue's
    keys. Raises ValueError, whose message is a clause with the cure, where one of them has no place or does not fit.
    """
    if folder is None:
        return SHIPPED
    try:
        own = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except (OSError, ValueError):
        raise ValueError("use a folder that can be read, with files such as de.json") from None
    for path in own:
        if path.stem not in LANGUAGES:
            right = _nearest(path.stem, LANGUAGES)
            raise ValueError(f"use {right}.json, or the name of another of our languages, in place of {path.name}")
    return MappingProxyType({**SHIPPED, **{path.stem: _with_own(path) for path in own}})


def _with_own(path: Path) -> Catalogue:
    """The texts of one language, the owner's among them. Raises ValueError."""
    shipped = SHIPPED[path.stem]
    try:
        own = dict(json.loads(path.read_text(encoding="utf-8")).items())
    except OSError:
        raise ValueError(f"use a file that can be read for {path.name}") from None
    except (ValueError, AttributeError, RecursionError):
        raise ValueError(f'use JSON in UTF-8 for {path.name}, such as {{"play": "Start:"}}') from None
    for key, text in own.items():
        if key == "direction":
            raise ValueError(f"use no 'direction' in {path.name}, for a language is written one way")
        if key not in shipped:
            raise ValueError(f"use {_nearest(key, shipped)!r} in place of {key!r} in {path.name}")
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"use a text for {key!r} in {path.name}, in place of {text!r}")
        wanted = sorted(_BRACES.findall(shipped[key]))
        if sorted(_BRACES.findall(text)) != wanted:
            braces = " and ".join((*wanted, "no other braces")) if wanted else "no braces"
            raise ValueError(f"use {braces} in {key!r} in {path.name}")
    return MappingProxyType({**shipped, **own})


def _nearest(wrong: str, right: Iterable[str]) -> str:
    return difflib.get_close_matches(wrong, list(right), n=1, cutoff=0)[0]
