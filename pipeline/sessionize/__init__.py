"""Columns → sessions. Pure."""
