"""Printing for people and pipes: tables as wide as the terminal, or as they need elsewhere."""

import sys
from typing import Final

from rich.console import Console

WIDE: Final = 400
"""Columns where nobody's window ends them: a line of a table stays one line for grep."""


def console() -> Console:
    """Return standard output for plain text: nothing in it is markup."""
    width = None if sys.stdout.isatty() else WIDE
    return Console(width=width, highlight=False, markup=False, soft_wrap=True)
