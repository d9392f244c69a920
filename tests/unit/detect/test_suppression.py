"""What a rule's suppression keeps back, and that it does not matter when things are found."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.alert_desk import AlertDesk
from pipeline.detect.alert_record import Record, severity_of
from pipeline.detect.finding import Finding
from pipeline.detect.rules import AnyRule, load_rule
from pipeline.domain.event_time import HOUR, MINUTE
from tests.support.detect_run import RULES

TEXT = (RULES / "error_spike_5xx_controller.yaml").read_text()
TEXT = TEXT.replace("part_of: error_spike_5xx_instance\n", "")
QUIET = load_rule(TEXT, "x").parameters.quiet_min
LENGTH = 600
T = 29_000_160


class Story(NamedTuple):
    """An episode in minutes after T, both inclusive."""

    key: str
    first: int
    last: int


def rule(more: str = "") -> AnyRule:
    return load_rule(TEXT + more, "x")


def finding(of: AnyRule, story: Story, now: int, final: int) -> Finding:
    """Return what a detector says of an episode when minutes before ``now`` are closed."""
    last = min(story.last, now - 1)
    is_over = now > story.last + QUIET
    return Finding(
        rule=of,
        key=story.key,
        window_start=(T + story.first) * MINUTE,
        window_end=(T + last + 1) * MINUTE,
        opened_at=(T + story.first + 1) * MINUTE,
        resolved_at=(T + story.last + QUIET + 1) * MINUTE if is_over else None,
        final=final > story.last + QUIET,
        feeds=("web_logs",),
        title="t",
        explanation="e",
        observed=20.0,
        expected=1.0,
        threshold=10.0,
        probability=1e-9,
        contributing=((story.key, 3), ("other", 1)),
        request_ids=(),
        session_ids=(),
        evidence_query="",
        window_min=3,
        baseline_since=(T + story.first) * MINUTE - 36 * HOUR,
    )


def run(of: AnyRule, stories: Iterable[Story], steps: Iterable[tuple[int, int, bool]]) -> list[Any]:
    """Report at each step (minutes closed, minutes final, restart then); return all records."""
    desk, published, states = AlertDesk(), list[Record](), dict[str, str]()
    done: set[Story] = set()
    for now, final, restarts in steps:
        found = [
            finding(of, story, now, final)
            for story in stories
            if story.first < now and story not in done
        ]
        done |= {s for s in stories if s.first < now and final > s.last + QUIET}
        records = desk.report([of.id], found, (T + now) * MINUTE, (T + final) * MINUTE)
        assert len({one["episode"] for one in records}) == len(records), "twice in a transaction"
        published += records
        states |= {key: state for _, key, state in desk.take_states()}
        if restarts:
            desk = AlertDesk()
            for state in filter(None, states.values()):
                desk.restore(state)
    return published


def shown(published: Iterable[Record]) -> list[tuple[Any, ...]]:
    """Return what the last record of every alert says, retracted ones left out."""
    last = {one["episode"]: one for one in published}
    fields = ("key", "window_start", "window_end", "suppressed", "severity", "provisional")
    return sorted(
        tuple(one[name] for name in fields) for one in last.values() if one["status"] != "retracted"
    )


@st.composite
def stories(draw: st.DrawFn) -> list[Story]:
    """Draw episodes of three keys, those of one key more than the quiet minutes apart."""
    found = []
    for key in "abc":
        at = draw(st.integers(0, 60))
        for _ in range(draw(st.integers(0, 5))):
            last = at + draw(st.integers(0, 40))
            found.append(Story(key, at, last))
            at = last + QUIET + draw(st.integers(2, 90))
    return found


@st.composite
def schedules(draw: st.DrawFn) -> list[tuple[int, int, bool]]:
    """Draw moments of reporting; what is final follows what is closed."""
    closed = sorted(draw(st.lists(st.integers(1, LENGTH), max_size=12)))
    steps, final = [], 0
    for now in closed:
        final = max(final, draw(st.integers(0, now)))
        steps.append((now, final, draw(st.booleans())))
    end = 100 * LENGTH
    return [*steps, (end, max(final, LENGTH // 2), False), (end, end, False), (end + 1, end, False)]


@given(stories(), schedules(), st.sampled_from(["key", "rule"]), st.integers(1, 120))
def test_what_is_kept_back_depends_on_the_windows_alone(
    found: list[Story], steps: list[tuple[int, int, bool]], per: str, for_min: int
) -> None:
    of = rule(f"suppression: {{for_min: {for_min}, per: {per}}}\n")
    end = 100 * LENGTH
    once = run(of, found, [(end, end, False)])
    assert shown(run(of, found, steps)) == shown(once)
    assert len(shown(once)) + sum(row[3] for row in shown(once)) == len(found)


@given(stories(), schedules())
def test_without_suppression_every_story_is_published(
    found: list[Story], steps: list[tuple[int, int, bool]]
) -> None:
    assert len(shown(run(rule(), found, steps))) == len(found)


@given(stories(), schedules())
def test_nothing_is_remembered_when_all_is_final(
    found: list[Story], steps: list[tuple[int, int, bool]]
) -> None:
    of = rule("suppression: {for_min: 60, per: rule}\n")
    desk = AlertDesk()
    states: dict[str, str] = {}
    done: set[Story] = set()
    for now, final, _ in [*steps, (200 * LENGTH, 200 * LENGTH, False)]:
        told = [finding(of, s, now, final) for s in found if s.first < now and s not in done]
        done |= {s for s in found if s.first < now and final > s.last + QUIET}
        desk.report([of.id], told, (T + now) * MINUTE, (T + final) * MINUTE)
        states |= {key: state for _, key, state in desk.take_states()}
    assert not any(states.values())


def test_an_alert_tells_how_many_it_kept_back_even_after_its_end() -> None:
    of = rule("suppression: {for_min: 60, per: rule}\n")
    told = [Story("a", 0, 5), Story("b", 30, 31), Story("c", 40, 41), Story("b", 200, 201)]
    published = run(of, told, [(minute, minute - 20, True) for minute in range(21, 300)])
    assert [(row[0], row[3]) for row in shown(published)] == [("a", 2), ("b", 0)]
    assert not [one for one in published if one["key"] == "c"]


def test_quiet_hours_hold_back_what_lies_in_them_and_nothing_else() -> None:
    of = rule('quiet_hours: {times: [{start: "02:00", end: "04:00"}]}\n')
    inside, beyond = Story("a", 130, 150), Story("b", 200, 260)
    published = run(of, [inside, beyond], [(210, 0, False), (500, 500, False)])
    assert [row[0] for row in shown(published)] == ["b"]


def test_severity_rises_with_the_evidence() -> None:
    text = "escalation: {to: critical, after_min: 30, times: 3}\n"
    of = load_rule(TEXT.replace("severity: critical", "severity: warning") + text, "x")
    assert of.severity == "warning"
    short, long = Story("a", 0, 5), Story("a", 0, 40)
    assert severity_of(finding(of, short, 100, 0)) == "warning"
    assert severity_of(finding(of, long, 100, 0)) == "critical"
    published = run(of, [long], [(10, 0, False), (100, 0, False)])
    assert [(one["severity"], one["severity_was"]) for one in published] == [
        ("warning", None),
        ("critical", "warning"),
    ]
    assert {one["episode"] for one in published} == {published[0]["episode"]}


def test_a_record_tells_its_rule_version_window_baseline_and_shares() -> None:
    of = rule("owner: platform\n")
    (record,) = run(of, [Story("a", 0, 5)], [(3, 0, False)])
    assert (record["rule_version"], record["owner"]) == (of.version, "platform")
    assert (record["judged_minutes"], record["baseline_days"]) == (3, 1.5)
    assert record["contributing_permille"] == [750, 250]
