"""Drills say what they are, come in strengths, and leave everything else as it is."""

import pkgutil
from collections import Counter
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.detection.plan import EVALUATION, LEARNING, PER_WORKING_DAY, Plan, look_alikes
from bench.detection.plan import attacks as graded
from pipeline.domain.errors import SettingsError
from pipeline.simulator import attacks
from pipeline.simulator.attacks import (
    ATTACK_NAMES,
    DRILLS,
    GRADED,
    LOOK_ALIKES,
    MORE_NAMES,
    chosen_attacks,
)
from pipeline.simulator.attacks.acting import BURSTS
from pipeline.simulator.attacks.attack import Moment
from pipeline.simulator.attacks.campaign import BETWEEN, hours_of, stage
from pipeline.simulator.attacks.drill import Drill
from pipeline.simulator.attacks.error_spike import ErrorSpike
from pipeline.simulator.attacks.failures import SPIKES
from pipeline.simulator.attacks.masquerade import Masquerade
from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.dice import Dice
from pipeline.simulator.labels import AttackLabel, LookAlike
from pipeline.simulator.times import local_hour
from pipeline.simulator.world import World
from tests.support.detect_run import RULES
from tests.support.simulated import Simulated, micros

SMALL = SimulationConfig(users=120, seed=3, attacks=())
STRENGTHS = ("weak", "middle", "strong")
# Their sizes are minutes or percent of what is lost, not requests.
TOUCHING = ("events-", "rows-")


def label_of(drill: Drill | ErrorSpike | Masquerade, world: World) -> AttackLabel | LookAlike:
    start = world.start_us + 12 * 3_600_000_000
    moment = Moment(start, start + int(drill.minutes * 60_000_000))
    return drill.begin(world, moment, Dice(1)).label()


def test_every_drill_of_the_folder_can_be_chosen() -> None:
    found = {
        drill.name
        for module in pkgutil.iter_modules(attacks.__path__)
        for value in vars(import_module(f"{attacks.__name__}.{module.name}")).values()
        if isinstance(value, tuple)
        for drill in value
        if isinstance(drill, Drill)
    }
    assert found == {drill.name for drill in (*DRILLS, *LOOK_ALIKES)}
    assert len(MORE_NAMES) == len(set(MORE_NAMES))
    assert not set(MORE_NAMES) & set(ATTACK_NAMES)
    assert [kind.name for kind in chosen_attacks(MORE_NAMES)] == list(MORE_NAMES)


def test_a_name_that_is_no_attack_is_refused() -> None:
    with pytest.raises(SettingsError, match="no attack named 'token-bulk-read'"):
        chosen_attacks(("token-bulk-read",))


def test_every_rule_has_two_kinds_of_attack_in_three_strengths() -> None:
    shipped = {path.stem for path in RULES.glob("*.yaml")}
    kinds: Counter[str] = Counter(dict.fromkeys(shipped, 0))
    strengths: Counter[str] = Counter()
    for drill in DRILLS:
        strengths[drill.kind] += 1
        kinds[drill.rule] += drill.strength == "strong"
    assert set(strengths.values()) == {3}
    # Of a usual day's attacks too there are stronger and weaker ones.
    world = World.of(SMALL)
    for usual in (*SPIKES, *BURSTS):
        if usual.strength == "strong":
            label = label_of(usual, world)
            assert isinstance(label, AttackLabel)
            kinds[label.rule] += 1
    assert set(kinds) == shipped
    assert {rule: count for rule, count in kinds.items() if count < 2} == {}
    assert {name.rsplit(".", 1)[1] for name in (kind.name for kind in GRADED)} == set(STRENGTHS)


def test_every_rule_has_a_look_alike_and_look_alikes_are_of_rules() -> None:
    shipped = {path.stem for path in RULES.glob("*.yaml")}
    assert {rule for drill in LOOK_ALIKES for rule in drill.like} == shipped
    assert all(drill.like for drill in LOOK_ALIKES)
    assert {drill.kind for drill in LOOK_ALIKES} == set(PER_WORKING_DAY)


@pytest.mark.parametrize("kind", sorted({drill.kind for drill in DRILLS}))
def test_a_stronger_attack_is_more_of_the_same(kind: str) -> None:
    world = World.of(SimulationConfig(users=600, seed=3))
    labels = [label_of(drill, world) for drill in DRILLS if drill.kind == kind]
    carried = [
        label.web_logs + label.live_events for label in labels if isinstance(label, AttackLabel)
    ]
    lasts = [label.end_us - label.start_us for label in labels]
    if kind.startswith(TOUCHING):
        assert carried == [0, 0, 0]
        sizes = [drill.size for drill in DRILLS if drill.kind == kind]
        assert lasts == sorted(set(lasts)) or sizes == sorted(set(sizes))
    else:
        assert 0 < carried[0] < carried[1] < carried[2]


@pytest.mark.parametrize("drill", LOOK_ALIKES, ids=lambda drill: drill.kind)
def test_a_look_alike_is_no_attack(drill: Drill) -> None:
    label = label_of(drill, World.of(SMALL))
    assert isinstance(label, LookAlike)
    assert label.kind == drill.kind


def test_what_is_labelled_is_written_and_the_rest_stays_as_it_was(tmp_path: Path) -> None:
    names = ("token-bulk-read.middle", "grades-raised.strong", "sis-users-deleted.weak")
    plain = Simulated.run(tmp_path / "plain", SMALL)
    both = Simulated.run(
        tmp_path / "both",
        SimulationConfig(users=SMALL.users, seed=SMALL.seed, attacks=names),
    )
    before = {row["id"]: row for row in plain.rows()}
    after = {row["id"]: row for row in both.rows()}
    assert {key: after[key] for key in before} == before
    labels = both.summary.attacks
    assert {label.name for label in labels} == set(names)
    added = [row for key, row in after.items() if key not in before]
    # A row in five thousand is deleted or odd by itself.
    assert abs(len(added) - sum(label.web_logs for label in labels)) <= 2
    for row in added:
        at = micros(row["timestamp"])
        assert any(label.start_us <= at < label.end_us for label in labels)
    events = len(list(both.events())) - len(list(plain.events()))
    assert events == sum(label.live_events for label in labels)


def test_events_that_stop_leave_the_rows_alone(tmp_path: Path) -> None:
    names = ("events-stop.strong",)
    config = SimulationConfig(users=SMALL.users, seed=SMALL.seed, attacks=names)
    silent = Simulated.run(tmp_path / "silent", config)
    (label,) = silent.summary.attacks
    for event in silent.events():
        at = micros(event["metadata"]["event_time"])
        # An event is dated while its request is served, up to a second later.
        assert not label.start_us + 1_000_000 <= at < label.end_us
    plain = Simulated.run(tmp_path / "plain", SMALL)
    assert silent.rows() == plain.rows()


@pytest.mark.parametrize("world", EVALUATION, ids=lambda one: one.name)
def test_every_look_alike_finds_room_in_the_stretches_of_the_evaluation(world: Plan) -> None:
    for number, strength in enumerate(world.strengths):
        config = world.config(world.days, 4 * world.seeds[0] + number)
        kinds = [] if strength is None else graded(strength)
        parts = [(config.start_us + LEARNING, kinds), (config.start_us, look_alikes(world.days))]
        staged = [attack.label() for attack in stage(World.of(config), parts)]
        assert sum(isinstance(label, AttackLabel) for label in staged) == len(kinds)
        assert {one.kind for one in staged} >= {one.kind for one in LOOK_ALIKES}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), days=st.integers(1, 20))
def test_staged_attacks_keep_their_hours_and_a_distance(seed: int, days: int) -> None:
    world = World.of(SimulationConfig(users=60, seed=seed, hours=24 * days))
    earliest = world.start_us + 3_600_000_000
    kinds = [drill for drill in DRILLS if drill.strength == "weak"]
    staged = stage(world, [(earliest, kinds), (world.start_us, LOOK_ALIKES)])
    moments = sorted(attack.moment for attack in staged)
    like = {one.kind: one.like for one in LOOK_ALIKES}
    for rule in {rule for rules in like.values() for rule in rules}:
        # Look-alikes of two rules may run beside each other, and beside nothing else.
        labels = [(attack.moment, attack.label()) for attack in staged]
        apart = sorted(
            moment
            for moment, label in labels
            if isinstance(label, AttackLabel) or rule in like[label.kind]
        )
        assert all(one.end_us + BETWEEN <= other.start_us for one, other in pairwise(apart))
    assert all(world.start_us <= one.start_us < one.end_us < world.end_us for one in moments)
    by_name = {drill.name: drill for drill in kinds}
    for attack in staged:
        label = attack.label()
        if isinstance(label, AttackLabel):
            assert label.start_us >= earliest
            first, last = hours_of(by_name[label.name])
            assert int(first) <= local_hour(label.start_us, world.zone) <= last
