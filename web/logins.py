"""The host's side of a login: links for its users, Xero's answer handed over, how a connection is, its end.

The Xero apps of today answer to the host's own address: it signs code and state and hands them over here.
Each body names its company, so that a signature made for one company's login says nothing about another's.
"""

import json
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from events.accounting_target import Trouble
from events.scopes import Scope
from web import answers, bodies, keys
from web.problems import RefusedRequest
from web.signature import Knock
from worker.connections import connecting, health, logging_in, login_links
from worker.connections.logging_in import HOST, Outcome
from worker.decisions.refusals import LoginRefused
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
    return await run_in_threadpool(_recognised, request.app.state.tools, at, company, do, status)


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
