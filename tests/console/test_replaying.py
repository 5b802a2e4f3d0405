"""Acts about many: seen beforehand, ordered with a reason, each invoice once, whoever else presses."""

import json
import re
import threading

import pytest

from events.export import MOST_INVOICES
from store import audit, bulk_orders, searching
from store.export_log import LogFilter
from store.searching import Selection
from store.tables import BulkOrder
from tests.builders import COMPANY, an_invoice
from tests.console.happenings import EVIL, TOLD, archived, link_crane, restore_account, unlinked
from worker.decisions.rights import ConsoleUser
from worker.submission import orders as bulk_jobs

GROUP = {"company": COMPANY, "cause": "contact_not_mapped:crane"}
OTHER = "22222222-2222-4333-8444-555555555555"


@pytest.fixture
def helper(on_sqlite, person):
    """Somebody of support, after three failed for want of a contact and one for an archived account."""
    on_sqlite.ask(*[unlinked(id_) for id_ in ("b1", "b2", "b3")], archived(), an_invoice("good"))
    on_sqlite.run()
    return person("support")


def preview(helper, **asked):
    answer = helper.browser.get("/console/replay", params=asked)
    assert answer.status_code == 200
    return answer.text


def counted(page):
    found = re.search(r"<strong>([\d,]+) invoices?</strong>", page)
    return int(found.group(1)) if found else 0


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (GROUP, 3),
        ({"company": COMPANY, "request": "r1"}, 4),
        ({"outcome": "failed"}, 4),
        ({"client": "crane"}, 3),
        ({"reason": "account_archived"}, 1),
        ({"outcome": "created"}, 0),
        ({"number": "n-b"}, 3),
        ({"from": "2020-01-01", "to": "2020-01-31"}, 0),
        ({"company": "quarry"}, 0),
        ({"pick": ["harbour/b1", "harbour/a1", "harbour/good", "quarry/b2", "nonsense"]}, 2),
        ({"cause": "contact_not_mapped:crane"}, 0),
        ({}, 0),
    ],
)
def test_what_would_be_sent_again_is_counted_and_nothing_is_done(helper, on_sqlite, asked, count):
    page = preview(helper, **asked)
    assert counted(page) == count
    assert ("Nothing is sent twice" in page) == bool(count)
    on_sqlite.run()
    with on_sqlite.store.read() as work:
        assert work.session.get(BulkOrder, 1) is None


def test_the_preview_says_of_which_companies_and_causes(helper):
    page = preview(helper, outcome="failed")
    assert "Client has no Xero contact: Crane " in page  # by name, as on the overview
    assert "contact: crane" not in page
    assert "Account archived: 299" in page


def test_what_is_on_its_way_again_is_not_counted(helper, on_sqlite):
    helper.do("/invoices/harbour/b1/replay", why="linked")
    page = preview(helper, **GROUP)
    assert counted(page) == 2
    assert "Left out: 1 invoice already on its way to Xero." in page


def test_an_invoice_that_could_not_be_read_has_nothing_to_send(helper, on_sqlite):
    on_sqlite.ask({**an_invoice("broken"), "date": "soon"}, request="r2")
    page = preview(helper, pick=["harbour/broken", "harbour/b1", "harbour/good"])
    assert counted(page) == 1
    assert "Left out: 1 invoice that could not be read." in page
    assert "Left out: 1 invoice not failed." in page
    page = preview(helper, reason="invoice_unreadable")
    assert "Left out: 1 invoice that could not be read." in page
    assert counted(page) == 0
    (cause,) = re.findall(r"cause=(invoice_unreadable[^\"]+)", helper.see("/failures"))
    assert "Send again" not in helper.see(f"/failures/{COMPANY}?cause={cause}")
    page = helper.do("/replay", act="exclude", why="a mistake", pick=["harbour/broken"])
    assert "1 invoice marked “never send”" in page


def test_a_group_is_sent_again_watched_to_its_end_and_audited(helper, on_sqlite):
    link_crane(on_sqlite)
    page = helper.do("/replay", act="replay", why="linked", **GROUP)
    assert "Sending again: 3 invoices" in page
    assert "0 of 3 invoices have an answer" in page
    on_sqlite.run()
    page = helper.see("/replay/1")
    assert "3 of 3 invoices have an answer. All done." in page
    assert "data-live" not in page
    assert len(on_sqlite.books()) == 4
    with on_sqlite.store.read() as work:
        line = next(line for line in audit.newest(work) if line.what == "replay many")
    assert (line.who, line.company, line.count, line.why) == ("support", COMPANY, 3, "linked")
    assert json.loads(line.chosen) == {"order": 1, **GROUP}


def test_the_ticked_alone_are_sent_again(helper, on_sqlite):
    link_crane(on_sqlite)
    helper.do("/replay", act="replay", why="linked", pick=["harbour/b1", "harbour/b3"])
    on_sqlite.run()
    assert sorted(book["InvoiceNumber"] for book in on_sqlite.books()) == ["N-b1", "N-b3", "N-good"]


def test_all_that_match_a_filter_of_the_log_are_sent_again_of_every_company(helper, on_sqlite):
    on_sqlite.company("quarry", OTHER)
    on_sqlite.ask(archived("q1"), request="q", company="quarry")
    on_sqlite.run()
    for tenant in on_sqlite.simulator.state.world.organisations.values():
        tenant.accounts["299"].status = "ACTIVE"
    page = helper.do("/replay", act="replay", why="restored", reason="account_archived")
    assert "Sending again: 2 invoices" in page
    on_sqlite.run()
    assert {on_sqlite.export(id_).state for id_ in ("a1", "q1")} == {"exported"}


def test_marks_are_set_and_taken_off_in_bulk(helper, on_sqlite):
    page = helper.do("/replay", act="exclude", why="settled in cash", **GROUP)
    assert "3 invoices marked “never send”" in page
    assert ">Sent<" not in page, "nothing was"
    assert counted(preview(helper, **GROUP)) == 0
    assert counted(preview(helper, act="include", company=COMPANY)) == 3
    assert "2 invoices allowed again" in helper.do(
        "/replay", act="include", why="not settled", pick=["harbour/b1", "harbour/b2", "harbour/good"]
    )
    assert counted(preview(helper, **GROUP)) == 2


def test_without_a_reason_or_a_choice_nothing_is_ordered(helper, on_sqlite):
    assert "Say why" in helper.do("/replay", 422, act="replay", why=" ", **GROUP)
    assert "nothing was chosen" in helper.do("/replay", 422, act="replay", why="everything")
    assert "no such act" in helper.do("/replay", 404, act="delete", why="everything", **GROUP)
    with on_sqlite.store.read() as work:
        assert bulk_orders.known(work, 1) is None


def test_pressed_a_second_time_there_is_nothing_left_to_do(helper, on_sqlite):
    link_crane(on_sqlite)
    helper.do("/replay", act="replay", why="linked", **GROUP)
    assert "somebody was first" in helper.do("/replay", act="replay", why="linked", **GROUP)
    on_sqlite.run()
    assert len(on_sqlite.books()) == 4


def test_a_large_order_goes_in_bounded_pieces_which_the_clock_goes_on_with(on_sqlite, person, monkeypatch):
    monkeypatch.setattr(bulk_orders, "MOST_INVOICES", 2)
    on_sqlite.ask(*[unlinked(f"b{number:02}") for number in range(9)])
    on_sqlite.run()
    link_crane(on_sqlite)
    somebody = person("support")
    page = somebody.do("/replay", act="replay", why="linked", **GROUP)
    assert "2 of 5 parts ordered so far" in page
    assert bulk_jobs.go_on(on_sqlite.tools) == 3
    assert bulk_jobs.go_on(on_sqlite.tools) == 0
    on_sqlite.run()
    assert "9 of 9 invoices have an answer" in somebody.see("/replay/1")
    assert MOST_INVOICES == 500
    assert len(on_sqlite.books()) == 9


def test_a_piece_that_was_carried_out_and_not_noted_changes_nothing_the_second_time(installation):
    installation.ask(unlinked())
    installation.run()
    link_crane(installation)
    tools, chosen = installation.tools, Selection(company=COMPANY, cause=GROUP["cause"])
    number = bulk_jobs.order_many(tools, "replay", chosen, ConsoleUser("olga", "support"), "linked")
    with installation.store.write() as work:  # as if the process had been killed before it could note it
        (piece, _), *_ = bulk_orders.pieces(work, number, 0, 10)
        piece.done_at, piece.moved, request = None, 0, piece.request
        work.session.get(BulkOrder, number).done_at = None
    assert bulk_jobs.go_on(tools) == 1
    installation.run()
    assert len(installation.books()) == 1
    with installation.store.read() as work:
        (piece, _), *_ = bulk_orders.pieces(work, number, 0, 10)
    assert (piece.request, piece.moved) == (request, 1)


def test_two_people_who_replay_the_same_group_at_once_send_each_invoice_once(installation):
    installation.ask(*[unlinked(f"b{number:03}") for number in range(60)])
    installation.run()
    link_crane(installation)
    chosen = Selection(company=COMPANY, cause=GROUP["cause"])
    both = threading.Barrier(2)
    orders = []

    def press(who):
        both.wait()
        orders.append(
            bulk_jobs.order_many(installation.tools, "replay", chosen, ConsoleUser(who, "support"), "linked")
        )

    people = [threading.Thread(target=press, args=(who,)) for who in ("anna", "olga")]
    for one in people:
        one.start()
    for one in people:
        one.join()
    installation.run()
    assert len(installation.books()) == 60
    with installation.store.read() as work:
        assert sum(bulk_orders.reached(work, number).moved for number in orders) == 60


def test_both_databases_choose_alike(installation):
    installation.ask(*[unlinked(id_) for id_ in ("b1", "b2")], archived(), an_invoice("good"))
    installation.run()
    restore_account(installation)
    with installation.store.read() as work:
        day = LogFilter(COMPANY, "failed", since=work.after(-3600), number="N-B")
        assert searching.invoices_selected(work, "replay", Selection(log=day)) == [(COMPANY, "b1"), (COMPANY, "b2")]
        shares = searching.shares(work, "replay", Selection(company=COMPANY, request="r1"))
    assert [(one.cause, one.invoices) for one in shares] == [
        ("contact_not_mapped:crane", 2),
        ("account_archived:299", 1),
    ]


def test_script_in_a_choice_or_a_reason_is_text(helper):
    page = preview(helper, client=EVIL) + preview(helper, number="n-", reason="contact_not_mapped", client="")
    page += helper.do("/replay", act="replay", why=EVIL, **GROUP)
    assert TOLD in page
    assert EVIL not in page


def test_who_only_reads_may_look_and_not_do(helper, on_sqlite, console):
    from tests.console.visiting import Person

    reader = Person(on_sqlite, console, "read")
    reader.sign_in()
    page = preview(reader, **GROUP)
    assert counted(page) == 3
    assert "may look at this, and not do it" in page
    assert "not part of your role" in reader.do("/replay", 403, act="replay", why="x", **GROUP)


def test_an_order_nobody_gave_is_not_found(helper):
    assert "There is no order 7" in helper.see("/replay/7", 404)
    assert "There is no order x" in helper.see("/replay/x", 404)
