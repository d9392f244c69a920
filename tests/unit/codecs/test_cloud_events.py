"""Anomalies are CloudEvents in Kafka's binary mode."""

from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.cloud_events import anomaly_headers, instant
from pipeline.detect.frames import anomalies_frame
from pipeline.domain.topics import ANOMALIES
from pipeline.engine.blocks import BlockMaker
from tests.support.alerts import alert
from tests.support.memory_kafka import SCHEMAS, MemoryKafka

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
INSTANTS = st.integers(0, 4_000_000_000_000_000)


@given(rule=TEXTS, version=st.integers(1, 1 << 60), at=INSTANTS)
def test_the_cloudevents_library_reads_what_the_record_says(
    rule: str, version: int, at: int
) -> None:
    record = alert(1, rule=rule, updated_at=at)
    (headers,) = anomaly_headers(anomalies_frame([record], version))
    event = from_binary_event(KafkaMessage(dict(headers), b"key", b"\x00value\xff"))
    assert event.get_specversion() == "1.0"
    assert event.get_id() == f"{record['episode']}/{version}"
    assert event.get_type() == "canvas.telemetry.anomaly.v1"
    assert event.get_subject() == record["fingerprint"]
    assert event.get_extension("rule") == rule
    assert event.get_extension("severity") == record["severity"]
    assert event.get_data() == b"\x00value\xff"
    time = event.get_time()
    assert time is not None
    assert round(time.timestamp() * 1e6) == at


def test_two_installations_never_say_the_same_source() -> None:
    frame = anomalies_frame([alert(1)], 5)
    sources = {
        dict(headers)["ce_source"]
        for site in ("prod", "staging", "a/b", "a", "Universität")
        for headers in anomaly_headers(frame, site)
    }
    assert len(sources) == 5
    assert b"/canvas-telemetry/a%2Fb/detect" in sources


def test_every_record_of_a_block_has_the_headers_of_its_own() -> None:
    kafka = MemoryKafka()
    frame = anomalies_frame([alert(1), alert(2)], 5)
    kafka.publish(BlockMaker(SCHEMAS).block(ANOMALIES, 0, frame))
    chunk = kafka.chunk(ANOMALIES.name, 0, 0, 2)
    ids = [dict(chunk.record(offset).headers)["ce_id"].decode() for offset in (0, 1)]
    assert ids == [f"{alert(number)['episode']}/5" for number in (1, 2)]
    assert [row["key"] for row in kafka.rows(ANOMALIES.name)] == [alert(n)["key"] for n in (1, 2)]


@given(INSTANTS)
def test_an_instant_is_rfc_3339_in_utc(at: int) -> None:
    text = instant(at)
    assert text.endswith("Z")
    assert text[10] == "T"
