"""The control of `test_bearers`: the SDK as it comes mixes two companies' tokens, and our search finds it.

facts §9.3 #1, #2: all clients share one token object, and after a refresh it waits there for the call.
"""

import time

import pytest
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi
from xero_python.exceptions import HTTPStatusException

from simulator import control
from tests import builders
from tests.connections.house import OTHER_TENANT, TENANT
from tests.connections.test_bearers import foreign


@pytest.fixture
def as_it_comes(simulated_xero, monkeypatch):
    """The SDK without our care, pointed at the simulator."""
    simulator, url = simulated_xero
    simulator.state.reset()
    monkeypatch.setattr(Configuration, "_default", None)
    monkeypatch.setattr(TokenApi, "refresh_token_url", f"{url}/connect/token")
    return simulator, url


def test_the_sdk_as_it_comes_carries_another_companys_bearer_and_the_search_finds_it(as_it_comes):
    simulator, url = as_it_comes
    other = _client(simulator, url, "bolt", OTHER_TENANT, seconds_left=1800)
    mine = _client(simulator, url, "anna", TENANT, seconds_left=30, while_saving=lambda: _call(other, OTHER_TENANT))
    with pytest.raises(HTTPStatusException, match="403"):
        _call(mine, TENANT)
    carried = [call for call in simulator.state.world.calls if call["tenant"]]
    owners = {TENANT: "app/anna", OTHER_TENANT: "app/bolt"}
    assert foreign(carried, owners) == [(TENANT, "app/bolt", False)]


def _client(simulator, url: str, user: str, tenant: str, *, seconds_left: float, while_saving=lambda: None):
    """A company's own ApiClient, as the SDK's example has it; other threads go on while a new token is saved."""
    state = simulator.state
    state.world.organisations[tenant] = control.organisation(builders.an_organisation(tenant))
    state.identity.add_app("app", "secret")
    pair = state.identity.grant("app", user, [tenant], state.world.now())
    token = {**pair, "scope": pair["scope"].split(), "expires_at": time.time() + seconds_left}
    configuration = Configuration(oauth2_token=OAuth2Token("app", "secret"))
    saver = lambda _token: while_saving()  # noqa: E731
    client = ApiClient(configuration, oauth2_token_getter=lambda: token, oauth2_token_saver=saver)
    return AccountingApi(client, base_url=f"{url}/api.xro/2.0")


def _call(api: AccountingApi, tenant: str) -> None:
    api.get_invoices(tenant, _preload_content=False, _return_http_data_only=False)
