"""Signatures are those of botocore."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.live_events_sqs.signing import SERVICE, Signer

KIND = "application/x-amz-json-1.0"
ENDPOINTS = (
    "https://sqs.eu-west-1.amazonaws.com/",
    "https://sqs.us-gov-east-1.amazonaws.com:443/",
    "http://localhost:4566/",
    "http://[::1]:4566/",
    "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/of a school/é~1/",
)
WORDS = st.text("abcXYZ019+/=", min_size=1, max_size=40)


class Request(NamedTuple):
    """What is asked of SQS."""

    endpoint: str
    region: str
    operation: str
    body: bytes


REQUESTS = st.builds(
    Request,
    st.sampled_from(ENDPOINTS),
    st.sampled_from(["eu-west-1", "us-gov-east-1"]),
    st.sampled_from(["AmazonSQS.ReceiveMessage", "AmazonSQS.DeleteMessageBatch"]),
    st.binary(max_size=200),
)
KEYS = st.builds(ReadOnlyCredentials, WORDS, WORDS, st.none() | WORDS)


def by_botocore(asked: Request, keys: ReadOnlyCredentials) -> dict[str, str]:
    headers = {"X-Amz-Target": asked.operation, "Content-Type": KIND}
    request = AWSRequest("POST", asked.endpoint, data=asked.body, headers=headers)
    SigV4Auth(keys, SERVICE, asked.region).add_auth(request)
    return dict(request.headers.items())


@given(asked=REQUESTS, keys=KEYS)
def test_a_request_is_signed_as_botocore_signs_it(
    asked: Request, keys: ReadOnlyCredentials
) -> None:
    wanted = by_botocore(asked, keys)
    at = datetime.strptime(wanted["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    signer = Signer(asked.endpoint, asked.region)
    # Whatever was signed before: with other keys, on another day.
    signer.headers(asked.operation, KIND, b"", keys._replace(secret_key="other"), at)
    signer.headers(asked.operation, KIND, b"", keys, at - timedelta(days=1))
    for _ in range(2):
        assert signer.headers(asked.operation, KIND, asked.body, keys, at) == wanted
