"""Columns → request deltas and stats. Pure."""
