"""Unusual rows: what the column-wise way takes, it reads as the careful way does."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.canonical import hex_128
from pipeline.codecs.web_log_columns import read_columns
from pipeline.codecs.web_log_lines import read_line
from tests.support.raw_rows import raw_lines


@settings(max_examples=150, deadline=None)
@given(st.lists(raw_lines(), min_size=1, max_size=20))
def test_what_is_taken_column_wise_is_read_as_carefully(lines: list[bytes]) -> None:
    rows, odd = read_columns(lines)
    taken = {row.pop("row"): row for row in rows.to_dicts()}
    assert sorted([*taken, *odd]) == list(range(len(lines)))
    for at, found in taken.items():
        careful = read_line(lines[at], "x:1")
        assert isinstance(careful, dict)
        assert hex_128(found.pop("id")) == hex_128(careful.pop("id"))
        assert found == careful
