"""The page for those who write their first rule, as text."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "writing-a-rule.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the fenced blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
