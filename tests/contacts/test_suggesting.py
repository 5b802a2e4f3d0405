"""Contacts suggested for clients without one: by number, e-mail and name; suggested, never linked."""

from hypothesis import given
from hypothesis import strategies as st

from events.accounting_target import ListedContact
from tests.builders import COMPANY, an_invoice, contact_id
from worker.contacts import contact_answers, suggesting
from worker.decisions import contact_checks
from worker.decisions.contact_checks import Card, Likely

KNOWN = [
    ListedContact("1", "Blue Anchor Shipping Ltd", number="C-17", email="office@blueanchor.example"),
    ListedContact("2", "Blue Anchor Boats"),
    ListedContact("3", "Café Été GmbH"),
    ListedContact("4", "Smith, John"),
    ListedContact("5", "Harbour Works Pty Ltd"),
]


def best(**card):
    found = Likely(KNOWN).suggestions(Card(**{"client": "x", **card}))
    return (found[0].contact.id, found[0].by) if found else None


def test_the_likeliest_comes_first_and_says_by_what():
    assert best(number="c 17") == ("1", "number")
    assert best(client="C-17") == ("1", "number")
    assert best(email="Office@BlueAnchor.example ", name="Something else") == ("1", "e-mail")
    assert best(name="blue anchor shipping") == ("1", "name")
    assert best(name="Cafe Ete") == ("3", "name")
    assert best(name="John Smith") == ("4", "name")
    assert best(name="The Harbour Works Company") == ("5", "name")
    assert best(name="Blue Anchr Shipping") == ("1", "name")


def test_what_is_like_nothing_gets_no_suggestion():
    assert best(name="Quayside Laundry") is None
    assert best() is None
    assert best(name="Ltd") is None


def test_a_name_is_never_surer_than_a_number_or_an_e_mail():
    scores = [
        contact_checks.likeness(card, KNOWN[0]).score
        for card in (
            Card("x", number="C-17"),
            Card("x", name="Blue Anchor Shipping Ltd"),
            Card("x", email="office@blueanchor.example"),
            Card("x", name="Blue Anchor Shipping"),
            Card("x", name="Blue Anchr Shippng"),
        )
    ]
    assert scores[0] == max(scores)
    assert scores[3] > scores[4]


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_breaks_on_no_name_and_stays_between_nothing_and_certain(ours, theirs):
    found = contact_checks.likeness(Card("x", name=ours), ListedContact("1", theirs))
    assert found is None or 0 <= found.score <= 1


@given(st.text(alphabet="abcdefgh ÄÖé&.", min_size=3, max_size=30).filter(contact_checks._plain))
def test_every_firm_is_like_itself(name):
    assert contact_checks.likeness(Card("x", name=name), ListedContact("1", name.upper())).score >= 0.9


@given(
    st.lists(st.text(alphabet="abc ", min_size=4, max_size=12).filter(contact_checks._plain), max_size=8), st.data()
)
def test_looking_only_at_shared_parts_of_names_finds_what_comparing_each_with_each_finds(names, data):
    contacts = [ListedContact(str(number), name) for number, name in enumerate(names)]
    ours = data.draw(st.sampled_from(names) if names else st.just("abc"))
    card = Card("x", name=ours)
    everybody = [one for contact in contacts if (one := contact_checks.likeness(card, contact))]
    best = max((one.score for one in everybody), default=None)
    found = Likely(contacts).suggestions(card)
    assert (found[0].score if found else None) == best


def test_clients_of_failed_invoices_are_offered_contacts_and_nothing_is_linked(admin):
    installation = admin.installation
    bolts = {"id": "bolts", "name": "Bolt and Company"}
    installation.ask(an_invoice("a", client=bolts), an_invoice("b", client=bolts), an_invoice("c"))
    installation.run()
    with installation.store.read() as work:
        unlinked = suggesting.unlinked(work, COMPANY)
        organisation = contact_answers.organisation_of(work, admin.tools, COMPANY)
    assert unlinked == {Card("bolts", "Bolt and Company"): 2}
    found = suggesting.suggest(admin.tools, organisation, list(unlinked))
    (suggestion, *_) = found[Card("bolts", "Bolt and Company")]
    assert (suggestion.contact.id, suggestion.by) == (contact_id("bolt"), "name")
    assert admin.field("bolts").value == ""


def test_archived_contacts_are_never_suggested_and_many_clients_cost_one_call_per_thousand_contacts(clerk_free):
    for number in range(1100):
        clerk_free.in_xero(id=contact_id(f"c{number}"), name=f"Firm number {number}")
    with clerk_free.installation.store.read() as work:
        organisation = contact_answers.organisation_of(work, clerk_free.tools, COMPANY)
    cards = [Card("old", "Old Wharf"), Card("f7", "Firm number 1099")]
    found = suggesting.suggest(clerk_free.tools, organisation, cards, most=1)
    assert len(clerk_free.calls("/contacts")) == 2
    assert found[cards[1]][0].contact.name == "Firm number 1099"
    assert "Old Wharf" not in {one.contact.name for one in found[cards[0]]}
