"""The same sessions in other engines, for ``make bench-peers``."""
