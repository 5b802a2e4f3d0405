"""A host application at the doors, with a key that can be narrowed."""

import json
import time
import uuid

import httpx

from events import signing
from store import api_keys


class Host:
    """Signs what it asks; `secret` and `at` (seconds since 1970) can be wrong on purpose."""

    def __init__(self, installation, url, key_id="host", companies=None, scopes=None):
        self.http = httpx.Client(base_url=url, timeout=30)
        self.installation = installation
        with installation.store.write() as work:
            key = api_keys.make(work, installation.tools.vault, key_id, companies, scopes)
        self.key_id, self.secret = key.id, key.secret

    def get(self, target, **other):
        return self.ask("GET", target, **other)

    def post(self, body, target="/v1/events", **other):
        text = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        return self.ask("POST", target, text, **other)

    def ask(self, method, target, body=b"", *, secret=None, at=None, said=None, version=2, **headers):
        """`said` is what is signed, instead of what is asked; the id is fresh each time unless it is given."""
        at, message_id = int(at or time.time()), headers.pop("message_id", None) or f"msg-{uuid.uuid4()}"
        signed = {
            "x-crewcard-key": self.key_id,
            "webhook-id": message_id,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(
                secret or self.secret, message_id, at, method, target, body, said, version
            ),
            **({"content-type": "application/json"} if body else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        sent = {name: value for name, value in signed.items() if value is not None}
        return self.http.request(method, target, content=body or None, headers=sent)

    def feed(self, **query):
        """Everything in the feed, page by page."""
        found, after = [], query.pop("after", "0")
        while True:
            asked = "&".join(f"{name}={value}" for name, value in {"after": after, **query}.items())
            page = self.get(f"/v1/events?{asked}").raise_for_status().json()
            found += page["events"]
            after = page["next"]
            if not page["more"]:
                return found, after


def signature(secret, message_id, at, method, target, body=b"", said=None, version=2):
    """The signature of a request; version 1 is of the body alone, or of a GET's address."""
    if version == 1:
        said = said if said is not None else f"GET {target}".encode() if method == "GET" else body
        return signing.signature(secret, message_id, at, said)
    said = said if said is not None else signing.request_content(method, target, body)
    return signing.request_signature(secret, message_id, at, said)


def problems(answer):
    """The sentences of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    said = answer.json()
    assert said["status"] == answer.status_code
    assert all(": " in one for one in said["problems"]), said
    return said["problems"]
