"""Lists of invoices and contacts: filters, order, paging, what is shown (facts §4.1, §5)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from simulator import contacts, documents, where
from simulator.arithmetic import to_step
from simulator.context import Context
from simulator.wire import Json, Request
from simulator.world import Contact

_FIELDS = frozenset({
    "Type", "Status", "Reference", "InvoiceNumber", "InvoiceID", "Date", "DueDate", "AmountDue", "AmountPaid",
    "AmountCredited", "Total", "SubTotal", "TotalTax", "CurrencyCode", "Contact.ContactID", "Contact.Name",
    "Contact.ContactNumber", "UpdatedDateUTC", "Url",
})  # fmt: skip
_CONTACT_FIELDS = frozenset({"ContactID", "Name", "ContactNumber", "EmailAddress", "ContactStatus", "UpdatedDateUTC"})
_ASKED = frozenset({"where", "order", "ids", "page", "pagesize", "includearchived", "summaryonly", "searchterm"})
_NOT_IN_SUMMARY = ("Payments", "HasAttachments", "LineItems", "CISDeduction")
_MOMENT = re.compile(r"/Date\((\d+)")


class BadHeader(Exception):
    """If-Modified-Since is no moment: 412 (facts §6.2 #40)."""


class TooMany(Exception):
    """More results than Xero gives unpaged (facts §4.1)."""


@dataclass(frozen=True)
class Page:
    """What is shown of what was found; `pagination` only where the list is paged."""

    elements: list[Json]
    pagination: Json | None


def invoices(context: Context, request: Request) -> Page:
    """The invoices a request asks for. Raises where.Unparsable, BadHeader, TooMany."""
    where.check_parameters(
        request, "Invoices", _ASKED | {"invoicenumbers", "contactids", "statuses", "createdbymyapp", "unitdp"}
    )
    modified = since(request)
    found: list[Json] = [one for one in _candidates(context, request) if _wanted(context, request, one)]
    if modified:
        found = [one for one in found if updated(one) > modified]
    found = where.chosen(found, request, "Invoice", _FIELDS)
    summary = request.says("summaryOnly")
    paged = "page" in request.asked or "pagesize" in request.asked or summary or bool(request.listed("Statuses"))
    if not paged and len(found) > context.switches.high_volume:
        raise TooMany
    chosen, pagination = in_pages(found, request) if paged else (found, None)
    elements = [shown(context, one, lines=paged, summary=summary) for one in chosen]
    if not context.switches.lists_give_url_back:
        elements = [{name: value for name, value in one.items() if name != "Url"} for one in elements]
    return Page(elements, pagination)


def shown(context: Context, invoice: Json, *, lines: bool = True, summary: bool = False) -> Json:
    """An invoice as a read gives it; lines only from single and paged reads, UnitAmount to the decimals asked."""
    contact = contacts.winner(context.organisation, invoice["Contact"]["ContactID"])
    view = {**documents.visible(invoice), "HasErrors": False}
    if contact:
        view["Contact"] = contacts.on_invoice(contact) if lines and not summary else contacts.summary(contact)
    if summary:
        return {name: value for name, value in view.items() if name not in _NOT_IN_SUMMARY}
    view["LineItems"] = [_line(context, line) for line in invoice["LineItems"]] if lines else []
    return view


def contact_list(context: Context, request: Request) -> Page:
    """The contacts a request asks for. Raises where.Unparsable, BadHeader."""
    where.check_parameters(request, "Contacts", _ASKED)
    modified, ids = since(request), {text.lower() for text in request.listed("IDs")}
    paged, summary = "page" in request.asked or "pagesize" in request.asked, request.says("summaryOnly")
    archived = request.says("includeArchived")
    term = request.asked.get("searchterm", "").casefold()
    found: list[Contact] = [
        one
        for one in context.organisation.contacts.values()
        if (not ids or one.id in ids)
        and (archived or one.status == "ACTIVE")
        and (modified is None or one.updated > modified)
        and (not term or term in f"{one.name}\n{one.email}\n{one.number}".casefold())
    ]
    show = contacts.in_short if summary else contacts.in_full
    elements = where.chosen([show(one, merge=paged) for one in found], request, "Contact", _CONTACT_FIELDS)
    chosen, pagination = in_pages(elements, request) if paged else (elements, None)
    return Page(chosen, pagination)


def _candidates(context: Context, request: Request) -> Iterable[Json]:
    """By number or id from the index, else all of them."""
    seen, books = context.seen, context.organisation
    ids, numbers = request.listed("IDs"), request.listed("InvoiceNumbers")
    if ids:
        return [seen[one] for one in dict.fromkeys(text.lower() for text in ids) if one in seen]
    if numbers:
        if seen is not books.invoices:  # the index knows more than lists show
            return [one for one in seen.values() if _is_one_of(context, one["InvoiceNumber"], numbers)]
        found = {one["InvoiceID"]: one for number in numbers for one in context.with_number(number)}
        return list(found.values())
    return seen.values()


def _is_one_of(context: Context, number: str, wanted: Sequence[str]) -> bool:
    if context.switches.numbers_ignore_case:
        return number.casefold() in [one.casefold() for one in wanted]
    return number in wanted


def _wanted(context: Context, request: Request, invoice: Json) -> bool:
    statuses, of_contacts = request.listed("Statuses"), request.listed("ContactIDs")
    numbers = request.listed("InvoiceNumbers") if request.listed("IDs") else []
    term = request.asked.get("searchterm", "").casefold()
    return (
        (not statuses or invoice["Status"] in statuses)
        and (not of_contacts or invoice["Contact"]["ContactID"] in [text.lower() for text in of_contacts])
        and (not numbers or invoice["InvoiceNumber"] in numbers)
        and (not term or term in f"{invoice['InvoiceNumber']}\n{invoice['Reference']}".casefold())
        and (
            not request.says("createdByMyApp")
            or context.organisation.made_by.get(invoice["InvoiceID"]) == context.client_id
        )
    )


def in_pages(found: list[Any], request: Request) -> tuple[list[Any], Json]:
    """One page of the list; numbers out of range are put right (facts §4.1)."""
    page = max(1, _whole(request.asked.get("page"), 1))
    size = min(1000, max(1, _whole(request.asked.get("pagesize"), 100)))
    pages = -(-len(found) // size)
    pagination = {"page": page, "pageSize": size, "pageCount": pages, "itemCount": len(found)}
    return found[(page - 1) * size : page * size], pagination


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _line(context: Context, line: Json) -> Json:
    if context.unitdp == 4:
        return line
    unit = to_step(Decimal(str(line["UnitAmount"])), Decimal("0.01"), context.switches.rounding)
    return {**line, "UnitAmount": float(unit)}


def updated(element: Json) -> datetime:
    """When an element was last changed."""
    moment = _MOMENT.match(element["UpdatedDateUTC"])
    return datetime.fromtimestamp(int(moment[1]) / 1000 if moment else 0, UTC)


def since(request: Request) -> datetime | None:
    """The moment of If-Modified-Since, UTC where no zone is said. Raises BadHeader."""
    text = request.headers.get("if-modified-since", "").strip()
    if not text:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text)
        except (ValueError, TypeError, OverflowError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    raise BadHeader
