"""A real registry server keeps the promises that files and the server in memory keep."""

import json
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.domain.errors import OurMistake
from pipeline.kafka.registry import ConfluentRegistry, RegistryAccess
from tests.support.avro_schemas import DIRECTORY, raw_schemas
from tests.support.registry_contract import ServerContract

RELEASED = sorted(DIRECTORY.glob("released/*/*.avsc"))


class TestApicurio(ServerContract):
    @pytest.fixture
    def access(self, registry_access: RegistryAccess) -> RegistryAccess:
        return registry_access

    @pytest.mark.parametrize(
        "released", RELEASED, ids=lambda path: f"{path.stem} {path.parent.name}"
    )
    def test_ours_may_follow_a_release_by_the_servers_own_rules(
        self, registry: ConfluentRegistry, access: RegistryAccess, topic_prefix: str, released: Path
    ) -> None:
        subject = f"{topic_prefix}{released.stem}-value"
        ours = raw_schemas()[released.stem]
        registry.register(subject, json.loads(released.read_text()))
        compare_both_ways(access, subject)
        number = registry.register(subject, ours)
        assert registry.find(subject, ours) == number
        required = {"name": "required", "type": "long"}
        with pytest.raises(OurMistake, match="refused"):
            registry.register(subject, {**ours, "fields": [*ours["fields"], required]})


def compare_both_ways(access: RegistryAccess, subject: str) -> None:
    """From now on the server refuses what cannot be read by, or cannot read, what it has."""
    address = urlsplit(access.url)
    connection = HTTPConnection(address.netloc, timeout=30)
    connection.request(
        "PUT",
        f"{address.path}/config/{subject}",
        json.dumps({"compatibility": "FULL_TRANSITIVE"}),
        {"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    assert connection.getresponse().status == 200
    connection.close()
