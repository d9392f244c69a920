"""Schemas known by name and by id."""

import pytest

from pipeline.codecs.schemas import Schema, Schemas
from pipeline.codecs.unreadable import IncompatibleSchema, UnknownSchema
from pipeline.domain.errors import OurMistake, Unavailable
from tests.support.avro_values import schema_named

OURS = schema_named("erasure")


class Registry:
    """A registry that counts how often it is asked."""

    def __init__(self) -> None:
        self.known: dict[int, Schema] = {}
        self.asked: list[int] = []
        self.up = True

    def __call__(self, schema_id: int) -> Schema | None:
        self.asked.append(schema_id)
        if not self.up:
            raise Unavailable("the registry does not answer")
        return self.known.get(schema_id)


def test_ours_are_known_without_asking() -> None:
    registry = Registry()
    schemas = Schemas({"erasure": OURS}, {"erasure": 5}, registry)
    assert schemas.named("erasure") == schemas.by_id(5) == OURS
    assert schemas.id_of("erasure") == 5
    assert registry.asked == []


def test_what_the_registry_says_is_kept_and_what_it_does_not_know_is_asked_again() -> None:
    registry = Registry()
    schemas = Schemas({"erasure": OURS}, {}, registry)
    for _ in range(2):
        with pytest.raises(UnknownSchema):
            schemas.by_id(9)
    registry.known[9] = OURS
    assert [schemas.by_id(9), schemas.by_id(9)] == [OURS, OURS]
    assert registry.asked == [9, 9, 9]


def test_a_registry_that_does_not_answer_is_no_bad_record() -> None:
    registry = Registry()
    registry.up = False
    with pytest.raises(Unavailable):
        Schemas({"erasure": OURS}, {}, registry).resolution(9, "erasure")


def test_unknown_names_are_our_mistake() -> None:
    schemas = Schemas({"erasure": OURS}, {}, Registry())
    with pytest.raises(OurMistake, match="nonsense"):
        schemas.named("nonsense")
    with pytest.raises(OurMistake, match="not registered"):
        schemas.id_of("erasure")


def test_a_writer_that_lacks_what_we_need_is_incompatible() -> None:
    registry = Registry()
    registry.known[9] = {**OURS, "fields": OURS["fields"][1:]}
    schemas = Schemas({"erasure": OURS}, {}, registry)
    with pytest.raises(IncompatibleSchema, match="'kind' is missing"):
        schemas.resolution(9, "erasure")
