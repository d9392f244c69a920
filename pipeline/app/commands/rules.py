"""``rules check|test|schema``: what can be said of rule files without any data."""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipeline.app.printing import console
from pipeline.app.rule_checks import untested, wrong_with
from pipeline.app.rule_files import chosen, read_files, read_rules, rule_paths
from pipeline.app.settings import PREFIX, Settings, load_settings
from pipeline.detect.rules import AnyRule, RuleMistakes, rule_schema
from pipeline.domain.errors import SettingsError
from pipeline.domain.exit_codes import ExitCode
from pipeline.engine.rule_examples import Tried, try_examples

MS: Final = 1000


def check(paths: Sequence[Path], settings: Settings | None = None) -> None:
    """Print every mistake with file and line; exit 1 if there is any.

    Without paths it is all rules, and what they say of each other.
    """
    out = console()
    files, mistakes = read_files(paths or _all_paths(settings))
    # Rules of files that cannot be read may be the ones that others refer to.
    mistakes += wrong_with(files, complete=not paths and not mistakes)
    for mistake in sorted(mistakes):
        out.print(str(mistake))
    for rule_id in untested(files):
        out.print(f"note: {rule_id} lacks an example that must fire, or one that must not")
    if mistakes:
        sys.exit(ExitCode.DIFFERENCES)
    out.print(f"{len(files)} rules are right.")


def run_examples(
    paths: Sequence[Path], ids: Sequence[str], settings: Settings | None = None
) -> None:
    """Try the examples of rules, a line each; exit 1 if one is not as it should be."""
    out = console()
    rules = _read(paths, settings)
    wrong = count = 0
    for rule in chosen(rules, ids) if ids else rules:
        began = time.perf_counter()
        for tried in try_examples(rule):
            took = (time.perf_counter() - began) * MS
            out.print(_line(rule, tried, took))
            count, wrong = count + 1, wrong + (not tried.right)
            began = time.perf_counter()
    out.print(f"{count} examples, {wrong} not as they should be.")
    if wrong:
        sys.exit(ExitCode.DIFFERENCES)


def copy(directory: Path, settings: Settings | None = None) -> None:
    """Copy all rules; raises SettingsError, and copies nothing, if a file is there already."""
    paths = _all_paths(settings)
    if there := [path.name for path in paths if (directory / path.name).exists()]:
        raise SettingsError(f"{directory} has {', '.join(there)} already")
    directory.mkdir(parents=True, exist_ok=True)
    for path in paths:
        shutil.copy(path, directory)
    console().print(
        f"{len(paths)} rules are there now; {PREFIX}RULES_DIR={directory.absolute()} uses them."
    )


def schema() -> None:
    """Print the JSON schema of rule files, for editors."""
    print(json.dumps(rule_schema(), indent=2))  # noqa: T201 - for a file or an editor


def _line(rule: AnyRule, tried: Tried, took_ms: float) -> str:
    wanted = "fires" if tried.fires else "quiet"
    found = "; ".join(
        f"{one['key'] or 'all'}: {one['observed']:g}, usual {one['expected']:.3g}"
        for one in tried.alerts
    )
    said = "ok  " if tried.right else "WRONG"
    result = f" -> {found}" if found else " -> quiet" if not tried.right else ""
    return f"{said} {rule.id}: {wanted}: {tried.example.name} ({took_ms:.0f} ms){result}"


def _read(paths: Sequence[Path], settings: Settings | None) -> list[AnyRule]:
    if not paths:
        return read_rules((settings or load_settings()).rules_dir)
    files, mistakes = read_files(paths)
    if mistakes:
        raise RuleMistakes(mistakes)
    return [file.rule for file in files]


def _all_paths(settings: Settings | None) -> list[Path]:
    directory = (settings or load_settings()).rules_dir
    paths = rule_paths(directory)
    if not paths:
        raise SettingsError(f"there are no rules in {directory}")
    return paths
