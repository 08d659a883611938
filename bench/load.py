"""Load from wrk, and what a server's processes cost meanwhile."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# What Chromium sends with a picture or a frame: a server has to read it, so a fair load contains it.
BROWSER = {
    "Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "de-DE,de;q=0.9,en;q=0.8",
    "Referer": "https://blog.example.org/",
    "Sec-Fetch-Dest": "image",
    "Sec-Fetch-Mode": "no-cors",
    "Sec-Fetch-Site": "cross-site",
    "User-Agent": "Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
}
_REPORT = """
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('JSON{"requests":%d,"duration_s":%f,"p50_ms":%f,"p99_ms":%f,"failed":%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. *cpu_us* is processor time of the server's processes for one request."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Memory:
    """A worker's memory: all that it maps, and its fair share of what it shares with others."""

    rss_bytes: int
    pss_bytes: int


def load(
    url: str,
    pid: int,
    *,
    connections: int,
    seconds: int,
    headers: Mapping[str, str] = BROWSER,
    pause_ms: int = 0,
) -> Measured:
    """One run of wrk against the server whose first process is *pid*. *pause_ms*: between the requests of a connection,
    on average. Raises RuntimeError where a request failed or was answered with an error."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_REPORT)
        if pause_ms:
            script.write(f"delay = function() return math.random(0, {2 * pause_ms}) end")
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name]
        command += [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        before_s = _cpu_s(pid)
        printed = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
        spent_s = _cpu_s(pid) - before_s
    found = re.search(r"JSON(\{.*\})", printed)
    if not found:
        raise RuntimeError(f"wrk did not report:\n{printed}")
    told = json.loads(found[1])
    if told["failed"] or not told["requests"]:
        raise RuntimeError(f"{url}: {told['failed']} of {told['requests']} requests failed")
    return Measured(
        told["requests"] / told["duration_s"], told["p50_ms"], told["p99_ms"], spent_s / told["requests"] * 1e6
    )


def memory_a_worker(pid: int) -> Memory:
    """The mean of the workers of the server whose first process is *pid*."""
    rolled = [Path(f"/proc/{child}/smaps_rollup").read_text(encoding="ascii") for child in _workers(pid)]

    def mean(name: str) -> int:
        return (
            sum(int(re.findall(rf"^{name}: +(\d+) kB", text, re.MULTILINE)[0]) for text in rolled) * 1024 // len(rolled)
        )

    return Memory(mean("Rss"), mean("Pss"))


def _workers(pid: int) -> list[int]:
    """Its child processes, but for the one that Python starts to tidy up after them."""
    children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())
    return [child for child in children if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes()]


def _cpu_s(pid: int) -> float:
    ticks = 0
    for process in (pid, *_workers(pid)):
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # user and system time
    return ticks / os.sysconf("SC_CLK_TCK")
