"""A file of Live Events → its raw JSON values.

Files hold one value per line (an event or an array of events), or one big array, or objects that go
over several lines. The first lines tell: if one of them is an event by itself, or the first at
least looks like one, lines are the unit, which keeps damage to a line; else brackets are.
"""

import hashlib
from collections.abc import Iterator
from itertools import islice
from typing import Final

from pipeline.codecs.dead_letters import CutRecord
from pipeline.codecs.json_stream import JsonSplitter
from pipeline.codecs.json_text import NotJson, read_json
from pipeline.codecs.live_event_rows import RawEvent
from pipeline.ingest.content import LONGEST_LINE, Content

_BLOCK_BYTES: Final = 1 << 20
_LOOKED_AT: Final = 20


def live_event_values(content: Content) -> Iterator[RawEvent | CutRecord]:
    """Give every value with its place in the file: its line, or its number among the values."""
    if _by_line(content):
        yield from _lines(content)
    else:
        yield from _values(content)


def _by_line(content: Content) -> bool:
    lines = list(islice(_first_lines(content), _LOOKED_AT))
    if not lines:
        return True
    if lines[0].startswith(b"["):
        # Lines of an array that goes over several look like events but for their commas.
        return _is_unit(lines[0])
    return (lines[0].startswith(b"{") and lines[0].endswith(b"}")) or any(map(_is_unit, lines))


def _first_lines(content: Content) -> Iterator[bytes]:
    for block in Content(content.path, content.name).lines(_BLOCK_BYTES):
        yield from filter(None, map(bytes.strip, block.text.split(b"\n")))


def _is_unit(line: bytes) -> bool:
    try:
        value = read_json(line)
    except NotJson:
        return False
    return isinstance(value, dict | list) and bool(value)


def _lines(content: Content) -> Iterator[RawEvent | CutRecord]:
    for block in content.lines(_BLOCK_BYTES):
        yield from block.too_long
        for number, line in enumerate(block.text.split(b"\n"), start=block.first):
            if line.strip():
                yield RawEvent(line, f"{content.name}:{number}")


def _values(content: Content) -> Iterator[RawEvent | CutRecord]:
    splitter = JsonSplitter(LONGEST_LINE)
    number = 0
    for block in content.text_blocks(_BLOCK_BYTES):
        for value in splitter.feed(block):
            number += 1
            yield _value(value, f"{content.name}#{number}")
    for value in splitter.finish():
        number += 1
        yield _value(value, f"{content.name}#{number}")


def _value(value: bytes, location: str) -> RawEvent | CutRecord:
    if len(value) <= LONGEST_LINE:
        return RawEvent(value, location)
    return CutRecord(
        location,
        "too_large",
        f"the value is longer than {LONGEST_LINE} bytes",
        "TooLarge",
        value[:_BLOCK_BYTES],
        len(value),
        hashlib.sha256(value).hexdigest(),
    )
