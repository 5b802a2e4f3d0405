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
        "a contact is created with, or an inline one renamed to, another active contact's name",
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
        "a contact is created without a Name, or named by a ContactNumber alone that is unknown",
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
        "a Reference is longer than 255 characters, a Description not 1 to 4000, a contact's number longer than 50",
        "{field} must be between {least} and {most} characters.",
        verbatim=False,
    )
    NAME_CHARACTERS = Row(
        "facts §5 (SPEC:21180)",
        "a contact's name has more than 255 characters or < or >",
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
    TOO_MANY_ATTACHMENTS = Row(
        "facts §8", "an eleventh file for an invoice", "Too many attachments on this document.", verbatim=False
    )
    ATTACHMENT_EMPTY = Row("facts §8", "a file of no bytes", "The attachment must not be empty.", verbatim=False)
    ATTACHMENT_NAME = Row(
        "facts §8 (Xero-NetStandard#606, xero-node#763: what is said there differs by the day)",
        "a file's name is too long, or has a space or a sign in it that file names cannot have",
        "The file name is not valid.",
        verbatim=False,
    )
    CREDIT_NOTE_NUMBER_TAKEN = Row(
        "facts §8.1 (XeroAPI/Xero-Net#257)",
        "a sales credit note is created with the number of another",
        "Credit Note # must be unique.",
    )
    CREDIT_NOTE_UNKNOWN = Row(
        "facts §6.2 #31, §8.1 (SPEC:5567)",
        "an update names a CreditNoteID that does not exist",
        "An existing Credit Note with the specified CreditNoteID could not be found",
    )
    CREDIT_NOTE_DISCOUNT = Row(
        "facts §8 (DiscountRate: sales invoices and quotes only)",
        "a line of a credit note has a discount",
        "Discounts are not allowed on credit notes.",
        verbatim=False,
    )
    CREDIT_NOTE_NOT_APPROVED = Row(
        "facts §8.1",
        "something of a credit note is allocated that is a draft, voided or deleted",
        "Credit Note not of valid status for allocation",
        verbatim=False,
    )
    ALLOCATED_TO_PAID = Row(
        "facts §8.1 (xeroizer#320)",
        "something is allocated to an invoice that is paid",
        "The invoice you are trying to allocate to has already been paid off",
    )
    ALLOCATED_TOO_MUCH = Row(
        "facts §8.1 (xeroizer#320, xero-php#251)",
        "more is allocated than is left of the credit note, or due of the invoice",
        "Credit Note cannot be allocated as amount is greater than amount outstanding",
    )
    ALLOCATED_NOTHING = Row(
        "facts §8.1 (xero-node#239)",
        "an allocation says no amount, or none above zero",
        "The amount of an allocation must be greater than zero.",
        verbatim=False,
    )
    ALLOCATED_TO_OTHER_TYPE = Row(
        "facts §8.1 (xeroizer#320)",
        "something is allocated to a bill, or to an invoice in another currency",
        "Credit Note cannot be allocated to an incorrect invoice type",
        verbatim=False,
    )
    ALLOCATED_TO_OTHER_CONTACT = Row(
        "facts §8.1",
        "something is allocated to an invoice of another contact",
        "Credit Note cannot be allocated to an invoice of another contact",
        verbatim=False,
    )
    ODD_RATE = Row(
        "facts §2.3", "the CurrencyRate is odd: a warning", "The currency rate supplied is unusual.", verbatim=False
    )

    def __call__(self, **facts: Any) -> str:
        """The text with its places filled."""
        return self.value.text.format(**facts)
