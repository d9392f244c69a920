"""Kafka and ClickHouse from their server images, for STACK=containers."""

import gc
import os
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import docker
import pytest
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer

from pipeline.local.kafka_probe import broker_answers
from pipeline.local.ports import free_port
from tests.support.stack import ClickHouseAddress, Control

KAFKA_IMAGE = os.environ.get("KAFKA_IMAGE", "apache/kafka:4.2.1")
CLICKHOUSE_IMAGE = os.environ.get("CLICKHOUSE_IMAGE", "clickhouse/clickhouse-server:26.9")
READY_WITHIN_S = 120
USER = "tests"
PASSWORD = "tests"  # of a container that lives as long as the tests


class ContainerStack:
    """Two containers whose ports on this machine are fixed, so a restart keeps the address."""

    def __init__(self, kafka: "ContainerControl", clickhouse: "ContainerControl") -> None:
        self.kafka: Control = kafka
        self.clickhouse: Control = clickhouse
        self.bootstrap_servers = f"127.0.0.1:{kafka.port}"
        self.clickhouse_address = ClickHouseAddress("127.0.0.1", clickhouse.port, USER, PASSWORD)
        self.clickhouse_url = self.clickhouse_address.url


class ContainerControl:
    """Stops and starts one container."""

    def __init__(self, container: DockerContainer, port: int) -> None:
        self.port = port
        self._container = container

    def start(self) -> None:
        wrapped = self._container.get_wrapped_container()
        wrapped.start()
        self.wait_ready()

    def stop(self) -> None:
        self._container.get_wrapped_container().stop()

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def wait_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.answers():
            if time.monotonic() > deadline:
                pytest.fail(
                    f"{self._container.image} does not answer: {self._container.get_logs()}"
                )
            time.sleep(0.2)

    def answers(self) -> bool:
        return broker_answers("127.0.0.1", self.port)


class ClickHouseControl(ContainerControl):
    """ClickHouse answers by HTTP."""

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=2) as pong:
                return bool(pong.status == 200)
        except OSError:
            return False


@contextmanager
def container_stack() -> Iterator[ContainerStack]:
    """Start both containers; skips the test with the reason where no Docker engine answers."""
    _require_engine()
    with ExitStack() as running:
        kafka_port = free_port()
        clickhouse_port = free_port({kafka_port})
        kafka = ContainerControl(running.enter_context(_kafka(kafka_port)), kafka_port)
        clickhouse = ClickHouseControl(
            running.enter_context(_clickhouse(clickhouse_port)), clickhouse_port
        )
        kafka.wait_ready()
        clickhouse.wait_ready()
        yield ContainerStack(kafka, clickhouse)


def _kafka(port: int) -> DockerContainer:
    environment = {
        "KAFKA_NODE_ID": 1,
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": 1,
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": 1,
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": 1,
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": 0,
    }
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    return container.with_envs(**{name: str(value) for name, value in environment.items()})


def _clickhouse(port: int) -> DockerContainer:
    container = DockerContainer(CLICKHOUSE_IMAGE).with_bind_ports(8123, port)
    return container.with_envs(
        CLICKHOUSE_USER=USER, CLICKHOUSE_PASSWORD=PASSWORD, CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT="1"
    )


def _require_engine() -> None:
    why = _engine_fault()
    if why is not None:
        pytest.skip(f"no Docker engine answers: {why}")


def _engine_fault() -> str | None:
    with warnings.catch_warnings():
        # the client loses its socket when nobody listens at the other end
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            client = docker.from_env()
            client.ping()
            client.close()
        except DockerException as error:
            return str(error)
        finally:
            gc.collect()
    return None
