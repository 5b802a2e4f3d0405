"""The connections of a token: list and delete (facts §7.3)."""

from simulator.identity import Bearer, Connection
from simulator.refusals import No, nowhere, problem
from simulator.state import State
from simulator.wire import Json, Reply, Request, as_json


def answer(state: State, request: Request, identity: str) -> tuple[Reply, Bearer | None]:
    """GET /connections, or DELETE /connections/{id}; `identity` is what follows the last slash."""
    bearer = state.identity.bearer_of(request.headers.get("authorization", ""))
    keys = state.switches.problem_keys
    if state.faults.refuses_connections() or bearer is None or bearer.expires <= state.world.now():
        return problem(401, No.NO_TOKEN(), state.dice, keys, "invalid_token"), bearer
    if request.method == "DELETE" and identity:
        return _deleted(state, bearer, identity), bearer
    if request.method != "GET" or identity:
        return nowhere(), bearer
    event = request.asked.get("autheventid")
    wanted = [one for one in bearer.grant.connections.values() if event in (None, "", one.event)]
    return as_json([_shown(state, one) for one in wanted]), bearer


def _deleted(state: State, bearer: Bearer, identity: str) -> Reply:
    """204; the tenant's id in place of the connection's is a 403 (facts §7.3)."""
    mine = bearer.grant.connections
    if identity in mine:
        return problem(403, No.NO_TENANT(), state.dice, state.switches.problem_keys)
    for tenant, one in mine.items():
        if one.id == identity.lower():
            del mine[tenant]
            return Reply(204)
    return nowhere()


def _shown(state: State, one: Connection) -> Json:
    known = state.world.organisations.get(one.tenant)
    return {
        "id": one.id,
        "authEventId": one.event,
        "tenantId": one.tenant,
        "tenantType": "ORGANISATION",
        "tenantName": known.name if known else "",
        "createdDateUtc": f"{one.created:%Y-%m-%dT%H:%M:%S.%f}0",
        "updatedDateUtc": f"{one.updated:%Y-%m-%dT%H:%M:%S.%f}0",
    }
