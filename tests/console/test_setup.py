"""Setting a company up in the console: its app, its connect link, its settings; all checked and written down."""

import re

import pytest

from events.settings import CompanySettings, CompanySettingsChanged, DailySummary, LineDefaults
from simulator import control, seeding
from store import audit, companies, connections
from store.tables import CompanyApp, Token, XeroApp
from tests.builders import COMPANY, TENANT, an_organisation
from tests.connections.house import OTHER_TENANT, hidden_fields
from tests.console.filled import fields_of
from tests.contacts.test_settings import ORGANISATION
from web.console import settings_form
from worker.decisions.rights import Operator
from worker.submission import change_submission
from worker.submission.change_submission import GivenBy

HERE, SECRET, SCRIPT = "/companies/harbour/setup", "s3cret-Of-The-App", "<script>alert(1)</script>"
WIZARD = "/setup/harbour"
NEW = {"client_id": "APP1", "secret": SECRET, "kind": "web", "scopes": "granular", "callback": ""}


@pytest.fixture
def setter(person):
    return person("admin", "olga@crewcard.example")


@pytest.fixture
def books(on_sqlite):
    """The organisation in Xero, with more to choose from."""
    found = on_sqlite.simulator.state.world.organisations[TENANT]
    seeding.change(found, ORGANISATION)
    return found


def lines(installation, company=COMPANY):
    with installation.store.read() as work:
        return [(one.what, one.who) for one in audit.newest(work, company)]


def settings(installation):
    with installation.store.read() as work:
        return companies.settings_of(work, COMPANY)


def change(setter, status=303, **fields):
    """Open the page, change fields, send the form."""
    form = fields_of(setter.see(f"{WIZARD}/accounts"), "/setup/settings")
    return setter.do(f"{HERE}/settings", status, **{**form, **fields})


def test_a_company_is_set_up_from_its_name_to_its_connect_link(setter, on_sqlite):
    on_sqlite.simulator.state.identity.add_app("APP1", SECRET)
    page = setter.do("/companies/new", company="wharf", name="Wharf & Sons")
    assert "Wharf &amp; Sons is added" in page
    assert "Every company brings its own app" in page
    assert 'value="http://127.0.0.1:8700/connect/xero/callback" readonly' in page
    assert "Xero knows this app" in setter.do("/companies/wharf/setup/app", **NEW)
    page = setter.do("/companies/wharf/setup/link", 200)
    link = re.search(r'id="link" value="([^"]+)" readonly', page).group(1).replace("&amp;", "&")
    assert "Good until" in page
    here = link.replace("http://127.0.0.1:8700", "")
    page = setter.browser.get(here).text
    assert "Wharf" in page
    pressed = setter.browser.post(here.partition("?")[0], data=hidden_fields(page))
    assert "client_id=APP1" in pressed.headers["location"]
    olga = "olga@crewcard.example"
    assert lines(on_sqlite, "wharf") == [("connect link made", olga), ("Xero app set", olga), ("company named", olga)]


@pytest.mark.parametrize("company", ["", "new", "two words", "-dash", "x" * 101, "harbour"])
def test_a_company_whose_id_cannot_be_is_refused_and_what_was_typed_stays(setter, on_sqlite, company):
    page = setter.do("/companies/new", 422, company=company, name="Typed Name")
    assert "There is a company “harbour” already" in page if company == "harbour" else "A company&#39;s id is" in page
    assert 'value="Typed Name"' in page


def test_a_secret_is_typed_once_and_stands_nowhere_afterwards(setter, on_sqlite):
    known = on_sqlite.simulator.state.identity.add_app("APP1", SECRET)
    pages = [setter.do(f"{HERE}/app", **NEW)]
    known.secret = f"{SECRET}-2"
    pages += [setter.do(f"{HERE}/secret", secret=f"{SECRET}-2"), setter.see(f"{WIZARD}/app")]
    pages += [setter.do(f"{HERE}/app", 422, **{**NEW, "client_id": ""})]
    assert not [page for page in pages if SECRET in page]
    with on_sqlite.store.read() as work:
        said = [line.chosen for line in audit.newest(work)]
        assert SECRET not in repr(said)
        kept = connections.app_keys(work, on_sqlite.tools.vault, "APP1")
    assert kept.secrets == (f"{SECRET}-2", SECRET)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("client_id", "", "Client ID"),
        ("client_id", "two words", "Client ID"),
        ("secret", "", "Client Secret"),
        ("secret", "a\nb", "Client Secret"),
        ("callback", "https://evil.example/", "RETURN_ADDRESSES"),
        ("client_id", "x" * 301, "Client ID"),
    ],
)
def test_an_app_that_cannot_be_is_refused_in_words(setter, on_sqlite, field, value, said):
    page = setter.do(f"{HERE}/app", 422, **{**NEW, field: value})
    assert said in re.search(r'<p class="problem" role="alert">([^<]*)', page).group(1)
    with on_sqlite.store.read() as work:
        assert work.session.get(CompanyApp, COMPANY).client_id == "app-harbour"


def test_another_companys_app_is_joined_only_by_who_knows_its_secret(setter, on_sqlite):
    setter.do("/companies/new", company="thief", name="Thief")
    stolen = {**NEW, "client_id": "app-harbour", "secret": "guess"}
    assert "Xero does not know this Client ID" in setter.do("/companies/thief/setup/app", 422, **stolen)
    on_sqlite.simulator.state.faults.set({"token_500": 1.0})
    assert "Another company uses this app" in setter.do("/companies/thief/setup/app", 422, **stolen)


def test_a_secret_is_rotated_without_a_stop(setter, on_sqlite):
    assert "Xero does not know" in setter.do(f"{HERE}/secret", 422, secret="newer")
    on_sqlite.simulator.state.identity.add_app("app-harbour", "newer")
    kept = "Xero knows the new Client Secret, and it counts. The former one stays good"
    assert kept in setter.do(f"{HERE}/secret", secret="newer")
    assert "Two are kept" in setter.see(f"{WIZARD}/app")
    assert "is forgotten" in setter.do(f"{HERE}/forget-secret")
    assert "There was only one" in setter.do(f"{HERE}/forget-secret")
    with on_sqlite.store.read() as work:
        assert work.session.get(XeroApp, "app-harbour").former_secret is None


def test_a_webhook_key_is_typed_once_replaced_without_a_stop_and_ended(setter, on_sqlite):
    assert "found by comparing" in setter.see(f"{WIZARD}/app")
    assert "Paste the webhook key." in setter.do(f"{HERE}/webhook-key", 422, key="")
    assert "The webhook key is kept" in setter.do(f"{HERE}/webhook-key", key=SECRET)
    page = setter.see(f"{WIZARD}/app")
    assert "Nothing came yet" in page
    assert "/xero/webhooks/harbour" in page
    setter.do(f"{HERE}/webhook-key", key="the next one")
    with on_sqlite.store.write() as work:
        assert connections.webhook_keys(work, on_sqlite.tools.vault, COMPANY) == ["the next one", SECRET]
        connections.note_webhook(work, COMPANY)
    assert "Xero posted last" in setter.see(f"{WIZARD}/app")
    assert "is forgotten" in setter.do(f"{HERE}/forget-webhook-key", which="former")
    assert "no such webhook key" in setter.do(f"{HERE}/forget-webhook-key", which="former")
    assert "is forgotten" in setter.do(f"{HERE}/forget-webhook-key", which="all")
    with on_sqlite.store.read() as work:
        assert connections.webhook_keys(work, on_sqlite.tools.vault, COMPANY) == []
    assert SECRET not in setter.see(f"{WIZARD}/app") + page
    assert [what for what, _ in lines(on_sqlite) if "webhook" in what] == [
        "webhook key forgotten",
        "former webhook key forgotten",
        "webhook key set",
        "webhook key set",
    ]


def test_exports_are_switched_off_and_on_and_the_audit_says_why(setter, on_sqlite):
    assert "Exports are off" in setter.do(f"{HERE}/exports", do="off", why="moving house")
    on_sqlite.ask()
    on_sqlite.run()
    assert on_sqlite.books() == []
    assert "were switched off here" in setter.see(f"{WIZARD}/login")
    assert "exports are switched off" in setter.see(f"{WIZARD}/app")
    assert "Exports are on again" in setter.do(f"{HERE}/exports", do="on", why="moved")
    on_sqlite.settle_down(2)
    assert len(on_sqlite.books()) == 1
    with on_sqlite.store.read() as work:
        said = [(one.what, one.why) for one in audit.newest(work, COMPANY)]
    assert said[:2] == [("exports switched on", "moved"), ("exports switched off", "moving house")]


def test_other_permissions_take_a_new_login(setter, on_sqlite):
    page = setter.do(f"{HERE}/scopes", scopes="granular", other_scopes="granular accounting.attachments")
    assert "That takes a new login" in page
    assert "permissions that Harbour asks Xero for were changed" in setter.see(f"{WIZARD}/login")
    assert "are asked for already" in setter.do(f"{HERE}/scopes", other_scopes="accounting.attachments granular")


def test_disconnecting_ends_the_connection_at_xero_too_and_twice_is_told(setter, on_sqlite):
    grants = on_sqlite.simulator.state.identity.grants
    assert "Disconnected, at Xero too" in setter.do(f"{HERE}/disconnect", why="sold")
    assert not any(grant.connections for grant in grants.values())
    assert "somebody else may have been quicker" in setter.do(f"{HERE}/disconnect", 422, why="sold")
    assert lines(on_sqlite)[0] == ("disconnected", "olga@crewcard.example")


def test_what_waits_for_another_organisation_is_decided_here(setter, on_sqlite, monkeypatch):
    with on_sqlite.store.write() as work:
        connection = connections.locked(work, COMPANY)
        connections.set_state(work, connection, "undecided", "other_organisation")
    assert "Send them to Organisation 1111" in setter.see(f"{WIZARD}/login")
    assert "0 invoices sent on" in setter.do(f"{HERE}/decide", do="send")
    assert "somebody else may have been quicker" in setter.do(f"{HERE}/decide", 422, do="cancel")


def test_settings_are_chosen_from_what_the_organisation_has(setter, on_sqlite, books):
    page = setter.see(f"{WIZARD}/accounts")
    assert "Not asked yet" in page
    assert 'name="tax-0" value="" placeholder="default tax rate"' in page  # what an empty field means
    assert "as in Organisation 1111" in setter.do(f"{HERE}/choices")
    page = setter.see(f"{WIZARD}/accounts")
    assert '<option value="210">210 · Crew hire</option>' in page
    assert "Receivable" not in page
    assert '<option value="ZERO">ZERO · Zero rated</option>' in page
    chosen = {"default_account_code": "210", "default_tax_type": "ZERO", "invoice_status": "DRAFT"}
    more = {"due_kind": "day_of_next_month", "due_days": "20", "number_prefix": "CC-", "option-0": "North"}
    kind = {"kind-0": "hire", "account-0": "200", "tax-0": ""}
    theme = books.themes["Crew"].id
    said = change(
        setter, **chosen, **more, **kind, branding_theme=theme, contact_ids_editable="yes", sent_to_contact="yes"
    )
    assert "The settings are changed" in said
    kept = settings(on_sqlite)
    assert (kept.default_account_code, kept.default_tax_type, kept.invoice_status) == ("210", "ZERO", "DRAFT")
    assert (kept.due.kind, kept.due.days, kept.number_prefix) == ("day_of_next_month", 20, "CC-")
    assert [(one.category, one.option) for one in kept.tracking] == [("Region", "North")]
    assert (kept.branding_theme.name, kept.contact_ids_editable, kept.sent_to_contact) == ("Crew", True, True)
    assert kept.of_kind("hire").account_code == "200"
    assert lines(on_sqlite)[0] == ("settings", "olga@crewcard.example")


def test_a_daily_summary_is_chosen_changed_and_taken_back_and_a_zone_nobody_knows_is_said(setter, on_sqlite):
    assert "The settings are changed" in change(setter, summary_hour="7", summary_zone="Pacific/Auckland")
    assert settings(on_sqlite).daily_summary == DailySummary(hour=7, time_zone="Pacific/Auckland")
    page = setter.see(f"{WIZARD}/accounts")
    assert '<option value="7" selected>07:00</option>' in page
    assert 'value="Pacific/Auckland"' in page
    page = change(setter, 422, summary_zone="Mars/Olympus")
    assert "<li>Daily summary must name a time zone as in Pacific/Auckland" in page, "as the form calls it"
    change(setter, number_prefix="CC-")
    assert settings(on_sqlite).daily_summary.hour == 7, "who changes something else leaves it"
    change(setter, summary_hour="", summary_always="yes")
    assert settings(on_sqlite).daily_summary is None


def test_what_the_form_shows_and_nobody_touches_stays(setter, on_sqlite, books):
    setter.do(f"{HERE}/choices")
    change(
        setter,
        **{
            "kind-0": "hire",
            "account-0": "210",
            "option-0": "North",
            "due_kind": "days_after_invoice",
            "due_days": "9",
        },
    )
    before = settings(on_sqlite)
    assert "No setting was changed" in change(setter)
    assert settings(on_sqlite) == before
    change(setter, **{"kind-0": "", "option-0": "", "due_kind": "", "default_account_code": ""})
    kept = settings(on_sqlite)
    assert (kept.kinds, kept.tracking, kept.due, kept.default_account_code) == (None, None, None, None)


def test_a_setting_that_xero_does_not_have_is_refused_with_the_choices_and_stays_typed(setter, on_sqlite, books):
    page = change(setter, 422, default_account_code="999", number_prefix="KEEP-")
    assert "Account 999 does not exist in Xero. Choose one of: 200" in page
    assert 'name="number_prefix" value="KEEP-"' in page
    assert settings(on_sqlite).number_prefix is None
    assert "Default due date must be a whole number" in change(
        setter, 422, due_kind="days_after_invoice", due_days="soon"
    )
    form = fields_of(page, "/setup/settings")
    assert "are changed" in setter.do(f"{HERE}/settings", **{**form, "default_account_code": "210"})
    assert settings(on_sqlite).number_prefix == "KEEP-"


def test_nobody_overwrites_what_somebody_else_changed_meanwhile(setter, on_sqlite, books):
    form = fields_of(setter.see(f"{WIZARD}/accounts"), "/setup/settings")
    said, by = (
        {"company": COMPANY, "settings": {"number_prefix": "HOST-"}},
        GivenBy(Operator("h"), "crewcard-xero/test"),
    )
    change_submission.file_change(on_sqlite.tools, CompanySettingsChanged, said, by, 5)
    setter.do(f"{HERE}/settings", **{**form, "default_account_code": "210"})
    kept = settings(on_sqlite)
    assert (kept.number_prefix, kept.default_account_code) == ("HOST-", "210")


def test_a_form_that_cannot_be_read_changes_nothing(setter, on_sqlite):
    for seen in ("", "{", "[]", '{"tracking": 1}', SCRIPT):
        assert "too old to be read" in setter.do(f"{HERE}/settings", 422, seen=seen, number_prefix="X")


def test_while_xero_is_away_a_setting_waits_and_the_choices_are_not_lost(setter, on_sqlite, books):
    setter.do(f"{HERE}/choices")
    on_sqlite.simulator.state.faults.set({"http_500": 1.0, "reads": True})
    on_sqlite.later(2 * 86_400)
    setter.sign_in()
    assert "Xero cannot be asked just now" in setter.do(f"{HERE}/choices", 422)
    assert "Accepted. Xero cannot be asked just now" in change(setter, default_account_code="210")
    assert "210 · Crew hire" in setter.see(f"{WIZARD}/accounts")


def test_the_page_tells_how_the_connection_is_whatever_state_it_is_in(setter, on_sqlite):
    assert "Calls left today" in setter.see(f"{WIZARD}/login")
    with on_sqlite.store.write() as work:
        connections.set_state(work, connections.locked(work, COMPANY), "needs_login", "login_ended")
    page = setter.see(f"{WIZARD}/login")
    assert "Xero no longer accepts the login for Organisation 1111" in page
    assert "Ask for a login link in CrewCard" in page
    with on_sqlite.store.write() as work:
        work.session.delete(work.session.get(Token, ("app-harbour", "user-harbour")))
    assert "Set up Harbour" in setter.see(HERE)
    assert "There is no company" in setter.see("/setup/nowhere", 404)
    for act in ("app", "secret", "link", "settings", "name", "exports", "contacts"):
        setter.do(f"/companies/nowhere/setup/{act}", 404, **NEW)


def test_outside_text_is_shown_as_text(setter, on_sqlite, books):
    seeding.change(books, {"accounts": [{"code": "666", "name": SCRIPT}], "themes": [{"name": SCRIPT}]})
    setter.do(f"{HERE}/name", name=SCRIPT)
    setter.do(f"{HERE}/choices")
    page = setter.see(f"{WIZARD}/accounts") + change(setter, 422, default_account_code=SCRIPT[:9])
    assert SCRIPT not in page
    assert page.count("&lt;script&gt;") >= 3


@pytest.mark.parametrize(
    "form", ["/companies/harbour/setup/app", "/contacts/harbour/a%252Fb/check", "/users/anna/role"]
)
def test_who_opens_the_address_of_a_form_again_comes_to_the_page_it_stood_on(setter, form):
    """As a browser does with the address of a form that came back with its mistake."""
    answer = setter.browser.get(f"/console{form}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/console{form.rpartition('/')[0]}".removesuffix("/anna"),
    )


def test_a_form_knows_every_setting_there_is(on_sqlite):
    """A new setting must be given a field, or it would look as if there were none."""
    fields = set(settings_form.Typed.__dataclass_fields__)
    of_parts = {"due_kind", "due_days", "summary_hour", "summary_zone", "summary_always"}
    assert set(CompanySettings.model_fields) - {"due", "days_until_due", "daily_summary"} == fields - of_parts
    kept = CompanySettings(kinds={"a": LineDefaults(account_code="1")}, days_until_due=7)
    typed = settings_form.of_settings(kept)
    assert (typed.due_kind, typed.due_days, typed.kinds) == ("days_after_invoice", "7", (("a", "1", ""),))
    assert settings_form.settings_patch(typed, typed) == {}


def test_a_custom_connection_is_checked_and_connected_at_once_and_needs_no_login(setter, on_sqlite):
    identity = on_sqlite.simulator.state.identity
    identity.add_app("own", "s3cret", kind="custom", tenant="")
    with on_sqlite.store.write() as work:
        companies.set_up(work, "wharf", "Wharf", CompanySettings())
    organisation = control.organisation(an_organisation(OTHER_TENANT))
    on_sqlite.simulator.state.world.organisations[OTHER_TENANT] = organisation
    app = {"client_id": "own", "secret": "s3cret", "kind": "custom"}
    page = setter.do("/companies/wharf/setup/app", 422, **app)
    assert "so nothing was saved" in page
    identity.apps["own"].tenant = OTHER_TENANT
    page = setter.do("/companies/wharf/setup/app", **app)
    assert "Connected to Organisation 2222. Nobody logs in." in page
    assert "never: a custom connection, nobody logs in" in page
    assert "Make a connect link" not in page
    assert "Connected to" in setter.do("/companies/wharf/setup/connect")
    assert "nobody logs in" in setter.see("/setup/wharf/app")
