"""What every schema registry promises: files, a server in memory, a real server."""

import pytest

from pipeline.codecs.schemas import Schemas
from pipeline.codecs.unreadable import UnknownSchema
from pipeline.domain.errors import OurMistake
from pipeline.domain.topics import TOPICS
from pipeline.kafka.registry import ConfluentRegistry, RegistryAccess
from tests.support.avro_schemas import DIRECTORY

FOREIGN = {"type": "record", "name": "Foreign", "fields": []}
NOBODYS = 2**31 - 1


class SchemasContract:
    """A subclass has the fixture ``schemas``: the project's, as its registry gives them."""

    def test_every_topic_has_a_schema_and_an_id(self, schemas: Schemas) -> None:
        for topic in TOPICS:
            assert schemas.named(topic.schema)["type"] == "record"
            assert 0 <= schemas.id_of(topic.schema) < 2**31

    def test_an_id_gives_the_schema_back(self, schemas: Schemas) -> None:
        for topic in TOPICS:
            assert schemas.by_id(schemas.id_of(topic.schema)) == schemas.named(topic.schema)

    def test_an_id_nobody_knows_is_told(self, schemas: Schemas) -> None:
        with pytest.raises(UnknownSchema):
            schemas.by_id(NOBODYS)

    def test_schemas_have_different_ids(self, schemas: Schemas) -> None:
        names = {topic.schema for topic in TOPICS}
        assert len({schemas.id_of(name) for name in names}) == len(names)


class ServerContract(SchemasContract):
    """A subclass has the fixture ``access``: how its server is reached.

    Every test has subjects of its own, for servers that many tests share.
    """

    @pytest.fixture
    def registry(self, access: RegistryAccess, topic_prefix: str) -> ConfluentRegistry:
        return ConfluentRegistry(access, DIRECTORY, named=lambda name: f"{topic_prefix}{name}")

    @pytest.fixture
    def schemas(self, registry: ConfluentRegistry) -> Schemas:
        return registry.schemas(register=True)

    def test_the_server_gives_every_registered_schema_by_its_id(
        self, registry: ConfluentRegistry, schemas: Schemas
    ) -> None:
        for topic in TOPICS:
            assert registry.by_id(schemas.id_of(topic.schema)) == schemas.named(topic.schema)

    def test_the_server_gives_no_schema_for_an_id_nobody_knows(
        self, registry: ConfluentRegistry
    ) -> None:
        assert registry.by_id(NOBODYS) is None

    def test_registering_twice_gives_the_same_ids(
        self, registry: ConfluentRegistry, schemas: Schemas
    ) -> None:
        assert ids(registry.schemas(register=True)) == ids(schemas)

    def test_without_leave_to_register_a_missing_schema_is_a_mistake(
        self, registry: ConfluentRegistry
    ) -> None:
        with pytest.raises(OurMistake, match="register it first"):
            registry.schemas(register=False)
        registered = registry.schemas(register=True)
        assert ids(registry.schemas(register=False)) == ids(registered)

    def test_a_subject_has_only_the_schemas_registered_under_it(
        self, registry: ConfluentRegistry, topic_prefix: str
    ) -> None:
        number = registry.register(f"{topic_prefix}a-value", FOREIGN)
        other = {**FOREIGN, "fields": [{"name": "a", "type": "long", "default": 0}]}
        registry.register(f"{topic_prefix}b-value", other)
        assert registry.find(f"{topic_prefix}a-value", FOREIGN) == number
        with pytest.raises(OurMistake, match="register it first"):
            registry.find(f"{topic_prefix}a-value", other)

    def test_a_schema_has_one_id_whatever_its_subject(
        self, registry: ConfluentRegistry, topic_prefix: str
    ) -> None:
        first, second = f"{topic_prefix}a-value", f"uni/{topic_prefix}b-value"
        assert registry.register(first, FOREIGN) == registry.register(second, FOREIGN)
        assert registry.find(second, FOREIGN) == registry.find(first, FOREIGN)

    def test_subjects_carry_the_topic_names_as_the_installation_names_them(
        self, registry: ConfluentRegistry, schemas: Schemas, topic_prefix: str
    ) -> None:
        for topic in TOPICS:
            subject = f"{topic_prefix}{topic.name}-value"
            found = registry.find(subject, schemas.named(topic.schema))
            assert found == schemas.id_of(topic.schema)

    def test_a_foreign_writers_schema_is_found_by_its_id(
        self, registry: ConfluentRegistry, schemas: Schemas, topic_prefix: str
    ) -> None:
        number = registry.register(f"{topic_prefix}foreign-value", FOREIGN)
        assert schemas.by_id(number) == FOREIGN

    def test_a_schema_the_server_refuses_is_a_mistake(
        self, registry: ConfluentRegistry, topic_prefix: str
    ) -> None:
        with pytest.raises(OurMistake, match="refused"):
            registry.register(f"{topic_prefix}bad-value", {"type": "nothing"})


def ids(schemas: Schemas) -> list[int]:
    """Return the id of every topic's schema."""
    return [schemas.id_of(topic.schema) for topic in TOPICS]
