"""Whatever is posted as a signed event is refused, published or dead, and nothing crashes."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.signed_laws import CLAIMS, TOKENS, check_signed_post

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["{", "{}", '{"metadata":{},"body":{}}', "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metadata", "body", "data", "type", "alg"]), inner)
    ),
    max_leaves=6,
)


@st.composite
def claims(draw: st.DrawFn) -> bytes:
    """Claims with some of them replaced or added."""
    document: dict[str, Any] = json.loads(draw(st.sampled_from(CLAIMS)))
    names = st.sampled_from([*document, "exp", "nbf", "iat", "jti", "event"])
    return json.dumps(document | draw(st.dictionaries(names, JSON, max_size=2))).encode()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A signed token with a few bytes of it changed, or its end cut off."""
    token = bytearray(draw(st.sampled_from(TOKENS)))
    for _ in range(draw(st.integers(0, 2))):
        token[draw(st.integers(0, len(token) - 1))] = draw(st.integers(0, 255))
    return bytes(token[: draw(st.sampled_from([len(token), len(token) - 1, len(token) // 2]))])


@settings(max_examples=200)
@given(
    claims() | damaged() | st.binary(max_size=60) | JSON.map(lambda one: json.dumps(one).encode())
)
def test_every_signed_post_is_refused_published_or_dead(body: bytes) -> None:
    check_signed_post(body)
