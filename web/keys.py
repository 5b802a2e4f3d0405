"""Who is at the door: a key id, and a signature in the form of Standard Webhooks over the exact body."""

from collections.abc import Mapping

from standardwebhooks import Webhook

from store import api_keys
from store.api_keys import Key
from web.problems import Refused
from worker.tools import Tools

KEY_HEADER = "x-crewcard-key"


def must_speak_for(key: Key, company: str) -> None:
    """Raises Refused (403) when the key does not speak for the company."""
    if not key.may_speak_for(company):
        raise Refused(403, "Not your company", [f"company: this key does not speak for “{company}”"])


def recognise(tools: Tools, headers: Mapping[str, str], body: bytes) -> Key:
    """The key whose signature is on this body, at most five minutes old. Raises Refused (401)."""
    with tools.store.read() as work:
        key = api_keys.find(work, tools.vault, headers.get(KEY_HEADER, ""))
    if key is None:
        raise Refused(401, "Unknown key", [f"{KEY_HEADER}: there is no key with this id"])
    try:
        Webhook(key.secret).verify(body, dict(headers), json_parse=False)
    except Exception:  # the library raises a handful of kinds for one fact
        problem = "webhook-signature: does not fit this body, key and time (five minutes at most)"
        raise Refused(401, "Signature not valid", [problem]) from None
    return key
