"""What a company's settings name can go in Xero: said daily, before invoices fail; mended, what failed goes."""

import re

import pytest

from events.accounting_target import Lane
from events.invoice import Invoice, Tracking
from events.settings import CompanySettings, LineDefaults, Theme
from store import companies
from store.tables import Reconciliation
from tests.builders import COMPANY, TENANT, an_invoice
from worker.contacts import contact_answers, rechecking
from worker.failing import alerting, sending_again
from worker.preview import preview
from worker.reconcile import reconciler
from worker.waiting import cause_resolved

DAY = 86_401


def choose(installation, **settings):
    """An admin changes the company's settings."""
    with installation.store.write() as work:
        before = companies.locked_settings(work, COMPANY)
        after = before.model_copy(update=settings)
        companies.set_up(work, COMPANY, COMPANY.title(), after)
        cause_resolved.settings_changed(work, COMPANY, before, after)


def archive(installation, code):
    organisation = installation.simulator.state.world.organisations[TENANT]
    account = next(one for one in organisation.accounts.values() if one.code == code)
    object.__setattr__(account, "status", "ARCHIVED")


def told(installation):
    return [event["data"] for event in installation.events("xero.export.attention_needed")]


def test_settings_that_fit_are_no_news_and_cost_a_call_per_kind_and_day(on_sqlite):
    before = len(on_sqlite.calls())
    assert rechecking.recheck_settings_due(on_sqlite.tools, "test") == 0
    on_sqlite.later(3600)
    assert rechecking.recheck_settings_due(on_sqlite.tools, "test") == 0
    assert len(on_sqlite.calls()) - before == 1
    assert told(on_sqlite) == []


def test_an_account_that_was_archived_is_told_to_admins_once_a_day(installation):
    archive(installation, "200")
    for _ in range(2):
        assert rechecking.recheck_settings_due(installation.tools, "test") == 1
    (event,) = told(installation)
    assert (event["reason"], event["who"]) == ("settings_outdated", "admin")
    assert "200" in event["message"]
    installation.later(DAY)
    rechecking.recheck_settings_due(installation.tools, "test")
    assert len(told(installation)) == 2


def test_of_very_many_settings_whole_sentences_are_told_and_the_rest_counted(on_sqlite):
    kinds = {f"kind {number}": LineDefaults(account_code=f"9{number:02}") for number in range(40)}
    choose(on_sqlite, kinds=kinds)
    rechecking.recheck_settings_due(on_sqlite.tools, "test")
    (event,) = told(on_sqlite)
    whole = re.fullmatch(r"((?:Account .+? Choose one of: .+?\. )+)And (\d+) more\.", event["message"])
    assert len(event["message"]) <= 1000
    assert whole
    assert whole[1].count("Account ") + int(whole[2]) == 40


@pytest.mark.parametrize("of_a_kind", [False, True], ids=["the default", "of a kind of line"])
def test_mending_the_setting_sends_what_failed_for_it(installation, of_a_kind):
    labour = {"labour": LineDefaults(account_code="299")}
    choose(installation, **({"kinds": labour} if of_a_kind else {"default_account_code": "299"}))
    installation.ask(an_invoice(line={"kind": "labour"}))
    installation.run()
    assert installation.answers()["i1"]["reason"] == "account_archived"
    mended = {"labour": LineDefaults(account_code="200")}
    choose(installation, **({"kinds": mended} if of_a_kind else {"default_account_code": "200"}))
    assert sending_again.go_on(installation.tools) == 1
    installation.run()
    assert len(installation.books()) == 1


def test_settings_are_judged_as_if_somebody_chose_them_now():
    settings = CompanySettings(default_account_code="200", default_tax_type="OUTPUT")
    patch = rechecking.as_patch(settings)
    assert (patch.default_account_code, patch.default_tax_type) == ("200", "OUTPUT")


def refused(installation, *changes, **content):
    installation.ask(an_invoice(*changes, **content))
    installation.run()
    return installation.answers()["i1"]


def test_a_refused_value_of_the_settings_is_told_with_the_setting_to_the_admin(installation):
    choose(installation, default_account_code="299")
    answer = refused(installation)
    assert (answer["reason"], answer["who"], answer["by_itself"]) == ("account_archived", "admin", True)
    assert "default account" in answer["notification"]["message"]
    assert "299" in answer["notification"]["message"]
    assert "Xero settings (default account)" in answer["steps"][0]
    choose(installation, default_account_code="200")
    assert sending_again.go_on(installation.tools) == 1


@pytest.mark.parametrize(
    ("settings", "said", "reason"),
    [
        ({"kinds": {"labour": LineDefaults(account_code="299")}}, "account of labour lines", "account_archived"),
        ({"default_tax_type": "GONE"}, "default tax rate", "tax_type_invalid"),
        ({"kinds": {"labour": LineDefaults(tax_type="GONE")}}, "tax rate of labour lines", "tax_type_invalid"),
        ({"tracking": (Tracking(category="Region", option="Gone"),)}, "tracking", "tracking_invalid"),
    ],
    ids=["account of a kind", "tax", "tax of a kind", "tracking"],
)
def test_each_kind_of_setting_is_named(on_sqlite, settings, said, reason):
    choose(on_sqlite, **settings)
    answer = refused(on_sqlite, line={"kind": "labour"})
    assert (answer["reason"], answer["who"]) == (reason, "admin")
    assert f"settings: {said}" in answer["notification"]["message"]


def test_a_theme_that_was_deleted_is_the_admins_and_another_one_sends_what_waits(installation):
    installation.simulator.state.switches.deleted_theme_refused = True
    choose(installation, branding_theme=Theme(id="00000000-0000-4000-8000-00000000dead", name="Old"))
    answer = refused(installation)
    assert (answer["reason"], answer["who"]) == ("branding_theme_invalid", "admin")
    choose(installation, branding_theme=None)
    assert sending_again.go_on(installation.tools) == 1
    installation.run()
    assert len(installation.books()) == 1


def test_a_value_that_came_with_the_invoice_stays_with_whoever_keeps_the_books(on_sqlite):
    answer = refused(on_sqlite, line={"account_code": "299"})
    assert (answer["reason"], answer["who"]) == ("account_archived", "bookkeeper")
    assert "settings" not in answer["notification"]["message"]


def test_a_preview_names_the_setting_too(on_sqlite):
    choose(on_sqlite, default_account_code="299")
    (foreseen,) = (
        preview.preview(on_sqlite.tools, COMPANY, [Invoice.model_validate(an_invoice())]).invoices[0].problems
    )
    assert foreseen.who == "admin"
    assert "default account" in foreseen.message


def test_a_refusal_has_the_settings_looked_at_at_once_and_that_is_said_once(installation):
    tools = installation.tools
    assert rechecking.recheck_settings_due(tools, "test") == 0
    installation.later(600)
    archive(installation, "200")
    for request in ("one", "two"):
        installation.ask(an_invoice(request), request=request)
        installation.run()
        installation.relay()
        alerting.watch(tools)
        before = len(installation.calls())
        assert rechecking.recheck_refused(tools, "test") == 1
        assert len(installation.calls()) - before == (1 if request == "one" else 0)
        installation.later(60)
    refusal, outdated = sorted(told(installation), key=lambda event: event["reason"])
    assert (refusal["reason"], outdated["reason"]) == ("account_archived", rechecking.REASON)
    assert "default account" in refusal["message"]
    assert "200" in outdated["message"]


def test_a_refused_value_of_an_invoice_itself_is_no_reason_to_look(on_sqlite):
    refused(on_sqlite, line={"account_code": "299"})
    on_sqlite.relay()
    assert alerting.watch(on_sqlite.tools) == 1
    before = len(on_sqlite.calls())
    assert rechecking.recheck_refused(on_sqlite.tools, "test") == 0
    assert len(on_sqlite.calls()) == before


def next_look(installation):
    with installation.store.read() as work:
        return work.session.get(Reconciliation, Lane(COMPANY, TENANT)).next_at


def test_the_daily_look_is_paid_from_the_reconcilers_share(installation):
    installation.ask(an_invoice())
    installation.run()
    tools = installation.tools
    apart = reconciler.slot(tools, installation.organisation())
    reconciler.reconcile(tools, "test")
    choose(installation, default_account_code="200", default_tax_type="OUTPUT")
    before, calls = next_look(installation), len(installation.calls())
    rechecking.recheck_settings_due(tools, "test")
    asked = len(installation.calls()) - calls
    assert asked == 2
    assert (next_look(installation) - before).total_seconds() == pytest.approx(asked * apart, abs=5)
    installation.later(apart + 1)
    calls = len(installation.calls())
    reconciler.reconcile(tools, "test")
    rechecking.recheck_settings_due(tools, "test")
    assert len(installation.calls()) == calls, "what was looked at within the day costs nothing"
    installation.later(2 * apart)
    reconciler.reconcile(tools, "test")
    assert len(installation.calls()) == calls + 1


def test_a_daily_look_that_gets_no_permit_costs_the_reconciler_nothing(on_sqlite):
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    tools = on_sqlite.tools
    reconciler.reconcile(tools, "test")
    before, calls = next_look(on_sqlite), len(on_sqlite.calls())
    with on_sqlite.store.read() as work:
        organisation = contact_answers.organisation_of(work, tools, COMPANY)
    tools.targets["xero"].pace.pause(organisation, "day", 3600)
    assert rechecking.recheck_settings_due(tools, "test") == 0
    assert (next_look(on_sqlite), len(on_sqlite.calls())) == (before, calls)


def test_a_look_that_a_refusal_asks_for_is_not_put_on_the_reconciler(on_sqlite):
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    reconciler.reconcile(on_sqlite.tools, "test")
    before, calls = next_look(on_sqlite), len(on_sqlite.calls())
    rechecking.recheck_settings(on_sqlite.tools, COMPANY, at_most_old=0)
    assert next_look(on_sqlite) == before
    assert len(on_sqlite.calls()) == calls + 1


def test_the_daily_look_leaves_the_days_reserve_to_people(on_sqlite):
    asked = []
    pace, ask = on_sqlite.tools.targets["xero"].pace, on_sqlite.tools.targets["xero"].pace.ask
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "ask", lambda at, **said: (asked.append(said.get("single", False)), ask(at, **said))[1])
        rechecking.recheck_settings_due(on_sqlite.tools, "test")
    assert asked == [False]
