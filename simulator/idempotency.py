"""Idempotency keys: the first answer for 6 minutes, errors too; for another request a 400 (facts §3.1)."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.refusals import No
from simulator.wire import Reply, Request, as_json, exception

LONGEST_KEY = 128
LIFETIME_SECONDS = 360
_WRITES = ("POST", "PUT", "PATCH")
_SWEEP_EVERY = 1000


@dataclass
class Remembered:
    """A first answer: when it was given, to which request, and what it was (the body in base64)."""

    when: float
    request: str
    status: int
    headers: dict[str, str]
    body: str

    def reply(self) -> Reply:
        """The answer again, byte for byte."""
        return Reply(self.status, base64.b64decode(self.body), self.headers)


@dataclass
class Keys:
    """All keys in use, by scope and key."""

    known: dict[str, Remembered] = field(default_factory=dict)

    def once(
        self, request: Request, scope: str, now: float, perform: Callable[[], Reply], *, keep: bool = True
    ) -> Reply:
        """Perform the request unless its key was seen in the last 6 minutes. `keep` false: 400s are forgotten."""
        key = request.headers.get("idempotency-key", "")
        if not key or request.method not in _WRITES:
            return perform()
        if len(key) > LONGEST_KEY:
            return exception(10, "ValidationException", No.KEY_TOO_LONG())
        place, mark = f"{scope}\n{key}", _mark(request)
        before = self.known.get(place)
        if before and now - before.when < LIFETIME_SECONDS:
            return before.reply() if before.request == mark else _another(key)
        reply = perform()
        if keep or reply.status != 400:
            body = base64.b64encode(reply.body).decode()
            self.known[place] = Remembered(now, mark, reply.status, dict(reply.headers), body)
            self._forget(now)
        return reply

    def _forget(self, now: float) -> None:
        if len(self.known) % _SWEEP_EVERY == 0:
            self.known = {place: one for place, one in self.known.items() if now - one.when < LIFETIME_SECONDS}


def _mark(request: Request) -> str:
    """What makes a request the same: method, URL and body. The organisation is none of it (scope: facts §3.1)."""
    text = f"{request.method} {request.path}?{request.query}\n".encode()
    return hashlib.sha256(text + request.body).hexdigest()


def _another(key: str) -> Reply:
    return as_json({"ErrorNumber": 10, "Type": "ValidationException", "Message": No.OTHER_REQUEST(key=key)}, 400)
