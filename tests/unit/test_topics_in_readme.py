"""The README's table of topics is the catalogue's."""

import re
from pathlib import Path

import pytest

from pipeline.app.settings import Settings
from pipeline.codecs.record_limit import DEFAULT_LIMIT
from pipeline.domain.topics import TOPICS, Topic

README = Path(__file__).parents[2] / "README.md"
ROW = re.compile(r"^\| `(canvas\.[^`]+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def names(cell: str) -> set[str]:
    """Return who is named in a cell, without what is in brackets."""
    plain = re.sub(r"\([^)]*\)|`", "", cell)
    return {name.strip() for name in plain.split(",")} - {"you"}


ROWS = {name: (names(by), names(to)) for name, by, to in ROW.findall(README.read_text())}


def test_every_topic_has_a_row() -> None:
    assert set(ROWS) == {topic.name for topic in TOPICS}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_writers_and_readers_are_those_of_the_catalogue(topic: Topic) -> None:
    assert ROWS[topic.name] == ({*topic.written_by}, {*topic.read_by})


def test_the_limit_of_a_record_leaves_room_for_the_rest_of_it() -> None:
    """Kafka takes 1,048,588 bytes in a batch: one record's texts and everything around them."""
    assert Settings().record_limit_bytes == DEFAULT_LIMIT < 1_048_588 - 16_384
