"""Live Events posted over HTTP, signed and plain: ``python -m bench.live_events_http``.

The real agent on one core, a load client and the broker on the other. First as many posts as it
takes, one event each; then half of the rate that is asked of it, for the time to an answer.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

import psutil
from joserfc import jws
from joserfc.jwk import RSAKey

from bench.installation import Installation, installation, varied
from bench.measure import leave_measured_core
from bench.stage_run import cpu_s, start, stop
from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.files import simulate

BODIES: Final = 2_000
SECRET: Final = "for-the-bench"  # noqa: S105 - nobody's
TARGETS: Final = {"signed": 2_000, "plain": 4_000}
"""Events a second and core."""


def main() -> None:
    """Measure both, print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m bench.live_events_http", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--only", nargs="+", choices=list(TARGETS), default=list(TARGETS))
    given = parser.parse_args()
    leave_measured_core()
    figures = dict[str, Any]()
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-http-") as name:
        directory = Path(name)
        events = _events(directory)
        with installation(directory / "stack", lambda _: None) as installed:
            for kind in given.only:
                figures |= _measured(kind, events, installed, directory, given.seconds)
    print(json.dumps(figures, indent=1))


def _events(directory: Path) -> list[bytes]:
    """Return events as Canvas writes them: a simulated university's."""
    simulate(SimulationConfig(users=300, hours=6), directory / "canvas", lambda _hours: None)
    lines: list[bytes] = []
    for path in sorted((directory / "canvas" / "live_events").glob("*")):
        lines += path.read_bytes().splitlines()
    return lines[:: max(len(lines) // BODIES, 1)][:BODIES]


def _measured(
    kind: str, events: list[bytes], installed: Installation, directory: Path, seconds: float
) -> dict[str, Any]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bodies, keys = directory / f"{kind}.bodies", directory / "keys.json"
    key = RSAKey.generate_key(2048, {"kid": "bench", "use": "sig", "alg": "RS256"})
    keys.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    head = {"alg": "RS256", "kid": "bench"}
    signed = kind == "signed"
    bodies.write_bytes(
        b"\n".join(
            jws.serialize_compact(head, event, key).encode() if signed else event
            for event in events
        )
    )
    values: dict[str, Any] = {"http_port": port, "http_jwks": str(keys)}
    if not signed:
        values |= {"http_signed": False, "http_path_secret": SECRET}
    address = f"http://127.0.0.1:{port}/live-events" + ("" if signed else f"/{SECRET}")
    command = [sys.executable, "-m", "pipeline", "ingest", "live-events-http"]
    with (directory / f"{kind}.log").open("wb") as log:
        process = start(command, varied(installed, **values).environment, log.fileno())
        try:
            _wait_until_ready(port, process)
            agent = psutil.Process(process.pid)
            _load(address, bodies, seconds=2.0)
            before = cpu_s(agent)
            most = _load(address, bodies, seconds=seconds)
            per_core = sum(most["answered"].values()) / (cpu_s(agent) - before)
            paced = _load(address, bodies, seconds=seconds, rate=TARGETS[kind] / 2)
        finally:
            stop(process)
    return {
        f"{kind}_bytes_each": sum(map(len, events)) // len(events),
        f"{kind}_events_per_s_core": round(per_core),
        f"{kind}_at_most": most,
        f"{kind}_at_half_the_target": paced,
    }


def _load(
    address: str, bodies: Path, *, seconds: float, rate: float | None = None
) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.http_load", address, str(bodies)]
    command += ["--seconds", str(seconds)] + ([] if rate is None else ["--rate", str(rate)])
    before = _stolen_s()
    done = subprocess.run(command, check=True, capture_output=True, timeout=seconds + 60)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer | {"stolen_s": round(_stolen_s() - before, 2)}


def _stolen_s() -> float:
    """Return the time that the hypervisor has given to others while a core of ours had work."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise SystemExit(f"the agent ended with {process.returncode}")


if __name__ == "__main__":
    main()
