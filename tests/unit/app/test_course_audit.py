"""``ingest course-audit``: from settings to options."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.app.agents.course_audit import audit_options
from pipeline.app.commands.ingest_course_audit import summary
from pipeline.app.settings import Settings
from pipeline.domain.errors import SettingsError
from pipeline.domain.event_time import HOUR
from pipeline.ingest.course_audit.options import AuditOptions
from pipeline.ingest.course_audit.round import Debt, Round
from pipeline.ingest.figures import AgentFigures

CANVAS = {"audit_url": "https://school.instructure.com", "audit_token": "s3cret"}
NOW = 1_771_200_000_000_000


def options(**variables: Any) -> AuditOptions:
    settings = Settings.model_validate({**CANVAS, **variables})
    return audit_options(settings, once=True, since=None, max_bad_share=None, say=print)


def test_without_instance_or_token_it_says_what_is_needed() -> None:
    for name in CANVAS:
        with pytest.raises(SettingsError, match=r"AUDIT_URL and .*AUDIT_TOKEN are needed"):
            options(**{name: None})


@pytest.mark.parametrize("url", ["http://school.instructure.com", "school", "https://u@h", "x://y"])
def test_a_token_goes_nowhere_but_to_https(url: str) -> None:
    with pytest.raises(ValidationError):
        options(audit_url=url)


def test_the_token_is_not_shown() -> None:
    assert "s3cret" not in repr(options())


def test_courses_of_a_file_are_polled_each_once_in_order(tmp_path: Path) -> None:
    file = tmp_path / "courses"
    file.write_text("20\n\n 10 \n20\n1~30\n")
    assert options(audit_courses_file=file).courses == [10, 20, 10_000_000_000_030]
    assert options(audit_courses_file=file).kind == "courses"
    assert options().kind == "accounts"


@pytest.mark.parametrize(
    ("text", "said"), [("10\nMATH101\n", ":2 is no course id"), ("\n", "no course ids")]
)
def test_a_file_without_course_ids_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "courses"
    file.write_text(text)
    with pytest.raises(SettingsError, match=said):
        options(audit_courses_file=file)


def test_what_a_round_did_adds_up() -> None:
    figures = AgentFigures()
    figures.rows.update(read=1_234, published=1_000, dead=4, duplicates=230)
    done = Round(3, "courses", NOW - HOUR, NOW, HOUR, done=True, mark=NOW - HOUR)
    done.behind[7] = Debt("refused", [])
    assert summary(done, figures) == [
        "1,234 read = 1,000 published + 4 dead letters + 230 published before",
        "the log is polled to 2026-02-16 00:00:00 UTC",
        "1 could not be read and are asked for again next time",
        "the watermark stands at 2026-02-15 23:00:00 UTC",
    ]
