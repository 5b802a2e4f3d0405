"""The mapping into Xero's words: totals survive to the cent, nothing is invented, nothing is lost."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.accounting_target import Lane, Posting, Unmappable
from events.invoice import Invoice
from events.settings import Books, CompanySettings, LedgerAccount, TaxRate
from tests.builders import an_invoice, contact_id
from worker.decisions import merge_rules
from xero_adapter import mapping

LANE = Lane("harbour", "11111111-2222-4333-8444-555555555555")
BASE = "https://app.crewcard.example/invoices"
SETTINGS = CompanySettings(default_account_code="200", days_until_due=30)
OF_INVOICE = {
    "Type", "InvoiceNumber", "Contact", "Date", "DueDate", "CurrencyCode", "LineAmountTypes", "Status", "Url",
    "LineItems", "Reference", "BrandingThemeID",
}  # fmt: skip
OF_LINE = {
    "Description", "Quantity", "UnitAmount", "AccountCode", "TaxType", "DiscountRate", "DiscountAmount", "ItemCode",
    "Tracking",
}  # fmt: skip
RATES = {"OUTPUT": Fraction(15), "LOW": Fraction(825, 100), "NONE": Fraction(0)}
BOOKS = Books(
    accounts={"200": LedgerAccount(code="200", tax_type="OUTPUT")},
    tax_rates={code: TaxRate(code=code, percent=Decimal(float(rate))) for code, rate in RATES.items()},
)


def optional(values):
    return st.none() | values


@st.composite
def lines(draw):
    discount = draw(st.sampled_from(["discount_rate", "discount_amount", None]))
    line = {
        "description": draw(st.sampled_from(["Crew", "Überstunden, Nacht", "a\nb", "x" * 4000])),
        "quantity": "{:f}".format(draw(st.decimals("-50", "900", places=draw(st.integers(0, 6))))),
        "unit_amount": "{:f}".format(draw(st.decimals("-20", "90000", places=draw(st.integers(0, 6))))),
        "tax_type": draw(optional(st.sampled_from(sorted(RATES)))),
        "item_code": draw(optional(st.just("CREW"))),
    }
    if discount:
        line[discount] = "{:f}".format(draw(st.decimals("0", "100", places=draw(st.integers(0, 6)))))
    return {name: value for name, value in line.items() if value is not None}


@st.composite
def invoices(draw):
    made = an_invoice(
        lines=draw(st.lists(lines(), min_size=1, max_size=5)),
        amounts_are=draw(st.sampled_from(["exclusive", "inclusive", "no_tax"])),
        reference=draw(optional(st.sampled_from(["PO 7", "Größe"]))),
        date=draw(st.dates(date(1996, 1, 1), date(2040, 1, 1))).isoformat(),
        due_date=None,
        currency=draw(st.sampled_from(["USD", "JPY", "EUR"])),
    )
    invoice = Invoice.model_validate(made)
    hypothesis.assume(merge_rules.problem_with(invoice) is None)
    return invoice


def element_of(invoice, chosen=SETTINGS):
    try:
        return mapping.element(Posting(LANE, invoice, contact_id("acme"), chosen), BASE)
    except Unmappable as refused:
        assert refused.failure.reason.code == "negative_total"
        return None


def half_up(amount, decimals=2):
    sign = -1 if amount < 0 else 1
    return sign * Fraction(int(abs(amount) * 10**decimals + Fraction(1, 2)), 10**decimals)


def as_xero_works_it_out(quantity, unit, rate, off):
    """The line's amount by fractions, from numbers as they stand."""
    gross = Fraction(quantity) * Fraction(unit)
    return half_up(gross - gross * Fraction(rate) / 100 if rate else gross - Fraction(off or 0))


def meant(line):
    """The line's amount from what the host said, rounded once."""
    rate, off = line.discount_rate or 0, line.discount_amount or 0
    return as_xero_works_it_out(line.quantity, line.unit_amount, rate, off)


@settings(deadline=None)
@given(invoices())
def test_totals_survive_the_mapping_and_the_wire_to_the_cent(invoice):
    element = element_of(invoice)
    if element is None:
        assert sum(meant(line) for line in invoice.lines) < 0
        return
    sent = json.loads(mapping.freeze([element]), parse_float=str, parse_int=str)["Invoices"][0]["LineItems"]
    on_the_wire = [
        as_xero_works_it_out(
            *(line.get(name, 0) for name in ("Quantity", "UnitAmount", "DiscountRate", "DiscountAmount"))
        )
        for line in sent
    ]
    assert on_the_wire == [meant(line) for line in invoice.lines]


@settings(deadline=None)
@given(invoices())
def test_the_preview_works_totals_out_as_fractions_do(invoice):
    element = element_of(invoice)
    if element is None:
        return
    net, tax = Fraction(0), Fraction(0)
    for line in invoice.lines:
        rate, amount = RATES[line.tax_type or "OUTPUT"], meant(line)
        net += amount
        if invoice.amounts_are == "exclusive":
            tax += half_up(amount * rate / 100)
        elif invoice.amounts_are == "inclusive":
            tax += half_up(amount * rate / (100 + rate))
    sums = mapping.sums(element, BOOKS)
    subtotal = net - tax if invoice.amounts_are == "inclusive" else net
    assert (Fraction(sums.subtotal), Fraction(sums.tax), Fraction(sums.total)) == (subtotal, tax, subtotal + tax)


@settings(deadline=None)
@given(invoices())
def test_nothing_is_invented_and_nothing_is_lost(invoice):
    element = element_of(invoice)
    if element is None:
        return
    assert set(element) <= OF_INVOICE
    assert element["Contact"] == {"ContactID": contact_id("acme")}  # anything more would change the contact
    assert (element["InvoiceNumber"], element["CurrencyCode"]) == (invoice.number, invoice.currency)
    assert element["Date"] == invoice.date.isoformat()
    assert element.get("Reference") == invoice.reference
    assert len(element["LineItems"]) == len(invoice.lines)
    for line, said in zip(element["LineItems"], invoice.lines, strict=True):
        assert set(line) <= OF_LINE
        assert line["Description"].startswith(said.description)
        assert line["AccountCode"] == "200"
        taxed = said.tax_type if invoice.amounts_are != "no_tax" else None
        assert (line.get("TaxType"), line.get("ItemCode")) == (taxed, said.item_code)
        assert not {"DiscountRate", "DiscountAmount"} <= set(line)
        assert 0 not in (line.get("DiscountRate"), line.get("DiscountAmount"))
        assert None not in line.values()


@pytest.mark.parametrize("rate", ["0.00004", "0"])
def test_a_discount_that_rounds_to_nothing_is_not_sent_because_xero_refuses_0(rate):
    line = {"description": "Crew", "quantity": "1", "unit_amount": "100", "discount_rate": rate}
    element = element_of(Invoice.model_validate(an_invoice(lines=[line])))
    assert "DiscountRate" not in element["LineItems"][0]


def test_a_line_of_a_billion_with_a_discount_keeps_its_cents():
    line = {"description": "Ship", "quantity": "3", "unit_amount": "3333333333.3333", "discount_rate": "0.0001"}
    invoice = Invoice.model_validate(an_invoice(lines=[line]))
    sums = mapping.sums(element_of(invoice), BOOKS)
    assert Fraction(sums.subtotal) == meant(invoice.lines[0])
