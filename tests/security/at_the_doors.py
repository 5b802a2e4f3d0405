"""An installation behind its doors and its console, on each database, for attacks from outside."""

import json
import re
from html import unescape

import pytest
import uvicorn
from sqlmodel import func, select

from store import api_keys, audit, companies, inbox
from store.tables import AskedChange, Preview, Request
from tests import machines
from tests.builders import COMPANY, a_request, an_invoice
from tests.console.visiting import Person
from tests.doors.host import Host
from web import keys, main

RIVAL, RIVALS_TENANT = "rival", "99999999-2222-4333-8444-555555555555"
ANNA = {"id": "anna", "name": "Anna", "role": "admin"}


class Ground:
    """Two companies, their hosts with keys, and people with roles."""

    def __init__(self, installation, url):
        self.installation, self.url = installation, url
        self.tools = installation.tools
        self.people = {}

    def key(self, key_id, companies=(COMPANY,), scopes=None):
        return Host(self.installation, self.url, key_id, companies, scopes)

    def person(self, role):
        made = Person(self.installation, self.url, role)
        made.sign_in()
        return made

    def mend(self, role, mended="", number=1):
        """Somebody of this role has a letter read as they mended it; gives the status and what the page says."""
        somebody = self.people.setdefault(role, None) or self.person(role)
        self.people[role] = somebody
        token = re.search(r'name="form" value="(\w+)"', somebody.browser.get("/console/password").text)[1]
        said = {"form": token, "body": mended if isinstance(mended, str) else json.dumps(mended)}
        answer = somebody.browser.post(f"/console/dead-letters/{number}/replay", data=said)
        return answer.status_code, " ".join(unescape(answer.text).split())

    def letter(self, number=1):
        with self.tools.store.read() as work:
            return inbox.dead_letter(work, number)

    def letters(self):
        with self.tools.store.read() as work:
            return inbox.dead_letters(work)

    def settings(self, company=COMPANY):
        with self.tools.store.read() as work:
            return companies.settings_of(work, company)

    def audit(self, what=None):
        with self.tools.store.read() as work:
            return [line for line in audit.newest(work) if what in (None, line.what)]

    def revoke(self, key_id):
        with self.tools.store.write() as work:
            assert api_keys.revoke(work, key_id)

    def what_happened(self):
        """All that an attacker could have brought about."""
        told = [event for event in self.installation.events() if not event["type"].startswith("xero.connection")]
        return told, self.installation.markers(), self.settings(), self.settings(RIVAL), self.waiting_changes()

    def waiting_changes(self):
        with self.tools.store.read() as work:
            return [
                work.session.exec(select(func.count()).select_from(one)).one()
                for one in (AskedChange, Preview, Request)
            ]


@pytest.fixture
def ground(installation, monkeypatch):
    """The installation at its doors, with a second company."""
    monkeypatch.setattr(keys, "REMEMBERED_SECONDS", 1e-9)
    installation.company(RIVAL, RIVALS_TENANT)
    chosen = uvicorn.Config(main.build(installation.tools), log_level="critical", lifespan="off")
    with machines.served(chosen) as url:
        yield Ground(installation, url)


def an_event(type_, id_="e1", company=COMPANY, **data):
    """An event of any type, asked for by Anna, admin of her company."""
    said = {"company": company, "requested_by": ANNA, **CONTENT[type_], **data}
    return {"specversion": "1.0", "id": id_, "source": "crewcard/web", "type": type_, "data": said}


CONTENT = {
    "invoice.export.requested": {"request": "r1", "mode": "single", "invoices": [an_invoice()]},
    "invoice.export.cancel_requested": {"invoices": ["i1"], "why": "no"},
    "invoice.export.replay_requested": {"invoices": ["i1"], "why": "again"},
    "invoice.export.raise_anew_requested": {"invoices": ["i1"], "why": "voided by mistake"},
    "client.xero_contact.update_requested": {"client": "acme", "xero_contact": ""},
    "client.xero_contact.create_requested": {"client": "acme"},
    "company.settings.changed": {"settings": {"number_prefix": "P-"}},
    "invoice.export.preview_requested": {"request": "p1", "invoices": [an_invoice()]},
}
SCOPE = {
    "invoice.export.requested": "exports",
    "invoice.export.cancel_requested": "orders",
    "invoice.export.replay_requested": "orders",
    "invoice.export.raise_anew_requested": "orders",
    "client.xero_contact.update_requested": "contacts",
    "client.xero_contact.create_requested": "contacts",
    "company.settings.changed": "settings",
    "invoice.export.preview_requested": "previews",
}


def broken_text(event):
    """JSON with its last bracket lost."""
    return json.dumps(event)[:-1]


def a_click(id_="click-1", company=COMPANY, invoice="i1", **other):
    return {**a_request(an_invoice(invoice), request=id_, company=company, mode="single", **other), "id": id_}
