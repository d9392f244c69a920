"""What the peers need: Java ones built by Maven, Bytewax in an environment of its own."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
CACHE: Final = Path.home() / ".cache" / "canvas-telemetry" / "peers"
BYTEWAX: Final = ("bytewax==0.21.1", "confluent-kafka==2.16.1", "fastavro==1.13.1")
BUILD_LIMIT_S: Final = 900


class MissingToolError(Exception):
    """A tool that only this benchmark needs is not here."""


def java(name: str) -> tuple[str, str]:
    """Build a Java peer; return the path of ``java`` and the class path."""
    found = shutil.which("java")
    if found is None or shutil.which("javac") is None or shutil.which("mvn") is None:
        raise MissingToolError("The Java peers need a JDK 17 and Maven (java, javac, mvn).")
    out = CACHE / name
    jar, jars = out / f"peer-{name}-1.jar", out / "jars"
    path = f"{jar}:{jars}/*"
    if jar.exists() and jars.exists() and jar.stat().st_mtime > _newest(name):
        return found, path
    command = ["mvn", "--quiet", "--batch-mode", f"-Dpeer.build={out}", "package"]
    copy = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
    subprocess.run([*command, *copy], cwd=HERE / name, check=True, timeout=BUILD_LIMIT_S)
    return found, path


def _newest(name: str) -> float:
    """Return when the last of a Java peer's sources changed."""
    files = [HERE / "pom.xml", *(HERE / name).rglob("*.*"), *(HERE / "shared").rglob("*.*")]
    return max(file.stat().st_mtime for file in files)


def bytewax() -> str:
    """Make the environment of Bytewax; return its Python."""
    python = CACHE / "bytewax" / "bin" / "python"
    if not python.exists():
        subprocess.run(
            [sys.executable, "-m", "venv", str(python.parent.parent)], check=True, timeout=120
        )
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", *BYTEWAX],
        check=True,
        timeout=BUILD_LIMIT_S,
    )
    return str(python)
