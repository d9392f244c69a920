"""When every partition of a topic has a leader, as a cluster describes it."""

from pipeline.kafka.leaders import is_led


def described(*leaders: int) -> dict[str, object]:
    partitions = [{"partition": number, "leader": leader} for number, leader in enumerate(leaders)]
    return {"topic": "canvas.sessions.v1", "partitions": partitions}


def test_a_topic_is_led_once_each_of_its_partitions_is() -> None:
    assert is_led(described(1, 2, 0))
    assert not is_led(described(1, -1, 0))


def test_a_topic_that_is_only_being_made_is_not_led() -> None:
    assert not is_led(described())
