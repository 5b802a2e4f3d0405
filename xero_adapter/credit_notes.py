"""Xero's credit notes, asked about as its invoices are (facts §8.1).

Behind the wire a credit note is called as an invoice is, so that pictures, updates, the guard and the proof of match
go by the one table of fields. It has no Url: on the wire our mark stands at the end of its Reference.
"""

import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from events.accounting_target import (
    CallSizes,
    Changes,
    Element,
    InTime,
    Organisation,
    Posted,
    Posting,
    TargetCredit,
    Unmappable,
)
from events.failures import Failure, fixed_as
from events.invoice import Invoice, LineItem, Totals, folded
from events.money import ZERO, total_of
from events.reasons import Reason
from xero_adapter import answers, line_amounts, links, mapping, replies
from xero_adapter.client import XeroClient
from xero_adapter.json_values import UNREADABLE, decimal_of, object_of, text_of
from xero_adapter.login import XeroLogin
from xero_adapter.pace import Pace
from xero_adapter.target import XeroTarget

_AS_INVOICE = {"CreditNoteID": "InvoiceID", "CreditNoteNumber": "InvoiceNumber"}
_TYPES = {"ACCRECCREDIT": "ACCREC", "ACCPAYCREDIT": "ACCPAY"}
_NOT_THERE = ("DueDate", "ExpectedPaymentDate", "SentToContact")
_OWNER, _BEFORE = "credit-note", " · "
_MARK = re.compile(rf"(?:^|{_BEFORE})CrewCard ([0-9A-F]{{16}})$")
_LONGEST_REFERENCE = 255
_UNQUOTABLE = frozenset('"\\')  # nobody knows how a filter of Xero's says them (facts §4.1)


class XeroCreditNotes(XeroTarget):
    """Xero, asked about sales credit notes."""

    sizes = CallSizes(invoices=50, bytes=3_400_000, contacts=45, ids=18)  # as many ids as one filter has room for
    marks_name_invoices = False
    _creates, _updates, _lists = "create_credit_notes", "update_or_create_credit_notes", "get_credit_notes"
    _beside = len("CreditNoteNumber%3D%3D%22%22%20OR%20") + len("guid%28%29")

    def __init__(self, client: XeroClient, login: XeroLogin, pace: Pace, link_base: str) -> None:
        super().__init__(client, login, pace, link_base)
        self.credit: TargetCredit | None = XeroCredit(self, client)

    def as_sent(self, invoice: Invoice) -> Invoice:
        """The invoice with amounts above zero, whichever sign its host gives them; lines without discounts."""
        return credited(invoice)

    def element(self, posting: Posting) -> Element:
        """The credit note, called as an invoice. Raises Unmappable."""
        return self._element(posting)

    def element_of_update(self, posting: Posting, copy: Element) -> Element:
        """The credit note as an update of Xero's copy. Raises Unmappable."""
        return mapping.element_of_update(self._element(posting, copy.get("Status")), copy)

    def _element(self, posting: Posting, status: str | None = None) -> Element:
        if posting.invoice.document != "credit_note" and not posting.invoice.is_below_zero:
            raise Unmappable(fixed_as("credit_note", "invoice"))
        invoice = credited(posting.invoice)
        if _UNQUOTABLE & set(invoice.number):
            raise Unmappable(Failure(Reason.INVOICE_UNREADABLE, {"problem": "its number has a quotation mark or \\"}))
        dated = invoice.model_copy(update={"due_date": invoice.due_date or invoice.date})  # asked for, and not sent
        own = replace(posting, invoice=dated, settings=posting.settings.for_document("credit_note"))
        said = mapping.element(own, self._link_base, status)
        mark = links.mark("", _OWNER, digest(posting.lane.company, invoice.id, posting.generation))
        return {**{name: value for name, value in said.items() if name not in _NOT_THERE}, "Url": mark}

    def deletion(self, target_id: str) -> Element:
        """The update that deletes a draft."""
        return {"InvoiceID": target_id, "Type": "ACCREC", "Status": "DELETED"}

    @staticmethod
    def freeze(elements: Sequence[Element]) -> bytes:
        """The exact body of a call."""
        return json.dumps({"CreditNotes": [_as_credit_note(one) for one in elements]}).encode()

    def thaw(self, body: bytes) -> Mapping[str, Element]:
        """The elements of a frozen body: updates by id, new ones by number."""
        own = [_as_invoice(one) for one in json.loads(body)["CreditNotes"]]
        return {one.get("InvoiceID") or one["InvoiceNumber"]: one for one in own}

    def deep_link(self, organisation: Organisation, target_id: str) -> str:
        """The credit note's page in Xero."""
        return links.credit_note_link(organisation.short_code, target_id)

    def is_marked(self, posted: Posted, company: str, invoice: str, generation: int) -> bool:
        """Whether its Reference ends with the mark of this invoice and generation."""
        return posted.mark == (_OWNER, digest(company, invoice, generation))

    def mark_of(self, company: str, invoice: str, generation: int) -> str:
        """A digest of all three."""
        return digest(company, invoice, generation)

    def find(
        self, organisation: Organisation, numbers: Sequence[str], *, ours_only: bool = False
    ) -> Mapping[str, Sequence[Posted]]:
        """Every sales credit note with one of these numbers, by folded number. Raises Trouble.

        None where only ours are asked for: Xero does not tell whose app made one, the mark alone does.
        """
        found: dict[str, list[Posted]] = {folded(number): [] for number in numbers}
        for chunk in [] if ours_only else self.in_calls(numbers):
            where = " OR ".join(f'CreditNoteNumber=="{number}"' for number in chunk)
            for posted in self._list(organisation, where=where):
                found.setdefault(folded(posted.number), []).append(posted)
        return found

    def fetch(self, organisation: Organisation, target_ids: Sequence[str]) -> Mapping[str, Posted]:
        """The sales credit notes with these ids, by id; what Xero does not show is left out. Raises Trouble."""
        chunks = [" OR ".join(f'CreditNoteID==guid("{id_}")' for id_ in some) for some in self.in_calls(target_ids)]
        shown = [posted for where in chunks for posted in self._list(organisation, where=where)]
        return {posted.target_id: posted for posted in shown}

    def changes(self, organisation: Organisation, since: datetime, page: int, *, ours_only: bool) -> Changes:  # noqa: ARG002
        """A page of the sales credit notes changed after a moment, whole: Xero tells neither whose app made one nor
        less of it (facts §8.1). Raises Trouble.
        """
        document = self._invoices(
            organisation,
            if_modified_since=f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
            order="UpdatedDateUTC ASC",
            page=page,
        )
        return replace(answers.of_changes(document), whole=True)

    def _invoices_in(self, document: Any) -> Any:
        """The answer with its credit notes as invoices."""
        if not isinstance(document, dict):
            return document
        lists = {"CreditNotes": "Invoices", "Elements": "Elements"}
        return {
            lists.get(name, name): [_as_invoice(one) if isinstance(one, dict) else one for one in value]
            if name in lists and isinstance(value, list)
            else value
            for name, value in document.items()
        }


class XeroCredit:
    """Allocations of sales credit notes to invoices, each a call of its own (facts §8.1)."""

    def __init__(self, target: XeroTarget, client: XeroClient) -> None:
        self._target, self._client = target, client

    def given(self, note: Posted) -> Mapping[str, Decimal]:
        """What is allocated of the credit note, by InvoiceID."""
        found: dict[str, Decimal] = {}
        for one in _allocations(note.copy):
            id_ = text_of(object_of(one.get("Invoice")).get("InvoiceID")).lower()
            found[id_] = found.get(id_, ZERO) + decimal_of(one.get("Amount"))
        return found

    def freeze(self, invoice_id: str, amount: Decimal, day: date) -> bytes:
        """The exact body of the call."""
        said = {"Amount": float(amount), "Date": day.isoformat(), "Invoice": {"InvoiceID": invoice_id}}
        return json.dumps({"Allocations": [said]}).encode()

    def allocate(self, organisation: Organisation, note_id: str, body: bytes, key: str, in_time: InTime) -> str:
        """PUT the frozen body; gives Xero's words where it refuses. Raises Trouble."""
        send = functools.partial(
            self._client.allocate, organisation, note_id=note_id, body=body, key=key, in_time=in_time
        )
        reply = self._target.ask(organisation, send, 400)
        document = replies.document(reply)
        said = [one.text for element in _elements(document) for one in answers.messages(element)]
        if not said and (reply.status != 200 or not _elements(document)):
            raise replies.trouble("unknown", f"Xero answered {reply.status}: {answers.complaint(document)}", reply)
        return " ".join(dict.fromkeys(said))


def _elements(document: Any) -> list[dict[str, Any]]:
    """What was allocated, or refused."""
    found = (document.get("Allocations") or document.get("Elements")) if isinstance(document, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _allocations(note: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = note.get("Allocations")
    return [object_of(one) for one in found] if isinstance(found, list) else []


def digest(company: str, invoice: str, generation: int) -> str:
    """What a mark says of whose credit note it is: short enough to stand behind a reference that people wrote."""
    said = json.dumps([company, invoice, generation])
    return hashlib.sha256(said.encode()).hexdigest()[:16].upper()


def credited(invoice: Invoice) -> Invoice:
    """The invoice as a credit note says it: turned where it is below zero in all, and without discounts."""
    turned = invoice.is_below_zero
    lines = tuple(_credited(line, turned=turned) for line in invoice.lines)
    totals = invoice.totals
    if totals and turned:
        totals = Totals(**{name: None if value is None else -value for name, value in dict(totals).items()})
    return invoice.model_copy(update={"lines": lines, "totals": totals, "document": None})


def _credited(line: LineItem, *, turned: bool) -> LineItem:
    if line.discount_rate or line.discount_amount:
        line = line_amounts.without_discount(line)
    if not turned or line.quantity is None or line.unit_amount is None:
        return line
    if line.quantity < ZERO:
        return line.model_copy(update={"quantity": -line.quantity})
    return line.model_copy(update={"unit_amount": -line.unit_amount})


def _as_credit_note(element: Element) -> Element:
    """The element as it goes over the wire, its mark behind what the host refers to."""
    theirs = {ours: name for name, ours in _AS_INVOICE.items()}
    said = {theirs.get(name, name): value for name, value in element.items() if name != "Url"}
    if "Type" in said:
        said["Type"] = f"{said['Type']}CREDIT"
    mark = links.marked(element.get("Url"))
    if mark:
        marked, reference = f"CrewCard {mark[1]}", str(element.get("Reference") or "")
        room = _LONGEST_REFERENCE - len(_BEFORE) - len(marked)
        said["Reference"] = f"{reference[:room]}{_BEFORE}{marked}" if reference else marked
    return said


def _as_invoice(note: Mapping[str, Any]) -> Element:
    """The credit note as its element was before it went over the wire; what is used of it as paid or credited."""
    said: Element = {_AS_INVOICE.get(name, name): value for name, value in note.items()}
    said["Type"] = _TYPES.get(str(note.get("Type") or "ACCRECCREDIT"), "")
    found = _MARK.search(str(note.get("Reference") or ""))
    if found:
        said |= {"Reference": str(note["Reference"])[: found.start()], "Url": links.mark("", _OWNER, found[1])}
    if "RemainingCredit" in note:
        said |= _used(note)
    return said


def _used(note: Mapping[str, Any]) -> Element:
    try:
        allocated = total_of(decimal_of(one.get("Amount")) for one in _allocations(note))
        refunded = decimal_of(note.get("Total")) - decimal_of(note["RemainingCredit"]) - allocated
    except (ValueError, ArithmeticError):
        return {"AmountPaid": UNREADABLE}
    return {"AmountPaid": refunded, "AmountCredited": allocated, "AmountDue": note["RemainingCredit"]}
