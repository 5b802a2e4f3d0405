"""All exact matches of a company are linked by one order, in pieces: killed, or given again, each goes once."""

from collections import Counter

import pytest
from sqlalchemy import event

from events.accounting_target import ListedContact
from store import changes as filed
from store import contacts
from tests.builders import COMPANY, contact_id
from worker.contacts import contact_answers
from worker.decisions.contact_checks import Card, Matches, Suggestion
from worker.decisions.rights import Operator
from worker.submission import change_submission
from worker.submission.change_submission import Imported


def exact(number):
    """So many clients, each of the name of one contact."""
    named = [(f"c{place}", f"Firm {place}") for place in range(number)]
    found = {
        Card(client, name): Suggestion(ListedContact(contact_id(client), name), 0.98, "name")
        for client, name in named
    }
    return Matches(exact=found, several={}, alike={}, unlike=[])


def link(admin, found, patience=60.0):
    done = Imported()
    change_submission.link_exact(admin.tools, COMPANY, found, done, Operator("anna"), patience)
    return done


@pytest.fixture
def away(clerk_free):
    """Xero answers nobody, so that what is handed in waits."""
    clerk_free.installation.simulator.state.faults.set({"api_offline": 1.0, "reads": True})
    return clerk_free


def handed_in(admin):
    with admin.installation.store.read() as work:
        return Counter(change.subject for change in filed.after(work, COMPANY, 0))


def test_1200_clients_are_handed_in_by_three_transactions_of_few_statements(away):
    said = []
    engine = away.installation.store.engine
    event.listen(engine, "before_cursor_execute", lambda *args: said.append(args[2].split()[0].upper()))
    done = link(away, exact(1200))
    assert (len(done.waiting), done.left, done.mistakes) == (1200, 0, {})
    assert handed_in(away) == Counter({f"c{place}": 1 for place in range(1200)})
    assert said.count("INSERT") == 4  # a piece each, and the lease of who asks Xero
    assert len(said) < 200


def test_killed_between_two_pieces_it_goes_on_where_it_was(away, monkeypatch):
    file_links, pieces = contact_answers.file_links, []

    def cut(*args):
        pieces.append(args)
        if len(pieces) == 2:
            raise KeyboardInterrupt
        return file_links(*args)

    monkeypatch.setattr(contact_answers, "file_links", cut)
    with pytest.raises(KeyboardInterrupt):
        link(away, exact(1200))
    assert sum(handed_in(away).values()) == 500
    link(away, exact(1200))
    assert handed_in(away) == Counter({f"c{place}": 1 for place in range(1200)})


def test_what_takes_longer_than_somebody_waits_is_left_for_the_next_order(clerk_free, monkeypatch):
    monkeypatch.setattr(change_submission, "PIECE", 2)
    found = exact(5)
    for card, one in found.exact.items():
        clerk_free.in_xero(id=one.contact.id, name=card.name)
    lefts = [link(clerk_free, found, patience=0).left for _ in range(3)]
    clerk_free.clock()
    assert lefts == [3, 1, 0]
    assert handed_in(clerk_free) == Counter({f"c{place}": 1 for place in range(5)})
    assert {one["ended"] for one in clerk_free.told()} == {"updated"}


def test_while_the_company_lets_no_contact_be_changed_nothing_is_handed_in(away):
    away.allow(editable=False)
    done = link(away, exact(3))
    assert (done.left, handed_in(away)) == (3, Counter())
    assert list(done.mistakes) == [COMPANY]


def test_each_is_answered_once_and_billed_as_its_own(clerk_free):
    found = exact(3)
    for card, one in found.exact.items():
        clerk_free.in_xero(id=one.contact.id, name=card.name)
    done = link(clerk_free, found)
    assert (sorted(done.linked), done.waiting, done.left) == (["c0", "c1", "c2"], [], 0)
    assert [(one["client"], one["ended"]) for one in clerk_free.told()] == [(f"c{n}", "updated") for n in range(3)]
    with clerk_free.installation.store.read() as work:
        linked = contacts.links(work, COMPANY, ["c0", "c1", "c2"])
    assert linked == {card.client: one.contact.id for card, one in found.exact.items()}
