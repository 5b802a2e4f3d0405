"""Clients' Xero contacts as setup staff see and set them: suggestions, pasted ones, tables; and who may not."""

import re

import pytest

from store import audit, companies, contacts
from tests.builders import COMPANY, an_invoice, contact_id
from tests.contacts import test_creating as creating
from tests.contacts.admin import Admin
from web.console import contacts as pages
from worker.contacts import rechecking
from worker.submission import change_submission

HERE, ACME, OLD = "/contacts/harbour", contact_id("acme"), contact_id("old")
SCRIPT = "<script>alert(1)</script>"


def held_back(installation, *some, name="Crane Hire Ltd"):
    """Invoices of clients without a contact, sent and failed."""
    wanted = [
        an_invoice(f"{client}-{number}", client={"id": client, "name": name})
        for client, count in some
        for number in range(count)
    ]
    installation.ask(*wanted)
    installation.run()


@pytest.fixture
def admin(on_sqlite):
    return Admin(on_sqlite)


@pytest.fixture
def clerk(person, admin):
    return person("support", "anna@crewcard.example")


def names(page):
    """The clients on a page, in order."""
    return re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', page)


def test_who_holds_invoices_back_comes_first_and_with_how_many(admin, clerk, on_sqlite):
    held_back(on_sqlite, ("crane", 2), ("dock", 3))
    with on_sqlite.store.write() as work:
        contacts.link(work, COMPANY, "old", OLD, "test", "Old Wharf", status="archived", client_name="Old Wharf")
    on_sqlite.ask(*[an_invoice(f"o{n}", client={"id": "old", "name": "Old Wharf"}) for n in range(4)], request="r2")
    on_sqlite.run()
    page = clerk.see("/contacts")
    assert names(page) == ["Crane Hire Ltd", "Crane Hire Ltd", "Old Wharf", "Old Wharf"]
    assert re.findall(r'data-name="Invoices" class="n">(\d+)', page) == ["3", "2", "4"]
    assert [one in page for one in ("Client has no Xero contact", "Contact archived", "Archived")] == [True] * 3


def test_each_filter_shows_what_it_says(admin, clerk, on_sqlite):
    states = {"archived": "a", "merged": "m", "missing": "x", "erased": "e", "active": "f", "": "u"}
    with on_sqlite.store.write() as work:
        for status, client in states.items():
            contacts.link(work, COMPANY, client, contact_id(client), "test", status=status)
    for status, client in states.items():
        state = {"active": "fine", "": "unchecked"}.get(status, status)
        shown = set(names(clerk.see(f"/contacts?state={state}")))
        assert shown == {client} | ({"acme", "bolt"} if status == "" else set())
    assert set(names(clerk.see("/contacts"))) == {"a", "m", "x", "e"}
    assert len(names(clerk.see(f"/contacts?state=linked&company={COMPANY}"))) == 8
    assert names(clerk.see("/contacts?state=linked&company=nobody")) == []
    assert names(clerk.see("/contacts?state=nonsense&after=~~~x")) == []


def test_a_long_list_is_read_page_by_page_and_each_client_stands_once(installation):
    held_back(installation, ("b", 1), ("c", 2), ("a", 1), ("d", 2), ("e", 1))
    with installation.store.read() as work:
        seen, after = [], ""
        while some := contacts.held_back(work, "", after, most=2):
            seen += [one.client for one in some]
            after = some[-1].place
    assert seen == ["c", "d", "a", "b", "e"]


def test_further_pages_are_linked_and_go_on_where_the_last_ended(admin, clerk, on_sqlite, monkeypatch):
    monkeypatch.setattr(contacts, "MOST_CLIENTS", 2)
    held_back(on_sqlite, ("c", 3), ("d", 2), ("e", 1))
    with on_sqlite.store.write() as work:
        for client in "vwxyz":
            contacts.link(work, COMPANY, client, contact_id(client), "test", status="missing")
    seen, page = [], clerk.see("/contacts?state=missing")
    while further := re.search(r'rel="next"', page) and re.search(r'href="(\?[^"]*)" rel="next"', page):
        seen += names(page)
        page = clerk.see(f"/contacts{further.group(1).replace('&amp;', '&')}")
    assert [*seen, *names(page)] == list("vwxyz")
    first = clerk.see("/contacts?state=unmapped")
    second = re.search(r'href="(\?[^"]*)" rel="next"', first).group(1).replace("&amp;", "&")
    assert len(names(clerk.see(f"/contacts{second}"))) == 1


def test_a_pasted_contact_is_checked_without_changing_anything(admin, clerk, on_sqlite):
    page = clerk.do(f"{HERE}/crane/check", 200, contact=f"https://go.xero.com/Contacts/View/{ACME}")
    assert "“ACME Ltd” is an active contact in Xero." in page
    assert "is billed as the same Xero contact" in page
    assert admin.field("crane").value == ""
    page = clerk.do(f"{HERE}/crane/check", 200, contact=OLD)
    assert "is archived in Xero" in page
    assert "Restore the contact in Xero" in page


def test_a_contact_that_is_set_sends_what_waited_and_says_so(admin, clerk, on_sqlite):
    held_back(on_sqlite, ("crane", 2))
    admin.in_xero(id=contact_id("crane"), name="Crane Hire")
    assert "2 invoices wait for this contact" in clerk.see(f"{HERE}/crane")
    page = clerk.do(f"{HERE}/crane", contact=contact_id("crane"))
    assert "Crane Hire Ltd is billed as “Crane Hire”. 2 invoices that wait for it go again by themselves." in page
    admin.clock()
    on_sqlite.settle_down(2)
    assert len(on_sqlite.books()) == 2
    with on_sqlite.store.read() as work:
        line = next(one for one in audit.newest(work) if one.what == "contact")
    assert (line.who, line.company, ACME in line.chosen) == ("anna@crewcard.example", COMPANY, False)


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("ACME", "is not the address or the ID of a Xero contact"),
        (contact_id("nobody"), "has no contact with this ID"),
        (OLD, "is archived in Xero"),
        ("https://go.xero.com/app/!ZzZ/contacts/contact/" + ACME, "is in another Xero organisation"),
        ("", "Paste the contact"),
        (SCRIPT, "is not the address"),
    ],
)
def test_what_cannot_be_billed_is_told_with_what_to_do_and_changes_nothing(admin, clerk, pasted, said):
    page = clerk.do(f"{HERE}/acme", 422, contact=pasted)
    assert said in page
    assert "aste" in page.split(said)[1]
    assert SCRIPT not in page
    assert admin.field("acme").value == ACME


def test_a_merged_contact_offers_the_one_it_was_merged_into(admin, clerk):
    gone = admin.in_xero(id=contact_id("gone"), name="Gone", status="ARCHIVED", merged_to=ACME)
    page = clerk.do(f"{HERE}/crane", 422, contact=gone)
    assert f'name="contact" value="{ACME}"' in page
    assert "is billed as “ACME Ltd”" in clerk.do(f"{HERE}/crane", contact=ACME)


def test_suggestions_are_one_click_from_being_taken(admin, clerk, on_sqlite):
    held_back(on_sqlite, ("bolts", 1), name="Bolt and Co Limited")
    page = clerk.do(f"{HERE}/bolts/suggestions", 200)
    assert "Bolt &amp; Co" in page
    assert "% by name" in page
    offered = re.search(r'name="contact" value="([^"]+)"><button class="plain">Take', page).group(1)
    assert "is billed as “Bolt &amp; Co”" in clerk.do(f"{HERE}/bolts", contact=offered)
    assert "Nothing in Xero is like" in clerk.do(f"{HERE}/zzzz/suggestions", 200)


def test_a_link_can_be_ended(admin, clerk):
    assert "is not linked to a Xero contact any more" in clerk.do(f"{HERE}/acme", do="end")
    assert admin.field("acme").value == ""


def test_a_company_that_does_not_allow_it_shows_the_field_greyed_out_and_says_who_can_change_that(
    admin, clerk, person, on_sqlite
):
    admin.allow(editable=False)
    page = clerk.see(f"{HERE}/acme")
    assert re.search(r'<input id="contact"[^>]* disabled', page)
    assert "do not allow anybody to change" in page
    assert "An admin of this console changes that" in page
    assert '/setup/harbour/accounts">Open' in person("admin").see(f"{HERE}/acme")
    assert "do not allow" in clerk.do(f"{HERE}/acme", 422, contact=contact_id("bolt"))
    assert admin.field("acme").value == ACME


def test_who_may_only_read_sees_why_nothing_can_be_set(admin, person):
    page = person("read").see(f"{HERE}/acme")
    assert re.search(r'<input id="contact"[^>]* disabled', page)
    assert "your role is “read”" in page


def test_while_xero_is_away_a_contact_waits_and_is_set_later(admin, clerk, on_sqlite):
    on_sqlite.simulator.state.faults.set({"http_500": 1.0, "reads": True})
    page = clerk.do(f"{HERE}/crane", contact=ACME)
    assert "Accepted. Xero cannot be asked just now" in page
    assert "Waits to be checked" in clerk.see(f"{HERE}/crane")
    on_sqlite.simulator.state.faults.set({})
    on_sqlite.later(600)
    admin.clock()
    assert admin.field("crane").value == ACME


def test_a_client_is_called_by_the_name_in_its_invoices(admin, clerk, on_sqlite):
    on_sqlite.ask(an_invoice(client={"id": "acme", "name": "ACME Harbour Works"}))
    on_sqlite.run()
    assert "<h1>ACME Harbour Works</h1>" in clerk.see(f"{HERE}/acme")


def test_what_xero_says_of_a_contact_stands_on_its_page(admin, clerk, on_sqlite):
    admin.in_xero(id=ACME, name="ACME Ltd", status="ARCHIVED", merged_to=contact_id("bolt"))
    rechecking.recheck(on_sqlite.tools, COMPANY)
    page = clerk.see(f"{HERE}/acme")
    assert "Merged" in page
    assert contact_id("bolt") in page
    assert f"https://go.xero.com/app/!AbC1/contacts/contact/{ACME}" in page


def test_an_unknown_company_is_not_found(admin, clerk):
    assert "There is no company" in clerk.see("/contacts/nowhere/acme", 404)


def test_outside_text_is_shown_as_text(admin, clerk, on_sqlite):
    held_back(on_sqlite, ("crane", 1), name=SCRIPT)
    admin.in_xero(id=contact_id("crane"), name=SCRIPT)
    with on_sqlite.store.write() as work:
        companies.set_up(work, COMPANY, SCRIPT, companies.settings_of(work, COMPANY))
    pages = [clerk.see("/contacts"), clerk.see(f"{HERE}/crane"), clerk.do(f"{HERE}/crane/suggestions", 200)]
    pages += [clerk.do(f"{HERE}/crane/check", 200, contact=contact_id("crane"))]
    pages += [clerk.do(f"{HERE}/crane", contact=contact_id("crane"))]
    for page in pages:
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page


ROWS = (
    "client,xero_contact,name",
    f"crane,{ACME},Crane Ltd",
    f",{ACME},",
    "dock,nonsense,Dock",
    f"old,{OLD},",
    f"acme,{ACME},",
)
TABLE = "\n".join(ROWS).replace(",", "\t")


def test_a_pasted_table_is_checked_first_and_then_imported_with_its_mistakes_named(admin, clerk):
    page = clerk.do("/contacts/import", 200, company=COMPANY, table=TABLE, do="check")
    assert "What would happen" in page
    assert "2 clients would be linked" in page
    assert admin.field("crane").value == ""
    page = clerk.do("/contacts/import", 200, company=COMPANY, table=TABLE, do="import")
    assert "2 clients linked" in page
    for place, mistake in (
        ("Line 3", "client: is empty"),
        ("Line 4", "is not the address"),
        ("Line 5", "is archived"),
    ):
        assert re.search(rf"<strong>{place}</strong> [^<]*{mistake}", page)
    assert (admin.field("crane").value, admin.field("crane").whose) == (ACME, "import")
    again = clerk.do("/contacts/import", 200, company=COMPANY, table=TABLE, do="import")
    assert "0 clients linked, 2 were so before" in again


@pytest.mark.parametrize(
    ("company", "table", "said"),
    [
        ("nowhere", TABLE, "There is no company"),
        (COMPANY, "name,contact\na,b", "Columns missing for clients: client."),
        (COMPANY, "", "This is empty"),
        (COMPANY, "client,xero_contact\n" + "".join(f"c{n},{ACME}\n" for n in range(501)), "501 lines"),
        (COMPANY, 'client,xero_contact\n"' + "x" * 200_000, "a quote may be left open there"),
    ],
)
def test_what_is_no_table_is_refused_in_words(admin, clerk, company, table, said):
    assert said in clerk.do("/contacts/import", 422, company=company, table=table, do="import")


def test_a_company_that_does_not_allow_it_takes_no_table(admin, clerk):
    admin.allow(editable=False)
    assert "do not allow anybody" in clerk.do("/contacts/import", 422, company=COMPANY, table=TABLE)


def test_a_contact_is_created_from_the_clients_page_after_what_it_may_be_was_shown(admin, clerk, on_sqlite):
    creating.turn_on(admin)
    on_sqlite.ask(an_invoice("n1", client=creating.NEWCOMER))
    on_sqlite.run()
    assert "in Xero</button>" not in clerk.see(f"{HERE}/new")
    page = clerk.do(f"{HERE}/new/suggestions", 200)
    assert "Create “Newcomer Ltd” in Xero</button>" in page
    assert all(one in page for one in ("office@newcomer.example", "1 Quay, HU1 1AA, Hull, Norway", "GB 123"))
    page = clerk.do(f"{HERE}/new/create")
    assert "is billed as “Newcomer Ltd”. 1 invoice that waits for it goes again by themselves." in page
    (made,) = creating.created(admin)
    assert admin.field("new").value == made.id
    assert "a new contact in Xero" in clerk.see(f"{HERE}/new")


def test_where_no_contact_can_be_created_the_page_says_why(admin, clerk, on_sqlite):
    held_back(on_sqlite, ("crane", 1))
    page = clerk.do(f"{HERE}/crane/suggestions", 200)
    assert "No contact can be created here: The settings of" in page
    page = clerk.do(f"{HERE}/crane/create", 422)
    assert "Switch on in its Xero settings that contacts may be created" in page
    assert creating.puts(admin) == []


def test_clients_like_nothing_in_xero_are_created_by_ticking_them(admin, clerk, on_sqlite):
    creating.turn_on(admin)
    held_back(on_sqlite, ("crane", 2), ("dock", 1), name="Crane Hire Ltd")
    on_sqlite.ask(an_invoice("n1", client=creating.NEWCOMER), request="r2")
    on_sqlite.run()
    page = clerk.do("/contacts/matches", 200, company=COMPANY)
    assert "3 clients like nothing in Xero" in page
    page = clerk.do("/contacts/create", 200, company=COMPANY, client=["new", "crane", "nobody"])
    assert "2 clients linked" in page
    assert {one.name for one in admin.organisation.contacts.values()} >= {"Newcomer Ltd", "Crane Hire Ltd"}
    page = clerk.do("/contacts/create", 200, company=COMPANY, client=["dock"])  # of the same name as crane
    assert "has a contact named “Crane Hire Ltd” already" in page


def like(admin, on_sqlite, *names):
    """Clients whose invoices failed, called as these."""
    clients = [{"id": f"c{number}", "name": name} for number, name in enumerate(names)]
    on_sqlite.ask(*[an_invoice(f"m-{one['id']}", client=one) for one in clients], request="like")
    on_sqlite.run()


def test_all_exact_matches_of_a_company_are_linked_by_one_click_and_the_others_stay(
    admin, clerk, on_sqlite, monkeypatch
):
    monkeypatch.setattr(pages, "MOST_LINES", 20)
    for number in range(30):
        admin.in_xero(id=contact_id(f"x{number}"), name=f"Firm number {number}")
    admin.in_xero(id=contact_id("double"), name="Twice", number="c30")
    admin.in_xero(id=contact_id("double2"), name="Twice over")
    like(admin, on_sqlite, *[f"Firm number {number}" for number in range(30)], "Twice over", "Bolt and Company")
    page = clerk.do("/contacts/matches", 200, company=COMPANY)
    assert "Link all 30 exact matches" in page
    assert "1 client has more than one candidate and stays." in page
    assert "The first 20 are shown." in page
    (seen,) = re.findall(r'name="seen" value="(\w+)"', page)
    page = clerk.do("/contacts/matches/link", 200, company=COMPANY, seen=seen)
    admin.clock()
    assert "linked" in page
    with on_sqlite.store.read() as work:
        linked = {one.client: one.xero_contact_id for one in contacts.of_company(work, COMPANY)}
    assert {linked.pop(f"c{number}") for number in range(30)} == {contact_id(f"x{number}") for number in range(30)}
    assert set(linked) == {"acme", "bolt"}


def test_what_is_left_of_very_many_matches_is_said_and_gone_on_with(admin, clerk, on_sqlite, monkeypatch):
    monkeypatch.setattr(change_submission, "PIECE", 2)
    monkeypatch.setattr(pages, "_PATIENCE_SECONDS", 0)
    like(admin, on_sqlite, "Firm one", "Firm two", "Firm three")
    for name in ("one", "two", "three"):
        admin.in_xero(id=contact_id(name), name=f"Firm {name}")
    (seen,) = re.findall(r'name="seen" value="(\w+)"', clerk.do("/contacts/matches", 200, company=COMPANY))
    page = clerk.do("/contacts/matches/link", 200, company=COMPANY, seen=seen)
    assert "Go on with the 1 that is left" in page
    assert "Xero is being asked about 2 clients" in page
    assert "Link the exact match" in clerk.do("/contacts/matches", 200, company=COMPANY)
    admin.clock()
    assert [admin.field(f"c{number}").value for number in range(3)] == [contact_id("one"), contact_id("two"), ""]


def test_what_was_not_seen_is_not_linked(admin, clerk, on_sqlite):
    like(admin, on_sqlite, "Firm one")
    admin.in_xero(id=contact_id("one"), name="Firm one")
    (seen,) = re.findall(r'name="seen" value="(\w+)"', clerk.do("/contacts/matches", 200, company=COMPANY))
    admin.organisation.contacts[contact_id("one")].name = "Somebody else"
    admin.in_xero(id=contact_id("two"), name="Firm one")
    page = clerk.do("/contacts/matches/link", 200, company=COMPANY, seen=seen)
    assert "so nothing was linked" in page
    assert admin.field("c0").value == ""
    (seen,) = re.findall(r'name="seen" value="(\w+)"', page)
    clerk.do("/contacts/matches/link", 200, company=COMPANY, seen=seen)
    assert admin.field("c0").value == contact_id("two")
