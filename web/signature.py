"""Whether a request to the doors is signed by its key: version 2 of our signatures (events.signing); pure.

Version 1 covers the body alone, or of a GET the address alone; it is taken only where the installation says so.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from events import signing

LONGEST_SKEW_SECONDS = int(signing.SKEW.total_seconds())
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
# The same of an id that no key has and of a signature that is wrong: who asks learns of no key that it is there.
NO_KEY_OR_NO_FIT = (
    "webhook-signature: there is no key with this id (x-crewcard-key), or this does not fit it and "
    "id.timestamp.METHOD, a space, path and query, a line feed, the body, each exactly as sent"
)
_NOT_TAKEN = "; version 1, which left the address out, is not taken here"
_V2, _V1 = "v2,", "v1,"
_TIMESTAMP_LENGTH = 12


@dataclass(frozen=True)
class Knock:
    """A request as far as a signature covers it. Header names are in lower case; `target` is path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The id it came under; empty where there is none."""
        return self.headers.get("webhook-id", "")

    @property
    def has_version_2(self) -> bool:
        """Whether one of its signatures says that it is of version 2."""
        return any(one.startswith(_V2) for one in _signatures(self))


def objection_to_headers(knock: Knock, now: float, *, version_1: bool = False) -> str | None:
    """What is wrong already before body and key are known, as a sentence that names the header; None: nothing.

    `now` is in seconds since 1970; `version_1` is whether that is taken too.
    """
    at = knock.headers.get("webhook-timestamp", "")
    if not knock.id:
        return "webhook-id: is missing"
    if not (at.isascii() and at.isdigit() and len(at) <= _TIMESTAMP_LENGTH):
        return "webhook-timestamp: must be the seconds since 1970, like 1795353600"
    if abs(now - int(at)) > LONGEST_SKEW_SECONDS:
        return f"webhook-timestamp: is more than five minutes from our clock, which shows {int(now)}"
    taken = (_V2, _V1) if version_1 else (_V2,)
    if not any(one.startswith(taken) for one in _signatures(knock)):
        return (
            "webhook-signature: must be of version 2, “v2,” and base64, over id.timestamp.METHOD, a space, path and "
            f"query, a line feed, the body{'' if version_1 else _NOT_TAKEN}"
        )
    return None


def objection(knock: Knock, secrets: Iterable[str], now: float, *, version_1: bool = False) -> str | None:
    """What is wrong with the signature, as a sentence that names the header; None where it is good.

    `secrets` are those of the key; the others as `objection_to_headers` has them.
    """
    wrong = objection_to_headers(knock, now, version_1=version_1)
    if wrong:
        return wrong
    at = knock.headers["webhook-timestamp"]
    good = [one for secret in secrets for one in _expected(knock, secret, at, version_1=version_1)]
    if any(hmac.compare_digest(given.encode(), one) for given in _signatures(knock) for one in good):
        return None
    return NO_KEY_OR_NO_FIT


def _expected(knock: Knock, secret: str, at: str, *, version_1: bool) -> list[bytes]:
    content = signing.request_content(knock.method, knock.target, knock.body)
    good = [_V2 + signing.mac(secret, knock.id, at, content)]
    if version_1:
        former = f"GET {knock.target}".encode() if knock.method == "GET" else knock.body
        good.append(_V1 + signing.mac(secret, knock.id, at, former))
    return [one.encode() for one in good]


def _signatures(knock: Knock) -> list[str]:
    return knock.headers.get("webhook-signature", "").split(" ")
