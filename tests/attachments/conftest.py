"""An installation whose company attaches files, with a login that may, and a file server beside it."""

import pytest

from simulator.scopes import DEFAULT
from tests.attachments.files import a_file_server
from tests.builders import COMPANY, TENANT
from worker.attachments.attacher import Attacher
from worker.connections import connecting

SCOPES = (*DEFAULT, "accounting.attachments")


class Attaching:
    """What a test does with files."""

    def __init__(self, installation, files):
        self.installation, self.files = installation, files
        self.attacher = Attacher(installation.tools)

    def log_in(self, *scopes, company=COMPANY, tenant=TENANT):
        """A login to Xero that gave these scopes."""
        state = self.installation.simulator.state
        app, user = connecting.App(f"app-{company}", f"secret-{company}"), f"user-{company}"
        pair = state.identity.grant(app.client_id, user, [tenant], state.world.now(), list(scopes))
        name = state.world.organisations[tenant].name
        choice = connecting.ChosenOrganisation(tenant, name, "!AbC1", "USD", user)
        connecting.connect(self.installation.tools, company, app, choice, pair)

    def attach(self, rounds=1):
        for _ in range(rounds):
            self.attacher.work_off()

    def settle(self, rounds=4):
        """Attach until nothing is in doubt any more."""
        for _ in range(rounds):
            self.attach()
            self.installation.later(self.installation.settings.settle_seconds + 31)
        self.attach()

    def in_xero(self, tenant=TENANT):
        """The files in Xero by invoice number: names and bytes."""
        books = self.installation.simulator.state.world.organisations[tenant]
        return {
            books.invoices[invoice]["InvoiceNumber"]: sorted((one.name, one.size, one.sha256) for one in files)
            for invoice, files in books.attachments.items()
            if files
        }

    def names(self, number="N-i1"):
        return [name for name, _, _ in self.in_xero().get(number, [])]

    def told(self):
        return [event["data"] for event in self.installation.events("invoice.attachments.completed")]

    def calls(self, method=None):
        listed = self.installation.calls(method)
        return [call for call in listed if "/Attachments" in call["path"]]


def attaching_on(make_installation, url, files, **chosen):
    made = make_installation(url, webhook_private_addresses=True, **chosen)
    made.company(attachments=True)
    found = Attaching(made, files)
    found.log_in(*SCOPES)
    return found


@pytest.fixture
def files():
    with a_file_server() as found:
        yield found


@pytest.fixture
def attaching(make_installation, database_url, files):
    found = attaching_on(make_installation, database_url, files)
    yield found
    found.attacher.stop()


@pytest.fixture
def attaching_on_sqlite(make_installation, sqlite_url, files):
    found = attaching_on(make_installation, sqlite_url, files)
    yield found
    found.attacher.stop()
