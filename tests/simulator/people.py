"""What identity tests share: the token service, connections, and a person clicking through the pages."""

import base64
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode, urlsplit

from simulator.wire import Request
from tests.simulator.desk import ALL_SCOPES, TENANT

BACK = "https://crewcard.test/xero/callback"


def token(desk, client="app", secret="secret", **form):
    basic = base64.b64encode(f"{client}:{secret}".encode()).decode()
    headers = {"authorization": f"Basic {basic}"}
    return desk.ask(Request("POST", "/connect/token", "", headers, urlencode(form).encode()))


def refreshed(desk, refresh, **other):
    return token(desk, grant_type="refresh_token", refresh_token=refresh, **other)


def connections(desk, method="GET", path="/connections", bearer=None):
    return desk.ask(Request(method, path, "", {"authorization": f"Bearer {bearer or desk.bearer}"}))


class Form(HTMLParser):
    """The one form of a page: where it goes, its hidden fields, the organisations offered."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields, self.offered = "", {}, []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        if tag == "form":
            self.action = said["action"]
        elif said.get("type") == "hidden":
            self.fields[said["name"]] = said["value"]
        elif said.get("name") == "tenant":
            self.offered.append(said["value"])


def authorize(desk, **other):
    asked = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": BACK,
        "scope": ALL_SCOPES,
        "state": "s 1",
        **other,
    }
    return desk.ask(Request("GET", "/identity/connect/authorize", urlencode(asked)))


def submit(desk, form, **typed):
    fields = urlencode({**form.fields, **typed}, doseq=True).encode()
    return desk.ask(Request("POST", form.action, body=fields))


def click_through(desk, user="bob@harbour.test", tenants=(TENANT,), decision="allow", **other):
    """What a person does in a browser; gives what the app is called back with."""
    page = authorize(desk, **other)
    assert page.status == 200, page.body
    choice = Form(submit(desk, Form(page.body.decode()), user=user, password="any").body.decode())
    back = submit(desk, choice, tenant=list(tenants), decision=decision)
    assert back.status == 302
    assert back.headers["location"].startswith(BACK)
    return {name: text[0] for name, text in parse_qs(urlsplit(back.headers["location"]).query).items()}
