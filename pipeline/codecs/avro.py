"""Avro, columns first: what other rooms need of it, in one place."""

from pipeline.codecs.column_decoder import ColumnDecoder, Columns
from pipeline.codecs.column_encoder import ColumnEncoder
from pipeline.codecs.one_record import RecordWriter, decode_one, encode_one
from pipeline.codecs.unreadable import IncompatibleSchema, NotFramed, UnknownSchema, Unreadable

__all__ = [
    "ColumnDecoder",
    "ColumnEncoder",
    "Columns",
    "IncompatibleSchema",
    "NotFramed",
    "RecordWriter",
    "UnknownSchema",
    "Unreadable",
    "decode_one",
    "encode_one",
]
