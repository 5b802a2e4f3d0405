"""Xero's webhooks: what it signed is stored and then looked at; all else is refused, counted, and grows nothing."""

import json

import httpx
import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from simulator import ledger
from simulator.webhooks import signature
from store import pauses
from store.tables import ChangedInvoice
from tests import machines
from tests.builders import COMPANY, TENANT, an_invoice, invoices
from tests.doors.conftest import OTHER_TENANT
from tests.doors.host import Host
from web import main, xero_webhooks
from worker.connections import apps
from worker.decisions import payments as decisions
from worker.reconcile import changed_invoices, reconciler
from worker.reconcile.changed_invoices import InvoiceLooks

ODD = json.dumps(
    {
        "events": [
            {
                "tenantId": TENANT,
                "eventCategory": "INVOICE",
                "eventType": "UPDATE",
                "resourceId": id_,
                "eventDateUtc": at,
            }
            for id_ in ("a\0b", "", "0" * 37, "0" * 8 + "-0000-0000-0000-" + "0" * 12)
            for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59", "yesterday", 7, None)
        ]
    }
).encode()
KEY, APP = "the webhook key of the app", f"app-{COMPANY}"


class Xero:
    """The simulator's webhooks, posted to a company's address when a test says so."""

    def __init__(self, installation, url, company=COMPANY):
        self.installation, self.state = installation, installation.simulator.state
        self.url = f"{url}/xero/webhooks/{company}"
        apps.set_webhook_key(installation.tools, company, KEY, "olga")
        self.webhooks = self.state.webhooks
        self.webhooks.subscribe(APP, self.url, KEY)

    def check_intent(self):
        return self.webhooks.check_intent(APP)

    def tell(self):
        """Post what changed; gives how many events were taken."""
        self.webhooks.subscriptions[APP].status = "ok"
        self.webhooks.gather(self.state.world, self.state.identity)
        return self.webhooks.send_due(self.state.world.now())

    def pay(self, book, amount=None, **other):
        self.installation.later(1)
        ledger.pay(self.state.world, book, amount or book["AmountDue"], **other)

    def body(self, *books, tenant=TENANT, **other):
        events = [
            {
                "resourceId": book["InvoiceID"],
                "tenantId": tenant,
                "eventCategory": "INVOICE",
                "eventType": "UPDATE",
                "eventDateUtc": self.installation.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
                **other,
            }
            for book in books
        ]
        return json.dumps({"events": events, "entropy": "x"}).encode()

    def post(self, body, key=KEY, url=None):
        return httpx.post(
            url or self.url, content=body, headers={"x-xero-signature": signature(key, body)}, timeout=30
        )


@pytest.fixture(autouse=True)
def _keys_are_looked_up_each_time(monkeypatch):
    monkeypatch.setattr(changed_invoices, "REMEMBERED_SECONDS", -1.0)


@pytest.fixture
def xero(installation, doors):
    return Xero(installation, doors)


@pytest.fixture
def small_xero(on_sqlite, small_doors):
    return Xero(on_sqlite, small_doors)


def exported(installation, *wanted):
    installation.ask(*(wanted or [an_invoice()]))
    installation.run()
    installation.later(600)
    return installation.books()


def told(installation):
    kinds = ("invoice.paid", "invoice.part_paid", "invoice.unpaid", "invoice.voided", "invoice.edited")
    return [(event["type"], event["data"]["invoice"]) for event in installation.events() if event["type"] in kinds]


def kept(installation):
    with installation.store.read() as work:
        rows = work.session.exec(select(ChangedInvoice))
        return [row.target_id for row in rows if row.look_at]


def look(installation, looks=None):
    looks = looks or InvoiceLooks(installation.tools, "test")
    return looks.look_at_due()


def reads(installation):
    return len(installation.calls("GET"))


def test_an_intent_to_receive_is_shown_and_seen(xero, installation):
    answers = xero.check_intent()
    assert xero.webhooks.subscriptions[APP].status == "ok", answers
    assert [one["body"] for one in answers] == [0, 0, 0, 0]


def test_a_payment_in_xero_is_told_by_one_call_without_waiting_for_the_reconciler(xero, installation):
    (book, _) = exported(installation, *invoices(2))
    xero.tell()
    look(installation)
    before = reads(installation)
    xero.pay(book, 40)
    assert xero.tell() == 1
    assert look(installation)
    assert told(installation) == [("invoice.part_paid", book["InvoiceNumber"].removeprefix("N-"))]
    assert reads(installation) - before == 1
    assert kept(installation) == []
    assert look(installation) is False


def test_what_we_exported_ourselves_is_told_as_well_and_costs_no_call(xero, installation):
    exported(installation, *invoices(5))
    installation.ask(an_invoice("i0001", reference="other", revision=2), request="r2")
    installation.run()
    before = reads(installation)
    assert xero.tell() == 6
    look(installation)
    assert (reads(installation), kept(installation)) == (before, [])


def test_a_forged_one_and_one_for_a_company_that_is_unknown_or_has_no_key_look_the_same(xero, installation, doors):
    (book,) = exported(installation)
    body = xero.body(book)
    installation.company("quay", OTHER_TENANT)
    forged = xero.post(body, key="guessed")
    unknown = xero.post(body, url=f"{doors}/xero/webhooks/nobody")
    keyless = xero.post(body, url=f"{doors}/xero/webhooks/quay")
    unsigned = httpx.post(xero.url, content=body)
    for answer in (forged, unknown, keyless, unsigned):
        assert (answer.status_code, answer.content) == (401, b"")
        assert "set-cookie" not in answer.headers
    assert kept(installation) == []
    assert 'webhooks_in_total{outcome="refused"} 4.0' in httpx.get(f"{doors}/metrics").text


def test_a_replay_is_harmless_before_and_after_the_look(xero, installation):
    (book,) = exported(installation)
    xero.pay(book)
    body = xero.body(book)
    assert [xero.post(body).status_code for _ in range(3)] == [200, 200, 200]
    assert kept(installation) == [book["InvoiceID"]]
    look(installation)
    before = reads(installation)
    xero.post(body)
    look(installation)
    assert (reads(installation), told(installation)) == (before, [("invoice.paid", "i1")])


def test_another_organisations_invoices_are_passed_over(small_xero, on_sqlite, small_doors):
    (book,) = exported(on_sqlite)
    small_xero.pay(book)
    assert small_xero.post(small_xero.body(book, tenant=OTHER_TENANT)).status_code == 200
    assert small_xero.post(small_xero.body(book, eventCategory="CONTACT")).status_code == 200
    assert kept(on_sqlite) == []
    assert 'webhooks_in_total{outcome="passed_over"} 1.0' in httpx.get(f"{small_doors}/metrics").text


def test_what_is_no_invoice_of_ours_is_forgotten_without_a_call(small_xero, on_sqlite):
    exported(on_sqlite)
    small_xero.post(small_xero.body({"InvoiceID": "0" * 8 + "-0000-0000-0000-" + "0" * 12}))
    assert len(kept(on_sqlite)) == 1
    before = reads(on_sqlite)
    look(on_sqlite)
    assert (kept(on_sqlite), reads(on_sqlite)) == ([], before)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"events": 7}',
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"events": [7, null, {}, {"tenantId": []}]}',
        ODD,
    ],
)
def test_a_body_that_xero_signed_and_nobody_can_read_is_taken_and_changes_nothing(small_xero, on_sqlite, body):
    assert small_xero.post(body).status_code == 200
    assert kept(on_sqlite) == []


def test_a_huge_body_is_refused_before_its_signature_is_looked_at(small_xero, small_doors):
    huge = b'{"events": [], "padding": "' + b"x" * xero_webhooks.MOST_BYTES + b'"}'
    assert small_xero.post(huge).status_code == 413
    assert 'webhooks_in_total{outcome="too_large"} 1.0' in httpx.get(f"{small_doors}/metrics").text


def test_while_the_database_takes_nothing_it_is_a_503_and_xero_comes_again(small_xero, on_sqlite, monkeypatch):
    (book,) = exported(on_sqlite)
    small_xero.pay(book)
    with monkeypatch.context() as broken:
        broken.setattr("store.changed_invoices.note", _fails)
        assert small_xero.tell() == 0
    assert small_xero.webhooks.subscriptions[APP].refused == 2
    on_sqlite.later(901)
    assert small_xero.tell() >= 1
    look(on_sqlite)
    assert told(on_sqlite) == [("invoice.paid", "i1")]


def _fails(*_):
    raise OperationalError("insert", {}, Exception("database is locked"))


def test_a_key_is_replaced_without_a_gap(small_xero, on_sqlite):
    (book,) = exported(on_sqlite)
    apps.set_webhook_key(on_sqlite.tools, COMPANY, "the next key", "olga")
    body = small_xero.body(book)
    assert [small_xero.post(body, key).status_code for key in (KEY, "the next key")] == [200, 200]
    assert apps.forget_webhook_key(on_sqlite.tools, COMPANY, "olga", former_only=True)
    assert [small_xero.post(body, key).status_code for key in (KEY, "the next key")] == [401, 200]
    assert apps.forget_webhook_key(on_sqlite.tools, COMPANY, "olga", former_only=False)
    assert small_xero.post(body, "the next key").status_code == 401


def test_many_payments_at_once_are_looked_at_together(small_xero, on_sqlite):
    books = exported(on_sqlite, *invoices(60))
    for book in books:
        ledger.pay(on_sqlite.simulator.state.world, book, 1)
    on_sqlite.later(1)
    small_xero.tell()
    before, looks = reads(on_sqlite), InvoiceLooks(on_sqlite.tools, "test")
    assert look(on_sqlite, looks)
    assert look(on_sqlite, looks) is False, "the lane rests"
    on_sqlite.later(6)
    assert look(on_sqlite, looks)
    assert reads(on_sqlite) - before == 2
    assert len(told(on_sqlite)) == 60


def test_a_paused_company_is_looked_at_when_it_goes_on(small_xero, on_sqlite):
    (book,) = exported(on_sqlite)
    small_xero.pay(book)
    small_xero.tell()
    with on_sqlite.store.write() as work:
        pauses.pause(work, COMPANY, "olga", "")
    before = reads(on_sqlite)
    look(on_sqlite)
    assert reads(on_sqlite) == before
    with on_sqlite.store.write() as work:
        pauses.resume(work, COMPANY)
    on_sqlite.later(61)
    look(on_sqlite)
    assert told(on_sqlite) == [("invoice.paid", "i1")]


def test_xero_that_does_not_answer_is_asked_again(small_xero, on_sqlite):
    (book,) = exported(on_sqlite)
    small_xero.pay(book)
    small_xero.tell()
    organisation = on_sqlite.simulator.state.world.organisations[TENANT]
    organisation.offline = True
    look(on_sqlite)
    organisation.offline = False
    assert kept(on_sqlite) == [book["InvoiceID"]]
    on_sqlite.later(301)
    look(on_sqlite)
    assert told(on_sqlite) == [("invoice.paid", "i1")]


def test_a_look_that_breaks_holds_back_no_other_and_is_tried_again(small_xero, on_sqlite, monkeypatch):
    (book,) = exported(on_sqlite)
    small_xero.pay(book)
    small_xero.tell()
    with monkeypatch.context() as broken:
        broken.setattr(decisions, "payment_of", lambda _posted: 1 / 0)
        assert look(on_sqlite), "the clock goes on to the next company"
    assert kept(on_sqlite) == [book["InvoiceID"]]
    on_sqlite.later(61)
    look(on_sqlite)
    assert told(on_sqlite) == [("invoice.paid", "i1")]


def test_a_webhook_that_is_lost_is_made_good_by_the_next_poll_and_polls_come_as_often_again(small_xero, on_sqlite):
    (book,) = exported(on_sqlite)
    small_xero.check_intent()
    assert slots_of_a_look(on_sqlite) == 4
    small_xero.pay(book)
    small_xero.webhooks.subscriptions[APP].losing = 1
    small_xero.tell()
    assert look(on_sqlite) is False
    on_sqlite.later(4 * slot(on_sqlite))
    reconciler.reconcile(on_sqlite.tools, "test")
    assert told(on_sqlite) == [("invoice.paid", "i1")]
    on_sqlite.later(4 * slot(on_sqlite))
    assert slots_of_a_look(on_sqlite) == 1


def test_without_webhooks_for_a_day_polls_come_as_often_as_ever(small_xero, on_sqlite):
    exported(on_sqlite)
    small_xero.check_intent()
    assert slots_of_a_look(on_sqlite) == 4
    on_sqlite.later(86_401)
    assert slots_of_a_look(on_sqlite) == 1


def slot(installation):
    return reconciler.slot(installation.tools, installation.organisation())


def slots_of_a_look(installation):
    """How many slots lie between a look and the next one."""
    reconciler.reconcile(installation.tools, "test")
    before = reads(installation)
    for slots in range(1, 9):
        installation.later(slot(installation) + 1)
        reconciler.reconcile(installation.tools, "test")
        if reads(installation) > before:
            return slots
    return 0


def test_without_a_webhook_key_nothing_costs_more(on_sqlite):
    exported(on_sqlite, *invoices(3))
    calls = len(on_sqlite.calls())
    look(on_sqlite)
    assert len(on_sqlite.calls()) == calls
    assert slots_of_a_look(on_sqlite) == 1


def test_a_share_of_nothing_means_that_nothing_is_looked_at(make_installation, sqlite_url):
    installation = make_installation(sqlite_url, reconcile_share=0)
    installation.company()
    (book,) = exported(installation)
    with machines.served(_config(installation)) as url:
        xero = Xero(installation, url)
        xero.pay(book)
        assert xero.tell() >= 1
    assert kept(installation) == []


def _config(installation):
    return main.serving(main.build(installation.tools), installation.settings)


def test_looks_leave_the_last_calls_of_the_day_to_exports(small_xero, on_sqlite):
    (book,) = exported(on_sqlite)
    small_xero.pay(book)
    small_xero.tell()
    pace, organisation = on_sqlite.tools.targets["xero"].pace, on_sqlite.organisation()
    pace.note(organisation, {"x-daylimit-remaining": "300", "x-minlimit-remaining": "59"})
    before = reads(on_sqlite)
    look(on_sqlite)
    assert (reads(on_sqlite), kept(on_sqlite)) == (before, [book["InvoiceID"]])


def test_the_door_for_hosts_says_how_far_an_invoice_is_paid_and_when_that_was_seen(installation, doors):
    xero, host = Xero(installation, doors), Host(installation, doors)
    (book, *_) = exported(installation, *invoices(2))
    xero.pay(book, 40)
    xero.tell()
    look(installation)
    id_ = book["InvoiceNumber"].removeprefix("N-")
    beside = {
        one["invoice"]: one
        for one in host.get(f"/v1/companies/{COMPANY}/invoices?ids=i0001,i0002").json()["invoices"]
    }
    assert beside[id_]["payment"]["due"] == "70.00"
    assert beside[id_]["payment_seen_at"]
    assert beside[id_]["marker"] == "exported"
    assert [one["payment"] for one in beside.values() if one["invoice"] != id_] == [None]
    assert host.get(f"/v1/companies/{COMPANY}/connection").json()["webhooks_seen_at"]


def test_what_xero_does_not_show_yet_is_looked_at_again_soon(small_xero, on_sqlite):
    on_sqlite.simulator.state.switches.reads_lag_seconds = 8
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    (book,) = on_sqlite.books()
    small_xero.pay(book)
    small_xero.tell()
    looks = InvoiceLooks(on_sqlite.tools, "test")
    assert look(on_sqlite, looks)
    assert (told(on_sqlite), kept(on_sqlite)) == ([], [book["InvoiceID"]])
    on_sqlite.later(11)
    look(on_sqlite, looks)
    assert (told(on_sqlite), kept(on_sqlite)) == ([("invoice.paid", "i1")], [])


def test_what_xero_never_shows_is_asked_for_six_times_and_then_left_to_the_poll(small_xero, on_sqlite):
    (book,) = exported(on_sqlite)
    small_xero.post(small_xero.body(book))
    del on_sqlite.simulator.state.world.organisations[TENANT].invoices[book["InvoiceID"]]
    before, looks = reads(on_sqlite), InvoiceLooks(on_sqlite.tools, "test")
    for _ in range(10):
        look(on_sqlite, looks)
        on_sqlite.later(61)
    assert (reads(on_sqlite) - before, kept(on_sqlite)) == (6, [])


def test_a_new_key_is_good_at_once_although_the_former_one_is_remembered(small_xero, on_sqlite, monkeypatch):
    monkeypatch.setattr(changed_invoices, "REMEMBERED_SECONDS", 60.0)
    (book,) = exported(on_sqlite)
    body = small_xero.body(book)
    assert small_xero.post(body).status_code == 200
    apps.set_webhook_key(on_sqlite.tools, COMPANY, "the next key", "olga")
    assert [small_xero.post(body, key).status_code for key in ("the next key", KEY, "guessed")] == [200, 200, 401]
