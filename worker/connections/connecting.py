"""A company and its organisation: connected, parted, and what then becomes of the work that waits.

Work that waits changes its organisation: after the first login, or when a person says so.

What may already be in the organisation it was meant for stays with it (exactly-once §a).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import col, delete, update

from events.accounting_target import Lane, TargetLogin, Trouble
from events.attachments import AttachmentProblem
from events.connections import ConnectionProblem, XeroConnectionConnected, XeroConnectionDisconnected
from events.credentials import AppKeys, TokenPair
from events.failures import Failure
from events.invoice import Invoice
from events.reasons import Reason
from store import attachments, audit, connections, exports, lanes, number_claims, requests
from store.connections import NOT_YET
from store.number_claims import Owner
from store.tables import CompanyConnection, Export, Item, NumberClaim, Request
from store.tokens import keep_first_pair
from store.unit_of_work import Work
from worker import logs
from worker.connections.login_links import way_in
from worker.decisions import merge_rules
from worker.decisions.merge_rules import ExportStanding, Move
from worker.export import answering, recording
from worker.export.export_results import ExportRefusal
from worker.tools import Tools
from worker.waiting import cause_resolved, login_block

_AT_ONCE = 500


def move_waiting(work: Work, tools: Tools, lane_before: Lane, lane: Lane) -> int:
    """Stamp what waits in one lane with the other lane's organisation; gives how many invoices moved."""
    rows = movable(work, lane_before)
    for start in range(0, len(rows), _AT_ONCE):
        _move_some(work, tools, lane_before, lane, rows[start : start + _AT_ONCE])
    opened = update(Request).where(
        col(Request.company) == lane_before.company,
        col(Request.tenant) == lane_before.tenant,
        col(Request.completed_at).is_(None),
    )
    work.session.exec(opened.values(tenant=lane.tenant))
    return len(rows)


def cancel_waiting(work: Work, lane: Lane) -> int:
    """Answer what waits in the lane with `cancelled`; gives how many."""
    rows = movable(work, lane)
    recording.fail(work, [ExportRefusal(row, Failure(Reason.CANCELLED)) for row in rows])
    return len(rows)


def movable(work: Work, lane: Lane) -> Sequence[Export]:
    """What waits in the lane and certainly is not in its organisation, locked."""
    rows = exports.pending_ever(work, lane)
    unknown = exports.numbers_sent(work, [row.id for row in rows if row.id is not None])
    return [row for row in rows if row.id not in unknown]


def _move_some(work: Work, tools: Tools, lane_before: Lane, lane: Lane, rows: Sequence[Export]) -> None:
    invoices = {row.invoice: Invoice.of_kept(row.wanted) for row in rows}
    wanted = [(lane, invoice) for invoice in invoices.values()]
    locked, _ = exports.lock(work, [exports.blank(work, lane, invoice) for lane, invoice in wanted])
    targets = {invoice: row for (_, invoice), row in locked.items()}
    owners = number_claims.claim(work, wanted)
    moves = {row.invoice: _decide(targets[row.invoice], invoices[row.invoice], owners) for row in rows}
    refused = [ExportRefusal(row, moved) for row in rows if isinstance(moved := moves[row.invoice], Failure)]
    recording.fail(work, refused)
    good = [row for row in rows if not isinstance(moves[row.invoice], Failure)]
    exports.change(
        work, [_fresh(work, row, targets[row.invoice]) for row in good if moves[row.invoice] != "unchanged"]
    )
    _repoint(work, good, targets)
    exports.change(work, [{"id": row.id, "state": "new", "wanted": "", "wanted_hash": ""} for row in good])
    _free_numbers(work, lane_before, good)
    _answer_unchanged(work, tools, lane, [targets[row.invoice] for row in good if moves[row.invoice] == "unchanged"])


def _decide(target: Export, invoice: Invoice, owners: Mapping[tuple[str, str], Owner]) -> Move | Failure:
    standing = ExportStanding.from_row(target)
    decided = merge_rules.decide(standing, invoice.revision, invoice.content_hash())
    owner = owners[number_claims.key(Lane(target.company, target.tenant), invoice.number)]
    if decided == "start" and owner != Owner(target.company, target.invoice):
        return Failure(Reason.NUMBER_USED_TWICE, {"other": owner.invoice})
    return decided


def _fresh(work: Work, row: Export, target: Export) -> dict[str, Any]:
    """The target row with the newer of both contents; a live one keeps its state."""
    newer = row if row.wanted_revision >= target.wanted_revision or not target.wanted else target
    live = target.state in merge_rules.LIVE
    return {
        "id": target.id,
        "client": newer.client,
        "number": target.number if target.number_bound else newer.number,
        "number_prefix": newer.number_prefix,
        "document": target.document if target.number_bound or target.xero_invoice_id else newer.document,
        "wanted": newer.wanted,
        "wanted_hash": newer.wanted_hash,
        "wanted_revision": newer.wanted_revision,
        "state": target.state if live else "pending",
        "priority": min(row.priority, target.priority) if live else row.priority,
        "due_at": work.now,
        "failures": 0,
        "crashes": 0,
        "cancelled": False,
    }


def _repoint(work: Work, rows: Sequence[Export], targets: Mapping[str, Export]) -> None:
    for row in rows:
        waiting = update(Item).where(col(Item.export_id) == row.id, col(Item.state) == "waiting")
        work.session.exec(waiting.values(export_id=targets[row.invoice].id))


def _free_numbers(work: Work, lane: Lane, rows: Sequence[Export]) -> None:
    mine = delete(NumberClaim).where(
        col(NumberClaim.tenant) == number_claims.books_of(lane),
        col(NumberClaim.company) == lane.company,
        col(NumberClaim.invoice).in_([row.invoice for row in rows]),
    )
    work.session.exec(mine)


def _answer_unchanged(work: Work, tools: Tools, lane: Lane, targets: Sequence[Export]) -> None:
    organisation = tools.organisation(work, lane)
    by_id = {target.id or 0: target for target in targets}
    if not organisation or not by_id:
        return
    waiting = [(item, by_id[item.export_id or 0]) for item in requests.waiting(work, list(by_id))]
    answers = [
        answering.succeeded(item, row, organisation, tools.target(organisation, row.document), "unchanged")
        for item, row in waiting
    ]
    answering.record_answers(work, answers)


_log = logs.log("connections")


@dataclass(frozen=True)
class App:
    """A company's own Xero app."""

    client_id: str
    secret: str = field(repr=False)
    scopes: str = "granular"


@dataclass(frozen=True)
class ChosenOrganisation:
    """The organisation a person chose, and who that person is at Xero."""

    tenant: str
    name: str
    short_code: str
    base_currency: str
    xero_user: str
    xero_id: str = ""


def connect(tools: Tools, company: str, app: App, choice: ChosenOrganisation, pair: Mapping[str, Any]) -> None:
    """Keep the app, the token pair and the chosen organisation; whatever waited for a login goes on."""
    tokens = TokenPair.from_answer(pair)
    with tools.store.write() as work:
        keys = AppKeys(app.client_id, (app.secret,))
        scopes = way_in(work, tools, company).wanted_scopes(app.scopes, keys.way)
        connections.save_app(work, tools.vault, company, keys, scopes)
        keep_first_pair(work, tools.vault, app.client_id, choice.xero_user, tokens)
        settle_on(work, tools, company, app.client_id, choice, tokens.scopes)
    tools.bells.ring(Lane(company, choice.tenant).key)


def settle_on(
    work: Work, tools: Tools, company: str, client_id: str, choice: ChosenOrganisation, scopes: tuple[str, ...]
) -> int:
    """The company exports to this organisation from now on. Raises connections.Taken.

    What waited for the first login goes there. Where work waits that was meant for another organisation,
    nothing at all is sent until a person decides; gives how many invoices wait for that.
    """
    connection = _chosen(work, company, client_id, choice, scopes)
    before = connections.of_company(work, company)
    name_before = before.organisation if before else ""
    connections.connect(work, connection)
    lane = Lane(company, choice.tenant)
    move_waiting(work, tools, Lane(company, NOT_YET), lane)
    elsewhere = sum(connections.work_elsewhere(work, company, choice.tenant).values())
    if elsewhere:
        _ask(work, company, name_before)
    else:
        lanes.reopen(work, lane)
    event = XeroConnectionConnected(
        company=company,
        organisation=login_block.organisation_of(connection),
        scopes=scopes,
        connected_at=work.now,
        waiting_for_decision=elsewhere,
        app_kind=connections.kind_of_app(work, client_id),
    )
    told = login_block.publish(work, company, event)
    if not elsewhere:
        cause_resolved.connection_renewed(work, company, choice.tenant, choice.xero_user, told)
    _attach_again(work, tools, company, scopes)
    _log.info("connections.connected", company=company, tenant=choice.tenant, count=elsewhere)
    return elsewhere


def _attach_again(work: Work, tools: Tools, company: str, scopes: Collection[str]) -> None:
    """Files that failed because the login before could attach none go by themselves."""
    target = tools.target_of(work, company)
    if target and target.login and target.login.may_attach(scopes):
        attachments.try_again(work, company, reasons=[AttachmentProblem.PERMISSION_MISSING.code])


def _chosen(
    work: Work, company: str, client_id: str, choice: ChosenOrganisation, scopes: tuple[str, ...]
) -> CompanyConnection:
    return CompanyConnection(
        company=company,
        tenant=choice.tenant,
        organisation=choice.name,
        short_code=choice.short_code,
        base_currency=choice.base_currency,
        client_id=client_id,
        xero_user=choice.xero_user,
        connected_at=work.now,
        scopes=" ".join(scopes),
        xero_id=choice.xero_id,
    )


def _ask(work: Work, company: str, name_before: str) -> None:
    """Work waits that was meant for another organisation: stop, until a person decides."""
    connection = connections.locked(work, company)
    if connection is None:
        return
    connections.set_state(work, connection, "undecided", ConnectionProblem.OTHER_ORGANISATION.code)
    facts = {**login_block.facts_of(work, connection), "before": name_before or "another organisation"}
    message = ConnectionProblem.OTHER_ORGANISATION.message(facts)
    lanes.stop(work, Lane(company, connection.tenant), "paused", message)
    for tenant in connections.work_elsewhere(work, company, connection.tenant):
        for request in requests.unfinished(work, Lane(company, tenant)):
            login_block.defer(work, request, message, "paused")


def go_on(work: Work, connection: CompanyConnection) -> None:
    """What stopped the connection is mended: its work goes on, unless a person still has to decide about some."""
    connections.set_state(work, connection, "connected")
    if any(connections.work_elsewhere(work, connection.company, connection.tenant).values()):
        _ask(work, connection.company, "")
    else:
        lanes.reopen(work, Lane(connection.company, connection.tenant))
        cause_resolved.connection_renewed(work, connection.company, connection.tenant)


def decide(tools: Tools, company: str, *, send: bool, by: str) -> int:
    """A person decided about work meant for another organisation: send it to the present one, or cancel it.

    Gives how many invoices that were. Raises LookupError when there is nothing to decide.
    """
    with tools.store.write() as work:
        connection = connections.locked(work, company)
        if connection is None or connection.state != "undecided":
            raise LookupError(company)
        lane, decided = Lane(company, connection.tenant), 0
        for tenant in connections.work_elsewhere(work, company, connection.tenant):
            before = Lane(company, tenant)
            decided += move_waiting(work, tools, before, lane) if send else cancel_waiting(work, before)
        connections.set_state(work, connection, "connected")
        lanes.reopen(work, lane)
        cause_resolved.connection_renewed(work, company, lane.tenant)
        what = "waiting invoices sent on" if send else "waiting invoices cancelled"
        audit.note(work, by, what, company, {"organisation": connection.organisation}, decided, "")
    _log.info("connections.decided", company=company, tenant=lane.tenant, count=decided)
    tools.bells.ring(lane.key)
    tools.bells.wake_relay()
    return decided


def disconnect(tools: Tools, company: str, by: str, why: str = "") -> None:
    """End the connection, over there too; others who share the login keep its tokens. Raises LookupError, Trouble."""
    with tools.store.read() as work:
        connection, target = connections.of_company(work, company), tools.target_of(work, company)
    if connection is None or connection.state == "disconnected":
        raise LookupError(company)
    if target and target.login:
        _remove_there(target.login, connection)
    with tools.store.write() as work:
        again = connections.locked(work, company)
        if again is None or again.connected_at != connection.connected_at:
            raise LookupError(company)
        connections.set_state(work, again, "disconnected", ConnectionProblem.DISCONNECTED.code)
        facts = login_block.facts_of(work, again)
        message = ConnectionProblem.DISCONNECTED.message(facts)
        lanes.stop(work, Lane(company, again.tenant), "needs_login", message)
        organisation = login_block.organisation_of(again)
        event = XeroConnectionDisconnected(company=company, organisation=organisation, by="us", message=message[:255])
        login_block.publish(work, company, event)
        audit.note(work, by, "disconnected", company, {"organisation": again.organisation}, 0, why)
    _log.info("connections.disconnected", company=company, tenant=connection.tenant)
    tools.bells.wake_relay()


def _remove_there(way: TargetLogin, connection: CompanyConnection) -> None:
    """Take the organisation off the app; a login that is refused has nothing left to take off."""
    try:
        bearer = way.access(connection.client_id, connection.xero_user)
        for one in way.organisations(bearer):
            if one.tenant == connection.tenant:
                way.remove(bearer, one.connection_id)
    except Trouble as trouble:
        if trouble.effect not in ("needs_login", "refused"):
            raise
