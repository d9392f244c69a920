"""Statements that begin as an INSERT and go on anyhow."""

from hypothesis import strategies as st

WORDS = (
    *(b"INSERT INTO", b"t", b"VALUES", b"FORMAT", b"CSV", b"JSONEachRow", b"SELECT", b"1, 'x'"),
    *(b"(1, 'x')", b"1,x", b"(", b")", b";", b"'", b"`", b'"', b"--", b"/*", b"*/", b"#!", b"$$"),
    *(b"\\", b"\n", b"\n\n", b"\n\nDROP TABLE u\n\n", b"; DROP TABLE u", b"DROP TABLE u"),
)


def insert_like() -> st.SearchStrategy[bytes]:
    """Return statements that may drop table u if any part of them but the INSERT runs."""
    beginnings = st.sampled_from(
        (b"INSERT INTO t", b"INSERT INTO t FORMAT CSV\n", b"INSERT INTO t VALUES (1, 'x')")
    )
    words = st.lists(st.sampled_from(WORDS), max_size=12)
    return st.tuples(beginnings, words).map(lambda parts: b" ".join([parts[0], *parts[1]]))
