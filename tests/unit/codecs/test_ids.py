"""Ids of 128 bits, read and written by columns."""

from uuid import UUID

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.ids import dashed, hex32, hex128

UUIDS = st.uuids()
FORMS = {
    "plain": lambda one: one.hex,
    "dashed": str,
    "upper case": lambda one: str(one).upper(),
    "uuid urn": lambda one: one.urn,
    "caliper urn": lambda one: f"urn:instructure:canvas:session:{one.hex}",
}


@given(st.lists(st.tuples(UUIDS, st.sampled_from(sorted(FORMS)))))
def test_every_form_of_an_id_is_the_same_id(said: list[tuple[UUID, str]]) -> None:
    column = pl.Series([FORMS[form](one) for one, form in said], dtype=pl.String)
    ids = hex128(column)
    assert ids.valid.all()
    pairs = list(zip(ids.hi.tolist(), ids.lo.tolist(), strict=True))
    assert pairs == [divmod(one.int, 1 << 64) for one, _ in said]
    assert hex32(ids.hi, ids.lo).to_list() == [one.hex for one, _ in said]
    assert dashed(ids.hi, ids.lo).to_list() == [str(one) for one, _ in said]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        " ",
        "0" * 31,
        "0" * 33,
        "g" + "0" * 31,
        "0" * 36,
        "-" * 36,
        "00000000-0000-0000-0000-00000000000g",
        "0000000-00000-0000-0000-000000000000",
        "unspecified",
        "urn:instructure:canvas:session:",
        "é" * 16,
    ],
)
def test_anything_else_is_no_id_and_its_neighbours_are(text: str | None) -> None:
    good = "0123456789abcdef" * 2
    ids = hex128(pl.Series([good, text, good], dtype=pl.String))
    assert ids.valid.tolist() == [True, False, True]
    assert ids.hi.tolist() == [0x0123456789ABCDEF, 0, 0x0123456789ABCDEF]
    assert ids.lo.tolist() == [0x0123456789ABCDEF, 0, 0x0123456789ABCDEF]


def test_no_ids_are_no_rows() -> None:
    ids = hex128(pl.Series([], dtype=pl.String))
    assert len(ids.hi) == len(hex32(ids.hi, ids.lo)) == 0
    nothing = hex128(pl.Series([None, None], dtype=pl.String))
    assert not nothing.valid.any()
