"""The console's routes, and what a person sees when one says no."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles

from web.answers import RefusedRequest
from web.console import (
    account,
    audit,
    companies,
    contacts,
    dead_letters,
    developers,
    erasing,
    failures,
    invoices,
    log,
    overview,
    pausing,
    queues,
    rendering,
    replaying,
    runbooks,
    searching,
    sends,
    setup,
    setup_invoices,
    setup_xero,
    sign_in,
    single_sign_on,
    users,
    workers,
)
from web.console.forms import TooLarge
from web.console.visitor import Elsewhere, Forbidden, Missing, NeedsProof, NotSignedIn, Unfinished, signed_in
from worker.connections.apps import BeingRemoved
from worker.decisions.rights import NotAllowed
from worker.users.hashing import Busy

PREFIX = "/console"
PAGES = (
    overview,
    sign_in,
    single_sign_on,
    account,
    invoices,
    log,
    searching,
    sends,
    failures,
    replaying,
    contacts,
    dead_letters,
    developers,
    audit,
    erasing,
    pausing,
    runbooks,
    users,
    setup,
    setup_invoices,
    setup_xero,
    queues,
    workers,
    companies,  # last: other pages lie under /companies
)
_REFUSALS: Mapping[type[Exception], tuple[int, str]] = {
    Forbidden: (403, "Not allowed"),
    NotAllowed: (403, "Not allowed"),
    Missing: (404, "Not found"),
    TooLarge: (413, "Too much at once"),
    BeingRemoved: (409, "Being removed"),
}


def add_to(app: FastAPI) -> None:
    """Put the console into the web application."""
    for module in PAGES:
        app.include_router(module.router, prefix=PREFIX, include_in_schema=False)
    app.mount(f"{PREFIX}/static", _LastingFiles(directory=rendering.HERE / "static"))
    app.router.redirect_slashes = False  # it would redirect to whatever host the request names
    for address in ("/", f"{PREFIX}/"):
        app.add_api_route(address, _home, include_in_schema=False)
    app.add_exception_handler(NotSignedIn, _sign_in_first)
    app.add_exception_handler(Elsewhere, _elsewhere)
    for kind in _REFUSALS:
        app.add_exception_handler(kind, _refused)
    app.add_exception_handler(NeedsProof, _needs_proof)
    app.add_exception_handler(Busy, _busy)


class _LastingFiles(StaticFiles):
    """Files whose address changes when they do."""

    def file_response(self, *args: object, **named: object) -> Response:
        answer = super().file_response(*args, **named)  # type: ignore[arg-type]
        answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        answer.headers["x-content-type-options"] = "nosniff"
        return answer


def _home() -> Response:
    return RedirectResponse(PREFIX, 303)


async def _sign_in_first(request: Request, problem: Exception) -> Response:
    step = problem.step if isinstance(problem, Unfinished) else f"{PREFIX}/sign-in"
    address = f"{step}?back={problem}"
    if request.headers.get("hx-request"):
        return HTMLResponse("", 401, headers={"hx-redirect": address})
    return RedirectResponse(address, 303, headers={"cache-control": "no-store"})


async def _elsewhere(_request: Request, problem: Exception) -> Response:
    return RedirectResponse(str(problem), 303, headers={"cache-control": "no-store"})


async def _refused(request: Request, problem: Exception) -> Response:
    status, title = _REFUSALS[type(problem)]
    return await run_in_threadpool(_refusal_page, request, status, title, str(problem))


async def _needs_proof(request: Request, problem: Exception) -> Response:
    """Asked for a password or a code; the form that waits comes back with it."""
    needs = cast("NeedsProof", problem)
    if request.headers.get("hx-request"):  # a part of a page cannot ask: the whole page does
        return HTMLResponse("", 403, headers={"hx-refresh": "true"})
    user, chosen = needs.visitor.whose.user, request.app.state.tools.settings
    facts = {
        "held": needs.held,
        "problem": needs.problem,
        "password": bool(user.password) and chosen.passwords,
        "code": user.factor is not None,
        "sso": chosen.oidc_name if user.subject and chosen.oidc_issuer else "",
    }
    return await run_in_threadpool(rendering.page, request, needs.visitor, "prove", 403, **facts)


async def _busy(request: Request, problem: Exception) -> Response:
    refused = RefusedRequest(503, "Try again in a moment", ["request: very many sign in at this moment"])
    answer = await refusal_page(request, refused)
    answer.headers["retry-after"] = str(cast("Busy", problem).seconds)
    return answer


async def refusal_page(request: Request, refused: RefusedRequest) -> Response:
    """Any other refusal as a page: an address there is none at, a database that is away, a fault of ours."""
    said = " ".join(problem.partition(": ")[2] or problem for problem in refused.problems)
    message = f"{said[:1].upper()}{said[1:]}."
    if refused.status == HTTPStatus.METHOD_NOT_ALLOWED and request.method in ("GET", "HEAD"):
        return RedirectResponse(_page_above(request), 303, headers={"cache-control": "no-store"})
    if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:  # nothing is asked, for that may be what is away
        facts = {"title": refused.title, "message": message}
        return rendering.page(request, None, "told", refused.status, now=datetime.now(UTC), **facts)
    return await run_in_threadpool(_refusal_page, request, refused.status, refused.title, message)


def _page_above(request: Request) -> str:
    """The nearest page above an address that takes forms alone: who opens that one again wants the form back."""
    address: str = request.scope["path"]
    while len(address) > len(PREFIX):
        address = address.rpartition("/")[0]
        scope = {**request.scope, "path": address, "method": "GET"}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            return quote(address)
    return PREFIX


def _refusal_page(request: Request, status: int, title: str, message: str) -> Response:
    return rendering.page(request, signed_in(request), "told", status, title=title, message=message)
