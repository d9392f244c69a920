"""Whose fault an error of ClickHouse is."""

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError, ProgrammingError

from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.sink.failures import sorted_by_fault


def test_silence_is_unavailability() -> None:
    error = sorted_by_fault(OperationalError("connection refused"), "an insert into t")
    assert isinstance(error, Unavailable)
    assert str(error) == "ClickHouse does not answer an insert into t: connection refused"


def test_what_the_client_refuses_itself_is_our_mistake() -> None:
    error = sorted_by_fault(ProgrammingError("no such option"), "the connection")
    assert isinstance(error, OurMistake)
    assert str(error) == "ClickHouse's client refuses the connection: no such option"


@pytest.mark.parametrize("code", [202, 241, 242, 252, 319, 999, 1002, 987_654])
def test_what_may_pass_or_is_unknown_is_unavailability(code: int) -> None:
    error = sorted_by_fault(DatabaseError("row 'secret'", code=code, name="SOME"), "an insert")
    assert isinstance(error, Unavailable)
    assert str(error) == f"ClickHouse cannot take an insert now: SOME (code {code})."


def test_a_missing_column_is_our_mistake_said_in_one_sentence() -> None:
    text = (
        "Received ClickHouse exception, code: 16, server response: Code: 16. DB::Exception: "
        "No such column zz in table d.t (73715241-ffe3-4cdb-8ea4-7afb4c871b34)."
        " (NO_SUCH_COLUMN_IN_TABLE) (version 26.9.2.1) (for url http://x)"
    )
    error = sorted_by_fault(
        DatabaseError(text, code=16, name="NO_SUCH_COLUMN_IN_TABLE"), "an insert"
    )
    assert isinstance(error, OurMistake)
    assert str(error) == (
        "ClickHouse refuses an insert: No such column zz in table d.t; migrate the tables first."
    )


@pytest.mark.parametrize("code", [6, 27, 53, 376, 497, 516])
def test_a_mistake_that_may_quote_a_row_is_named_and_not_quoted(code: int) -> None:
    text = "Code: 376. DB::Exception: Cannot parse uuid secret. (SOME_NAME)"
    error = sorted_by_fault(DatabaseError(text, code=code, name="SOME_NAME"), "an insert")
    assert isinstance(error, OurMistake)
    assert str(error) == f"ClickHouse refuses an insert: SOME_NAME (code {code})."
