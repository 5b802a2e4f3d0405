"""Every message about an invoice, one row each: where it comes from, what brings it about, its exact text.

`facts §6.2 #n` is a row of the error catalogue; a row that is not verbatim has a text nobody has captured yet.
"""

from enum import Enum
from typing import Any

from simulator.rows import Row


class Say(Enum):
    """What Xero says about one invoice."""

    PERIOD_LOCKED = Row(
        "facts §6.2 #1, §11.8",
        "the date, old or new, is on or before the period lock date",
        "The document date cannot be before the period lock date, currently set at {lock}",
    )
    YEAR_LOCKED = Row(
        "facts §6.2 #2, §11.8",
        "the date, old or new, is on or before the end of year lock date",
        "The document date cannot be before the end of year lock date, currently set at {lock}",
    )
    NUMBER_TAKEN = Row(
        "facts §6.2 #11, §11.3", "a sales invoice is created with a number in use", "Invoice # must be unique."
    )
    NOT_MODIFIABLE = Row(
        "facts §6.2 #12, §11.3",
        "an update meets a voided, deleted or paid invoice, or asks for a status it cannot go to",
        "Invoice not of valid status for modification",
    )
    HAS_PAYMENT = Row(
        "facts §6.2 #13",
        "an update touches a frozen field of a paid or part-paid invoice",
        "This document cannot be edited as it has a payment or credit note allocated to it.",
    )
    NOT_CREATABLE = Row(
        "facts §6.2 #14",
        "an invoice is created with a status other than draft, submitted, authorised",
        "Invoice not of valid status for creation",
    )
    CONTACT_ARCHIVED = Row(
        "facts §6.2 #15, §11.8",
        "the contact is archived, or was merged into another",
        "The contact with the specified contact details has been archived. The contact must be un-archived "
        "before creating new invoices or credit notes",
    )
    CONTACT_NAME_TAKEN = Row(
        "facts §6.2 #16",
        "an inline contact is renamed to another active contact's name",
        "The contact name {name} is already assigned to another contact. "
        "The contact name must be unique across all active contacts.",
    )
    CONTACT_MISSING = Row(
        "facts §6.2 #17 (and, expected, §5 for a well-formed ContactID that is unknown)",
        "no contact, or one that does not exist",
        "A Contact must be specified for this type of transaction",
    )
    CONTACT_EMPTY = Row(
        "facts §6.2 #18",
        "the contact has none of the elements that identify one",
        "The Contact must contain at least 1 of the following elements to identify the contact: "
        "Name, ContactID, ContactNumber",
    )
    CONTACT_NAMELESS = Row(
        "facts §6.2 #52, §5",
        "the contact is named by a ContactNumber that is unknown, without a Name",
        "Contact Name cannot be empty.",
    )
    EMAIL_INVALID = Row(
        "facts §6.2 #19, §5", "the contact's e-mail address is no address", "Email address must be valid."
    )
    CURRENCY = Row(
        "facts §6.2 #20, §11.8", "the currency is not enabled", "Organisation is not subscribed to currency {code}"
    )
    CURRENCY_OLDER = Row(
        "facts §6.2 #20",
        "the same, with the switch currency_words=older",
        "Users Organisation is not subscribed to currency {code}",
    )
    CURRENCY_QUOTED = Row(
        "facts §6.2 #20",
        "the same, with the switch currency_words=quoted",
        "The current organisation is not subscribed to currency '{code}'.",
    )
    PLAN_LIMIT = Row(
        "facts §6.2 #21, §11.8",
        "the month of the invoice's date has as many approved sales invoices as the plan allows",
        "You have reached the limit of invoices you can approve",
    )
    DOCUMENT_TOTAL = Row(
        "facts §6.2 #23", "a Total was sent and is wrong", "The document total does not equal the sum of the lines."
    )
    INVOICE_TOTAL = Row(
        "facts §6.2 #23",
        "a SubTotal or TotalTax was sent and is wrong",
        "The invoice total does not equal the sum of the lines.",
    )
    NO_LINES = Row("facts §6.2 #24", "there are no lines", "One or more line items must be specified")
    DUE_DATE = Row(
        "facts §6.2 #26",
        "an authorised sales invoice has no due date",
        "The document DueDate field must be specified",
    )
    TYPE = Row(
        "facts §6.2 #27", "Type is missing or unknown, or the envelope is wrong", "Invoice Type must be specified"
    )
    STATUS_HAS_PAYMENT = Row(
        "facts §6.2 #28",
        "a status is asked of an invoice with payments",
        "The status {status} cannot be applied to the invoice "
        "because it has payment or Credit notes allocated to it.",
    )
    DATE_HAS_PAYMENT = Row(
        "facts §6.2 #28",
        "another date is asked of an invoice with payments",
        "Date cannot be changed on an invoice that has payment or credit notes allocated to it.",
    )
    NEGATIVE = Row(
        "facts §6.2 #29",
        "the total is below zero",
        "The document total must be greater than or equal to zero.",
        verbatim=False,
    )
    ID_UNKNOWN = Row(
        "facts §6.2 #31",
        "an update names an InvoiceID that does not exist; or a create brings one (there the words are expected)",
        "An existing Invoice with the specified InvoiceID could not be found",
    )
    NUMBER_UNREADABLE = Row(
        "facts §3.2 (SPEC:22324)",
        "an InvoiceNumber is longer than 255 characters or not printable ASCII",
        "Invoice # must be at most 255 printable ASCII characters.",
        verbatim=False,
    )
    TOO_LONG = Row(
        "facts §8",
        "a Reference is longer than 255 characters, or a Description not 1 to 4000 long",
        "{field} must be between {least} and {most} characters.",
        verbatim=False,
    )
    NAME_CHARACTERS = Row(
        "facts §5 (SPEC:21180)",
        "an inline contact's name has more than 255 characters or < or >",
        "The contact name must be at most 255 characters and not contain < or >.",
        verbatim=False,
    )
    THEME_UNKNOWN = Row(
        "facts §8 (xero-php-oauth2#267)",
        "a BrandingThemeID is none of the organisation's themes, or of a deleted one",
        "The branding theme specified does not exist.",
        verbatim=False,
    )
    URL_OF_XERO = Row("facts §8", "Url contains xero", "The Url must not contain 'xero'.", verbatim=False)
    ODD_RATE = Row(
        "facts §2.3", "the CurrencyRate is odd: a warning", "The currency rate supplied is unusual.", verbatim=False
    )

    def __call__(self, **facts: Any) -> str:
        """The text with its places filled."""
        return self.value.text.format(**facts)
