"""Seals the originals of dead letters, so that only who has the key can read them.

A sealed letter is a JWE in compact form (RFC 7516), content A256GCM. The key is a JWK (RFC 7517):
a public one (EC or OKP: ECDH-ES+A256KW, RSA: RSA-OAEP-256) lets agents seal what they cannot open;
a shared one (``oct``, 256 bits: ``dir``) does both. Any JOSE tool opens it, for example
``jose jwe dec -i letter.jwe -k key.jwk`` (latchset/jose).
"""

import json
from typing import Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey

_CONTENT: Final = "A256GCM"
_SHARED_BITS: Final = 256
_ALGORITHMS: Final = ["dir", "ECDH-ES+A256KW", "RSA-OAEP-256", _CONTENT]


class DeadLetterKey:
    """A key that seals, and opens if it has the private part.

    Raises ValueError, in words that quote nothing of it, if the text is no fitting JWK.
    """

    def __init__(self, jwk: str) -> None:
        try:
            self._key: Key = JWKRegistry.import_key(json.loads(jwk))
        except (ValueError, TypeError, KeyError, AttributeError, JoseError):
            raise ValueError("it is no JSON Web Key (RFC 7517)") from None
        self._header = {"alg": _algorithm(self._key), "enc": _CONTENT}
        if isinstance(kid := self._key.kid, str):
            self._header["kid"] = kid

    def seal(self, original: bytes) -> bytes:
        """Return the JWE of some bytes; a different one each time."""
        return jwe.encrypt_compact(
            dict(self._header), original, self._key, algorithms=_ALGORITHMS
        ).encode()

    def open(self, sealed: bytes) -> bytes:
        """Return the original; raise ValueError if this key cannot open it."""
        try:
            opened = jwe.decrypt_compact(sealed, self._key, algorithms=_ALGORITHMS).plaintext
        except (ValueError, JoseError):
            opened = None
        if opened is None:
            raise ValueError("this key does not open it")
        return opened


def _algorithm(key: Key) -> str:
    if isinstance(key, OctKey):
        if len(key.raw_value) * 8 != _SHARED_BITS:
            raise ValueError(f"a shared key needs {_SHARED_BITS} bits")
        return "dir"
    return "ECDH-ES+A256KW" if isinstance(key, ECKey | OKPKey) else "RSA-OAEP-256"
