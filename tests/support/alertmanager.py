"""A real Prometheus Alertmanager, from Debian's package, for as long as a test needs it."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pipeline.local.server import Command, Server

PACKAGE = "prometheus-alertmanager"
SHA256 = {
    "prometheus-alertmanager_0.25.0-1+b4_amd64.deb": (
        "4fb9aed15cfe8e0c32408e643ab32a1e41ee87d2cc26f18aeba928b1b0b98ae7"
    )
}
"""The package that was tried; another release of Debian brings another, which is not started."""

BUILT_IN, PLACED = b"/usr/share/prometheus/alertmanager", b"./sr/share/prometheus/alertmanager"
"""Debian's build reads its templates from where the package is installed. It is not installed
here: in the copy that runs, the path is a relative one of the same length."""

CONFIG = """\
route:
  receiver: test
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: test
    webhook_configs:
      - url: {receiver}
        send_resolved: true
"""


class Alertmanager(Server):
    """One server on the loopback address; it tells ``receiver`` of groups of alerts."""

    title: ClassVar[str] = "Alertmanager"
    port_names: ClassVar[tuple[str, ...]] = ("http",)

    def __init__(self, home: Path, program: Path, receiver: str) -> None:
        super().__init__(home)
        self._program = program
        self._receiver = receiver

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def command(self) -> Command:
        place = self.data_dir / PLACED.decode().split("/")[1]
        if not place.is_symlink():
            place.symlink_to(self._program.parents[1])
        config = self.data_dir / "alertmanager.yml"
        config.write_text(CONFIG.format(receiver=self._receiver))
        options = {
            "config.file": config,
            "storage.path": self.data_dir / "storage",
            "web.listen-address": f"{self.host}:{self.port}",
            "cluster.listen-address": "",
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return Command([str(self._program), *arguments], {})

    def answers(self) -> bool:
        try:
            return self._get("/-/ready")[0] == 200
        except (OSError, HTTPException):
            return False

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that fire now."""
        _, body = self._get("/api/v2/alerts")
        found: list[dict[str, Any]] = json.loads(body)
        return found

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def alertmanager_program() -> Path:
    """Return the program, fetched once through apt; skip the test where that cannot be."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.skip("Alertmanager comes from a Debian package, and there is no apt here")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    home = cache / "canvas-telemetry" / "alertmanager"
    program = home / "unpacked" / "usr" / "bin" / PACKAGE
    if program.is_file():
        return program
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as directory:
        got = subprocess.run(
            ["apt-get", "download", PACKAGE],  # noqa: S607 - where the system has it
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
        )
        packages = list(Path(directory).glob("*.deb"))
        if got.returncode or len(packages) != 1:
            pytest.skip(f"apt-get download {PACKAGE}: {got.stderr.strip()[-200:]}")
        (package,) = packages
        known = SHA256.get(package.name.replace("%2b", "+"))
        if known is None:
            pytest.skip(f"{package.name} is not the package that was tried")
        assert hashlib.sha256(package.read_bytes()).hexdigest() == known
        unpacked = Path(directory) / "unpacked"
        subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True)  # noqa: S607 - the same
        binary = unpacked / "usr" / "bin" / PACKAGE
        binary.write_bytes(binary.read_bytes().replace(BUILT_IN, PLACED))
        shutil.move(unpacked, home / "unpacked")
    return program
