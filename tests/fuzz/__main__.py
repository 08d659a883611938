"""Runs one target until a finding, or until the time is over."""

import argparse
import tempfile
from pathlib import Path

import atheris

import tests.fuzz

with atheris.instrument_imports(include=["ytproxy", "urllib"]):
    from tests.fuzz.targets import TARGETS

parser = argparse.ArgumentParser(
    prog="python -m tests.fuzz", description=tests.fuzz.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("target", choices=TARGETS)
parser.add_argument("--seconds", type=int, default=60)
chosen = parser.parse_args()
target = TARGETS[chosen.target]()
folder = Path(tempfile.mkdtemp(prefix="ytproxy-fuzz-"))
for number, sample in enumerate(target.samples):
    (folder / f"sample-{number}").write_bytes(sample)
bounds = [f"-max_total_time={chosen.seconds}", f"-max_len={target.max_bytes}", "-timeout=20", "-rss_limit_mb=1500"]
atheris.Setup(["tests.fuzz", *bounds, f"-artifact_prefix={folder}/found-", str(folder)], target.feed)
atheris.Fuzz()
