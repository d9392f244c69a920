"""Rules of the generic detectors, each over any dimension; see ``rules/README.md``.

Every one of them watches the keys of a dimension, merges flagged minutes into episodes, learns
what is usual from final minutes that were not flagged, and spends a budget of false alarms.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.detect.rules.envelope import Rule, Strict
from pipeline.detect.rules.quiet_hours import TimeZone
from pipeline.domain.feeds import Feed

DAY_MIN = 24 * 60

Measure = Literal[
    "rows",
    "errors",
    "writes",
    "masqueraded",
    "participations",
    "status_1xx",
    "status_2xx",
    "status_3xx",
    "status_4xx",
    "status_5xx",
    "status_other",
    "members",
]
"""A count of request stats; ``members``: the distinct ones of a minute."""

Count = Annotated[int, Field(gt=0)]
Long = Annotated[int, Field(gt=0, le=366 * DAY_MIN)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Feeds = Annotated[tuple[Feed, ...], Field(min_length=1)]

BOTH: tuple[Feed, ...] = ("web_logs", "live_events")


class WatchParameters(Strict):
    """What the generic detectors share.

    ``max_alarms_per_week``: false alarms that the rule may raise on noise; divided by the number
    of tests of the last week it is the probability from which a window is flagged.
    """

    window_min: Annotated[int, Field(gt=0, le=DAY_MIN)] = 15
    max_alarms_per_week: Positive = 0.2
    max_probability: Probability = 1e-4
    quiet_min: Long = 15
    adapt_after_min: Long = 6 * 60
    forget_after_min: Long = 30 * DAY_MIN
    half_life_min: Long = 7 * DAY_MIN
    max_keys: Count = 100_000
    max_alerts_per_hour: Count = 10
    explained_share: Share = 0.8
    max_culprits: Count = 2


class WatchRule(Rule):
    """A rule of a generic detector.

    ``part_of`` names the rule of the same detector that watches the whole of which this one
    watches the parts; of the two only one reports a given cause. ``time_zone``: whose clocks make
    the hours of a season and odd hours; None: the installation's (``in_zone``).
    """

    detector: str
    dimension: Annotated[str, Field(min_length=1)]
    feeds: Feeds = BOTH
    part_of: str | None = None
    time_zone: TimeZone | None = None
    parameters: WatchParameters = WatchParameters()

    @property
    def zone(self) -> str:
        """Return the time zone of the rule's hours."""
        return self.time_zone or "UTC"


class CountBurstParameters(WatchParameters):
    """How many is too many of a count; ``cold_*`` is for keys that little is known of.

    The rule says nothing before it has ``cold_hours`` of history itself; 0 lets it speak at once,
    against ``prior_per_hour``.
    """

    min_count: Count = 20
    min_ratio: Positive = 3.0
    cold_min_count: Count = 50
    cold_hours: Annotated[float, Field(ge=0)] = 24
    prior_per_hour: Positive = 1.0
    prior_shape: Positive = 0.5
    dispersion: Positive = 0.25
    clump: Annotated[float, Field(ge=1)] = 1.0
    season: Literal["none", "hour_of_week"] = "hour_of_week"


class CountBurstRule(WatchRule):
    """A rule of the detector ``count_burst``: a count far above what is usual for the hour."""

    detector: Literal["count_burst"]
    measure: Measure = "rows"
    parameters: CountBurstParameters = CountBurstParameters()


class RatioParameters(WatchParameters):
    """When a share of trials is too high; the floors are for keys with few of them."""

    min_count: Count = 10
    min_trials: Count = 20
    min_share: Share = 0.1
    min_ratio: Positive = 3.0
    prior_share: Share = 0.02
    prior_shape: Positive = 1.0
    dispersion: Positive = 0.25
    clump: Annotated[float, Field(ge=1)] = 1.0


class RatioRule(WatchRule):
    """A rule of the detector ``ratio``: ``measure`` as a share of ``of`` far above the usual."""

    detector: Literal["ratio"]
    measure: Measure
    of: Measure = "rows"
    feeds: Feeds = ("web_logs",)
    parameters: RatioParameters = RatioParameters()

    @model_validator(mode="after")
    def _is_a_share(self) -> Self:
        if self.measure == self.of:
            raise ValueError("measure and of must differ: a share of itself is 1")
        return self


class FanOutParameters(WatchParameters):
    """How many distinct members are too many for a key within a window.

    Nothing is reported before ``learning_min`` of the rule's own history. Without a ``baseline``
    the floors ``min_members`` and ``min_rows`` alone count.
    """

    baseline: Literal["learned", "none"] = "learned"
    learning_min: Annotated[int, Field(ge=0, le=366 * DAY_MIN)] = 0
    min_members: Annotated[int, Field(gt=1)] = 10
    min_rows: Count = 1
    min_ratio: Positive = 3.0
    prior_members: Positive = 1.5
    prior_weight: Positive = 4.0
    population_weight: Positive = 20.0
    dispersion: Positive = 0.25
    half_life_min: Long = 14 * DAY_MIN


class FanOutRule(WatchRule):
    """A rule of the detector ``fan_out``: unusually many distinct members of one key."""

    detector: Literal["fan_out"]
    parameters: FanOutParameters = FanOutParameters()


class FirstSeenParameters(WatchParameters):
    """What counts as never seen, and how surprising it must be.

    Nothing is reported before ``learning_min`` of the rule's own history, nor for a key known
    for less than ``known_min`` (pairs and hours). Members and hours are remembered for
    ``forget_after_min``, at most ``max_members`` of a key.
    """

    window_min: Annotated[int, Field(gt=0, le=DAY_MIN)] = 1
    max_probability: Probability = 0.05
    quiet_min: Long = 60
    forget_after_min: Long = 90 * DAY_MIN
    learning_min: Long = 7 * DAY_MIN
    known_min: Long = 3 * DAY_MIN
    min_count: Count = 1
    max_members: Count = 64


class FirstSeenRule(WatchRule):
    """A rule of the detector ``first_seen``.

    ``novelty``: ``key`` never seen in the dimension; ``member`` never seen for its key; ``hour``
    of day at which the key is hardly ever active.
    """

    detector: Literal["first_seen"]
    novelty: Literal["key", "member", "hour"]
    measure: Measure = "rows"
    parameters: FirstSeenParameters = FirstSeenParameters()


class Step(Strict):
    """So many of a count of a dimension's key, within the rule's window.

    ``min_share``: as a share of these and of the counts of the last step in the window.
    """

    dimension: Annotated[str, Field(min_length=1)]
    measure: Measure = "rows"
    min_count: Count = 1
    min_share: Annotated[float, Field(ge=0, lt=1)] = 0


class NewIn(Strict):
    """That a member of the last step is somewhere new.

    Keys of ``dimension`` are these members, its members where they were; new is what was never
    seen with one of them before. Of somebody who is known for less than ``known_min``, or from
    fewer than ``min_spells`` windows, nothing is new.
    """

    dimension: Annotated[str, Field(min_length=1)]
    min_spells: Count = 3
    known_min: Long = 7 * DAY_MIN


class SequenceParameters(WatchParameters):
    """How many of the last step there must be."""

    min_count: Count = 1


class SequenceRule(WatchRule):
    """A rule of the detector ``sequence``: one key passes steps in order within the window.

    ``after`` are the steps before the last, which ``dimension`` and ``measure`` name. Without
    ``after`` it is a count with a floor: for what is wrong however often it happens. ``new_in``
    asks besides that somebody who passed the last step be at a place that is new to him.
    """

    detector: Literal["sequence"]
    measure: Measure = "rows"
    after: tuple[Step, ...] = ()
    new_in: NewIn | None = None
    parameters: SequenceParameters = SequenceParameters()


class Period(Strict):
    """Days of the rule's time zone from one on, up to another that is no more of them."""

    from_: Annotated[date, Field(alias="from")]
    until: date

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        if self.until <= self.from_:
            raise ValueError("until must be a later day than from")
        return self


class AfterEndParameters(WatchParameters):
    """How much of what goes on after an end is too much.

    A key that goes on after all counts as ended for ``reopen_min`` more. ``ended_between``: periods
    in which every key has ended.
    """

    min_count: Count = 1
    reopen_min: Long = 60
    forget_after_min: Long = 366 * DAY_MIN
    ended_between: tuple[Period, ...] = ()


class AfterEndRule(WatchRule):
    """A rule of the detector ``after_end``: a key goes on after what ``ended_by`` counted of it.

    ``reopened_by`` says that it goes on rightly; keys of all dimensions are the same things.
    """

    detector: Literal["after_end"]
    measure: Measure = "rows"
    ended_by: Step
    reopened_by: Step | None = None
    parameters: AfterEndParameters = AfterEndParameters()


class ChangePointParameters(WatchParameters):
    """What a creep is: a level ``min_ratio`` times the usual, too small a step for a burst."""

    window_min: Annotated[int, Field(ge=15, le=DAY_MIN)] = 60
    min_ratio: Annotated[float, Field(gt=1)] = 1.5
    min_count: Count = 50
    cold_hours: Annotated[float, Field(gt=0)] = 7 * 24
    quiet_min: Long = 6 * 60
    adapt_after_min: Long = 3 * DAY_MIN
    half_life_min: Long = 14 * DAY_MIN
    prior_per_hour: Positive = 1.0
    prior_shape: Positive = 0.5
    dispersion: Positive = 0.05
    clump: Annotated[float, Field(ge=1)] = 1.0
    season: Literal["none", "hour_of_week"] = "hour_of_week"


class ChangePointRule(WatchRule):
    """A rule of the detector ``change_point``: a count that crept up and stays up."""

    detector: Literal["change_point"]
    measure: Measure = "rows"
    parameters: ChangePointParameters = ChangePointParameters()


class AbsenceParameters(WatchParameters):
    """When nothing, or next to nothing (``max_share`` of the usual), is too little."""

    window_min: Annotated[int, Field(gt=0, le=DAY_MIN)] = 60
    max_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    min_expected: Positive = 10.0
    cold_hours: Annotated[float, Field(gt=0)] = 7 * 24
    quiet_min: Long = 30
    adapt_after_min: Long = 3 * DAY_MIN
    half_life_min: Long = 14 * DAY_MIN
    prior_per_hour: Positive = 1.0
    prior_shape: Positive = 0.5
    dispersion: Positive = 0.1
    clump: Annotated[float, Field(ge=1)] = 1.0
    season: Literal["none", "hour_of_week"] = "hour_of_week"
    max_keys: Count = 2000


class AbsenceRule(WatchRule):
    """A rule of the detector ``absence``: a feed, or a class of its events, that stopped."""

    detector: Literal["absence"]
    measure: Measure = "rows"
    feeds: Annotated[tuple[Feed, ...], Field(min_length=1, max_length=1)]
    parameters: AbsenceParameters = AbsenceParameters()
