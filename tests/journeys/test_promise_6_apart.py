"""Promise 6: no company's data or token ever reaches another company's organisation."""

import pytest

from store import connections
from tests.builders import an_invoice, invoices

OTHER = "99999999-2222-4333-8444-555555555555"


def test_every_call_carries_the_bearer_of_its_own_company(installation):
    installation.company("other", OTHER)
    installation.ask(*invoices(120))
    installation.ask(*invoices(120), company="other")
    installation.simulator.state.identity.expire_all()
    installation.run()
    whose = {(call["tenant"], call["bearer_of"], call["may_see"]) for call in installation.calls("PUT")}
    assert {(tenant[:4], bearer) for tenant, bearer, _ in whose} == {
        ("1111", "app-harbour/user-harbour"),
        ("9999", "app-other/user-other"),
    }
    assert all(may_see for _, _, may_see in whose)


def test_the_same_invoice_id_in_two_companies_is_two_invoices(installation):
    installation.company("other", OTHER)
    installation.ask(an_invoice("same"))
    installation.ask(an_invoice("same"), company="other")
    installation.run()
    assert len(installation.books()) == 1
    assert len(installation.books(OTHER)) == 1


def test_an_organisation_belongs_to_one_company(installation):
    with pytest.raises(connections.Taken):
        installation.company("thief")
