"""A preview only reads, spends few calls, and says what it could not see."""

import pytest

from events.export import UnreadableInvoice
from events.settings import CompanySettings
from events.unreadable import FieldProblem
from simulator import control
from store import companies, connections
from tests.builders import COMPANY, TENANT, an_invoice, an_organisation, contact_id, invoices
from tests.preview.foresight import of, reasons, row_of
from worker.preview import preview
from worker.waiting import pausing

PARTS = ["Organisation", "Actions", "Accounts", "TaxRates", "Currencies"]


def asked(installation):
    """What was asked of Xero, by the last part of each path."""
    return [call["path"].rpartition("/")[2] for call in installation.calls()]


def test_a_preview_writes_nothing_in_xero_and_nothing_about_the_invoices_here(installation):
    wanted = invoices(60)
    of(installation, *wanted)
    assert {call["method"] for call in installation.calls()} == {"GET"}
    assert installation.books() == []
    assert {event["type"] for event in installation.events()} == {"xero.connection.connected"}
    assert installation.markers() == {}


def test_an_invoice_previewed_before_is_exported_as_if_it_never_had_been(installation):
    of(installation, an_invoice())
    installation.ask(an_invoice())
    installation.run()
    assert installation.answers()["i1"]["outcome"] == "created"


def test_a_thousand_invoices_of_89_clients_take_14_calls_and_9_while_the_settings_are_fresh(on_sqlite):
    contacts = [{"id": contact_id(f"c{n}"), "name": f"C {n}"} for n in range(89)]
    on_sqlite.simulator.state.world.organisations[TENANT] = control.organisation(an_organisation(contacts=contacts))
    wanted = [
        an_invoice(f"i{n:04d}", client={"id": f"c{n % 89}", "name": "C", "xero_contact_id": contact_id(f"c{n % 89}")})
        for n in range(1000)
    ]
    first = of(on_sqlite, *wanted)
    assert (first.fine, first.complete, first.counts) == (True, True, {"create": 1000})
    assert first.calls == len(on_sqlite.calls()) == 5 + 2 + 7
    assert first.forecast.calls == 20
    assert of(on_sqlite, *wanted).calls == 2 + 7


def test_settings_are_remembered_but_a_failure_is_never_told_from_memory(on_sqlite):
    books = on_sqlite.simulator.state.world.organisations[TENANT]
    archived = an_invoice(line={"account_code": "299"})
    assert reasons(row_of(on_sqlite, archived)) == ["account_archived"]
    books.accounts["299"].status = "ACTIVE"
    before = len(on_sqlite.calls())
    assert row_of(on_sqlite, archived).verdict == "create"
    assert asked(on_sqlite)[before:] == ["Contacts", "Invoices", *PARTS]


def test_settings_are_asked_again_once_they_are_old(on_sqlite):
    of(on_sqlite, an_invoice())
    on_sqlite.later(601)
    before = len(on_sqlite.calls())
    of(on_sqlite, an_invoice())
    assert asked(on_sqlite)[before:] == [*PARTS, "Contacts", "Invoices"]


def test_items_and_tracking_are_asked_for_only_when_an_invoice_has_some(on_sqlite):
    of(on_sqlite, an_invoice(line={"item_code": "CREW"}))
    assert "Items" in asked(on_sqlite)
    assert "TrackingCategories" not in asked(on_sqlite)


def test_what_needs_no_look_at_xero_takes_no_call(on_sqlite):
    problem = FieldProblem(field="date", said="is missing", wrong="missing")
    broken = UnreadableInvoice(id="i2", number="N-2", problems=(problem,))
    made = of(on_sqlite, an_invoice("i1", totals={"subtotal": "1.00"}), broken)
    assert [reasons(row) for row in made.invoices] == [["totals_do_not_add_up"], ["invoice_unreadable"]]
    assert made.calls == len(on_sqlite.calls()) == 0


def test_a_limit_that_nobody_sits_out_leaves_the_rest_unseen_and_says_so(on_sqlite):
    on_sqlite.simulator.state.faults.set({"limit_minute": [4], "reads": True})
    made = of(on_sqlite, an_invoice())
    assert (made.complete, len(on_sqlite.calls())) == (False, 4)
    assert any("tax rates" in warning for warning in made.warnings)
    assert made.invoices[0].totals is None
    assert made.invoices[0].verdict == "create"


def test_a_limit_that_is_sat_out_costs_one_more_call(on_sqlite):
    on_sqlite.simulator.state.faults.set({"limit_minute": [4], "reads": True})
    waits = []

    def sit_out(seconds):
        waits.append(seconds)
        on_sqlite.tools.redis.flushall()
        return True

    made = of(on_sqlite, an_invoice(), wait=sit_out)
    assert (made.complete, len(waits), len(on_sqlite.calls())) == (True, 1, 8)


@pytest.mark.parametrize("fault", ["offline", "http_500", "drop", "malformed_json"])
def test_whatever_xero_does_there_is_a_preview_that_says_what_it_could_not_see(on_sqlite, fault):
    on_sqlite.simulator.state.faults.set({fault: 1.0, "reads": True})
    made = of(on_sqlite, an_invoice())
    assert (made.complete, made.invoices[0].verdict) == (False, "create")
    assert any("contacts" in warning for warning in made.warnings)


def test_every_call_has_a_permit_and_one_who_asks_for_previews_has_a_tenth_of_the_day_at_most(
    make_installation, sqlite_url
):
    installation = make_installation(sqlite_url, calls_per_day=50, day_reserve=0.5)
    installation.company()
    for number in range(4):
        made = of(installation, an_invoice(f"i{number}", line={"account_code": "299"}))
        installation.later(901)  # what was read of the settings is not believed for ever
    assert not made.complete
    assert len(installation.calls()) == 5
    assert installation.tools.redis.zcard(f"xp:pace:{TENANT}:flight") == 0


def test_a_company_that_is_not_connected_is_told_so_without_a_call(make_installation, sqlite_url):
    installation = make_installation(sqlite_url)
    with installation.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", CompanySettings())
    made = of(installation, an_invoice())
    assert made.forecast.waits_for == "Harbour is not connected to a Xero organisation yet."
    assert (made.fine, made.complete, installation.calls()) == (False, False, [])


def test_a_company_whose_login_ended_is_told_so_without_a_call(on_sqlite):
    with on_sqlite.store.write() as work:
        connections.set_state(work, connections.locked(work, COMPANY), "needs_login", "login_ended")
    made = of(on_sqlite, an_invoice())
    assert "no longer accepts the login" in made.forecast.waits_for
    assert on_sqlite.calls() == []


def test_a_user_who_may_not_approve_invoices_is_told_before_anything_is_sent(make_installation, sqlite_url):
    installation = make_installation(sqlite_url)
    installation.company(organisation={"users": {f"user-{COMPANY}": "INVOICEONLY"}})
    assert "may not raise sales invoices" in of(installation, an_invoice()).forecast.waits_for


def test_a_paused_company_is_told_who_paused_it(on_sqlite):
    pausing.pause(on_sqlite.tools, COMPANY, "olga", "Stocktaking.")
    made = of(on_sqlite, an_invoice())
    assert made.forecast.waits_for == "The export is paused by olga. Stocktaking."
    assert made.complete


def test_the_smallest_plan_is_counted_by_the_month_of_the_invoices_date(make_installation, sqlite_url):
    installation = make_installation(sqlite_url)
    installation.company(organisation={"approvals_per_month": 20})
    installation.ask(*invoices(19))
    installation.run()
    assert of(installation, an_invoice("x")).warnings == ()
    made = of(installation, an_invoice("x"), an_invoice("y"))
    assert made.warnings == (
        "Xero's smallest plan takes 20 approved invoices a month: 2026-11 has 19, and this export adds 2.",
    )


def test_a_day_with_too_few_calls_left_has_no_end_to_foresee(make_installation, sqlite_url):
    installation = make_installation(sqlite_url, calls_per_day=8, day_reserve=0.5)
    installation.company()
    made = of(installation, *invoices(200))
    assert (made.forecast.calls, made.forecast.seconds) == (4, None)


def test_another_companys_settings_are_never_shown(installation):
    other = "99999999-2222-4333-8444-555555555555"
    installation.company("quay", other, organisation={"period_lock": "2026-12-31"})
    assert reasons(row_of(installation, an_invoice(), company="quay")) == ["period_locked"]
    assert row_of(installation, an_invoice()).verdict == "create"
    with pytest.raises(preview.NoCompany):
        of(installation, an_invoice(), company="nobody")


def test_a_login_that_may_not_read_the_settings_costs_the_check_and_nothing_else(on_sqlite):
    for access in access_tokens(on_sqlite):
        access.scopes.remove("accounting.settings.read")
    made = of(on_sqlite, an_invoice(line={"account_code": "299"}))
    assert (made.complete, made.invoices[0].verdict, made.invoices[0].contact) == (False, "create", "ACME Ltd")
    assert any(warning.startswith("Not checked in Xero: its accounts") for warning in made.warnings)
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    assert on_sqlite.answers()["i1"]["outcome"] == "created"


def test_a_login_without_the_right_to_write_invoices_is_told_before_anything_is_sent(on_sqlite):
    with on_sqlite.store.write() as work:
        connections.locked(work, COMPANY).scopes = "accounting.contacts.read accounting.settings.read"
        work.session.flush()
    made = of(on_sqlite, an_invoice())
    assert "does not carry every permission" in made.forecast.waits_for
    assert on_sqlite.calls() == []


def access_tokens(installation):
    """The access tokens Xero gave out."""
    return [
        access for grant in installation.simulator.state.identity.grants.values() for access in grant.access.values()
    ]
