"""Dead letters keep what was received, without its secrets, up to the limit."""

import hashlib

from pipeline.codecs.avro import ColumnEncoder
from pipeline.codecs.dead_letters import CutRecord, dead_letters
from pipeline.domain.bad_record import BadRecord
from tests.support.avro_schemas import raw_schemas


def record(payload: bytes) -> BadRecord:
    return BadRecord("a.jsonl:7", "shape", "url is missing", "ValidationError", payload)


def test_a_dead_letter_says_what_it_was() -> None:
    payload = b'{"url":"/x?access_token=abc&y=1"'
    letters = dead_letters([record(payload)], source="s", feed="web_logs", happened_at=5)
    letter = letters.row(0, named=True)
    assert letter["payload"] == b'{"url":"/x?access_token=REDACTED&y=1"'
    assert letter["payload_length"] == len(payload)
    assert letter["payload_sha256"] == hashlib.sha256(payload).hexdigest()
    assert not letter["cut"]
    assert (letter["location"], letter["reason"]) == ("a.jsonl:7", "shape")


def test_beyond_the_limit_it_is_cut_and_says_so() -> None:
    payload = b"x" * 100_000
    letters = dead_letters(
        [record(payload)], source="s", feed="web_logs", happened_at=5, record_limit=20_000
    )
    letter = letters.row(0, named=True)
    assert letter["cut"]
    assert len(letter["payload"]) < 20_000
    assert letter["payload_length"] == 100_000


def test_a_record_that_was_never_held_keeps_its_length() -> None:
    bad = CutRecord("a:1", "too_large", "long", "TooLarge", b"beginning", 10**10, "ab" * 32)
    letter = dead_letters([bad], source="s", feed="web_logs", happened_at=5).row(0, named=True)
    assert letter["cut"]
    assert letter["payload_length"] == 10**10
    assert letter["payload_sha256"] == "ab" * 32


def test_dead_letters_can_be_encoded() -> None:
    encoder = ColumnEncoder(raw_schemas()["dead_letter"], 1)
    letters = dead_letters([record(b"\xff\x00")] * 3, source="s", feed="web_logs", happened_at=5)
    assert len(encoder.encode(letters)) == 3
