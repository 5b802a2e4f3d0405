"""Signatures in the family of Standard Webhooks, with the standard library alone: requests to us, webhooks from us.

A request to us carries version 2: `v2,` and the base64 of HMAC-SHA256 over `{id}.{seconds}.{METHOD} {target}`, a line
feed and the body, where `target` is path and query exactly as they are sent. A webhook from us carries version 1, as
the standard has it (https://www.standardwebhooks.com): over its body alone, because its address is its reader's own.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

SKEW = timedelta(minutes=5)


class NotGenuine(Exception):
    """The signature does not fit this body, secret and time."""


def request_content(method: str, target: str, body: bytes) -> bytes:
    """What a request's signature covers beside id and time: method, path with query, a line feed, the body."""
    return f"{method} {target}\n".encode() + body


def request_signature(secret: str, message_id: str, timestamp: int, content: bytes) -> str:
    """Version 2, of a request's content (`request_content`); `secret` is `whsec_` and base64, time in seconds."""
    return f"v2,{mac(secret, message_id, timestamp, content)}"


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Version 1, the standard's, of a webhook's body; `secret` is `whsec_` and base64, time in seconds since 1970."""
    return f"v1,{mac(secret, message_id, timestamp, body)}"


def headers(secret: str, message_id: str, method: str, target: str, body: bytes, now: datetime) -> dict[str, str]:
    """The three headers that sign a request; what is no event needs a `message_id` of its own at every try."""
    timestamp = int(now.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": request_signature(secret, message_id, timestamp, request_content(method, target, body)),
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


def mac(secret: str, message_id: str, timestamp: int | str, content: bytes) -> str:
    """The base64 of HMAC-SHA256 over `{id}.{seconds}.` and this content; the seconds as the header says them."""
    key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    signed = f"{message_id}.{timestamp}.".encode() + content
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
