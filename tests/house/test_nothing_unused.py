"""What is published is used: each reason is given somewhere, each event that we send is sent, and each is named."""

import re

from events.codec import INCOMING
from events.connections import ConnectionProblem
from events.contacts import ContactProblem
from events.outgoing import OUTGOING
from events.reasons import Reason
from tests.house.test_citations import ROOT, tracked

CATALOGUES = (Reason, ConnectionProblem, ContactProblem)
ROOMS = ("cli", "events", "store", "web", "worker", "xero_adapter")
SERVICE = "\n".join(
    (ROOT / name).read_text() for name in tracked() if name.endswith(".py") and name.partition("/")[0] in ROOMS
)


def test_every_reason_of_the_catalogues_is_given_somewhere():
    used = set(re.findall(r"\b(\w+\.[A-Z][A-Z_]+)\b", SERVICE))
    every = {f"{kind.__name__}.{one.name}" for kind in CATALOGUES for one in kind}
    assert every - used == set()


def test_every_event_that_is_published_is_made_somewhere():
    made = set(re.findall(r"\b(\w+)(?:\.model_validate)?\(", re.sub(r"class \w+\(", "", SERVICE)))
    assert {one.__name__ for one in OUTGOING.values()} - made == set()


def test_every_event_is_one_that_comes_or_goes():
    named = set(re.findall(r'TYPE(?:: ClassVar\[str\])? = "([a-z_.]+)"', SERVICE))
    assert named == {*INCOMING, *OUTGOING}
