"""Both registries keep the same promises; the server's over real HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.codecs.schemas import Schemas
from pipeline.codecs.unreadable import UnknownSchema
from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.domain.topics import TOPICS
from pipeline.kafka.registry import ConfluentRegistry, FileRegistry, RegistryAccess
from tests.support.registry_server import RegistryServer, registry_server

AVRO = Path(__file__).parents[3] / "schemas" / "avro"


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with registry_server() as running:
        yield running


@pytest.fixture(params=["file", "confluent"])
def schemas(request: pytest.FixtureRequest, server: RegistryServer) -> Schemas:
    if request.param == "file":
        return FileRegistry(AVRO).schemas()
    return ConfluentRegistry(RegistryAccess(server.url), AVRO).schemas(register=True)


def test_every_topic_has_a_schema_and_an_id(schemas: Schemas) -> None:
    for topic in TOPICS:
        assert schemas.named(topic.schema)["type"] == "record"
        assert 0 <= schemas.id_of(topic.schema) < 2**31


def test_an_id_gives_the_schema_back(schemas: Schemas) -> None:
    for topic in TOPICS:
        assert schemas.by_id(schemas.id_of(topic.schema)) == schemas.named(topic.schema)


def test_an_id_nobody_knows_is_told(schemas: Schemas) -> None:
    with pytest.raises(UnknownSchema):
        schemas.by_id(2**31 - 1)


def test_schemas_have_different_ids(schemas: Schemas) -> None:
    names = {topic.schema for topic in TOPICS}
    assert len({schemas.id_of(name) for name in names}) == len(names)


def test_released_versions_stay_readable_from_files(tmp_path: Path) -> None:
    ours = {"type": "record", "name": "Thing", "fields": [{"name": "a", "type": "long"}]}
    released = {"type": "record", "name": "Thing", "fields": []}
    (tmp_path / "thing.avsc").write_text(json.dumps(ours))
    (tmp_path / "released" / "1").mkdir(parents=True)
    (tmp_path / "released" / "1" / "thing.avsc").write_text(json.dumps(released))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "thing.avsc").write_text(json.dumps(released))
    old = FileRegistry(tmp_path / "old").schemas()
    assert FileRegistry(tmp_path).schemas().by_id(old.id_of("thing")) == released


def test_a_directory_without_schemas_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(OurMistake, match="no Avro schemas"):
        FileRegistry(tmp_path).schemas()


def test_registering_twice_gives_the_same_ids(server: RegistryServer) -> None:
    registry = ConfluentRegistry(RegistryAccess(server.url), AVRO)
    first, second = registry.schemas(register=True), registry.schemas(register=True)
    assert [first.id_of(t.schema) for t in TOPICS] == [second.id_of(t.schema) for t in TOPICS]


def test_without_leave_to_register_a_missing_schema_is_a_mistake(server: RegistryServer) -> None:
    registry = ConfluentRegistry(RegistryAccess(server.url), AVRO)
    with pytest.raises(OurMistake, match="register it first"):
        registry.schemas(register=False)
    registered = registry.schemas(register=True)
    found = registry.schemas(register=False)
    assert [found.id_of(t.schema) for t in TOPICS] == [registered.id_of(t.schema) for t in TOPICS]


def test_subjects_carry_the_prefixed_topic_names(server: RegistryServer) -> None:
    ConfluentRegistry(RegistryAccess(server.url), AVRO, named=lambda name: f"uni/{name}").schemas(
        register=True
    )
    assert set(server.subjects) == {f"uni/{topic.name}-value" for topic in TOPICS}


def test_a_writers_schema_is_asked_for_once(server: RegistryServer) -> None:
    foreign = {"type": "record", "name": "Foreign", "fields": []}
    registry = ConfluentRegistry(RegistryAccess(server.url), AVRO)
    ours = registry.schemas(register=True)
    number = registry.register("foreign-value", foreign)
    before = server.requests
    assert [ours.by_id(number), ours.by_id(number)] == [foreign, foreign]
    assert server.requests == before + 1


def test_a_registry_that_starts_slowly_is_waited_for(server: RegistryServer) -> None:
    server.failures = 2
    registry = ConfluentRegistry(RegistryAccess(server.url), AVRO)
    assert registry.by_id(1) is None
    assert server.requests == 3


def test_a_registry_that_is_not_there_is_unavailable() -> None:
    registry = ConfluentRegistry(RegistryAccess("http://127.0.0.1:9", retry_s=0.1), AVRO)
    with pytest.raises(Unavailable, match="does not answer"):
        registry.by_id(1)


def test_credentials_are_sent_and_wrong_ones_are_a_mistake() -> None:
    with registry_server(credentials=("us", "secret")) as server:
        access = RegistryAccess(server.url, username="us", password="secret")
        assert ConfluentRegistry(access, AVRO).by_id(1) is None
        with pytest.raises(OurMistake, match="Unauthorized"):
            ConfluentRegistry(RegistryAccess(server.url), AVRO).by_id(1)
        assert "secret" not in repr(access)


def test_a_schema_the_server_refuses_is_a_mistake(server: RegistryServer) -> None:
    registry = ConfluentRegistry(RegistryAccess(server.url), AVRO)
    with pytest.raises(OurMistake, match="Invalid Avro schema"):
        registry.register("text-value", {"type": "string"})


def test_an_address_that_is_no_web_address_is_a_mistake(tmp_path: Path) -> None:
    registry = ConfluentRegistry(RegistryAccess(tmp_path.as_uri()), AVRO)
    with pytest.raises(OurMistake, match="http"):
        registry.by_id(1)
