"""The control face under `/_simulator/`: fill the world, look at it, trouble it."""

from datetime import date, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator import ledger
from simulator.state import State
from simulator.world import Account, Contact, Organisation, TaxRate


def routes(state: State) -> list[Route]:
    """The routes of the control face."""
    face = Control(state)
    return [
        Route("/_simulator/health", face.health),
        Route("/_simulator/organisations", face.add_organisation, methods=["POST"]),
        Route("/_simulator/apps", face.add_app, methods=["POST"]),
        Route("/_simulator/grants", face.add_grant, methods=["POST"]),
        Route("/_simulator/ledger", face.ledger),
        Route("/_simulator/calls", face.calls),
        Route("/_simulator/faults", face.faults, methods=["GET", "PUT"]),
        Route("/_simulator/clock", face.clock, methods=["PUT"]),
        Route("/_simulator/reset", face.reset, methods=["POST"]),
    ]


class Control:
    """One method per route."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def add_organisation(self, request: Request) -> Response:
        said = await request.json()
        made = organisation(said)
        self._state.world.organisations[made.tenant] = made
        for invoice in said.get("invoices", []):
            ledger.write_by_hand(self._state.world, made, invoice["number"], invoice["contact"])
        return JSONResponse({"tenant": made.tenant}, 201)

    async def add_app(self, request: Request) -> Response:
        said = await request.json()
        self._state.identity.apps[said["client_id"]] = said["client_secret"]
        if "scopes" in said:
            self._state.identity.app_scopes[said["client_id"]] = said["scopes"]
        return JSONResponse({}, 201)

    async def add_grant(self, request: Request) -> Response:
        said = await request.json()
        now = self._state.world.now()
        pair = self._state.identity.grant(said["client_id"], said["user"], said["tenants"], now)
        return JSONResponse(pair, 201)

    async def ledger(self, request: Request) -> Response:
        only = request.query_params.get("tenant")
        shown = {
            tenant: {
                "name": organisation.name,
                "invoices": list(organisation.invoices.values()),
                "contacts": [contact.__dict__ for contact in organisation.contacts.values()],
            }
            for tenant, organisation in self._state.world.organisations.items()
            if only in (None, tenant)
        }
        return JSONResponse({"organisations": shown})

    async def calls(self, _request: Request) -> Response:
        world, identity = self._state.world, self._state.identity
        return JSONResponse({"calls": world.calls, "token_calls": identity.token_calls})

    async def faults(self, request: Request) -> Response:
        faults = self._state.faults
        if request.method == "PUT":
            try:
                faults.set(await request.json())
            except ValueError as wrong:
                return JSONResponse({"error": str(wrong)}, 422)
        return JSONResponse({"rates": faults.rates, "happened": faults.happened})

    async def clock(self, request: Request) -> Response:
        said, world = await request.json(), self._state.world
        world.offset = timedelta(seconds=float(said.get("offset", world.offset.total_seconds())))
        world.minute = float(said.get("minute", world.minute))
        world.day = float(said.get("day", world.day))
        return JSONResponse({"now": world.now().isoformat(), "minute": world.minute, "day": world.day})

    async def reset(self, _request: Request) -> Response:
        self._state.reset()
        return JSONResponse({})


def organisation(said: dict[str, Any]) -> Organisation:
    """An organisation from JSON: tenant, name, short_code and lists of accounts, tax_rates, contacts."""
    made = Organisation(
        tenant=said["tenant"],
        name=said["name"],
        short_code=said.get("short_code", "!Sim01"),
        base_currency=said.get("base_currency", "USD"),
        currencies=said.get("currencies", []),
        period_lock=date.fromisoformat(said["period_lock"]) if said.get("period_lock") else None,
        year_lock=date.fromisoformat(said["year_lock"]) if said.get("year_lock") else None,
    )
    made.accounts = {account["code"]: Account(**account) for account in said.get("accounts", [])}
    made.tax_rates = {rate["code"]: TaxRate(**rate) for rate in said.get("tax_rates", [])}
    made.contacts = {contact["id"].lower(): Contact(**contact) for contact in said.get("contacts", [])}
    return made
