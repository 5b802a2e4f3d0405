"""Xero's login page, as a person uses it, over HTTP only; the one file that knows the simulator's forms."""

import html
import re
from urllib.parse import urljoin

import httpx


class XeroPages:
    """The simulator at `url`: its world filled by its control face, its login pages answered like a person does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(timeout=10)

    def organisation(self, document: dict) -> None:
        self.say("POST", "organisations", document)

    def app(self, client_id: str, secret: str, **more) -> None:
        self.say("POST", "apps", {"client_id": client_id, "client_secret": secret, "broad_scopes": True, **more})

    def grant(self, client_id: str, user: str, *tenants: str) -> dict:
        return self.say("POST", "grants", {"client_id": client_id, "user": user, "tenants": list(tenants)})

    def faults(self, **rates) -> None:
        self.say("PUT", "faults", rates)

    def switches(self, **wanted) -> None:
        self.say("PUT", "switches", wanted)

    def calls(self) -> dict:
        return self._http.get(f"{self.url}/_simulator/calls", timeout=60).json()

    def token_calls(self) -> int:
        return self.calls()["token_calls"]

    def answer(
        self, address: str, user: str = "anna@example.com", tenant: str | list[str] = "", decision: str = "allow"
    ) -> str:
        """Fill in the login pages from this address on; gives where Xero sends the browser."""
        page = self._http.get(address)
        page.raise_for_status()
        page = self._submit(page, user=user, password="any")
        reply = self._submit(page, tenant=tenant, decision=decision)
        assert reply.status_code in (302, 303), reply.text
        return reply.headers["location"]

    def fill_in(self, page, organisation: str | list[str] | None, user: str = "anna@example.com") -> None:
        """The same in a real browser; no organisation means that the person cancels."""
        page.get_by_label("Email").fill(user)
        page.get_by_label("Password").fill("any")
        page.get_by_role("button", name="Log in").click()
        if organisation is None:
            page.get_by_role("button", name="Cancel").click()
            return
        for one in [organisation] if isinstance(organisation, str) else organisation:
            page.get_by_label(one).check()
        page.get_by_role("button", name="Allow access").click()

    def _submit(self, page: httpx.Response, **typed) -> httpx.Response:
        """The page's form with its hidden fields and what a person typed."""
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        assert action, page.text
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
        form = {name: html.unescape(value) for name, value in hidden} | typed
        return self._http.post(urljoin(str(page.url), html.unescape(action[1])), data=form)

    def say(self, method: str, what: str, document: dict) -> dict:
        reply = self._http.request(method, f"{self.url}/_simulator/{what}", json=document)
        assert reply.is_success, reply.text
        return reply.json()
