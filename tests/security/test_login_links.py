"""A login link is for the person who asked for it: it lies nowhere, a look does not use it up, a click does, once."""

import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import MetaData, select, update

from store.api_keys import Scope
from store.tables import Company, CompanyConnection
from tests.builders import a_request, an_invoice
from tests.connections.house import OTHER_TENANT, TENANT, hidden_fields
from tests.doors.host import Host
from worker.connections import tending

LINKS = "/v1/companies/harbour/login-links"
SAID = {"company": "harbour"}
DAY = 86_400


def texts_of_tables(engine):
    """Every value of every column of every table, as text, with its place."""
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                for column, value in row.items():
                    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
                    yield f"{table.name}.{column}", text


def texts_of_redis(client):
    """Everything Redis has, streams included."""
    readings = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda name: client.lrange(name, 0, -1),
        b"set": client.smembers,
        b"zset": lambda name: client.zrange(name, 0, -1, withscores=True),
        b"stream": client.xrange,
    }
    for name in client.scan_iter():
        kind = client.type(name)
        yield str(name), f"{name!r} {readings[kind if isinstance(kind, bytes) else kind.encode()](name)!r}"


def a_day(house):
    """A company that never logged in, one whose login died, one whose login ends soon, and what hosts are told."""
    answers = []
    house.company("harbour")
    answers.append(house.host().post("/v1/events", a_request(an_invoice())))
    house.company("pier")
    house.log_in("pier", OTHER_TENANT)
    for _ in range(47):
        house.installation.later(DAY)
        tending.tend(house.tools, "clock")
    house.installation.simulator.state.identity.grants.clear()
    answers.append(house.host().post("/v1/events", a_request(an_invoice(), company="pier", request="p1")))
    house.installation.run()
    house.installation.until_proven()
    tending.tend(house.tools, "clock")
    answers.append(house.host().post("/v1/events", [a_request(an_invoice("i2"), request="r2")]))
    house.installation.run()
    house.installation.relay()
    return answers


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_after_a_days_run_no_link_lies_in_tables_redis_events_or_answers(house, capfd):
    answers = a_day(house)
    made = [house.host().post(LINKS, SAID).json()["url"] for _ in range(2)]
    house.to_xero(house.browser(), made[0])
    house.installation.relay()
    told = {event["type"] for event in house.installation.events()}
    assert {"xero.connection.needs_login", "invoice.export.deferred"} <= told
    printed = capfd.readouterr()
    everything = {
        **{f"answer {number}": one.text for number, one in enumerate(answers)},
        "events": json.dumps(house.installation.events()),
        "printed": printed.out + printed.err,
    }
    found = [*texts_of_tables(house.installation.store.engine), *texts_of_redis(house.tools.redis)]
    secrets = ["link=", *(parse_qs(urlsplit(link).query)["link"][0] for link in made)]
    for place, text in [*found, *everything.items()]:
        assert not [one for one in secrets if one in text], place
    assert len(found) > 100


def test_events_and_answers_say_that_a_login_is_due(house):
    answers = a_day(house)
    assert [one.json().get("login_due") for one in answers[:2]] == [True, None]
    assert answers[2].json()["results"][0]["login_due"] is True
    due = house.installation.events("xero.connection.needs_login") + house.installation.events(
        "invoice.export.deferred", request="r1"
    )
    assert due
    assert all(event["data"]["login_due"] is True for event in due)
    assert not [event for event in due if "login_url" in event["data"]]


def test_who_reads_the_feed_only_finds_nothing_there_that_begins_a_login(small_house):
    a_day(small_house)
    thief = Host(small_house.installation, small_house.url, "feed", scopes=[Scope.FEED])
    events, _ = thief.feed()
    addresses = [value for event in events for value in event["data"].values() if "/connect/" in str(value)]
    for address in addresses:
        opened = small_house.browser().get(small_house.here(address))
        assert opened.status_code == 400
        assert "<form" not in opened.text
    assert thief.post(SAID, LINKS).status_code == 403
    assert small_house.connection() is None


@pytest.mark.parametrize("scopes", [[one for one in Scope if one is not Scope.LOGINS], [Scope.READS]])
def test_without_its_scope_no_link_is_made(small_house, scopes):
    small_house.company()
    host = Host(small_house.installation, small_house.url, "others", scopes=scopes)
    assert host.post(SAID, LINKS).status_code == 403


# -- looking and clicking


def test_a_scanner_that_looks_uses_no_link_up(house):
    house.company()
    link = house.link()
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "GET"):
        with house.browser() as scanner:
            scanner.request(method, house.here(link))
    person = house.browser()
    assert person.get(house.xero.answer(house.to_xero(person, link), tenant=TENANT)).status_code == 303
    assert house.connection().state == "connected"


@pytest.mark.parametrize(
    "what", ["without its cookie", "without its form", "anothers form", "from the address alone"]
)
def test_a_click_that_our_page_did_not_offer_uses_no_link_up(small_house, what):
    """Another site, or a scanner that sends forms blindly, has no cookie of the page."""
    small_house.company()
    link, other = small_house.link(), small_house.link()
    person, stranger = small_house.browser(), small_house.browser()
    form = hidden_fields(person.get(small_house.here(link)).text)
    others = hidden_fields(stranger.get(small_house.here(other)).text)
    answer = {
        "without its cookie": lambda: small_house.browser().post("/connect/harbour", data=form),
        "without its form": lambda: person.post("/connect/harbour", data={"link": form["link"]}),
        "anothers form": lambda: person.post("/connect/harbour", data={**form, "form": others["form"]}),
        "from the address alone": lambda: small_house.browser().post(small_house.here(link)),
    }[what]()
    assert answer.status_code in (400, 403)
    assert "location" not in answer.headers
    assert person.post("/connect/harbour", data=form).status_code == 303


def test_a_link_is_good_for_its_company_alone(small_house):
    small_house.company()
    small_house.company("rival")
    browser = small_house.browser()
    form = hidden_fields(browser.get(small_house.here(small_house.link("rival"))).text)
    for company in ("harbour", "nobody", "RIVAL"):
        assert browser.get(f"/connect/{company}", params={"link": form["link"]}).status_code == 400
        assert browser.post(f"/connect/{company}", data=form).status_code == 400
    assert browser.post("/connect/rival", data=form).status_code == 303


def test_a_link_ends_while_its_page_is_open(house):
    house.company()
    browser = house.browser()
    form = hidden_fields(browser.get(house.here(house.link())).text)
    house.installation.later(house.tools.settings.login_link_seconds + 1)
    assert browser.post("/connect/harbour", data=form).status_code == 410
    assert house.connection() is None


def test_without_a_link_the_address_says_how_to_get_one_and_nothing_of_companies(small_house):
    small_house.company()
    pages = {small_house.browser().get(f"/connect/{company}").text for company in ("harbour", "nobody", "%2e%2e")}
    (page,) = {page for page in pages if "login link" in page}
    assert "Ask for a login link in CrewCard" in page
    assert "Harbour" not in page


def test_the_page_shows_names_as_they_are_written(small_house):
    small_house.company()
    small_house.log_in()
    name = '<script>alert("x")</script>'
    with small_house.installation.store.write() as work:
        work.connection.execute(update(Company).values(name=name))
        work.connection.execute(update(CompanyConnection).values(organisation=name))
    page = small_house.browser().get(small_house.here(small_house.link())).text
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") >= 2


def test_the_page_is_kept_nowhere_and_tells_no_other_site_of_its_link(small_house):
    small_house.company()
    page: httpx.Response = small_house.browser().get(small_house.here(small_house.link()))
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "SameSite=strict" in page.headers["set-cookie"]
    assert "HttpOnly" in page.headers["set-cookie"]
