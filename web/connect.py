"""A person's login to Xero: the signed link, Xero's answer, the choice of an organisation.

Each login has a cookie of its own, made when its link is used and never taken from the browser, so that an
answer of Xero or a form that another browser began is refused.
"""

import hashlib
import hmac
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from web import bodies, pages
from worker.connections import logging_in, login_links
from worker.connections.logging_in import Outcome
from worker.decisions import return_addresses
from worker.decisions.refusals import LoginRefused, Refusal
from worker.tools import Tools

MOST_BYTES = 20_000
_NO_BROWSER = ""
router = APIRouter(prefix="/connect")


@router.get("/xero/callback")
def answered(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
    """Xero's answer."""
    tools: Tools = request.app.state.tools
    login = logging_in.find(tools, state)
    browser = request.cookies.get(_cookie(login.id), _NO_BROWSER)
    return _show(logging_in.finish(tools, login, browser, code, error), browser)


@router.post("/xero/choose")
async def chosen(request: Request) -> Response:
    """The organisation a person chose on our page."""
    body = await bodies.whole(request, MOST_BYTES)
    form = dict(parse_qsl(body.decode(errors="replace")))
    return await run_in_threadpool(_choose, request, form)


@router.get("/{company}")
def begun(request: Request, company: str, link: str = "") -> Response:
    """The link is used: on to Xero's login page."""
    tools: Tools = request.app.state.tools
    started = login_links.start(tools, company, link)
    answer = RedirectResponse(started.address, 303, headers={"cache-control": "no-store"})
    answer.set_cookie(
        _cookie(started.login),
        started.browser,
        max_age=int(tools.settings.login_seconds),
        path="/connect",
        secure=urlsplit(tools.settings.public_url).scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


def refused(_request: Request, problem: Exception) -> Response:
    """A login that went no further, as a page."""
    if not isinstance(problem, LoginRefused):
        raise problem
    told = problem.refusal.value
    back = return_addresses.with_answer(problem.return_to, xero=problem.refusal.code) if problem.return_to else ""
    return pages.page("told", told.status, title=told.title, message=told.message, how=told.how, return_to=back)


def _choose(request: Request, form: dict[str, str]) -> Response:
    login_id = form.get("login", "")
    browser = request.cookies.get(_cookie(login_id), _NO_BROWSER)
    if not hmac.compare_digest(form.get("form", "").encode(), form_token(browser).encode()):
        raise LoginRefused(Refusal.OTHER_BROWSER)
    return _show(logging_in.choose(request.app.state.tools, login_id, browser, form.get("tenant", "")), browser)


def _show(outcome: Outcome, browser: str) -> Response:
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
    answer.delete_cookie(_cookie(outcome.login), path="/connect")
    return answer


def _connected(outcome: Outcome) -> Response:
    back = return_addresses.with_answer(outcome.return_to, xero="connected") if outcome.return_to else ""
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
    return hashlib.sha256(f"form {browser}".encode()).hexdigest() if browser else "none"


def _cookie(login_id: str) -> str:
    return "xero_login_" + hashlib.sha256(login_id.encode()).hexdigest()[:16]
