"""What every simulated action may look at."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.university import University, build_university


@dataclass(frozen=True, slots=True)
class World:
    """The population, the calendar and the stretch of time."""

    config: SimulationConfig
    university: University
    zone: ZoneInfo
    start_us: int
    end_us: int

    @classmethod
    def of(cls, config: SimulationConfig) -> "World":
        """Build the world of a configuration."""
        return cls(
            config=config,
            university=build_university(config),
            zone=ZoneInfo(config.time_zone),
            start_us=config.start_us,
            end_us=config.end_us,
        )
