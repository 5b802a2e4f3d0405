"""A call of the accounting API, the whole story in order: who, how often, troubled how, done once."""

import asyncio
import math
from dataclasses import replace

from simulator import gate, operations, spoiling
from simulator.faults import Faults, without
from simulator.gate import Caller
from simulator.limits import PROBLEMS, SEEN_DAY, SEEN_MINUTE, Lane, Limit
from simulator.refusals import No, html
from simulator.state import State
from simulator.wire import Reply, Request, as_text, exception
from simulator.world import new_id

_LIMITS: dict[str, Limit] = {f"limit_{name}": name for name in PROBLEMS}


async def answer(state: State, request: Request, path: str) -> Reply:
    """The answer to one call; `path` is what follows /api.xro/2.0/."""
    caller = gate.caller_of(state, request)
    fault = state.faults.pick(request, caller.tenant)
    lane = gate.lane_of(state, caller)
    with state.limits.flight(lane) as at_once:
        await _wait(state.faults, fault)
        reply = _decided(state, request, caller, lane, fault, path, at_once)
    headers = {**reply.headers, "Xero-Correlation-Id": new_id()}
    if caller.bearer:
        headers |= state.limits.headers(lane, state.world.now().timestamp())
    record(state, request, caller, reply.status, fault, headers)
    return replace(reply, headers=headers)


def record(
    state: State, request: Request, caller: Caller, status: int, fault: str | None, headers: dict[str, str]
) -> None:
    """Remember the call: whose bearer it carried, and whether that bearer may see that organisation."""
    state.world.calls.append(
        {
            "time": state.world.now().isoformat(),
            "tenant": caller.tenant,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "bearer_of": caller.name,
            "may_see": caller.may_see,
            "key": request.headers.get("idempotency-key"),
            "status": status,
            "fault": fault,
            "correlation_id": headers.get("Xero-Correlation-Id"),
        }
    )


async def _wait(faults: Faults, fault: str | None) -> None:
    seconds = faults.latency + (faults.slow_seconds if fault in spoiling.SLOW else 0)
    if seconds:
        await asyncio.sleep(seconds)


def _decided(
    state: State, request: Request, caller: Caller, lane: Lane, fault: str | None, path: str, at_once: int
) -> Reply:
    if fault == "expire_tokens":
        state.identity.expire_all()
        caller = gate.caller_of(state, request)
    if fault == "refuse_tokens":
        caller = Caller(None, caller.tenant)
    refused = gate.refusal(state, request, caller, operations.endpoint_of(path))
    if refused:
        return refused
    limited = _limited(state, lane, fault, at_once)
    if limited:
        return limited
    if len(request.body) > state.switches.largest_body and operations.endpoint_of(path) != operations.ATTACHMENTS:
        return html(No.TOO_LARGE(), 413)
    return spoiling.before(fault) or spoiling.after(fault, _done(state, request, caller, fault, path), state.dice)


def _limited(state: State, lane: Lane, fault: str | None, at_once: int) -> Reply | None:
    now, switches = state.world.now().timestamp(), state.switches
    limit = state.limits.take(lane, at_once, now)
    if fault == "limit_unnamed":
        return as_text("", 429)
    limit = _LIMITS.get(fault or "", limit)
    if limit is None:
        return None
    if fault == "limit_day":
        state.limits.use_up_day(lane, state.faults.retry_after or min(SEEN_DAY, math.ceil(lane.day)), now)
        return state.limits.refusal(lane, limit, now, unclear=False)
    unclear = switches.retry_after_on_appminute if limit == "appminute" else switches.retry_after_on_concurrent
    seen = (state.faults.retry_after or min(SEEN_MINUTE, math.ceil(lane.minute))) if fault in _LIMITS else None
    return state.limits.refusal(lane, limit, now, unclear=unclear, minute=seen)


def _done(state: State, request: Request, caller: Caller, fault: str | None, path: str) -> Reply:
    """Perform it, once for each idempotency key; a 500 is remembered under the key like any answer (facts §3.1)."""
    keyed = request.headers.get("idempotency-key")
    if fault == "key_store_down" and keyed:
        return spoiling.server_error(state.dice, state.switches.problem_keys)

    def perform() -> Reply:
        if fault == "http_500":
            return spoiling.server_error(state.dice, state.switches.problem_keys)
        if fault == "poison":
            return _poisoned(state, request, caller, path)
        reply = operations.perform(state, request, caller, path)
        reply = spoiling.of_later(reply) if state.switches.answers_of_later else reply
        return spoiling.server_error(state.dice, state.switches.problem_keys) if fault == "commit_then_500" else reply

    scope = caller.client_id if state.switches.idempotency_scope == "app" else f"{caller.client_id}/{caller.tenant}"
    keep = state.switches.cache_validation_answers
    return state.keys.once(request, scope, state.world.now().timestamp(), perform, keep=keep)


def _poisoned(state: State, request: Request, caller: Caller, path: str) -> Reply:
    """The answer to a write with an invoice that Xero stumbles over; the others are saved where that is asked for."""
    faults = state.faults
    if faults.poison_answer == "400":
        return exception(10, "ValidationException", "A validation exception occurred")
    if faults.poison_answer == "500_saving_others":
        operations.perform(state, replace(request, body=without(request.body, faults.poison_numbers)), caller, path)
    return spoiling.server_error(state.dice, state.switches.problem_keys)
