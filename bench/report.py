"""What a benchmark prints: where it ran, and Markdown tables."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path


def need(**packages: str) -> None:
    """Ends the benchmark with the cure where a command is missing. *packages*: Debian's package of each command."""
    for command, package in packages.items():
        if not shutil.which(command):
            sys.exit(f"{command} is needed; on Debian: apt-get install {package}")


def where() -> str:
    """The machine, in a line: without it the figures mean nothing."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return (
        f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), Linux {platform.release()}, "
        f"Python {platform.python_version()}, Granian {version('granian')}, Pillow {version('pillow')}; "
        f"load average at the start {os.getloadavg()[0]:.2f}"
    )


def nginx_version() -> str:
    """As in "nginx 1.22.1"."""
    printed = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    return printed.strip().rpartition(": ")[2].replace("/", " ")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A Markdown table: the first column is text, the others are figures."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    for line in (lines[0], rule, *lines[1:]):
        first, *rest = zip(line, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
        print(f"| {' | '.join(cells)} |", flush=True)
    print(flush=True)
