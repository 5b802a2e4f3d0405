"""What a company's settings name can go in Xero: said daily, before invoices fail; mended, what failed goes."""

import pytest

from events.settings import CompanySettings, LineDefaults
from store import companies
from tests.builders import COMPANY, TENANT, an_invoice
from worker.contacts import settings_rechecking
from worker.failing import sending_again
from worker.waiting import regrouping

DAY = 86_401


def choose(installation, **settings):
    """An admin changes the company's settings."""
    with installation.store.write() as work:
        before = companies.locked_settings(work, COMPANY)
        after = before.model_copy(update=settings)
        companies.set_up(work, COMPANY, COMPANY.title(), after)
        regrouping.settings_changed(work, COMPANY, before, after)


def archive(installation, code):
    organisation = installation.simulator.state.world.organisations[TENANT]
    account = next(one for one in organisation.accounts.values() if one.code == code)
    object.__setattr__(account, "status", "ARCHIVED")


def told(installation):
    return [event["data"] for event in installation.events("xero.export.attention_needed")]


def test_settings_that_fit_are_no_news_and_cost_a_call_per_kind_and_day(on_sqlite):
    before = len(on_sqlite.calls())
    assert settings_rechecking.recheck_due(on_sqlite.tools, "test") == 0
    on_sqlite.later(3600)
    assert settings_rechecking.recheck_due(on_sqlite.tools, "test") == 0
    assert len(on_sqlite.calls()) - before == 1
    assert told(on_sqlite) == []


def test_an_account_that_was_archived_is_told_to_admins_once_a_day(installation):
    archive(installation, "200")
    for _ in range(2):
        assert settings_rechecking.recheck_due(installation.tools, "test") == 1
    (event,) = told(installation)
    assert (event["reason"], event["who"]) == ("settings_outdated", "admin")
    assert "200" in event["message"]
    installation.later(DAY)
    settings_rechecking.recheck_due(installation.tools, "test")
    assert len(told(installation)) == 2


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
    patch = settings_rechecking.as_patch(settings)
    assert (patch.default_account_code, patch.default_tax_type) == ("200", "OUTPUT")
