"""A signed post is verified, and its event found in the claims."""

import asyncio
import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey

from pipeline.domain.errors import Unavailable
from pipeline.domain.event_time import MICROS
from pipeline.ingest.live_events_http.signatures import Refused, event_in, verified_claims
from pipeline.ingest.live_events_http.signing_keys import SigningKeys
from tests.support.canvas.https_delivery import canvas_event
from tests.support.canvas.signing import Signer, rsa_key

SIGNER = Signer()
EVENT = canvas_event(1)
CALIPER = {
    "sensor": "http://university.instructure.com/",
    "sendTime": "2026-03-02T14:05:06.789Z",
    "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
    "data": [{"type": "Event", "action": "Created", "eventTime": "2026-03-02T14:05:06.789Z"}],
}
NOW = 1_772_460_000 * MICROS


def keys() -> SigningKeys:
    async def fetch() -> bytes:
        return SIGNER.jwks()

    return SigningKeys(fetch)


async def refusal(token: bytes) -> str:
    with pytest.raises(Refused) as refused:
        await verified_claims(token, keys())
    return refused.value.why


async def test_claims_of_a_valid_signature_come_back_as_they_were_signed() -> None:
    claims = json.dumps(EVENT, indent=2).encode()
    assert await verified_claims(SIGNER.sign(claims), keys()) == claims


@pytest.mark.parametrize("key_id", ["key-1", "key-2", "key-3"])
async def test_the_previous_the_present_and_the_next_key_sign(key_id: str) -> None:
    assert await verified_claims(SIGNER.sign(EVENT, key_id=key_id), keys())


async def test_a_signature_of_another_key_under_a_known_id_is_forged() -> None:
    assert await refusal(SIGNER.sign(EVENT, key_id="stolen", kid="key-2")) == "forged"


async def test_a_key_id_nobody_published_is_refused() -> None:
    assert await refusal(SIGNER.sign(EVENT, key_id="stranger")) == "unknown_key"


async def test_a_token_without_key_id_is_refused() -> None:
    assert await refusal(SIGNER.sign(EVENT, kid=None)) == "no_key_id"


async def test_claims_changed_after_signing_are_forged() -> None:
    head, claims, signature = SIGNER.sign(EVENT).split(b".")
    other = base64.urlsafe_b64encode(json.dumps(canvas_event(2)).encode()).rstrip(b"=")
    assert other != claims
    assert await refusal(b".".join((head, other, signature))) == "forged"


async def test_no_signature_at_all_is_refused() -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"key-2"}').rstrip(b"=")
    claims = base64.urlsafe_b64encode(json.dumps(EVENT).encode()).rstrip(b"=")
    assert await refusal(head + b"." + claims + b".") == "no_signature"


async def test_the_public_key_as_a_shared_secret_is_refused() -> None:
    public = rsa_key("key-2").as_pem(private=False)
    secret = OctKey.import_key(base64.b64encode(public).decode())
    token = jws.serialize_compact(
        {"alg": "HS256", "kid": "key-2"}, json.dumps(EVENT), secret, algorithms=["HS256"]
    )
    assert await refusal(token.encode()) == "no_signature"


@pytest.mark.parametrize("algorithm", ["PS256", "RS512"])
async def test_another_algorithm_of_the_same_key_is_refused(algorithm: str) -> None:
    token = jws.serialize_compact(
        {"alg": algorithm, "kid": "key-2"},
        json.dumps(EVENT),
        rsa_key_of_any_algorithm(),
        algorithms=[algorithm],
    )
    assert await refusal(token.encode()) == "no_signature"


def rsa_key_of_any_algorithm() -> Any:
    whole = rsa_key("key-2").as_dict(private=True)
    return type(rsa_key("key-2")).import_key({n: v for n, v in whole.items() if n != "alg"})


async def test_an_event_of_a_hundred_kilobytes_is_verified() -> None:
    claims = {**EVENT, "body": {"text": "x" * 300_000}}
    assert await verified_claims(SIGNER.sign(claims), keys())


async def test_without_keys_nobody_can_tell() -> None:
    async def fetch() -> bytes:
        raise Unavailable("no answer")

    with pytest.raises(Unavailable):
        await verified_claims(SIGNER.sign(EVENT), SigningKeys(fetch))


def with_header(head: bytes) -> bytes:
    return base64.urlsafe_b64encode(head).rstrip(b"=") + b".e30.e30"


TOKENS = (
    st.binary(max_size=60)
    | st.from_regex(rb"eyJ[A-Za-z0-9_-]{0,30}(\.[A-Za-z0-9_-]{0,30}){0,3}", fullmatch=True)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["RS256", "kid", "b64"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "jwk", "x5c"]), inner)
        ),
        max_leaves=8,
    ).map(lambda head: with_header(json.dumps(head).encode()))
    | st.binary(max_size=40).map(with_header)
    | st.integers(300, 700).map(lambda deep: with_header(b"[" * deep))
)


@given(token=TOKENS)
def test_whatever_is_posted_as_a_token_is_refused_and_nothing_breaks(token: bytes) -> None:
    async def attempt() -> None:
        with pytest.raises(Refused):
            await verified_claims(token, keys())

    asyncio.run(attempt())


TIMES = {"iss": "https://issuer.invalid", "iat": 1_772_459_990, "exp": 1_772_460_300}


@pytest.mark.parametrize("event", [EVENT, CALIPER], ids=["canvas", "caliper"])
@pytest.mark.parametrize("claim", [None, "event", "payload"])
@pytest.mark.parametrize("as_text", [False, True])
def test_the_event_is_found_among_the_claims_or_under_one(
    event: dict[str, Any],
    claim: str | None,
    as_text: bool,  # noqa: FBT001
) -> None:
    held = json.dumps(event) if as_text else event
    claims = {**TIMES, **event} if claim is None else {**TIMES, claim: held}
    assert json.loads(event_in(json.dumps(claims).encode(), NOW)) == event


def test_claims_that_are_the_event_alone_are_not_touched() -> None:
    claims = json.dumps(EVENT, indent=1).encode()
    assert event_in(claims, NOW) is claims


@pytest.mark.parametrize(
    "claims",
    [b"{", b"[]", b"{}", b"7", b'{"iss":"x"}', json.dumps({"a": EVENT, "b": EVENT}).encode()],
)
def test_claims_without_an_event_come_back_for_the_dead_letters(claims: bytes) -> None:
    assert event_in(claims, NOW) is claims


@pytest.mark.parametrize(
    ("times", "why"),
    [
        ({"exp": NOW // MICROS - 60}, "expired"),
        ({"nbf": NOW // MICROS + 61}, "not_yet_valid"),
        ({"exp": "soon"}, "bad_times"),
        ({"exp": True}, "bad_times"),
    ],
)
def test_a_token_is_refused_outside_of_its_time(times: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused) as refused:
        event_in(json.dumps({**times, **EVENT}).encode(), NOW)
    assert refused.value.why == why


def test_an_endless_time_is_no_time() -> None:
    with pytest.raises(Refused):
        event_in(b'{"exp":1e999,"metadata":{}}', NOW)


@pytest.mark.parametrize("times", [{"exp": NOW // MICROS - 59}, {"nbf": NOW // MICROS + 60}])
def test_clocks_may_differ_by_a_minute(times: dict[str, int]) -> None:
    assert json.loads(event_in(json.dumps({**times, **EVENT}).encode(), NOW)) == EVENT
