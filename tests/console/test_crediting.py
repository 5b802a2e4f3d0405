"""The page that prepares a credit note: it shows what would be sent, and sends it once it is confirmed."""

from tests.builders import an_invoice
from tests.journeys.test_credit_notes import exported, notes


def test_the_page_shows_it_and_raises_it_once_it_is_confirmed(on_sqlite, person):
    on_sqlite.company(credit_notes=True)
    exported(on_sqlite, an_invoice("i"))
    helper = person("support", "olga@crewcard.example")
    assert 'href="/console/invoices/harbour/i/credit"' in helper.see("/invoices/harbour/i")
    page = helper.see("/invoices/harbour/i/credit")
    assert "All that Xero has of it: 100.00 USD before tax" in page
    assert notes(on_sqlite) == {}
    helper.do("/invoices/harbour/i/credit", why="never done", extent="whole")
    on_sqlite.run()
    assert list(notes(on_sqlite)) == ["N-i-CR"]
    assert "Raised already" in helper.see("/invoices/harbour/i/credit")
