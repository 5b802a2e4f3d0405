"""Signed tokens as Xero's are: JWT with RS256, and the key to check them with."""

import base64
import functools
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Json = dict[str, Any]
_KEY_ID = "simulator"


def signed(claims: Json) -> str:
    """A token that makes these claims."""
    header = {"alg": "RS256", "typ": "JWT", "kid": _KEY_ID}
    text = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    return f"{text}.{_part(_key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def key_set() -> Json:
    """The public key, as JSON Web Key Set."""
    numbers = _key().public_key().public_numbers()
    key = {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": _KEY_ID,
        "n": _integer(numbers.n),
        "e": _integer(numbers.e),
    }
    return {"keys": [key]}


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    """Made once per process, when the first token is."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _integer(value: int) -> str:
    return _part(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
