"""The page on detection names what the simulator stages for each rule, and nothing else."""

from pathlib import Path

from bench.detection.report import kinds

PAGE = Path(__file__).parents[3] / "docs" / "detection.md"


def test_the_page_names_the_attacks_and_look_alikes_of_every_rule() -> None:
    assert "\n".join(kinds()) in PAGE.read_text(encoding="utf-8")
