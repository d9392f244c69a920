"""What an error spike is, what it is not, and which of whole and part reports it."""

from collections.abc import Iterable
from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.error_scope import ERROR_BITS, ErrorScope
from pipeline.detect.rules import AnyRule, ErrorSpikeRule, changed_rule
from tests.support.detect_run import DetectRun, final_run, shipped_rules
from tests.support.minute_stats import Row, frame, requests

T = 29_000_160
PAGES = [f"page_{i}#show" for i in range(10)]
INSTANCE, PAGE = "error_spike_5xx_instance", "error_spike_5xx_controller"


def minute_rows(minute: int, failing: dict[str, int], many: int = 20) -> list[Row]:
    """Return requests of ten pages, one server error each 20 minutes, and those of all."""
    server = {p: failing.get(p, int((minute + i) % 20 == 0)) for i, p in enumerate(PAGES)}
    rows = [requests(minute, page, many, server[page]) for page in PAGES]
    return [*rows, requests(minute, "", many * len(PAGES), sum(server.values()))]


def hours(spikes: dict[int, dict[str, int]], length: int = 240) -> list[Row]:
    """Return quiet hours with spikes in the given minutes (relative)."""
    return [
        row for minute in range(length) for row in minute_rows(T + minute, spikes.get(minute, {}))
    ]


def spike(minutes: Iterable[int], failing: dict[str, int]) -> dict[int, dict[str, int]]:
    return dict.fromkeys(minutes, failing)


def relative(run: DetectRun) -> list[tuple[str, str, int, int]]:
    return [(rule, key, start - T, end - T) for rule, key, start, end in run.windows()]


def test_a_failing_page_is_reported_once_and_not_the_instance() -> None:
    run = final_run(frame(hours(spike(range(150, 160), {PAGES[3]: 15}))))
    assert relative(run) == [(PAGE, PAGES[3], 150, 160)]


def test_an_outage_is_reported_once_for_the_instance_with_its_contributors() -> None:
    run = final_run(frame(hours(spike(range(150, 156), dict.fromkeys(PAGES, 8)))))
    assert relative(run) == [(INSTANCE, "", 150, 156)]
    [alert] = run.latest()
    assert set(alert["contributing_keys"]) == set(PAGES)
    assert alert["contributing_counts"] == [48] * 10
    assert "480 of 1,200 requests (40.0%)" in alert["explanation"]
    assert alert["sample_request_ids"]


def test_two_failing_pages_are_two_alerts() -> None:
    failing = {PAGES[3]: 15, PAGES[7]: 12}
    run = final_run(frame(hours(spike(range(150, 160), failing))))
    assert relative(run) == [(PAGE, PAGES[3], 150, 160), (PAGE, PAGES[7], 150, 160)]


def test_a_failing_page_and_a_later_outage_are_two_alerts() -> None:
    spikes = spike(range(150, 158), {PAGES[3]: 15}) | spike(
        range(158, 164), dict.fromkeys(PAGES, 8)
    )
    run = final_run(frame(hours(spikes)))
    assert [window[:2] for window in relative(run)] == [(PAGE, PAGES[3]), (INSTANCE, "")]


def test_a_slow_page_is_seen_over_several_minutes() -> None:
    rows = [requests(T + m, "", 100, 0) for m in range(240)]
    rows += [requests(T + m, "rare#show", 2, 1 if 150 <= m < 162 else 0) for m in range(240)]
    run = final_run(frame(rows))
    assert [window[:2] for window in relative(run)] == [(PAGE, "rare#show")]


def test_holes_in_a_spike_do_not_split_it() -> None:
    minutes = [*range(150, 154), *range(160, 164)]
    run = final_run(frame(hours(spike(minutes, {PAGES[3]: 15}))))
    assert relative(run) == [(PAGE, PAGES[3], 150, 164)]


def test_a_usual_level_is_no_spike() -> None:
    """A page that fails a third of the time all day is learned, not reported for ever."""
    rows = hours({m: {PAGES[3]: 6} for m in range(3, 1440)}, length=1440)
    run = final_run(frame(rows))
    assert all(end - start < 400 for _, _, start, end in relative(run))
    assert len(relative(run)) <= 1


def test_a_single_bad_minute_of_few_requests_is_no_spike() -> None:
    rows = [requests(T + m, "rare#show", 2, 2 if m == 150 else 0) for m in range(240)]
    assert relative(final_run(frame(rows))) == []


def test_refused_requests_are_judged_apart_from_server_errors() -> None:
    rows = [
        requests(T + m, key, 40, client=32 if 150 <= m < 160 else 2)
        for m in range(240)
        for key in ("", "api#show")
    ]
    run = final_run(frame(rows))
    assert [window[:2] for window in relative(run)] == [("error_spike_4xx_controller", "api#show")]


def test_the_baseline_does_not_learn_from_the_attack() -> None:
    again = spike(range(150, 160), {PAGES[3]: 15}) | spike(range(200, 210), {PAGES[3]: 15})
    run = final_run(frame(hours(again)))
    first, second = run.latest()
    assert second["expected"] <= 2 * first["expected"]


def test_minutes_are_judged_when_they_close_not_before() -> None:
    run = DetectRun()
    run.finalise(hours({}, 150), T + 150)
    run.observe(minute_rows(T + 150, {PAGES[3]: 15}))
    assert run.take() == []
    run.close({"web_logs": T + 151})
    [alert] = run.take()
    assert (alert["status"], alert["provisional"], alert["rule"]) == ("open", True, PAGE)


def test_folded_keys_raise_no_alert() -> None:
    rows = hours(spike(range(150, 160), {PAGES[3]: 15}))
    folded = [
        row | ({"key": "other", "keys_folded": 3} if row["key"] == PAGES[3] else {})
        for row in rows
        if row["key"]
    ]
    assert relative(final_run(frame(folded))) == []


def test_state_of_silent_keys_is_forgotten() -> None:
    run = DetectRun()
    run.finalise(hours({}, 60), T + 60)
    run.take()
    assert run.states[PAGE, PAGES[0]]["state"]
    run.finalise([requests(T + 3000, "", 10)], T + 3060)
    run.take()
    assert run.states[PAGE, PAGES[0]]["state"] == ""


def test_an_outage_of_three_hundred_pages_is_one_alert() -> None:
    pages = [f"page_{number}#show" for number in range(300)]
    rows = []
    for minute in range(T, T + 130):
        failing = 12 if 100 <= minute - T < 110 else int(minute % 20 == 0)
        rows += [requests(minute, page, 20, failing) for page in pages]
        rows.append(requests(minute, "", 20 * len(pages), failing * len(pages)))
    run = final_run(frame(rows))
    assert relative(run) == [(INSTANCE, "", 100, 110)]
    [alert] = run.latest()
    assert set(alert["contributing_keys"]) <= set(pages)
    assert alert["contributing_keys"]


def test_among_more_pages_a_spike_needs_more_errors_also_after_a_restart() -> None:
    """The budget is one of the rule: with more pages noise has more chances."""

    def threshold(pages: int, alarms: str, *, restart: bool = False) -> float:
        changes = {"max_alarms_per_week": alarms, "max_probability": "0.0001"}
        rules = [
            changed_rule(rule, changes) if rule.id == PAGE else rule
            for rule in shipped_rules()
            if rule.id in {INSTANCE, PAGE}
        ]
        rows = [requests(T + m, f"page_{n}#show", 40, 1) for m in range(180) for n in range(pages)]
        run = DetectRun(rules).after(rows, T + 180)
        run = run.restarted() if restart else run
        [alert] = run.after([requests(T + 180, "page_0#show", 40, 35)], T + 1440).latest()
        return float(alert["threshold"])

    assert threshold(1, "1") == threshold(1, "1000")
    assert threshold(300, "1") > threshold(300, "1000")
    assert threshold(300, "1", restart=True) == threshold(300, "1")


MOST = 4


@cache
def few_pages() -> list[AnyRule]:
    """Return the rules with a bound below the number of pages."""
    return [
        changed_rule(rule, {"max_keys": str(MOST)}) if rule.id == PAGE else rule
        for rule in shipped_rules()
        if rule.id in {INSTANCE, PAGE}
    ]


@given(cuts=st.lists(st.integers(1, 179), max_size=6), restarts=st.booleans())
def test_the_pages_silent_longest_go_first_however_the_past_is_cut(
    *, cuts: list[int], restarts: bool
) -> None:
    rows = [requests(T + n, f"page_{n // 2}#show", 20, 1) for n in range(180)]
    once = bounded_run(rows, [180], restarts=False)
    assert bounded_run(rows, [*sorted(set(cuts)), 180], restarts=restarts) == once
    assert {page for page, _ in once} == {f"page_{n}#show" for n in range(86, 90)}


def bounded_run(rows: list[Row], cuts: list[int], *, restarts: bool) -> set[tuple[str, str]]:
    """Return key and state of what is kept after rows were made final up to each cut."""
    run, before = DetectRun(few_pages()), 0
    for cut in cuts:
        run.finalise(frame(rows[before:cut]), T + cut)
        run.take()
        run, before = (run.restarted() if restarts else run), cut
    return {(key, one["state"]) for (name, key), one in run.states.items() if name == PAGE} - {
        (key, "") for _, key in run.states
    }


@given(asked=st.sets(st.integers(0, 239)), left_out=st.sets(st.integers(0, 239)))
def test_a_baseline_is_the_same_whenever_it_is_asked_for(
    asked: set[int], left_out: set[int]
) -> None:
    """Minutes are learned when somebody asks; what was flagged before then is left out alike."""
    assert learned(asked, left_out) == learned(set(range(240)), left_out)


def learned(asked: set[int], left_out: set[int]) -> list[tuple[str, str]]:
    [rule] = [rule for rule in few_pages() if rule.id == PAGE]
    assert isinstance(rule, ErrorSpikeRule)
    scope = ErrorScope(rule)
    for minute in range(T, T + 240):
        scope.begin_final(minute)
        scope.add_final(minute, [(PAGES[0], 20 << ERROR_BITS | minute % 7)])
        if minute - T in left_out:
            scope.leave_out(PAGES[0], range(minute - 2, minute + 1))
        if minute - T in asked:
            scope.expect(minute, PAGES[0], 20)
        scope.end_final(minute + 1)
    return scope.take_changed()
