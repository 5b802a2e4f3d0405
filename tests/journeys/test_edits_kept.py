"""What somebody edited in Xero stays told until a look shows that it was taken back, whichever field it is."""

import pytest
from sqlmodel import select

from store.tables import InvoiceStatus
from tests.builders import an_invoice
from tests.journeys.test_reconciler import drifts, edit_a_line, exported, look

SENT = {"currency": "USD", "expected_payment_date": "2026-12-24"}
LATER = {"ExpectedPaymentDateString": "2027-01-31T00:00:00", "ExpectedPaymentDate": "/Date(1801353600000+0000)/"}


def touch(installation, book, changed):
    edit_a_line(installation, book)
    book.update(changed)


def known(installation):
    with installation.store.read() as work:
        (row,) = work.session.exec(select(InvoiceStatus)).all()
        return row.drift


def clicked(installation, request):
    installation.ask(an_invoice(**SENT), request=request, mode="single")
    installation.run()
    return installation.answers(request)["i1"]


def test_an_edit_of_a_field_that_was_sent_is_found_by_the_closer_look(installation):
    """Only what Xero never sets by itself was compared: an edited payment date stayed verified."""
    (book,) = exported(installation, an_invoice(**SENT))
    touch(installation, book, LATER)
    assert look(installation) == 1
    assert drifts(installation) == {"i1": ("edited", ["expected payment date: 2026-12-24 → 2027-01-31"])}
    assert known(installation) == "edited"


def test_an_edited_rate_is_found_where_one_was_sent(on_sqlite):
    on_sqlite.company(organisation={"currencies": ["USD", "EUR"]})
    (book,) = exported(on_sqlite, an_invoice(currency="EUR", currency_rate="0.9"))
    touch(on_sqlite, book, {"CurrencyRate": 1.5})
    assert look(on_sqlite) == 1
    assert drifts(on_sqlite) == {"i1": ("edited", ["currency rate: 0.9 → 1.5"])}


def test_what_xero_sets_where_nothing_was_sent_is_no_edit(on_sqlite):
    (book,) = exported(on_sqlite, an_invoice())
    touch(on_sqlite, book, {**LATER, "CurrencyRate": 1.5})
    assert look(on_sqlite) == 0


@pytest.mark.parametrize("paid", [0.0, 40.0])
def test_an_edit_that_a_click_found_is_not_forgotten_by_the_next_page(on_sqlite, paid):
    (book,) = exported(on_sqlite, an_invoice(**SENT))
    book.update(LATER)
    assert not clicked(on_sqlite, "click")["verified"]
    assert known(on_sqlite) == "edited"
    touch(on_sqlite, book, {"AmountPaid": paid})
    look(on_sqlite)
    assert known(on_sqlite) == "edited"


def test_an_edit_that_was_taken_back_is_seen_to_be(on_sqlite):
    (book,) = exported(on_sqlite, an_invoice(**SENT))
    before = dict(book)
    touch(on_sqlite, book, LATER)
    look(on_sqlite)
    assert known(on_sqlite) == "edited"
    on_sqlite.later(4000)
    for name in LATER:
        book.pop(name)
    touch(on_sqlite, book, {name: before[name] for name in LATER if name in before})
    look(on_sqlite)
    assert known(on_sqlite) is None
