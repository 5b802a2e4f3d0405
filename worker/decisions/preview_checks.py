"""What Xero will say to an invoice, as far as its settings tell; pure (facts §6.2, §8)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from events.accounting_target import ListedContact
from events.changes import LinePicture, Picture
from events.failures import Failure
from events.invoice import Invoice
from events.reasons import Reason
from events.settings import Books, LedgerAccount, Sums
from events.wording import spoken

_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LONGEST_MAIL = 255
# As the export ranks what Xero says about one invoice (xero_adapter.answers).
_ORDER = (
    Reason.PERIOD_LOCKED, Reason.LOCKED_IN_XERO, Reason.ACCOUNT_ARCHIVED, Reason.TAX_NOT_FOR_ACCOUNT,
    Reason.ACCOUNT_INVALID, Reason.ACCOUNT_MISSING, Reason.TAX_TYPE_INVALID, Reason.NUMBER_TAKEN,
    Reason.CONTACT_ARCHIVED, Reason.CONTACT_NOT_FOUND, Reason.CONTACT_EMAIL_INVALID, Reason.CURRENCY_NOT_ENABLED,
    Reason.ITEM_UNKNOWN, Reason.DISCOUNT_TOO_LARGE,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An invoice as it will be sent. `contact` None was looked for and not found; `looked` false: nobody could look.

    `status` is the one it will have in Xero. `other` names the invoice that has its number. `before` is the date of
    the copy that an update changes.
    """

    invoice: Invoice
    picture: Picture
    status: str
    sums: Sums | None = None
    contact: ListedContact | None = None
    looked: bool = True
    other: str | None = None
    before: date | None = None


def problems(case: Case, books: Books) -> list[Failure]:
    """Everything Xero would refuse, what the export would name first in front."""
    found = [*_of_whole(case, books), *_of_contact(case), *_of_discounts(case, books)]
    for number, line in enumerate(case.picture.lines, start=1):
        found += [Failure(why.reason, why.facts, line=number) for why in _of_line(case, line, books)]
    if not found and case.sums and case.sums.total < 0:
        found.append(Failure(Reason.NEGATIVE_TOTAL))
    ranks = {reason: rank for rank, reason in enumerate(_ORDER)}
    return sorted(found, key=lambda failure: ranks.get(failure.reason, len(_ORDER)))


def warnings(case: Case, books: Books) -> list[str]:
    """What will go through and is worth knowing before."""
    told = []
    if case.contact and case.contact.merged_into:
        told.append(f"Xero merged the contact “{case.contact.name}” into another one.")
    if case.status == "DRAFT" and books.accounts is not None:
        named = {line.said("account") or "" for line in case.picture.lines} - {""}
        lost = sorted(named - set(books.accounts))
        told += [f"Xero does not know account {code}; the draft is saved without it." for code in lost]
    if case.invoice.sent_to_contact is not None and case.picture.said("sent_to_contact") is None:
        told.append("Xero takes “sent to contact” of approved invoices only: it is left out.")
    if case.sums is None and any(line.amount is None for line in case.invoice.lines):
        told.append("What a line comes to is up to its item in Xero, and could not be foreseen.")
    return [*told, *_said_otherwise(case), *_cents(case)]


def _said_otherwise(case: Case) -> Iterator[str]:
    """Lines whose numbers Xero cannot keep as they are, so that they go in others that come to the same."""
    for number, (line, sent) in enumerate(zip(case.invoice.lines, case.picture.lines, strict=True), start=1):
        if line.quantity is None or line.unit_amount is None:
            continue
        quantity, unit = Decimal(sent.said("quantity") or 0), Decimal(sent.said("unit_amount") or 0)
        if (quantity, unit) != (line.quantity, line.unit_amount):
            yield f"Line {number} goes as {quantity:f} x {unit:f}: Xero keeps 4 decimals. The amount is the same."


def needs(pictures: Iterable[Picture]) -> set[str]:
    """Which parts of the settings only some invoices need: their tracking and items, if they have any."""
    lines = [line for picture in pictures for line in picture.lines]
    used = {
        "tracking": any(line.said("tracking") for line in lines),
        "items": any(line.said("item") for line in lines),
    }
    return {part for part, wanted in used.items() if wanted}


def _of_whole(case: Case, books: Books) -> Iterator[Failure]:
    lock = books.lock()
    if lock and min(case.invoice.date, case.before or case.invoice.date) <= lock:
        reason = Reason.LOCKED_IN_XERO if case.before else Reason.PERIOD_LOCKED
        yield Failure(reason, {"lock_date": spoken(lock)})
    if books.currencies is not None and case.invoice.currency not in books.currencies:
        yield Failure(Reason.CURRENCY_NOT_ENABLED)
    if case.other is not None:
        yield Failure(Reason.NUMBER_TAKEN, {"other": case.other})


def _of_contact(case: Case) -> Iterator[Failure]:
    contact = case.contact
    if not case.looked:
        return
    if contact is None:
        yield Failure(Reason.CONTACT_NOT_FOUND)
    elif not contact.active or contact.merged_into:
        yield Failure(Reason.CONTACT_ARCHIVED)
    elif contact.email and not _is_mail(contact.email):
        yield Failure(Reason.CONTACT_EMAIL_INVALID)


def _of_discounts(case: Case, books: Books) -> Iterator[Failure]:
    """A line that is sent with a discount above it (facts §6.2 #51)."""
    for number, sent in enumerate(case.picture.lines, start=1):
        if _is_beyond_its_line(sent, books):
            yield Failure(Reason.DISCOUNT_TOO_LARGE, {"discount": sent.said("discount") or ""}, line=number)


def _is_beyond_its_line(sent: LinePicture, books: Books) -> bool:
    """Whether the amount off is above the line before it, as Xero compares them: the line is not rounded to cents.

    An item may bring the line's price; where nobody knows that, nothing is foretold.
    """
    off, item = sent.said("discount") or "", (books.items or {}).get(sent.said("item") or "")
    unit = sent.said("unit_amount") or (item.price if item else None)
    if not off or off.endswith("%") or unit is None:
        return False
    return Decimal(off) > Decimal(sent.said("quantity") or 1) * Decimal(unit)


def _is_mail(text: str) -> bool:
    return bool(_MAIL.fullmatch(text)) and text.isascii() and len(text) <= _LONGEST_MAIL


def _of_line(case: Case, line: LinePicture, books: Books) -> Iterator[Failure]:
    if _is_text(line):
        return
    named = line.said("item") or ""
    item = (books.items or {}).get(named)
    if named and books.items is not None and item is None:
        yield Failure(Reason.ITEM_UNKNOWN, {"item": named})
        return
    code = line.said("account") or (item.account if item else "")
    account = (books.accounts or {}).get(code)
    if books.accounts is not None and (books.items is not None or not named):
        yield from _of_account(code, account, draft=case.status == "DRAFT")
    yield from _of_tax(line, account, books)
    yield from _of_tracking(line, books.tracking)


def _is_text(line: LinePicture) -> bool:
    """A heading or a note, which needs no account (facts §8)."""
    return line.said("quantity") is None and line.said("unit_amount") is None and not line.said("item")


def _of_account(code: str, account: LedgerAccount | None, *, draft: bool) -> Iterator[Failure]:
    if account is None:
        if not draft:
            yield Failure(Reason.ACCOUNT_INVALID, {"account": code}) if code else Failure(Reason.ACCOUNT_MISSING)
    elif not account.for_sales:
        yield Failure(Reason.ACCOUNT_INVALID, {"account": code})
    elif not account.active:
        yield Failure(Reason.ACCOUNT_ARCHIVED, {"account": code})


def _of_tax(line: LinePicture, account: LedgerAccount | None, books: Books) -> Iterator[Failure]:
    tax = line.said("tax_type")
    if not tax or books.tax_rates is None:
        return
    rate = books.tax_rates.get(tax)
    if rate is None or "revenue" not in rate.sections or not rate.active:
        yield Failure(Reason.TAX_TYPE_INVALID, {"tax": tax})
    elif account and (account.section not in rate.sections or tax in books.refused.get(account.code, ())):
        yield Failure(Reason.TAX_NOT_FOR_ACCOUNT, {"tax": tax, "account": account.code})


def _of_tracking(line: LinePicture, known: Mapping[str, frozenset[str]] | None) -> Iterator[Failure]:
    if known is None:
        return
    options = {f"{category}: {option}" for category, named in known.items() for option in named}
    for chosen in (line.said("tracking") or "").splitlines():
        if chosen not in options:
            yield Failure(Reason.TRACKING_INVALID, {"tracking": chosen})


def _cents(case: Case) -> Iterator[str]:
    """Where Xero's rounding, or its tax, comes to another sum than the host's."""
    stated = case.invoice.totals
    if stated is None or case.sums is None:
        return
    for name in ("subtotal", "tax", "total"):
        ours, theirs = getattr(stated, name), getattr(case.sums, name)
        if ours is not None and ours != theirs:
            yield f"The {name} will be {theirs:.2f} in Xero and is {ours:.2f} in CrewCard."
