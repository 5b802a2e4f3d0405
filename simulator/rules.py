"""What Xero refuses about an invoice and its contact. `sent` is the whole invoice as it would be; pure."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from simulator.context import Context
from simulator.messages import Say
from simulator.wire import Json
from simulator.world import Contact

APPROVED = ("SUBMITTED", "AUTHORISED")
CREATABLE = ("DRAFT", *APPROVED)
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LONGEST_NUMBER = 50  # of a contact, its own and that of its taxes
_HIGHEST_RATE = Decimal(100_000)


def of_creation(context: Context, sent: Json) -> Iterator[str]:
    """Messages that only a new invoice can meet."""
    if sent.get("Status", "DRAFT") not in CREATABLE:
        yield Say.NOT_CREATABLE()
    number = sent.get("InvoiceNumber")
    if number and sent.get("Type") == "ACCREC":
        yield from _number_in_use(context, number)


def of_invoice(context: Context, sent: Json) -> Iterator[str]:
    """Messages about the invoice as a whole; a scenario's own words about its number alone stand first."""
    ordered = context.organisation.refused_numbers.get(sent.get("InvoiceNumber") or "")
    if ordered:
        yield ordered
    if sent.get("Type") not in ("ACCREC", "ACCPAY"):
        yield Say.TYPE()
    yield from of_document(context, sent)
    if sent.get("Status") == "AUTHORISED" and sent.get("Type") == "ACCREC":
        if not sent.get("DueDate") and context.switches.due_date_required:
            yield Say.DUE_DATE()
        yield from _plan(context, sent)


def of_document(context: Context, sent: Json) -> Iterator[str]:
    """Messages that invoices and credit notes have in common."""
    if not sent.get("LineItems"):
        yield Say.NO_LINES()
    yield from _texts(context, sent)
    yield from locks(context, sent)
    yield from _currency(context, sent)


def locks(context: Context, sent: Json) -> Iterator[str]:
    """Messages about the lock dates."""
    organisation, day = context.organisation, sent.get("Date") or context.today
    if organisation.period_lock and day <= organisation.period_lock:
        yield Say.PERIOD_LOCKED(lock=f"{organisation.period_lock:%d-%b-%Y}")
    if organisation.year_lock and day <= organisation.year_lock:
        yield Say.YEAR_LOCKED(lock=f"{organisation.year_lock:%d-%b-%Y}")


def of_contact(context: Context, sent: Json) -> Iterator[str]:
    """Messages about the contact (facts §5)."""
    contact = sent.get("Contact")
    if contact is None:
        yield Say.CONTACT_MISSING()
        return
    known = contact_of(context, contact)
    if not any(contact.get(name) for name in ("ContactID", "Name", "ContactNumber")):
        yield Say.CONTACT_EMPTY()
    elif contact.get("ContactID") and known is None:
        yield Say.CONTACT_MISSING()
    elif known is None and not contact.get("Name"):
        yield Say.CONTACT_NAMELESS()
    elif known and known.status != "ACTIVE":
        yield Say.CONTACT_ARCHIVED()
    else:
        yield from _details(context, contact, known)


def of_new_contact(context: Context, said: Json) -> Iterator[str]:
    """Messages about a contact that is to be created (facts §5, §6.2 #16, #52)."""
    name = said.get("Name", "")
    if not name.strip():
        yield Say.CONTACT_NAMELESS()
    elif _name_in_use(context, name, None):
        yield Say.CONTACT_NAME_TAKEN(name=name)
    yield from _details(context, said, None)
    for field in ("ContactNumber", "TaxNumber"):
        if len(said.get(field, "")) > _LONGEST_NUMBER:
            yield Say.TOO_LONG(field=field, least=0, most=_LONGEST_NUMBER)


def of_theme(context: Context, sent: Json) -> Iterator[str]:
    """The message about a branding theme that is not there (any more)."""
    theme = sent.get("BrandingThemeID")
    if theme and context.switches.deleted_theme_refused and theme not in context.organisation.theme_ids():
        yield Say.THEME_UNKNOWN()


def contact_of(context: Context, said: Json) -> Contact | None:
    """The contact that an inline contact means: by id, else by number, else by exact name (facts §5)."""
    if said.get("ContactID"):
        return context.contact(said["ContactID"])
    known = list(context.organisation.contacts.values())
    if said.get("ContactNumber"):
        return next((one for one in known if one.number == said["ContactNumber"]), None)
    name = said.get("Name", "").casefold()
    return next((one for one in _by_activity(known) if one.name.casefold() == name), None)


def warnings(context: Context, sent: Json) -> Iterator[str]:
    """What Xero remarks on and saves nevertheless."""
    rate = sent.get("CurrencyRate")
    if rate is not None and context.switches.odd_rate_warns and not 0 < rate <= _HIGHEST_RATE:
        yield Say.ODD_RATE()


def totals(sent: Json, sums: tuple[Decimal, Decimal, Decimal]) -> Iterator[str]:
    """Messages about totals: what was sent against (subtotal, tax, total) of the lines."""
    subtotal, tax, total = sums
    if sent.get("Total", total) != total:
        yield Say.DOCUMENT_TOTAL()
    if sent.get("SubTotal", subtotal) != subtotal or sent.get("TotalTax", tax) != tax:
        yield Say.INVOICE_TOTAL()
    if total < 0:
        yield Say.NEGATIVE()


def _by_activity(contacts: Sequence[Contact]) -> Sequence[Contact]:
    return sorted(contacts, key=lambda one: one.status != "ACTIVE")


def _details(context: Context, said: Json, known: Contact | None) -> Iterator[str]:
    """An inline contact's extra fields change the contact, so they are judged too."""
    name = said.get("Name")
    if name is not None and (len(name) > 255 or "<" in name or ">" in name):
        yield Say.NAME_CHARACTERS()
    elif name and known and name.casefold() != known.name.casefold() and _name_in_use(context, name, known):
        yield Say.CONTACT_NAME_TAKEN(name=name)
    mail = said.get("EmailAddress", known.email if known else "")
    if mail and not (_MAIL.fullmatch(mail) and mail.isascii() and len(mail) <= 255):
        yield Say.EMAIL_INVALID()


def _name_in_use(context: Context, name: str, mine: Contact | None) -> bool:
    return any(
        other is not mine and other.status == "ACTIVE" and other.name.casefold() == name.casefold()
        for other in context.organisation.contacts.values()
    )


def _texts(context: Context, sent: Json) -> Iterator[str]:
    number = sent.get("InvoiceNumber")
    if number and sent.get("Type") == "ACCREC" and not _PRINTABLE.fullmatch(number):
        yield Say.NUMBER_UNREADABLE()
    if len(sent.get("Reference", "")) > 255:
        yield Say.TOO_LONG(field="Reference", least=0, most=255)
    if context.switches.url_must_not_contain_xero and "xero" in sent.get("Url", "").lower():
        yield Say.URL_OF_XERO()


def _plan(context: Context, sent: Json) -> Iterator[str]:
    """The small plan's limit, judged by the invoice's month (facts §6.2 #21)."""
    most = context.organisation.approvals_per_month
    if most is None:
        return
    month = f"{sent.get('Date') or context.today:%Y-%m}"
    others = (one for one in context.organisation.invoices.values() if one["InvoiceID"] != sent.get("InvoiceID"))
    used = sum(
        one["Type"] == "ACCREC" and one["Status"] in ("AUTHORISED", "PAID") and one["DateString"].startswith(month)
        for one in others
    )
    if used >= most:
        yield Say.PLAN_LIMIT()


def _currency(context: Context, sent: Json) -> Iterator[str]:
    code, organisation = sent.get("CurrencyCode"), context.organisation
    if code and code not in (organisation.base_currency, *organisation.currencies):
        words = {"today": Say.CURRENCY, "older": Say.CURRENCY_OLDER, "quoted": Say.CURRENCY_QUOTED}
        yield words[context.switches.currency_words](code=code)


def _number_in_use(context: Context, number: str) -> Iterator[str]:
    for other in context.with_number(number):
        if other["Type"] != "ACCREC" or (other["Status"] == "DELETED" and context.switches.deleted_frees_number):
            continue
        voided = other["Status"] == "VOIDED" and context.switches.put_on_voided_number == "status"
        yield Say.NOT_MODIFIABLE() if voided else Say.NUMBER_TAKEN()
        return
