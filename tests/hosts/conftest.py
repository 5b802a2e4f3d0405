"""Endpoints, and an installation that sends its events there."""

import pytest

from tests.hosts import callback
from worker.delivery import rounds, webhooks
from worker.delivery.webhook_post import Poster


@pytest.fixture
def endpoint():
    with callback.an_endpoint() as made:
        yield made


@pytest.fixture
def other_endpoint():
    with callback.an_endpoint() as made:
        yield made


@pytest.fixture
def telling(make_installation, database_url, endpoint):
    """An installation with one company whose events go to `endpoint`."""
    made = make_installation(
        database_url, webhook_url=endpoint.url, webhook_secret=(callback.SECRET,), webhook_private_addresses=True
    )
    made.company()
    return made


def deliver(installation, post=None, holder="clock", most=500):
    """Relay, then round after round until no endpoint has anything to get now; gives how many rounds."""
    installation.relay()
    post = post or Poster(private=True, seconds=10).post
    count = 0
    while count < most and (found := webhooks.with_work(installation.tools)):
        moved = [rounds.deliver(installation.tools, holder, one, post).more for one in found]
        if not any(moved):
            break
        count += 1
    return count
