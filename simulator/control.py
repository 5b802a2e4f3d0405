"""The control face under `/_simulator/`: fill the world, look at it, trouble it (docs/simulator.md)."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from simulator import control_books, faults, saving, seeding, switches
from simulator.identity import App
from simulator.limits import Rules
from simulator.refusals import nowhere
from simulator.scopes import DEFAULT
from simulator.seeding import organisation
from simulator.state import State
from simulator.wire import Json, Reply, Request, as_json

__all__ = ["answer", "organisation"]
_Handler = Callable[[State, Request, Any], Any]
_RULES: TypeAdapter[Rules] = TypeAdapter(Rules)
_APP: TypeAdapter[App] = TypeAdapter(App)


def answer(state: State, request: Request, path: str) -> Reply:
    """What the control face says; `path` is what follows /_simulator/. Wrong input gets a 422 that says why."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["organisations"]:
        handler = control_books.HANDLERS.get((request.method, "/".join(["organisations", *parts[2:]])))
    else:
        handler = HANDLERS.get((request.method, path.strip("/")))
    if handler is None:
        return nowhere()
    try:
        found = handler(state, request, _object(request.body))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as wrong:
        text = f"missing {wrong}" if isinstance(wrong, KeyError) else str(wrong)
        return as_json({"error": text}, 422)
    return as_json(found, 201 if request.method == "POST" and parts != ["reset"] else 200)


def _object(body: bytes) -> Json:
    said = json.loads(body) if body else {}
    if not isinstance(said, dict):
        raise TypeError("the body is a JSON object")
    return said


def _health(_state: State, _request: Request, _said: Json) -> Json:
    return {"status": "ok"}


def _add_app(state: State, _request: Request, said: Json) -> Json:
    wanted = {"secret": "", **{"secret" if name == "client_secret" else name: value for name, value in said.items()}}
    seeding.check_names(wanted, App.__dataclass_fields__)
    app = _APP.validate_python(wanted)
    state.identity.apps[app.client_id] = app
    return {"client_id": app.client_id}


def _add_grant(state: State, _request: Request, said: Json) -> Json:
    if said["client_id"] not in state.identity.apps:
        raise ValueError(f"no app {said['client_id']}")
    tenants = [str(tenant).lower() for tenant in said["tenants"]]
    asked = str(said.get("scope", " ".join(DEFAULT))).split()
    return state.identity.grant(said["client_id"], str(said["user"]), tenants, state.world.now(), asked)


def _end_grant(state: State, _request: Request, said: Json) -> Json:
    """A login that is withdrawn at Xero: tokens and connections of the user, or of all users, with the app."""
    seeding.check_names(said, ("client_id", "user"))
    client, user = str(said["client_id"]), said.get("user")
    ended = [one for one in state.identity.grants.values() if one.client_id == client and user in (None, one.user)]
    if not ended:
        raise ValueError(f"no login of {user or 'anybody'} with {client}")
    for one in ended:
        state.identity.revoke(one)
    return {"ended": sorted(one.user for one in ended)}


def _about(state: State, _request: Request, _said: Json) -> Json:
    """What there is to turn and to ask for."""
    routes = [f"{method} {path}" for method, path in (*HANDLERS, *control_books.HANDLERS)]
    return {
        "switches": switches.about(state.switches),
        "faults": {**faults.KINDS, **faults.TOKEN_KINDS},
        "fault_settings": dict(faults.SETTINGS),
        "routes": sorted(route.strip() for route in routes),
        "page": "docs/simulator.md",
    }


def _calls(state: State, _request: Request, _said: Json) -> Json:
    return {"calls": list(state.world.calls), "token_calls": state.identity.token_calls}


def _set_faults(state: State, request: Request, said: Json) -> Json:
    state.faults.set(said)
    return _faults(state, request, said)


def _faults(state: State, _request: Request, _said: Json) -> Json:
    now = state.faults
    return {
        "rates": now.rates,
        "lists": now.lists,
        "poison_numbers": now.poison_numbers,
        "until": now.ends.isoformat() if now.ends else None,
        "happened": now.happened,
    }


def _set_clock(state: State, request: Request, said: Json) -> Json:
    world = state.world
    offset = timedelta(seconds=float(said.get("offset", world.offset.total_seconds())))
    minute, day = float(said.get("minute", world.minute)), float(said.get("day", world.day))
    if not (0 < minute <= day and abs(offset) < timedelta(days=36_500)):
        raise ValueError("a minute is longer than 0 and no longer than a day, an offset less than a century")
    world.offset, world.minute, world.day = offset, minute, day
    return _clock(state, request, said)


def _clock(state: State, _request: Request, _said: Json) -> Json:
    return {"now": state.world.now().isoformat(), "minute": state.world.minute, "day": state.world.day}


def _set_limits(state: State, _request: Request, said: Json) -> Json:
    seeding.check_names(said, vars(state.limits.rules))
    state.limits.rules = _RULES.validate_python({**vars(state.limits.rules), **said})
    return vars(state.limits.rules)


def _set_switches(state: State, _request: Request, said: Json) -> Json:
    switches.set_all(state.switches, said)
    return vars(state.switches)


def _load(state: State, _request: Request, said: Json) -> Json:
    saving.load(state, said)
    return {"organisations": len(state.world.organisations)}


def _set_webhook(state: State, request: Request, said: Json) -> Json:
    """An app's address and webhook key; with `losing` or `twice` alone, what goes wrong on the way from now on."""
    seeding.check_names(said, ("client_id", "url", "key", "losing", "twice"))
    client = str(said["client_id"])
    if client not in state.identity.apps:
        raise ValueError(f"no app {client}")
    if "url" in said:
        state.webhooks.subscribe(client, str(said["url"]), str(said["key"]))
        state.webhooks.begin(lambda: state.world, lambda: state.identity)
    mine = state.webhooks.subscriptions[client]
    mine.losing, mine.twice = int(said.get("losing", 0)), bool(said.get("twice"))
    return _webhooks(state, request, said)


def _check_intent(state: State, _request: Request, said: Json) -> Json:
    client = str(said["client_id"])
    found = state.webhooks.check_intent(client)
    return {"status": state.webhooks.subscriptions[client].status, "answers": found}


def _webhooks(state: State, _request: Request, _said: Json) -> Json:
    shown = ("url", "status", "losing", "twice", "sent", "refused", "tries")
    return {
        client: {**{name: getattr(one, name) for name in shown}, "waiting": len(one.waiting)}
        for client, one in state.webhooks.subscriptions.items()
    }


def _reset(state: State, _request: Request, _said: Json) -> Json:
    state.reset()
    return {}


HANDLERS: dict[tuple[str, str], _Handler] = {
    ("GET", ""): _about,
    ("GET", "health"): _health,
    ("POST", "apps"): _add_app,
    ("POST", "grants"): _add_grant,
    ("DELETE", "grants"): _end_grant,
    ("GET", "ledger"): control_books.ledger_of,
    ("GET", "calls"): _calls,
    ("GET", "faults"): _faults,
    ("PUT", "faults"): _set_faults,
    ("GET", "clock"): _clock,
    ("PUT", "clock"): _set_clock,
    ("GET", "limits"): lambda state, _request, _said: vars(state.limits.rules),
    ("PUT", "limits"): _set_limits,
    ("GET", "switches"): lambda state, _request, _said: vars(state.switches),
    ("PUT", "switches"): _set_switches,
    ("GET", "webhooks"): _webhooks,
    ("PUT", "webhooks"): _set_webhook,
    ("POST", "webhooks/intent"): _check_intent,
    ("GET", "state"): lambda state, _request, _said: saving.document(state),
    ("PUT", "state"): _load,
    ("POST", "reset"): _reset,
}
