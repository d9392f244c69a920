"""A process that starts finds its compiled loops; it never compiles what another one did."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

LOADED = """
import importlib, pathlib
from numba.core.dispatcher import Dispatcher
for file in sorted(pathlib.Path("pipeline").glob("*/*kernels.py")):
    module = importlib.import_module(".".join(file.with_suffix("").parts))
    for name, function in vars(module).items():
        if isinstance(function, Dispatcher) and sum(function.stats.cache_misses.values()):
            print(module.__name__, name)
"""

PLACES = """
import pathlib, {first}
from pipeline.aggregate import count_kernels
from numba.core.dispatcher import Dispatcher
for function in vars(count_kernels).values():
    if isinstance(function, Dispatcher):
        print(pathlib.Path(function.stats.cache_path).parent)
"""


def printed(script: str, **environment: str) -> list[str]:
    """Return the lines that a fresh process prints."""
    inherited = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_a_second_process_compiles_nothing() -> None:
    """The first one may have had to."""
    printed(LOADED)
    assert printed(LOADED) == []


def test_compiled_loops_lie_in_one_place_whoever_imports_numba_first(tmp_path: Path) -> None:
    """Also where a library or a tool imported numba before this package."""
    cache = str(tmp_path)
    first, second = (
        printed(PLACES.format(first=module), XDG_CACHE_HOME=cache) for module in ("numba", "json")
    )
    assert first == second
    assert first
    assert all(place.startswith(cache) for place in first)
