"""Starts the run in namespaces of its own and reads what it saw."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

RUN_TIMEOUT_S = 540
_TOOLS = {"chromium": "chromium", "unshare": "util-linux", "ip": "iproute2", "mount": "mount"}
_UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


class CannotRun(Exception):
    """The privacy test could not be carried out. The message says why, and the cure where there is one."""


def see(results: Path) -> dict[str, Any]:
    """What the run wrote to *results*. Raises CannotRun; nothing that was started outlives the call."""
    for tool, package in _TOOLS.items():
        if not shutil.which(tool):
            raise CannotRun(f"The privacy test needs `{tool}`, which is not installed. Run: apt-get install {package}")
    unshare = _UNSHARE if os.geteuid() == 0 else [*_UNSHARE, "--map-root-user"]
    allowed = subprocess.run([*unshare, "true"], capture_output=True, text=True, timeout=20)
    if allowed.returncode:
        raise CannotRun(
            "The privacy test needs a network namespace, which this machine does not allow "
            f"({allowed.stderr.strip()}). Run it as root, in a container with --cap-add SYS_ADMIN."
        )
    try:
        run = subprocess.run(
            [*unshare, sys.executable, "-m", "tests.privacy.inside", str(results)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise CannotRun(f"The privacy test did not end within {RUN_TIMEOUT_S} s.") from None
    if run.returncode:
        raise CannotRun(f"The privacy test broke off. Its last words: {run.stderr.strip()[-3000:]}")
    report: dict[str, Any] = json.loads(results.read_text())
    return report
