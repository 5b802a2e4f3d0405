"""The login and consent pages that a browser clicks through, and the redirect back with a code (facts §7.1)."""

import secrets
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit

from simulator import scopes
from simulator.identity import App, Code
from simulator.refusals import No
from simulator.state import State
from simulator.wire import Reply, Request, as_text

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} | Simulated Xero</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}}
label{{display:block;margin:.7rem 0}}
input[type=email],input[type=password]{{width:100%;padding:.5rem;box-sizing:border-box}}
button{{padding:.6rem 1.2rem;margin:.5rem .5rem 0 0}}</style></head>
<body><h1>{title}</h1>{body}<p><small>This is a simulator. Nothing here is Xero's.</small></p></body></html>"""
_LOGIN = """<form method="post" action="/identity/simulator/organisations">
<input type="hidden" name="query" value="{query}">
<label>Email address <input type="email" name="user" required autofocus value="{hint}"></label>
<label>Password <input type="password" name="password"></label>
<button type="submit">Log in</button></form>"""
_CONSENT = """<p>{app} wants access to:</p><ul>{scopes}</ul>
<form method="post" action="/identity/simulator/consent">
<input type="hidden" name="query" value="{query}"><input type="hidden" name="user" value="{user}">
<fieldset><legend>Organisation</legend>{organisations}</fieldset>
<button type="submit" name="decision" value="allow">Allow access</button>
<button type="submit" name="decision" value="cancel">Cancel</button></form>"""
_BULK_TIERS = ("advanced", "enterprise")


class Refused(Exception):
    """The page cannot be shown; nobody is redirected anywhere."""


def answer(state: State, request: Request) -> Reply:
    """The three steps: authorize, choose the organisation, consent."""
    step = request.path.rsplit("/", 1)[-1].lower()
    query = request.query if step == "authorize" else request.form.get("query", "")
    asked = dict(parse_qsl(query, keep_blank_values=True))
    try:
        app = _checked(state, asked)
    except Refused as refused:
        told = f"<p><strong>{escape(str(refused))}</strong></p>"
        return as_text(_PAGE.format(title="Sorry, something went wrong", body=told), 400, "text/html")
    if step == "authorize":
        body = _LOGIN.format(query=escape(query), hint=escape(asked.get("login_hint", "")))
        return _page("Log in to Xero", body)
    user = request.form.get("user", "").strip()
    if step == "consent" and user:
        return _decided(state, request, app, asked, user)
    return _organisations(state, app, asked, query, user)


def _checked(state: State, asked: dict[str, str]) -> App:
    app = state.identity.apps.get(asked.get("client_id", ""))
    if app is None or app.kind == "custom":
        raise Refused(f"Error: {No.UNAUTHORIZED_CLIENT()}. Unknown client or client not enabled")
    if asked.get("response_type") != "code":
        raise Refused("Error: unsupported_response_type")
    _check_redirect(state, app, asked.get("redirect_uri", ""))
    if scopes.refused(asked.get("scope", "").split(), broad_allowed=app.broad_scopes):
        raise Refused(f"Error: invalid_scope. {No.INVALID_SCOPE()}")
    if app.kind == "pkce" and (asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge")):
        raise Refused("Error: invalid_request. code challenge required")
    return app


def _check_redirect(state: State, app: App, uri: str) -> None:
    """Anywhere over https, over http only localhost; not 127.0.0.1, unless the switch says so (facts §7.1)."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname
    except ValueError:
        raise Refused("Error: invalid_request. Invalid redirect_uri") from None
    local = ("localhost", "127.0.0.1") if state.switches.redirects_to_127_0_0_1 else ("localhost",)
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in local)
    if not secure or not host or (app.redirect_uris and uri not in app.redirect_uris):
        raise Refused("Error: invalid_request. Invalid redirect_uri (https, or http on localhost, as registered)")


def _organisations(state: State, app: App, asked: dict[str, str], query: str, user: str) -> Reply:
    """The choice: one organisation, or several for the tiers that may connect in bulk (facts §7.3)."""
    kind = "checkbox" if app.tier in _BULK_TIERS else "radio"
    known = [one for one in state.world.organisations.values() if user and one.role_of(user) is not None]
    listed = "".join(
        f'<label><input type="{kind}" name="tenant" value="{escape(one.tenant)}"> {escape(one.name)}</label>'
        for one in sorted(known, key=lambda one: one.name)
    )
    wanted = "".join(f"<li>{escape(scope)}</li>" for scope in asked.get("scope", "").split())
    body = _CONSENT.format(
        app=escape(app.name),
        scopes=wanted,
        query=escape(query),
        user=escape(user),
        organisations=listed or "<p>You have no organisation.</p>",
    )
    return _page("Allow access", body)


def _decided(state: State, request: Request, app: App, asked: dict[str, str], user: str) -> Reply:
    tenants = [text for name, text in parse_qsl(request.body.decode(errors="replace")) if name == "tenant"]
    books = state.world.organisations
    allowed = [one for one in tenants if one in books and books[one].role_of(user) is not None]
    if request.form.get("decision") != "allow" or not allowed:
        return _back(asked, error="access_denied", error_description="TheUserCancelled")
    if app.tier not in _BULK_TIERS:
        allowed = allowed[:1]
    now = state.world.now()
    mine = state.identity.connect(app.client_id, user, allowed, now)
    if state.switches.new_consent_kills_old_tokens:
        mine.refresh.clear()
    code = secrets.token_urlsafe(24)
    state.identity.codes[code] = Code(
        client_id=app.client_id,
        user=user,
        redirect_uri=asked["redirect_uri"],
        scopes=asked.get("scope", "").split(),
        given=now,
        challenge=asked.get("code_challenge", ""),
        nonce=asked.get("nonce", ""),
    )
    return _back(asked, code=code, scope=asked.get("scope", ""), session_state=secrets.token_urlsafe(8))


def _back(asked: dict[str, str], **said: str) -> Reply:
    """To the app's redirect_uri, with its state."""
    if "state" in asked:
        said["state"] = asked["state"]
    uri = asked["redirect_uri"]
    return Reply(302, headers={"location": f"{uri}{'&' if '?' in uri else '?'}{urlencode(said)}"})


def _page(title: str, body: str) -> Reply:
    return as_text(_PAGE.format(title=title, body=body), 200, "text/html")
