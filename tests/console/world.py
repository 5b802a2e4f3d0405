"""An installation with something on every page of the console, and what stands in the addresses of its pages."""

import json
import re

from sqlmodel import select

from store import api_keys, contacts, deliveries, endpoints, inbox
from store.searching import Selection
from store.tables import OutboxEvent
from tests.builders import COMPANY, an_invoice, contact_id
from web.console.app import PAGES, PREFIX
from worker.decisions.rights import ConsoleUser
from worker.submission import orders
from worker.watching import throughput

SCRIPT = "<script>alert(1)</script>"
# What stands for {name} in an address; a page with another name in its address adds it here.
NAMES = {"company": COMPANY, "client": "crane", "sent": "r1", "invoice": "bad-1", "number": "1", "alert": "PartAway"}
# What fills a page that is empty without a question.
QUESTIONS = {
    "/console/search": "q=N-",
    "/console/failures/{company}": "cause=contact_not_mapped:crane",
    "/console/replay": f"company={COMPANY}&cause=contact_not_mapped:crane",
    "/console/log": "outcome=failed",
}
# Pages that are parts of others, or files.
NO_PAGES = {"/console/search/suggestions", "/console/log.csv", "/console/sso", "/console/sso/callback"}
NO_PAGES |= {"/console/companies/{company}/setup"}  # leads on to where that is now
OPEN = ("/console/sign-in", "/console/enter")


def fill(installation) -> None:
    """Invoices that went well, failed for each of a few causes, and wait; a client whose contact is archived."""
    crane = {"client": {"id": "crane", "name": f"Crane {SCRIPT}"}}
    good = [an_invoice(f"i{number:04d}") for number in range(1, 4)]
    bad = [
        an_invoice("bad-1", **crane),
        an_invoice("bad-2", **crane),
        an_invoice("bad-3", line={"account_code": "999"}),
    ]
    with installation.store.write() as work:
        contacts.link(work, COMPANY, "old", contact_id("old"), "test", "Old Wharf", status="archived")
    installation.ask(*good, *bad)
    installation.ask(an_invoice("late", client={"id": "bolt", "name": "Bolt & Co"}), request="r2")
    installation.run()
    installation.relay()
    with installation.store.write() as work:
        inbox.set_aside(work, "http", json.dumps({"type": SCRIPT}).encode(), [f"type: {SCRIPT} is no event"], SCRIPT)
        endpoint = endpoints.add_endpoint(
            work, installation.tools.vault, COMPANY, "https://app.example.com/hook?token=x"
        )
        event = work.session.exec(select(OutboxEvent.id).limit(1)).first()
        tried = {"event_id": event, "tries": 1, "status": 500, "milliseconds": 12, "trouble": "answered 500"}
        deliveries.note(work, endpoints.door_of(endpoint.id), [{**tried, "answer": SCRIPT}])
        api_keys.make(work, installation.tools.vault, "crewcard", [COMPANY])
    again = Selection(company=COMPANY, cause="account_invalid:999")
    orders.order_many(
        installation.tools, "replay", again, ConsoleUser("olga@crewcard.example", "support"), f"why not {SCRIPT}"
    )
    installation.run()
    installation.a_worker_runs()
    throughput.note_queues(installation.tools, "world")


def routes() -> list[str]:
    """The address of every page, as its route has it."""
    found = [PREFIX + route.path for page in PAGES for route in page.router.routes if "GET" in route.methods]
    return sorted(set(found) - NO_PAGES)


def address(route: str) -> str:
    """A real address of this route."""
    plain = re.sub(r"{(\w+):\w+}", r"{\1}", route)
    unknown = set(re.findall(r"{(\w+)}", plain)) - set(NAMES)
    assert not unknown, f"say in tests/console/world.py what {unknown} is in {route}"
    asked = QUESTIONS.get(plain, "")
    return plain.format(**NAMES) + (f"?{asked}" if asked else "")
