"""Parts of keys: the same as a look at each row in plain Python."""

import re
from collections.abc import Callable
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.aggregate.dimensions.parts import (
    Part,
    column_and_word,
    first_of,
    id_behind,
    number,
    only,
    or_else,
    text,
    where,
    word_by_text,
    word_by_trait,
)
from tests.support.parts import said

Row = dict[str, Any]
Look = Callable[[Row], str | None]

texts = st.none() | st.sampled_from(["", "x", "twelve bytes", "thirteen bytes"]) | st.text()
numbers = st.none() | st.integers(-(2**63), 2**63 - 1)
rows = st.lists(
    st.fixed_dictionaries(
        {"a": texts, "b": texts, "n": numbers, "m": numbers, "traits": st.integers(0, 7)}
    ),
    min_size=1,
    max_size=30,
)
SCHEMA = {"a": pl.String, "b": pl.String, "n": pl.Int64, "m": pl.Int64}
WORDS = {"x": "ex", "": "nothing", "thirteen bytes": "many"}
TRAITS = ((4, "four"), (3, "few"))


def leaf(name: str, kind: Callable[[str], Part]) -> tuple[Part, Look]:
    return kind(name), lambda row: None if row[name] is None else str(row[name])


def of_trait(row: Row) -> str | None:
    return next((word for trait, word in TRAITS if row["traits"] & trait), None)


leaves = st.sampled_from(
    [
        leaf("a", text),
        leaf("b", text),
        leaf("n", number),
        leaf("m", number),
        (word_by_trait(TRAITS), of_trait),
        (word_by_text("a", WORDS), lambda row: WORDS.get(row["a"])),
    ]
)


def nested(inner: st.SearchStrategy[tuple[Part, Look]]) -> st.SearchStrategy[tuple[Part, Look]]:
    """Draw parts that are made of others."""

    def first(one: tuple[Part, Look], other: tuple[Part, Look]) -> tuple[Part, Look]:
        def look(row: Row) -> str | None:
            found = one[1](row)
            return other[1](row) if found is None else found

        return first_of(one[0], other[0]), look

    def both(one: tuple[Part, Look], other: tuple[Part, Look]) -> tuple[Part, Look]:
        return where(one[0], other[0]), lambda row: None if other[1](row) is None else one[1](row)

    def trait(one: tuple[Part, Look]) -> tuple[Part, Look]:
        return only(one[0], 2), lambda row: one[1](row) if row["traits"] & 2 else None

    def word(one: tuple[Part, Look]) -> tuple[Part, Look]:
        def look(row: Row) -> str | None:
            found = one[1](row)
            return "none" if found is None else found

        return or_else(one[0], "none"), look

    return (
        st.builds(first, inner, inner)
        | st.builds(both, inner, inner)
        | st.builds(trait, inner)
        | st.builds(word, inner)
    )


@given(rows, st.recursive(leaves, nested, max_leaves=5), st.data())
def test_parts_say_what_a_look_at_each_row_says(
    given_rows: list[Row], drawn: tuple[Part, Look], data: st.DataObject
) -> None:
    part, look = drawn
    frame = pl.DataFrame(given_rows, {**SCHEMA, "traits": pl.Int64}).drop("traits")
    some = data.draw(st.lists(st.integers(0, len(given_rows) - 1), max_size=20))
    traits = [given_rows[row]["traits"] for row in some]
    assert said(part, frame, some, traits) == [look(given_rows[row]) for row in some]


paths = st.lists(
    st.lists(st.sampled_from(["/tools/", "tools", "/", "7", "~", "12", "x"])).map("".join)
)


@given(paths)
def test_ids_in_paths_are_found_as_a_pattern_finds_them(many: list[str]) -> None:
    frame = pl.DataFrame({"path": pl.Series(many, dtype=pl.String)})
    matches = [re.search("tools/([0-9~]+)", path) for path in many]
    found = [match[1] if match else None for match in matches]
    assert said(id_behind("tools/", text("path")), frame) == found


def test_a_column_with_a_word_for_nulls_is_known_as_one() -> None:
    assert column_and_word(or_else(text("a"), "none")) == ("a", "none")
    assert column_and_word(or_else(number("n"), "none")) is None
    assert column_and_word(text("a")) is None
