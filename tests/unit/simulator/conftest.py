"""One day of a small university, simulated once for all tests of this room."""

from pathlib import Path

import pytest

from pipeline.simulator.config import SimulationConfig
from tests.support.simulated import Simulated

SMALL = SimulationConfig(users=300, seed=7)


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return Simulated.run(tmp_path_factory.mktemp("attacked"), SMALL)


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    out: Path = tmp_path_factory.mktemp("quiet")
    return Simulated.run(out, SimulationConfig(users=300, seed=7, attacks=()))
