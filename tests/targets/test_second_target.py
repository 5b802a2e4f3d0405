"""A company names its accounting system, and the engine exports to it as it does to Xero, beside it."""

import inspect
import json
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from cli.main import app
from events.accounting_target import AccountingTarget, Lane, TargetLogin, TargetPace
from events.invoice import Invoice
from events.settings import CompanySettings
from store import companies, contacts
from store.tables import Company
from tests.builders import COMPANY, an_invoice, contact_id, invoices
from tests.contacts.admin import Admin
from tests.targets.paper import Paper
from worker.connections import apps, connecting, health, login_links, tending
from worker.connections.connecting import ChosenOrganisation
from worker.decisions.refusals import LoginRefused
from worker.export import turn
from worker.preview import preview
from worker.reconcile import reconciler
from worker.status import companies as statuses

QUAY, BOOKS = "quayside", "paper-books"


@pytest.fixture
def both(installation):
    """A company with Xero and one with paper, in one process."""
    installation.paper = Paper()
    installation.a_worker_runs()
    installation.tools.targets["paper"] = installation.paper
    apps.add_company(installation.tools, QUAY, "Quayside", "test", "paper")
    with installation.store.write() as work:
        companies.set_up(work, QUAY, "Quayside", CompanySettings(default_account_code="200"))
        for client in ("acme", "bolt"):
            contacts.link(work, QUAY, client, f"https://paper.example/people/cust-{client}", said_by="test")
        choice = ChosenOrganisation(BOOKS, "Quayside books", "", "USD", "")
        connecting.settle_on(work, installation.tools, QUAY, "", choice, ())
    return installation


def ask(made, *wanted, request="p1", **other):
    made.ask(*wanted, company=QUAY, request=request, **other)


def ended(made, request="p1"):
    return {invoice: answer["type"] for invoice, answer in made.answers(request).items()}


def test_a_backlog_goes_seven_at_a_call_beside_a_company_with_xero(both):
    ask(both, *invoices(20, "p"))
    both.ask(*invoices(20, "x"))
    both.run()
    assert set(ended(both).values()) == set(ended(both, "r1").values()) == {"succeeded"}
    assert (both.paper.calls, both.paper.sizes_of_calls) == (["create"] * 3, [7, 7, 6])
    assert len(both.calls("PUT")) == 1, "Xero takes fifty"
    assert both.paper.pace.booked == ["done"] * 3
    assert {sheet["sheet"] for sheet in both.paper.sheets.values()} == {one["number"] for one in invoices(20, "p")}
    assert {one["InvoiceNumber"] for one in both.books()} == {one["number"] for one in invoices(20, "x")}


def test_a_system_without_credit_notes_says_so_in_plain_words(both):
    with both.store.write() as work:
        companies.set_up(work, QUAY, "Quayside", CompanySettings(default_account_code="200", credit_notes=True))
    ask(both, an_invoice("c", document="credit_note"), an_invoice("b", line={"unit_amount": "-5"}), an_invoice("i"))
    both.run()
    assert ended(both) == {"c": "failed", "b": "failed", "i": "succeeded"}
    answers = both.answers("p1")
    assert {answers[id_]["reason"] for id_ in "cb"} == {"credit_notes_off"}
    assert "not supported for the accounting system" in answers["c"]["notification"]["message"]


def test_a_click_is_answered_with_the_systems_own_link_and_proof(both):
    ask(both, an_invoice("p1"), mode="single")
    both.run()
    answer = both.answers("p1")["p1"]
    assert answer["deep_link"] == "https://paper.example/paper-books/sheets/sheet-1"
    assert answer["xero_invoice_id"] == "sheet-1"
    assert (answer["verified"], answer["totals"]["total"]) == (True, "100.00")


def test_what_changed_in_crewcard_goes_as_an_update_and_what_was_edited_there_is_left_alone(both):
    ask(both, an_invoice("p1"))
    both.run()
    ask(both, an_invoice("p1", revision=2, line={"quantity": "3"}), request="p2")
    both.run()
    assert both.answers("p2")["p1"]["outcome"] == "updated"
    (sheet,) = both.paper.sheets.values()
    assert sheet["rows"][0]["qty"] == "3"
    sheet["rows"][0]["qty"] = "9"
    ask(both, an_invoice("p1", revision=3, line={"quantity": "4"}), request="p3")
    both.run()
    assert both.answers("p3")["p1"]["reason"] == "edited_in_xero"
    assert sheet["rows"][0]["qty"] == "9"


def test_a_refused_invoice_says_so_in_plain_words_and_its_neighbour_goes(both):
    with both.store.write() as work:
        contacts.link(work, QUAY, "bolt", "cust-nobody", said_by="test")
    ask(both, an_invoice("p1"), an_invoice("p2", client={"id": "bolt", "name": "Bolt & Co"}))
    both.run()
    assert ended(both) == {"p1": "succeeded", "p2": "failed"}
    refused = both.answers("p1")["p2"]
    assert (refused["reason"], refused["xero_words"]) == ("contact_not_found", "We know nobody of that name.")
    assert refused["notification"]["message"]
    assert refused["how"]


def test_a_call_that_is_refused_as_a_whole_waits_and_fails_nobody(both):
    both.paper.fault = "refused whole"
    ask(both, an_invoice("p1"))
    both.run()
    assert ended(both) == {}
    with both.store.read() as work:
        seen = statuses.of_company(both.tools, work, QUAY).status
    assert (seen.state, seen.cause) == ("waiting", "trouble")
    assert "stocktaking" in seen.sentence
    both.later(60)
    both.wake()
    both.run()
    assert ended(both) == {"p1": "succeeded"}


def test_a_lost_answer_is_looked_up_and_nothing_is_there_twice(both):
    both.paper.fault = "lost"
    ask(both, an_invoice("p1"))
    both.run()
    assert ended(both) == {}
    both.settle_down(2)
    assert (ended(both), len(both.paper.sheets)) == ({"p1": "succeeded"}, 1)
    assert both.paper.calls == ["create", "find"]


def test_its_own_pace_holds_it_back_and_not_the_other(both):
    both.paper.pace.left = 0
    ask(both, an_invoice("p1"))
    both.ask(an_invoice("x1"))
    both.run()
    assert (ended(both), both.paper.calls) == ({}, [])
    assert ended(both, "r1") == {"x1": "succeeded"}
    with both.store.read() as work:
        seen = {one.health.company: one.status for one in statuses.of_companies(both.tools, work)}
    assert (seen[QUAY].cause, seen[QUAY].limit) == ("limit", "day")
    assert seen[COMPANY].state == "idle"


def test_a_preview_asks_it_and_sends_nothing(both):
    ask(both, an_invoice("p1"))
    both.run()
    del both.paper.calls[:]
    wanted = [an_invoice("p1", revision=2, line={"quantity": "3"}), *invoices(9, "n")]
    told = preview.preview(both.tools, QUAY, [Invoice.model_validate(one) for one in wanted])
    assert (dict(told.counts), told.organisation, told.complete) == (
        {"update": 1, "create": 9},
        "Quayside books",
        True,
    )
    assert [one.sentence for one in told.invoices[0].changes] == ["line 1 quantity: 1 → 3"]
    assert {f"{one.totals.total:.2f}" for one in told.invoices[1:]} == {"100.00"}
    assert told.forecast.calls == 4, "an update with its look, and nine in two calls of seven"
    assert both.paper.calls.count("find") == 3, "four numbers a call"
    assert not {"create", "update"} & set(both.paper.calls)


def test_a_contact_is_checked_there_and_shown_under_its_own_address(both):
    admin = Admin(both)
    admin.allow(company=QUAY)
    admin.paste("bolt", "https://paper.example/people/cust-acme", company=QUAY)
    admin.paste("acme", "who is it", company=QUAY)
    admin.clock()
    told = {one["client"]: one for one in admin.told()}
    assert told["bolt"]["contact"] == {
        "xero_contact_id": "cust-acme",
        "name": "ACME Ltd",
        "link": "https://paper.example/people/cust-acme",
    }
    assert (told["acme"]["ended"], told["acme"]["reason"]) == ("rejected", "no_id")
    assert both.paper.calls == ["contacts"]


def test_the_reconciler_finds_what_was_deleted_there(both):
    ask(both, an_invoice("p1"))
    both.run()
    both.later(3600)
    both.paper.sheets["sheet-1"]["status"] = "DELETED"
    assert reconciler.reconcile(both.tools, "test") == 1
    (drift,) = both.events("invoice.export.drift_found")
    assert (drift["data"]["kind"], drift["data"]["deep_link"]) == (
        "deleted",
        "https://paper.example/paper-books/sheets/sheet-1",
    )


def test_a_system_without_login_asks_for_no_app_and_offers_no_link(both):
    seen = health.of_company(both.tools, QUAY)
    assert (seen.well, seen.target, seen.client_id) == (True, "paper", None)
    link = login_links.link(both.tools, QUAY)
    with pytest.raises(LoginRefused) as refused:
        login_links.opened(both.tools, QUAY, unquote(link.url.rpartition("=")[2]))
    assert refused.value.refusal.code == "no_login"
    assert tending.tend(both.tools, "clock") == 0


def name_unknown(made):
    with made.store.write() as work:
        work.session.get_one(Company, QUAY).target = "slate"


def test_a_company_that_names_an_unknown_system_waits_with_a_sentence_and_others_go_on(both):
    ask(both, an_invoice("p1"))
    name_unknown(both)
    assert turn.take_turn(both.tools, Lane(QUAY, BOOKS)) == turn.NextTurn(), "it is no failure of a turn"
    ask(
        both,
        an_invoice("p2", client={"id": "acme", "name": "ACME Ltd", "xero_contact_id": "cust-acme"}),
        request="p2",
    )
    both.ask(an_invoice("x1"))
    both.settle_down(2)
    both.a_worker_runs()
    assert (ended(both), ended(both, "p2"), ended(both, "r1")) == ({}, {}, {"x1": "succeeded"})
    with both.store.read() as work:
        seen = statuses.of_company(both.tools, work, QUAY).status
    assert (seen.state, seen.who) == ("needs_person", "support")
    assert seen.sentence == (
        "Quayside is set up for the accounting system “slate”, which this installation does not know."
    )
    shown = preview.preview(both.tools, QUAY, [Invoice.model_validate(an_invoice("p3"))])
    assert (shown.fine, shown.warnings) == (False, (seen.sentence,))
    with both.store.write() as work:
        work.session.get_one(Company, QUAY).target = "paper"
    both.wake()
    both.run()
    assert (ended(both), ended(both, "p2")) == ({"p1": "succeeded"}, {"p2": "succeeded"})


def run(made, *words, monkeypatch):
    monkeypatch.setattr("cli.common.ready", lambda: made.tools)
    return CliRunner().invoke(app, ["companies", *words])


def test_the_command_names_the_system_and_refuses_one_that_is_not_here(both, monkeypatch):
    refused = run(both, "add", "new", "--target", "slate", monkeypatch=monkeypatch)
    assert refused.exit_code == 1
    assert "There is no accounting system “slate” here. There is: paper, xero." in " ".join(refused.output.split())
    assert run(both, "add", "new", "--target", "paper", monkeypatch=monkeypatch).exit_code == 0
    assert run(both, "add", "new", "--name", "New Quay", monkeypatch=monkeypatch).exit_code == 0
    listed = json.loads(run(both, "--json", monkeypatch=monkeypatch).stdout)
    assert {one["company"]: one["target"] for one in listed} == {COMPANY: "xero", QUAY: "paper", "new": "paper"}


def test_a_connected_company_cannot_be_given_another_system(both, monkeypatch):
    refused = run(both, "add", COMPANY, "--target", "paper", monkeypatch=monkeypatch)
    assert refused.exit_code == 1
    assert "Disconnect it first" in " ".join(refused.output.split())
    connecting.disconnect(both.tools, COMPANY, "olga")
    assert run(both, "add", COMPANY, "--target", "paper", monkeypatch=monkeypatch).exit_code == 0


@pytest.mark.parametrize("name", ["xero", "paper"])
def test_a_target_has_everything_that_the_port_asks_for(both, name):
    """A forgotten method, or one that takes other things, is named here; mypy checks the types of production's."""
    target = both.tools.targets[name]
    parts = [(AccountingTarget, target), (TargetPace, target.pace)]
    parts += [(TargetLogin, target.login)] if target.login else []
    assert [miss for port, part in parts for miss in missing(port, part)] == []


def missing(port, part):
    yield from (name for name in port.__annotations__ if not hasattr(part, name))
    for name, asked in vars(port).items():
        if inspect.isfunction(asked) and not name.startswith("_"):
            found = getattr(part, name, None)
            if not found or not takes(found) >= takes(asked) - {"self"}:
                yield name


def takes(method):
    return set(inspect.signature(method).parameters)


def test_no_id_of_the_one_system_is_read_by_the_other(both):
    assert both.paper.contact_id(contact_id("acme")) is None
    ask(both, an_invoice("p1", client={"id": "new", "name": "New", "xero_contact_id": contact_id("acme")}))
    both.run()
    assert both.answers("p1")["p1"]["reason"] == "contact_id_malformed"
