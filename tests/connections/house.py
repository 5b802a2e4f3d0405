"""An installation with its web face and a simulated Xero; companies without a login, and people who log in."""

import json
import uuid
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from events import signing
from events.credentials import AppKeys
from events.settings import CompanySettings
from store import api_keys, companies, connections, contacts
from store.tables import CompanyConnection
from tests import builders
from tests.connections.xero_pages import XeroPages
from tests.installation import Installation
from worker.connections import apps, login_links

TENANT, OTHER_TENANT = builders.TENANT, "22222222-2222-4333-8444-555555555555"
ANNA = "anna@example.com"
BACK = "https://app.crewcard.example/invoices"


class House:
    """What the tests of connections have in hand."""

    def __init__(self, installation: Installation, xero_url: str, url: str) -> None:
        self.url = url
        self.installation = installation
        self.tools = installation.tools
        self.xero = XeroPages(xero_url)
        for tenant in (TENANT, OTHER_TENANT):
            self.xero.organisation(builders.an_organisation(tenant))

    def browser(self) -> httpx.Client:
        """A browser of its own, with its own cookies; it follows no redirect by itself."""
        return httpx.Client(base_url=self.url, timeout=30)

    def company(self, company: str = builders.COMPANY, *, client_id: str = "", secret: str = "s", **other) -> str:
        """A company with an app and clients, not connected yet."""
        client_id = client_id or f"app-{company}"
        kind = other.pop("kind", "web")
        self.xero.app(client_id, other.pop("xero_secret", secret), kind=kind, **other.pop("at_xero", {}))
        with self.tools.store.write() as work:
            companies.set_up(work, company, company.title(), CompanySettings(default_account_code="200"))
            for client in ("acme", "bolt"):
                contacts.link(work, company, client, builders.contact_id(client), said_by="test")
        keys = AppKeys(client_id, () if kind == "pkce" else (secret,), kind)
        apps.set_app(self.tools, company, keys, other.pop("scopes", "granular"), other.pop("callback", ""), "test")
        return company

    def company_of_a_group(self, company: str = builders.COMPANY, **other) -> str:
        """A company whose app lets people connect several organisations at once (Xero's larger tiers)."""
        return self.company(company, at_xero={"tier": "advanced"}, **other)

    def link(self, company: str = builders.COMPANY, return_to: str = BACK) -> str:
        return login_links.link(self.tools, company, return_to).url

    def to_xero(self, browser: httpx.Client, link: str) -> str:
        """Open the link and press the button; gives the address of Xero's login page."""
        reply = self.press(browser, link)
        assert reply.status_code == 303, reply.text
        return reply.headers["location"]

    def press(self, browser: httpx.Client, link: str) -> httpx.Response:
        """The button on the page that the link opens."""
        page = browser.get(self.here(link))
        assert page.status_code == 200, page.text
        return browser.post(urlsplit(link).path, data=hidden_fields(page.text))

    def here(self, link: str) -> str:
        """A link under the address the test server has, whatever the installation calls itself."""
        return link.replace(self.tools.settings.public_url, self.url)

    def log_in(self, company: str = builders.COMPANY, tenant: str | list[str] = TENANT, user: str = ANNA, **other):
        """A whole login in a fresh browser; gives the last answer."""
        browser = other.get("browser") or self.browser()
        back = self.xero.answer(self.to_xero(browser, self.link(company)), user, tenant)
        return browser.get(back)

    def books(self, tenant: str = TENANT) -> list[dict]:
        return self.installation.books(tenant)

    def login(self, company: str = builders.COMPANY) -> tuple[str, str]:
        """The app and Xero user whose tokens open the company's organisation."""
        connection = self.connection(company)
        return connection.client_id, connection.xero_user

    def connection(self, company: str = builders.COMPANY) -> CompanyConnection | None:
        with self.tools.store.read() as work:
            return connections.of_company(work, company)

    def host(self, company: str | None = None, key_id: str = "host") -> "Host":
        with self.tools.store.write() as work:
            key = api_keys.make(work, self.tools.vault, key_id, frozenset([company]) if company else None)
        return Host(self.browser(), key)


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    parts = page.split('<input type="hidden" name="')[1:]
    return {part.split('"')[0]: part.split('value="')[1].split('"')[0] for part in parts}


class Host:
    """CrewCard's server, which signs what it says."""

    def __init__(self, http: httpx.Client, key: api_keys.Key) -> None:
        self._http, self._key = http, key

    def post(self, path: str, said: dict):
        return self._signed("POST", path, json.dumps(said).encode())

    def get(self, path: str):
        return self._signed("GET", path, b"")

    def _signed(self, method: str, path: str, body: bytes):
        signed = signing.headers(self._key.secret, f"msg-{uuid.uuid4()}", method, path, body, datetime.now(UTC))
        return self._http.request(method, path, content=body, headers={"x-crewcard-key": self._key.id, **signed})
