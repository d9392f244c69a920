"""Caliper 1.1 says what the Canvas format says (semantics rules 1, 2, 3 and 5)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.caliper_urns import membership_role, urn_id, urn_kind
from pipeline.codecs.event_batch import LIVE_EVENT_COLUMNS, event_batch
from pipeline.codecs.live_event_rows import RawEvent, live_event_key, read_live_events
from pipeline.domain.feeds import LIVE_EVENTS
from tests.support.canvas.live_event_pairs import (
    CARRIED_BY_ALL,
    CARRIED_BY_ASSETS,
    HOME,
    SHAPES,
    SHARD,
    Happening,
    in_caliper,
    in_canvas_format,
)
from tests.support.published_examples import EXAMPLES, needs_examples

NOW = 1_900_000_000_000_000

people = st.integers(1, SHARD - 1).flatmap(
    lambda local: st.sampled_from([local + HOME * SHARD, local + 3 * SHARD])
)
happenings = st.builds(
    Happening,
    name=st.sampled_from(sorted(SHAPES)),
    session=st.none() | st.integers(0, 2**128 - 1).map(lambda bits: f"{bits:032x}"),
    user_id=st.none() | people | st.just(0),
    real_user_id=st.none() | people,
    course_id=st.none() | st.integers(1, 10**6).map(lambda local: HOME * SHARD + local),
    role=st.sampled_from([None, "StudentEnrollment", "TeacherEnrollment"]),
    referrer=st.sampled_from([None, "https://learn.example.edu/?x=1&amp;verifier=S3cr3t"]),
    developer_key_id=st.none() | st.integers(1, 10**4).map(lambda local: HOME * SHARD + local),
    by_job=st.booleans(),
    section=st.booleans(),
    wrapped=st.booleans(),
)


def published(document: dict[str, Any]) -> pl.DataFrame:
    rows, bad = read_live_events([RawEvent(json.dumps(document).encode(), "x:1")], NOW)
    assert not bad
    return rows


def without_role_of_nobody(row: dict[str, Any], happening: Happening) -> dict[str, Any]:
    """A role is somebody's: Caliper has no membership without a person."""
    return row if happening.user_id is not None else {**row, "context_role": None}


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_every_type_is_named_by_its_content_alone(name: str) -> None:
    assert published(in_caliper(Happening(name)))["event_name"].to_list() == [name]


def test_there_are_32_types() -> None:
    assert len(SHAPES) == 32


@settings(max_examples=300, deadline=None)
@given(happenings)
def test_the_common_columns_are_those_of_the_canvas_format(happening: Happening) -> None:
    canvas, caliper = published(in_canvas_format(happening)), published(in_caliper(happening))
    columns = list(happening.columns)
    wanted = without_role_of_nobody(canvas.select(columns).row(0, named=True), happening)
    assert caliper.select(columns).row(0, named=True) == wanted
    if happening.session or happening.user_id or not happening.by_job:
        assert key(canvas) == key(caliper)


def key(rows: pl.DataFrame) -> str:
    return str(rows.select(live_event_key()).item())


@settings(max_examples=100, deadline=None)
@given(happenings)
def test_sessionize_sees_the_same_event_from_either_format(happening: Happening) -> None:
    batches = [
        event_batch(
            LIVE_EVENTS,
            published(document).select(
                *LIVE_EVENT_COLUMNS, _offset=pl.lit(0, pl.Int64), _timestamp_ms=pl.lit(0)
            ),
        ).drop("key_hi", "key_lo")
        for document in (in_canvas_format(happening), in_caliper(happening))
    ]
    assert batches[0].row(0, named=True) == batches[1].row(0, named=True)


@pytest.mark.parametrize(
    ("urn", "kind", "number", "role"),
    [
        ("urn:instructure:canvas:course:5", "course", 5, None),
        ("urn:instructure:canvas:course:5:section:9", "course", 5, None),
        ("urn:instructure:canvas:course:5:Instructor:7", "course", 5, "Instructor"),
        ("urn:instructure:canvas:course:5:user:7", "course", 5, None),
        ("urn:instructure:canvas:course:5:section:9:Learner:7", "course", 5, "Learner"),
        ("urn:instructure:canvas:course:5:section:9:user:7", "course", 5, None),
        ("urn:instructure:canvas:lti/tool_proxy:8", "lti/tool_proxy", 8, None),
        ("urn:instructure:canvas:quizzes:quiz:8", "quizzes", 8, None),
        ("urn:instructure:canvas:user:3~8", "user", 3 * SHARD + 8, None),
        ("urn:instructure:canvas:user:bob", "user", None, None),
        ("urn:instructure:canvas:", "", None, None),
        ("https://learn.example.edu/", "", None, None),
        ({"id": 5}, "", None, None),
    ],
)
def test_urns_of_every_spelling_are_read(
    urn: Any, kind: str, number: int | None, role: str | None
) -> None:
    assert (urn_kind(urn), urn_id(urn), membership_role(urn)) == (kind, number, role)


def test_the_role_is_read_from_the_membership_where_no_roles_are_listed() -> None:
    document = in_caliper(
        Happening("logged_in", user_id=HOME * SHARD + 7, course_id=5, role="TeacherEnrollment")
    )
    del document["data"][0]["membership"]["roles"]
    assert published(document)["context_role"].to_list() == ["TeacherEnrollment"]


@pytest.mark.parametrize("url", ["/x?a=1&amp;access_token=S3cr3t&amp;b=2", "/x?code=S3cr3t&amp;b"])
def test_urls_with_escaped_ampersands_lose_their_secrets_and_nothing_else(url: str) -> None:
    [row] = published(in_caliper(Happening("asset_accessed", url=url, referrer=url))).to_dicts()
    assert row["url"] == row["referrer"] == url.replace("S3cr3t", "REDACTED")
    assert "S3cr3t" not in row["body"]


def paired_examples() -> Iterator[tuple[Path, Path]]:
    """Published examples that tell of one happening: same name, instant and request."""
    canvas = {identity(path): path for path in sorted((EXAMPLES / "canvas").glob("*.json"))}
    for path in sorted((EXAMPLES / "caliper").glob("*.json")):
        if other := canvas.get(identity(path)):
            yield path, other


def identity(path: Path) -> tuple[Any, ...]:
    [row] = read_live_events([RawEvent(path.read_bytes(), path.name)], NOW)[0].to_dicts()
    return row["event_name"], row["event_time"], row["request_id"], row["url"]


@needs_examples
def test_published_examples_of_one_happening_agree_wherever_both_speak() -> None:
    pairs = list(paired_examples())
    assert len(pairs) >= 40
    for paths in pairs:
        caliper, canvas = (
            read_live_events([RawEvent(path.read_bytes(), "x:1")], NOW)[0].row(0, named=True)
            for path in paths
        )
        for column in (*CARRIED_BY_ALL, *CARRIED_BY_ASSETS):
            said = {caliper[column], canvas[column]} - {None}
            assert len(said) <= 1, (paths, column, said)
