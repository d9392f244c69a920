r"""Exports as CSV and TSV, as DAP writes them.

CSV is RFC 4180 with a header. An unquoted field that is empty or ``NULL`` is null, a quoted one is
text: DAP's documentation gives the first for null, its client library the second.
TSV is what PostgreSQL's COPY writes, with a header: backslash escapes, ``\N`` for null.
A bad row is kept as the JSON line that it would be, as one of Parquet is: a mask in a text takes
the fields behind it along, and a record without its header means nothing. One that has no such
line is kept as it came, behind the header.

https://developerdocs.instructure.com/services/dap/output-formats
"""

import io
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import csv

from pipeline.codecs.web_log_rows import Origin, WebLogs
from pipeline.codecs.web_log_tables import ID, read_table
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.errors import OurMistake
from pipeline.ingest.content import LONGEST_LINE, Content

_MEANT: Final = {
    "\\\\": "\\",
    "\\b": "\b",
    "\\f": "\f",
    "\\n": "\n",
    "\\r": "\r",
    "\\t": "\t",
    "\\v": "\v",
}
"""Escapes of COPY, and what each is."""


class _Dialect(NamedTuple):
    """``quoted`` fields may hold line ends and doubled quotes."""

    name: str
    delimiter: bytes
    quoted: bool
    nulls: tuple[str, ...]


_CSV: Final = _Dialect("CSV", b",", quoted=True, nulls=("", "NULL"))
_TSV: Final = _Dialect("TSV", b"\t", quoted=False, nulls=("\\N",))


def web_logs_of_csv(content: Content, origin: Origin) -> Iterator[WebLogs]:
    """Give the rows of a DAP export in CSV, block by block, in the order of the file."""
    return _web_logs(content, origin, _CSV)


def web_logs_of_tsv(content: Content, origin: Origin) -> Iterator[WebLogs]:
    """Give the rows of a DAP export in TSV, block by block, in the order of the file."""
    return _web_logs(content, origin, _TSV)


def web_logs_of_headed(payload: bytes, origin: Origin) -> WebLogs | None:
    """Read a record kept behind its header, in either format; return None for anything else."""
    head, end, record = payload.partition(b"\n")
    for dialect in (_TSV, _CSV):
        names = head.decode("utf-8", "replace").split(dialect.delimiter.decode())
        if end and len(names) > 1 and ID in names:
            return _read([record], names, 1, origin, dialect)
    return None


def _web_logs(content: Content, origin: Origin, dialect: _Dialect) -> Iterator[WebLogs]:
    header: list[str] | None = None
    number = 1
    for records in _records(content, dialect):
        rows = records
        if header is None:
            header = _header(content.name, records[0], dialect)
            rows, number = records[1:], number + 1
        filled = [record for record in rows if record]
        if filled:
            yield _read(filled, header, number, origin, dialect)
        number += len(rows)


def _header(name: str, record: bytes, dialect: _Dialect) -> list[str]:
    fields = [
        field.strip(b'"').decode("utf-8", "replace") for field in record.split(dialect.delimiter)
    ]
    if ID not in fields or len(set(fields)) < len(fields):
        raise OurMistake(
            f"{name} does not begin with the header of a DAP export in {dialect.name}: "
            f"there should be a column {ID}, and each only once"
        )
    return fields


def _read(
    records: list[bytes], header: Sequence[str], first: int, origin: Origin, dialect: _Dialect
) -> WebLogs:
    """Read records; one that is no row of the table is bad and costs its neighbours nothing."""
    try:
        table = _table(records, header, dialect)
    except pa.ArrowInvalid:
        table = None
    if table is not None and table.height == len(records):
        return read_table(table, first, origin)
    rows, good, bad = [], [], []
    for at, record in enumerate(records):
        try:
            row = _table([record], header, dialect)
        except pa.ArrowInvalid:
            row = None
        if row is None or row.height != 1:
            detail = f"the record is no row of {len(header)} fields in UTF-8"
            location = f"{origin.name}:{first + at}"
            payload = _headed(record, header, dialect)
            bad.append((at, BadRecord(location, "shape", detail, "WrongShape", payload)))
        else:
            good.append(at)
            rows.append(row)
    logs = read_table(
        pl.concat(rows) if rows else pl.DataFrame(schema=dict.fromkeys(header, pl.String)),
        first,
        origin,
    )
    moved = [(good[at], each) for at, each in logs.bad]
    return logs._replace(bad=sorted([*moved, *bad], key=lambda one: one[0]), read=len(records))


def _headed(record: bytes, header: Sequence[str], dialect: _Dialect) -> bytes:
    return dialect.delimiter.join(name.encode() for name in header) + b"\n" + record


def _table(records: Sequence[bytes], header: Sequence[str], dialect: _Dialect) -> pl.DataFrame:
    # With an end after the last line too: without, a last field that is null would come as text.
    data = b"".join(record + b"\n" for record in records)
    table = csv.read_csv(
        io.BytesIO(data),
        csv.ReadOptions(use_threads=False, column_names=list(header), block_size=len(data) + 1),
        csv.ParseOptions(
            delimiter=dialect.delimiter.decode(),
            quote_char='"' if dialect.quoted else False,
            double_quote=dialect.quoted,
            escape_char=False,
            newlines_in_values=dialect.quoted,
        ),
        csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            null_values=list(dialect.nulls),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    frame = pl.DataFrame(table)
    return frame if dialect.quoted else frame.with_columns(_unescaped(frame))


def _unescaped(frame: pl.DataFrame) -> Iterator[pl.Series]:
    for column in frame.get_columns():
        if column.str.contains("\\", literal=True).any():
            yield column.str.replace_many(_MEANT)


def _records(content: Content, dialect: _Dialect) -> Iterator[list[bytes]]:
    """Give whole records without their ends; raise OurMistake for one that never ends."""
    rest = b""
    number = 1
    for block in content.text_blocks():
        data = rest + block
        records = _split(data, dialect)
        rest = records.pop()
        if len(rest) > LONGEST_LINE:
            raise OurMistake(
                f"{content.name}:{number + len(records)} begins a record of more than "
                f"{LONGEST_LINE} bytes: a quote seems to be missing"
            )
        number += len(records)
        if records:
            yield [record.removesuffix(b"\r") for record in records]
    if rest:
        yield [rest.removesuffix(b"\r")]


def _split(data: bytes, dialect: _Dialect) -> list[bytes]:
    """Return whole records and, last, what is left."""
    if not dialect.quoted or b'"' not in data:
        return data.split(b"\n")
    found = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(found == ord("\n"))
    quotes = np.flatnonzero(found == ord('"'))
    # A line end behind an odd number of quotes is inside a field.
    ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    starts = [0, *(ends + 1).tolist()]
    return [data[start:end] for start, end in zip(starts, [*ends.tolist(), len(data)], strict=True)]
