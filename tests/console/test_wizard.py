"""Setting a company up from nothing to ready: each step says how it stands, and can be left and taken up again."""

import html
import re
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, update

from events.accounting_target import ListedContact
from store import companies, connections, contacts
from store.tables import Export
from tests import machines
from tests.builders import COMPANY, TENANT, an_invoice, an_organisation, contact_id
from tests.connections.house import ANNA, hidden_fields
from tests.connections.xero_pages import XeroPages
from tests.console.filled import fields_of
from tests.console.visiting import Person
from web import main
from web.console import forms
from worker.decisions import contact_checks, setup_steps
from worker.decisions.contact_checks import Card, Likely
from worker.decisions.setup_steps import SetupFacts

WHARF, NEW = "/setup/wharf", "22222222-2222-4333-8444-555555555555"
APP = {"client_id": "APP-W", "secret": "wharf-secret", "kind": "web", "scopes": "granular", "callback": ""}
DONE = SetupFacts(
    "Wharf", "APP", organisation="Wharf Ltd", account="200", linked=2, previewed="N-1", tested="deleted"
)


def standing(page):
    """How each step stands, as the page says it."""
    return re.findall(r'<a href="/console/setup/\w+/(\w+)"[^>]*>[^<]*</a> <span class="badge \w*">([^<]+)<', page)


def to_do(page):
    return [key for key, state in standing(page) if state != "Done"]


@pytest.fixture
def xero(simulated_xero):
    """A second organisation, and an app for it, in Xero."""
    found = XeroPages(simulated_xero[1])
    more = [{"id": contact_id("crane"), "name": "Crane Hire"}, {"id": contact_id("dock"), "name": "Dock & Sons"}]
    found.organisation(an_organisation(NEW, name="Wharf Ltd", contacts=more))
    found.app("APP-W", "wharf-secret")
    return found


@pytest.fixture
def setter(make_installation, database_url, xero):
    """Somebody whose role is to set companies up, at an installation whose address Xero takes."""
    port = machines.a_free_port()
    made = make_installation(database_url, public_url=f"http://localhost:{port}")
    made.company()
    made.a_worker_runs()
    with machines.a_website(main.build(made.tools), port) as _:
        person = Person(made, f"http://localhost:{port}", "setup", "sue@crewcard.example")
        person.sign_in()
        yield person


def log_in(setter, xero):
    """Follow the button that logs in here, through Xero's pages, and back."""
    page = setter.browser.get(setter.post("/companies/wharf/setup/link", do="here").headers["location"])
    pressed = setter.browser.post(urlsplit(str(page.url)).path, data=hidden_fields(page.text))
    back = setter.browser.get(xero.answer(pressed.headers["location"], ANNA, NEW))
    return setter.browser.get(back.headers["location"]).text


def test_a_company_goes_from_nothing_to_ready_by_somebody_of_the_role_setup(setter, xero):
    installation = setter.installation
    assert "Set up a company" in setter.see() + setter.see("/companies")
    page = setter.do("/companies/new", company="wharf", name="Wharf & Sons")
    assert to_do(page) == ["app", "login", "accounts", "contacts", "preview", "test"]
    assert f'value="{setter.url}/connect/xero/callback" readonly' in page

    page = setter.do("/companies/wharf/setup/app", 422, **{**APP, "secret": "wrong"})
    assert "Xero does not know this Client ID together with this Client Secret" in page
    assert 'value="APP-W"' in page
    assert "Xero knows this app" in setter.do("/companies/wharf/setup/app", **APP)

    installation.ask(an_invoice("w1", client={"id": "crane", "name": "Crane Hire"}), company="wharf")
    page = log_in(setter, xero)
    assert to_do(page) == ["accounts", "contacts", "preview", "test"]
    assert "Wharf Ltd" in page

    page = setter.do("/companies/wharf/setup/choices")
    assert "Proposed: account <strong>200</strong>" in page
    fields = fields_of(page, "/setup/settings")
    assert "The settings are changed" in setter.do("/companies/wharf/setup/settings", **fields)

    page = setter.do("/companies/wharf/setup/contacts")
    page = setter.do("/contacts/matches", 200, company="wharf", at="setup")
    assert "1 exact match" in page
    rows = [html.unescape(one) for one in re.findall(r'name="row" value="([^"]+)" checked', page)]
    page = setter.do("/contacts/import", 200, company="wharf", at="setup", row=rows, do="import")
    assert "1 client linked" in page
    assert to_do(page) == ["preview", "test"]

    page = setter.do("/companies/wharf/setup/preview", 200, invoice="w1")
    assert "It would be created in Xero" in page
    assert "110.00 USD" in page
    assert to_do(setter.see(WHARF)) == ["test"]

    page = setter.do("/companies/wharf/setup/test", do="send")
    assert "as a draft." in page
    page = setter.do("/companies/wharf/setup/test", do="delete")
    assert "is deleted again" in page
    assert "<strong>Ready.</strong>" in page
    assert [one["Status"] for one in installation.books(NEW)].count("DELETED") == 1
    assert to_do(setter.see(WHARF)) == []


def test_each_step_shows_what_is_wrong_and_what_comes_first(on_sqlite, person):
    setter = person("setup")
    page = setter.see("/setup/harbour")
    assert standing(page) == [
        ("company", "Done"),
        ("app", "Done"),
        ("login", "Done"),
        ("accounts", "Done"),
        ("contacts", "Done"),
        ("preview", "To do"),
        ("test", "To do"),
    ]
    assert "6. Preview" in page
    with on_sqlite.store.write() as work:
        connections.set_state(work, connections.locked(work, COMPANY), "needs_login", "login_ended")
        contacts.link(work, COMPANY, "old", contact_id("old"), "test", status="archived")
    page = setter.see("/setup/harbour")
    assert dict(standing(page))["login"] == dict(standing(page))["contacts"] == "Needs attention"
    assert "3. Login to Xero" in page
    assert "Xero no longer accepts 1 of them" in page
    assert "1. Company" in setter.see("/setup/harbour/company")
    setter.see("/setup/harbour/nothing", 404)


def test_another_organisation_is_tried_out_anew(on_sqlite, person):
    setter = person("admin")
    setter.do("/companies/harbour/setup/preview", 200)
    setter.do("/companies/harbour/setup/test", do="send")
    assert to_do(setter.see("/setup/harbour")) == ["test"]
    setter.do("/companies/harbour/setup/test", do="delete")
    assert to_do(setter.see("/setup/harbour")) == []
    with on_sqlite.store.write() as work:
        connection = connections.locked(work, COMPANY)
        connection.connected_at = work.after(1)  # somebody logged in anew
    assert to_do(setter.see("/setup/harbour")) == []
    assert "CREWCARD-TEST-" in setter.see("/setup/harbour/test")
    with on_sqlite.store.write() as work:
        connections.locked(work, COMPANY).tenant = NEW
    assert to_do(setter.see("/setup/harbour")) == ["preview", "test"]
    assert "CREWCARD-TEST-" not in setter.see("/setup/harbour/test")


def test_what_would_fail_is_said_and_does_not_count_as_looked_at(on_sqlite, person):
    setter = person("setup")
    on_sqlite.ask(an_invoice("bad", line={"account_code": "299"}))
    page = setter.do("/companies/harbour/setup/preview", 200, number="n-BAD")
    assert "It would fail" in page
    assert "299" in page
    assert dict(standing(setter.see("/setup/harbour")))["preview"] == "Needs attention"
    assert "No invoice “N-9”" in setter.do("/companies/harbour/setup/preview", 422, number="N-9")
    assert on_sqlite.books() == []


def test_an_invoice_that_cannot_be_read_any_more_is_left_out_of_what_can_be_tried(on_sqlite, person):
    """What another version kept: the page broke over it."""
    on_sqlite.ask(
        an_invoice("i1", client={"id": "none", "name": "None"}), an_invoice("i2", client={"id": "x", "name": "X"})
    )
    with on_sqlite.store.write() as work:
        work.session.exec(update(Export).where(col(Export.invoice) == "i1").values(wanted="{}"))
    setter = person("setup")
    page = setter.see("/setup/harbour/preview")
    assert "N-i2" in page
    assert "N-i1" not in page
    assert "cannot be read any more" in setter.do("/companies/harbour/setup/preview", 422, number="N-i1")


def test_a_file_is_checked_first_with_its_mistakes_by_line_and_then_imported(on_sqlite, person):
    setter = person("setup")
    setter.do("/companies/harbour/setup/contacts")
    crane = on_sqlite.simulator.state.world.organisations[TENANT].contacts[contact_id("bolt")].id
    table = f"client;xero_contact;name\nmüller;{crane};Müller\ndock;nonsense;Dock\n".encode("cp1252")
    sent = {"form": setter.token(), "company": COMPANY, "at": "setup", "do": "check", "table": ""}
    page = setter.browser.post("/console/contacts/import", data=sent, files={"file": ("c.csv", table)}).text
    assert "1 client would be linked" in page
    assert re.search(r"<strong>Line 3</strong> [^<]*is not the address", page)
    assert "it was read as Windows-1252" in page
    kept = html.unescape(re.search(r'<textarea id="table"[^>]*>(.*?)</textarea>', page, re.DOTALL)[1])
    assert "Müller" in kept
    page = setter.do("/contacts/import", 200, **{**sent, "table": kept, "do": "import"})
    assert "1 client linked" in page
    with on_sqlite.store.read() as work:
        assert contacts.links(work, COMPANY, ["müller"]) == {"müller": crane}


@pytest.mark.parametrize(
    "body", [b"", b"--x\r\n", b"\xff\x00", b"--x\r\nContent-Disposition: form-data\r\n\r\n--x--"]
)
def test_a_form_of_parts_that_is_none_does_nothing(on_sqlite, person, body):
    setter = person("setup")
    headers = {"content-type": "multipart/form-data; boundary=x", "x-form": setter.token()}
    assert setter.browser.post("/console/contacts/import", content=body, headers=headers).status_code == 422


PIECES = [b"--x", b"--x--", b"\r\n", b"\n", b"--", b"x", b": ", b"Content-Disposition: form-data", b'; name="a"']
PIECES += [b"; name=b", b'; filename="f"', b"Content-Transfer-Encoding: base64\r\n", b"\0", b"\xff", b"a" * 5000]
KINDS = ["", "; boundary=x", '; boundary="x"', "; boundary=", "; boundary=" + "x" * 300, "; boundary=\xe9", ";;;"]


@given(st.sampled_from(KINDS), st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=25).map(b"".join))
def test_whatever_comes_as_a_form_of_parts_is_read_or_is_none(kind, body):
    fields, files = forms.parsed(f"multipart/form-data{kind}", body)
    assert all(isinstance(value, str) for values in fields.values() for value in values)
    assert all(files.values())


TYPED = st.tuples(st.text("abé", min_size=1, max_size=5), st.text(st.characters(codec="utf-8"), max_size=30))


@given(
    st.lists(TYPED, max_size=9),
    st.binary(min_size=1, max_size=400),
)
def test_a_form_of_parts_is_what_a_browser_sent(typed, table):
    fields = {name: [value for other, value in typed if other == name] for name, _ in typed}
    sent = httpx.Request("POST", "http://x", data=fields, files={"file": ("c.csv", table), "none": ("n.csv", b"")})
    read = forms.parsed(sent.headers["content-type"], sent.read())
    assert read == (fields, {"file": table})


@pytest.mark.parametrize("file", ["", '; filename="f"'])
def test_a_form_of_more_parts_than_a_person_can_send_is_refused(on_sqlite, person, file):
    setter = person("setup")
    part = f'--x\r\nContent-Disposition: form-data; name="a"{file}\r\n\r\n\r\n'
    headers = {"content-type": "multipart/form-data; boundary=x", "x-form": setter.token()}
    codes = []
    for parts in (1900, 2001):
        sent = setter.browser.post("/console/contacts/import", content=part * parts + "--x--\r\n", headers=headers)
        codes.append(sent.status_code)
    assert codes == [422, 413]


def test_a_form_of_parts_within_parts_is_read_at_once(on_sqlite, person):
    setter = person("setup")
    nested = "".join(f"\r\n--b{n}\r\ncontent-type: multipart/mixed; boundary=b{n + 1}\r\n\r\n" for n in range(5000))
    headers = {"content-type": "multipart/form-data; boundary=b0", "x-form": setter.token()}
    sent = setter.browser.post("/console/contacts/import", content=nested * 4, headers=headers)
    assert sent.status_code == 422


def test_where_crewcard_keeps_the_contacts_nothing_is_asked_until_somebody_says_so(on_sqlite, person):
    setter = person("setup")
    page = setter.see("/setup/harbour/contacts")
    assert "CrewCard sends each client" in page
    assert 'name="file"' not in page
    assert 'name="file"' in setter.do("/companies/harbour/setup/contacts")
    with on_sqlite.store.read() as work:
        assert companies.settings_of(work, COMPANY).contact_ids_editable


def test_only_what_nobody_can_mistake_is_an_exact_match():
    listed = [ListedContact(f"id-{name}", name) for name in ("Crane Hire", "Dock", "Twin", "twin", "Shared")]
    listed.append(ListedContact("id-number", "Other name", number="C-7"))
    cards = [Card("a", "CRANE  hire"), Card("C-7", "Seven"), Card("c", "Twin"), Card("d", "Dock Ltd")]
    cards += [Card("e", "Shared"), Card("f", "shared"), Card("g", "Nobody")]
    likely = {card: Likely(listed).suggestions(card) for card in cards}
    exact = contact_checks.matches_in(likely).exact
    assert {card.client: one.contact.id for card, one in exact.items()} == {"a": "id-Crane Hire", "C-7": "id-number"}


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, "ready"),
        ({"client_id": ""}, "app"),
        ({"app_wrong": "exports are switched off"}, "app"),
        ({"organisation": ""}, "login"),
        ({"login_wrong": "Login to Xero ended"}, "login"),
        ({"account": ""}, "accounts"),
        ({"account_wrong": "Xero has no account 200 for sales"}, "accounts"),
        ({"linked": 0}, "contacts"),
        ({"unlinked": 1}, "contacts"),
        ({"amiss": 1}, "contacts"),
        ({"previewed": ""}, "preview"),
        ({"preview_wrong": "N-1 would fail"}, "preview"),
        ({"tested": ""}, "test"),
        ({"tested": "draft"}, "test"),
        ({"tested": "uncertain"}, "test"),
        ({"test_wrong": "Xero did not take it"}, "test"),
    ],
)
def test_the_first_step_that_is_not_done_comes_first(changes, first):
    steps = setup_steps.steps_of(SetupFacts(**{**vars(DONE), **changes}))
    assert setup_steps.at_work(steps) == first
    assert [one.key for one in steps] == list(setup_steps.KEYS)
    assert [one.state for one in steps].count("done") == len(steps) - (first != "ready")
