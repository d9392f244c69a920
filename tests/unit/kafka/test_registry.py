"""Both registries keep the same promises; the server's over real HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.codecs.schemas import Schemas
from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.domain.topics import TOPICS
from pipeline.kafka.registry import ConfluentRegistry, FileRegistry, RegistryAccess
from tests.support.avro_schemas import DIRECTORY
from tests.support.registry_contract import SchemasContract, ServerContract
from tests.support.registry_server import RegistryServer, registry_server


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with registry_server() as running:
        yield running


class TestFiles(SchemasContract):
    @pytest.fixture
    def schemas(self) -> Schemas:
        return FileRegistry(DIRECTORY).schemas()


class TestServerInMemory(ServerContract):
    @pytest.fixture
    def access(self, server: RegistryServer) -> RegistryAccess:
        return RegistryAccess(server.url)


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


def test_subjects_carry_the_prefixed_topic_names(server: RegistryServer) -> None:
    ConfluentRegistry(
        RegistryAccess(server.url), DIRECTORY, named=lambda name: f"uni/{name}"
    ).schemas(register=True)
    assert set(server.subjects) == {f"uni/{topic.name}-value" for topic in TOPICS}


def test_a_writers_schema_is_asked_for_once(server: RegistryServer) -> None:
    foreign = {"type": "record", "name": "Foreign", "fields": []}
    registry = ConfluentRegistry(RegistryAccess(server.url), DIRECTORY)
    ours = registry.schemas(register=True)
    number = registry.register("foreign-value", foreign)
    before = server.requests
    assert [ours.by_id(number), ours.by_id(number)] == [foreign, foreign]
    assert server.requests == before + 1


def test_a_registry_that_starts_slowly_is_waited_for(server: RegistryServer) -> None:
    server.failures = 2
    registry = ConfluentRegistry(RegistryAccess(server.url), DIRECTORY)
    assert registry.by_id(1) is None
    assert server.requests == 3


def test_a_registry_that_is_not_there_is_unavailable() -> None:
    registry = ConfluentRegistry(RegistryAccess("http://127.0.0.1:9", retry_s=0.1), DIRECTORY)
    with pytest.raises(Unavailable, match="does not answer"):
        registry.by_id(1)


def test_credentials_are_sent_and_wrong_ones_are_a_mistake() -> None:
    with registry_server(credentials=("us", "secret")) as server:
        access = RegistryAccess(server.url, username="us", password="secret")
        assert ConfluentRegistry(access, DIRECTORY).by_id(1) is None
        with pytest.raises(OurMistake, match="Unauthorized"):
            ConfluentRegistry(RegistryAccess(server.url), DIRECTORY).by_id(1)
        assert "secret" not in repr(access)


def test_a_schema_the_server_refuses_is_a_mistake(server: RegistryServer) -> None:
    registry = ConfluentRegistry(RegistryAccess(server.url), DIRECTORY)
    with pytest.raises(OurMistake, match="Invalid Avro schema"):
        registry.register("text-value", {"type": "string"})


def test_an_address_that_is_no_web_address_is_a_mistake(tmp_path: Path) -> None:
    registry = ConfluentRegistry(RegistryAccess(tmp_path.as_uri()), DIRECTORY)
    with pytest.raises(OurMistake, match="http"):
        registry.by_id(1)
