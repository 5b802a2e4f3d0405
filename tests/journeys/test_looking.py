"""“Unchanged” means: Xero was asked, or it is said until when we know. What became of an invoice there is said."""

from dataclasses import replace

import pytest

from events.invoice import Invoice
from store import contacts
from store.tables import InvoiceStatus
from tests import builders
from tests.builders import an_invoice, an_order
from worker.contacts import rechecking
from worker.export import rescuer
from worker.intake import intake
from worker.preview import preview
from worker.reconcile import reconciler

OTHER = builders.contact_id("bolt")


def exported(installation, **content):
    installation.ask(an_invoice(revision=1, **content), request="first")
    installation.run()
    (book,) = installation.books()
    installation.later(600)
    return book


def click(installation, request="click", **content):
    """A person clicks one invoice; gives the answer and the calls it took."""
    before = len(installation.calls())
    installation.ask(an_invoice(revision=content.pop("revision", 1), **content), request=request, mode="single")
    installation.run()
    return installation.answers(request)["i1"], installation.calls()[before:]


def in_bulk(installation, request="bulk", **content):
    installation.ask(an_invoice(revision=1, **content), request=request)
    installation.run()
    return installation.answers(request)["i1"]


def compared(installation):
    """The reconciler compares what changed."""
    installation.later(2000)
    return reconciler.reconcile(installation.tools, "test")


def repoint(installation, client="acme", to=OTHER):
    with installation.store.write() as work:
        contacts.link(work, builders.COMPANY, client, to, said_by="test")


def shown(installation):
    with installation.store.read() as work:
        return work.session.get(InvoiceStatus, (builders.COMPANY, "i1"))


def test_a_click_on_an_unchanged_invoice_asks_xero_once_and_says_when(installation):
    exported(installation)
    answer, calls = click(installation)
    assert [call["method"] for call in calls] == ["GET"]
    assert (answer["type"], answer["outcome"], answer["verified"]) == ("succeeded", "unchanged", True)
    assert answer["checked_at"] > answer["exported_at"]
    assert answer["exported_at"] == installation.answers("first")["i1"]["exported_at"]
    assert installation.markers("click") == {"i1": "exported"}


def test_a_second_click_meanwhile_joins_the_look(installation):
    exported(installation)
    for name in ("one", "two"):
        installation.ask(an_invoice(revision=1), request=name, mode="single")
    installation.run()
    assert len(installation.calls("GET")) == 1
    assert {installation.answers(name)["i1"]["outcome"] for name in ("one", "two")} == {"unchanged"}


GONE = {"VOIDED": ("invoice_finalised", "voided"), "DELETED": ("invoice_finalised", "deleted")}


@pytest.mark.parametrize("status", GONE)
def test_a_click_on_what_was_voided_or_deleted_says_so_and_how_to_go_on(installation, status):
    exported(installation)["Status"] = status
    answer, calls = click(installation)
    assert len(calls) == 1
    reason, word = GONE[status]
    assert (answer["type"], answer["reason"]) == ("failed", reason)
    assert word in answer["notification"]["message"]
    assert "raise anew" in answer["how"]
    assert installation.markers("click") == {"i1": "failed"}


def test_a_click_on_what_is_gone_says_so(installation):
    exported(installation)
    installation.later(4000)
    installation.simulator.state.world.organisations[builders.TENANT].invoices.clear()
    answer, _ = click(installation)
    assert (answer["reason"], "raise anew" in answer["how"]) == ("gone_from_xero", True)


@pytest.mark.parametrize("newer", [{}, {"revision": 2, "reference": "PO 7"}], ids=["a click", "a change"])
def test_what_went_in_a_moment_ago_and_is_not_shown_yet_is_not_gone(installation, newer):
    installation.simulator.state.switches = replace(installation.simulator.state.switches, reads_lag_seconds=3.0)
    installation.ask(an_invoice(revision=1), request="first")
    installation.run()
    installation.ask(an_invoice(**{"revision": 1, **newer}), request="click", mode="single")
    installation.run()
    assert installation.answers("click") == {}
    installation.later(4)
    installation.wake()
    installation.run()
    answer = installation.answers("click")["i1"]
    assert (answer["type"], answer["outcome"]) == ("succeeded", "updated" if newer else "unchanged")
    assert answer["verified"]


@pytest.mark.parametrize("newer", [{}, {"revision": 3, "reference": "PO 8"}], ids=["a click", "a change"])
def test_an_update_that_is_not_shown_yet_is_no_edit_by_somebody_else(installation, newer):
    exported(installation)
    installation.simulator.state.switches = replace(installation.simulator.state.switches, reads_lag_seconds=3.0)
    installation.ask(an_invoice(revision=2, reference="PO 7"), request="second")
    installation.run()
    installation.ask(an_invoice(**{"revision": 2, "reference": "PO 7", **newer}), request="click", mode="single")
    installation.run()
    assert installation.answers("click") == {}
    installation.later(4)
    installation.wake()
    installation.run()
    answer = installation.answers("click")["i1"]
    assert (answer["type"], answer["outcome"]) == ("succeeded", "updated" if newer else "unchanged")
    assert (answer["verified"], answer["differences"]) == (True, [])


@pytest.mark.parametrize(
    ("meanwhile", "kind", "words"),
    [
        ({"Reference": "by hand"}, "edited", "reference"),
        ({"Date": "2026-11-01", "DateString": "2026-11-01T00:00:00"}, "edited", "2026-11-01"),
        ({"Contact": {"ContactID": OTHER, "Name": "Bolt & Co"}}, "edited", "another contact"),
        ({"Status": "PAID", "AmountPaid": 110.0, "AmountDue": 0.0}, "paid", "paid in Xero"),
        ({"AmountPaid": 10.0, "AmountDue": 100.0}, "paid", "10.00 of 110.00 paid"),
    ],
)
def test_what_was_edited_or_paid_in_xero_is_said_and_never_verified(installation, meanwhile, kind, words):
    exported(installation).update(meanwhile)
    answer, calls = click(installation)
    assert len(calls) == 1
    assert (answer["type"], answer["outcome"], answer["verified"]) == ("succeeded", "unchanged", False)
    assert answer["drift"] == kind
    assert words in "; ".join(answer["differences"])
    assert shown(installation).drift == kind
    later = in_bulk(installation)
    assert (later["drift"], later["verified"]) == (kind, False)
    assert len(calls) == 1


def test_an_edit_that_was_looked_at_is_still_not_overwritten(installation):
    exported(installation)["Reference"] = "by hand"
    click(installation)
    answer, _ = click(installation, request="newer", revision=2, reference="from CrewCard")
    assert answer["reason"] == "edited_in_xero"


def test_what_is_taken_back_in_xero_is_as_it_was(installation):
    book = exported(installation)
    book["Reference"] = "by hand"
    click(installation)
    book["Reference"] = ""
    answer, _ = click(installation, request="again")
    assert (answer["verified"], answer.get("drift")) == (True, None)
    assert shown(installation).drift is None


def test_in_bulk_the_answer_says_until_when_we_know(installation):
    exported(installation)
    answer = in_bulk(installation)
    assert answer["checked_at"] == answer["exported_at"]
    compared(installation)
    later = in_bulk(installation, "later")
    assert later["checked_at"] > answer["checked_at"]
    assert (later["outcome"], later["verified"]) == ("unchanged", True)


@pytest.mark.parametrize("status", GONE)
def test_in_bulk_what_the_reconciler_found_is_the_answer(installation, status):
    book = exported(installation)
    book["Status"] = status
    touched(installation, book)
    assert compared(installation) == 1
    assert shown(installation).marker == "not_exported"
    answer = in_bulk(installation)
    assert (answer["type"], answer["reason"]) == ("failed", "invoice_finalised")
    assert "raise anew" in answer["how"]


def touched(installation, book):
    moment = int(installation.simulator.state.world.now().timestamp() * 1000)
    book["UpdatedDateUTC"] = f"/Date({moment}+0000)/"


def test_where_xero_cannot_be_asked_a_click_waits_and_is_answered_by_a_look(installation):
    exported(installation)
    organisation = installation.simulator.state.world.organisations[builders.TENANT]
    organisation.offline = True
    installation.ask(an_invoice(revision=1), request="click", mode="single")
    installation.run()
    assert installation.answers("click") == {}
    organisation.offline = False
    installation.settle_down(2)
    assert installation.answers("click")["i1"]["outcome"] == "unchanged"


@pytest.mark.parametrize("fault", ["http_500", "drop", "html_503", "limit_minute"])
def test_a_look_that_fails_is_made_again_and_counts_no_attempt(installation, fault):
    exported(installation)
    installation.simulator.state.faults.set({fault: [1], "reads": True})
    installation.ask(an_invoice(revision=1), request="click", mode="single")
    installation.run(1)
    installation.simulator.state.faults.set({})
    installation.settle_down(2)
    assert installation.answers("click")["i1"]["outcome"] == "unchanged"
    assert len(installation.attempts("i1")) == 1
    assert installation.export("i1").attempts == 1


def test_content_that_xero_has_already_is_not_sent_again(installation):
    book = exported(installation)
    book["Reference"] = "PO 7"
    answer, calls = click(installation, revision=2, reference="PO 7")
    assert (answer["type"], answer["outcome"]) == ("succeeded", "unchanged")
    assert [call["method"] for call in calls] == ["GET"]
    book["Reference"] = "by hand"
    again, _ = click(installation, request="third", revision=3, reference="PO 8")
    assert again["reason"] == "edited_in_xero"


@pytest.mark.parametrize("single", [True, False], ids=["a click", "in bulk"])
def test_a_client_that_is_repointed_changes_the_contact_in_xero(installation, single):
    exported(installation)
    repoint(installation)
    mode = "single" if single else "bulk"
    installation.ask(an_invoice(revision=1), request="again", mode=mode)
    installation.run()
    answer = installation.answers("again")["i1"]
    assert (answer["type"], answer["outcome"], answer["verified"]) == ("succeeded", "updated", True)
    (book,) = installation.books()
    assert book["Contact"]["ContactID"] == OTHER
    third, calls = click(installation, "third")
    assert (third["outcome"], len(calls)) == ("unchanged", 1)


def test_a_host_that_sends_another_contact_along_changes_it_in_xero(installation):
    exported(installation, client={"id": "acme", "name": "ACME Ltd", "xero_contact_id": builders.contact_id("acme")})
    named = {"id": "acme", "name": "ACME Ltd", "xero_contact_id": OTHER}
    answer, _ = click(installation, client=named)
    assert answer["outcome"] == "updated"
    assert installation.books()[0]["Contact"]["ContactID"] == OTHER


def test_a_repointed_invoice_that_is_paid_is_said_to_keep_its_contact(installation):
    exported(installation).update({"Status": "PAID", "AmountPaid": 110.0, "AmountDue": 0.0})
    repoint(installation)
    answer, _ = click(installation)
    assert (answer["type"], answer["reason"]) == ("failed", "paid_in_xero")


def test_newer_content_behind_a_look_goes_as_an_update(installation):
    exported(installation)
    installation.ask(an_invoice(revision=1), request="click", mode="single")
    installation.ask(an_invoice(revision=2, reference="newer"), request="newer", mode="single")
    installation.run()
    assert installation.answers("newer")["i1"]["outcome"] == "updated"
    assert installation.answers("click")["i1"]["type"] == "succeeded"
    assert [book["Reference"] for book in installation.books()] == ["newer"]


def test_a_look_that_is_cancelled_leaves_the_invoice_exported(installation):
    exported(installation)
    installation.ask(an_invoice(revision=1), request="click", mode="single")
    intake.accept(installation.tools, an_order("cancel", request="click"))
    installation.run()
    assert installation.answers("click")["i1"]["reason"] == "cancelled"
    assert installation.export("i1").state == "exported"


def test_nothing_to_pay_is_no_payment(installation):
    book = exported(installation, lines=[{"description": "Visit", "quantity": "1", "unit_amount": "0.00"}])
    book["Status"] = "PAID"
    answer, _ = click(installation, lines=[{"description": "Visit", "quantity": "1", "unit_amount": "0.00"}])
    assert (answer["type"], answer.get("drift"), answer["verified"]) == ("succeeded", None, True)
    changed, _ = click(
        installation, "changed", revision=2, lines=[{"description": "Visit", "quantity": "1", "unit_amount": "5.00"}]
    )
    assert changed["reason"] == "zero_marked_paid"
    assert "payment" not in changed["notification"]["message"]
    assert "raise anew" in changed["how"]


def foreseen(installation, **content):
    asked = [Invoice.model_validate(an_invoice(revision=content.pop("revision", 1), **content))]
    (row,) = preview.preview(installation.tools, builders.COMPANY, asked).invoices
    return row


def test_a_preview_says_what_is_known_to_differ(installation):
    book = exported(installation)
    assert foreseen(installation).verdict == "unchanged"
    repoint(installation)
    assert foreseen(installation).verdict == "update"
    repoint(installation, to=builders.contact_id("acme"))
    book["Reference"] = "by hand"
    click(installation)
    seen = foreseen(installation)
    assert (seen.verdict, "by hand" in " ".join(seen.warnings)) == ("unchanged", True)
    assert foreseen(installation, revision=2, reference="by hand").verdict == "unchanged"
    book["Status"] = "VOIDED"
    touched(installation, book)
    compared(installation)
    seen = foreseen(installation)
    assert (seen.verdict, [one.reason for one in seen.problems]) == ("fail", ["invoice_finalised"])


def expired(installation, **content):
    """A click that Xero could not be asked for in time."""
    installation.simulator.state.identity.grants.clear()
    installation.ask(an_invoice(**{"revision": 1, **content}), request="click", mode="single")
    installation.run()
    installation.later(installation.settings.expiry_seconds + 1)
    rescuer.sweep(installation.tools, "test")
    return installation.answers("click")["i1"]


def test_a_look_that_could_not_be_made_in_time_is_answered_from_what_is_known(installation):
    exported(installation)
    answer = expired(installation)
    assert (answer["type"], answer["outcome"]) == ("succeeded", "unchanged")
    assert answer["checked_at"] < installation.now().isoformat()
    assert answer["exported_at"] == installation.answers("first")["i1"]["exported_at"]
    assert installation.markers("click") == {"i1": "exported"}
    assert len(installation.events("invoice.export.completed")) == 2


def test_a_look_that_could_not_be_made_tells_what_the_reconciler_saw(installation):
    book = exported(installation)
    book["Status"] = "VOIDED"
    touched(installation, book)
    compared(installation)
    assert expired(installation)["reason"] == "invoice_finalised"


@pytest.mark.parametrize("way", ["newer content", "another contact"])
def test_what_was_to_be_changed_and_could_not_in_time_is_told_as_expired(installation, way):
    exported(installation)
    if way == "another contact":
        repoint(installation)
    content = {"reference": "new", "revision": 2} if way == "newer content" else {}
    assert expired(installation, **content)["reason"] == "expired"


def merged(installation, book, *, known=True):
    """Somebody merges the client's contact into another in Xero, which moves its invoices; `known` by our check."""
    books = installation.simulator.state.world.organisations[builders.TENANT]
    loser = books.contacts[builders.contact_id("acme")]
    loser.status, loser.merged_to = "ARCHIVED", OTHER
    book["Contact"] = {"ContactID": OTHER, "Name": "Bolt & Co"}
    if known:
        rechecking.recheck(installation.tools, builders.COMPANY)


def test_a_contact_that_was_merged_in_xero_is_not_told_as_another_one(installation):
    merged(installation, exported(installation))
    for request in ("click", "once more"):
        answer, calls = click(installation, request)
        assert (answer["outcome"], answer["differences"], len(calls)) == ("unchanged", [], 1)


def test_a_change_of_an_invoice_whose_contact_was_merged_goes_to_the_one_that_is_left(installation):
    book = exported(installation)
    merged(installation, book)
    assert foreseen(installation, reference="new", revision=2).problems == ()
    answer, _ = click(installation, revision=2, reference="new")
    assert (answer["type"], answer["outcome"]) == ("succeeded", "updated")
    (book,) = installation.books()
    assert (book["Contact"]["ContactID"], book["Reference"]) == (OTHER, "new")


def test_a_contact_that_is_another_one_without_a_merge_is_told(on_sqlite):
    merged(on_sqlite, exported(on_sqlite), known=False)
    answer, _ = click(on_sqlite)
    assert any("another contact" in one for one in answer["differences"])


def test_a_change_of_what_lists_do_not_show_for_long_is_not_taken_for_poison(installation):
    """It was set aside after eight looks: each had counted as a worker that died with it."""
    state = installation.simulator.state
    state.switches = replace(state.switches, reads_lag_seconds=3000)
    installation.ask(an_invoice(revision=1), request="first")
    installation.run()
    installation.ask(an_invoice(revision=2, reference="changed"), request="second")
    for _ in range(12):
        installation.run()
        installation.later(200)
        installation.wake()
    assert installation.answers("second") == {}
    assert installation.export("i1").crashes == 0
    installation.later(1000)
    installation.settle_down(2)
    assert installation.answers("second")["i1"]["outcome"] == "updated"
