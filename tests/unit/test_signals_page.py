"""The page of signals lists what rules can count."""

import re
from pathlib import Path

from pipeline.aggregate.dimensions import DIMENSIONS

PAGE = Path(__file__).parents[2] / "docs" / "signals.md"


def test_every_dimension_has_a_line() -> None:
    listed = re.findall(r"^\| `([a-z_0-9]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(set(listed)) == sorted({dimension.name for dimension in DIMENSIONS})
