"""What an admin does: pastes contacts, changes settings; and what they are told."""

import uuid

from store import changes as filed
from store import companies, contacts
from tests.builders import COMPANY, TENANT, contact_id
from worker.contacts import changes
from worker.failing import sending_again
from worker.intake import intake

ACTIVE, OLD = contact_id("acme"), contact_id("old")


def an_event(kind, company=COMPANY, *, role="admin", by="anna", event_id="", source="crewcard/test", **data):
    return {
        "specversion": "1.0",
        "id": event_id or f"change-{uuid.uuid4()}",
        "source": source,
        "type": kind,
        "data": {"company": company, "requested_by": {"id": by, "role": role}, **data},
    }


class Admin:
    """An admin of a company that is connected and lets contacts be changed."""

    def __init__(self, installation, *, editable=True):
        self.installation = installation
        self.tools = installation.tools
        self.allow(editable=editable)

    def allow(self, *, editable=True, company=COMPANY):
        with self.installation.store.write() as work:
            settings = companies.settings_of(work, company).model_copy(update={"contact_ids_editable": editable})
            companies.set_up(work, company, companies.name_of(work, company), settings)

    def paste(self, client, text, **other):
        """Ask for a change of a client's contact; nothing is answered by Xero yet."""
        kind = "client.xero_contact.update_requested"
        return intake.accept(self.tools, an_event(kind, client=client, xero_contact=text, **other))

    def choose(self, **settings):
        """Ask for a change of settings."""
        other = {name: settings.pop(name) for name in ("role", "event_id", "company") if name in settings}
        intake.accept(self.tools, an_event("company.settings.changed", settings=settings, **other))

    def clock(self):
        """What the clock does about changes, until nothing is due."""
        answered = 0
        while step := changes.answer_due(self.tools, "test"):
            answered += step
        sending_again.go_on(self.tools)
        return answered

    def told(self, client=None):
        """The answers about contacts, oldest first, each with the word that says how it ended."""
        kinds = {f"client.xero_contact.{word}": word for word in ("updated", "rejected")}
        return [
            {**event["data"], "ended": kinds[event["type"]], "cause_id": event.get("causationid")}
            for event in self.installation.events()
            if event["type"] in kinds and client in (None, event["data"]["client"])
        ]

    def answer(self, client, text, **other):
        """Paste and be told: the one answer."""
        before = len(self.told(client))
        self.paste(client, text, **other)
        self.clock()
        (answer,) = self.told(client)[before:]
        return answer

    def settings_answer(self, **settings):
        """Choose and be told: the one answer."""
        kinds = ("company.settings.updated", "company.settings.rejected")
        before = [event for event in self.installation.events() if event["type"] in kinds]
        self.choose(**settings)
        self.clock()
        after = [event for event in self.installation.events() if event["type"] in kinds]
        assert len(after) == len(before) + 1
        return next(event for event in after if event not in before)

    def field(self, client, person=None):
        with self.installation.store.read() as work:
            return contacts.contact_of(work, COMPANY, client, person)

    def settings(self):
        with self.installation.store.read() as work:
            return companies.settings_of(work, COMPANY)

    def waiting(self):
        with self.installation.store.read() as work:
            return filed.waiting(work, COMPANY)

    def calls(self, path):
        return [call for call in self.installation.calls("GET") if path in call["path"].lower()]

    @property
    def organisation(self):
        """The organisation in Xero."""
        return self.installation.simulator.state.world.organisations[TENANT]

    def in_xero(self, **contact):
        """A contact as it is in Xero from now on."""
        from simulator import seeding

        seeding.change(self.organisation, {"contacts": [contact]})
        return contact["id"]
