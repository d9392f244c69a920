"""Bytes and raw rows ↔ domain: Avro, JSON rows, marks, keys. Pure."""
