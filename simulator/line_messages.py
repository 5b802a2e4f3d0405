"""Every message about a line of an invoice, one row each."""

from enum import Enum
from typing import Any

from simulator.rows import Row


class SayOfLine(Enum):
    """What Xero says about one line."""

    ACCOUNT_ARCHIVED = Row(
        "facts §6.2 #3, §11.8",
        "a line's account is archived",
        "Account code '{code}' has been archived, or has been deleted. Each line item must reference a valid account",
    )
    ACCOUNT_INVALID = Row(
        "facts §6.2 #4",
        "a line's account is of the wrong kind (bank, system), or unknown on an invoice that is not a draft",
        "Account code '{code}' is not a valid code for this document.",
    )
    ACCOUNT_REMOVED = Row(
        "facts §6.2 #5, §11.9",
        "a draft's line has an unknown account: a warning, the line is saved without it",
        "Account code '{code}' has been removed as it does not match a recognised account.",
    )
    ACCOUNT_MISSING = Row(
        "facts §6.2 #6",
        "a line of a submitted or authorised invoice names no account, and its item brings none",
        "Account code or ID must be specified",
    )
    ACCOUNT_EMPTY = Row(
        "facts §6.2 #6",
        "the same, with an empty AccountCode sent",
        "Account code must be specified",
    )
    ACCOUNT_MUST_BE_VALID = Row(
        "facts §6.2 #7",
        "a UnitAmount has nine decimals or more (misleading, and Xero's own)",
        "Account must be valid.",
    )
    TAX_MUST_BE_VALID = Row("facts §6.2 #7", "the same", "Tax rate must be valid.")
    TAX_UNKNOWN = Row(
        "facts §6.2 #8",
        "a TaxType is no code of this organisation, or only for the other kind of invoice",
        "The TaxType code {code} does not exist or cannot be used for this type of transaction.",
    )
    TAX_NOT_FOR_ACCOUNT = Row(
        "facts §6.2 #9, §11.8",
        "the account does not go with the tax rate",
        "The TaxType code '{code}' cannot be used with account code '{account}'.",
    )
    TAX_NOT_ACTIVE = Row("facts §6.2 #10", "the tax rate is archived", "Tax rate must be Active")
    LINE_TOTAL = Row(
        "facts §6.2 #22",
        "a LineAmount that is not quantity x unit - discount, or a discount sent as 0",
        "The line total {sent} does not match the expected line total {expected}",
    )
    DISCOUNT_TOO_LARGE = Row(
        "facts §6.2 #51",
        "a DiscountAmount, rounded to cents, is above its line before the discount (of a line below zero any is), "
        "or a DiscountRate above 100",
        "The discount rate '{discount}' is invalid. Discount must not be greater than the line total.",
    )
    DISCOUNT_BELOW_ZERO = Row(
        "facts §8",
        "a DiscountAmount or DiscountRate is below zero; what Xero makes of one is not known",
        "A discount must not be below zero: {discount}.",
        verbatim=False,
    )
    ITEM_UNKNOWN = Row("facts §6.2 #25", "a line's item does not exist", "Item code '{code}' is not valid")
    TRACKING_UNKNOWN = Row(
        "facts §6.2 #30",
        "a tracking category or option is unknown or archived",
        "The tracking option '{option}' of the tracking category '{category}' is not valid.",
        verbatim=False,
    )
    TRACKING_TOO_MANY = Row(
        "facts §6.2 #30",
        "a line has more than two tracking categories",
        "A maximum of 2 tracking categories can be specified for a line item.",
        verbatim=False,
    )
    LINE_EMPTY = Row(
        "facts §8",
        "a line of a submitted or authorised invoice says nothing at all",
        "Description must be specified.",
        verbatim=False,
    )
    LINE_TOO_LARGE = Row(
        "facts §8",
        "a line comes to more than 9,999,999,999.99, or its quantity has more than 13 characters",
        "The line amount is too large.",
        verbatim=False,
    )

    def __call__(self, **facts: Any) -> str:
        """The text with its places filled."""
        return self.value.text.format(**facts)
