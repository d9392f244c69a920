"""A schema of DAP's is compared column by column."""

import copy
from typing import Any

import pytest

from pipeline.codecs.web_log_schema import compare_schema
from tests.support.canvas.dap_schema import SCHEMA


def changed(**columns: Any) -> dict[str, Any]:
    schema = copy.deepcopy(SCHEMA)
    schema["properties"]["value"]["properties"] |= columns
    return schema


def test_the_known_schema_has_no_difference_whatever_shape_its_enums_have() -> None:
    assert compare_schema(SCHEMA) == ((), ())


@pytest.mark.parametrize(
    "column",
    [
        {"type": ["integer", "null"]},
        {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        {"enum": [1, 2, None]},
        {"description": "no type at all"},
    ],
)
def test_a_column_that_may_be_null_or_says_no_type_is_no_difference(column: Any) -> None:
    assert compare_schema(changed(user_id=column)).wrong == ()


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({"type": "string"}, "user_id is string instead of integer"),
        ({"oneOf": [{"type": "integer"}, {"const": "none"}]}, "user_id is string instead of"),
        ({"type": "number"}, "user_id is number instead of integer"),
        (None, "user_id is missing"),
    ],
)
def test_a_retyped_or_missing_column_is_said(column: Any, said: str) -> None:
    [wrong] = compare_schema(changed(user_id=column)).wrong
    assert wrong.startswith(said)


def test_new_columns_of_value_and_key_are_named() -> None:
    schema = changed(ja4={"type": "string"})
    schema["properties"]["key"]["properties"]["shard"] = {"type": "integer"}
    assert compare_schema(schema) == (("ja4", "key.shard"), ())


def test_a_schema_of_another_shape_lacks_every_column() -> None:
    assert "key.id is missing" in compare_schema({"type": "array"}).wrong
