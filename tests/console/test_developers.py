"""The developers' room: endpoints, deliveries, keys; each act asked of the server, each in the audit."""

import json
import re
from html import unescape

import httpx
import pytest
from standardwebhooks import Webhook

from events.credentials import Scope
from store import api_keys, audit, deliveries, endpoints, sinks
from tests.browser import IN_A_BROWSER
from tests.builders import COMPANY, an_invoice
from tests.console.visiting import PASSWORD, Person
from tests.hosts.conftest import deliver, endpoint  # noqa: F401  # a fixture
from tests.installation import Installation
from web import keys
from web.console import developers
from worker.delivery.webhooks import endpoint_health

SECRET = re.compile(r"<code>(whsec_[A-Za-z0-9+/=]+)</code>")


@pytest.fixture
def on_sqlite(make_installation, sqlite_url):
    """An installation whose webhooks may go to this machine."""
    made = make_installation(sqlite_url, webhook_private_addresses=True)
    made.company()
    return made


@pytest.fixture
def admin(person):
    return person("admin")


def audited(installation: Installation):
    with installation.store.read() as work:
        return [(line.who, line.what) for line in audit.newest(work)]


def the_endpoint(installation):
    (found,) = endpoint_health(installation.tools)
    return found


def event_of(installation, number):
    """The event of a delivery: several are posted at once, and come in any order."""
    with installation.store.read() as work:
        return deliveries.numbered(work, number).event_id


def added(admin, url):
    page = unescape(admin.do("/developers/endpoints", company=COMPANY, url=url, status=200))
    return SECRET.search(page)[1]


def test_an_endpoint_is_added_and_its_secret_shown_once(admin, on_sqlite, endpoint):  # noqa: F811
    secret = added(admin, endpoint.url)
    assert secret not in unescape(admin.see("/developers"))
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    deliver(on_sqlite)
    for headers, body in endpoint.came:
        assert Webhook(secret).verify(body, headers)
    assert ("admin", "webhook endpoint added") in audited(on_sqlite)
    admin.do("/developers/endpoints", 422, company=COMPANY, url="ftp://a")
    admin.do("/developers/endpoints", 422, company="nobody", url=endpoint.url)


def test_a_test_event_shows_the_answer_and_deliveries_show_what_was_sent_and_what_came_back(
    admin,
    on_sqlite,
    endpoint,  # noqa: F811
):
    added(admin, endpoint.url)

    def answer(handler):
        handler.send_response(500)
        handler.end_headers()
        handler.wfile.write(b"<b>no</b> whsec_QUJDREVG")

    endpoint.answer = answer
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    deliver(on_sqlite)
    page = admin.do(f"/developers/endpoints/{the_endpoint(on_sqlite).id}/test", status=200)
    assert "Test event: answered 500" in page
    assert "&lt;b&gt;no&lt;/b&gt; [left out]" in page
    shown = admin.see("/developers/deliveries?state=failed")
    assert shown.count("answered 500") == len(endpoint.came)
    one = admin.see("/developers/deliveries/1")
    assert "&lt;b&gt;no&lt;/b&gt; [left out]" in one
    assert event_of(on_sqlite, 1) in one
    assert "QUJDREVG" not in page + shown + one


def test_one_event_all_failed_and_all_since_a_time_are_sent_again(admin, on_sqlite, endpoint):  # noqa: F811
    added(admin, endpoint.url)
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    deliver(on_sqlite)
    before, here = list(endpoint.ids), the_endpoint(on_sqlite).id
    endpoint.came.clear()
    admin.do("/developers/deliveries/1/resend")
    deliver(on_sqlite)
    assert endpoint.ids == [event_of(on_sqlite, 1)]
    endpoint.came.clear()
    asked = admin.do(f"/developers/endpoints/{here}/resend", since="1h", status=200)
    assert f"Send {len(before)} events again?" in asked
    assert deliver(on_sqlite) == 0
    since = re.search(r'name="since" value="([^"]+)"', asked)[1]
    admin.do(f"/developers/endpoints/{here}/resend", since=unescape(since), confirmed="yes", why="lost")
    deliver(on_sqlite)
    assert sorted(endpoint.ids) == sorted(before)
    admin.do(f"/developers/endpoints/{here}/resend", 422, since="soon")
    with on_sqlite.store.write() as work:
        event = work.session.get(sinks.OutboxEvent, before[0])
        sinks.try_again(work, endpoints.door_of(here), event, None, 13, "answered 500")
    endpoint.came.clear()
    admin.do(f"/developers/endpoints/{here}/retry")
    deliver(on_sqlite)
    assert endpoint.ids == before[:1]
    assert [what for _, what in audited(on_sqlite)].count("webhooks sent again") == 2
    assert ("admin", "webhooks retried") in audited(on_sqlite)


def test_an_endpoint_is_moved_switched_off_and_on_and_removed(admin, on_sqlite, endpoint):  # noqa: F811
    added(admin, "https://app.example.com/xero_webhook.php?token=hush")
    here = the_endpoint(on_sqlite).id
    assert "hush" not in admin.see("/developers")
    admin.do(f"/developers/endpoints/{here}/url", url=endpoint.url)
    admin.do(f"/developers/endpoints/{here}/off")
    assert "Switched off" in admin.see("/developers")
    deliver(on_sqlite)
    assert endpoint.came == []
    admin.do(f"/developers/endpoints/{here}/on")
    assert the_endpoint(on_sqlite).off_since is None
    assert SECRET.search(unescape(admin.do(f"/developers/endpoints/{here}/rotate", status=200)))
    admin.do(f"/developers/endpoints/{here}/remove")
    assert endpoint_health(on_sqlite.tools) == []
    for act in ("url", "off", "rotate", "remove", "test"):
        admin.do(f"/developers/endpoints/{here}/{act}", 422, url=endpoint.url)
    done = {what for who, what in audited(on_sqlite) if who == "admin"}
    assert done >= {
        "webhook endpoint changed",
        "webhook endpoint switched off",
        "webhook endpoint switched on",
        "webhook secret rotated",
        "webhook endpoint removed",
    }


def test_how_many_events_go_in_one_post_is_shown_changed_and_in_the_audit(admin, on_sqlite, endpoint):  # noqa: F811
    added(admin, endpoint.url)
    here = the_endpoint(on_sqlite).id
    assert "in one POST" not in admin.see("/developers").partition("Events in one POST")[0]
    assert "from now on" in admin.do(f"/developers/endpoints/{here}/batch", batch="50")
    assert "up to 50 in one POST" in admin.see("/developers")
    assert the_endpoint(on_sqlite).batch == 50
    admin.do(f"/developers/endpoints/{here}/test", status=200)
    assert endpoint.came[-1][1].startswith("[")
    for wrong in ("0", "101", "many", "-1"):
        assert "One POST carries 1 to 100 events." in admin.do(
            f"/developers/endpoints/{here}/batch", 422, batch=wrong
        )
    admin.do("/developers/endpoints/nobody/batch", 422, batch="2")
    with on_sqlite.store.read() as work:
        changed = [json.loads(one.chosen) for one in audit.newest(work, COMPANY, 9, "webhook endpoint changed")]
    assert [one["batch"] for one in changed] == [50]


def test_a_key_is_made_rotated_ended_and_its_secret_shown_once(admin, on_sqlite):
    said = {"key": "pages", "companies": COMPANY, "scope": ["reads", "feed"], "expires": "90d"}
    secret = SECRET.search(unescape(admin.do("/developers/keys", status=200, **said)))[1]
    page = unescape(admin.see("/developers"))
    assert (secret in page, "feed, reads" in page) == (False, True)

    def key():
        with on_sqlite.store.read() as work:
            return api_keys.find(work, on_sqlite.tools.vault, "pages")

    assert (key().secret, key().companies, key().scopes) == (secret, {COMPANY}, {"reads", "feed"})
    other = SECRET.search(unescape(admin.do("/developers/keys/pages/rotate", status=200)))[1]
    assert (key().secret, key().former) == (other, secret)
    admin.do("/developers/keys/pages/expire", expires="never")
    assert key().expires_at is None
    page = admin.see("/developers")
    assert '<td data-name="Good until">no end</td>' in page, "not that it was revoked"
    (field,) = re.findall(r'<input id="expires-1"[^>]*>', page)
    assert "value=" not in field, "to press Save alone changes no end"
    admin.do("/developers/keys/pages/revoke")
    assert key() is None
    assert [what for who, what in audited(on_sqlite) if who == "admin"][:4] == [
        "key revoked",
        "key's end changed",
        "key rotated",
        "key made",
    ]
    for wrong in ({"key": "a b"}, {"every": "yes"}, {"companies": ""}, {"companies": "nobody"}, {"expires": "soon"}):
        admin.do("/developers/keys", 422, **{**said, **wrong})


def test_the_scopes_of_a_key_are_edited_from_what_they_are_and_back_again(admin, on_sqlite):
    with on_sqlite.store.write() as work:
        api_keys.make(work, on_sqlite.tools.vault, "pages", [COMPANY], [Scope.READS, Scope.EVENTS])

    def scopes():
        with on_sqlite.store.read() as work:
            return api_keys.find(work, on_sqlite.tools.vault, "pages").scopes

    def ticked():
        return fields_of_boxes(admin.see("/developers"), "/keys/pages/scopes")

    of_before = {"contacts", "exports", "orders", "reads", "settings"}
    assert ticked() == of_before, "a former scope is ticked as what it means today"
    assert "pages opens reads, feed within two seconds." in admin.do(
        "/developers/keys/pages/scopes", scope=["feed", "reads"]
    )
    assert (scopes(), ticked()) == ({"feed", "reads"}, {"feed", "reads"})
    assert "nothing was changed" in admin.do("/developers/keys/pages/scopes", scope=["feed", "reads"])
    assert "Tick what the key may be used for" in admin.do("/developers/keys/pages/scopes", 422)
    assert "Tick what the key may be used for" in admin.do("/developers/keys/pages/scopes", 422, scope="root")
    assert scopes() == {"feed", "reads"}, "nothing ticked is not everything"
    admin.do("/developers/keys/pages/scopes", everything="yes", scope=["reads"])
    assert (scopes(), ticked()) == (None, {"yes"})
    admin.do("/developers/keys/pages/scopes", scope=sorted(of_before))
    assert scopes() == of_before
    with on_sqlite.store.read() as work:
        told = [json.loads(line.chosen) for line in audit.newest(work) if line.what == "key's scopes changed"]
    assert [one["now"] for one in told] == [sorted(of_before), "everything", ["feed", "reads"]]
    assert [one["scopes"] for one in told] == ["everything", ["feed", "reads"], ["events:write", "reads"]]
    admin.do("/developers/keys/nobody/scopes", 422, scope="reads")
    admin.do("/developers/keys/pages/revoke")
    admin.do("/developers/keys/pages/scopes", 422, scope="reads")


def fields_of_boxes(page, action):
    """What is ticked in the form with this action."""
    form = re.search(rf'action="[^"]*{action}">.*?</form>', page, re.DOTALL)[0]
    return {value for value, ticked in re.findall(r'type="checkbox"[^>]* value="([^"]+)"( checked)?', form) if ticked}


def test_a_request_of_a_key_is_judged_by_its_scopes_of_now(admin, on_sqlite, monkeypatch):
    monkeypatch.setattr(keys, "REMEMBERED_SECONDS", 1e-9)
    on_sqlite.ask(an_invoice("i1"))
    with on_sqlite.store.write() as work:
        secret = api_keys.make(work, on_sqlite.tools.vault, "pages", [COMPANY], [Scope.READS]).secret
    path, bearer = f"/v1/companies/{COMPANY}/requests/r1", {"authorization": f"Bearer pages.{secret}"}
    assert httpx.get(f"{admin.url}{path}", headers=bearer).status_code == 200
    admin.do("/developers/keys/pages/scopes", scope=["feed"])
    assert httpx.get(f"{admin.url}{path}", headers=bearer).status_code == 403
    admin.do("/developers/keys/pages/scopes", scope=["reads"])
    assert httpx.get(f"{admin.url}{path}", headers=bearer).status_code == 200


@pytest.mark.parametrize(("role", "may"), [("read", ()), ("support", ()), ("ops", ("resend", "retry"))])
def test_who_may_not_is_refused_by_the_server_and_sees_no_buttons(person, on_sqlite, role, may):
    with on_sqlite.store.write() as work:
        made = endpoints.add_endpoint(work, on_sqlite.tools.vault, COMPANY, "https://app.example.com/")
        api_keys.make(work, on_sqlite.tools.vault, "crewcard")
        row = {"event_id": "e", "tries": 1, "status": 200, "milliseconds": 1, "trouble": "", "answer": ""}
        deliveries.note(work, endpoints.door_of(made.id), [row])
    somebody = person(role)
    page = somebody.see("/developers")
    assert ("/test" in page, "/resend" in page, "/keys" in page) == (False, "resend" in may, False)
    acts = ["rotate", "url", "off", "on", "remove", "test", "retry", "resend"]
    for act in acts:
        if act not in may:
            somebody.do(f"/developers/endpoints/{made.id}/{act}", 403)
    of_keys = [f"keys/crewcard/{act}" for act in ("rotate", "expire", "revoke", "scopes")]
    for path in ("endpoints", "keys", *of_keys):
        somebody.do(f"/developers/{path}", 403)
    assert "Send it again" not in somebody.see("/developers/deliveries/1") or "resend" in may
    assert "There is no delivery 7" in somebody.browser.get("/console/developers/deliveries/7").text


class TestInABrowser:
    """The same by hand, on a phone and without JavaScript."""

    pytestmark = IN_A_BROWSER

    def test_an_endpoint_is_added_tried_and_sent_to_again_on_a_phone_without_javascript(
        self,
        on_sqlite,
        console,
        chromium,
        endpoint,  # noqa: F811
    ):
        Person(on_sqlite, console, "admin", "olga")
        context = chromium.new_context(
            base_url=console, java_script_enabled=False, viewport={"width": 390, "height": 800}
        )
        page = context.new_page()
        page.goto("/console/developers")
        page.get_by_label("User").fill("olga")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("heading", name="Developers").wait_for()
        page.get_by_text("Add an endpoint").click()
        page.get_by_label("Company", exact=True).fill(COMPANY)
        page.get_by_label("Address", exact=True).fill(endpoint.url)
        page.get_by_role("button", name="Add and show its secret").click()
        assert "whsec_" in page.get_by_role("status").inner_text()
        on_sqlite.ask(an_invoice())
        on_sqlite.run()
        deliver(on_sqlite)
        before = len(endpoint.came)
        page.get_by_role("button", name="Send a test event").click()
        assert "Test event: taken" in page.get_by_role("status").inner_text()
        page.get_by_role("link", name="Deliveries of").click()
        page.get_by_role("row", name="invoice.export.succeeded").get_by_role("link").click()
        assert '"type": "invoice.export.succeeded"' in page.locator("main").inner_text()
        page.get_by_role("button", name="Send it again").click()
        assert "It is sent again." in page.locator(".said").inner_text()
        deliver(on_sqlite)
        assert len(endpoint.came) == before + 2
        page.goto("/console/developers")
        page.get_by_text("Make a key").click()
        page.get_by_role("textbox", name="Id it may be").fill("pages")
        page.get_by_label("Companies, by id").fill(COMPANY)
        page.get_by_label("reads").check()
        page.get_by_role("button", name="Make it and show its secret").click()
        assert "whsec_" in page.get_by_role("status").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        context.close()


def test_of_many_endpoints_the_first_are_shown_those_in_trouble_before_them_and_a_companys_are_found(
    person, on_sqlite, monkeypatch
):
    monkeypatch.setattr(developers, "PER_PAGE", 2)
    on_sqlite.company("quarry", "22222222-2222-4333-8444-555555555555")
    with on_sqlite.store.write() as work:
        for number in range(3):
            endpoints.add_endpoint(work, on_sqlite.tools.vault, COMPANY, f"https://app.example.com/{number}")
        endpoints.add_endpoint(work, on_sqlite.tools.vault, "quarry", "https://quarry.example.com/")
    reader = person("read")
    page = reader.see("/developers")
    assert "2 more endpoints not shown; those in trouble come first." in page
    assert page.count('data-name="Behind"') == 2
    for asked in ("quarry", "Quarry"):
        page = reader.see(f"/developers?company={asked}")
        assert ("quarry.example.com" in page, page.count('data-name="Behind"')) == (True, 1)
    assert "No endpoint of “nobody”." in reader.see("/developers?company=nobody")
