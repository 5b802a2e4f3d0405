"""Races that SQLite hides, forced: one session is held open just before its commit while another goes on."""

import contextlib
import json
import threading

import pytest
from sqlalchemy import event

from events.settings import CompanySettings
from store import companies, outbox, processes
from store.outbox import Outgoing
from tests.builders import COMPANY, an_invoice, an_order, invoices
from tests.contacts.admin import an_event
from tests.machines import wait_for
from worker.contacts import changes
from worker.export import turn
from worker.export.deferral import InvoiceExportDeferred
from worker.intake import intake


@pytest.fixture
def on_postgres(make_installation, request):
    from tests import machines

    server = request.getfixturevalue("postgres")
    made = make_installation(machines.copy_of_template(server, f"race_{request.node.name[:40]}".lower()))
    made.company()
    return made


class Held:
    """A piece of work in a thread that stops before its n-th commit until it is let go."""

    def __init__(self, installation, work, commit=1):
        self._reached, self._go, self._left = threading.Event(), threading.Event(), commit
        self._thread = threading.Thread(target=work)
        event.listen(installation.store.engine, "commit", self._stop)
        self._thread.start()
        assert self._reached.wait(10), "it never came to that commit"

    def _stop(self, _connection):
        if threading.current_thread() is self._thread and not self._go.is_set():
            self._left -= 1
            if self._left == 0:
                self._reached.set()
                assert self._go.wait(20)

    def let_go(self):
        self._go.set()
        self._thread.join(20)


@contextlib.contextmanager
def held(installation, work, commit=1):
    made = Held(installation, work, commit)
    try:
        yield made
    finally:
        made.let_go()


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_request_that_joins_while_the_result_commits_gets_its_answer(on_postgres):
    """Commits of a turn: the claim, the freeze, the result; the third is held while another request comes in."""
    on_postgres.ask(an_invoice(), request="first")
    with held(on_postgres, lambda: on_postgres.run(1), commit=3) as turn:
        joining = in_thread(lambda: on_postgres.ask(an_invoice(), request="second"))
        waits_for_lock(on_postgres)
        turn.let_go()
        joining.join(20)
    on_postgres.run()
    assert on_postgres.answers("first")["i1"]["outcome"] == "created"
    assert on_postgres.answers("second")["i1"]["outcome"] == "unchanged"
    assert len(on_postgres.books()) == 1


def waits_for_lock(installation):
    """Until some session waits for a lock."""

    def waiting():
        with installation.store.read() as work:
            sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            return work.session.connection().exec_driver_sql(sql).scalar()

    wait_for(waiting)


def test_two_results_that_both_finish_a_request_complete_it_once(on_postgres):
    on_postgres.ask(*invoices(100))
    lane, _ = on_postgres.rings.pop(0)
    with held(on_postgres, lambda: take(on_postgres, lane), commit=3) as turn:
        other = in_thread(lambda: take(on_postgres, lane))
        waits_for_lock(on_postgres)
        turn.let_go()
        other.join(20)
    assert len(on_postgres.answers()) == 100
    (completed,) = on_postgres.events("invoice.export.completed")
    assert completed["data"]["exported"] == 100


def take(installation, lane):
    from worker.export import turn

    turn.take_turn(installation.tools, turn.Lane.of(lane))


def publish(installation, name):
    event_ = InvoiceExportDeferred(company="harbour", request=name, cause="limit", message="m", until=None)
    with installation.store.write() as work:
        outbox.publish(work, [Outgoing(event_, "harbour", name, name)])


def feed(installation, position):
    with installation.store.write() as work:
        outbox.stamp(work)
    with installation.store.read() as work:
        return [(json.loads(row.body)["subject"], row.position) for row in outbox.after(work, position)]


def test_a_feed_reader_between_two_commits_out_of_order_misses_nothing(on_postgres):
    last = len(feed(on_postgres, 0))
    with held(on_postgres, lambda: publish(on_postgres, "early")) as slow:
        publish(on_postgres, "late")
        assert feed(on_postgres, last) == [("late", last + 1)]
        slow.let_go()
    assert feed(on_postgres, last + 1) == [("early", last + 2)]


def test_two_clocks_never_do_one_duty_at_once(on_postgres):
    took = {}

    def take_duty(name):
        with on_postgres.store.write() as work:
            took[name] = processes.take_duty(work, "relay", name, 60)

    take_duty("somebody")
    on_postgres.later(61)
    with held(on_postgres, lambda: take_duty("a")) as first:
        second = in_thread(lambda: take_duty("b"))
        waits_for_lock(on_postgres)
        first.let_go()
        second.join(20)
    assert sorted(took.items()) == [("a", True), ("b", False), ("somebody", True)]


def test_two_deliveries_of_one_event_at_once_are_one_request(on_postgres):
    receipts = []
    with held(on_postgres, lambda: receipts.append(on_postgres.ask(*invoices(5)))) as first:
        second = in_thread(lambda: receipts.append(on_postgres.ask(*invoices(5))))
        waits_for_lock(on_postgres)
        first.let_go()
        second.join(20)
    on_postgres.run()
    assert len(on_postgres.answers()) == 5
    (completed,) = on_postgres.events("invoice.export.completed")
    assert completed["data"]["total"] == 5


def test_two_deliveries_of_one_change_at_once_are_one_change_with_one_answer(on_postgres):
    """A host that saw no answer sends again, perhaps to another door: a change has no other key than the event."""
    receipts = []
    link = an_event("client.xero_contact.update_requested", client="acme", xero_contact="", event_id="unlink")

    def bring():
        receipts.append(intake.accept(on_postgres.tools, link))

    with on_postgres.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", CompanySettings(contact_ids_editable=True))
    with held(on_postgres, bring) as first:
        second = in_thread(bring)
        waits_for_lock(on_postgres)
        first.let_go()
        second.join(20)
    assert sorted(receipt.repeated for receipt in receipts) == [False, True]
    assert intake.accept(on_postgres.tools, link).repeated
    while changes.answer_due(on_postgres.tools, "clock"):
        pass
    assert len(on_postgres.events("client.xero_contact.updated")) == 1


def test_a_part_filed_at_the_instant_of_the_cancel_is_cancelled_too(on_postgres):
    """Whichever of the two commits first, nothing of the request is sent."""
    on_postgres.ask(*invoices(2, "a"), part=1, parts=3)
    with held(on_postgres, lambda: on_postgres.ask(*invoices(2, "b"), part=2, parts=3)) as part:
        cancelling = in_thread(lambda: intake.accept(on_postgres.tools, an_order("cancel", request="r1")))
        waits_for_lock(on_postgres)
        part.let_go()
        cancelling.join(20)
    assert {answer["reason"] for answer in on_postgres.answers().values()} == {"cancelled"}
    assert len(on_postgres.answers()) == 4
    on_postgres.run()
    assert on_postgres.books() == []


def test_a_part_that_waits_for_the_cancel_to_commit_is_cancelled_too(on_postgres):
    on_postgres.ask(*invoices(2, "a"), part=1, parts=2)
    order = an_order("cancel", request="r1")
    with held(on_postgres, lambda: intake.accept(on_postgres.tools, order)) as cancelling:
        part = in_thread(lambda: on_postgres.ask(*invoices(2, "b"), part=2, parts=2))
        waits_for_lock(on_postgres)
        cancelling.let_go()
        part.join(20)
    on_postgres.run()
    assert on_postgres.books() == []
    assert len(on_postgres.answers()) == 4


def test_what_is_asked_for_after_a_change_of_settings_goes_by_it_whatever_a_turn_has_read_before(
    make_installation, database_url
):
    installation = make_installation(database_url)
    accounts = [{"code": code, "tax_type": "OUTPUT"} for code in ("200", "210")]
    installation.company(organisation={"accounts": accounts})
    begun = installation.organisation()  # as a turn reads it before it claims anything
    with installation.store.write() as work:
        companies.set_up(work, COMPANY, "Harbour", CompanySettings(default_account_code="210"))
    installation.ask(an_invoice("late"))
    turn.send_next(installation.tools, begun, 1, lambda: None, lambda: None)
    (book,) = installation.books()
    assert [line["AccountCode"] for line in book["LineItems"]] == ["210"]
