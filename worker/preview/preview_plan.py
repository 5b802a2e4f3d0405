"""What an export of these invoices would set out to do, before Xero is looked at."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from events.accounting_target import AccountingTarget, Element, Lane, Organisation, Posted, Posting, Unmappable
from events.connections import ConnectionProblem
from events.export import UnreadableInvoice
from events.failures import Failure
from events.invoice import Document, Invoice, folded
from events.preview import Verdict
from events.reasons import Reason
from events.settings import Books, CompanySettings
from store import attachments, batches, companies, connections, contacts, generations, pauses, previews
from store.tables import CompanyConnection, Export, LaneState
from store.unit_of_work import Work
from worker.contacts import host_contacts
from worker.decisions import guard, merge_rules
from worker.decisions.merge_rules import Asked, ExportStanding
from worker.export import answering
from worker.tools import Tools
from worker.waiting import login_block


@dataclass(frozen=True)
class KnownCompany:
    """What we know of a company and these invoices without asking Xero.

    `problem` holds its exports back; `login_due` says that Xero would not answer either. By export id: the number
    `given` to what is raised anew, and the bodies of updates whose outcome is `unknown`. `file_calls` are those that
    the files of an invoice take.
    """

    lane: Lane
    organisation: Organisation | None
    problem: str | None
    login_due: bool
    asked: Sequence[Asked]
    settings: CompanySettings
    books: Books
    links: Mapping[str, str]
    winners: Mapping[str, str]
    excluded: set[str]
    rows: Mapping[str, Export]
    owners: Mapping[str, tuple[str, str]]
    given: Mapping[int, str]
    unknown: Mapping[int, Sequence[bytes]]
    waiting: int
    file_calls: Mapping[str, int]


@dataclass
class Plan:
    """What the export would do with one invoice; `failure` is why it would not even be sent.

    `raised` says in a sentence how it is raised anew, where it is.
    """

    id: str
    number: str | None
    verdict: Verdict
    invoice: Invoice | None = None
    row: Export | None = None
    posting: Posting | None = None
    element: Element | None = None
    failure: Failure | None = None
    raised: str = ""
    document: Document = "invoice"

    @property
    def sent(self) -> bool:
        """Whether something would be sent to Xero."""
        return self.element is not None and self.failure is None

    @property
    def begins_again(self) -> bool:
        """Whether it waits to be raised anew in Xero."""
        return self.row is not None and self.row.raise_anew


def known(work: Work, tools: Tools, target: AccountingTarget, company: str, wanted: Sequence[Asked]) -> KnownCompany:
    """What the store says of the company and these invoices, each once."""
    connection = connections.of_company(work, company)
    lane = Lane(company, connection.tenant if connection else connections.NOT_YET)
    settings = companies.settings_of(work, company)
    rows = previews.rows_of(work, lane, _readable(wanted))
    asked, _ = merge_rules.numbered(wanted, rows, settings, again=False)
    invoices = _readable(asked)
    clients = sorted({invoice.client.id for invoice in invoices})
    again = {row.id or 0: row for row in rows.values() if row.raise_anew}
    given = {key: order.number or "" for key, order in generations.ordered(work, again.values()).items()}
    further = [
        invoice.model_copy(update={"number": given.get(row.id or 0) or _further(row, invoice)})
        for invoice in invoices
        if (row := rows.get(invoice.id)) and row.raise_anew
    ]
    return KnownCompany(
        lane=lane,
        organisation=tools.organisation(work, lane),
        problem=_problem(work, target, company, connection),
        login_due=_what_is_wrong(work, target, company, connection) is not None,
        asked=asked,
        settings=settings,
        books=companies.known_facts(work, lane),
        links={**contacts.links(work, company, clients), **host_contacts.news(work, target, company, invoices)},
        winners=contacts.winners(work, company, clients),
        excluded=pauses.excluded(work, company, [invoice.id for invoice in invoices]),
        rows=rows,
        owners=previews.owners_of(work, lane, [*invoices, *further]),
        given=given,
        unknown=batches.unknown_bodies(work, [row.id or 0 for row in rows.values() if row.xero_invoice_id]),
        waiting=connections.waiting(work, company),
        file_calls=_file_calls(work, target, settings, connection, invoices, {one.id for one in further}),
    )


def _file_calls(
    work: Work,
    target: AccountingTarget,
    settings: CompanySettings,
    connection: CompanyConnection | None,
    invoices: Sequence[Invoice],
    raised: Collection[str],
) -> Mapping[str, int]:
    granted = connection.scopes.split() if connection else ()
    if connection is None or not settings.attachments or (target.login and not target.login.may_attach(granted)):
        return {}
    files = [file for one in invoices for file in attachments.wanted(connection.company, one.id, one.attachments)]
    needed, there = attachments.calls_needed(work, files), attachments.at_invoices(work, connection.company, raised)
    named = {(one.invoice, one.called) for one in files}
    calls = Counter(needed)
    for row in there:
        calls[row.invoice] += ((row.invoice, row.called) not in named) * attachments.FOLLOWING_CALLS
    return calls


def _readable(asked: Sequence[Asked]) -> list[Invoice]:
    return [one for one in asked if isinstance(one, Invoice)]


def plan(target: AccountingTarget, known: KnownCompany, invoice: Invoice | UnreadableInvoice) -> Plan:
    """What the export would set out to do with this invoice."""
    if isinstance(invoice, UnreadableInvoice):
        return Plan(invoice.id, invoice.number, "fail", failure=invoice.failure())
    row = known.rows.get(invoice.id)
    number = row.number if row and row.number_bound and row.xero_invoice_id is None else invoice.number
    made = Plan(invoice.id, number, _verdict(row), invoice.model_copy(update={"number": number}), row)
    move = _move(target, known, invoice, row)
    document, unfit = merge_rules.document_of(invoice, known.settings, row, target.documents)
    if isinstance(move, Failure):
        made.failure = move
    elif unfit and move != "unchanged":
        made.failure = unfit
    elif move == "unchanged":
        made.verdict = "unchanged"
    elif row and row.state in ("exporting", "uncertain"):
        made.verdict = "under_way"
    else:
        made.document = document
        _map(target, known, made)
    return made


def _verdict(row: Export | None) -> Verdict:
    return "update" if row and row.xero_invoice_id and not row.raise_anew else "create"


def raise_anew(target: AccountingTarget, known: KnownCompany, plan: Plan, copy: Posted | None, now: datetime) -> None:
    """Which further invoice one that waits to be raised anew becomes, as the export decides it after its look."""
    row, invoice = plan.row, plan.invoice
    if row is None or invoice is None:
        return
    how = guard.ended_generation(copy, row.exported_at, now) if row.xero_invoice_id else guard.NOT_FOUND
    if isinstance(how, Failure):
        plan.failure = how
    elif how is None:
        plan.verdict, plan.element = "under_way", None
        plan.raised = "It waits to be raised anew until Xero shows what became of its invoice there."
    else:
        given = known.given.get(row.id or 0, "")
        number = guard.raised_number(invoice.number, _base(row, invoice), given, copy, how, row.generation)
        plan.number, plan.invoice = number, invoice.model_copy(update={"number": number})
        owner = known.owners.get(folded(number), (known.lane.company, invoice.id))
        if owner != (known.lane.company, invoice.id):
            plan.failure = Failure(Reason.NUMBER_USED_TWICE, {"other": owner[1], "number": number})
        ended = f"Its invoice in Xero is {how}; it" if row.xero_invoice_id else "Unless Xero has it after all, it"
        plan.raised = f"{ended} is raised anew, as {number}."
        _map(target, known, plan)


def _base(row: Export, invoice: Invoice) -> str:
    return row.raised_from if row.raised_as == invoice.number and row.raised_from else invoice.number


def _further(row: Export, invoice: Invoice) -> str:
    """The number it gets where its present one is held."""
    return guard.raised_number(invoice.number, _base(row, invoice), "", None, guard.NOT_FOUND, row.generation)


def _move(
    target: AccountingTarget, known: KnownCompany, invoice: Invoice, row: Export | None
) -> merge_rules.Move | Failure:
    marked = invoice.id in known.excluded
    standing = ExportStanding("new", 0, "", -1, "", excluded=marked)
    if row:
        contact = target.contact_id(known.links.get(invoice.client.id, ""))
        standing = ExportStanding.from_row(row, excluded=marked, contact=contact)
    move = merge_rules.decide(standing, invoice.revision, invoice.content_hash())
    owner = known.owners[folded(invoice.number)]
    if move in ("start", "replace", "wait") and owner != (known.lane.company, invoice.id):
        return Failure(Reason.NUMBER_USED_TWICE, {"other": owner[1]})
    broken = merge_rules.problem_with(invoice) if move in ("start", "replace") else None
    return broken or move


def _map(target: AccountingTarget, known: KnownCompany, made: Plan) -> None:
    if made.invoice is None:
        return
    try:
        contact = answering.contact_of(target, known.links.get(made.invoice.client.id, ""))
        generation = made.row.generation + made.row.raise_anew if made.row else 1
        made.posting = Posting(known.lane, made.invoice, contact, known.settings, generation)
        made.element = target.documents[made.document].element(made.posting)
    except Unmappable as unfit:
        made.failure = unfit.failure


def _problem(work: Work, target: AccountingTarget, company: str, connection: CompanyConnection | None) -> str | None:
    """What would hold every export of the company back, in a sentence."""
    facts = login_block.facts_of(work, connection) if connection else {"company": companies.name_of(work, company)}
    found = _what_is_wrong(work, target, company, connection)
    if found:
        return found.message(facts)
    held = pauses.of_company(work, company)
    if held:
        return f"The export is paused by {held.by}. {held.why}".strip()
    lane = work.session.get(LaneState, (company, connection.tenant)) if connection else None
    return lane.message if lane and lane.state != "open" else None


def _what_is_wrong(
    work: Work, target: AccountingTarget, company: str, connection: CompanyConnection | None
) -> ConnectionProblem | None:
    if connection is None:
        return ConnectionProblem.NEVER_CONNECTED
    if connection.state != "connected":
        return ConnectionProblem.by_code(connection.problem, ConnectionProblem.DISCONNECTED)
    if target.login is None:
        return None
    if not connections.enabled(work, company):
        return ConnectionProblem.APP_DISABLED
    granted = connection.scopes.split()
    return ConnectionProblem.SCOPE_MISSING if granted and not target.login.may_write(granted) else None
