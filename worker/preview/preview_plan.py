"""What an export of these invoices would set out to do, before Xero is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from events.accounting_target import AccountingTarget, Element, Lane, Organisation, Posting, Unmappable
from events.books import Books
from events.connection_problems import ConnectionProblem
from events.export import UnreadableInvoice
from events.failures import Failure
from events.invoice import Invoice, folded
from events.preview import Verdict
from events.reasons import Reason
from events.settings import CompanySettings
from store import companies, connections, contacts, exclusions, organisation_facts, pauses, previews
from store.tables import CompanyConnection, Export, LaneState
from store.unit_of_work import Work
from worker.contacts import host_contacts
from worker.decisions import checks, merge_rules, numbering
from worker.decisions.merge_rules import ExportStanding
from worker.decisions.numbering import Asked
from worker.export import contact_lookup
from worker.waiting import login_block

_WRITES = frozenset({"accounting.invoices", "accounting.transactions"})


@dataclass(frozen=True)
class KnownCompany:
    """What we know of a company and these invoices without asking Xero.

    `problem` holds its exports back; `login_due` says that Xero would not answer either.
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
    waiting: int


@dataclass
class Plan:
    """What the export would do with one invoice; `failure` is why it would not even be sent."""

    id: str
    number: str | None
    verdict: Verdict
    invoice: Invoice | None = None
    row: Export | None = None
    posting: Posting | None = None
    element: Element | None = None
    failure: Failure | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def sent(self) -> bool:
        """Whether something would be sent to Xero."""
        return self.element is not None and self.failure is None


def known(work: Work, target: AccountingTarget, company: str, wanted: Sequence[Asked]) -> KnownCompany:
    """What the store says of the company and these invoices, each once."""
    connection = connections.of_company(work, company)
    lane = Lane(company, connection.tenant if connection else connections.NOT_YET)
    settings = companies.settings_of(work, company)
    rows = previews.rows_of(work, lane, _readable(wanted))
    asked, _ = numbering.numbered(wanted, rows, settings.number_prefix or "", again=False)
    invoices = _readable(asked)
    clients = sorted({invoice.client.id for invoice in invoices})
    return KnownCompany(
        lane=lane,
        organisation=connections.organisation(work, lane),
        problem=_problem(work, company, connection),
        login_due=_what_is_wrong(work, company, connection) is not None,
        asked=asked,
        settings=settings,
        books=organisation_facts.known(work, lane),
        links={**contacts.links(work, company, clients), **host_contacts.news(work, target, company, invoices)},
        winners=contacts.winners(work, company, clients),
        excluded=exclusions.marked(work, company, [invoice.id for invoice in invoices]),
        rows=rows,
        owners=previews.owners_of(work, lane, invoices),
        waiting=connections.waiting(work, company),
    )


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
    if isinstance(move, Failure):
        made.failure = move
    elif move == "unchanged":
        made.verdict = "unchanged"
    elif row and row.state in ("exporting", "uncertain"):
        made.verdict = "under_way"
    else:
        _map(target, known, made)
    return made


def _verdict(row: Export | None) -> Verdict:
    return "update" if row and row.xero_invoice_id else "create"


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
    broken = checks.problem_with(invoice) if move in ("start", "replace") else None
    return broken or move


def _map(target: AccountingTarget, known: KnownCompany, made: Plan) -> None:
    if made.invoice is None:
        return
    try:
        contact = contact_lookup.contact_of(target, known.links, made.invoice)
        generation = made.row.generation if made.row else 1
        made.posting = Posting(known.lane, made.invoice, contact, known.settings, generation)
        made.element = target.element(made.posting)
    except Unmappable as unfit:
        made.failure = unfit.failure


def _problem(work: Work, company: str, connection: CompanyConnection | None) -> str | None:
    """What would hold every export of the company back, in a sentence."""
    facts = login_block.facts_of(work, connection) if connection else {"company": companies.name_of(work, company)}
    found = _what_is_wrong(work, company, connection)
    if found:
        return found.message(facts)
    held = pauses.of_company(work, company)
    if held:
        return f"The export is paused by {held.by}. {held.why}".strip()
    lane = work.session.get(LaneState, (company, connection.tenant)) if connection else None
    return lane.message if lane and lane.state != "open" else None


def _what_is_wrong(work: Work, company: str, connection: CompanyConnection | None) -> ConnectionProblem | None:
    if connection is None:
        return ConnectionProblem.NEVER_CONNECTED
    if connection.state != "connected":
        return ConnectionProblem.by_code(connection.problem, ConnectionProblem.DISCONNECTED)
    if not connections.enabled(work, company):
        return ConnectionProblem.APP_DISABLED
    granted = set(connection.scopes.split())
    return ConnectionProblem.SCOPE_MISSING if granted and not granted & _WRITES else None
