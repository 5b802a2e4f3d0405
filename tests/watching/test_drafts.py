"""The test invoice: in Xero once as a draft, deleted there once, whatever happens meanwhile; and nobody's export."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlmodel import func, select

from events.settings import CompanySettings
from store import audit, companies, connections, contacts, pauses
from store import drafts as kept
from store.tables import Export, InvoiceStatus, Item, LogEntry, NumberClaim, OutboxEvent, Request
from tests.builders import COMPANY, TENANT, an_invoice
from tests.console.happenings import restore_account
from worker.connections import connecting
from worker.reconcile import reconciler
from worker.watching import drafts
from worker.watching.drafts import NoDraft

BY = "olga@crewcard.example"


@pytest.fixture
def company(installation):
    """A connected company."""
    return installation


@contextmanager
def fault(installation, name):
    """Xero's writes go wrong like this meanwhile."""
    installation.simulator.state.faults.set({name: 1.0})
    yield
    installation.simulator.state.faults.set({})


def draft(installation):
    with installation.store.read() as work:
        found = kept.of_company(work, COMPANY)
        return found and found.model_copy()


def in_xero(installation):
    """Number and status of everything in the organisation."""
    return [(one["InvoiceNumber"], one["Status"]) for one in installation.books()]


def counted(installation):
    """How many rows each table has that belongs to exports."""
    tables = (Export, InvoiceStatus, Item, LogEntry, NumberClaim, OutboxEvent, Request)
    with installation.store.read() as work:
        return {one.__name__: work.session.exec(select(func.count()).select_from(one)).one() for one in tables}


def test_it_goes_to_xero_as_a_draft_and_is_deleted_again_and_is_nobodys_export(company):
    before = counted(company)
    drafts.send(company.tools, COMPANY, BY)
    sent = draft(company)
    assert (sent.state, in_xero(company)) == ("draft", [(sent.number, "DRAFT")])
    assert sent.number.startswith("CREWCARD-TEST-")
    organisation = company.organisation()
    copy = company.tools.target(organisation).fetch(organisation, [sent.target_id])[sent.target_id]
    assert copy.mark == ("*test", sent.id)  # after a restore nobody takes it for an export of the company
    drafts.delete(company.tools, COMPANY, BY)
    assert (draft(company).state, in_xero(company)) == ("deleted", [(sent.number, "DELETED")])
    assert len(company.calls("PUT")) == 1
    reconciler.reconcile(company.tools, "clock")
    company.settle_down(2)
    assert counted(company) == before
    with company.store.read() as work:
        said = [(one.what, one.who) for one in audit.newest(work, COMPANY)]
    assert said[:2] == [("test invoice deleted", BY), ("test invoice sent", BY)]


def test_the_answer_is_lost_and_it_is_looked_up_and_never_sent_again(company):
    with fault(company, "commit_then_drop"):
        drafts.send(company.tools, COMPANY, BY)
    assert draft(company).state == "uncertain"
    assert drafts.settle_due(company.tools, "clock") == 0
    company.later(company.settings.settle_seconds + 60)
    assert drafts.settle_due(company.tools, "clock") == 1
    found = draft(company)
    assert (found.state, in_xero(company)) == ("draft", [(found.number, "DRAFT")])


def test_what_never_arrived_is_told_so_and_may_be_sent_anew(company):
    with fault(company, "drop"):
        drafts.send(company.tools, COMPANY, BY)
    assert draft(company).state == "uncertain"
    with pytest.raises(NoDraft, match="There is a test invoice already"):
        drafts.send(company.tools, COMPANY, BY)
    company.later(company.settings.settle_seconds + 60)
    drafts.settle(company.tools)
    assert (draft(company).state, draft(company).message) == ("unsent", "It did not reach Xero")
    drafts.send(company.tools, COMPANY, BY)
    assert len(in_xero(company)) == 1


def test_who_dies_before_the_answer_leaves_what_the_clock_looks_up(company, monkeypatch):
    def dies(*_):
        raise SystemExit

    monkeypatch.setattr(drafts, "_record", dies)
    with pytest.raises(SystemExit):
        drafts.send(company.tools, COMPANY, BY)
    monkeypatch.undo()
    assert draft(company).state == "sending"
    company.later(company.settings.lease_seconds + 1)
    drafts.settle_due(company.tools, "clock")
    assert (draft(company).state, len(in_xero(company))) == ("draft", 1)


def test_the_answer_to_the_deletion_is_lost_and_looked_up(company):
    drafts.send(company.tools, COMPANY, BY)
    with fault(company, "commit_then_drop"):
        drafts.delete(company.tools, COMPANY, BY)
    assert draft(company).state == "deleting"
    company.later(company.settings.settle_seconds + 60)
    drafts.settle_due(company.tools, "clock")
    assert (draft(company).state, in_xero(company)[0][1]) == ("deleted", "DELETED")


def test_while_xero_cannot_be_asked_it_is_looked_up_later(on_sqlite):
    faults = on_sqlite.simulator.state.faults
    with fault(on_sqlite, "commit_then_drop"):
        drafts.send(on_sqlite.tools, COMPANY, BY)
    for state, act in (("uncertain", None), ("deleting", drafts.delete)):
        if act:
            with fault(on_sqlite, "commit_then_drop"):
                act(on_sqlite.tools, COMPANY, BY)
        on_sqlite.later(on_sqlite.settings.settle_seconds + 60)
        faults.set({"http_500": 1.0, "reads": True})
        assert drafts.settle(on_sqlite.tools) == 0
        assert draft(on_sqlite).state == state
        faults.set({})
        on_sqlite.later(on_sqlite.settings.settle_seconds + 60)
        assert drafts.settle(on_sqlite.tools) == 1
    assert (draft(on_sqlite).state, in_xero(on_sqlite)[0][1]) == ("deleted", "DELETED")


def test_a_deletion_that_never_arrived_is_done_once_more(company):
    drafts.send(company.tools, COMPANY, BY)
    with fault(company, "drop"):
        drafts.delete(company.tools, COMPANY, BY)
    company.later(company.settings.settle_seconds + 60)
    drafts.settle(company.tools, COMPANY)
    assert "Delete it once more" in draft(company).message
    drafts.delete(company.tools, COMPANY, BY)
    assert in_xero(company)[0][1] == "DELETED"


def test_what_somebody_approved_in_xero_meanwhile_is_left_alone_and_told(company):
    drafts.send(company.tools, COMPANY, BY)
    books = company.simulator.state.world.organisations[TENANT]
    books.invoices[draft(company).target_id]["Status"] = "AUTHORISED"
    drafts.delete(company.tools, COMPANY, BY)
    assert (draft(company).state, in_xero(company)[0][1]) == ("draft", "AUTHORISED")
    assert "Void it there" in draft(company).message
    books.invoices[draft(company).target_id]["Status"] = "VOIDED"
    drafts.delete(company.tools, COMPANY, BY)
    assert draft(company).state == "deleted"


def test_two_clicks_at_once_send_one(company):
    with ThreadPoolExecutor(4) as people:
        tries = [people.submit(drafts.send, company.tools, COMPANY, BY) for _ in range(4)]
    refused = [one.exception() for one in tries if one.exception()]
    assert [type(one) for one in refused] == [NoDraft] * 3
    assert len(in_xero(company)) == 1


def test_two_people_delete_it_at_once_and_one_call_goes(company):
    drafts.send(company.tools, COMPANY, BY)
    with ThreadPoolExecutor(4) as people:
        tries = [people.submit(drafts.delete, company.tools, COMPANY, BY) for _ in range(4)]
    assert len([one for one in tries if one.exception()]) == 3
    assert len(company.calls("POST")) == 1


def test_what_xero_refuses_is_told_in_plain_words_and_may_be_sent_once_mended(on_sqlite):
    with on_sqlite.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", CompanySettings(default_account_code="299"))
    drafts.send(on_sqlite.tools, COMPANY, BY)
    assert draft(on_sqlite).state == "refused"
    assert "299" in draft(on_sqlite).message
    restore_account(on_sqlite)
    drafts.send(on_sqlite.tools, COMPANY, BY)
    assert draft(on_sqlite).state == "draft"


def test_where_none_can_be_sent_it_is_said_why(on_sqlite):
    def said():
        with pytest.raises(NoDraft) as refused:
            drafts.send(on_sqlite.tools, COMPANY, BY)
        return str(refused.value)

    with on_sqlite.store.write() as work:
        pauses.pause(work, COMPANY, "olga", "The books are closed.")
    assert said() == "The export is paused by olga. The books are closed."
    with on_sqlite.store.write() as work:
        pauses.resume(work, COMPANY)
        for client in ("acme", "bolt"):
            contacts.link(work, COMPANY, client, "", "test")
    assert "No client is linked" in said()
    connecting.disconnect(on_sqlite.tools, COMPANY, BY)
    assert "is not connected to Xero" in said()
    assert draft(on_sqlite) is None


def test_what_is_in_another_organisation_is_not_deleted_from_here(on_sqlite):
    drafts.send(on_sqlite.tools, COMPANY, BY)
    with on_sqlite.store.write() as work:
        connections.locked(work, COMPANY).tenant = "22222222-2222-4333-8444-555555555555"
    before = on_sqlite.calls("POST")
    with pytest.raises(NoDraft, match="in another organisation than the present one: delete it in Xero"):
        drafts.delete(on_sqlite.tools, COMPANY, BY)
    assert draft(on_sqlite).state == "draft"
    assert [status for _, status in in_xero(on_sqlite)] == ["DRAFT"]
    assert on_sqlite.calls("POST") == before


def test_invoices_of_people_go_beside_it(company):
    drafts.send(company.tools, COMPANY, BY)
    company.ask(an_invoice("i1"))
    company.run()
    assert [status for _, status in in_xero(company)] == ["DRAFT", "AUTHORISED"]
