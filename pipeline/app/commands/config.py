"""``config show`` and ``config check``."""

import re
import sys
from typing import Final

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from pipeline.app.settings import PREFIX, Settings, load_settings
from pipeline.domain.errors import SettingsError

WIDE: Final = 240
DIRECTORIES: Final = (
    "schemas_dir",
    "rules_dir",
    "migrations_dir",
    "spool_dir",
    "notify_templates_dir",
)


def show() -> None:
    """Print every setting: variable, effective value, meaning. Secrets show as stars."""
    settings = load_settings()
    table = Table(box=None, pad_edge=False)
    table.add_column("variable", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("meaning", overflow="fold")
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        table.add_row(f"{PREFIX}{name.upper()}", _shown(value), field.description)
    # In a file or a pipe no line is broken, so that a name can be searched for.
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def check() -> None:
    """Print that the settings are right. Raises SettingsError if they are not."""
    settings = load_settings()
    settings.kafka()
    settings.clickhouse()
    settings.event_time()
    for name in DIRECTORIES:
        directory = getattr(settings, name)
        if directory is not None and not directory.is_dir():
            raise SettingsError(f"{PREFIX}{name.upper()}: there is no directory {directory}")
    Console().print("The settings are right.")


def _shown(value: object) -> str:
    """Return a value as text; of secrets, also those inside an address, only that there is one."""
    if isinstance(value, SecretStr):
        return "*****" if value.get_secret_value() else ""
    return re.sub(r"://[^/@]*@", "://*****@", str(value))
