"""What is labelled is in the data, clear against the background, and nothing else is."""

import pkgutil
from collections import Counter, defaultdict
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.simulator import attacks
from pipeline.simulator.attacks import ATTACK_NAMES, ATTACKS
from pipeline.simulator.attacks.placement import place
from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.instance import SHARD_SIZE
from pipeline.simulator.labels import AttackLabel
from pipeline.simulator.world import World
from tests.support.simulated import Simulated, micros


def during(label: AttackLabel, done: Simulated) -> list[dict[str, Any]]:
    return [row for row in done.rows() if label.start_us <= micros(row["timestamp"]) < label.end_us]


def label_of(name: str, done: Simulated) -> AttackLabel:
    return next(label for label in done.summary.attacks if label.name == name)


def server_errors_per_minute(done: Simulated) -> Counter[int]:
    return Counter(
        micros(row["timestamp"]) // MINUTE for row in done.rows() if 500 <= row["http_status"] < 600
    )


def most_targets(done: Simulated, feed: str, window: int) -> dict[int, int]:
    """Largest number of people one account acted as within aligned windows."""
    targets: dict[tuple[int, int], set[int]] = defaultdict(set)
    if feed == "web_logs":
        for row in done.rows():
            if "real_user_id" in row:
                at = micros(row["timestamp"]) // window
                targets[row["real_user_id"], at].add(row["user_id"])
    else:
        for event in done.events():
            metadata = event["metadata"]
            if "real_user_id" in metadata:
                at = micros(metadata["event_time"]) // window
                actor = int(metadata["real_user_id"]) % SHARD_SIZE
                targets[actor, at].add(int(metadata["user_id"]))
    most: dict[int, int] = defaultdict(int)
    for (actor, _), people in targets.items():
        most[actor] = max(most[actor], len(people))
    return most


def test_all_attacks_are_labelled_by_default(attacked: Simulated) -> None:
    assert tuple(label["name"] for label in attacked.labels["attacks"]) == ATTACK_NAMES


def test_every_attack_kind_of_the_folder_is_in_the_tuple() -> None:
    found = [
        value
        for module in pkgutil.iter_modules(attacks.__path__)
        for value in vars(import_module(f"{attacks.__name__}.{module.name}")).values()
        if hasattr(value, "begin") and not isinstance(value, type)
    ]
    assert {kind.name for kind in found} == set(ATTACK_NAMES)
    assert len(ATTACKS) == len(set(ATTACK_NAMES))


def test_the_broken_action_fails_and_the_others_do_not(attacked: Simulated) -> None:
    label = label_of("error-spike", attacked)
    assert [key.dimension for key in label.keys] == ["controller_action"]
    errors: Counter[str] = Counter()
    for row in during(label, attacked):
        if row["http_status"] >= 500:
            name = f"{row['web_application_controller']}#{row['web_application_action']}"
            errors[name] += 1
    own = errors.pop(label.keys[0].key)
    assert own >= 40
    assert label.web_logs - 2 <= own <= label.web_logs + 2
    assert errors.total() <= 5


def test_the_outage_fails_everything(attacked: Simulated) -> None:
    label = label_of("error-spike-instance", attacked)
    assert [tuple(key) for key in label.keys] == [("all", "")]
    rows = during(label, attacked)
    errors = [row for row in rows if row["http_status"] >= 500]
    assert len(errors) >= max(30, 0.6 * len(rows))
    assert label.web_logs - 2 <= len(errors) <= label.web_logs + 5
    assert len({row.get("web_application_controller") for row in errors}) > 3


def test_the_burst_acts_as_many_people_in_both_feeds(attacked: Simulated) -> None:
    label = label_of("masquerade-burst", attacked)
    assert set(label.feeds) == {"web_logs", "live_events"}
    actor = int(label.keys[0].key)
    rows = [row for row in during(label, attacked) if row.get("real_user_id") == actor]
    assert len({row["user_id"] for row in rows}) >= 38
    told = {
        event["metadata"]["user_id"]
        for event in attacked.events()
        if int(event["metadata"].get("real_user_id", 0)) % SHARD_SIZE == actor
        and label.start_us <= micros(event["metadata"]["event_time"]) < label.end_us
    }
    assert len(told) >= 30
    assert label.end_us - label.start_us <= 15 * MINUTE
    assert len({row["session_id"] for row in rows}) <= 2


def test_the_writer_writes_much_as_few(attacked: Simulated) -> None:
    label = label_of("masquerade-writes", attacked)
    actor = int(label.keys[0].key)
    rows = [row for row in during(label, attacked) if row.get("real_user_id") == actor]
    assert label.web_logs == len(rows)
    assert len({row["user_id"] for row in rows}) <= 6
    assert sum(row["http_method"] in ("POST", "PUT") for row in rows) >= 100
    events = [
        event
        for event in attacked.events()
        if int(event["metadata"].get("real_user_id", 0)) % SHARD_SIZE == actor
    ]
    assert label.live_events == len(events) >= 100


def test_without_attacks_there_is_no_surge_and_no_burst(quiet: Simulated) -> None:
    assert quiet.labels["attacks"] == []
    assert max(server_errors_per_minute(quiet).values()) <= 6
    for feed in ("web_logs", "live_events"):
        most = most_targets(quiet, feed, 15 * MINUTE)
        assert most
        assert max(most.values()) <= 4


def test_the_background_is_the_same_with_and_without_attacks(
    attacked: Simulated, quiet: Simulated
) -> None:
    rows = {row["id"]: row for row in attacked.rows()}
    for row in quiet.rows():
        twin = rows.pop(row["id"])
        if twin["http_status"] == row["http_status"]:
            assert twin == row
    labelled = sum(label.web_logs for label in attacked.summary.attacks)
    assert 0 < len(rows) <= labelled + 80


def test_look_alikes_are_labelled(quiet: Simulated) -> None:
    kinds = {note["kind"] for note in quiet.labels["look_alikes"]}
    assert kinds == {"help_desk", "quiz_start", "sis_import"}


@pytest.mark.parametrize("name", ATTACK_NAMES)
def test_one_attack_alone_runs_when_it_would_run_among_others(name: str, tmp_path: Path) -> None:
    config = SimulationConfig(users=40, seed=11, attacks=(name,))
    alone = Simulated.run(tmp_path, config).summary.attacks
    assert [label.name for label in alone] == [name]
    moments = place(World.of(replace(config, attacks=None)))
    moment = moments[ATTACK_NAMES.index(name)]
    assert (alone[0].start_us, alone[0].end_us) == moment


@settings(max_examples=60, deadline=None)
@given(
    hours=st.integers(1, 24 * 31),
    seed=st.integers(0, 2**32),
    start_h=st.integers(0, 24 * 365),
    zone=st.sampled_from(["UTC", "America/Denver", "Asia/Kolkata", "Pacific/Auckland"]),
)
def test_attacks_fit_into_the_stretch_and_never_overlap(
    hours: int, seed: int, start_h: int, zone: str
) -> None:
    config = SimulationConfig(
        users=20,
        hours=hours,
        seed=seed,
        start_us=1_735_689_600_000_000 + start_h * HOUR,
        time_zone=zone,
    )
    moments = sorted(place(World.of(config)))
    assert all(moment.start_us < moment.end_us <= config.end_us for moment in moments)
    assert moments[0].start_us >= config.start_us + min(
        (config.end_us - config.start_us) // 5, HOUR
    )
    for one, following in pairwise(moments):
        assert one.end_us < following.start_us
