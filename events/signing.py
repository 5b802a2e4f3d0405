"""Signatures in the form of Standard Webhooks, with the standard library alone: both ways, to us and from us."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

SKEW = timedelta(minutes=5)


class NotGenuine(Exception):
    """The signature does not fit this body, secret and time."""


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,` and the base64 of HMAC-SHA256 over id, seconds and body; `secret` is `whsec_` and base64."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"


def headers(secret: str, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The three headers that sign a body."""
    timestamp = int(now.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }


def verify(secret: str, given: Mapping[str, str], body: bytes, now: datetime | None = None) -> str:
    """The id of a webhook whose signature fits and is at most five minutes old. Raises NotGenuine."""
    found = {name.lower(): value for name, value in given.items()}
    try:
        message_id, timestamp = found["webhook-id"], int(found["webhook-timestamp"])
        sent = datetime.fromtimestamp(timestamp, UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        raise NotGenuine("webhook-id, webhook-timestamp or webhook-signature is missing or broken") from None
    if abs((now or datetime.now(UTC)) - sent) > SKEW:
        raise NotGenuine("webhook-timestamp: more than five minutes from now")
    expected = signature(secret, message_id, timestamp, body).encode()
    signatures = found.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(expected, one.encode()) for one in signatures):
        raise NotGenuine("webhook-signature: does not fit this body and secret")
    return message_id
