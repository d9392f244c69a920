"""Secrets never survive, and what is no secret does."""

import json
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.broken_redaction import redact_bytes
from pipeline.codecs.json_text import canonical_json
from pipeline.codecs.redaction import (
    MASK,
    redact_column,
    redact_columns,
    redact_json,
    redact_json_column,
    redact_text,
)

PLANTED = "S3cr3t-0f_a.Kind~x"

NAMES = st.sampled_from(
    [
        "access_token",
        "session_token",
        "verifier",
        "token",
        "code",
        "state",
        "sig",
        "signature",
        "SAMLRequest",
        "SAMLResponse",
        "id_token",
        "JWT",
        "jwt",
        "lti_message_hint",
        "login_hint",
        "ticket",
        "execution",
        "sf_verifier",
        "authenticity_token",
        "client_secret",
        "X-Amz-Signature",
        "user[password]",
        "_normandy_session",
    ]
)


@st.composite
def escaped(draw: st.DrawFn, text: str) -> str:
    """The text with some of its letters percent-encoded, perhaps more than once."""
    letters = []
    for letter in text:
        form = letter
        for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
            form = f"%{ord(letter):02X}" if form == letter else form.replace("%", "%25")
        letters.append(form)
    return "".join(letters)


@st.composite
def urls_with_secrets(draw: st.DrawFn) -> str:
    """A URL with the secret in a parameter, a nested URL, or a path."""
    host = draw(st.sampled_from(["https://school.example", ""]))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        kinds = ["user_", "course_", "enrollment_", "group_membership_", "user%5F"]
        end = draw(st.sampled_from([".ics", ".atom", "?x=1", ""]))
        return f"{host}/feeds/calendars/{draw(st.sampled_from(kinds))}S3cr3tx{end}"
    if kind == 1:
        colon = draw(st.sampled_from([":", "%3A", "%253a"]))
        return f"{host}/api/v1/users/self?as_user_id=sis_login_id{colon}S3cr3t@x.example&p=1"
    if kind == 2:
        return f"{host}/x?t={'12~' + 'S3cr3t' * 10}"
    name = draw(NAMES)
    if draw(st.booleans()):
        name = draw(escaped(name))
    between = draw(st.sampled_from(["&", "&amp;", "?", ";", "#", "&x[]=1&"]))
    url = f"{host}/courses/1?a=b{between}{name}={PLANTED}&page=2"
    if kind == 3:
        return f"/login?redirect={quote(url, safe='')}&z=1"
    if kind == 4:
        return f"/login?redirect={quote(quote(url, safe=''), safe='')}&z=1"
    return url


def holds_secret(text: str) -> bool:
    return "S3cr3t" in text


@settings(max_examples=300)
@given(urls_with_secrets(), st.text(max_size=8))
def test_a_planted_secret_never_survives_in_a_text(url: str, around: str) -> None:
    text = f"{around} {url} {around}"
    assert not holds_secret(redact_text(text))


@settings(max_examples=200)
@given(urls_with_secrets(), st.integers(0, 4), st.sampled_from(["html", "plain"]))
def test_a_planted_secret_never_survives_in_json(url: str, depth: int, form: str) -> None:
    value: Any = f'<a href="{url.replace("&", "&amp;")}">x</a>' if form == "html" else url
    for level in range(depth):
        value = {"url": value} if level % 2 else [1, value, {"state": "active"}]
    assert not holds_secret(json.dumps(redact_json(value)))
    column = redact_json_column(pl.Series([canonical_json(value), None]))
    assert not holds_secret(column[0])
    assert json.loads(column[0]) == redact_json(value)


@settings(max_examples=200)
@given(
    urls_with_secrets(), st.sampled_from(["plain", "json", "html-safe", "slashes", "cut", "junk"])
)
def test_a_planted_secret_never_survives_in_bytes(url: str, form: str) -> None:
    text = json.dumps({"metadata": {"url": url}, "n": 1})
    if form == "html-safe":
        text = text.replace("&", "\\u0026").replace("=", "\\u003d")
    elif form == "slashes":
        text = text.replace("/", "\\/")
    elif form == "cut":
        text = text[: text.index("S3cr3t") + 9]
    payload = (url if form == "plain" else text).encode()
    if form == "junk":
        payload = b"\xff\x00{" + payload
    assert b"S3cr3t" not in redact_bytes(payload)


@given(
    st.sampled_from(["access_token", "JWT", "sig", "Authorization", "user_password"]),
    st.sampled_from(["plain", "nested"]),
)
def test_members_with_secret_names_are_masked(name: str, form: str) -> None:
    document = {"a": {name: 'S3cr3t\\" more S3cr3t'}, "state": "active", name: 12345}
    assert not holds_secret(json.dumps(redact_json(document)))
    assert redact_json(document)["state"] == "active"
    payload = json.dumps(document)
    if form == "nested":
        payload = json.dumps({"body": json.dumps({name: "S3cr3t"})})
    masked = redact_bytes(payload.encode())
    assert b"S3cr3t" not in masked
    assert b"12345" not in masked


@settings(max_examples=200)
@given(st.lists(st.none() | urls_with_secrets() | st.text(max_size=20), max_size=8))
def test_a_column_is_redacted_as_its_texts_are(texts: list[str | None]) -> None:
    column = redact_column(pl.Series(texts, dtype=pl.String))
    assert column.to_list() == [None if text is None else redact_text(text) for text in texts]


@settings(max_examples=200)
@given(urls_with_secrets() | st.text())
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


@given(st.binary())
def test_bytes_without_tell_tales_stay_as_they_are(payload: bytes) -> None:
    assert redact_bytes(payload) == payload or MASK.encode() in redact_bytes(payload)


SOME_TEXTS = st.none() | st.sampled_from(
    ["", "/courses/1", "/f?verifier=abc", "/a?access_token=1&b=2", "Bearer abcdefgh", "x~y"]
)
SOME_JSON = st.none() | st.sampled_from(
    ['{"a":1}', '{"token":"x"}', '{"url":"/f?verifier=abc","z":[]}', "{}"]
)


@given(rows=st.lists(st.tuples(SOME_TEXTS, SOME_TEXTS, SOME_JSON), max_size=8))
def test_columns_redacted_together_are_those_redacted_alone(
    rows: list[tuple[str | None, str | None, str | None]],
) -> None:
    schema = {"one": pl.String, "other": pl.String, "body": pl.String, "kept": pl.Int64}
    frame = pl.DataFrame([(*row, 1) for row in rows], schema=schema, orient="row")
    alone = frame.with_columns(
        redact_column(frame["one"]),
        redact_column(frame["other"]),
        redact_json_column(frame["body"]),
    )
    assert redact_columns(frame, ("one", "other"), ("body",)).equals(alone)


@pytest.mark.parametrize(
    "text",
    [
        "/courses/565/assignments/371/submissions/48?include%5B%5D=visibility&per_page=50",
        "/courses/412~17342/files/474~958001/download?wrap=1",
        "/api/v1/courses?enrollment_state=active&state[]=available&workflow_state=x",
        "/api/v1/sections/sis_section_id:12345.678912/crosslist/sis_course_id:ABHX176020",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_3) AppleWebKit/537.36",
        "/accounts/1/users?token_type=x&codec=h264&opcode=7",
        "/search?q=caf%C3%A9%20%E4%BD%A0&encode=1",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/f?download_frd=1&verifier=abc&wrap=1", f"/f?download_frd=1&verifier={MASK}&wrap=1"),
        ("/feeds/calendars/user_AbC.ics?e=1", f"/feeds/calendars/user_{MASK}.ics?e=1"),
        ("/a?access%5Ftoken%3Dabc", f"/a?access%5Ftoken%3D{MASK}"),
        (
            "/a?as_user_id=sis_login_id%3Ajo&per_page=3",
            f"/a?as_user_id=sis_login_id%3A{MASK}&per_page=3",
        ),
        ("https://h/idp/SSO?execution=e1s2", f"https://h/idp/SSO?execution={MASK}"),
    ],
)
def test_only_the_secret_is_masked(text: str, expected: str) -> None:
    assert redact_text(text) == expected
