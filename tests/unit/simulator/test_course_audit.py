"""Pages of the Course Audit log that a simulation writes, read by who reads Canvas's."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipeline.codecs.course_audit import PageOrigin, read_audit_page
from pipeline.simulator.config import SimulationConfig
from tests.support.simulated import Simulated

DAY = SimulationConfig(users=60, seed=3, attacks=())
LATER = DAY.end_us


def audited(out: Path, *attacks: str) -> pl.DataFrame:
    """Return the audit events of a day with these attacks, as the agent reads them."""
    made = Simulated.run(out, replace(DAY, attacks=attacks))
    pages = [
        read_audit_page(line.encode(), PageOrigin(file, LATER))
        for file, _, line in made.lines("course_audit")
    ]
    assert all(page.oldest is not None and not page.bad for page in pages)
    rows = pl.concat(page.rows for page in pages)
    assert rows.height == made.summary.audit_events == rows["id"].n_unique()
    return rows


def test_an_ordinary_day_has_what_imports_change(tmp_path: Path) -> None:
    rows = audited(tmp_path)
    assert set(rows["event_source"]) == {"sis"}
    assert set(rows["event_type"]) == {"updated"}
    assert not rows["sis_batch_id"].null_count()


@pytest.mark.parametrize(
    ("attack", "kinds"),
    [
        ("courses-reset.middle", {"reset_to", "reset_from"}),
        ("courses-deleted.middle", {"deleted"}),
        ("courses-concluded.middle", {"concluded", "unconcluded"}),
        ("courses-opened.middle", {"updated"}),
    ],
)
def test_every_change_of_a_course_is_noted_for_each_course_it_touches(
    attack: str, kinds: set[str], tmp_path: Path
) -> None:
    rows = audited(tmp_path, attack).filter(pl.col("event_source") != "sis")
    counts = Counter(rows["event_type"])
    assert set(counts) == kinds
    assert len(set(counts.values())) == 1
    for _, of_kind in rows.group_by("event_type"):
        assert of_kind["course_id"].n_unique() == of_kind.height
        assert of_kind["user_id"].n_unique() == 1
    assert (rows["session_id"].is_null() == rows["page_view_id"].is_null()).all()
