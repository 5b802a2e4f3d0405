"""What Xero refuses about a line; pure."""

from collections.abc import Iterator
from decimal import Decimal

from simulator.arithmetic import CENT, line_amount, quantity, to_step, unit_amount
from simulator.context import Context
from simulator.line_messages import SayOfLine
from simulator.messages import Say
from simulator.rules import APPROVED
from simulator.wire import Json
from simulator.world import Account

_NOT_FOR_LINES = ("BANK", "SYSTEM")
_LARGEST = Decimal("9999999999.99")
_LONGEST_DESCRIPTION = 4000
_LONGEST_QUANTITY = 13
_SHORT = 3  # characters: the shortest number with nine decimals is 1E-9


def of_line(context: Context, sent: Json, line: Json) -> Iterator[str]:
    """Messages about one line of an invoice."""
    description = line.get("Description")
    if description is not None and not 1 <= len(description) <= _LONGEST_DESCRIPTION:
        yield Say.TOO_LONG(field="Description", least=1, most=_LONGEST_DESCRIPTION)
    if _has_nine_decimals(line.get("UnitAmount")):
        yield SayOfLine.ACCOUNT_MUST_BE_VALID()
        yield SayOfLine.TAX_MUST_BE_VALID()
        return
    if line.get("ItemCode") and line["ItemCode"] not in context.organisation.items:
        yield SayOfLine.ITEM_UNKNOWN(code=line["ItemCode"])
        return
    if not description and not _has_amount(line) and sent.get("Status") in APPROVED:
        if context.switches.empty_line_refused:
            yield SayOfLine.LINE_EMPTY()
        return
    yield from _amounts(context, line)
    yield from _account(context, sent, line)
    yield from _tracking(context, line)


def warnings(context: Context, sent: Json, line: Json) -> Iterator[str]:
    """The account that a draft loses because it is unknown (facts §6.2 #5)."""
    if sent.get("Status", "DRAFT") == "DRAFT" and "AccountCode" in line and _unknown(context, line["AccountCode"]):
        yield SayOfLine.ACCOUNT_REMOVED(code=line["AccountCode"])


def account_of(context: Context, line: Json) -> Account | None:
    """The account a line names, by code or id, or that its item brings."""
    accounts = context.organisation.accounts
    if line.get("AccountCode"):
        return accounts.get(line["AccountCode"])
    if line.get("AccountID"):
        return next((one for one in accounts.values() if one.id == line["AccountID"]), None)
    item = context.organisation.items.get(line.get("ItemCode", ""))
    return accounts.get(item.account) if item else None


def _has_nine_decimals(amount: Decimal | None) -> bool:
    return amount is not None and len(str(amount)) > _SHORT and -int(amount.as_tuple().exponent) >= 9


def _is_long(quantity: Decimal | None) -> bool:
    return quantity is not None and len(str(quantity)) > _LONGEST_QUANTITY < len(f"{quantity.normalize():f}")


def _unknown(context: Context, code: str) -> bool:
    return bool(code) and code not in context.organisation.accounts


def _amounts(context: Context, line: Json) -> Iterator[str]:
    amount = line_amount(line, context.unitdp, context.switches.rounding)
    if abs(amount) > _LARGEST or _is_long(line.get("Quantity")):
        yield SayOfLine.LINE_TOO_LARGE()
    elif context.switches.negative_discount_refused and (below := _below_zero(line)) is not None:
        yield SayOfLine.DISCOUNT_BELOW_ZERO(discount=_plain(below))
    elif (discount := _beyond_its_line(context, line)) is not None:
        yield SayOfLine.DISCOUNT_TOO_LARGE(discount=f"{discount:.2f}")
    elif context.switches.zero_discount_refused and _discounts_zero(line):
        yield SayOfLine.LINE_TOTAL(sent=0, expected=_plain(amount))
    elif "LineAmount" in line and to_step(line["LineAmount"], CENT, context.switches.rounding) != amount:
        yield SayOfLine.LINE_TOTAL(sent=_plain(line["LineAmount"]), expected=_plain(amount))


def _beyond_its_line(context: Context, line: Json) -> Decimal | None:
    """A discount above its line, as Xero names it; None for one that fits.

    The amount is rounded to cents and the line is not: 27.826 off 27.826 is refused as 27.83, and of a line below
    zero any amount is, even 0 (facts §6.2 #51).
    """
    switches = context.switches
    if not switches.discount_above_its_line_refused:
        return None
    if line.get("DiscountRate"):
        return line["DiscountRate"] if line["DiscountRate"] > 100 else None
    if "DiscountAmount" not in line:
        return None
    off = to_step(line["DiscountAmount"], CENT, switches.rounding)
    whole = quantity(line, switches.rounding) * unit_amount(line, context.unitdp, switches.rounding)
    return off if off > whole else None


def _below_zero(line: Json) -> Decimal | None:
    """The discount that would raise its line's price."""
    return next(
        (line[name] for name in ("DiscountRate", "DiscountAmount") if line.get(name) and line[name] < 0), None
    )


def _discounts_zero(line: Json) -> bool:
    return any(name in line and line[name] == 0 for name in ("DiscountRate", "DiscountAmount"))


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _account(context: Context, sent: Json, line: Json) -> Iterator[str]:
    draft = sent.get("Status", "DRAFT") not in APPROVED
    account, code = account_of(context, line), line.get("AccountCode")
    if account is None and not (code or line.get("AccountID")):
        if not draft and _has_amount(line):
            yield SayOfLine.ACCOUNT_EMPTY() if code == "" else SayOfLine.ACCOUNT_MISSING()
        return
    if account is None:
        if not (draft and code):
            yield SayOfLine.ACCOUNT_INVALID(code=code or line.get("AccountID"))
    elif account.kind in _NOT_FOR_LINES:
        yield SayOfLine.ACCOUNT_INVALID(code=account.code)
    elif account.status != "ACTIVE":
        yield SayOfLine.ACCOUNT_ARCHIVED(code=account.code)
    yield from _tax(context, sent, line, account)


def _has_amount(line: Json) -> bool:
    """Whether the line is more than a description, which needs no account (facts §8)."""
    return any(name in line for name in ("UnitAmount", "LineAmount", "Quantity", "ItemCode"))


def _tax(context: Context, sent: Json, line: Json, account: Account | None) -> Iterator[str]:
    code = line.get("TaxType")
    if not code:
        return
    rate = context.organisation.tax_rates.get(code)
    fits = rate and (rate.for_expenses if sent.get("Type") == "ACCPAY" else rate.for_revenue)
    if rate is None or not fits:
        yield SayOfLine.TAX_UNKNOWN(code=code)
    elif rate.status != "ACTIVE":
        yield SayOfLine.TAX_NOT_ACTIVE()
    elif account and account.tax_types and code not in account.tax_types:
        yield SayOfLine.TAX_NOT_FOR_ACCOUNT(code=code, account=account.code)


def _tracking(context: Context, line: Json) -> Iterator[str]:
    chosen = line.get("Tracking", [])
    if len(chosen) > 2:
        yield SayOfLine.TRACKING_TOO_MANY()
    for one in chosen:  # what is unknown is gone already where it is left out
        if option_of(context, one) is None:
            yield SayOfLine.TRACKING_UNKNOWN(option=one.get("Option", ""), category=one.get("Name", ""))


def option_of(context: Context, said: Json) -> Json | None:
    """The tracking category and option meant, by names or by ids; None where either is not active."""
    for category in context.organisation.tracking.values():
        if category.status == "ACTIVE" and said.get("TrackingCategoryID", said.get("Name")) in (
            category.id,
            category.name,
        ):
            for option in category.options:
                wanted = said.get("TrackingOptionID", said.get("Option"))
                if option.status == "ACTIVE" and wanted in (option.id, option.name):
                    return {
                        "Name": category.name,
                        "Option": option.name,
                        "TrackingCategoryID": category.id,
                        "TrackingOptionID": option.id,
                    }
    return None
