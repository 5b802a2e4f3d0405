"""What becomes of a credit note in Xero is seen as it is of an invoice: told once, for few calls, never doubled."""

from decimal import Decimal

from simulator import ledger
from tests.builders import COMPANY, TENANT, an_invoice
from tests.doors.conftest import doors  # noqa: F401
from tests.doors.test_xero_webhooks import Xero
from tests.doors.test_xero_webhooks import look as look_at_told
from tests.journeys.test_credit_notes import BELOW, allocate, credit_of, crediting, exported, notes  # noqa: F401
from tests.journeys.test_reconciler import drifts, look
from tests.operations.test_backup import again, back_up  # noqa: F401
from tests.operations.test_restore import begun, checked
from worker.reconcile import changed_invoices

PAYMENTS = ("invoice.paid", "invoice.part_paid", "invoice.unpaid", "invoice.voided", "invoice.edited")


def change(installation, number="N-c", **changed):
    """A bookkeeper changes the credit note in Xero."""
    installation.later(600)
    world = installation.simulator.state.world
    return ledger.change_credit_note(world, world.organisations[TENANT], notes(installation)[number], **changed)


def looked(installation):
    """Looks at each kind of document."""
    return look(installation) + look(installation)


def payments(installation):
    return [event for event in installation.events() if event["type"] in PAYMENTS]


DONE = {
    "voided": ({"Status": "VOIDED"}, "voided", ["voided in Xero"]),
    "deleted": ({"Status": "DELETED"}, "deleted", ["deleted in Xero"]),
    "used": ({"RemainingCredit": 0.0, "Status": "PAID"}, "paid", ["used in Xero"]),
    "part": ({"RemainingCredit": 4.0}, "paid", ["40.00 of 44.00 used in Xero"]),
    "edited": (
        {"Total": 50.0, "RemainingCredit": 50.0},
        "edited",
        ["total 50.00 in Xero, 44.00 when exported"],
    ),
    "renumbered": ({"CreditNoteNumber": "X-1"}, "edited", ["number X-1 in Xero, N-renumbered when exported"]),
}


def test_what_somebody_did_to_a_credit_note_is_found_and_told(crediting):  # noqa: F811
    exported(
        crediting, an_invoice("i"), an_invoice("as it was", **BELOW), *(an_invoice(one, **BELOW) for one in DONE)
    )
    for one, (done, _, _) in DONE.items():
        change(crediting, f"N-{one}", **done)
    assert looked(crediting) == len(DONE)
    assert drifts(crediting) == {one: (kind, said) for one, (_, kind, said) in DONE.items()}
    told = crediting.events("invoice.export.drift_found")
    assert {event["data"]["document"] for event in told} == {"credit_note"}
    assert all("creditNoteID=" in event["data"]["deep_link"] for event in told)
    assert looked(crediting) == 0, "told once"


def test_an_edit_of_its_lines_costs_no_call_more_since_it_is_listed_whole(crediting):  # noqa: F811
    exported(crediting, an_invoice("c", **BELOW))
    assert looked(crediting) == 0
    lines = [{**notes(crediting)["N-c"]["LineItems"][0], "Description": "As agreed with ACME"}]
    change(crediting, LineItems=lines)
    before = len(crediting.calls())
    assert look(crediting) + look(crediting) == 1
    assert len(crediting.calls()) - before <= 2, "one of each kind"
    assert [kind for kind, _ in drifts(crediting).values()] == ["edited"]


def test_what_is_allocated_by_us_is_no_drift_and_how_it_stands_is_told_in_its_words(crediting):  # noqa: F811
    exported(crediting, an_invoice("i"), credit_of())
    crediting.later(600)
    allocate(crediting, 2)
    looked(crediting)
    assert "c" not in drifts(crediting)
    (told,) = [event["data"] for event in payments(crediting) if event["data"]["invoice"] == "c"]
    assert (told["document"], told["differences"]) == (
        "credit_note",
        ["0.00 of 44.00 USD refunded, 44.00 allocated, nothing left"],
    )
    assert (Decimal(told["credited"]), told["due"]) == (44, "0.00")


def test_a_lane_with_two_kinds_spends_no_more_calls_on_looking(crediting):  # noqa: F811
    """Its share of the day is one; without credit notes nobody asks for them."""

    def a_day(request, *wanted):
        exported(crediting, *wanted, request=request)
        before = len(crediting.calls("GET"))
        for _ in range(24):
            look(crediting)
        calls = crediting.calls("GET")[before:]
        return len(calls), sum("CreditNotes" in call["path"] for call in calls)

    alone, none = a_day("r1", an_invoice("i"))
    both, of_notes = a_day("r2", an_invoice("c", **BELOW))
    assert (none, both <= alone + 1, of_notes > 0) == (0, True, True)


def test_a_webhook_of_a_credit_note_is_looked_at_at_once_and_a_suppliers_never(
    crediting,  # noqa: F811
    doors,  # noqa: F811
    monkeypatch,
):
    monkeypatch.setattr(changed_invoices, "REMEMBERED_SECONDS", -1.0)
    xero = Xero(crediting, doors)
    exported(crediting, an_invoice("c", **BELOW), an_invoice("i"))
    xero.tell()
    crediting.later(600)
    look_at_told(crediting)
    change(crediting, Status="VOIDED")
    assert xero.tell() >= 1
    before = len(crediting.calls())
    assert look_at_told(crediting)
    assert len(crediting.calls()) == before + 1
    assert drifts(crediting) == {"c": ("voided", ["voided in Xero"])}
    (event,) = payments(crediting)
    assert (event["type"], event["data"]["document"]) == ("invoice.voided", "credit_note")
    supplier = {**notes(crediting)["N-c"], "InvoiceID": notes(crediting)["N-c"]["CreditNoteID"]}
    body = xero.body(supplier, eventCategory="CREDITNOTE", data={"Type": "ACCPAYCREDIT", "Status": "PAID"})
    assert xero.post(body).status_code == 200
    assert not look_at_told(crediting)


# -- after an older backup was restored


def test_what_became_a_credit_note_after_the_backup_is_not_made_again_whatever_its_number_is_now(
    crediting,  # noqa: F811
    again,  # noqa: F811
    tmp_path,
):
    """The backup knows nothing of them, and their marks name nobody; one has another number since."""
    back_up(crediting.settings.database_url, tmp_path)
    first, second = an_invoice("c", number="C-1", **BELOW), an_invoice("c", number="REN-1", revision=2, **BELOW)
    other = an_invoice("d", number="D-1", **BELOW)
    crediting.ask(first, other)
    crediting.run()
    crediting.ask(second, request="r2")
    crediting.run()
    assert sorted(notes(crediting)) == ["D-1", "REN-1"]
    crediting.later(3600)

    restored = begun(again(crediting), [first, other], [second])
    found = checked(restored)
    assert (found.taken_over, found.twice, bool(found.ended_at)) == (2, 0, True)
    restored.settle_down()
    assert sorted(notes(restored)) == ["D-1", "REN-1"]
    told = {**restored.answers("r1"), "again": restored.answers("r2")["c"]}
    assert {one["type"] for one in told.values()} == {"succeeded"}
    assert len(restored.simulator.state.world.organisations[TENANT].credit_notes) == 2


def test_what_a_bookkeeper_wrote_is_nobodys_after_a_restore_and_what_is_doubled_is_counted(
    crediting,  # noqa: F811
    again,  # noqa: F811
    tmp_path,
):
    back_up(crediting.settings.database_url, tmp_path)
    exported(crediting, an_invoice("c", **BELOW))
    organisation = crediting.simulator.state.world.organisations[TENANT]
    note = notes(crediting)["N-c"]
    for number, reference in (("COPY", note["Reference"]), ("HAND", "Refund as agreed")):
        copy = {**note, "CreditNoteID": f"{number}-0000", "CreditNoteNumber": number, "Reference": reference}
        organisation.credit_notes[copy["CreditNoteID"]] = copy
    crediting.later(3600)
    found = checked(begun(again(crediting), [an_invoice("c", **BELOW)]))
    assert (found.taken_over, found.twice, found.unread) == (1, 1, 0)


def test_a_credit_note_that_the_company_of_the_backup_waits_for_is_known_as_it_is(
    crediting,  # noqa: F811
    again,  # noqa: F811
    tmp_path,
):
    """It was on its way when the backup was taken, and was voided in Xero afterwards."""
    crediting.ask(an_invoice("c", **BELOW))
    back_up(crediting.settings.database_url, tmp_path)
    crediting.run()
    change(crediting, Status="VOIDED")
    crediting.later(3600)
    restored = begun(again(crediting))
    checked(restored)
    restored.settle_down()
    assert len(notes(restored)) == 1
    answer = restored.answers("r1")["c"]
    assert (answer["type"], answer["drift"], answer["company"]) == ("succeeded", "voided", COMPANY)
