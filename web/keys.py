"""Who is at the door and what they may do: a key id, a signature, a scope, a company, not too many at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from events.snapshot import Id
from store import api_keys, message_ids
from store.api_keys import Key, Scope
from store.unit_of_work import Store
from store.vault import Vault
from web import rates, signature
from web.problems import Refused
from web.signature import Knock
from worker import logs
from worker.tools import Tools

KEY_HEADER = "x-crewcard-key"
REMEMBERED_SECONDS = 2.0  # a revoked key may still open a door for so long
_ID = TypeAdapter(Id)
_TAKEN_ONCE_BY_THEMSELVES = frozenset({"/v1/events"})  # an event has an id of its own and is answered the same again
_log = logs.log("door")


def knock(request: Request, body: bytes = b"") -> Knock:
    """The request as far as its signature covers it."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return Knock(request.method, f"{path}?{query}" if query else path, dict(request.headers), body)


def enter(tools: Tools, at: Knock, scope: Scope, company: str | None = None) -> Key:
    """The key that knocks, if it may do this, for this company where one is named.

    Raises Refused: 401 without a good signature, 403 without scope or company, 404 for what cannot be a company,
    409 for a request that came before, 429 when it asks too often.
    """
    key = _recognise(tools, at)
    wait = rates.seconds_to_wait(tools.redis, key.id, tools.settings.requests_per_minute)
    if wait:
        problem = f"{KEY_HEADER}: at most {tools.settings.requests_per_minute:,} requests a minute; wait {wait} s"
        raise Refused(429, "Too many requests", [problem], {"Retry-After": str(wait)})
    if not key.may(scope):
        raise Refused(403, "Not with this key", [f"{KEY_HEADER}: this key lacks the scope “{scope}”"])
    if company is not None:
        must_speak_for(key, company)
        must_be_id(company, "company")
    _must_be_new(tools, key, at)
    return key


def _must_be_new(tools: Tools, key: Key, at: Knock) -> None:
    """Raises Refused (409) for the second of two requests under one id, where carrying it out again would matter."""
    if at.method in ("GET", "HEAD") or at.target in _TAKEN_ONCE_BY_THEMSELVES:
        return
    with tools.store.write() as work:
        is_new = message_ids.is_new(work, key.id, at.id)
    if not is_new:
        problem = "webhook-id: this key sent a request with this id already; each needs one of its own, a retry too"
        raise Refused(409, "Request id already used", [problem])


def entering(scope: Scope) -> Callable[[Request], Key]:
    """A dependency of a GET: the key that knocks. Raises as `enter` does."""

    def key_of(request: Request) -> Key:
        company = request.path_params.get("company")
        return enter(request.app.state.tools, knock(request), scope, company)

    return key_of


def needs(scope: Scope) -> dict[str, Any]:
    """What a route's description says about the key it needs."""
    return {"security": [{"key": [scope.value]}]}


def must_speak_for(key: Key, company: str) -> None:
    """Raises Refused (403) when the key does not speak for the company."""
    if not key.may_speak_for(company):
        raise Refused(403, "Not your company", [f"company: this key does not speak for “{company[:100]}”"])


def must_be_id(text: str, field: str) -> None:
    """Raises Refused (404) for what cannot be the id of anything."""
    try:
        _ID.validate_python(text)
    except ValidationError:
        problem = f"{field}: an id has letters, digits, “.”, “_”, “:” and “-”, at most 100"
        raise Refused(404, f"Unknown {field}", [problem]) from None


def _recognise(tools: Tools, at: Knock) -> Key:
    moment = int(tools.elapsed() / REMEMBERED_SECONDS)
    found = _found(tools.store, tools.vault, at.headers.get(KEY_HEADER, ""), moment)
    accepts_v1 = tools.settings.accept_signatures_v1
    wrong = signature.objection(at, found.key.secrets, time.time(), version_1=accepts_v1)
    if wrong:
        raise Refused(401, "Signature not valid", [wrong])
    if not found.use_noted:
        found.use_noted = True
        _note_use(tools, found.key)
        if not at.has_version_2:
            _log.warning("door.signed_in_version_1", reason=f"key {found.key.id}")
    return found.key


@dataclass
class _Found:
    key: Key
    use_noted: bool


@lru_cache(maxsize=256)
def _found(store: Store, vault: Vault, key_id: str, _moment: int) -> _Found:
    """The key as it was at the beginning of this moment. Raises Refused (401), which is not remembered."""
    with store.read() as work:
        key = api_keys.find(work, vault, key_id)
    if key is None:
        raise Refused(401, "Unknown key", [f"{KEY_HEADER}: there is no key with this id"])
    return _Found(key, key.use_noted)


def _note_use(tools: Tools, key: Key) -> None:
    """Nobody is turned away because the note could not be made."""
    try:
        with tools.store.write() as work:
            api_keys.note_use(work, key.id)
    except SQLAlchemyError:
        return
