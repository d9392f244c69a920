"""A sealed original opens with its key and with no other."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from pipeline.codecs.sealing import DeadLetterKey

KEYS = {
    "oct": OctKey.generate_key(256),
    "EC": ECKey.generate_key("P-256"),
    "OKP": OKPKey.generate_key("X25519"),
    "RSA": RSAKey.generate_key(2048),
}


def key(name: str, *, private: bool = True) -> DeadLetterKey:
    return DeadLetterKey(json.dumps(KEYS[name].as_dict(private=private)))


@settings(max_examples=20, deadline=None)
@given(st.binary(), st.sampled_from(list(KEYS)))
def test_who_has_the_private_key_opens_it(original: bytes, name: str) -> None:
    sealed = key(name, private=name == "oct").seal(original)
    assert original not in sealed or len(original) < 4
    assert key(name).open(sealed) == original


@pytest.mark.parametrize("name", ["EC", "OKP", "RSA"])
def test_the_public_key_does_not_open_what_it_sealed(name: str) -> None:
    public = key(name, private=False)
    with pytest.raises(ValueError, match="does not open"):
        public.open(public.seal(b"x"))


def test_another_key_does_not_open_it() -> None:
    other = DeadLetterKey(json.dumps(OctKey.generate_key(256).as_dict(private=True)))
    with pytest.raises(ValueError, match="does not open"):
        other.open(key("oct").seal(b"x"))


@pytest.mark.parametrize("text", ["", "1", "{}", "[]", "secret", '{"kty":"EC"}', '{"kty":"x"}'])
def test_what_is_no_key_is_refused_in_words_that_do_not_quote_it(text: str) -> None:
    with pytest.raises(ValueError, match="JSON Web Key"):
        DeadLetterKey(text)
