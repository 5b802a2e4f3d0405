"""Defaults fill what an invoice leaves open, and touch nothing else: whatever the settings, nothing is invented."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from events.accounting_target import Lane, Posting, Unmappable
from events.invoice import Invoice
from events.money import UNIT, rounded
from events.settings import CompanySettings
from tests.builders import an_invoice, contact_id
from xero_adapter import mapping

codes = st.sampled_from(["200", "210", "260"])
taxes = st.sampled_from(["OUTPUT", "ZERO", "NONE"])
kinds = st.sampled_from(["labour", "Hire", "HIRE", "extra"])
amounts = st.decimals(-100, 100_000, places=4)
tracked = st.lists(st.builds(dict, category=st.just("Region"), option=st.just("North")), max_size=1)


def maybe(**some):
    """Each of these, or not."""
    return st.fixed_dictionaries({}, optional=some)


lines = st.builds(
    lambda more, quantity, amount: {
        "description": "Crew",
        "quantity": str(quantity),
        "unit_amount": str(rounded(amount)),
        **more,
    },
    maybe(account_code=codes, tax_type=taxes, kind=kinds, tracking=tracked, item_code=st.just("I1")),
    st.integers(1, 99),
    amounts,
)
settings_ = maybe(
    default_account_code=codes,
    default_tax_type=taxes,
    kinds=st.dictionaries(kinds.map(str.upper), maybe(account_code=codes, tax_type=taxes), max_size=2),
    invoice_status=st.sampled_from(["DRAFT", "SUBMITTED", "AUTHORISED"]),
    due=st.builds(
        lambda kind, days: {"kind": kind, "days": days},
        st.sampled_from(["days_after_invoice", "days_after_month_end", "day_of_this_month", "day_of_next_month"]),
        st.integers(0, 365),
    ),
    tracking=tracked,
)


@given(
    st.lists(lines, min_size=1, max_size=5), settings_, st.booleans(), st.dates(date(2020, 1, 1), date(2030, 1, 1))
)
def test_defaults_fill_gaps_and_change_nothing_that_was_said(said, chosen, dated, day):
    settings = CompanySettings.model_validate(chosen)
    due = {"due_date": "2031-01-01"} if dated else {"due_date": None}
    invoice = Invoice.model_validate({**an_invoice(date=day.isoformat(), **due), "lines": said})
    posting = Posting(Lane("c", "t"), invoice, contact_id("acme"), settings)
    try:
        element = mapping.element(posting, "https://a.example/i")
    except Unmappable as unfit:
        assert unfit.failure.reason.code in ("account_missing", "due_date_missing", "negative_total")
        return
    assert len(element["LineItems"]) == len(invoice.lines)
    for line, mapped in zip(invoice.lines, element["LineItems"], strict=True):
        own = next(
            (d for k, d in (settings.kinds or {}).items() if k.casefold() == (line.kind or "").casefold()), None
        )
        account = line.account_code or (own and own.account_code) or settings.default_account_code
        tax = line.tax_type or (own and own.tax_type) or settings.default_tax_type
        assert (mapped.get("AccountCode"), mapped.get("TaxType")) == (account, tax)
        assert Decimal(str(mapped["UnitAmount"])) == line.unit_amount
        assert Decimal(str(mapped["Quantity"])) == rounded(line.quantity, UNIT)
        wanted = line.tracking or settings.tracking or ()
        told = [(one["Name"], one["Option"]) for one in mapped.get("Tracking", [])]
        assert told == [(one.category, one.option) for one in wanted]
    assert element["DueDate"] >= element["Date"]
    assert element["DueDate"] == "2031-01-01" or not dated
    assert element["Status"] == settings.invoice_status
    assert element["Date"] == day.isoformat()
