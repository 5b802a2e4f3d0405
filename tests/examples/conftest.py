"""A live installation whose webhooks go to a PHP host's callback."""

import pytest

from cli import csv_invoices
from demo import run as demo
from store import api_keys
from tests.examples.hosts import WEBHOOK_SECRET, Host
from tests.machines import a_free_port
from tests.system.live import Live


@pytest.fixture(scope="session")
def callback_port():
    return a_free_port()


@pytest.fixture(scope="session")
def live(tmp_path_factory, callback_port):
    made = Live(
        tmp_path_factory.mktemp("live"),
        WEBHOOK_URL=f"http://127.0.0.1:{callback_port}/xero_webhook.php",
        WEBHOOK_SECRET=WEBHOOK_SECRET,
        WEBHOOK_PRIVATE_ADDRESSES="true",
        STREAM_IN="true",
    )
    made.start([one.document for one in csv_invoices.invoices(demo.SAMPLE)])
    yield made
    made.stop()


@pytest.fixture(scope="session")
def key(live):
    with live.tools.store.write() as work:
        return api_keys.make(work, live.tools.vault, "crewcard")


@pytest.fixture(scope="session")
def php_host(live, key, callback_port, tmp_path_factory):
    """The PHP example as an application, with its pages and its callback served."""
    host = Host(tmp_path_factory.mktemp("php"), live.settings.public_url, key)
    with host.serving_php(callback_port) as url:
        host.url = url
        yield host
