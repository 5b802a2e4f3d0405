"""What Xero refuses, in Xero's words. Each rule gives messages; sources are rows of facts §6.2."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from simulator.world import Account, Organisation

Json = dict[str, Any]


def of_invoice(organisation: Organisation, sent: Json, *, creating: bool) -> Iterator[str]:
    """Messages about the invoice as a whole."""
    if sent.get("Type") not in ("ACCREC", "ACCPAY"):
        yield "Invoice Type must be specified"  # row 27
    if not sent.get("LineItems"):
        yield "One or more line items must be specified"  # row 24
    if creating and sent.get("Status", "DRAFT") not in ("DRAFT", "SUBMITTED", "AUTHORISED"):
        yield "Invoice not of valid status for creation"  # row 14
    yield from _dates(organisation, sent)
    yield from _currency(organisation, sent)
    yield from _number(organisation, sent, creating=creating)


def of_contact(organisation: Organisation, sent: Json) -> Iterator[str]:
    """Messages about the contact."""
    contact = sent.get("Contact")
    if not isinstance(contact, dict):
        yield "A Contact must be specified for this type of transaction"  # row 17
        return
    if not (contact.get("ContactID") or contact.get("Name") or contact.get("ContactNumber")):
        yield (
            "The Contact must contain at least 1 of the following elements to identify the contact: "
            "Name, ContactID, ContactNumber"
        )  # row 18
        return
    known = organisation.contacts.get(str(contact.get("ContactID", "")).lower())
    if contact.get("ContactID") and known is None:
        yield "A Contact must be specified for this type of transaction"  # facts §5: exact text not known
    elif known and known.status != "ACTIVE":
        yield (
            "The contact with the specified contact details has been archived. The contact must be un-archived "
            "before creating new invoices or credit notes"
        )  # row 15
    elif known and known.email and "@" not in known.email:
        yield "Email address must be valid."  # row 19


def of_line(organisation: Organisation, sent: Json, line: Json) -> Iterator[str]:
    """Messages about one line."""
    code, approved = line.get("AccountCode"), sent.get("Status") in ("AUTHORISED", "SUBMITTED")
    if not code:
        if approved:
            yield "Account code or ID must be specified"  # row 6
        return
    account = organisation.accounts.get(str(code))
    if account is None or account.kind in ("BANK", "SYSTEM"):
        yield f"Account code '{code}' is not a valid code for this document."  # row 4
    elif account.status != "ACTIVE":
        yield (
            f"Account code '{code}' has been archived, or has been deleted. "
            "Each line item must reference a valid account"
        )  # row 3
    else:
        yield from _tax(organisation, line, account)


def _tax(organisation: Organisation, line: Json, account: Account) -> Iterator[str]:
    code = line.get("TaxType")
    if not code:
        return
    rate = organisation.tax_rates.get(str(code))
    if rate is None or not rate.for_revenue:
        yield f"The TaxType code {code} does not exist or cannot be used for this type of transaction."  # row 8
    elif rate.status != "ACTIVE":
        yield "Tax rate must be Active"  # row 10
    elif account.tax_types and code not in account.tax_types:
        yield f"The TaxType code '{code}' cannot be used with account code '{account.code}'."  # row 9


def _dates(organisation: Organisation, sent: Json) -> Iterator[str]:
    day = as_day(sent.get("Date"))
    if sent.get("Status") == "AUTHORISED" and not sent.get("DueDate"):
        yield "The document DueDate field must be specified"  # row 26
    if day is None:
        return
    locks = (("period", organisation.period_lock), ("end of year", organisation.year_lock))  # rows 1, 2
    for name, lock in locks:
        if lock and day <= lock:
            yield f"The document date cannot be before the {name} lock date, currently set at {lock:%d-%b-%Y}"


def _currency(organisation: Organisation, sent: Json) -> Iterator[str]:
    code = sent.get("CurrencyCode")
    if code and code not in (organisation.base_currency, *organisation.currencies):
        yield f"Organisation is not subscribed to currency {code}"  # row 20


def _number(organisation: Organisation, sent: Json, *, creating: bool) -> Iterator[str]:
    number = sent.get("InvoiceNumber")
    if creating and number and sent.get("Type") == "ACCREC" and organisation.with_number(str(number)):
        yield "Invoice # must be unique."  # row 11


def as_day(value: Any) -> date | None:
    """The day in an ISO date or date-time; None when it is neither."""
    try:
        return datetime.fromisoformat(str(value)[:10]).date()
    except ValueError:
        return None
