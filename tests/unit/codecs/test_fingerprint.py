"""Ids of schemas without a registry."""

from pipeline.codecs.fingerprint import schema_id
from pipeline.codecs.wire import LARGEST_SCHEMA_ID
from tests.support.avro_values import NAMES, schema_named


def test_ids_fit_a_registry_s_and_differ() -> None:
    ids = [schema_id(schema_named(name)) for name in NAMES]
    assert len(set(ids)) == len(ids)
    assert all(0 < one <= LARGEST_SCHEMA_ID for one in ids)


def test_words_about_a_schema_do_not_change_its_id_and_fields_do() -> None:
    schema = schema_named("erasure")
    undocumented = [{**field, "doc": "other"} for field in schema["fields"]]
    assert schema_id({**schema, "doc": "", "fields": undocumented}) == schema_id(schema)
    assert schema_id({**schema, "fields": schema["fields"][:-1]}) != schema_id(schema)
    assert schema_id({**schema, "fields": schema["fields"][::-1]}) != schema_id(schema)


def test_an_id_is_for_ever() -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}
    assert schema_id(schema) == 526060752
