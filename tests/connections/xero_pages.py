"""Xero's login page, as a person uses it, over HTTP only; the one file that knows the simulator's forms."""

import html
import re
from urllib.parse import urljoin

import httpx


class XeroPages:
    """The simulator at `url`: its world filled by its control face, its login page answered like a person does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(timeout=10)

    def organisation(self, document: dict) -> None:
        self._control("organisations", document)

    def app(self, client_id: str, secret: str, **more) -> None:
        self._control("apps", {"client_id": client_id, "client_secret": secret, **more})

    def user(self, name: str, *tenants: str) -> None:
        self._control("users", {"user": name, "tenants": list(tenants)})

    def grant(self, client_id: str, user: str, *tenants: str) -> dict:
        return self._control("grants", {"client_id": client_id, "user": user, "tenants": list(tenants)})

    def faults(self, **rates) -> None:
        self._http.put(f"{self.url}/_simulator/faults", json=rates).raise_for_status()

    def calls(self) -> dict:
        return self._http.get(f"{self.url}/_simulator/calls", timeout=60).json()

    def token_calls(self) -> int:
        return self.calls()["token_calls"]

    def answer(self, address: str, user: str = "", tenant: str = "", answer: str = "allow") -> str:
        """Fill in the login page at this address; gives where Xero sends the browser."""
        page = self._http.get(address)
        page.raise_for_status()
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        target = urljoin(address, html.unescape(action[1])) if action else address
        form = {"user": user, "password": "any", "tenant": tenant, "answer": answer}
        reply = self._http.post(target, data=form, follow_redirects=False)
        assert reply.status_code in (302, 303), reply.text
        return reply.headers["location"]

    def fill_in(self, page, user: str, organisation: str | None) -> None:
        """The same in a real browser; no organisation means that the person cancels."""
        page.get_by_label("Email").fill(user)
        page.get_by_label("Password").fill("any")
        if organisation is None:
            page.get_by_role("button", name="Cancel").click()
            return
        page.get_by_label("Organisation").select_option(label=organisation)
        page.get_by_role("button", name="Continue with Organization").click()

    def _control(self, what: str, document: dict) -> dict:
        reply = self._http.post(f"{self.url}/_simulator/{what}", json=document)
        reply.raise_for_status()
        return reply.json()
