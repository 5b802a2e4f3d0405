"""The simulator's faces: Xero's accounting API, its token service, and the control face."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from simulator import authorize, control, ledger
from simulator.state import State
from simulator.world import Organisation, new_id

Handler = Callable[[Request, Organisation], Awaitable[Response]]
_LONGEST_QUERY = 2048
_NOT_FOUND = "The resource you're looking for cannot be found"


class Simulator:
    """One Xero and its faces."""

    def __init__(self) -> None:
        self.state = State()

    def app(self) -> Starlette:
        """The ASGI application."""
        api = "/api.xro/2.0"
        return Starlette(
            routes=[
                Route(f"{api}/Invoices", self._accounting(self._put_invoices), methods=["PUT"]),
                Route(f"{api}/Invoices", self._accounting(self._get_invoices), methods=["GET"]),
                Route(f"{api}/Contacts", self._accounting(self._get_contacts), methods=["GET"]),
                Route(f"{api}/Organisation", self._accounting(self._get_organisation), methods=["GET"]),
                Route("/connect/token", self._token, methods=["POST"]),
                *authorize.LoginPages(
                    lambda: self.state.identity, lambda: self.state.world, lambda: self.state.desk
                ).routes(),
                *control.routes(self.state),
            ]
        )

    def _accounting(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            grant, alive = self.state.identity.bearer_of(
                request.headers.get("authorization", ""), self.state.world.now()
            )
            tenant = request.headers.get("xero-tenant-id", "")
            response = await self._answer(request, handler, grant, tenant, alive=alive)
            self.state.world.calls.append(
                {
                    "time": self.state.world.now().isoformat(),
                    "tenant": tenant,
                    "method": request.method,
                    "path": request.url.path,
                    "query": request.url.query,
                    "bearer_of": f"{grant.client_id}/{grant.user}" if grant else None,
                    "may_see": bool(grant and tenant in grant.tenants),
                    "key": request.headers.get("idempotency-key"),
                    "status": response.status_code,
                }
            )
            response.headers["xero-correlation-id"] = new_id()
            return response

        return handle

    async def _answer(self, request: Request, handler: Handler, grant: Any, tenant: str, *, alive: bool) -> Response:
        fault = self.state.faults.pick(request.method)
        if self.state.faults.latency or fault == "slow":
            await asyncio.sleep(
                self.state.faults.latency + (self.state.faults.slow_seconds if fault == "slow" else 0)
            )
        if fault == "expire_tokens":
            self.state.identity.expire_all()
            alive = False
        refused = self._refusal(request, grant, tenant, alive=alive) or _faulty(fault)
        if refused is not None:
            return refused
        if fault == "drop":
            return _cut(request)
        response = await handler(request, self.state.world.organisations[tenant])
        if fault == "commit_then_drop":
            return _cut(request)
        return _server_error() if fault == "commit_then_500" else response

    def _refusal(self, request: Request, grant: Any, tenant: str, *, alive: bool) -> Response | None:
        if grant is None:
            return _problem(401, "Unauthorized", "AuthenticationUnsuccessful")
        if not alive:
            return _problem(401, "Unauthorized", "TokenExpired: token expired at 01/01/2001 00:00:00")
        if tenant not in grant.tenants or tenant not in self.state.world.organisations:
            return _problem(403, "Forbidden", "AuthenticationUnsuccessful")
        if len(request.url.query) > _LONGEST_QUERY:
            return PlainTextResponse(_NOT_FOUND, 404, media_type="text/html")
        if self.state.world.organisations[tenant].offline:
            return PlainTextResponse("The Organisation is offline", 503)
        return None

    async def _put_invoices(self, request: Request, organisation: Organisation) -> Response:
        try:
            sent = json.loads(await request.body())
        except ValueError:
            return _unreadable("JSON request body could not be read")
        elements = sent.get("Invoices", [sent]) if isinstance(sent, dict) else None
        if not isinstance(elements, list) or not elements:
            return _unreadable("JSON for post data was invalid")
        unitdp = 4 if request.query_params.get("unitdp") == "4" else 2
        answers = ledger.put_invoices(self.state.world, organisation, elements, unitdp)
        if request.query_params.get("summarizeErrors", "true").lower() == "false":
            return _envelope("Invoices", answers)
        failed = [answer for answer in answers if answer["HasErrors"]]
        if not failed:
            return _envelope("Invoices", answers)
        body = {"ErrorNumber": 10, "Type": "ValidationException", "Message": "A validation exception occurred"}
        return JSONResponse({**body, "Elements": failed}, 400)

    async def _get_invoices(self, request: Request, organisation: Organisation) -> Response:
        numbers = [text for text in request.query_params.get("InvoiceNumbers", "").split(",") if text]
        found = ledger.find(organisation, numbers) if numbers else list(organisation.invoices.values())
        page = max(1, _whole(request.query_params.get("page"), 1))
        size = min(1000, max(1, _whole(request.query_params.get("pageSize"), 100)))
        return _envelope("Invoices", found[(page - 1) * size : page * size])

    async def _get_contacts(self, request: Request, organisation: Organisation) -> Response:
        ids = [text.lower() for text in request.query_params.get("IDs", "").split(",") if text]
        archived = request.query_params.get("includeArchived", "false").lower() == "true"
        found = [
            {"ContactID": contact.id, "Name": contact.name, "ContactStatus": contact.status}
            for contact in organisation.contacts.values()
            if (not ids or contact.id in ids) and (archived or contact.status == "ACTIVE")
        ]
        return _envelope("Contacts", found)

    async def _get_organisation(self, _request: Request, organisation: Organisation) -> Response:
        shown = {
            "OrganisationID": organisation.tenant,
            "Name": organisation.name,
            "ShortCode": organisation.short_code,
            "BaseCurrency": organisation.base_currency,
        }
        if organisation.period_lock:
            shown["PeriodLockDate"] = ledger.wire_date(organisation.period_lock)
        return _envelope("Organisations", [shown])

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        said, now = request.headers.get("authorization", ""), self.state.world.now()
        if form.get("grant_type") == "authorization_code":
            status, body = self.state.desk.exchange(self.state.identity, said, form, now)
        else:
            status, body = self.state.identity.refresh(said, form, now)
        return JSONResponse(body, status)


def _envelope(name: str, elements: list[Any]) -> Response:
    return JSONResponse({"Id": new_id(), "Status": "OK", "ProviderName": "Simulator", name: elements})


def _problem(status: int, title: str, detail: str) -> Response:
    body: dict[str, Any] = {
        "Type": None,
        "Title": title,
        "Status": status,
        "Detail": detail,
        "Instance": new_id(),
        "Extensions": {},
    }
    return JSONResponse(body, status, headers={"WWW-Authenticate": "Bearer error=invalid_token"})


def _unreadable(message: str) -> Response:
    return JSONResponse({"ErrorNumber": 14, "Type": "PostDataInvalidException", "Message": message}, 400)


def _server_error() -> Response:
    body = {"Title": "An error occurred", "Detail": "An error occurred in Xero.", "Status": 500}
    return JSONResponse({**body, "Instance": new_id()}, 500)


def _faulty(fault: str | None) -> Response | None:
    if fault == "http_500":
        return _server_error()
    if fault == "html_503":
        return HTMLResponse("<html><body><h1>Service Unavailable</h1></body></html>", 503)
    if fault == "offline":
        return PlainTextResponse("The Organisation is offline", 503)
    if fault and fault.startswith("limit_"):
        limit = fault.removeprefix("limit_")
        headers = {"X-Rate-Limit-Problem": limit}
        if limit != "concurrent":
            headers["Retry-After"] = "2" if limit == "minute" else "60000"
        return PlainTextResponse("", 429, headers=headers)
    return None


def _cut(request: Request) -> Response:
    """Drop the connection in the middle of the answer."""
    request.scope["transport"].abort()
    return Response(status_code=599)


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdigit() else otherwise
