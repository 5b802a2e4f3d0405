"""After an older backup was restored: what Xero has is taken as it is, nothing is doubled, nothing fails falsely."""

import json

import pytest
from typer.testing import CliRunner

from cli import main as command
from events.invoice import folded
from simulator.world import Item
from store import audit, lanes, outbox
from store.tables import NumberClaim, RestoreCheck
from tests.builders import COMPANY, TENANT, an_invoice, invoices
from tests.operations.test_backup import again, back_up, numbers  # noqa: F401
from worker import wiring
from worker.export import rescuer
from worker.reconcile import restore_check

DAY = {"description": "Crew, one day", "quantity": "2", "unit_amount": "70.00"}


def update_after_the_backup(installation, folder, lines):
    """An invoice is exported, backed up, and changed afterwards; with what the change was asked for."""
    installation.ask(an_invoice())
    installation.run()
    installation.later(600)
    back_up(installation.settings.database_url, folder)
    changed = an_invoice(revision=2, lines=lines)
    installation.ask(changed, request="r2")
    installation.run()
    assert installation.answers("r2")["i1"]["outcome"] == "updated"
    installation.later(3600)
    return changed


def send_again(restored, *wanted, request="r2"):
    restored.ask(*wanted, request=request)
    restored.wake()
    restored.settle_down()
    return restored.answers(request)


@pytest.mark.parametrize(
    "lines",
    [
        [DAY, {"description": "Thank you"}],
        [DAY],
        [DAY, {"description": "Boots", "item_code": "BOOT"}],
        [DAY, {"description": "Free", "quantity": "1", "unit_amount": "0.00"}],
    ],
    ids=["a text", "plain", "an item's price", "nothing to pay"],
)
def test_an_update_that_xero_has_already_is_unchanged(installation, again, tmp_path, lines):  # noqa: F811
    organisation = installation.simulator.state.world.organisations[TENANT]
    organisation.items["BOOT"] = Item(code="BOOT", price="55", account="200", tax_type="OUTPUT")
    changed = update_after_the_backup(installation, tmp_path, lines)
    restored = again(installation)
    posts = len(restored.calls("POST"))
    assert send_again(restored, changed)["i1"]["outcome"] == "unchanged"
    assert len(restored.calls("POST")) == posts


def test_what_somebody_edited_since_is_still_not_overwritten(installation, again, tmp_path):  # noqa: F811
    changed = update_after_the_backup(installation, tmp_path, [DAY, {"description": "Thank you"}])
    (book,) = installation.books()
    book["LineItems"][0]["Description"] = "Crew, two days"
    assert send_again(again(installation), changed)["i1"]["reason"] == "edited_in_xero"


def checked(restored):
    """The clock reads what Xero has; how the company's check stands then."""
    restored.wake()
    restored.run()
    for _ in range(8):
        restore_check.check_restored(restored.tools, "clock")
        restored.later(20)
    with restored.store.read() as work:
        return work.session.get(RestoreCheck, (COMPANY, TENANT))


def begun(make, *wanted, request="r1"):
    """The restored database, with its check begun and all that the host sends again while nothing is sent."""
    restored = make
    calls = len(restored.calls())
    restore_check.begin(restored.tools, None, "olga", "a disk was lost")
    for number, some in enumerate(wanted, start=1):
        restored.ask(*some, request=f"r{number}")
    restored.wake()
    restored.run()
    assert len(restored.calls()) == calls
    return restored


def test_what_was_renumbered_after_the_backup_is_not_doubled(installation, again, tmp_path):  # noqa: F811
    """The backup knows nothing of C0, and Xero has it under a number that the first event does not name."""
    back_up(installation.settings.database_url, tmp_path)
    first, second = an_invoice("C0", number="C0"), an_invoice("C0", number="REN-C0", revision=2)
    installation.ask(first)
    installation.run()
    installation.ask(second, request="r2")
    installation.run()
    assert list(numbers(installation)) == ["REN-C0"]
    installation.later(3600)

    restored = begun(again(installation), [first], [second])
    found = checked(restored)
    assert (found.taken_over, found.unread, found.twice, bool(found.ended_at)) == (1, 0, 0, True)
    restored.settle_down()
    assert numbers(restored) == {"REN-C0": 1}
    for request in ("r1", "r2"):
        assert restored.answers(request)["C0"]["type"] == "succeeded"
    with restored.store.read() as work:
        assert [line.what for line in audit.newest(work)][:2] == ["restore-check", "restore-check"]


def test_events_sent_again_one_after_the_other_put_nothing_back(installation, again, tmp_path):  # noqa: F811
    """The older content comes first, after the check: it waits for the newer one instead of being put over it."""
    back_up(installation.settings.database_url, tmp_path)
    first, second = an_invoice("C0", number="C0"), an_invoice("C0", number="REN-C0", revision=2)
    installation.ask(first)
    installation.run()
    installation.ask(second, request="r2")
    installation.run()
    installation.later(3600)
    restored = begun(again(installation))
    checked(restored)
    with restored.store.read() as work:
        assert work.session.get_one(NumberClaim, (TENANT, folded("REN-C0"))).invoice == "C0"
    posts = len(restored.calls("POST"))
    restored.ask(first)
    restored.wake()
    restored.run()
    assert restored.answers() == {}
    restored.ask(second, request="r2")
    restored.wake()
    restored.settle_down()
    told = {request: restored.answers(request)["C0"] for request in ("r1", "r2")}
    assert [one["type"] for one in told.values()] == ["succeeded", "succeeded"]
    assert (len(restored.calls("POST")), numbers(restored)) == (posts, {"REN-C0": 1})


def test_content_that_is_really_new_goes_as_an_update_once_hosts_had_their_time(
    installation,
    again,  # noqa: F811
    tmp_path,
):
    back_up(installation.settings.database_url, tmp_path)
    installation.ask(an_invoice("C0"))
    installation.run()
    installation.later(3600)
    restored = begun(again(installation), [an_invoice("C0", revision=5, reference="PO 5")])
    checked(restored)
    restored.settle_down()
    (book,) = restored.books()
    assert (book["Reference"], restored.answers()["C0"]["outcome"]) == ("PO 5", "updated")


def test_a_day_after_the_backup_nothing_is_doubled_and_nothing_fails_falsely(
    installation,
    again,  # noqa: F811
    tmp_path,
):
    """Renumbered, updated, new, voided, deleted and called back half-way: known to the backup or not."""
    known, waiting = invoices(10, "k"), invoices(4, "w")
    installation.ask(*known)
    installation.run()
    installation.later(600)
    installation.ask(*waiting, request="r2")
    back_up(installation.settings.database_url, tmp_path)
    installation.run()
    new = invoices(30, "n")
    installation.ask(*new, request="r3")
    installation.run()
    changed = [
        *({**one, "number": f"REN-{one['id']}", "revision": 2} for one in (*known[:3], *waiting[:2], *new[:10])),
        *({**one, "reference": "PO 7", "revision": 2} for one in (*known[3:6], *waiting[2:3], *new[10:20])),
    ]
    installation.ask(*changed, request="r4")
    installation.run()
    for book in installation.books():
        if book["InvoiceNumber"] in ("N-k0010", "N-n0029", "N-n0030"):
            book["Status"] = "DELETED" if book["InvoiceNumber"] == "N-n0030" else "VOIDED"
            book["UpdatedDateUTC"] = f"/Date({int(installation.now().timestamp()) * 1000}+0000)/"
    assert {one["type"] for one in installation.answers("r4").values()} == {"succeeded"}
    before = numbers(installation)
    installation.later(86_400)

    restored = begun(again(installation), known, waiting, new, changed)
    found = checked(restored)
    assert (found.taken_over, found.twice, found.unread) == (34, 0, 0)
    restored.settle_down()
    assert numbers(restored) == before
    for request in ("r1", "r2", "r3", "r4"):
        told = restored.answers(request).values()
        assert {one["type"] for one in told} == {"succeeded"}
    assert restored.answers("r3")["n0029"]["drift"] == "voided"


def test_a_number_that_went_to_another_invoice_after_the_backup_is_that_ones(
    installation,
    again,  # noqa: F811
    tmp_path,
):
    installation.ask(an_invoice("a", number="N-1"))
    installation.run()
    installation.later(600)
    back_up(installation.settings.database_url, tmp_path)
    renumbered, other = an_invoice("a", number="N-2", revision=2), an_invoice("b", number="N-1")
    installation.ask(renumbered, request="r2")
    installation.run()
    installation.ask(other, request="r3")
    installation.run()
    assert numbers(installation) == {"N-1": 1, "N-2": 1}
    installation.later(3600)

    restored = begun(again(installation))
    checked(restored)
    restored.ask(other, request="r3")
    restored.ask(renumbered, request="r2")
    restored.wake()
    restored.settle_down()
    assert numbers(restored) == {"N-1": 1, "N-2": 1}
    assert [restored.answers(one[0])[one[1]]["type"] for one in (("r2", "a"), ("r3", "b"))] == ["succeeded"] * 2


def test_a_call_under_way_at_the_backup_is_not_asked_for_by_a_number_it_has_no_more(
    installation,
    again,  # noqa: F811
    tmp_path,
):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(an_invoice("a", number="N-1"))
    installation.run()
    installation.simulator.state.faults.set({})
    back_up(installation.settings.database_url, tmp_path)
    installation.settle_down(2)
    installation.ask(an_invoice("a", number="N-2", revision=2), request="r2")
    installation.run()
    installation.later(3600)

    restored = begun(again(installation))
    checked(restored)
    restored.ask(an_invoice("a", number="N-2", revision=2), request="r2")
    restored.wake()
    restored.settle_down()
    assert numbers(restored) == {"N-2": 1}
    assert restored.answers()["a"]["type"] == restored.answers("r2")["a"]["type"] == "succeeded"
    assert {one.outcome for one in restored.attempts("a")} == {"superseded"}


def test_the_command_says_how_far_the_check_is(installation, monkeypatch):
    monkeypatch.setattr(wiring, "build", lambda _settings: installation.tools)
    monkeypatch.setattr("worker.settings.load", lambda: installation.settings)

    def restore_check_command(*options):
        return CliRunner().invoke(command.app, ["restore-check", *options])

    assert "nothing is held back" in restore_check_command().output
    installation.a_worker_runs()
    assert "stop them first" in restore_check_command("--begin").output
    assert restore_check_command("--begin", "--since", "2026-11-20", "--why", "a disk").exit_code == 1
    shown = json.loads(restore_check_command("--json").output)["companies"]
    assert [(one["company"], one["may_send"]) for one in shown] == [(COMPANY, False)]
    checked(installation)
    assert restore_check_command().exit_code == 0


def test_while_xero_does_not_answer_nothing_is_sent_and_it_is_read_later(on_sqlite):
    restore_check.begin(on_sqlite.tools, None, "olga", "a disk was lost")
    on_sqlite.ask(an_invoice())
    on_sqlite.simulator.state.faults.set({"offline": 1.0, "reads": True})
    found = checked(on_sqlite)
    assert (found.ended_at, found.trouble) == (None, "the Xero organisation is offline")
    on_sqlite.wake()
    on_sqlite.run()
    assert on_sqlite.books() == []
    on_sqlite.simulator.state.faults.set({})
    assert checked(on_sqlite).ended_at
    on_sqlite.settle_down(1)
    assert on_sqlite.answers()["i1"]["outcome"] == "created"


def test_a_reader_of_the_feed_is_told_of_the_restore_and_misses_nothing(installation, again, tmp_path):  # noqa: F811
    """Its cursor lies within the restored feed again once that has grown: what it had not seen passed as seen."""
    installation.ask(*invoices(3))
    installation.run()
    installation.relay()
    back_up(installation.settings.database_url, tmp_path)
    with installation.store.read() as work:
        at_backup = outbox.feed_page(work, 0, 500).next
    installation.ask(*invoices(2, "lost"), request="r2")
    installation.run()
    installation.relay()
    with installation.store.read() as work:
        cursor = outbox.feed_page(work, 0, 500).next
    installation.later(3600)

    restored = begun(again(installation))
    checked(restored)
    restored.ask(*invoices(9, "new"), request="r3")
    restored.run()
    restored.relay()
    with restored.store.read() as work:
        with pytest.raises(outbox.Beyond) as told:
            outbox.feed_page(work, cursor, 500)
        page = outbox.feed_page(work, told.value.on, 500)
        everything = outbox.feed_page(work, 0, 500)
        assert outbox.feed_page(work, page.next, 500).events == []
    assert list(page.events) == list(everything.events[at_backup:])
    assert everything.next == page.next < 2**53


def test_what_waited_at_the_backup_has_its_whole_time_again_and_wakes_nobody_until_it_may_go(
    installation,
    again,  # noqa: F811
    tmp_path,
):
    installation.ask(an_invoice())
    back_up(installation.settings.database_url, tmp_path)
    installation.later(installation.settings.expiry_seconds + 3600)

    restored = begun(again(installation))
    rescuer.sweep(restored.tools, "clock")
    assert restored.answers() == {}
    with restored.store.read() as work:
        assert lanes.lanes_due(work) == []
    checked(restored)
    restored.settle_down()
    assert restored.answers()["i1"]["outcome"] == "created"
