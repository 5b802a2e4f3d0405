"""Single sign-on (OpenID Connect): code flow with PKCE, state and nonce; roles from claims at every sign-in."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from store import api_keys, audit, metrics_rows, users
from store.tables import User
from store.unit_of_work import Work
from store.vault import Unopenable
from worker import logs
from worker.decisions import sign_in
from worker.decisions.rights import Role
from worker.decisions.sign_in import PROOF_SECONDS
from worker.tools import Tools
from worker.users import accounts, signing_in
from worker.users.signing_in import SignedIn, SignInPlace

BY = "single sign-on"
_TAKES_SECONDS = 900.0
_TIMEOUT = httpx.Timeout(5.0)
_REMEMBERED_SECONDS = 3600.0
_SIGNED_WITH = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY = 60
_COOKIE_BYTES = 3800
_PURPOSE = "a sign-in under way"
_LAST_ADMIN = (
    "you are the last admin here: nobody could manage users any more. Have somebody else made an admin first, or get "
    "the role back there. At the machine: crewcard-xero users"
)
_log = logs.log("console")


class SignOnRefused(Exception):
    """Nobody is signed in; the text says why and what to do."""


@dataclass(frozen=True)
class Begun:
    """On to the provider: at `address`; `kept` is what the browser has to bring back.

    `dropped`: a form waits that is too long for a cookie, so that nothing comes of it.
    """

    address: str
    kept: str = field(repr=False)
    dropped: bool = False


@dataclass(frozen=True)
class Finished:
    """Back from the provider: a session, the page that was asked for, and a form that waited for proof, if any.

    `dropped`: one waited and was too long to be kept; nothing was done of it.
    """

    signed_in: SignedIn
    back: str
    held: str = field(repr=False)
    dropped: bool = False


def begin(tools: Tools, back: str, again: str = "", held: str = "") -> Begun:
    """A sign-in begins; `again`: this user has to give their password there anew. Raises SignOnRefused."""
    chosen, at = tools.settings, _provider(tools)
    with tools.store.read() as work:
        until = work.after(_TAKES_SECONDS).timestamp()
    said = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    kept, dropped = _kept(tools, {**said, "until": until, "back": back, "again": again, "held": held})
    address = prepare_grant_uri(
        at["authorization_endpoint"],
        client_id=chosen.oidc_client_id,
        response_type="code",
        redirect_uri=callback(tools),
        scope=chosen.oidc_scopes,
        state=said["state"],
        nonce=said["nonce"],
        code_challenge=create_s256_code_challenge(said["verifier"]),
        code_challenge_method="S256",
        **({"prompt": "login", "max_age": "0"} if again else {}),
    )
    return Begun(address, kept, dropped)


def finish(tools: Tools, kept: str, answered: Mapping[str, str], place: SignInPlace, cookie: str) -> Finished:
    """The provider's answer, for the browser that began; `cookie` is of its session so far. Raises SignOnRefused."""
    began = _began(tools, kept, answered.get("state", ""))
    name = tools.settings.oidc_name
    if "code" not in answered:
        raise SignOnRefused(f"{name} did not sign you in. Try again, or ask an admin.")
    claims = _claims(tools, answered["code"], began)
    with tools.store.write() as work:
        refused, user = _user(work, tools, claims, place)
        if user is not None and began["again"] and user.id != began["again"]:
            refused, user = f"You signed in as {user.id}, and began as {began['again']}. Sign out first.", None
        if user is not None:
            proven = _is_recent(claims.get("auth_time"))
            users.end_session(work, cookie)
            signed_in = signing_in.begin(work, tools, user, place, BY, strong=True, proven=proven)
    if user is None:
        raise SignOnRefused(refused)
    if began["again"] and not proven:
        raise NotRecent(signed_in, f"{name} did not ask you again, or does not say when it did.")
    return Finished(signed_in, began["back"], began["held"], began.get("dropped", False))


class NotRecent(SignOnRefused):
    """They are signed in, and still did not show that it is still them."""

    def __init__(self, signed_in: SignedIn, why: str) -> None:
        super().__init__(why)
        self.signed_in = signed_in


def callback(tools: Tools) -> str:
    """The address at which the provider answers; it has to know it beforehand."""
    return f"{tools.settings.public_url.rstrip('/')}/console/sso/callback"


def _kept(tools: Tools, said: dict[str, Any]) -> tuple[str, bool]:
    """What the browser keeps, and whether the form that waits had no room in it: no cookie is longer."""
    sealed = tools.vault.seal_document(_PURPOSE, said)
    if len(sealed) <= _COOKIE_BYTES:
        return sealed, False
    dropped = bool(said["held"])
    return tools.vault.seal_document(_PURPOSE, {**said, "held": "", "back": "/console", "dropped": dropped}), dropped


def _began(tools: Tools, kept: str, state: str) -> Any:
    """Raises SignOnRefused."""
    try:
        said = tools.vault.open_document(_PURPOSE, kept)
    except Unopenable:
        said = {}
    with tools.store.read() as work:
        good = said.get("until", 0) >= work.now.timestamp()
    if good and secrets.compare_digest(state.encode(), said["state"].encode()):
        with tools.store.write() as work:
            good = api_keys.is_new(work, BY, state)  # once, whatever the provider thinks of its code
    else:
        good = False
    if not good:
        raise SignOnRefused("This sign-in was begun in another browser, too long ago, or is over. Begin again.")
    return said


def _provider(tools: Tools) -> Mapping[str, Any]:
    """Raises SignOnRefused."""
    return _discovered(tools.settings.oidc_issuer, int(tools.elapsed() / _REMEMBERED_SECONDS))


@lru_cache(maxsize=4)
def _discovered(issuer: str, _moment: int) -> Mapping[str, Any]:
    """What the provider says about itself (Discovery 1.0), remembered for an hour. Raises SignOnRefused."""
    said = _json("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    places = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    least = urlsplit(issuer).scheme
    fit = all(isinstance(one, str) and urlsplit(one).scheme in ("https", least) for one in places)
    if said.get("issuer") != issuer or not fit:
        _log.warning("console.provider_unfit", reason="issuer" if fit else "endpoints")
        raise SignOnRefused("The single sign-on is not the one that OIDC_ISSUER names. An admin has to look at it.")
    found: Mapping[str, Any] = said
    return found


def _claims(tools: Tools, code: str, began: Mapping[str, str]) -> Mapping[str, Any]:
    """What the provider vouches for: signature, issuer, audience, times and nonce are right. Raises SignOnRefused."""
    chosen, at = tools.settings, _provider(tools)
    methods = at.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    way = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
    asked = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback(tools),
        "code_verifier": began["verifier"],
    }
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    client = ClientAuth(chosen.oidc_client_id, chosen.oidc_client_secret, way)
    address, headers, body = client.prepare("POST", at["token_endpoint"], headers, urlencode(asked))
    answer = _json("POST", address, headers, body)
    keys = _json("GET", at["jwks_uri"])
    try:
        token = jwt.decode(answer["id_token"], KeySet.import_key_set(keys), algorithms=list(_SIGNED_WITH))
        must = {"iss": chosen.oidc_issuer, "aud": chosen.oidc_client_id}
        claims = CodeIDToken(
            token.claims,
            token.header,
            {name: {"essential": True, "value": value} for name, value in must.items()},
            {"nonce": began["nonce"], "client_id": chosen.oidc_client_id, "access_token": answer.get("access_token")},
        )
        claims.validate(leeway=_LEEWAY)
    except (JoseError, ValueError, KeyError, TypeError) as wrong:
        _log.warning("console.id_token_refused", error=type(wrong).__name__)
        said = f"What {chosen.oidc_name} answered cannot be trusted. Begin again; if it stays, tell an admin."
        raise SignOnRefused(said) from None
    return dict(claims)


def _json(method: str, address: str, headers: Mapping[str, str] | None = None, body: str | None = None) -> Any:
    """Raises SignOnRefused."""
    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=False) as client:
            answer = client.request(method, address, headers=headers, content=body)
        found = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as wrong:
        status = wrong.response.status_code if isinstance(wrong, httpx.HTTPStatusError) else 0
        _log.warning("console.provider_refused", error=type(wrong).__name__, status=status)
        raise SignOnRefused("The single sign-on does not answer as it should. Try again in a minute.") from None
    if not isinstance(found, dict):
        raise SignOnRefused("The single sign-on does not answer as it should. Try again in a minute.")
    return found


def _user(work: Work, tools: Tools, claims: Mapping[str, Any], place: SignInPlace) -> tuple[str, User | None]:
    """Why not, or the user with the role that the claims give."""
    name, subject = tools.settings.oidc_name, f"{claims['iss']} {claims['sub']}"
    said, objection = sign_in.user_in(claims, tools.settings.oidc_user)
    role = sign_in.role_in(claims, tools.settings.oidc_roles)
    users.everyone(work, locked=True)  # of two admins who are demoted at once one stays
    user = users.by_subject(work, subject) or (users.find(work, said) if said else None)
    if user is not None and user.subject not in (None, subject):
        return _refuse(work, user, place, f"“{user.id}” is somebody else at {name}. An admin has to look at it.")
    if user is not None and user.subject is None and objection:
        user = None
    if user is not None and user.disabled_at:
        return _refuse(work, user, place, "Your access is blocked here. Ask an admin.")
    if role is None:
        if user is not None:
            users.end_sessions(work, user.id)
        why = f"{name} knows you, but gives you no role here. Ask who manages your groups there."
        return _refuse(work, user, place, why)
    if user is not None and role != Role.ADMIN and accounts.is_last_admin(work, user):
        if user.subject is not None:
            users.end_sessions(work, user.id)
        return _refuse(work, user, place, f"{name} gives you the role “{role}”, and {_LAST_ADMIN}")
    if user is None:
        if objection or not accounts.is_id(said):
            why = objection or f"“{said[:100]}” cannot be an id here"
            return _refuse(work, None, place, f"{name} signed you in, but {why}.")
        user = User(id=said, name=str(claims.get("name") or said)[:100], role=role, created_at=work.now)
        accounts.note(work, BY, "user added", said, role)
    return "", _bound(work, user, subject, role)


def _bound(work: Work, user: User, subject: str, role: str) -> User:
    """From now on the provider alone says who they are and their role: no password of their own."""
    if user.subject is None:
        user.subject, user.password = subject, None
        users.end_sessions(work, user.id)
        accounts.note(work, BY, "signs in by single sign-on", user.id, role)
    if user.role != role:
        user.role = role
        users.end_sessions(work, user.id)
        accounts.note(work, BY, "user's role changed", user.id, role)
    return users.save_user(work, user)


def _refuse(work: Work, user: User | None, place: SignInPlace, why: str) -> tuple[str, None]:
    said = {"user": user.id if user else "unknown", "address": place.address, "by": BY, "because": why}
    audit.note(work, signing_in.NOBODY, "sign-in refused", "", said, 0, "")
    _log.warning("console.sign_in_refused", user=said["user"], address=place.address, kind=BY)
    metrics_rows.add_counts(work, "sign_ins", {("refused", ""): 1})
    return why, None


def _is_recent(at: Any) -> bool:
    """Whether the provider says that they gave their password there within the last ten minutes."""
    return isinstance(at, int | float) and abs(time.time() - at) < PROOF_SECONDS
