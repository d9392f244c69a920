"""What a simulation is asked for."""

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.domain.errors import SettingsError
from pipeline.domain.event_time import HOUR, MICROS

# Tuesday 2026-02-03 00:00 UTC: an ordinary weekday in term, fixed so that two runs with the
# same arguments are the same bytes whenever they are made.
DEFAULT_START_US: Final = 1_770_076_800 * MICROS

# Fewer people cannot hold every role, a course with several students and a burst's targets.
LEAST_USERS: Final = 20


@dataclass(frozen=True, slots=True)
class SimulationConfig:
    """One simulated stretch of a university's traffic.

    `users` are people of all roles; API tokens come on top. `hours` count from `start_us`
    (microseconds since the epoch, UTC, whole milliseconds). `time_zone` (IANA name) sets the
    daily rhythm. `attacks` None means every attack there is. `bad_lines` are shared between
    the two feeds.
    Raises SettingsError when a value makes no sense.
    """

    users: int = 2_000
    hours: int = 24
    seed: int = 1
    start_us: int = DEFAULT_START_US
    time_zone: str = "UTC"
    attacks: tuple[str, ...] | None = None
    requests_per_user_day: float = 150.0
    bad_lines: int = 7
    gzip: bool = False

    def __post_init__(self) -> None:
        if self.users < LEAST_USERS:
            raise SettingsError(f"A simulation needs at least {LEAST_USERS} users.")
        if self.hours < 1:
            raise SettingsError("A simulation lasts at least one hour.")
        if self.seed < 0 or self.bad_lines < 0:
            raise SettingsError("Seed and number of bad lines cannot be negative.")
        if self.requests_per_user_day <= 0:
            raise SettingsError("Requests per user and day must be more than none.")
        if self.start_us % 1_000:
            raise SettingsError("The start must be a whole millisecond, as Canvas's times are.")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise SettingsError(f"There is no time zone named {self.time_zone!r}.") from error

    @property
    def end_us(self) -> int:
        """First instant after the simulated stretch."""
        return self.start_us + self.hours * HOUR
