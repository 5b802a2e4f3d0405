"""Who is at the door and what they may do: a key id, a signature, a scope, a company, not too many at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from events.snapshot import HostId
from store import api_keys
from store.api_keys import Key, Scope
from store.unit_of_work import Store
from store.vault import Vault
from web import rates, signature
from web.problems import Refused
from web.signature import Knock
from worker.tools import Tools

KEY_HEADER = "x-crewcard-key"
REMEMBERED_SECONDS = 2.0  # a revoked key may still open a door for so long
_ID = TypeAdapter(HostId)


def knock(request: Request, body: bytes = b"") -> Knock:
    """The request as far as its signature covers it."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return Knock(request.method, f"{path}?{query}" if query else path, dict(request.headers), body)


def enter(tools: Tools, at: Knock, scope: Scope, company: str | None = None) -> Key:
    """The key that knocks, if it may do this, for this company where one is named.

    Raises Refused: 401 without a good signature, 403 without scope or company, 404 for what cannot be a company,
    429 when it asks too often.
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
    return key


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
        problem = f"{field}: this cannot be the id of anything"
        raise Refused(404, f"Unknown {field}", [problem]) from None


def _recognise(tools: Tools, at: Knock) -> Key:
    moment = int(tools.elapsed() / REMEMBERED_SECONDS)
    found = _found(tools.store, tools.vault, at.headers.get(KEY_HEADER, ""), moment)
    wrong = signature.objection(at, found.key.secrets, time.time())
    if wrong:
        raise Refused(401, "Signature not valid", [wrong])
    if not found.use_noted:
        found.use_noted = True
        _note_use(tools, found.key)
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
