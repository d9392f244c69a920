"""Splitting SQL into statements."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.sink.statements import split_statements

PIECES = st.sampled_from(
    [
        "SELECT 1",
        "'a;b'",
        "'it''s; \\' \\\\'",
        "`x;y`",
        '"p;q"',
        "a - b",
        "a / b",
        "/* ; ' */",
        "\n",
    ]
)


def test_semicolons_end_statements_and_comments_are_left_out() -> None:
    sql = "-- first; 'one\nCREATE TABLE a (b Int8 COMMENT 'x;y');\n/* ; */ SELECT 1;;"
    assert split_statements(sql) == ["CREATE TABLE a (b Int8 COMMENT 'x;y')", "SELECT 1"]


def test_a_file_of_comments_has_no_statements() -> None:
    assert split_statements("-- nothing; here\n/* nor; here */;\n ; ") == []


@given(st.lists(st.lists(PIECES, min_size=1, max_size=6), max_size=5))
def test_no_semicolon_within_a_text_name_or_comment_splits(statements: list[list[str]]) -> None:
    joined = [" ".join(pieces) for pieces in statements]
    wanted = [sql.replace("/* ; ' */", "").strip() for sql in joined]
    assert split_statements(";\n".join(joined)) == [sql for sql in wanted if sql]
