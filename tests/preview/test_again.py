"""A second export is foretold as it goes: what is sent anew, what is raised anew, under which number."""

import pytest

from tests.builders import an_invoice
from tests.journeys.test_raising_anew import exported, hide, raise_anew
from tests.preview.foresight import of, reasons, row_of

ITEM = {"item_code": "CREW"}
OUTCOMES = {"created": "create", "updated": "update", "unchanged": "unchanged"}


def with_items(make_installation, database):
    installation = make_installation(database)
    items = [{"code": "CREW", "name": "Crew", "account": "200", "price": "75"}]
    installation.company(organisation={"items": items})
    return installation


@pytest.mark.parametrize("lines", [[ITEM], [ITEM, {"description": "Van", "quantity": "1", "unit_amount": "5"}]])
def test_lines_that_an_item_prices_are_put_anew_and_foretold_so(make_installation, sqlite_url, lines):
    """The item's price may be another since: the export sends them again, though Xero has all that is said."""
    installation = with_items(make_installation, sqlite_url)
    installation.ask(an_invoice(revision=1, lines=lines))
    installation.run()
    later = an_invoice(revision=2, lines=lines, job="another")
    foretold = row_of(installation, later)
    installation.ask(later, request="second")
    installation.settle_down(2)
    assert OUTCOMES[installation.answers("second")["i1"]["outcome"]] == foretold.verdict == "update"


def foretold_and_done(installation, wanted, status):
    """What a preview says of an invoice that waits to be raised anew, and the export's answer."""
    for book in exported(installation, wanted):
        book["Status"] = status
    raise_anew(installation, run=False)
    before = installation.calls()
    foretold = row_of(installation, wanted)
    assert {call["method"] for call in installation.calls()[len(before) :]} <= {"GET"}
    installation.run()
    return foretold, installation.answers("again")["i1"]


@pytest.mark.parametrize(("status", "number"), [("VOIDED", "N-i1-2"), ("DELETED", "N-i1")])
def test_what_waits_to_be_raised_anew_is_foretold_under_its_number(installation, status, number):
    foretold, answer = foretold_and_done(installation, an_invoice(revision=1), status)
    assert (foretold.verdict, foretold.number, foretold.problems) == ("create", number, ())
    assert f"Its invoice in Xero is {status.lower()}; it is raised anew, as {number}." in foretold.warnings
    assert (answer["outcome"], answer["number"]) == ("created", number)
    assert str(foretold.totals.total) == answer["totals"]["total"]


def test_what_lives_in_xero_is_foretold_to_stay_the_only_one(on_sqlite):
    foretold, answer = foretold_and_done(on_sqlite, an_invoice(revision=1), "AUTHORISED")
    assert (foretold.verdict, reasons(foretold)) == ("fail", [answer["reason"]])
    assert answer["reason"] == "still_in_xero"


def test_a_number_that_a_person_chose_is_foretold_and_where_it_is_taken_the_failure(on_sqlite):
    on_sqlite.ask(an_invoice("other", number="N-7"), request="r0")
    next(book for book in exported(on_sqlite) if book["InvoiceNumber"] == "N-i1")["Status"] = "VOIDED"
    raise_anew(on_sqlite, number="N-7", run=False)
    foretold = row_of(on_sqlite, an_invoice(revision=1))
    assert (foretold.number, reasons(foretold)) == ("N-7", ["number_used_twice"])
    on_sqlite.run()
    assert on_sqlite.answers("again")["i1"]["reason"] == "number_used_twice"


def test_what_xero_does_not_show_yet_is_under_way(on_sqlite):
    on_sqlite.ask(an_invoice(revision=1), request="first")
    on_sqlite.run()
    hide(on_sqlite)
    raise_anew(on_sqlite, run=False)
    assert row_of(on_sqlite, an_invoice(revision=1)).verdict == "under_way"


def test_a_raised_number_that_somebody_took_in_xero_is_foretold(on_sqlite):
    (old,) = exported(on_sqlite)
    old["Status"] = "VOIDED"
    on_sqlite.ask(an_invoice("thief", number="N-i1-2"), request="r0")
    on_sqlite.run()
    raise_anew(on_sqlite, run=False)
    made = of(on_sqlite, an_invoice(revision=1), an_invoice("plain"))
    assert [(row.verdict, reasons(row)) for row in made.invoices] == [
        ("fail", ["number_used_twice"]),
        ("create", []),
    ]
    on_sqlite.run()
    assert on_sqlite.answers("again")["i1"]["reason"] == "number_used_twice"


@pytest.mark.parametrize("how", ["as sent", "newer"])
def test_an_edit_in_xero_is_foretold_as_the_export_sees_it(on_sqlite, how):
    """What Xero was sent already is not sent again, whatever was edited there since."""
    exported(on_sqlite)
    (book,) = on_sqlite.books()
    book["Reference"] = "by hand"
    on_sqlite.ask(an_invoice(revision=2, reference="newer"), request="second")
    on_sqlite.run()
    assert on_sqlite.answers("second")["i1"]["reason"] == "edited_in_xero"
    wanted = an_invoice(revision=3, **({} if how == "as sent" else {"reference": "newest"}))
    foretold = row_of(on_sqlite, wanted)
    on_sqlite.ask(wanted, request="third")
    on_sqlite.settle_down(2)
    answer = on_sqlite.answers("third")["i1"]
    assert (foretold.verdict, reasons(foretold)) == (
        ("unchanged", []) if answer["type"] == "succeeded" else ("fail", [answer["reason"]])
    )
