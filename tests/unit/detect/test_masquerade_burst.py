"""What a masquerade burst is, what it is not, and that both feeds tell one story."""

from pipeline.detect.rules import changed_rule
from tests.support.detect_run import DetectRun, final_run, shipped_rules
from tests.support.minute_stats import Row, acting, frame

T = 29_000_160
BURST = "masquerade_burst"


def burst(feed: str, count: int = 40, actor: str = "7") -> list[Row]:
    """Return a quarter of an hour in which a person acts as ``count`` users."""
    targets = [str(1000 + i) for i in range(count)]
    return [
        acting(T + 100 + m, actor, mine, 1, 3 * len(mine), feed)
        for m in range(15)
        if (mine := targets[m * count // 15 : (m + 1) * count // 15])
    ]


def test_forty_users_in_a_quarter_of_an_hour_are_one_alert() -> None:
    run = final_run(frame(burst("web_logs")))
    assert run.windows() == [(BURST, "7", T + 100, T + 115)]
    [alert] = run.latest()
    assert (alert["observed"], alert["severity"]) == (40, "critical")
    assert len(alert["contributing_keys"]) == 40


def test_the_update_that_crosses_the_cut_fires_before_its_minute_closes() -> None:
    run = DetectRun()
    fired = []
    for row in burst("live_events"):
        run.observe([row])
        fired.append(len(run.take()))
    assert fired.index(1) == 4, "forty users in 15 minutes: the cut of 12 is passed in the fifth"


def test_web_logs_of_the_burst_update_the_same_alert_and_are_not_added() -> None:
    run = DetectRun()
    run.observe(burst("live_events"))
    run.take()
    run.close({"live_events": T + 140})
    run.take()
    run.observe(burst("web_logs"))
    run.take()
    run.finalise(burst("live_events") + burst("web_logs"), T + 400)
    run.take()
    assert [r["status"] for r in run.published] == ["open", "resolved", "revised", "resolved"]
    assert len({(r["fingerprint"], r["episode"]) for r in run.published}) == 1
    assert [r["feeds"] for r in run.published][1:3] == [
        ["live_events"],
        ["live_events", "web_logs"],
    ]
    last = run.published[-1]
    assert (last["observed"], last["provisional"]) == (40, False)
    assert "Live Events: 120 rows" in last["explanation"]


def test_targets_of_both_feeds_are_united() -> None:
    early = [acting(T, "7", [str(i) for i in range(10, 18)], 0, 8, "live_events")]
    late = [acting(T, "7", [str(i) for i in range(17, 25)], 0, 8, "web_logs")]
    assert final_run(frame(early)).windows() == []
    assert final_run(frame(late)).windows() == []
    [alert] = final_run(frame(early + late)).latest()
    assert alert["observed"] == 15


def test_writing_much_as_few_users_is_an_alert() -> None:
    rows = [acting(T + m, "8", ["1", "2"], 4, 6) for m in range(10)]
    [alert] = final_run(frame(rows)).latest()
    assert alert["observed"] == 40
    assert "wrote" in alert["title"]


def test_a_help_desk_stays_quiet() -> None:
    rows = [
        acting(T + 40 * n + m, "9", [str(n)], int(n % 7 == 0 and m == 2), 4)
        for n in range(100)
        for m in range(4)
    ]
    assert final_run(frame(rows)).windows() == []


def test_a_person_who_always_helps_many_is_usual_after_a_while() -> None:
    def hour(n: int, count: int) -> list[Row]:
        targets = [str(100 + i) for i in range(count)]
        return [acting(T + 60 * n + m, "9", targets[m::5], 0, count) for m in range(5)]

    rows = [row for n in range(60) for row in hour(n, 8)] + hour(60, 15)
    assert final_run(frame(rows)).windows() == []
    assert final_run(frame(hour(60, 15))).windows() != []


def test_among_more_people_a_burst_needs_more_also_after_a_restart() -> None:
    """The budget is one of the rule: with more people noise has more chances."""
    [shipped] = [rule for rule in shipped_rules() if rule.id == BURST]

    def threshold(people: int, alarms: str, *, restart: bool = False) -> float:
        helping = [
            acting(T + m, f"h{n}", [str(n)], 0, 1) for m in range(100) for n in range(people)
        ]
        rule = changed_rule(shipped, {"max_alarms_per_week": alarms, "min_ratio": "1"})
        run = DetectRun([rule]).after(helping, T + 100)
        run = run.restarted() if restart else run
        [alert] = run.after(burst("web_logs"), T + 1440).latest()
        return float(alert["threshold"])

    assert threshold(1, "1") == threshold(1, "100")
    assert threshold(400, "1") > threshold(400, "100")
    assert threshold(400, "1", restart=True) == threshold(400, "1")


def test_an_integration_that_never_stops_is_learned() -> None:
    rows = [acting(T + m, "9", [str(i) for i in range(m % 7, 140, 7)], 5, 20) for m in range(1440)]
    [alert] = final_run(frame(rows)).latest()
    assert alert["window_end"] - alert["window_start"] < 600 * 60_000_000


def test_the_people_silent_longest_go_first() -> None:
    [rule] = [rule for rule in shipped_rules() if rule.id == BURST]
    run = DetectRun([changed_rule(rule, {"max_keys": "3"})])
    for n in range(10):
        run.finalise(frame([acting(T + 60 * n, f"p{n}", ["1"], 0, 1)]), T + 60 * n + 1)
        run.take()
    kept = {key for (name, key), one in run.states.items() if name == BURST and one["state"]}
    assert kept - {""} == {"p6", "p7", "p8", "p9"}  # three, and who came after the last look
