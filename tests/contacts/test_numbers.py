"""The number prefix: before new numbers only; a number that an attempt carried never changes."""

import hypothesis.strategies as st
from hypothesis import given
from sqlmodel import select

from events.invoice import Invoice
from events.settings import CompanySettings
from store.tables import Batch, Export
from tests.builders import an_invoice
from worker.decisions import merge_rules


def numbers(admin):
    return sorted(book["InvoiceNumber"] for book in admin.installation.books())


def asked(admin, *invoices, request):
    admin.installation.ask(*invoices, request=request)
    admin.installation.run()


def test_an_exported_number_stays_when_the_prefix_changes(admin):
    asked(admin, an_invoice(), request="r1")
    admin.settings_answer(number_prefix="A-")
    asked(admin, an_invoice(), request="r2")
    assert admin.installation.answers("r2")["i1"]["outcome"] == "unchanged"
    asked(admin, an_invoice(revision=2, reference="changed"), request="r3")
    assert admin.installation.answers("r3")["i1"]["outcome"] == "updated"
    assert numbers(admin) == ["N-i1"]
    asked(admin, an_invoice("i2"), request="r4")
    admin.settings_answer(number_prefix="B-")
    asked(admin, an_invoice("i2", revision=2, reference="changed"), request="r5")
    assert numbers(admin) == ["A-N-i2", "N-i1"]


def test_a_number_whose_outcome_is_unknown_stays_and_nothing_is_doubled(admin):
    installation = admin.installation
    admin.settings_answer(number_prefix="A-")
    installation.simulator.state.faults.set({"commit_then_drop": [1]})
    asked(admin, an_invoice(), request="r1")
    assert installation.export("i1").state == "uncertain"
    admin.settings_answer(number_prefix="B-")
    installation.ask(an_invoice(revision=2, reference="newer"), request="r2")
    installation.settle_down()
    assert numbers(admin) == ["A-N-i1"]
    assert installation.books()[0]["Reference"] == "newer"


def test_a_body_that_was_sent_never_changes_whatever_the_settings_say_now(admin):
    installation = admin.installation
    installation.simulator.state.faults.set({"commit_then_drop": [1]})
    asked(admin, an_invoice(), request="r1")
    before = bodies(admin)
    admin.settings_answer(invoice_status="DRAFT", number_prefix="A-", due={"kind": "days_after_invoice", "days": 1})
    installation.settle_down()
    assert installation.answers()["i1"]["outcome"] == "adopted"
    assert numbers(admin) == ["N-i1"]
    assert installation.books()[0]["Status"] == "AUTHORISED"
    assert bodies(admin) == before


def bodies(admin):
    with admin.installation.store.read() as work:
        return {batch.id: batch.body for batch in work.session.exec(select(Batch)) if batch.body}


def test_a_refused_invoice_keeps_the_number_it_was_sent_with(admin):
    asked(admin, an_invoice(line={"account_code": "299"}), request="r1")
    assert admin.installation.attempts("i1")[0].number == "N-i1"
    admin.settings_answer(number_prefix="A-")
    asked(admin, an_invoice(revision=2), request="r2")
    assert numbers(admin) == ["N-i1"]


def test_what_was_never_sent_takes_the_prefix_of_the_day(admin):
    new = {"id": "new", "name": "New"}
    admin.settings_answer(number_prefix="A-")
    asked(admin, an_invoice(client=new), request="r1")
    admin.settings_answer(number_prefix="B-")
    assert admin.answer("new", admin.field("acme").value)["sent_again"] == 1
    admin.installation.run()
    assert numbers(admin) == ["B-N-i1"]


def test_a_prefix_that_the_host_writes_itself_is_not_doubled(admin):
    admin.settings_answer(number_prefix="N-")
    asked(admin, an_invoice(), an_invoice("i2", number="2"), request="r1")
    assert numbers(admin) == ["N-2", "N-i1"]


def test_two_numbers_that_meet_behind_a_prefix_are_noticed(admin):
    asked(admin, an_invoice("a", number="A-1"), request="r1")
    admin.settings_answer(number_prefix="A-")
    asked(admin, an_invoice("b", number="1"), request="r2")
    assert admin.installation.answers("r2")["b"]["reason"] == "number_used_twice"
    assert numbers(admin) == ["A-1"]


def test_a_number_too_long_behind_its_prefix_fails_alone_and_says_so(admin):
    admin.settings_answer(number_prefix="A-")
    asked(admin, an_invoice("long", number="9" * 254), an_invoice("short"), request="r1")
    answers = admin.installation.answers("r1")
    assert answers["long"]["reason"] == "invoice_unreadable"
    assert "longer than 255 characters" in answers["long"]["notification"]["message"]
    assert numbers(admin) == ["A-N-short"]


prefixes = st.text(alphabet="AB-", max_size=3)


@given(st.lists(st.tuples(prefixes, st.booleans()), min_size=1, max_size=6), st.text(alphabet="AB-19", min_size=1))
def test_whatever_the_prefixes_were_a_sent_number_is_never_another_again(steps, number):
    """Asked for again, replayed as it was kept, prefix changed: once sent, the number is what it was."""
    row = Export(company="c", tenant="t", invoice="i1", number="", client="x", due_at=None, created_at=None)
    sent, kept = None, number
    for prefix, again in steps:
        invoice = Invoice.model_validate(an_invoice(number=kept if again else number))
        settings = CompanySettings(number_prefix=prefix)
        told, given_ = merge_rules.numbered([invoice], {"i1": row}, settings, again=again)
        kept, row.number_prefix = told[0].number, given_["i1"]
        assert kept.endswith(number)
        assert sent in (None, kept)
        row.attempts, sent = 1, kept
