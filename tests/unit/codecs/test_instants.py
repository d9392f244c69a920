"""Instants: every format Canvas writes, one by one and in columns."""

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.instants import parse_instant, parse_instants

offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(
    datetime(1, 1, 3),  # noqa: DTZ001 (hypothesis adds the zone)
    datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=offsets,
)


def written(moment: datetime, style: int, fraction: int) -> str:
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").zfill(19)
    if fraction:
        text += "." + f"{moment.microsecond:06d}000"[:fraction]
    zone = moment.strftime("%z")
    return [
        text + f"{zone[:3]}:{zone[3:]}",
        text + zone,
        text.replace("T", " ") + f" {zone}",
        moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S").zfill(19) + " UTC",
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S").zfill(19) + "Z",
    ][style]


@given(moments, st.integers(0, 2), st.integers(0, 9))
def test_an_instant_is_read_to_the_microsecond(moment: datetime, style: int, digits: int) -> None:
    kept = min(digits, 6)
    micros = moment.microsecond // 10 ** (6 - kept) * 10 ** (6 - kept)
    expected = (moment.replace(microsecond=micros) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )
    assert parse_instant(written(moment, style, digits)) == expected


odd = st.sampled_from(
    [
        "",
        "x",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z",
        "0000-01-01T00:00:00Z",
        "+12026-01-01T00:00:00Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00.5",
        "2026-01-01t00:00:00z",
        "2026-01-01T00:00:00 Z",
        "2026-01-01",
        "\uff12\uff10\uff12\uff16-01-01T00:00:00Z",
    ]
)


@settings(deadline=None)
@given(
    st.lists(
        st.none()
        | odd
        | st.tuples(moments, st.integers(0, 4), st.integers(0, 9)).map(lambda w: written(*w))
        | st.text(alphabet="0123456789-:T Z.+UTC", min_size=18, max_size=34)
    )
)
def test_a_column_reads_as_its_texts_do(texts: list[str | None]) -> None:
    expected = [None if text is None else parse_instant(text) for text in texts]
    assert parse_instants(pl.Series(texts, dtype=pl.String)).to_list() == expected


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-02-15T04:31:07.218Z", 1_771_129_867_218_000),
        ("2018-10-09T21:07:33Z", 1_539_119_253_000_000),
        ("2019-11-01T19:11:01-06:00", 1_572_657_061_000_000),
        ("2018-10-03 14:50:31 -0800", 1_538_607_031_000_000),
        ("2019-11-01 19:11:01 UTC", 1_572_635_461_000_000),
    ],
)
def test_the_formats_of_canvas(text: str, micros: int) -> None:
    assert parse_instant(text) == micros
