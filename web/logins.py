"""The host's side of a login: links for its users, Xero's answer handed over, how a connection is, its end.

The Xero apps of today answer to the host's own address: it signs code and state and hands them over here.
Each body names its company, so that a signature made for one company's login says nothing about another's.

A person's login to Xero: the page that a link opens, Xero's answer, the choice of an organisation.

To look at a link changes nothing, because mail scanners do: the button on its page uses it up. Page and login have a
cookie of their own each, made here and never taken from the browser, so that a form or an answer of Xero that another
browser, or another site, began is refused.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from events.accounting_target import Trouble
from events.credentials import Scope
from web import answers, bodies, keys, pages
from web.answers import RefusedRequest
from web.keys import Knock
from worker.connections import connecting, health, logging_in, login_links
from worker.connections.logging_in import HOST, Outcome
from worker.decisions import addresses
from worker.decisions.refusals import LoginRefusal, LoginRefused
from worker.tools import Tools

MOST_BYTES = 20_000
_NEEDS = keys.needs(Scope.LOGINS)
router = APIRouter(prefix="/v1/companies/{company}")


@router.post(
    "/login-links",
    status_code=201,
    responses={201: {"model": answers.LoginLink}},
    openapi_extra=keys.needs(Scope.LOGINS),
)
async def make_link(request: Request, company: str) -> Response:
    """A fresh login link: `{"company", "return_to"?}` → `{"url", "ends_at"}`."""
    return await _answer(request, company, _make_link, 201)


@router.post("/logins", responses={200: {"model": answers.LoggedIn}}, openapi_extra=_NEEDS)
async def hand_over(request: Request, company: str) -> Response:
    """Xero's answer to the host: `{"company", "state", "code"}` or `{"company", "state", "error"}`."""
    return await _answer(request, company, _hand_over, 200)


@router.post(
    "/logins/organisation", responses={200: {"model": answers.LoggedIn}}, openapi_extra=keys.needs(Scope.LOGINS)
)
async def choose(request: Request, company: str) -> Response:
    """The organisation the host's user chose: `{"company", "login", "tenant"}`."""
    return await _answer(request, company, _choose, 200)


@router.post("/disconnect", responses={200: {"model": answers.Disconnected}}, openapi_extra=_NEEDS)
async def disconnect(request: Request, company: str) -> Response:
    """End the connection, at Xero too: `{"company"}`."""
    return await _answer(request, company, _disconnect, 200)


@router.get("/connection", dependencies=[Depends(keys.entering(Scope.READS))], openapi_extra=keys.needs(Scope.READS))
def connection(request: Request, company: str) -> answers.Connection:
    """How the company's connection is."""
    found = health.of_company(request.app.state.tools, company)
    if found is None:
        raise RefusedRequest(404, "Unknown company", [f"company: there is no company “{company}” here"])
    return answers.Connection(**asdict(found), well=found.well)


async def _answer(request: Request, company: str, do: Any, status: int) -> Response:
    at = await keys.knock_of_a_known_key(request, MOST_BYTES)
    return await answers.in_a_thread(request, _recognised, request.app.state.tools, at, company, do, status)


def _recognised(tools: Tools, at: Knock, company: str, do: Any, status: int) -> Response:
    keys.enter(tools, at, Scope.LOGINS, company)
    bodies.must_be_json(at.headers)
    said = _parsed(at.body)
    if said.get("company") != company:
        raise RefusedRequest(
            422, "Not this company", ["company: the body and the address must name the same company"]
        )
    try:
        return JSONResponse(do(tools, said), status, headers={"cache-control": "no-store"})
    except LoginRefused as refused:
        told = refused.refusal.value
        raise RefusedRequest(
            told.status, told.title, [f"{refused.refusal.code}: {told.message} {told.how}"]
        ) from None
    except LookupError:
        raise RefusedRequest(409, "Not connected", [f"company: “{company}” is not connected to Xero"]) from None
    except Trouble:
        raise RefusedRequest(
            503, "Xero does not answer", ["xero: did not answer properly; try again in a minute"]
        ) from None


def _parsed(body: bytes) -> dict[str, str]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not all(map(_is_text, said.values())):
        raise RefusedRequest(422, "Body not readable", ["body: must be a JSON object whose values are text"])
    return said


def _is_text(value: Any) -> bool:
    """Whether it is a text that a database can hold."""
    return isinstance(value, str) and "\0" not in value and value == value.encode("utf-8", "replace").decode()


def _make_link(tools: Tools, said: dict[str, str]) -> dict[str, Any]:
    made = login_links.link(tools, said["company"], said.get("return_to", ""))
    return {"url": made.url, "ends_at": made.ends_at.isoformat()}


def _hand_over(tools: Tools, said: dict[str, str]) -> dict[str, Any]:
    login = logging_in.find(tools, said.get("state", ""))
    logging_in.same_company(login, said["company"])
    return _outcome(logging_in.finish(tools, login, HOST, said.get("code", ""), said.get("error", "")))


def _choose(tools: Tools, said: dict[str, str]) -> dict[str, Any]:
    logging_in.same_company(logging_in.at_choice(tools, said.get("login", ""), HOST), said["company"])
    return _outcome(logging_in.choose(tools, said["login"], HOST, said.get("tenant", "")))


def _disconnect(tools: Tools, said: dict[str, str]) -> dict[str, Any]:
    connecting.disconnect(tools, said["company"], "host")
    return {"company": said["company"], "connection": "disconnected"}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "login": outcome.login,
        "company": outcome.company,
        "connected": outcome.connected,
        "waiting_for_decision": outcome.waiting_for_decision,
        "organisations": [
            {"tenant": one.tenant, "name": one.name, "taken": one.taken, "current": one.current}
            for one in outcome.organisations
        ],
    }


_NO_BROWSER = ""
connect_router = APIRouter(prefix="/connect")


@connect_router.get("/xero/callback")
def answered(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
    """Xero's answer."""
    tools: Tools = request.app.state.tools
    login = logging_in.find(tools, state)
    browser = request.cookies.get(_cookie(tools, login.id), _NO_BROWSER)
    return _show(tools, logging_in.finish(tools, login, browser, code, error), browser)


@connect_router.post("/xero/choose")
async def chosen(request: Request) -> Response:
    """The organisation a person chose on our page."""
    form = await _form(request)
    return await answers.in_a_thread(request, _choose_on_page, request, form)


@connect_router.get("/{company}")
def shown(request: Request, company: str, link: str = "") -> Response:
    """Whose login the link begins, and a button."""
    tools: Tools = request.app.state.tools
    opened = login_links.opened(tools, company, link)
    browser = secrets.token_urlsafe(32)
    answer = pages.page(
        "begin",
        title=f"Connect {opened.company} to Xero",
        goes_on_to=tools.settings.xero_login_url,
        opened=opened,
        company=company,
        link=link,
        form=form_token(browser),
    )
    _set_cookie(answer, tools, _page_cookie(tools, opened.login), browser, "strict")
    return answer


@connect_router.post("/{company}")
async def begun(request: Request, company: str) -> Response:
    """The link is used: on to Xero's login page."""
    form = await _form(request)
    return await answers.in_a_thread(request, _begin, request, company, form)


def refused(_request: Request, problem: Exception) -> Response:
    """A login that went no further, as a page."""
    if not isinstance(problem, LoginRefused):
        raise problem
    told = problem.refusal.value
    back = addresses.with_answer(problem.return_to, xero=problem.refusal.code) if problem.return_to else ""
    return pages.page("told", told.status, title=told.title, message=told.message, how=told.how, return_to=back)


async def _form(request: Request) -> dict[str, str]:
    """The fields; without NUL characters, which no database holds."""
    body = await bodies.whole(request, MOST_BYTES)
    return {name: value.replace("\0", "") for name, value in parse_qsl(body.decode(errors="replace"))}


def _begin(request: Request, company: str, form: dict[str, str]) -> Response:
    tools: Tools = request.app.state.tools
    link = form.get("link", "")
    page_cookie = _page_cookie(tools, login_links.login_of(tools, company, link))
    page = request.cookies.get(page_cookie, _NO_BROWSER)
    if not _is_of_a_page_of(page, form):
        raise LoginRefused(LoginRefusal.NOT_A_FORM)
    started = login_links.start(tools, company, link)
    answer = RedirectResponse(started.address, 303, headers={"cache-control": "no-store"})
    _set_cookie(answer, tools, _cookie(tools, started.login), started.browser, "lax")
    _delete_cookie(answer, tools, page_cookie)
    return answer


def _choose_on_page(request: Request, form: dict[str, str]) -> Response:
    tools: Tools = request.app.state.tools
    login_id = form.get("login", "")
    browser = request.cookies.get(_cookie(tools, login_id), _NO_BROWSER)
    if not _is_of_a_page_of(browser, form):
        raise LoginRefused(LoginRefusal.OTHER_BROWSER)
    return _show(tools, logging_in.choose(tools, login_id, browser, form.get("tenant", "")), browser)


def _show(tools: Tools, outcome: Outcome, browser: str) -> Response:
    if outcome.connected is None:
        return pages.page(
            "choose",
            title="Choose an organisation",
            login=outcome.login,
            form=form_token(browser),
            goes_on_to=outcome.return_to,
            organisations=outcome.organisations,
        )
    answer = _connected(outcome)
    _delete_cookie(answer, tools, _cookie(tools, outcome.login))
    return answer


def _connected(outcome: Outcome) -> Response:
    back = addresses.with_answer(outcome.return_to, xero="connected") if outcome.return_to else ""
    if back and not outcome.waiting_for_decision:
        return RedirectResponse(back, 303, headers={"cache-control": "no-store"})
    count = outcome.waiting_for_decision
    message = "Invoices go there from now on. You can close this page."
    if count:
        waiting = "1 invoice was" if count == 1 else f"{count} invoices were"
        message = f"{waiting} meant for another organisation. Nothing is sent until that is decided."
    how = "An administrator can send them here or cancel them; or log in again and choose the other." if count else ""
    return pages.page("told", title=f"Connected to {outcome.connected}", message=message, how=how, return_to=back)


def form_token(browser: str) -> str:
    """What a form of ours carries: only who has the login's cookie can know it."""
    return hashlib.sha256(f"form {browser}".encode()).hexdigest()


def _is_of_a_page_of(browser: str, form: dict[str, str]) -> bool:
    """Whether a page that this browser was shown sent the form; never so for one without the cookie."""
    return bool(browser) and hmac.compare_digest(form.get("form", "").encode(), form_token(browser).encode())


def _cookie(tools: Tools, login_id: str) -> str:
    """The name of a login's cookie."""
    return _cookie_name(tools, "xero_login", login_id)


def _page_cookie(tools: Tools, login_id: str) -> str:
    """The name of the cookie of the page that a login's link opens."""
    return _cookie_name(tools, "xero_link", login_id)


def _cookie_name(tools: Tools, what: str, login_id: str) -> str:
    """Over https a name that no other site below the same domain can set (RFC 6265bis, `__Host-`)."""
    return f"{'__Host-' if _secure(tools) else ''}{what}_{hashlib.sha256(login_id.encode()).hexdigest()[:16]}"


def _set_cookie(answer: Response, tools: Tools, name: str, value: str, same_site: Literal["lax", "strict"]) -> None:
    seconds = int(tools.settings.login_seconds)
    answer.set_cookie(name, value, max_age=seconds, secure=_secure(tools), httponly=True, samesite=same_site)


def _delete_cookie(answer: Response, tools: Tools, name: str) -> None:
    answer.delete_cookie(name, secure=_secure(tools), httponly=True)


def _secure(tools: Tools) -> bool:
    return urlsplit(tools.settings.public_url).scheme == "https"
