"""A company's settings: its organisation's own choices, wrong ones refused at once, and what they do to invoices."""

from datetime import date

import pytest

from events.settings import CompanySettings, DueRule
from simulator import seeding
from tests.builders import COMPANY, an_invoice
from tests.contacts.admin import ACTIVE

ORGANISATION = {
    "accounts": [
        {"code": "210", "name": "Crew hire"},
        {"code": "090", "name": "Bank", "kind": "BANK"},
        {"code": "610", "name": "Receivable", "kind": "SYSTEM"},
    ],
    "tax_rates": [
        {"code": "ZERO", "name": "Zero rated", "rate": "0"},
        {"code": "INPUT", "name": "On purchases", "rate": "10", "for_revenue": False},
        {"code": "OLD", "rate": "5", "status": "ARCHIVED"},
    ],
    "tracking": [{"name": "Region", "options": [{"name": "North"}, {"name": "Old", "status": "ARCHIVED"}]}],
    "themes": [{"name": "Crew"}],
}


@pytest.fixture
def chooser(clerk_free):
    seeding.change(clerk_free.organisation, ORGANISATION)
    return clerk_free


def exported(admin, *invoices, request="r1"):
    admin.installation.ask(*invoices, request=request)
    admin.installation.run()
    return {book["InvoiceNumber"]: book for book in admin.installation.books()}


def test_every_setting_reaches_the_invoice_in_xero(admin):
    seeding.change(admin.organisation, ORGANISATION)
    told = admin.settings_answer(
        default_account_code="210",
        default_tax_type="ZERO",
        invoice_status="SUBMITTED",
        due={"kind": "day_of_next_month", "days": 20},
        number_prefix="CC-",
        tracking=[{"category": "region", "option": "north"}],
        branding_theme="crew",
    )
    assert told["type"] == "company.settings.updated"
    assert told["data"]["changed"][0] == "branding_theme"
    book = exported(admin, an_invoice(number="1007", due_date=None))["CC-1007"]
    (line,) = book["LineItems"]
    assert (line["AccountCode"], line["TaxType"], book["Status"]) == ("210", "ZERO", "SUBMITTED")
    assert book["DueDateString"][:10] == "2026-12-20"
    assert [(one["Name"], one["Option"]) for one in line["Tracking"]] == [("Region", "North")]
    assert book["BrandingThemeID"] == admin.organisation.themes["Crew"].id
    answer = admin.installation.answers()["i1"]
    assert answer["number"] == "CC-1007"


def test_a_kind_of_line_has_its_own_account_and_tax_and_a_line_its_own_word(chooser):
    chooser.settings_answer(
        kinds={"Hire": {"account_code": "210"}, "extra": {"account_code": "260", "tax_type": "NONE"}}
    )
    lines = [
        {"description": "a", "quantity": "1", "unit_amount": "10", "kind": "hire"},
        {"description": "b", "quantity": "1", "unit_amount": "10", "kind": "extra"},
        {"description": "c", "quantity": "1", "unit_amount": "10", "kind": "hire", "account_code": "200"},
        {"description": "d", "quantity": "1", "unit_amount": "10", "kind": "unheard of"},
        {"description": "e", "quantity": "1", "unit_amount": "10"},
    ]
    book = exported(chooser, {**an_invoice(), "lines": lines})["N-i1"]
    assert [line["AccountCode"] for line in book["LineItems"]] == ["210", "260", "200", "200", "200"]
    assert book["LineItems"][1]["TaxType"] == "NONE"


def test_kinds_are_changed_one_by_one(chooser):
    chooser.settings_answer(kinds={"hire": {"account_code": "210"}})
    chooser.settings_answer(kinds={"HIRE": {"tax_type": "ZERO"}, "extra": {"account_code": "260"}})
    kept = chooser.settings().kinds
    assert kept["hire"].model_dump() == {"account_code": "210", "tax_type": "ZERO"}
    chooser.settings_answer(kinds={"hire": None})
    assert list(chooser.settings().kinds) == ["extra"]


WRONG = {
    "unknown account": ({"default_account_code": "999"}, ["Account 999 does not exist", "200, 210 (Crew hire), 260"]),
    "archived account": ({"default_account_code": "299"}, ["Account 299 is archived", "200"]),
    "bank account": ({"default_account_code": "090"}, ["Account 090", "not for sales invoices"]),
    "system account": ({"default_account_code": "610"}, ["Account 610"]),
    "tax of purchases": ({"default_tax_type": "INPUT"}, ["Tax rate INPUT", "ZERO (Zero rated)"]),
    "archived tax": ({"default_tax_type": "OLD"}, ["Tax rate OLD is archived"]),
    "a tax rate's name": ({"default_tax_type": "Zero rated"}, ["Tax rate Zero rated does not exist", "ZERO"]),
    "account of a kind": (
        {"kinds": {"hire": {"account_code": "999"}}},
        ["Account 999 for hire lines does not"],
    ),
    "unknown category": ({"tracking": [{"category": "Crew", "option": "A"}]}, ["Crew does not exist", "Region"]),
    "archived option": ({"tracking": [{"category": "Region", "option": "Old"}]}, ["no option Old", "North"]),
    "unknown theme": ({"branding_theme": "Fancy"}, ["Fancy does not exist", "Standard, Crew"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_choice_is_refused_with_the_valid_ones_in_the_sentence(chooser, case):
    settings, said = WRONG[case]
    before = chooser.settings()
    told = chooser.settings_answer(**settings)
    assert told["type"] == "company.settings.rejected"
    (problem,) = told["data"]["problems"]
    assert all(part in problem for part in said), problem
    assert chooser.settings() == before


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_half_done(chooser):
    told = chooser.settings_answer(default_account_code="999", default_tax_type="NOPE", number_prefix="X")
    assert len(told["data"]["problems"]) == 2
    assert chooser.settings().number_prefix is None


def test_choices_are_kept_for_a_day_and_asked_anew_before_anything_is_refused(chooser):
    chooser.settings_answer(default_account_code="210")
    assert len(chooser.calls("/accounts")) == 1
    chooser.settings_answer(default_account_code="260")
    assert len(chooser.calls("/accounts")) == 1
    chooser.installation.later(60)
    seeding.change(chooser.organisation, {"accounts": [{"code": "230", "name": "New this minute"}]})
    assert chooser.settings_answer(default_account_code="230")["type"] == "company.settings.updated"
    assert len(chooser.calls("/accounts")) == 2
    chooser.installation.later(86_401)
    chooser.settings_answer(default_account_code="230")
    assert len(chooser.calls("/accounts")) == 3


def test_what_needs_nobodys_word_costs_no_call(chooser):
    told = chooser.settings_answer(contact_ids_editable=False, invoice_status="DRAFT", number_prefix="A-")
    assert told["type"] == "company.settings.updated"
    assert chooser.installation.calls("GET") == []


def test_only_an_admin_may_change_settings(chooser):
    told = chooser.settings_answer(invoice_status="DRAFT", role="clerk")
    assert told["data"]["problems"] == ["Only an admin may change the Xero settings."]
    assert chooser.settings().invoice_status == "AUTHORISED"


def test_while_xero_is_away_a_choice_waits_and_then_counts(chooser):
    chooser.installation.simulator.state.faults.set({"http_500": 1.0, "reads": True})
    chooser.choose(default_account_code="210")
    assert chooser.clock() == 0
    assert chooser.settings().default_account_code == "200"
    chooser.installation.simulator.state.faults.set({})
    chooser.installation.later(10)
    chooser.clock()
    assert chooser.settings().default_account_code == "210"
    assert len(chooser.installation.events("company.settings.updated")) == 1


def test_an_event_that_makes_no_sense_is_refused_at_the_door(chooser):
    from events.codec import Unreadable

    for settings, said in (
        ({"invoice_status": "PAID"}, "must be DRAFT, SUBMITTED or AUTHORISED, not “PAID”"),
        ({"due": {"kind": "soon", "days": 1}}, "due.kind"),
        ({"number_prefix": "É"}, "number_prefix"),
        ({"colour": "red"}, "is not a field we know"),
        ({}, "must name a setting"),
    ):
        with pytest.raises(Unreadable, match=said):
            chooser.choose(**settings)


def test_changes_of_many_admins_at_once_lose_nothing(admin):
    admin.choose(number_prefix="A-")
    admin.choose(invoice_status="DRAFT")
    admin.choose(due={"kind": "days_after_invoice", "days": 7})
    assert admin.clock() == 3
    settings = admin.settings()
    assert (settings.number_prefix, settings.invoice_status, settings.due.days) == ("A-", "DRAFT", 7)


DUE = [
    ("days_after_invoice", 14, date(2026, 1, 25), date(2026, 2, 8)),
    ("days_after_invoice", 0, date(2026, 1, 25), date(2026, 1, 25)),
    ("days_after_month_end", 30, date(2026, 1, 5), date(2026, 3, 2)),
    ("days_after_month_end", 0, date(2028, 2, 5), date(2028, 2, 29)),
    ("day_of_this_month", 28, date(2026, 1, 5), date(2026, 1, 28)),
    ("day_of_this_month", 31, date(2026, 2, 5), date(2026, 2, 28)),
    ("day_of_this_month", 5, date(2026, 2, 20), date(2026, 2, 20)),
    ("day_of_next_month", 20, date(2026, 12, 31), date(2027, 1, 20)),
    ("day_of_next_month", 31, date(2026, 1, 31), date(2026, 2, 28)),
]


@pytest.mark.parametrize(("kind", "days", "invoiced", "due"), DUE)
def test_due_dates_follow_the_rule(kind, days, invoiced, due):
    assert CompanySettings(due=DueRule(kind=kind, days=days)).due_date(invoiced) == due


def test_the_hosts_own_due_date_is_kept(chooser):
    chooser.settings_answer(due={"kind": "days_after_invoice", "days": 1})
    assert exported(chooser, an_invoice())["N-i1"]["DueDateString"][:10] == "2026-12-20"


def test_settings_kept_by_the_version_before_still_read(chooser):
    old = '{"default_account_code":"200","invoice_status":"DRAFT","days_until_due":14,"contact_ids_editable":true}'
    assert CompanySettings.model_validate_json(old).due_date(date(2026, 1, 1)) == date(2026, 1, 15)
    told = CompanySettings.model_validate_json(old).model_dump(mode="json", exclude_none=True)
    added = {"attachments", "credit_notes", "sent_to_contact"}
    assert set(told) - added == {"default_account_code", "invoice_status", "days_until_due", "contact_ids_editable"}


def test_a_theme_chosen_by_hand_in_xero_survives_a_re_export(chooser):
    chooser.settings_answer(branding_theme="Crew")
    book = exported(chooser, an_invoice())["N-i1"]
    seeding.change(chooser.organisation, {"themes": [{"name": "By hand"}]})
    book["BrandingThemeID"] = chooser.organisation.themes["By hand"].id
    exported(chooser, an_invoice(revision=2, reference="newer"), request="r2")
    (after,) = chooser.installation.books()
    assert (after["Reference"], after["BrandingThemeID"]) == ("newer", chooser.organisation.themes["By hand"].id)


def test_a_mended_contact_and_changed_settings_meet_in_the_same_send(chooser):
    chooser.installation.ask(an_invoice(client={"id": "new", "name": "New"}))
    chooser.installation.run()
    chooser.settings_answer(default_account_code="210")
    chooser.answer("new", ACTIVE)
    chooser.installation.run()
    (book,) = chooser.installation.books()
    assert book["LineItems"][0]["AccountCode"] == "210"
    assert COMPANY in book["Url"]
