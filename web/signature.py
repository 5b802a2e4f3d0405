"""Signatures in the form of Standard Webhooks, over exact bytes; pure.

Signed is `{webhook-id}.{webhook-timestamp}.` and what is asked: the body, or for a GET, which has none, the word
`GET`, a space, and the path with its query as it is sent.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LONGEST_SKEW_SECONDS = 300
_VERSION = "v1,"


@dataclass(frozen=True)
class Knock:
    """A request as far as a signature covers it. Header names are in lower case; `target` is path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> bytes:
        """What is signed beside id and time."""
        return f"GET {self.target}".encode() if self.method == "GET" else self.body


def objection(knock: Knock, secrets: Iterable[str], now: float) -> str | None:
    """What is wrong with the signature, as a sentence that names the header; None where it is good.

    `secrets` are those of the key, `now` is in seconds since 1970.
    """
    id_, at = knock.headers.get("webhook-id", ""), knock.headers.get("webhook-timestamp", "")
    if not id_:
        return "webhook-id: is missing"
    if not (at.isascii() and at.isdigit() and len(at) <= 12):
        return "webhook-timestamp: must be the seconds since 1970, like 1795353600"
    if abs(now - int(at)) > LONGEST_SKEW_SECONDS:
        return f"webhook-timestamp: is more than five minutes from our clock, which shows {int(now)}"
    signed = f"{id_}.{at}.".encode() + knock.said
    good = [_mac(secret, signed) for secret in secrets]
    given = [part.removeprefix(_VERSION) for part in knock.headers.get("webhook-signature", "").split(" ")]
    if any(hmac.compare_digest(_bytes(one), mac) for one in given for mac in good):
        return None
    what = "“GET ”, path and query" if knock.method == "GET" else "the body"
    return f"webhook-signature: does not fit this key and id.timestamp.content, where content is {what} as sent"


def sign(secret: str, id_: str, at: int, said: bytes) -> str:
    """The signature of what is asked, at a moment in seconds since 1970."""
    return _VERSION + base64.b64encode(_mac(secret, f"{id_}.{at}.".encode() + said)).decode()


def _mac(secret: str, signed: bytes) -> bytes:
    key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    return hmac.new(key, signed, hashlib.sha256).digest()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
