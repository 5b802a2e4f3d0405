"""No key opens what is another's: every route of the application, tried with every other key.

The routes are taken from the application itself: a new one is tried as well, or named in `EXEMPT` with a reason.
"""

import json
import re

import pytest
from fastapi.routing import iter_route_contexts

from store.api_keys import Scope
from tests.builders import COMPANY, a_request, an_invoice
from tests.doors.conftest import OTHER_TENANT
from tests.doors.host import Host, problems
from web import main

# People's pages have sessions or signed links instead of keys, Xero a webhook key, and their own tests; the rest says
# nothing of anybody.
EXEMPT = (
    "/connect/",
    "/console",
    "/xero/webhooks/",
    "/healthz",
    "/readyz",
    "/version",
    "/metrics",
    "/canary",
    "/v1/openapi.json",
)
VALUES = {"company": COMPANY, "request_id": "r1", "client": "acme", "invoice": "i1", "name": "a.pdf"}
QUERIES = {"/v1/companies/{company}/invoices": "?ids=i1", "/v1/events": "?after=0"}
BODIES = {
    "/v1/events": a_request(an_invoice("stolen"), request="stolen"),
    "/v1/companies/{company}/previews": {"invoices": [an_invoice()]},
    "/v1/companies/{company}/logins": {"company": COMPANY, "state": "s", "code": "c"},
    "/v1/companies/{company}/logins/organisation": {"company": COMPANY, "login": "l", "tenant": "t"},
}


def routes(application):
    """(method, path, scopes) of every route that takes a key: with one of these it is opened."""
    found = []
    for route in iter_route_contexts(application.routes):
        path = route.path or ""
        if path == "/" or path.startswith(EXEMPT):
            continue
        extra = getattr(route, "openapi_extra", None)
        assert extra, f"{path} does not say which scope it needs (web.keys.needs), and is not named in EXEMPT"
        needed = [Scope(scope) for one in extra["security"] for scope in one.get("key", ())]
        found += [(method, path, needed) for method in route.methods]
    return found


def ask(host, method, path, **other):
    target = re.sub(r"{(\w+)(?::\w+)?}", lambda name: VALUES[name[1]], path) + (
        QUERIES.get(path, "") if method == "GET" else ""
    )
    if method == "GET":
        return host.get(target, **other)
    return host.ask(method, target, json.dumps(BODIES.get(path, {"company": COMPANY})).encode(), **other)


@pytest.fixture
def two_companies(on_sqlite, small_doors):
    on_sqlite.company("pier", OTHER_TENANT)
    on_sqlite.ask(an_invoice())
    on_sqlite.run()
    on_sqlite.relay()
    return on_sqlite


def everything(installation):
    """What a caller could have changed."""
    return installation.events(), len(installation.calls()), installation.markers()


def test_every_route_says_who_may_use_it(on_sqlite):
    found = routes(main.build(on_sqlite.tools))
    assert len(found) >= 10
    assert {scope for *_, scopes in found for scope in scopes} == set(Scope)


def test_the_key_of_another_company_opens_no_route(two_companies, small_doors):
    before = everything(two_companies)
    stranger = Host(two_companies, small_doors, "stranger", ["pier"])
    for method, path, _ in routes(main.build(two_companies.tools)):
        answer = ask(stranger, method, path)
        if (method, path) == ("GET", "/v1/events"):
            assert {event["data"]["company"] for event in answer.json()["events"]} <= {"pier"}
            continue
        assert answer.status_code == 403, (method, path)
        assert problems(answer)[0].startswith("company: ")
    assert everything(two_companies) == before


def test_a_key_without_the_scope_opens_no_route(two_companies, small_doors):
    before = everything(two_companies)
    for method, path, scopes in routes(main.build(two_companies.tools)):
        others = [one for one in Scope if one not in scopes]
        answer = ask(Host(two_companies, small_doors, f"all-but-{scopes[0].name}", [COMPANY], others), method, path)
        assert answer.status_code == 403, (method, path)
        assert f"lacks the scope “{scopes[0]}”" in problems(answer)[0]
    assert everything(two_companies) == before


def test_without_a_good_signature_no_route_says_anything(two_companies, small_doors):
    before = everything(two_companies)
    host = Host(two_companies, small_doors)
    for method, path, _ in routes(main.build(two_companies.tools)):
        for wrong in ({"secret": "whsec_AAAA"}, {"x_crewcard_key": "nobody"}, {"webhook_signature": None}):
            answer = ask(host, method, path, **wrong)
            assert answer.status_code == 401, (method, path)
            assert problems(answer)
    assert everything(two_companies) == before


def test_with_the_right_key_each_route_gets_further(two_companies, small_doors):
    """Or the tests above would show nothing."""
    host = Host(two_companies, small_doors, "own", [COMPANY])
    for method, path, _ in routes(main.build(two_companies.tools)):
        assert ask(host, method, path).status_code not in (401, 403, 415, 500), (method, path)


def test_in_an_array_an_event_of_anothers_is_refused_alone(two_companies, small_doors):
    pier = Host(two_companies, small_doors, "pier-key", ["pier"])
    mixed = [a_request(request="own", company="pier"), a_request(an_invoice("stolen"), request="stolen")]
    statuses = [one["status"] for one in pier.post(mixed).json()["results"]]
    assert statuses == [202, 403]
    assert not two_companies.events("invoice.export.succeeded", invoice="stolen")
