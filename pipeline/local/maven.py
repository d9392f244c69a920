"""Fetches from Maven repositories through jgo, with the client settings of this machine.

jgo reads ``~/.config/jgo.conf`` (repositories; ``M2_REPO``) and, through requests, the proxy and
certificate variables. Repositories configured there are asked before Maven Central.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from jgo.config import GlobalSettings
from jgo.maven import MavenContext
from jgo.maven import PythonResolver as Resolver

TIMEOUT_S: Final = 60
RUNTIME_SCOPES: Final = ("compile", "runtime")


def download_jar(
    coordinate: str, into: Path, *, packaging: str = "jar", classifier: str = ""
) -> Path:
    """Return the jar of exactly this coordinate, fetched below ``into``; nothing transitive.

    ``packaging`` and ``classifier`` name another file that is published beside it.
    """
    group, artifact, version = coordinate.split(":")
    component = _context(into).project(group, artifact).at_version(version)
    return Path(component.artifact(classifier, packaging).resolve())


def resolve_runtime(coordinate: str) -> list[str]:
    """Return the coordinates a program needs at run time, itself included.

    Resolve one program at a time: the dependency management of a second one would change the
    versions of the first.
    """
    with TemporaryDirectory() as poms:
        context = _context(Path(poms))
        wanted = context.create_dependency(coordinate)
        wanted.scope = "compile"
        inputs, transitive = context.resolver.resolve([wanted])
        needed = [*inputs, *(one for one in transitive if one.scope in RUNTIME_SCOPES)]
        return sorted({f"{one.groupId}:{one.artifactId}:{one.version}" for one in needed})


def _context(repo_cache: Path) -> MavenContext:
    settings = GlobalSettings.load()
    context = MavenContext(resolver=Resolver(), repo_cache=repo_cache, timeout=TIMEOUT_S)
    context.remote_repos = {**settings.repositories, **context.remote_repos} | settings.repositories
    return context
