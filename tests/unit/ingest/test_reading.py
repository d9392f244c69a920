"""Inputs, contents, spool and the limit on bad records."""

import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.domain.bad_record import BadRecord
from pipeline.domain.errors import OurMistake, TooManyBadRecords
from pipeline.domain.event_time import HOUR
from pipeline.ingest.bad_limit import BadLimit
from pipeline.ingest.content import LONGEST_LINE, Content
from pipeline.ingest.formats import web_log_format
from pipeline.ingest.inputs import expand_inputs
from pipeline.ingest.spool import DEAD_LETTERS, SpoolDirectory

BAD = BadRecord("a:1", "json", "broken", "NotJson", b"")


def names(paths: list[str], directory: Path) -> list[str]:
    return [file.name for file in expand_inputs(paths, io.BytesIO(b"x"), directory)]


def test_paths_globs_directories_and_stdin_are_expanded_once(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl.gz", "readme.txt", ".hidden.jsonl", "deep/c.ndjson"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    everything = ["a.jsonl.gz", "b.jsonl", "c.ndjson"]
    assert names([str(tmp_path)], tmp_path) == everything
    assert names([f"{tmp_path}/*.jsonl*"], tmp_path) == ["a.jsonl.gz", "b.jsonl"]
    assert names([f"{tmp_path}/b.jsonl", str(tmp_path)], tmp_path)[0] == "b.jsonl"
    assert names([f"{tmp_path}/readme.txt", "-"], tmp_path) == ["readme.txt", "stdin"]


@pytest.mark.parametrize("text", ["missing.jsonl", "missing*.jsonl"])
def test_what_is_not_there_is_said(text: str, tmp_path: Path) -> None:
    with pytest.raises(OurMistake, match="there is no file"):
        expand_inputs([str(tmp_path / text)], None, tmp_path)
    with pytest.raises(OurMistake, match="holds no file"):
        expand_inputs([str(tmp_path)], None, tmp_path)
    with pytest.raises(OurMistake, match="no file to read"):
        expand_inputs([], None, tmp_path)
    with pytest.raises(OurMistake, match="no standard input"):
        expand_inputs(["-"], None, tmp_path)


@pytest.mark.parametrize(
    ("name", "known"),
    [("a.csv", "CSV"), ("a.tsv.gz", "TSV"), ("a.PARQUET", "Parquet"), ("a.txt", "JSONL")],
)
def test_the_name_of_a_file_says_its_format_and_lines_are_the_default(
    name: str, known: str
) -> None:
    assert web_log_format(Path(name)).name == known


@settings(max_examples=50)
@example([b"\xef\xbb\xbf"], b"\n", 3)
@given(
    st.lists(st.binary(max_size=6).map(lambda text: text.replace(b"\n", b"")), max_size=12),
    st.sampled_from([b"\n", b""]),
    st.integers(1, 9),
)
def test_lines_are_whole_and_numbered_however_blocks_fall(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], end: bytes, size: int
) -> None:
    path = tmp_path_factory.mktemp("content") / "a"
    data = b"\n".join(lines) + end
    path.write_bytes(b"\xef\xbb\xbf" + data)
    content = Content(path, "a")
    found = {}
    for block in content.lines(max(size, 3)):
        found |= dict(enumerate(block.text.split(b"\n"), start=block.first))
    expected = dict(enumerate(data.split(b"\n"), start=1))
    assert {n: text for n, text in found.items() if text} == {
        n: text for n, text in expected.items() if text
    }


def test_a_line_too_long_is_skipped_and_accounted_for(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(
        b"one\n" + b"x" * (LONGEST_LINE + (2 << 20)) + b"\nthree\n" + b"y" * (40 << 20)
    )
    blocks = list(Content(path, "a").lines(1 << 20))
    lines = {
        number: line
        for block in blocks
        for number, line in enumerate(block.text.split(b"\n"), start=block.first)
        if line
    }
    assert lines == {1: b"one", 3: b"three"}
    first, second = [record for block in blocks for record in block.too_long]
    assert (first.location, first.length) == ("a:2", LONGEST_LINE + (2 << 20))
    assert (second.location, second.length) == ("a:4", 40 << 20)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 5 * HOUR), max_size=8), max_size=6),
    st.integers(0, 9),
    st.integers(1, 5),
)
def test_an_hour_comes_back_in_the_order_it_went(
    tmp_path_factory: pytest.TempPathFactory, frames: list[list[int]], skip: int, most: int
) -> None:
    added = []
    with SpoolDirectory(tmp_path_factory.mktemp("spool")) as directory:
        spool = directory.open_spool("timestamp")
        for times in frames:
            rows = [(time, len(added) + at) for at, time in enumerate(times)]
            added += rows
            spool.add_rows(
                pl.DataFrame(rows, schema={"timestamp": pl.Int64, "n": pl.Int64}, orient="row")
            )
            if len(times) % 2:
                spool.flush()
        spool.flush()
        spool.add_part(DEAD_LETTERS, pl.DataFrame({"x": [1]}))
        hours = sorted({time // HOUR for time, _ in added})
        assert spool.parts() == [DEAD_LETTERS, *hours]
        for hour in hours:
            expected = [row for row in added if row[0] // HOUR == hour]
            assert spool.rows(hour) == len(expected)
            read = [row for frame in spool.read(hour, skip, most) for row in frame.iter_rows()]
            assert read == expected[skip:]
        spool.close()


def test_the_limit_looks_at_the_last_ten_thousand() -> None:
    limit = BadLimit(0.05)
    limit.add(10_000, [(at, BAD) for at in range(99)])
    for _ in range(10):
        limit.add(10_000, [(at * 21, BAD) for at in range(470)])
    with pytest.raises(TooManyBadRecords, match="First reasons: a:1: json, broken"):
        limit.add(10_000, [(at, BAD) for at in range(600)])


@given(st.lists(st.booleans(), max_size=300), st.lists(st.integers(1, 50)))
@settings(max_examples=30, deadline=None)
def test_the_limit_does_not_depend_on_blocks(flags: list[bool], sizes: list[int]) -> None:
    def stops(blocks: list[list[bool]]) -> bool:
        limit = BadLimit(0.4)
        try:
            for block in blocks:
                limit.add(len(block), [(at, BAD) for at, bad in enumerate(block) if bad])
        except TooManyBadRecords:
            return True
        return False

    blocks, start = [], 0
    for size in sizes:
        blocks.append(flags[start : start + size])
        start += size
    blocks.append(flags[start:])
    assert stops(blocks) == stops([flags])
