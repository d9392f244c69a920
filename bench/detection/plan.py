"""What is simulated: stretches of weeks, and how often each look-alike comes in them."""

from dataclasses import dataclass
from typing import Final

from pipeline.domain.event_time import HOUR, MICROS
from pipeline.simulator.attacks import GRADED, LOOK_ALIKES
from pipeline.simulator.attacks.attack import AttackKind
from pipeline.simulator.config import DEFAULT_START_US, SimulationConfig
from pipeline.simulator.labels import Strength

DAY: Final = 24 * HOUR
LEARNING: Final = 14 * DAY
"""Before the first attack: what was never seen, and what is unusual, shows after weeks."""

PER_WORKING_DAY: Final[dict[str, float]] = {
    "class-behind-nat": 1.0,
    "deploy-blip": 0.5,
    "import-with-deletes": 1.0,
    "large-import": 0.1,
    "regrade": 0.5,
    "grade-class": 2.0,
    "chores": 4.0,
    "end-of-course": 0.3,
    "grade-appeal": 0.5,
    "concluded-by-mistake": 0.1,
    "open-course": 0.2,
    "term-ends": 0.1,
    "courses-tidied": 0.2,
    "forgotten-password": 0.5,
    "on-the-move": 0.5,
    "hand-ins": 0.5,
    "busy-help-desk": 0.3,
    "page-not-published": 0.3,
    "tool-restarts": 0.2,
    "app-logs-in-again": 0.3,
    "program-slows-down": 0.3,
    "longer-report": 0.2,
    "script-on-a-laptop": 0.7,
    "nightly-settings": 0.3,
    "import-repeated": 0.1,
    "provisioning": 2.0,
    "logins-looked-at": 0.3,
    "acts-for-somebody": 0.3,
    "session-goes-along": 0.5,
    "link-among-friends": 0.3,
    "many-mistype": 0.2,
    "quiz-closes": 0.2,
    "events-pause": 0.1,
    "rows-pause": 0.1,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A university, its calendar, and the seeds of its stretches."""

    name: str
    seeds: tuple[int, ...]
    users: int
    requests_per_user_day: float
    start_us: int
    time_zone: str
    strengths: tuple[Strength | None, ...] = (None, "weak", "middle", "strong")
    """A stretch for each; None: without attacks."""
    days: int = 30

    def config(self, days: int, seed: int) -> SimulationConfig:
        """Return the configuration of one stretch."""
        return SimulationConfig(
            users=self.users,
            hours=24 * days,
            seed=seed,
            start_us=self.start_us,
            time_zone=self.time_zone,
            attacks=(),
            requests_per_user_day=self.requests_per_user_day,
        )


TUNING: Final = Plan("tuning", (5,), 240, 100.0, DEFAULT_START_US, "UTC")
"""What the rules were tuned on, with seeds below 100."""

# Monday 2026-08-31: the weeks after a term began, another zone, more people, other rates.
COLLEGE: Final = Plan("college", (811,), 280, 80.0, 1_788_134_400 * MICROS, "America/New_York")
# Monday 2026-04-20.
POLYTECHNIC: Final = Plan(
    "polytechnic",
    (823,),
    400,
    50.0,
    1_776_643_200 * MICROS,
    "Asia/Tokyo",
    (None, "middle", "strong"),
)
# Monday 2026-10-05: clocks go back on the 25th.
UNIVERSITY: Final = Plan(
    "university", (907,), 2_000, 25.0, 1_791_158_400 * MICROS, "Europe/Berlin", (None,), 21
)
# Monday 2026-03-02: few people, far from all others; a stretch takes a quarter of the college's.
SEMINARY: Final = Plan(
    "seminary",
    (829,),
    160,
    50.0,
    1_772_409_600 * MICROS,
    "Australia/Sydney",
    (None, "middle", "strong"),
    28,
)
"""Not in the table: for a change of the look-alikes or of one rule, before the long run."""
EVALUATION: Final = (COLLEGE, POLYTECHNIC, UNIVERSITY)
PLANS: Final = {plan.name: plan for plan in (TUNING, SEMINARY, *EVALUATION)}


def look_alikes(days: int) -> list[AttackKind]:
    """Return the look-alikes of so many days."""
    working = days * 5 / 7
    return [
        kind
        for kind in LOOK_ALIKES
        for _ in range(max(1, round(PER_WORKING_DAY[kind.name] * working)))
    ]


def attacks(strength: Strength) -> list[AttackKind]:
    """Return every attack there is, in one strength."""
    return [kind for kind in GRADED if kind.name.endswith(f".{strength}")]
