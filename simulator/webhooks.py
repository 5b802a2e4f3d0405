"""Webhooks out: what Xero posts to an app's address when an invoice or credit note changes (facts §10)."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from simulator.identity import Identity
from simulator.wire import Json
from simulator.world import Invoiced, World

IN_TIME_SECONDS = 5.0
AGAIN = timedelta(minutes=15)
GIVEN_UP = timedelta(hours=24)
MOST_EVENTS = 500  # of one body
_PASS_SECONDS = 0.05
Status = Literal["intent to receive required", "ok", "disabled"]
Post = Callable[[str, bytes, str], tuple[int, bytes]]  # address, body, signature: status and body of the answer


@dataclass
class Subscription:
    """Where an app wants to be told, and its webhook key; `losing` counts posts that are lost on the way, from now.

    What is refused is posted again at once, then every 15 minutes for 24 hours; then the subscription is disabled.
    """

    url: str
    key: str
    status: Status = "intent to receive required"
    losing: int = 0
    twice: bool = False
    waiting: list[Json] = field(default_factory=list)
    sent: int = 0
    refused: int = 0
    tries: int = 0
    failing_since: datetime | None = None
    next_at: datetime | None = None


def signature(key: str, body: bytes) -> str:
    """The value of `x-xero-signature`: base64 of HMAC-SHA256 over the raw body."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def post(url: str, body: bytes, signed: str) -> tuple[int, bytes]:
    """Post as Xero does; 0 where nothing answers in time."""
    headers = {"content-type": "application/json; charset=utf-8", "x-xero-signature": signed}
    asked = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310  # http(s) only: `subscribe`
    try:
        with urllib.request.urlopen(asked, timeout=IN_TIME_SECONDS) as answer:  # noqa: S310
            return answer.status, answer.read(1000)
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read(1000)
    except OSError:
        return 0, b""


@dataclass
class Webhooks:
    """The subscriptions by app. Nobody posts by itself until `begin` was called: tests say when."""

    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    sequence: int = 0
    running: bool = False

    def subscribe(self, client_id: str, url: str, key: str) -> Subscription:
        """An app's address and key, which replace those before; nothing goes there until intent is shown."""
        if urlsplit(url).scheme not in ("http", "https") or not key:
            raise ValueError("a webhook has an http(s) address and a key")
        self.subscriptions[client_id] = Subscription(url, key)
        return self.subscriptions[client_id]

    def check_intent(self, client_id: str, send: Post = post) -> list[Json]:
        """The intent to receive: one body signed rightly wants 200, the others 401, each at once and without a body.

        Gives what was wanted and what came; the subscription is `ok` only when all of it is so.
        """
        mine = self.subscriptions[client_id]
        wanted = [200, 401, 401, 401]
        secrets.SystemRandom().shuffle(wanted)
        found = []
        for status in wanted:
            body = self._body([])
            right = signature(mine.key, body)
            signed = right if status == 200 else signature(secrets.token_urlsafe(16), body)
            came, text = send(mine.url, body, signed)
            found.append({"wanted": status, "came": came, "body": len(text)})
        good = all(one["wanted"] == one["came"] and not one["body"] for one in found)
        mine.status = "ok" if good else "intent to receive required"
        return found

    def gather(self, world: World, identity: Identity) -> None:
        """Turn what changed in the books into events of every app that may see the organisation."""
        for tenant, organisation in list(world.organisations.items()):
            changed = [organisation.changed.popleft() for _ in range(len(organisation.changed))]
            for client_id, mine in list(self.subscriptions.items()):
                if mine.status == "ok" and _may_see(identity, client_id, tenant):
                    mine.waiting += [self._event(tenant, one) for one in changed]

    def send_due(self, now: datetime, send: Post = post) -> int:
        """Post what waits and is due; gives how many events were taken."""
        taken = 0
        for mine in list(self.subscriptions.values()):
            while mine.status == "ok" and mine.waiting and not (mine.next_at and mine.next_at > now):
                some = mine.waiting[:MOST_EVENTS]
                if self._is_taken(mine, some, send):
                    del mine.waiting[: len(some)]
                    mine.tries, mine.failing_since, mine.next_at = 0, None, None
                    taken += len(some)
                else:
                    _put_off(mine, now)
        return taken

    def begin(self, world: Callable[[], World], identity: Callable[[], Identity]) -> None:
        """Post by itself from now on, in a thread of its own, until nobody wants to be told."""
        if self.running:
            return
        self.running = True
        threading.Thread(target=self._run, args=(world, identity), name="xero-webhooks", daemon=True).start()

    def _run(self, world: Callable[[], World], identity: Callable[[], Identity]) -> None:
        rest = threading.Event()
        while self.subscriptions:
            self.gather(world(), identity())
            self.send_due(world().now())
            rest.wait(_PASS_SECONDS)
        self.running = False

    def _is_taken(self, mine: Subscription, some: Sequence[Json], send: Post) -> bool:
        if mine.losing:
            mine.losing -= 1
            return True  # as Xero sees it
        body = self._body(some)
        for _ in range(2 if mine.twice else 1):
            status, _text = send(mine.url, body, signature(mine.key, body))
            mine.sent += 1
        mine.refused += status != 200
        return status == 200

    def _event(self, tenant: str, one: Invoiced) -> Json:
        self.sequence += 1
        listed, category = ("CreditNotes", "CREDITNOTE") if one.data else ("Invoices", "INVOICE")
        return {
            "resourceUrl": f"https://api.xero.com/api.xro/2.0/{listed}/{one.invoice}",
            "resourceId": one.invoice,
            "tenantId": tenant,
            "tenantType": "ORGANISATION",
            "eventCategory": category,
            "eventType": one.kind,
            "eventDateUtc": one.at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
            **({"data": one.data} if one.data else {}),
        }

    def _body(self, events: Sequence[Json]) -> bytes:
        first = self.sequence - len(events) + 1 if events else 0
        sequences = {"firstEventSequence": first, "lastEventSequence": self.sequence if events else 0}
        document = {"events": list(events), **sequences, "entropy": secrets.token_urlsafe(15)}
        return json.dumps(document, separators=(",", ":")).encode()


def _may_see(identity: Identity, client_id: str, tenant: str) -> bool:
    return any(tenant in one.tenants for one in list(identity.grants.values()) if one.client_id == client_id)


def _put_off(mine: Subscription, now: datetime) -> None:
    """Again at once, then every 15 minutes; after 24 hours no more."""
    mine.failing_since = mine.failing_since or now
    mine.tries += 1
    if now - mine.failing_since >= GIVEN_UP:
        mine.status = "disabled"
    elif mine.tries > 1:
        mine.next_at = now + AGAIN
