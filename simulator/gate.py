"""Who may come in: token, scope, organisation, role; each refusal in Xero's form (facts §6.1 D, §6.2 #34-#39)."""

from dataclasses import dataclass
from datetime import timedelta

from simulator import scopes
from simulator.identity import Bearer
from simulator.limits import Lane
from simulator.pages import WRITERS
from simulator.refusals import No, nowhere, problem
from simulator.state import State
from simulator.wire import Reply, Request, as_text

LONGEST_QUERY = 2048
_RAPID = timedelta(minutes=30)


@dataclass(frozen=True)
class Caller:
    """Whose bearer a call carries, and the organisation it asks for."""

    bearer: Bearer | None
    tenant: str

    @property
    def may_see(self) -> bool:
        """Whether the bearer was allowed to see the organisation."""
        return bool(self.bearer and self.tenant in self.bearer.grant.connections)

    @property
    def client_id(self) -> str:
        """The app; empty when the bearer is nobody's."""
        return self.bearer.grant.client_id if self.bearer else ""

    @property
    def name(self) -> str | None:
        """App and user in one word, as the record of calls shows it."""
        return f"{self.client_id}/{self.bearer.grant.user}" if self.bearer else None


def caller_of(state: State, request: Request) -> Caller:
    """The caller. A custom connection may leave the tenant header empty (facts §7.3)."""
    bearer = state.identity.bearer_of(request.headers.get("authorization", ""))
    tenant = request.headers.get("xero-tenant-id", "").lower()
    if not tenant and bearer:
        app = state.identity.apps.get(bearer.grant.client_id)
        tenant = app.tenant if app and app.kind == "custom" else ""
    return Caller(bearer, tenant)


def lane_of(state: State, caller: Caller) -> Lane:
    """Whose limits the call counts against."""
    app = state.identity.apps.get(caller.client_id)
    connection = caller.bearer.grant.connections.get(caller.tenant) if caller.bearer else None
    books = state.world.organisations.get(caller.tenant)
    fresh = connection is not None and state.world.now() - connection.created < _RAPID
    return Lane(
        caller.tenant,
        caller.client_id,
        starter=bool(app and app.tier == "starter"),
        free=state.switches.rapid_sync and fresh and bool(app and app.tier not in ("starter", "core")),
        minute=state.world.minute,
        day=state.world.day,
        per_day=books.calls_per_day if books else None,
    )


def refusal(state: State, request: Request, caller: Caller, endpoint: str) -> Reply | None:
    """Why the call is turned away at the door; None when it may come in."""
    if len(request.query) > LONGEST_QUERY:
        return nowhere()  # the web server's own answer, before anybody asks who it is (facts §4.3)
    return _of_token(state, caller) or _of_organisation(state, request, caller, endpoint)


def _of_token(state: State, caller: Caller) -> Reply | None:
    keys, dice = state.switches.problem_keys, state.dice
    if caller.bearer is None:
        return problem(401, No.NO_TOKEN(), dice, keys, "invalid_token")
    if caller.bearer.expires <= state.world.now():
        moment = f"{caller.bearer.expires:%m/%d/%Y %H:%M:%S}"
        return problem(401, No.TOKEN_EXPIRED(moment=moment), dice, keys, "invalid_token")
    return None


def _of_organisation(state: State, request: Request, caller: Caller, endpoint: str) -> Reply | None:
    keys, dice = state.switches.problem_keys, state.dice
    books = state.world.organisations.get(caller.tenant)
    if caller.bearer is None or not caller.may_see or books is None or books.expired:
        return problem(403, No.NO_TENANT(), dice, keys)
    writes, user = request.method != "GET", caller.bearer.grant.user
    if not scopes.allows(caller.bearer.scopes, endpoint, writes=writes):
        return problem(401, No.NO_SCOPE(), dice, keys, "insufficient_scope")
    role = (books.role_of(user) or "NONE") if user else "STANDARD"  # a custom connection has no user
    if role == "NONE" or (writes and role not in WRITERS):
        return problem(403, No.NOT_PERMITTED(), dice, keys)
    return as_text(No.OFFLINE(), 503) if books.offline else None
