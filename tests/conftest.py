"""Fixtures every room may use; the rest lives in ``tests/support``."""

import os
import uuid
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.support.clickhouse_http import ask
from tests.support.stack import Stack, open_stack

# No deadline: a test must not fail because the machine is busy. Sixty examples keep the unit
# tests short; HYPOTHESIS_PROFILE=thorough looks harder.
settings.register_profile(
    "default", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# The suite starts commands some two hundred times: what one of them compiled, the next one loads.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True)
def logs_of_one_test() -> Iterator[None]:
    """A command that runs in this process sets up its logs; the next test has its own."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka and ClickHouse, started once by the first test that asks for them."""
    with open_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def topic_prefix() -> str:
    """A topic prefix no other test has."""
    return f"test-{uuid.uuid4().hex[:12]}."


@pytest.fixture
def database(stack: Stack) -> Iterator[str]:
    """An empty ClickHouse database of this test alone."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    assert ask(stack.clickhouse_address, f"CREATE DATABASE {name}").status == 200
    yield name
    ask(stack.clickhouse_address, f"DROP DATABASE {name}")
