"""The catalogue of failure reasons. Codes are stored and published: add, never rename.

Each member's value is its help: what people read, a step per line. Facts in braces come from the invoice at hand.
"""

from events.help import Catalogue, Help

_AGAIN = "Fixed in Xero: press “send again” for the group.\nChanged in CrewCard: export the invoice again."


class Reason(Catalogue):
    """Why an invoice was not exported."""

    ACCOUNT_ARCHIVED = Help(
        "Account archived",
        "Account {account} on invoice {number} has been archived or deleted in Xero.",
        "bookkeeper",
        "In Xero open Accounting, then Chart of accounts, and restore account {account}; or choose another account "
        f"for the line in CrewCard.\n{_AGAIN}",
        thing=("account",),
    )
    ACCOUNT_INVALID = Help(
        "Account not usable",
        "Xero does not accept account {account} on invoice {number}: it does not exist there, or is not for sales.",
        "bookkeeper",
        f"Choose a revenue account that exists in Xero for the line, or for the company.\n{_AGAIN}",
        thing=("account",),
    )
    ACCOUNT_MISSING = Help(
        "No account chosen",
        "A line of invoice {number} has no account, and your company has no default sales account.",
        "admin",
        "Choose a default sales account in the company's Xero settings.\n"
        "What waits for it is then sent by itself. If it is not, press “send again”.",
        by_itself=True,
    )
    BRANDING_THEME_INVALID = Help(
        "Branding theme not in Xero",
        "The branding theme of the company's Xero settings is not in Xero any more, so invoice {number} was refused.",
        "admin",
        "Choose another branding theme, or none, in the company's Xero settings.\n"
        "What failed for it is then sent by itself. If it is not, press “send again”.",
        by_itself=True,
    )
    CANCELLED = Help(
        "Cancelled",
        "The export of invoice {number} was cancelled before it was sent.",
        "clerk",
        "Export it again if it should be in Xero.",
        opens="crewcard",
    )
    CONTACT_ARCHIVED = Help(
        "Contact archived",
        "The Xero contact of {client} has been archived, so invoice {number} cannot be raised.",
        "bookkeeper",
        "In Xero open Contacts, then Archived, and restore the contact; or link {client} to another contact.\n"
        "If it was merged into another contact, link {client} to that one.\n"
        "A new link sends what waits by itself; after restoring press “send again”.",
        by_itself=True,
        opens="contact",
        thing=("client_id",),
    )
    CONTACT_EMAIL_INVALID = Help(
        "Contact has a bad e-mail address",
        "The Xero contact of {client} has an e-mail address that Xero does not accept.",
        "bookkeeper",
        f"Open the contact in Xero and correct its e-mail address.\n{_AGAIN}",
        opens="contact",
        thing=("client_id",),
    )
    CONTACT_ID_MALFORMED = Help(
        "Xero contact not readable",
        "What is kept as the Xero contact of {client} is not the address or number of a contact in Xero.",
        "admin",
        "Open the contact in Xero and copy the address of that page.\n"
        "Paste it as the client's Xero Client ID in CrewCard; what waits is then sent by itself.",
        by_itself=True,
        thing=("client_id",),
    )
    CONTACT_NAME_TAKEN = Help(
        "Contact name in use",
        "The name of {client} already belongs to another contact in Xero, so invoice {number} was not accepted.",
        "bookkeeper",
        f"Link {{client}} to the contact that has the name, or rename one of the two in Xero.\n{_AGAIN}",
        opens="contact",
        thing=("client_id",),
    )
    CONTACT_NOT_FOUND = Help(
        "Contact not found in Xero",
        "Xero does not know the contact kept for {client}, so invoice {number} cannot be raised.",
        "admin",
        "Open the contact in Xero and copy the address of that page.\n"
        "Paste it as the client's Xero Client ID in CrewCard; what waits is then sent by itself.",
        by_itself=True,
        thing=("client_id",),
    )
    CONTACT_NOT_MAPPED = Help(
        "Client has no Xero contact",
        "{client} is not linked to a contact in Xero yet, so invoice {number} waits for it.",
        "admin",
        "Open the contact in Xero and copy the address of that page.\n"
        "Paste it as the client's Xero Client ID in CrewCard; what waits is then sent by itself.",
        by_itself=True,
        thing=("client_id",),
    )
    CREDIT_NOTES_OFF = Help(
        "Credit notes are off",
        "Invoice {number} is a credit note, and {why}.",
        "admin",
        "Turn on credit notes in the company's Xero settings.\nThen export it again.",
        opens="crewcard",
    )
    CURRENCY_NOT_ENABLED = Help(
        "Currency not set up in Xero",
        "Invoice {number} is in {currency}, which is not set up in your Xero organisation.",
        "bookkeeper",
        "Add {currency} to the currencies in Xero's settings (this needs a plan with several currencies), or invoice "
        f"in another currency.\n{_AGAIN}",
        thing=("currency",),
    )
    DISCOUNT_BELOW_ZERO = Help(
        "Discount below zero",
        "A line of invoice {number} has a discount of {discount}; a discount below zero would make the line dearer.",
        "clerk",
        "Correct the discount of that line in CrewCard, or raise the line's unit amount instead.\n"
        "Export the invoice again.",
        opens="crewcard",
    )
    DISCOUNT_TOO_LARGE = Help(
        "Discount above its line",
        "A line of invoice {number} has a discount ({discount}) of more than the line comes to, and Xero does not "
        "accept that.",
        "clerk",
        "Lower the discount of that line in CrewCard, or make it a line of its own with a negative amount.\n"
        "Export the invoice again.",
        opens="crewcard",
    )
    DISCOUNT_TWICE = Help(
        "Two discounts on a line",
        "A line of invoice {number} has a discount rate ({rate} %) and an amount off ({discount}); Xero takes one of "
        "the two.",
        "clerk",
        "Leave one of the two on that line in CrewCard.\nExport the invoice again.",
        opens="crewcard",
    )
    DOCUMENT_FIXED = Help(
        "Already another document in Xero",
        "Invoice {number} went to Xero as {document}, and Xero cannot make {wanted} of it.",
        "clerk",
        "Give what is to be {wanted} a number of its own in CrewCard and export that.\n"
        "Void what is in Xero there if it should not count.",
        opens="invoice",
    )
    DUE_DATE_MISSING = Help(
        "No due date",
        "Invoice {number} has no due date, and Xero needs one to approve it.",
        "clerk",
        "Give the invoice a due date and export it again; or an admin sets the days until due in the company's Xero "
        "settings, and what waits is sent by itself.",
        by_itself=True,
        opens="crewcard",
    )
    EDITED_IN_XERO = Help(
        "Edited in Xero since",
        "Invoice {number} has been edited in Xero since it was exported ({edits}). Nothing was overwritten.",
        "bookkeeper",
        "Make the change on the invoice in Xero; or undo the edit there and export it again.",
        opens="invoice",
    )
    EXCLUDED = Help(
        "Marked never send",
        "Invoice {number} is marked “never send”.",
        "clerk",
        "If it should be in Xero, ask support to take the mark off.\nThen export it again.",
        opens="crewcard",
    )
    EXPIRED = Help(
        "Waited too long",
        "Invoice {number} waited longer than allowed for {waited_for} and was not sent.",
        "support",
        "Look at the connection to Xero; once it is renewed, what waited for it is sent by itself.\n"
        "For anything else press “send again”.",
        by_itself=True,
        thing=("waited_for",),
    )
    GONE_FROM_XERO = Help(
        "No longer in Xero",
        "Invoice {number} was exported before and is not in Xero any more. It was not sent a second time.",
        "bookkeeper",
        "Look in Xero's history for what became of it.\n"
        "If it should be in Xero again, press “raise anew”: it goes in as a new invoice.",
    )
    INVOICE_FINALISED = Help(
        "Already final in Xero",
        "Invoice {number} is {status} in Xero and cannot be changed from here.",
        "bookkeeper",
        "Voided or deleted, and it should be in Xero again? Press “raise anew”: it goes in as a new invoice.\n"
        "Paid? Open the invoice in Xero and make the change there, or raise a credit note.",
        opens="invoice",
    )
    INVOICE_UNREADABLE = Help(
        "Invoice not readable",
        "CrewCard sent invoice {number} in a form that cannot be read: {problem}.",
        "support",
        "Correct in CrewCard what the sentence above names.\nExport the invoice again.",
        opens="crewcard",
        thing=("field", "wrong"),
    )
    ITEM_UNKNOWN = Help(
        "Item not in Xero",
        "Item {item} on invoice {number} does not exist in Xero.",
        "bookkeeper",
        "Create item {item} in Xero under Products and services, or remove the item code from the line in "
        f"CrewCard.\n{_AGAIN}",
        thing=("item",),
    )
    LINE_TOO_LARGE = Help(
        "Line too large",
        "A line of invoice {number} comes to {amount}; Xero holds 9,999,999,999.99 a line at most.",
        "clerk",
        "Correct quantity or unit amount of that line in CrewCard, or make several lines of it.\nExport it again.",
        opens="crewcard",
    )
    LINES_MISSING = Help(
        "No lines",
        "Invoice {number} has no lines, and Xero needs at least one.",
        "clerk",
        "Add a line to the invoice in CrewCard.\nExport it again.",
        opens="crewcard",
    )
    LOCKED_IN_XERO = Help(
        "Locked in Xero",
        "The books in Xero are locked up to {lock_date}, and invoice {number} is dated in that time, in Xero or in "
        "CrewCard. "
        "Nothing on it can be changed.",
        "bookkeeper",
        "Move the lock date in Xero and export again, or raise a credit note dated after it.",
        opens="invoice",
    )
    NEGATIVE_TOTAL = Help(
        "Total below zero",
        "Invoice {number} comes to {total}, and Xero does not accept an invoice below zero.",
        "bookkeeper",
        "Turn on credit notes in the company's Xero settings and export it again: it becomes one.\n"
        "Or raise a credit note in Xero instead.",
        opens="crewcard",
    )
    NUMBER_TAKEN = Help(
        "Number already used in Xero",
        "Invoice number {number} is already used in Xero by another invoice ({other}).",
        "clerk",
        "Look at the other invoice in Xero.\nGive yours another number in CrewCard and export it again.",
        opens="other_invoice",
    )
    NUMBER_USED_TWICE = Help(
        "Number used twice in CrewCard",
        "Invoice number {number} already belongs to another CrewCard invoice ({other}).",
        "clerk",
        "Give one of the two another number.\nExport it again.",
        opens="crewcard",
    )
    OUTCOME_UNKNOWN = Help(
        "Outcome not known",
        "Xero did not say what became of invoice {number}, and could not be asked since.",
        "support",
        "Look for the number in Xero.\nIf it is not there, press “send again”; under this number it can only be "
        "there once.",
    )
    PAID_IN_XERO = Help(
        "Payment recorded in Xero",
        "Invoice {number} has a payment or credit note in Xero ({payment}), so its amounts can no longer be changed.",
        "bookkeeper",
        "Reference, due date, contact and the lines' text, account and tracking can still be changed in Xero.\n"
        "For other amounts remove the payment there and export again, or raise a credit note.",
        opens="invoice",
    )
    PERHAPS_IN_XERO = Help(
        "Perhaps in Xero already",
        "Number {number} is in use in Xero, perhaps by an earlier try of this invoice whose answer was lost.",
        "bookkeeper",
        "Look for {number} in Xero. If it is this invoice, ask support to take it over.\n"
        "If it is another one, press “raise anew” and give this one another number.",
    )
    PERIOD_LOCKED = Help(
        "Books locked",
        "Invoice {number} is dated {date}, and the books in Xero are locked up to {lock_date}.",
        "bookkeeper",
        "Change the date of the invoice; or ask your adviser to move the lock date in Xero, under Accounting, "
        f"Advanced, Financial settings.\n{_AGAIN}",
        thing=("lock_date",),
    )
    PLAN_LIMIT = Help(
        "Xero plan limit reached",
        "Your Xero plan does not allow more approved invoices in {month}, so invoice {number} was not accepted.",
        "bookkeeper",
        "Upgrade the Xero plan; or let an admin choose drafts in the company's Xero settings, and what waits is sent "
        f"by itself.\n{_AGAIN}",
        by_itself=True,
        thing=("month",),
    )
    QUARANTINED = Help(
        "Set aside",
        "Invoice {number} stopped the exporter several times and was set aside so that others go on.",
        "support",
        "Report the invoice to CrewCard support.\nOnce it is fixed press “send again”.",
    )
    SENT_WRONGLY = Help(
        "Not taken by Xero as sent",
        "Xero did not take invoice {number} in the form in which it was sent. Nothing was changed in Xero.",
        "support",
        "Report the invoice to CrewCard support, with Xero's own words.\nOnce it is fixed press “send again”.",
    )
    STILL_IN_XERO = Help(
        "Still in Xero",
        "Invoice {number} is in Xero as it was ({stands}), so it was not raised a second time.",
        "bookkeeper",
        "To raise it anew, void or delete it in Xero first.\nElse change it there, or export it again.",
        opens="invoice",
    )
    TAX_NOT_FOR_ACCOUNT = Help(
        "Tax rate does not fit the account",
        "Tax rate {tax} cannot be used with account {account} on invoice {number}.",
        "bookkeeper",
        f"Choose another tax rate or another account for the line, or for the company.\n{_AGAIN}",
        thing=("tax", "account"),
    )
    TAX_TYPE_INVALID = Help(
        "Tax rate not usable",
        "Xero does not accept tax rate {tax} on invoice {number}: it is unknown there, archived, or not for sales.",
        "bookkeeper",
        f"Choose an active sales tax rate of your organisation for the line, or for the company.\n{_AGAIN}",
        thing=("tax",),
    )
    TOTALS_DO_NOT_ADD_UP = Help(
        "Totals do not add up",
        "The lines of invoice {number} come to {lines}, but the invoice says {stated}.",
        "clerk",
        "Open the invoice in CrewCard and save it again, so that its totals are worked out anew.\nExport it again.",
        opens="crewcard",
    )
    TRACKING_INVALID = Help(
        "Tracking not usable",
        "Xero does not accept {tracking} on invoice {number}: it is unknown or archived there, or is one too many.",
        "bookkeeper",
        "In Xero open Accounting, Advanced, Tracking categories and add or restore the option; or choose another for "
        f"the line. A line may have two at most.\n{_AGAIN}",
        thing=("tracking",),
    )
    ZERO_MARKED_PAID = Help(
        "Marked paid by Xero at 0.00",
        "Invoice {number} came to 0.00, so Xero marked it paid by itself, and cannot change it any more.",
        "bookkeeper",
        "Reference, due date, contact and the lines' text can be changed on the invoice in Xero.\n"
        "For other amounts press “raise anew”: it goes in once more, under a further number; that of 0.00 stays.",
        opens="invoice",
    )
    XERO_KEEPS_FAILING = Help(
        "Xero keeps failing on it",
        "Xero answered with an error of its own each time invoice {number} was sent. It is not in Xero.",
        "support",
        "Look at the invoice for something unusual.\nPress “send again”.",
    )
    XERO_REFUSED = Help(
        "Refused by Xero",
        "Xero did not accept invoice {number}. Xero said: {said}",
        "bookkeeper",
        f"Mend what Xero names.\n{_AGAIN}",
        thing=("said",),
    )

    @classmethod
    def of(cls, code: str) -> "Reason":
        """The reason with this code. Raises KeyError for a code that was never published."""
        return cls[code.upper()]
