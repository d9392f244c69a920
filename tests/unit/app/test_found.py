"""Which alerts count as having found an attack."""

from pipeline.app.demo.found import DELAY, Alert, Attack, match

SPIKE = Attack(
    "spike",
    "error_spike",
    1000,
    2000,
    frozenset({("controller_action", "a#b")}),
    frozenset({("all", "")}),
    "",
)
WHOLE = Attack(
    "outage",
    "error_spike",
    5 * DELAY,
    6 * DELAY,
    frozenset({("all", "")}),
    frozenset({("controller_action", "*")}),
    "",
)


def alert(rule: str, dimension: str, key: str, start: int, end: int) -> Alert:
    return Alert(rule, dimension, key, start, end)


def test_an_alert_of_the_rule_on_the_key_in_its_time_finds_the_attack() -> None:
    found = alert("error_spike_5xx_controller", "controller_action", "a#b", 1500, 2000 + DELAY)
    assert match([SPIKE, WHOLE], [found]).found == {"spike": [found], "outage": []}
    assert match([SPIKE, WHOLE], [found]).missed == ["outage"]


def test_another_key_another_time_or_another_rule_is_a_false_alarm() -> None:
    alerts = [
        alert("error_spike_5xx_controller", "controller_action", "c#d", 1500, 1600),
        alert("error_spike_5xx_controller", "controller_action", "a#b", 2 * DELAY, 3 * DELAY),
        alert("masquerade_burst", "controller_action", "a#b", 1500, 1600),
    ]
    assert match([SPIKE], alerts).false == alerts


def test_an_alert_of_the_same_cause_is_tolerated_and_finds_nothing() -> None:
    same = alert("error_spike_5xx_instance", "all", "", 1500, 1600)
    any_controller = alert(
        "error_spike_5xx_controller", "controller_action", "x#y", 5 * DELAY, 6 * DELAY
    )
    findings = match([SPIKE, WHOLE], [same, any_controller])
    assert findings.false == []
    assert findings.missed == ["spike", "outage"]
