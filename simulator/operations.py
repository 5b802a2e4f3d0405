"""What each endpoint of the accounting API does (facts §2.1, §4.1, §5, §7.3)."""

from collections.abc import Callable, Sequence
from typing import Any

from simulator import attachments, books, contacts, credit_notes, pages, reading, search, settings, where
from simulator.context import Context
from simulator.gate import Caller
from simulator.refusals import UNMODELLED, No, bad_query, not_modelled, nowhere, unreadable
from simulator.state import State
from simulator.wire import Json, Reply, Request, as_json, as_text, exception
from simulator.world import new_id, wire_moment

_ANSWERS: dict[type[Exception], Callable[[str], Reply]] = {
    reading.NothingSent: lambda _: exception(None, "NoDataProcessedException", No.NO_DATA()),
    reading.Unreadable: unreadable,
    reading.MalformedGuid: lambda _: exception(500, "UnknownErrorException", No.MALFORMED_GUID(), 500),
    where.Unparsable: bad_query,
    search.BadHeader: lambda _: as_text(No.PRECONDITION(), 412),
    search.TooMany: lambda _: exception(51, "HighVolumeException", No.HIGH_VOLUME()),
}
_PLURALS = {"organisations": "organisation"}  # both are served (facts §11.11)
_BENEATH = (("invoices", "email"), ("invoices", "attachments"), ("creditnotes", "allocations"))
ENDPOINTS = ("invoices", "creditnotes", "contacts", *settings.LISTINGS)
ATTACHMENTS = "attachments"


def endpoint_of(path: str) -> str:
    """The endpoint whose scope a call needs, in lower case: files at an invoice have one of their own."""
    named, _, *beneath = [*[part.lower() for part in path.strip("/").split("/")][:3], ""]
    return ATTACHMENTS if named == "invoices" and ATTACHMENTS in beneath else named


def perform(state: State, request: Request, caller: Caller, path: str) -> Reply:
    """The answer of the endpoint at `path`, whatever was sent there."""
    context = Context(
        organisation=state.world.organisations[caller.tenant],
        now=state.world.now(),
        switches=state.switches,
        client_id=caller.client_id,
        unitdp=4 if request.asked.get("unitdp") == "4" else 2,
        dice=state.dice,
    )
    if endpoint_of(path) != ATTACHMENTS and (unspoken := _in_xml(request)):
        return not_modelled(unspoken)
    named, *rest = [part for part in path.split("/") if part] or [""]
    endpoint = _PLURALS.get(named.lower(), named.lower())
    try:
        return _dispatched(context, request, caller, endpoint, rest)
    except tuple(_ANSWERS) as wrong:
        return _ANSWERS[type(wrong)](str(wrong))


def _dispatched(context: Context, request: Request, caller: Caller, endpoint: str, rest: Sequence[str]) -> Reply:
    if endpoint not in ENDPOINTS:
        return not_modelled(endpoint) if endpoint in UNMODELLED else nowhere()
    if len(rest) > 1 and (endpoint, rest[1].lower()) not in _BENEATH:
        return not_modelled(f"{endpoint}/…/{rest[1]}")
    if endpoint in _DOCUMENTS:
        return _DOCUMENTS[endpoint](context, request, rest)
    if endpoint == "contacts":
        return _contacts(context, request, rest)
    if request.method != "GET":
        return not_implemented()
    return _settings(context, request, caller, [endpoint, *rest])


def _in_xml(request: Request) -> str:
    """What of the call is XML, which Xero reads and writes and this simulator does not (facts §2.1, §11.11)."""
    kind, accept = request.headers.get("content-type", ""), request.headers.get("accept", "")
    if request.method != "GET" and ("xml" in kind or request.body.lstrip().startswith(b"xml=")):
        return "bodies in XML: send JSON"
    only_xml = "xml" in accept and "json" not in accept and "*/*" not in accept
    return "answers in XML: accept application/json" if only_xml else ""


def _settings(context: Context, request: Request, caller: Caller, path: Sequence[str]) -> Reply:
    if [part.lower() for part in path] == ["organisation", "actions"]:
        user = caller.bearer.grant.user if caller.bearer else ""
        return _envelope(context, "Actions", pages.actions(context, context.organisation.role_of(user) or "STANDARD"))
    listing = settings.LISTINGS[path[0]]
    if len(path) == 1:
        return _envelope(context, listing.name, settings.listed(context, request, listing))
    found = settings.one_of(context, listing, path[1])
    return _envelope(context, listing.name, found) if found else nowhere()


def not_implemented() -> Reply:
    """A verb the endpoint does not have (facts §6.2 #43)."""
    return exception(20, "ApiMethodNotImplementedException", No.WRONG_VERB(), 501)


def _invoices(context: Context, request: Request, rest: Sequence[str]) -> Reply:
    if len(rest) > 1 and rest[1].lower() == ATTACHMENTS:
        return _attachments(context, request, rest[0], rest[2:])
    if len(rest) > 1:
        return _email(context, request, rest[0])
    if rest:
        return _one_invoice(context, request, rest[0])
    if request.method == "GET":
        page = search.invoices(context, request)
        return _envelope(context, "Invoices", page.elements, page.pagination)
    if request.method not in ("PUT", "POST"):
        return not_implemented()
    write = books.create if request.method == "PUT" else books.update_or_create
    answers = [write(context, sent) for sent in reading.invoices(request.body)]
    return _written(context, _ordered(context, answers), summarize=request.says("summarizeErrors", otherwise=True))


def _one_invoice(context: Context, request: Request, identity: str) -> Reply:
    """By id or number. An update has no summarizeErrors: its errors are a 400 (facts §2.1)."""
    found = _read(context, identity) if request.method == "GET" else _meant(context, identity)
    if request.method not in ("GET", "POST"):
        return not_implemented()
    if found is None:
        return nowhere()
    if request.method == "GET":
        return _envelope(context, "Invoices", [search.shown(context, found)])
    sent = reading.invoices(request.body)[0]
    return _written(
        context, [books.update(context, found, {**sent, "InvoiceID": found["InvoiceID"]})], summarize=True
    )


def _credit_notes(context: Context, request: Request, rest: Sequence[str]) -> Reply:
    if rest:
        return _one_credit_note(context, request, rest)
    if request.method == "GET":
        page = credit_notes.listed(context, request)
        return _envelope(context, "CreditNotes", page.elements, page.pagination)
    if request.method not in ("PUT", "POST"):
        return not_implemented()
    write = credit_notes.create if request.method == "PUT" else credit_notes.update_or_create
    answers = _ordered(context, [write(context, sent) for sent in reading.credit_notes(request.body)])
    return _written(context, answers, summarize=request.says("summarizeErrors", otherwise=True), name="CreditNotes")


def _one_credit_note(context: Context, request: Request, rest: Sequence[str]) -> Reply:
    found = credit_notes.meant(context, rest[0])
    if request.method not in (("PUT",) if len(rest) > 1 else ("GET", "POST")):
        return not_implemented()
    if found is None:
        return nowhere()
    if len(rest) > 1:
        return _allocations(context, request, found)
    if request.method == "GET":
        return _envelope(context, "CreditNotes", [credit_notes.shown(context, found)])
    sent = {**reading.credit_notes(request.body)[0], "CreditNoteID": found["CreditNoteID"]}
    return _written(context, [credit_notes.update(context, found, sent)], summarize=True, name="CreditNotes")


def _allocations(context: Context, request: Request, note: Json) -> Reply:
    """One after another, each of what is left then; 400 with those that are refused, where errors are summarised."""
    answers = []
    for sent in reading.allocations(request.body):
        answers.append(credit_notes.allocate(context, note, sent))
        note = context.organisation.credit_notes[note["CreditNoteID"]]
    failed = [one for one in answers if one["ValidationErrors"]]
    if failed and request.says("summarizeErrors", otherwise=True):
        return exception(10, "ValidationException", "A validation exception occurred", elements=failed)
    return _envelope(context, "Allocations", answers)


def _meant(context: Context, identity: str) -> Json | None:
    known = reading.guid(identity)
    if known and known in context.organisation.invoices:
        return context.organisation.invoices[known]
    return next(iter(context.with_number(identity)), None)


def _read(context: Context, identity: str) -> Json | None:
    """The invoice as a read of one shows it: at once, or, by switch, as late as lists do."""
    found = _meant(context, identity)
    return context.seen.get(found["InvoiceID"]) if found and context.switches.single_reads_lag else found


def _written(context: Context, answers: list[Json], *, summarize: bool, name: str = "Invoices") -> Reply:
    """200 with every element, or 400 with the failed ones alone; the others were saved all the same (facts §2.3)."""
    failed = [answer for answer in answers if answer["StatusAttributeString"] == "ERROR"]
    if summarize and failed:
        return exception(10, "ValidationException", "A validation exception occurred", elements=failed)
    return _envelope(context, name, answers)


def _ordered(context: Context, answers: list[Json]) -> list[Json]:
    """Not the request's order (facts §2.4)."""
    order = context.switches.result_order
    if order == "shuffled":
        context.dice.shuffle(answers)
    return sorted(answers, key=lambda answer: str(answer.get("Date", ""))) if order == "by_date" else answers


def _email(context: Context, request: Request, identity: str) -> Reply:
    """204, or 400 for a draft (facts §6.2 #50, §8)."""
    found = _meant(context, identity)
    if request.method != "POST":
        return not_implemented()
    if found is None:
        return nowhere()
    if found["Status"] not in ("SUBMITTED", "AUTHORISED", "PAID"):
        return exception(10, "ValidationException", No.NO_EMAIL())
    found["SentToContact"] = True
    return Reply(204)


def _attachments(context: Context, request: Request, identity: str, rest: Sequence[str]) -> Reply:
    found = _meant(context, identity)
    if found is None:
        return nowhere()
    said = attachments.answer(context, request, found, rest)
    return said if isinstance(said, Reply) else _envelope(context, "Attachments", said)


def _contacts(context: Context, request: Request, rest: Sequence[str]) -> Reply:
    if request.method == "PUT" and not rest:
        made = _ordered(context, [contacts.create(context, sent) for sent in reading.contacts(request.body)])
        return _written(context, made, name="Contacts", summarize=request.says("summarizeErrors", otherwise=True))
    if request.method != "GET":
        return not_implemented()
    if not rest:
        page = search.contact_list(context, request)
        return _envelope(context, "Contacts", page.elements, page.pagination)
    known = reading.guid(rest[0])
    found = context.contact(known) if known else None
    found = found or next((one for one in context.organisation.contacts.values() if one.number == rest[0]), None)
    return _envelope(context, "Contacts", [contacts.in_full(found, merge=True)]) if found else nowhere()


def _envelope(context: Context, name: str, elements: list[Json], pagination: Json | None = None) -> Reply:
    head: dict[str, Any] = {
        "Id": new_id(),
        "Status": "OK",
        "ProviderName": context.client_id,
        "DateTimeUTC": wire_moment(context.now),
    }
    if pagination:
        head["pagination"] = pagination
    return as_json({**head, name: elements})


_DOCUMENTS = {"invoices": _invoices, "creditnotes": _credit_notes}
