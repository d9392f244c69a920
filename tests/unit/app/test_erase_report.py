"""What ``erase`` says: what is gone, what is left, and when the rest goes."""

from dataclasses import replace
from datetime import UTC, datetime

import polars as pl

from pipeline.app.commands.erase import report
from pipeline.app.erasing import WITH_PEOPLE, Erased
from pipeline.app.recomputing import Outcome
from pipeline.domain.topics import TOPICS
from pipeline.engine.changes import LOSS, Changes
from pipeline.engine.recompute import Span
from pipeline.kafka.aging import Aging
from tests.support.avro_schemas import project_schemas

NOW = datetime(2026, 2, 16, 12, tzinfo=UTC)
DAY = 86_400_000
ERASED = Erased(
    people=(4711,),
    days=[Span(1_771_128_000_000_000, 1_771_214_400_000_000)],
    before={"web_logs_store": 12, "anomalies_store": 0},
    after={"web_logs_store": 0, "anomalies_store": 0},
    restated=None,
    hindrance=None,
    aging=[Aging("canvas.web_logs.v1", 14 * DAY), Aging("canvas.erasures.v1", None)],
    published=True,
)


def said(erased: Erased) -> str:
    return "\n".join(report(erased, NOW))


def test_it_says_what_was_deleted_and_until_when_topics_hold_it() -> None:
    text = said(ERASED)
    assert "web_logs_store: 12 rows deleted" in text
    assert "anomalies_store" not in text
    assert "canvas.web_logs.v1: 2026-03-02 12:00 UTC at the latest" in text
    assert "canvas.erasures.v1: when a later record" in text
    assert "4711" not in text


def test_every_topic_whose_records_hold_personal_data_is_told_of() -> None:
    schemas = project_schemas()
    personal = {
        topic.name
        for topic in TOPICS
        if any(field.get("personal") for field in schemas.named(topic.schema)["fields"])
    }
    assert {topic.name for topic in WITH_PEOPLE} == personal


def test_it_says_that_rules_keep_what_they_have_learned() -> None:
    assert "What rules have learned of the person" in said(ERASED)


def test_a_dry_run_says_that_nothing_happened() -> None:
    text = said(replace(ERASED, published=False, after=ERASED.before))
    assert "Nothing was published" in text
    assert "12 rows to delete" in text
    assert "Still there" not in text


def test_what_the_sink_has_not_deleted_yet_is_named() -> None:
    assert "3 in web_logs_store" in said(replace(ERASED, after={"web_logs_store": 3}))


def test_what_is_not_final_yet_comes_with_the_command_for_later() -> None:
    outcome = Outcome()
    none = pl.DataFrame()
    losses = pl.DataFrame(schema=LOSS)
    outcome.add("sessions", Changes(none, new=1, revised=2, gone=3, waiting=4, losses=losses))
    text = said(replace(ERASED, restated=outcome))
    assert "sessions: 3 withdrawn, 2 restated, 1 new" in text
    assert "4 results" in text
    assert "recompute --since 2026-02-15T04:00:00Z" in text


def test_what_hinders_restating_is_said_and_does_not_hinder_deleting() -> None:
    text = said(replace(ERASED, hindrance="Nothing is final yet."))
    assert "could not be restated: Nothing is final yet." in text
    assert "12 rows deleted" in text
