"""Promise 6 at the wire: no call ever carries another company's bearer, in one process and in several.

40 companies, two of them behind one Xero user; 16 threads per process; access tokens all expire at every
hundredth call.
FOREIGN_BEARER_CALLS sets how many calls are made (900; `make prove` makes 100,000).
"""

import os
import subprocess
import sys
import uuid

import pytest

from events.settings import CompanySettings
from store import companies
from tests import builders, machines
from tests.connections import callers
from tests.connections.xero_pages import XeroPages
from tests.installation import KEY
from worker.connections import connecting
from worker.connections.connecting import App, ChosenOrganisation

CALLS = int(os.environ.get("FOREIGN_BEARER_CALLS", "900"))
COMPANIES = 40


@pytest.fixture
def xero():
    with machines.a_simulator_process() as url:
        pages = XeroPages(url)
        pages.say("PUT", "limits", {"on": False})
        yield pages


@pytest.mark.timeout(max(120, CALLS // 10))
@pytest.mark.parametrize(("database_url", "processes"), [("postgresql", 2), ("sqlite", 1)], indirect=["database_url"])
def test_no_call_carries_another_companys_bearer(xero, database_url, redis_url, processes):
    owners = _forty_companies(xero, callers.tools_for(database_url, redis_url, xero.url, KEY))
    xero.faults(expire_tokens=list(range(100, CALLS, 100)), reads=True)
    share = CALLS // 2 // processes
    command = [sys.executable, "-m", "tests.connections.callers", database_url, redis_url, xero.url, KEY, str(share)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
    answered = sum(int(process.communicate()[0]) for process in running)
    said = xero.calls()
    carried = [call for call in said["calls"] if call["tenant"]]
    assert foreign(carried, owners) == []
    assert len(carried) >= share * processes
    assert answered > share * processes * 0.5, "the others met a token that expired twice"
    assert said["token_calls"] > COMPANIES, "tokens expired and were renewed"
    print(f"{len(carried)} calls, {said['token_calls']} token calls, 0 foreign bearers")  # noqa: T201


def foreign(calls: list[dict], owners: dict[str, str]) -> list[tuple[str, str, bool]]:
    """Calls with a bearer that is not the tenant's owner's: tenant, whose bearer, whether that one may see it."""
    carried = [(call["tenant"], call["bearer_of"], call["may_see"]) for call in calls]
    return [one for one in carried if one[1] != owners[one[0]] or not one[2]]


def _forty_companies(xero, tools) -> dict[str, str]:
    """Companies with an organisation each; the first two share an app and a Xero user. Gives tenant → bearer."""
    owners = {}
    tenants = [str(uuid.uuid5(uuid.NAMESPACE_DNS, f"tenant-{number}")) for number in range(COMPANIES)]
    for number, tenant in enumerate(tenants):
        company, owner = f"company-{number}", max(number, 1)
        app, user = App(f"app-{owner}", f"secret-{owner}"), f"user-{owner}"
        xero.organisation(builders.an_organisation(tenant))
        xero.app(app.client_id, app.secret)
        pair = xero.grant(app.client_id, user, tenant)
        with tools.store.write() as work:
            companies.set_up(work, company, company, CompanySettings())
        connecting.connect(tools, company, app, ChosenOrganisation(tenant, company, "!a", "USD", user), pair)
        owners[tenant] = f"{app.client_id}/{user}"
    return owners
