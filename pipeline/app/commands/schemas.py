"""``schemas check``."""

import json
import sys

from rich.console import Console

from pipeline.app.settings import load_settings
from pipeline.codecs.compatibility import differences
from pipeline.domain.errors import OurMistake
from pipeline.domain.exit_codes import ExitCode


def check() -> None:
    """Print whether every schema can read, and be read by, all its released versions."""
    directory = load_settings().schemas_dir
    console = Console()
    found = 0
    current = {path.stem: json.loads(path.read_text()) for path in sorted(directory.glob("*.avsc"))}
    if not current:
        raise OurMistake(f"there are no schemas in {directory}")
    for released in sorted(directory.glob("released/*/*.avsc")):
        version = released.parent.name
        if released.stem not in current:
            console.print(f"{released.stem} {version}: released, but its schema is gone")
            found += 1
            continue
        for difference in differences(json.loads(released.read_text()), current[released.stem]):
            console.print(f"{released.stem} {version}: {difference}")
            found += 1
    if found:
        sys.exit(ExitCode.DIFFERENCES)
    console.print(f"{len(current)} schemas, compatible both ways with every released version.")
