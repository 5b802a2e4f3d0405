"""Invoices of every kind for a company whose books have a bit of everything wrong with them."""

import itertools
from datetime import date, timedelta

from hypothesis import strategies as st

from simulator import ledger
from tests.builders import TENANT, an_invoice, contact_id

SETTINGS = {
    "organisation": {
        "base_currency": "USD",
        "currencies": ["GBP"],
        "contacts": [
            {"id": contact_id("mail"), "name": "Mail", "email": "at home"},
            {"id": contact_id("loser"), "name": "Loser", "status": "ARCHIVED", "merged_to": contact_id("bolt")},
        ],
        "accounts": [
            {"code": "200", "tax_type": "OUTPUT"},
            {"code": "210", "tax_type": "LOW"},
            {"code": "299", "status": "ARCHIVED"},
            {"code": "260", "tax_type": "NONE", "tax_types": ["NONE"]},
            {"code": "090", "kind": "BANK"},
        ],
        "tax_rates": [
            {"code": "OUTPUT", "rate": "12.5"},
            {"code": "LOW", "rate": "8.25"},
            {"code": "NONE", "rate": "0"},
            {"code": "OLD", "rate": "3", "status": "ARCHIVED"},
            {"code": "INPUT", "rate": "10", "for_revenue": False},
        ],
        "items": [{"code": "CREW", "account": "210", "price": "75"}, {"code": "BARE"}],
        "tracking": [{"name": "Region", "options": [{"name": "North"}, {"name": "South", "status": "ARCHIVED"}]}],
        "year_lock": "2019-12-31",
    }
}
TAKEN = {"HC-1": "AUTHORISED", "HC-2": "VOIDED", "HC-3": "DELETED"}
_names = itertools.count(1)


def often(good, *bad):
    """Mostly the good one; each bad one now and then."""
    return st.integers(0, 39 * len(bad)).flatmap(lambda roll: bad[roll] if roll < len(bad) else good)


def one_of(*values):
    return [st.just(value) for value in values]


CLIENTS = often(st.sampled_from(["acme", "bolt"]), *one_of("old", "ghost", "mail", "loser", "nobody", "muddled"))
MONEY = often(
    st.decimals("0.01", "4000", places=4).map("{:f}".format),
    st.decimals("0", "900", places=9).map("{:f}".format),
    *one_of("-12.50", "-0.00"),
)
QUANTITIES = often(
    st.decimals("0.25", "40", places=3).map("{:f}".format),
    *one_of("0", "-2", "0.3333333333", "0.66666667", "8555", "-12345678.1234"),
)
DATES = often(
    st.dates(date(2026, 1, 1), date(2026, 12, 31)), *one_of(date(2020, 6, 30), date(2020, 7, 1), date(2019, 12, 31))
)
DISCOUNTS = often(
    st.just({}),
    st.just({"discount_amount": "0.05"}),
    *[st.just({"discount_rate": rate}) for rate in ("10", "33.3333", "0.00001", "100", "12.5", "33.3333333333")],
    *[st.just({"discount_amount": off}) for off in ("27.8260", "5000", "-5.00", "0.004", "13.333")],
    st.just({"discount_rate": "10", "discount_amount": "5.00"}),
)
ACCOUNTS = often(st.sampled_from([None, "200", "210"]), *one_of(*["299", "999", "090"] * 2, "260"))
TAXES = often(st.sampled_from([None, "OUTPUT", "LOW", "NONE"]), *one_of("OLD", "INPUT", "GST on Income"))
TRACKING = often(st.none(), *one_of(("Region", "North"), ("Region", "South"), ("Wind", "North")))
ITEMS = often(st.none(), *one_of("CREW", "BARE", "SHIP"))


def lines():
    """Mostly the usual ones; headings, and what an item completes, now and then."""
    return st.integers(0, 19).flatmap(lambda roll: {0: HEADINGS, 1: OF_ITEMS}.get(roll, usual_lines()))


HEADINGS = st.sampled_from([{"description": "Stage 2: as agreed"}, {"description": "Überstunden,\nsiehe Anlage"}])
OF_ITEMS = st.sampled_from(
    [
        {"item_code": "CREW"},
        {"item_code": "CREW", "quantity": "2.5"},
        {"item_code": "CREW", "quantity": "0.3333333333", "unit_amount": "1500"},
        {"item_code": "CREW", "description": "Crew, Monday", "discount_rate": "10"},
        {"item_code": "CREW", "discount_amount": "5.00"},
        {"item_code": "CREW", "quantity": "0.3333333333", "discount_amount": "25.01"},
        {"item_code": "CREW", "quantity": "2", "discount_amount": "5000"},
        {"item_code": "BARE", "account_code": "200"},
        {"item_code": "SHIP"},
    ]
)


@st.composite
def usual_lines(draw):
    tracking, discount, account = draw(TRACKING), draw(DISCOUNTS), draw(ACCOUNTS)
    line = {
        "description": draw(st.sampled_from(["Crew, one day", "Van", "Überstunden", "Ropes", "Crew \U0001f477"])),
        "quantity": draw(QUANTITIES),
        "unit_amount": draw(often(MONEY, st.just("0"))),
        "account_code": account,
        "tax_type": draw(often(st.just("NONE"), TAXES) if account == "260" else TAXES),  # people know their 260
        "item_code": draw(ITEMS),
        **discount,
    }
    if tracking:
        line["tracking"] = [{"category": tracking[0], "option": tracking[1]}]
    return {name: value for name, value in line.items() if value is not None}


@st.composite
def invoices(draw):
    name = f"g{next(_names)}"
    client, day = draw(CLIENTS), draw(DATES)
    number = draw(often(st.just(f"N-{name}"), st.sampled_from(sorted(TAKEN)), st.just("N-twice")))
    totals = draw(often(st.none(), st.just({"subtotal": "1.23"}), st.just({"tax": "1.00"})))
    due = draw(often(st.just(day + timedelta(days=30)), st.none()))
    wider = {
        "currency_rate": draw(often(st.none(), *one_of("0.873215", "1"))),
        "expected_payment_date": draw(often(st.none(), st.just((day + timedelta(days=45)).isoformat()))),
        "sent_to_contact": draw(often(st.none(), *one_of(True, False))),
    }
    return an_invoice(
        name,
        number=number,
        client={"id": client, "name": client.title()},
        date=day.isoformat(),
        due_date=due.isoformat() if due else None,
        currency=draw(often(st.sampled_from(["USD", "GBP"]), st.just("EUR"))),
        amounts_are=draw(st.sampled_from(["exclusive", "inclusive", "no_tax"])),
        reference=draw(st.sampled_from([None, "PO 7"])),
        lines=draw(st.lists(lines(), min_size=1, max_size=4)),
        **({"totals": totals} if totals else {}),
        **{name: value for name, value in wider.items() if value is not None},
    )


def occupy(installation):
    """Invoices that people wrote in Xero under numbers of their own."""
    state = installation.simulator.state
    books = state.world.organisations[TENANT]
    for number, status in TAKEN.items():
        ledger.write_by_hand(state.world, books, number, contact_id("bolt"), Status=status)


HAPPENINGS = often(
    st.none(),
    *one_of("paid", "part_paid", "credited", "VOIDED", "gone", "edited", "merged", "line edited", "drafted"),
)


@st.composite
def changed(draw):
    """An invoice, the same one later (or unchanged), and what happened to it in Xero meanwhile."""
    first = draw(invoices())
    fresh = draw(invoices())
    names = draw(
        st.sampled_from([(), ("lines",), ("reference",), ("lines", "amounts_are"), ("number",), ("client",)])
    )
    later = {**first, "revision": 1, **{name: fresh[name] for name in names}}
    if draw(st.booleans()) and len(first["lines"]) > 1:
        later["lines"] = draw(st.sampled_from([first["lines"][1:], first["lines"][::-1], first["lines"] * 2]))
    happening = draw(HAPPENINGS) if draw(st.integers(0, 4)) == 0 else None
    return first, later, happening


def happen(installation, invoice, happening):
    """What a person does to the invoice in Xero."""
    state = installation.simulator.state
    books = state.world.organisations[TENANT]
    id_ = installation.export(invoice).xero_invoice_id
    book = books.invoices.get(id_)
    if happening is None or book is None:
        return
    if happening in ("paid", "part_paid", "credited") and book["AmountDue"] > 1:
        amount = book["AmountDue"] if happening == "paid" else "0.50"
        ledger.pay(state.world, book, amount, credit=happening == "credited")
    elif happening == "VOIDED":
        ledger.mark(state.world, books, book, {"status": happening})
    elif happening == "drafted":
        ledger.mark(state.world, books, book, {"status": "DRAFT"})
    elif happening == "gone":
        del books.invoices[id_]
        books.by_number[book["InvoiceNumber"].casefold()].remove(id_)
    elif happening == "edited":
        ledger.mark(state.world, books, book, {"reference": "by hand"})
    elif happening == "line edited":
        book["LineItems"][0]["Description"] = "by hand"
