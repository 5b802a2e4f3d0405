"""A company is removed: what was accepted is answered, then nothing of it is left; others keep all they have."""

import pytest
from sqlmodel import SQLModel

from events.codec import Unreadable
from events.settings import CompanySettings
from store import api_keys, audit, companies, contacts, erasures, removing
from store.tables import ApiKey
from tests.builders import COMPANY, TENANT, a_request, an_invoice, contact_id
from tests.journeys.test_erasing import go_on, order, where
from tests.system.stepping import run_and_die
from worker.commands import registry
from worker.connections import apps, connecting
from worker.connections.apps import BeingRemoved
from worker.erasing import pieces, remove_company
from worker.erasing.erasure import ErasureRefused
from worker.intake import intake

OTHER = "99999999-2222-4333-8444-555555555555"
DAY = 86_400
STAYS = {"audit", "erasures"}


def remove(installation):
    return registry.REMOVE_COMPANY.run(installation.tools, COMPANY, "olga", "contract ended")


def go_through(installation, number):
    """The minute of grace, the day for hosts, and an event of somebody else's at the end of the feed."""
    for seconds in (66, DAY):
        installation.later(seconds)
        go_on(installation, number)
    installation.ask(an_invoice("last"), company="pier", request="last")
    installation.run()
    installation.relay()
    installation.later(61)
    go_on(installation, number)


def two_companies(installation):
    installation.company("pier", OTHER)
    installation.ask(an_invoice("a"), an_invoice("b", client={"id": "bolt", "name": "Bolt & Co"}))
    installation.ask(an_invoice("bad", line={"account_code": "299"}), request="r2")
    installation.ask(an_invoice("p"), company="pier", request="pier")
    installation.run()
    installation.relay()


def come_back(installation):
    """The same company is set up anew and connected to the same organisation, by an app of its own."""
    state, app = installation.simulator.state, connecting.App("app-again", "secret-again")
    state.identity.add_app(app.client_id, app.secret)
    pair = state.identity.grant(app.client_id, "user-again", [TENANT], state.world.now())
    with installation.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", CompanySettings(default_account_code="200"))
        contacts.link(work, COMPANY, "acme", contact_id("acme"), said_by="test")
    choice = connecting.ChosenOrganisation(TENANT, "Harbour Ltd", "!AbC1", "USD", "user-again")
    connecting.connect(installation.tools, COMPANY, app, choice, pair)


def rows_of(installation, words):
    """How many rows there are of others, by table."""
    found = {}
    with installation.store.read() as work:
        for name, table in SQLModel.metadata.tables.items():
            rows = work.connection.execute(table.select()).all()
            found[name] = sum(1 for row in rows if any(word in str(row) for word in words))
    return found


def test_nothing_of_it_is_left_but_the_audit_and_the_neighbour_keeps_all(installation):
    two_companies(installation)
    with installation.store.write() as work:
        for key, of in (("alone", {COMPANY}), ("both", {COMPANY, "pier"}), ("all", None)):
            api_keys.make(work, installation.tools.vault, key, of)
    before = rows_of(installation, ["pier", OTHER])
    number = remove(installation)
    go_through(installation, number)
    assert order(installation, number).step == "done"
    assert where(installation, [COMPANY, TENANT]) == STAYS
    after = rows_of(installation, ["pier", OTHER])
    assert {name: count for name, count in before.items() if after[name] < count} == {}
    with installation.store.read() as work:
        assert audit.verify(work).intact
        kept = {row.id: (row.companies, row.revoked_at is None) for row in work.connection.execute(_keys()).all()}
    assert kept == {"alone": ("", False), "both": ("pier", True), "all": ("*", True)}
    grants = installation.simulator.state.identity.grants.values()
    assert [one for one in grants if TENANT in one.connections] == []


def test_from_the_order_on_doors_know_it_no_more_and_hosts_have_a_day_for_what_was_told_last(installation):
    two_companies(installation)
    number = remove(installation)
    with pytest.raises(Unreadable, match=f"there is no company “{COMPANY}” here"):
        intake.accept(installation.tools, a_request(an_invoice("late"), request="late"))
    with pytest.raises(BeingRemoved):
        apps.add_company(installation.tools, COMPANY, "Harbour", "olga")
    assert "a minute" in order(installation, number).waits
    installation.later(66)
    go_on(installation, number)
    assert "a day for hosts" in order(installation, number).waits
    installation.relay()
    assert installation.events("invoice.export.succeeded", company=COMPANY, invoice="a")
    assert installation.events("xero.connection.disconnected", company=COMPANY)
    assert where(installation, [TENANT]) == {"outbox"}
    installation.ask(an_invoice("on"), company="pier", request="on")
    installation.run()
    assert len(installation.books(OTHER)) == 2


def test_what_is_not_over_comes_first_and_what_a_door_took_meanwhile_is_answered(installation):
    installation.ask(an_invoice("a"))
    with pytest.raises(ErasureRefused, match=r"Not over yet: 1 on their way to Xero\. .*Wait until they are"):
        remove(installation)
    with installation.store.write() as work:  # a door that saw the company a moment before it was closed
        assert removing.close(work, COMPANY)
        number = erasures.make(work, COMPANY, "", "olga", "ended", remove_company.FIRST)
    go_on(installation, number)
    assert "1 on their way to Xero" in order(installation, number).waits
    installation.run()
    assert installation.answers()["a"]["type"] == "succeeded"
    assert len(installation.books()) == 1


def test_a_company_that_comes_back_finds_its_invoices_in_xero(installation):
    two_companies(installation)
    go_through(installation, remove(installation))
    come_back(installation)
    installation.ask(an_invoice("a"), an_invoice("new"), request="back")
    installation.settle_down(3)
    assert installation.answers("back")["a"]["outcome"] in ("adopted", "created")
    assert sorted(one["InvoiceNumber"] for one in installation.books()) == ["N-a", "N-b", "N-new"]


def test_where_xero_is_away_it_is_tried_for_an_hour_and_then_said(on_sqlite):
    two_companies(on_sqlite)
    number = remove(on_sqlite)
    on_sqlite.simulator.state.faults.set({"token_500": 1.0})
    on_sqlite.later(3600)
    go_on(on_sqlite, number)
    assert "Xero cannot be told that the login ends" in order(on_sqlite, number).waits
    for _ in range(remove_company._TRIES):
        on_sqlite.later(700)
        go_on(on_sqlite, number)
    on_sqlite.simulator.state.faults.set({})
    assert "Connected apps" in order(on_sqlite, number).left
    go_through(on_sqlite, number)
    assert where(on_sqlite, [COMPANY, TENANT]) == STAYS


@pytest.mark.ci
def test_a_clock_that_is_killed_anywhere_beside_others_leaves_it_to_the_next(installation):
    two_companies(installation)
    number, asked, deaths = remove(installation), ["p"], 0
    installation.later(DAY + 66)

    def story(steps):
        installation.store.engine.dispose(close=False)
        steps.watch(installation.store.engine)
        while pieces.go_on(installation.tools, number, 1):
            pass

    while run_and_die(story, 5 + 23 * deaths) is None:
        deaths += 1
        installation.ask(an_invoice(f"load{deaths}"), company="pier", request=f"load{deaths}")
        installation.run()
        installation.relay()
        asked.append(f"load{deaths}")
    go_through(installation, number)
    assert deaths > 2
    assert where(installation, [COMPANY, TENANT]) == STAYS
    books = sorted(one["InvoiceNumber"] for one in installation.books(OTHER))
    assert books == sorted([*(f"N-{one}" for one in asked), "N-last"])
    with installation.store.read() as work:
        assert not companies.exists(work, COMPANY)
        assert [line.what for line in audit.newest(work, COMPANY)].count("removed") == 1


def _keys():
    return ApiKey.__table__.select()
