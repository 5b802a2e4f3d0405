"""The reconciler: drift between what we believe and what Xero has is found, told once, at a small price."""

import json
from dataclasses import replace

import pytest

from store import connections, pauses, reconciliations
from tests.builders import COMPANY, TENANT, an_invoice, invoices
from worker.decisions.proof import Belief, findings
from worker.reconcile import reconciler


def exported(installation, *wanted):
    installation.ask(*(wanted or [an_invoice()]))
    installation.run()
    installation.later(600)
    return installation.books()


def look(installation):
    """A pass in the lane's next slot."""
    installation.later(reconciler.slot(installation.tools, installation.organisation()) + 1)
    return reconciler.reconcile(installation.tools, "test")


def drifts(installation):
    with installation.store.read() as work:
        return {one.invoice: (one.kind, json.loads(one.differences)) for one in reconciliations.drifts(work)}


def test_what_is_as_we_left_it_is_no_drift(installation):
    exported(installation, *invoices(3))
    assert look(installation) == 0
    assert installation.events("invoice.export.drift_found") == []


@pytest.mark.parametrize(
    ("done", "kind", "said"),
    [
        ({"Status": "VOIDED"}, "voided", ["voided in Xero"]),
        ({"Status": "DELETED"}, "deleted", ["deleted in Xero"]),
        ({"Status": "PAID", "AmountPaid": 100.0}, "paid", ["paid in Xero"]),
        ({"AmountPaid": 40.0}, "paid", ["40.00 of 110.00 paid in Xero"]),
        ({"Total": 120.0}, "edited", ["total 120.00 in Xero, 110.00 when exported"]),
        ({"InvoiceNumber": "X-1"}, "edited", ["number X-1 in Xero, N-i1 when exported"]),
        (
            {"DateString": "2026-12-01T00:00:00"},
            "edited",
            ["dated 2026-12-01 in Xero, 2026-11-20 when exported"],
        ),
    ],
)
def test_what_somebody_did_in_xero_is_found_and_told(on_sqlite, done, kind, said):
    (book,) = exported(on_sqlite)
    book.update(done)
    assert look(on_sqlite) == 1
    assert drifts(on_sqlite) == {"i1": (kind, said)}
    (told,) = on_sqlite.events("invoice.export.drift_found")
    assert (told["data"]["invoice"], told["data"]["kind"], told["data"]["differences"]) == ("i1", kind, said)


def test_the_same_drift_is_told_once_and_a_new_one_again(installation):
    (book,) = exported(installation)
    tomorrow = int(installation.now().timestamp() + 86_400) * 1000  # so that every look sees it
    book.update({"AmountPaid": 40.0, "UpdatedDateUTC": f"/Date({tomorrow}+0000)/"})
    assert (look(installation), look(installation)) == (1, 0)
    book.update({"AmountPaid": 110.0, "Status": "PAID"})
    assert look(installation) == 1
    assert len(installation.events("invoice.export.drift_found")) == 2


def edit_a_line(installation, book, **changed):
    installation.later(reconciler.slot(installation.tools, installation.organisation()))
    book["LineItems"][0].update(changed)
    book["UpdatedDateUTC"] = f"/Date({int(installation.now().timestamp()) * 1000}+0000)/"


def test_an_edit_that_leaves_the_sums_as_they_were_is_found_by_reading_it_whole(installation):
    (book, other) = exported(installation, *invoices(2))
    edit_a_line(installation, book, AccountCode="260")
    before = len(installation.calls("GET"))
    assert look(installation) == 1
    assert len(installation.calls("GET")) - before == 2
    ((kind, said),) = drifts(installation).values()
    assert (kind, said) == ("edited", ["lines, wording or accounts changed in Xero; the sums are as exported"])
    edit_a_line(installation, book, Description="another again")
    assert look(installation) == 1, "a second edit is another drift"
    edit_a_line(installation, other)
    assert look(installation) == 0, "touched, and yet all as it was"


def test_a_closer_look_takes_the_slots_of_the_calls_it_made(on_sqlite):
    (book,) = exported(on_sqlite)
    edit_a_line(on_sqlite, book, AccountCode="260")
    look(on_sqlite)
    calls = len(on_sqlite.calls())
    look(on_sqlite)
    assert len(on_sqlite.calls()) == calls, "the slot of the second call is still running"


def test_nothing_is_written_in_xero_and_the_export_stands(installation):
    (book,) = exported(installation)
    before = len(installation.calls("PUT"))
    book["Status"] = "VOIDED"
    look(installation)
    assert len(installation.calls("PUT")) == before
    assert installation.export("i1").state == "exported"


def test_only_what_our_app_made_is_asked_for_and_without_lines(installation):
    exported(installation)
    look(installation)
    (query,) = {call["query"] for call in installation.calls("GET")}
    assert "createdByMyApp=True" in query
    assert "summaryOnly=True" in query
    assert "order=UpdatedDateUTC" in query


def test_a_day_of_looking_costs_no_more_than_its_share_of_the_calls(make_installation, sqlite_url):
    """2 % of 5,000 calls: however often the clock comes by, at most 100 a day (no minute limit in the way)."""
    installation = make_installation(sqlite_url, calls_per_minute=1000)
    limits = installation.simulator.state.limits
    limits.rules = replace(limits.rules, per_minute=1000)
    installation.company()
    exported(installation)
    calls = len(installation.calls())
    for _ in range(24 * 12):
        reconciler.reconcile(installation.tools, "test")
        installation.later(300)
    spent = len(installation.calls()) - calls
    assert 80 <= spent <= 100


def test_without_a_share_no_call_is_spent(make_installation, sqlite_url):
    installation = make_installation(sqlite_url, reconcile_share=0)
    installation.company()
    exported(installation)
    calls = len(installation.calls())
    assert reconciler.reconcile(installation.tools, "test") == 0
    assert len(installation.calls()) == calls


def test_without_a_permit_no_call_is_made_and_the_slot_is_kept(on_sqlite):
    (book,) = exported(on_sqlite)
    book["Status"] = "VOIDED"
    with on_sqlite.store.read() as work:
        organisation = connections.organisation(work, reconciler.Lane(COMPANY, TENANT))
    on_sqlite.tools.targets["xero"].pace.pause(organisation, "day", 60)
    assert look(on_sqlite) == 0
    assert on_sqlite.calls("GET") == []
    on_sqlite.tools.redis.flushall()
    assert reconciler.reconcile(on_sqlite.tools, "test") == 1


def test_a_paused_company_is_not_looked_at(on_sqlite):
    exported(on_sqlite)
    with on_sqlite.store.write() as work:
        pauses.pause(work, COMPANY, "olga", "")
    look(on_sqlite)
    assert on_sqlite.calls("GET") == []


def test_trouble_costs_one_slot_and_nothing_is_passed_over(on_sqlite):
    (book,) = exported(on_sqlite)
    book["Status"] = "VOIDED"
    organisation = on_sqlite.simulator.state.world.organisations[TENANT]
    organisation.offline = True
    assert look(on_sqlite) == 0
    organisation.offline = False
    assert reconciler.reconcile(on_sqlite.tools, "test") == 0
    assert look(on_sqlite) == 1


def test_two_clocks_do_not_look_at_once(on_sqlite):
    exported(on_sqlite)
    reconciler.reconcile(on_sqlite.tools, "one")
    calls = len(on_sqlite.calls())
    reconciler.reconcile(on_sqlite.tools, "two")
    assert len(on_sqlite.calls()) == calls


def test_changes_of_a_full_page_are_followed_to_the_end(on_sqlite, monkeypatch):
    """Pages of two stand for pages of a thousand: the next one begins where the last one ended."""
    monkeypatch.setattr("xero_adapter.answers.PAGE", 2)
    monkeypatch.setattr("xero_adapter.client.PAGE", 2)
    books = exported(on_sqlite, *invoices(5))
    for book in books:
        book["Status"] = "VOIDED"
    assert sum(look(on_sqlite) for _ in range(8)) == 5


def test_a_payment_and_an_edit_are_two_findings(on_sqlite):
    (book,) = exported(on_sqlite)
    book.update({"AmountPaid": 10.0, "Total": 111.0})
    assert look(on_sqlite) == 2


def test_a_light_row_without_a_date_is_no_drift():
    from tests.rooms.test_orders import a_posted

    assert findings(Belief("N-1", {}, "2026-11-20"), a_posted(date="")) == []


def test_a_list_that_lags_behind_our_own_update_tells_of_no_edit(on_sqlite):
    exported(on_sqlite)
    organisation = on_sqlite.organisation()
    with on_sqlite.store.read() as work:
        since = work.after(-3600)
    before = on_sqlite.tools.target(organisation).changes(organisation, since, 1, ours_only=True)
    on_sqlite.ask(an_invoice(revision=2, line={"unit_amount": "70.00"}), request="r2")
    on_sqlite.run()
    on_sqlite.later(600)
    with on_sqlite.store.write() as work:
        reading = reconciler.CloseReading({}, 0, complete=True)
        told = reconciler.compare(work, on_sqlite.tools, organisation, before.invoices, work.now, reading)
    assert (len(before.invoices), told) == (1, 0)
    assert on_sqlite.events("invoice.export.drift_found") == on_sqlite.events("invoice.edited") == []
