"""The catalogue of failure reasons. Codes are stored and published: add, never rename.

Each member's value is its help: what people read. Facts in braces come from the invoice at hand.
"""

from enum import Enum

from events.help import Help


class Reason(Enum):
    """Why an invoice was not exported."""

    ACCOUNT_ARCHIVED = Help(
        "Account archived",
        "Account {account} on invoice {number} has been archived or deleted in Xero.",
        "bookkeeper",
        "Restore the account in Xero, or choose another account for the line, then export again.",
    )
    ACCOUNT_INVALID = Help(
        "Account not usable",
        "Xero does not accept account {account} on invoice {number}.",
        "bookkeeper",
        "Choose a revenue account that exists in Xero for the line, then export again.",
    )
    ACCOUNT_MISSING = Help(
        "No account chosen",
        "A line of invoice {number} has no account, and your company has no default sales account.",
        "admin",
        "Set a default sales account in the Xero settings, then export again.",
    )
    CANCELLED = Help(
        "Cancelled",
        "The export of invoice {number} was cancelled before it was sent.",
        "clerk",
        "Export it again if it should be in Xero.",
    )
    CONTACT_ARCHIVED = Help(
        "Contact archived",
        "The Xero contact of {client} has been archived, so invoice {number} cannot be raised.",
        "bookkeeper",
        "Restore the contact in Xero, or link {client} to another contact, then export again.",
    )
    CONTACT_EMAIL_INVALID = Help(
        "Contact has a bad e-mail address",
        "The Xero contact of {client} has an e-mail address that Xero does not accept.",
        "bookkeeper",
        "Correct the e-mail address of the contact in Xero, then export again.",
    )
    CONTACT_ID_MALFORMED = Help(
        "Xero contact not readable",
        "The Xero contact ID kept for {client} is not one that Xero uses.",
        "admin",
        "Open the contact in Xero, copy the address of that page and paste it as the client's Xero Client ID.",
    )
    CONTACT_NOT_FOUND = Help(
        "Contact not found in Xero",
        "Xero has no contact with the ID kept for {client}.",
        "admin",
        "Open the contact in Xero, copy the address of that page and paste it as the client's Xero Client ID.",
    )
    CONTACT_NOT_MAPPED = Help(
        "Client has no Xero contact",
        "{client} is not linked to a contact in Xero yet, so invoice {number} waits for it.",
        "admin",
        "Paste the contact's address from Xero into the client's Xero Client ID, then export again.",
    )
    CURRENCY_NOT_ENABLED = Help(
        "Currency not set up in Xero",
        "Invoice {number} is in {currency}, which is not set up in your Xero organisation.",
        "bookkeeper",
        "Add {currency} to the currencies in Xero, or invoice in another currency, then export again.",
    )
    DUE_DATE_MISSING = Help(
        "No due date",
        "Invoice {number} has no due date, and Xero needs one to approve it.",
        "clerk",
        "Give the invoice a due date, then export again.",
    )
    EDITED_IN_XERO = Help(
        "Edited in Xero since",
        "Invoice {number} has been edited in Xero since it was exported ({edits}). Nothing was overwritten.",
        "bookkeeper",
        "Make the change on the invoice in Xero, or undo the edit there and export again.",
    )
    EXCLUDED = Help(
        "Marked do not send",
        "Invoice {number} is marked “do not send”.",
        "clerk",
        "Remove the mark if it should be in Xero, then export again.",
    )
    EXPIRED = Help(
        "Waited too long",
        "Invoice {number} waited longer than allowed and was not sent.",
        "support",
        "Look at the connection to Xero, then export again.",
    )
    GONE_FROM_XERO = Help(
        "No longer in Xero",
        "Invoice {number} was exported before and is not in Xero any more. It was not sent a second time.",
        "bookkeeper",
        "Look in Xero for what became of it before it is sent anew.",
    )
    INVOICE_FINALISED = Help(
        "Already final in Xero",
        "Invoice {number} is {status} in Xero and cannot be changed from here.",
        "bookkeeper",
        "Edit it in Xero, or raise a credit note there.",
    )
    INVOICE_UNREADABLE = Help(
        "Invoice not readable",
        "CrewCard sent invoice {number} in a form that cannot be read: {problem}.",
        "support",
        "Correct the named field in CrewCard, then export again.",
    )
    ITEM_UNKNOWN = Help(
        "Item not in Xero",
        "Item {item} on invoice {number} does not exist in Xero.",
        "bookkeeper",
        "Create the item in Xero or remove the item code from the line, then export again.",
    )
    LOCKED_IN_XERO = Help(
        "Locked in Xero",
        "The books in Xero are locked up to {lock_date}, and invoice {number} lies, or would lie, in that time. "
        "Nothing on it can be changed.",
        "bookkeeper",
        "Move the lock date in Xero and export again, or raise a credit note dated after it.",
    )
    NEGATIVE_TOTAL = Help(
        "Total below zero",
        "Invoice {number} comes to less than zero, which Xero does not accept as an invoice.",
        "bookkeeper",
        "Raise a credit note in Xero instead.",
    )
    NUMBER_TAKEN = Help(
        "Number already used in Xero",
        "Invoice number {number} is already used in Xero by another invoice ({other}).",
        "clerk",
        "Give the invoice another number, then export again.",
    )
    NUMBER_USED_TWICE = Help(
        "Number used twice in CrewCard",
        "Invoice number {number} already belongs to another CrewCard invoice ({other}).",
        "clerk",
        "Give one of the two another number, then export again.",
    )
    OUTCOME_UNKNOWN = Help(
        "Outcome not known",
        "Xero did not say what became of invoice {number}, and could not be asked since.",
        "support",
        "Look for the number in Xero before you export it again.",
    )
    PAID_IN_XERO = Help(
        "Payment recorded in Xero",
        "Invoice {number} has a payment or credit note in Xero ({payment}), so its amounts can no longer be changed.",
        "bookkeeper",
        "Reference, due date, contact and the lines' text, account and tracking can still be changed in Xero itself. "
        "For other amounts remove the payment there and export again, or raise a credit note.",
    )
    PERIOD_LOCKED = Help(
        "Books locked",
        "Invoice {number} is dated {date}, and the books in Xero are locked up to {lock_date}.",
        "bookkeeper",
        "Change the date of the invoice, or move the lock date in Xero, then export again.",
    )
    PLAN_LIMIT = Help(
        "Xero plan limit reached",
        "Your Xero plan does not allow more approved invoices this month, so {number} was not accepted.",
        "bookkeeper",
        "Upgrade the Xero plan, or export as draft.",
    )
    QUARANTINED = Help(
        "Set aside",
        "Invoice {number} stopped the exporter several times and was set aside so that others go on.",
        "support",
        "Report the invoice to CrewCard support.",
    )
    TAX_NOT_FOR_ACCOUNT = Help(
        "Tax rate does not fit the account",
        "Tax rate {tax} cannot be used with account {account} on invoice {number}.",
        "bookkeeper",
        "Choose another tax rate or account for the line, then export again.",
    )
    TAX_TYPE_INVALID = Help(
        "Tax rate not usable",
        "Xero does not accept tax rate {tax} on invoice {number}.",
        "bookkeeper",
        "Choose an active sales tax rate of your organisation, then export again.",
    )
    TOTALS_DO_NOT_ADD_UP = Help(
        "Totals do not add up",
        "The lines of invoice {number} come to {lines}, but the invoice says {stated}.",
        "clerk",
        "Open the invoice in CrewCard, save it again so that its totals are worked out anew, then export again.",
    )
    TRACKING_INVALID = Help(
        "Tracking not usable",
        "Xero does not accept {tracking} on invoice {number}: it is unknown or archived there.",
        "bookkeeper",
        "Add or restore the tracking option in Xero, or choose another one for the line, then export again.",
    )
    XERO_KEEPS_FAILING = Help(
        "Xero keeps failing on it",
        "Xero answered with an error of its own each time invoice {number} was sent. It is not in Xero.",
        "support",
        "Look at the invoice for something unusual, then export it again.",
    )
    XERO_REFUSED = Help(
        "Refused by Xero",
        "Xero did not accept invoice {number}. Xero said: {said}",
        "bookkeeper",
        "Mend what Xero names, then export again.",
    )

    @property
    def code(self) -> str:
        """The published code: `contact_archived`."""
        return self.name.lower()

    @classmethod
    def of(cls, code: str) -> "Reason":
        """The reason with this code. Raises KeyError for a code that was never published."""
        return cls[code.upper()]
