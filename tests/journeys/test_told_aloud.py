"""Each reason a bookkeeper can be told, brought about for real, with its own facts, and fit to be read aloud."""

from datetime import date

import pytest

from events.reasons import Reason
from simulator import ledger
from simulator.messages import Say
from simulator.wire import exception
from store.tables import Export
from tests.builders import TENANT, an_invoice, an_order, contact_id
from tests.journeys import saying
from tests.journeys.plain import unlike_speech
from tests.simulator.test_reasons import CAUSED
from worker.commands import excluding
from worker.export import rescuer
from worker.intake import intake

CLIENT = {"id": "harbour-master", "name": "Harbour Master Ltd"}


def from_xero(reason):
    """As tests/simulator/test_reasons.py brings it about."""

    def act(installation, monkeypatch):
        cause = CAUSED[reason]
        installation.company(organisation=dict(cause.organisation), **cause.company)
        state = installation.simulator.state
        vars(state.switches).update(cause.switches)
        if cause.in_xero:
            books = state.world.organisations[TENANT]
            ledger.write_by_hand(state.world, books, "N-i1", contact_id("bolt"))["Status"] = cause.in_xero
        installation.ask(an_invoice(**cause.invoice))
        installation.settle_down(2)

    return act


def asked(**content):
    def act(installation, monkeypatch):
        installation.ask(an_invoice(**content))
        installation.run()

    return act


def said(text):
    def act(installation, monkeypatch):
        saying.of_invoice(monkeypatch, text)
        asked()(installation, monkeypatch)

    return act


def refused_whole(installation, monkeypatch):
    saying.of_call(monkeypatch, exception(14, "PostDataInvalidException", "JSON request body could not be read"))
    installation.ask(an_invoice())
    installation.settle_down(4)


def failing(installation, monkeypatch):
    saying.of_call(monkeypatch, saying.plainly("An error occurred", 500))
    installation.ask(an_invoice())
    installation.settle_down(30)


def cancelled(installation, monkeypatch):
    installation.ask(an_invoice())
    intake.accept(installation.tools, an_order("cancel", request="r1"))


def excluded(installation, monkeypatch):
    installation.ask(an_invoice())
    excluding.exclude(installation.tools, "harbour", ["i1"], "olga", "in dispute")


def waited(installation):
    installation.run()
    installation.later(installation.settings.expiry_seconds + 1)
    rescuer.sweep(installation.tools, "test")


def expired(installation, monkeypatch):
    installation.simulator.state.identity.grants.clear()
    installation.ask(an_invoice())
    installation.until_proven()
    waited(installation)


def unknown(installation, monkeypatch):
    installation.simulator.state.faults.set({"commit_then_drop": 1.0})
    installation.ask(an_invoice())
    waited(installation)


def quarantined(installation, monkeypatch):
    installation.ask(an_invoice())
    with installation.store.write() as work:
        work.session.get_one(Export, installation.export("i1").id).crashes = 8
    installation.run()


def twice(installation, monkeypatch):
    installation.ask(an_invoice("i0", number="N-i1"), request="r0")
    installation.ask(an_invoice())


def changed_since(**meanwhile):
    def act(installation, monkeypatch):
        installation.ask(an_invoice(revision=1), request="r0")
        installation.run()
        if meanwhile:
            installation.books()[0].update(meanwhile)
        else:
            installation.later(4000)  # what Xero took a moment ago may only not be shown yet
            installation.simulator.state.world.organisations[TENANT].invoices.clear()
        installation.ask(an_invoice(revision=2, reference="changed"))
        installation.run()

    return act


def locked_meanwhile(installation, monkeypatch):
    installation.ask(an_invoice(revision=1), request="r0")
    installation.run()
    installation.simulator.state.world.organisations[TENANT].period_lock = date(2026, 11, 30)
    installation.ask(an_invoice(revision=2, reference="changed"))
    installation.run()


def nothing_to_pay(installation, monkeypatch):
    """Xero marks an invoice of 0.00 paid, and then it is changed in CrewCard."""
    installation.simulator.state.switches.zero_becomes_paid = True
    visit = {"description": "Visit", "quantity": "1", "unit_amount": "0.00"}
    installation.ask(an_invoice(revision=1, lines=[visit]), request="r0")
    installation.run()
    installation.ask(an_invoice(revision=2))
    installation.run()


def marked_since(installation, monkeypatch):
    """What is in Xero as an invoice is a credit note in CrewCard now."""
    installation.ask(an_invoice(revision=1), request="r0")
    installation.run()
    installation.ask(an_invoice(revision=2, document="credit_note"))
    installation.run()


def raised_while_it_lives(installation, monkeypatch):
    installation.ask(an_invoice(), request="r0")
    installation.run()
    intake.accept(installation.tools, an_order("raise_anew", as_request="r1", invoices=["i1"]))
    installation.run()


def shown_by_no_list(installation, monkeypatch):
    """The answer is lost, and lists do not show the invoice for longer than we look for it."""
    installation.simulator.state.switches.reads_lag_seconds = 1_000_000
    installation.simulator.state.faults.set({"commit_then_drop": [1]})
    installation.ask(an_invoice())
    installation.run()
    installation.simulator.state.faults.set({})
    installation.settle_down(2)
    for _ in range(9):
        installation.later(15_000)
        installation.wake()
        installation.run()


OURS = {
    Reason.CANCELLED: cancelled,
    Reason.CONTACT_ID_MALFORMED: asked(client={**CLIENT, "xero_contact_id": "ask Anna"}),
    Reason.CONTACT_NAME_TAKEN: said(Say.CONTACT_NAME_TAKEN(name="ACME Ltd")),
    Reason.CONTACT_NOT_MAPPED: asked(client=CLIENT),
    Reason.CREDIT_NOTES_OFF: asked(document="credit_note"),
    Reason.DOCUMENT_FIXED: marked_since,
    Reason.DISCOUNT_BELOW_ZERO: asked(line={"discount_amount": "-5.00"}),
    Reason.XERO_REFUSED: said("The moon is in the wrong quarter."),
    Reason.LINE_TOO_LARGE: asked(line={"unit_amount": "9999999999.00", "quantity": "2"}),
    Reason.DISCOUNT_TWICE: asked(line={"discount_amount": "5.00", "discount_rate": "10"}),
    Reason.EDITED_IN_XERO: changed_since(Reference="edited by hand"),
    Reason.EXCLUDED: excluded,
    Reason.EXPIRED: expired,
    Reason.GONE_FROM_XERO: changed_since(),
    Reason.INVOICE_UNREADABLE: asked(line={"unit_amount": "a lot"}, currency="dollars", date="soon"),
    Reason.LINES_MISSING: said(Say.NO_LINES()),
    Reason.LOCKED_IN_XERO: locked_meanwhile,
    Reason.NUMBER_USED_TWICE: twice,
    Reason.OUTCOME_UNKNOWN: unknown,
    Reason.PAID_IN_XERO: changed_since(Status="PAID"),
    Reason.PERHAPS_IN_XERO: shown_by_no_list,
    Reason.QUARANTINED: quarantined,
    Reason.SENT_WRONGLY: refused_whole,
    Reason.STILL_IN_XERO: raised_while_it_lives,
    Reason.TOTALS_DO_NOT_ADD_UP: asked(totals={"subtotal": "90.00"}),
    Reason.XERO_KEEPS_FAILING: failing,
    Reason.ZERO_MARKED_PAID: nothing_to_pay,
}
# What each sentence must name, besides the number that is in every one of them.
NAMES = {
    Reason.ACCOUNT_ARCHIVED: ("299", "Line 1, “Crew, one day”"),
    Reason.ACCOUNT_INVALID: ("999", "Line 1"),
    Reason.CONTACT_ARCHIVED: ("Old",),
    Reason.CONTACT_NOT_MAPPED: ("Harbour Master Ltd",),
    Reason.CURRENCY_NOT_ENABLED: ("EUR",),
    Reason.ITEM_UNKNOWN: ("SHIP", "Line 1"),
    Reason.LOCKED_IN_XERO: ("30 November 2026",),
    Reason.NEGATIVE_TOTAL: ("-5.00 USD",),
    Reason.NUMBER_TAKEN: ("Bolt & Co",),
    Reason.NUMBER_USED_TWICE: ("i0",),
    Reason.PERIOD_LOCKED: ("30 June 2020",),
    Reason.PLAN_LIMIT: ("November 2026",),
    Reason.TAX_NOT_FOR_ACCOUNT: ("OUTPUT", "260"),
    Reason.TAX_TYPE_INVALID: ("GST on Income",),
    Reason.TOTALS_DO_NOT_ADD_UP: ("100.00", "90.00"),
    Reason.TRACKING_INVALID: ("Region “Nowhere”",),
}
# Whose matter it is, where the invoice is only the occasion.
WHOM = {Reason.CONTACT_ID_MALFORMED: "Harbour Master Ltd", Reason.CONTACT_EMAIL_INVALID: "Mail"}


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.code)
def test_a_failure_can_be_read_aloud(make_installation, sqlite_url, monkeypatch, reason):
    installation = make_installation(sqlite_url)
    act = OURS.get(reason) or from_xero(reason)
    if reason in OURS:
        installation.company()
    act(installation, monkeypatch)
    answer = installation.answers()["i1"]
    assert answer["reason"] == reason.code
    assert unlike_speech(answer) == []
    message = answer["notification"]["message"]
    assert all(name in message for name in (WHOM.get(reason, "N-i1"), *NAMES.get(reason, ()))), message
    assert answer["who"] == ("clerk" if reason is Reason.INVOICE_UNREADABLE else reason.value.who)
    assert answer["cause"].partition(":")[0] == reason.code


def test_what_xero_said_stands_beside_it_word_for_word(on_sqlite):
    on_sqlite.ask(an_invoice(line={"account_code": "299"}))
    on_sqlite.run()
    answer = on_sqlite.answers()["i1"]
    assert answer["xero_words"] == (
        "Account code '299' has been archived, or has been deleted. Each line item must reference a valid account"
    )
    assert answer["problems"][0]["xero_words"] == answer["xero_words"]


@pytest.mark.parametrize("nested", ["both", "only_nested", "only_flat"])
def test_several_errors_on_one_invoice_are_all_told_the_most_useful_first(on_sqlite, nested):
    """As Xero may nest them; told flat only, the lines are not known and not made up."""
    on_sqlite.simulator.state.switches.nested_errors = nested
    line = {"description": "Crew, one day", "quantity": "1", "unit_amount": "100.00"}
    broken = [line, {**line, "description": "Van", "account_code": "299"}, {**line, "item_code": "SHIP"}]
    on_sqlite.ask(an_invoice(lines=broken, date="2020-06-30"))
    on_sqlite.run()
    answer = on_sqlite.answers()["i1"]
    assert [problem["reason"] for problem in answer["problems"]] == [
        "period_locked",
        "account_archived",
        "item_unknown",
    ]
    lines = [problem.get("line") for problem in answer["problems"]]
    assert lines == ([None, None, None] if nested == "only_flat" else [None, 2, 3])
    also = (
        "Also: account archived; item not in Xero."
        if nested == "only_flat"
        else ("Also: account archived (line 2); item not in Xero (line 3).")
    )
    assert answer["notification"]["message"].endswith(also)
    if nested != "only_flat":
        assert "(Line 2, “Van”.)" in answer["problems"][1]["message"]
    assert unlike_speech(answer) == []


def test_the_same_error_on_many_lines_is_one_sentence(on_sqlite):
    line = {"description": "Crew", "quantity": "1", "unit_amount": "1.00", "account_code": "299"}
    on_sqlite.ask(an_invoice(lines=[line] * 30))
    on_sqlite.run()
    answer = on_sqlite.answers()["i1"]
    assert "Also: the same once more (lines 2, 3, 4, 5 and 25 more)." in answer["notification"]["message"]
    (problem,) = answer["problems"]
    assert (problem["line"], problem["more_lines"]) == (1, list(range(2, 31)))


def test_where_it_is_mended_is_one_click_away(on_sqlite):
    """The contact, the invoice, its double in Xero; what is mended in CrewCard opens there."""
    old = {"id": "old", "name": "Old Wharf", "xero_contact_id": contact_id("old")}
    books = on_sqlite.simulator.state.world.organisations[TENANT]
    double = ledger.write_by_hand(on_sqlite.simulator.state.world, books, "N-double", contact_id("bolt"))
    on_sqlite.ask(
        an_invoice("archived", client=old),
        an_invoice("double"),
        an_invoice("sums", totals={"subtotal": "1"}, link="https://app.example/i/sums"),
    )
    on_sqlite.settle_down(2)
    answers = on_sqlite.answers()
    assert answers["archived"]["link"] == f"https://go.xero.com/app/!AbC1/contacts/contact/{contact_id('old')}"
    assert answers["double"]["link"] == f"https://go.xero.com/app/!AbC1/invoicing/view/{double['InvoiceID']}"
    assert answers["sums"]["link"] == "https://app.example/i/sums"


def test_steps_are_told_one_by_one(on_sqlite):
    on_sqlite.ask(an_invoice(client=CLIENT))
    on_sqlite.run()
    answer = on_sqlite.answers()["i1"]
    assert answer["steps"] == [
        "Open the contact in Xero and copy the address of that page.",
        "Paste it as the client's Xero Client ID in CrewCard; what waits is then sent by itself.",
    ]
    assert answer["how"] == " ".join(answer["steps"])
    assert answer["by_itself"] is True
