"""Rule 4: a stage looks at a sample of keys and says if they are partitioned differently."""

import pyarrow as pa

from pipeline.codecs.chunk import RecordChunk
from pipeline.codecs.partitioner import partition_of
from pipeline.engine.placement import EVERY, PlacementCheck
from tests.support.memory_kafka import Stored

KEYS = [f"{n:032x}".encode() for n in range(200)]
RIGHT = [
    key
    for key, place in zip(KEYS, partition_of(pa.array(KEYS, pa.binary()), 4), strict=True)
    if place == 1
]


def looked(keys: list[bytes | None], chunks: int = 1) -> list[str]:
    said: list[str] = []
    check = PlacementCheck(1, 4, said.append)
    records = [Stored(n, 0, key, b"", ()) for n, key in enumerate(keys)]
    for _ in range(chunks):
        check.look(RecordChunk("canvas.web_logs.v1", 1, 0, len(keys), records), range(len(keys)))
    return said


def test_rule_4_keys_in_their_partition_are_not_worth_a_word() -> None:
    assert looked(RIGHT) == []


def test_rule_4_keys_of_another_partitioner_are_said_once() -> None:
    (said,) = looked(KEYS, chunks=2 * EVERY)
    assert "murmur2" in said


def test_rule_4_rows_without_a_key_are_in_no_partition_of_their_own() -> None:
    assert looked([None]) != []
