"""Who is at the door and what they may do: a key id, a signature, a scope, a company, not too many at once.

Whether a request to the doors is signed by its key: version 2 of our signatures (events.signing); pure.

Version 1 covers the body alone, or of a GET the address alone; it is taken only where the installation says so.
"""

import asyncio
import hmac
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from events import signing
from events.credentials import Scope
from events.snapshot import HostId
from store import api_keys
from store.api_keys import Key
from store.unit_of_work import Store
from store.vault import Vault
from web import answers, bodies, rates
from web.answers import RefusedRequest
from web.rates import Portion
from worker import logs
from worker.decisions import rights
from worker.decisions.addresses import network_of
from worker.decisions.rights import HostKey, Objection
from worker.tools import Tools
from worker.users.hashing import KEYS, Busy

LONGEST_SKEW_SECONDS = int(signing.SKEW.total_seconds())
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
# The same of an id that no key has and of a signature that is wrong: who asks learns of no key that it is there.
NO_KEY_OR_NO_FIT = (
    "webhook-signature: there is no key with this id (x-crewcard-key), or this does not fit it and "
    "id.timestamp.METHOD, a space, path and query, a line feed, the body, each exactly as sent"
)
_NOT_TAKEN = "; version 1, which left the address out, is not taken here"
_V2, _V1 = "v2,", "v1,"
_MARK = ".whsec_"  # between a key's id and the rest of its secret, in a token
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


def signature_objection(knock: Knock, secrets: Iterable[str], now: float, *, version_1: bool = False) -> str | None:
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


KEY_HEADER = "x-crewcard-key"
REMEMBERED_SECONDS = 2.0  # a revoked key may still open a door for so long
_ID = TypeAdapter(HostId)
_NOT_VALID = "Signature not valid"
_TAKEN_ONCE_BY_THEMSELVES = frozenset({"/v1/events"})  # an event has an id of its own and is answered the same again
_log = logs.log("door")


def knock(request: Request, body: bytes = b"") -> Knock:
    """The request as far as its signature covers it. Raises RefusedRequest (401) for a signing header given twice."""
    for name in (KEY_HEADER, *HEADERS):
        if len(request.headers.getlist(name)) > 1:
            raise RefusedRequest(401, _NOT_VALID, [f"{name}: came twice, so that nobody knows which counts"])
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return Knock(request.method, f"{path}?{query}" if query else path, dict(request.headers), body)


async def knock_of_a_known_key(request: Request, most: int = bodies.MOST_BYTES) -> Knock:
    """The request with its body, of which no byte is read before its headers are good and its key's id is known.

    Raises RefusedRequest: 401 for headers that cannot be right and for an id that opens nothing, 413 for a body of
    more than `most` bytes, 503 while too many ids of this address, or of all, are looked up.
    """
    await _known_key(request)
    return knock(request, await bodies.whole(request, most))


async def _known_key(request: Request) -> "_FoundKey":
    """The key whose id is named; one that is remembered waits for nobody, and of each id one look-up serves all.

    Raises RefusedRequest: 401 or 503.
    """
    tools: Tools = request.app.state.tools
    at = knock(request)
    key_id = at.headers.get(KEY_HEADER, "")
    if not key_id:
        raise RefusedRequest(401, _NOT_VALID, [f"{KEY_HEADER}: is missing"])
    wrong = objection_to_headers(at, time.time(), version_1=tools.settings.accept_signatures_v1)
    if wrong:
        raise RefusedRequest(401, _NOT_VALID, [wrong])
    return await _found_by_id(request, key_id)


async def _found_by_id(request: Request, key_id: str) -> "_FoundKey":
    """The key of this id. Raises RefusedRequest: 401 where it opens nothing, 503 while too many are looked up."""
    tools: Tools = request.app.state.tools
    found = _FOUND.remembered(tools, key_id)
    if found:
        return found
    address = network_of(request.client.host if request.client else "")
    which = (tools.store, key_id)
    under_way = _UNDER_WAY.get(which)
    if under_way is None:
        try:
            under_way = _UNDER_WAY[which] = KEYS.begin(address, _known, tools, key_id)
        except Busy as busy:
            sentence = f"{KEY_HEADER}: too many keys are looked up at this moment; send the same again"
            wait = {"Retry-After": str(busy.seconds)}
            raise RefusedRequest(503, "Try again in a moment", [sentence], wait) from None
        under_way.add_done_callback(lambda _: _UNDER_WAY.pop(which, None))
    return await asyncio.shield(asyncio.wrap_future(under_way))


def enter(tools: Tools, at: Knock, scope: Scope | Sequence[Scope], company: str | None = None) -> Key:
    """The key that knocks, if it may do this (one of these), for this company where one is named.

    Raises RefusedRequest: 401 without a good signature or after its end, 403 without scope or company, 404 for what
    cannot be a company, 409 for a request that came before, 429 when it asks too often or for too much.
    """
    return _enter(tools, _known(tools, at.headers.get(KEY_HEADER, "")), at, scope, company)


def _enter(
    tools: Tools, found: "_FoundKey", at: Knock, scope: Scope | Sequence[Scope], company: str | None, bearer: str = ""
) -> Key:
    key = _recognise_bearer(tools, found, bearer) if bearer else _recognise(tools, found, at)
    _must_not_be_too_much(tools, key, at)
    wrong = rights.of_scopes(actor_of(key), [scope] if isinstance(scope, Scope) else scope)
    if wrong:
        raise refusal(wrong)
    if company is not None:
        must_speak_for(key, company)
        must_be_id(company, "company")
    _must_be_new(tools, key, at)
    return key


def actor_of(key: Key) -> HostKey:
    """Who is at the door, as rights are asked for."""
    return HostKey(key.id, key.companies, key.scopes)


def refusal(wrong: Objection) -> RefusedRequest:
    """What the key may not, as it is told."""
    if wrong.lacks == "company":
        return RefusedRequest(403, "Not your company", [f"company: {wrong.sentence}"])
    return RefusedRequest(403, "Not with this key", [f"{KEY_HEADER}: {wrong.sentence}"])


def _must_not_be_too_much(tools: Tools, key: Key, at: Knock) -> None:
    """Raises RefusedRequest (429)."""
    wanted = [Portion(rates.REQUESTS, 1, tools.settings.requests_per_minute)]
    if at.body:
        wanted.append(Portion(rates.BYTES, len(at.body), tools.settings.bytes_per_minute))
    must_have(tools, key, "Too many requests", *wanted)


def must_have(tools: Tools, key: Key, title: str, *wanted: Portion) -> None:
    """Raises RefusedRequest (429) when the key may not have that now."""
    lacking = rates.take(tools.redis, key.id, *wanted)
    if lacking:
        portion, wait = lacking
        problem = f"{KEY_HEADER}: this key may have {portion.per_minute:,} {portion.kind} a minute; wait {wait} s"
        raise RefusedRequest(429, title, [problem], {"Retry-After": str(wait)})


def _must_be_new(tools: Tools, key: Key, at: Knock) -> None:
    """Raises RefusedRequest (409) for the second request under one id, where carrying it out again would matter."""
    if at.method in ("GET", "HEAD") or at.target in _TAKEN_ONCE_BY_THEMSELVES:
        return
    with tools.store.write() as work:
        is_new = api_keys.is_new(work, key.id, at.id)
    if not is_new:
        problem = "webhook-id: this key sent a request with this id already; each needs one of its own, a retry too"
        raise RefusedRequest(409, "Request id already used", [problem])


def entering(scope: Scope) -> Callable[[Request], Awaitable[Key]]:
    """A dependency of a GET: the key that knocks. Raises as `knock_of_a_known_key` and `enter` do.

    Of reads a key may come as a plain token too, for clients that cannot sign: its id, a full stop, its secret.
    """

    async def key_of(request: Request) -> Key:
        key_id, secret = _bearer(request) if scope is Scope.READS else ("", "")
        found = await (_found_by_token(request, key_id) if secret else _known_key(request))
        tools, company = request.app.state.tools, request.path_params.get("company")
        return await answers.in_a_thread(request, _enter, tools, found, knock(request), scope, company, secret)

    return key_of


def needs(*any_of: Scope) -> dict[str, Any]:
    """What a route's description says about the key it needs: one with any of these scopes."""
    plain = [{"bearer": [scope.value]} for scope in any_of if scope is Scope.READS]
    return {"security": [*({"key": [scope.value]} for scope in any_of), *plain]}


def must_speak_for(key: Key, company: str) -> None:
    """Raises RefusedRequest (403) when the key does not speak for the company."""
    wrong = rights.of_company(actor_of(key), company)
    if wrong:
        raise refusal(wrong)


def must_be_id(text: str, field: str) -> None:
    """Raises RefusedRequest (404) for what cannot be the id of anything."""
    try:
        _ID.validate_python(text)
    except ValidationError:
        problem = f"{field}: this cannot be the id of anything"
        raise RefusedRequest(404, f"Unknown {field}", [problem]) from None


def _bearer(request: Request) -> tuple[str, str]:
    """The id and the secret that came as a token; empty where the request is signed. Raises RefusedRequest (401)."""
    given = request.headers.getlist("authorization")
    if not given or KEY_HEADER in request.headers:
        return "", ""
    scheme, _, token = given[0].partition(" ")
    key_id, _, secret = token.strip().rpartition(_MARK)
    if len(given) > 1 or scheme.lower() != "bearer" or not key_id:
        raise _no_such_token("must be Bearer, a space, the key's id, a full stop and its secret")
    return key_id, f"{_MARK[1:]}{secret}"


async def _found_by_token(request: Request, key_id: str) -> "_FoundKey":
    try:
        return await _found_by_id(request, key_id)
    except RefusedRequest as refused:
        raise (_no_such_token() if refused.status == 401 else refused) from None


def _no_such_token(why: str = "there is no key with this id, or this is not its secret") -> RefusedRequest:
    return RefusedRequest(401, _NOT_VALID, [f"authorization: {why}"], {"WWW-Authenticate": "Bearer"})


def _recognise_bearer(tools: Tools, found: "_FoundKey", secret: str) -> Key:
    """The key, if this is its secret and it may read and nothing else: who sees the token has all that it opens."""
    if not any(hmac.compare_digest(secret.encode(), one.encode()) for one in found.key.secrets):
        raise _no_such_token()
    if found.key.scopes != frozenset((Scope.READS.value,)):
        problem = "authorization: a key that comes as a plain token must have the scope “reads” and no other"
        raise RefusedRequest(403, "Not with this key", [problem])
    return _still_good(tools, found)


def _recognise(tools: Tools, found: "_FoundKey", at: Knock) -> Key:
    accepts_v1 = tools.settings.accept_signatures_v1
    wrong = signature_objection(at, found.key.secrets, time.time(), version_1=accepts_v1)
    if wrong:
        raise RefusedRequest(401, _NOT_VALID, [wrong])
    if not (found.use_noted or found.key.expired or at.has_version_2):
        _log.warning("door.signed_in_version_1", reason=f"key {found.key.id}")
    return _still_good(tools, found)


def _still_good(tools: Tools, found: "_FoundKey") -> Key:
    """The key, of whose use a note is made. Raises RefusedRequest (401) after its end."""
    if found.key.expired:  # for who has its secret alone
        when = f"{found.key.expires_at:%Y-%m-%d %H:%M} UTC"
        raise RefusedRequest(
            401, "Key expired", [f"{KEY_HEADER}: this key was good until {when}; ask for it to be prolonged"]
        )
    if not found.use_noted:
        found.use_noted = True
        _note_use(tools, found.key)
    return found.key


def _known(tools: Tools, key_id: str) -> "_FoundKey":
    """The key with this id. Raises RefusedRequest (401) where there is none any more; that is not remembered."""
    found = _FOUND.remembered(tools, key_id)
    if found is None:
        moment = _moment(tools)
        with tools.store.read() as work:
            key = api_keys.find(work, tools.vault, key_id)
        if key is None:
            raise RefusedRequest(401, _NOT_VALID, [NO_KEY_OR_NO_FIT])
        found = _FoundKey(key, key.use_noted)
        _FOUND.remember(tools, found, moment)
    return found


@dataclass
class _FoundKey:
    key: Key
    use_noted: bool


class _RememberedKeys:
    """Keys as they were found in this moment of `REMEMBERED_SECONDS`; at most so many, the oldest go."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: dict[tuple[Store, Vault, str], tuple[int, _FoundKey]] = {}
        self._lock = threading.Lock()

    def remembered(self, tools: Tools, key_id: str) -> _FoundKey | None:
        """The key with this id, if it was found in this moment."""
        moment, found = self._found.get((tools.store, tools.vault, key_id), (None, None))
        return found if moment == _moment(tools) else None

    def remember(self, tools: Tools, found: _FoundKey, moment: int) -> None:
        """For the rest of the moment in which it was looked up."""
        with self._lock:
            self._found.pop((tools.store, tools.vault, found.key.id), None)
            while len(self._found) >= self._most:
                self._found.pop(next(iter(self._found)))
            self._found[tools.store, tools.vault, found.key.id] = (moment, found)


def _moment(tools: Tools) -> int:
    return int(tools.elapsed() / REMEMBERED_SECONDS)


_FOUND = _RememberedKeys(256)
_UNDER_WAY: dict[tuple[Store, str], "Future[_FoundKey]"] = {}  # ids that are looked up at this moment


def _note_use(tools: Tools, key: Key) -> None:
    """Nobody is turned away because the note could not be made."""
    try:
        with tools.store.write() as work:
            api_keys.note_use(work, key.id)
    except SQLAlchemyError:
        return
