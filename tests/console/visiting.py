"""A person at the console: a browser without JavaScript, signed in with a role."""

import re

import httpx

from worker.users import accounts

PASSWORD = "four horses in a field"


class Person:
    """Somebody with a browser; `sign_in` uses a password, as people do."""

    def __init__(self, installation, url, role, user=None):
        self.user = user or role
        self.url = url
        self.tools = installation.tools
        self.browser = httpx.Client(
            base_url=url, timeout=20, headers={"origin": url, "sec-fetch-site": "same-origin"}
        )
        if not any(one.id == self.user for one in accounts.everyone(self.tools)):
            accounts.add(self.tools, "test", self.user, self.user.title(), role)
            accounts.set_password(self.tools, self.user, PASSWORD, PASSWORD)

    def sign_in(self, password=PASSWORD, back="/console"):
        said = {"user": self.user, "password": password, "back": back}
        return self.browser.post("/console/sign-in", data=said)

    def see(self, path="", status=200):
        """The page at this path of the console, as text."""
        found = self.browser.get(f"/console{path}", follow_redirects=True)
        assert found.status_code == status, (found.status_code, found.text[:2000])
        return found.text

    def do(self, path, status=303, **fields):
        """Send a form to this path; gives the page that follows, as text."""
        page = self.browser.get("/console/password")
        token = re.search(r'name="form" value="(\w+)"', page.text)
        sent = self.browser.post(f"/console{path}", data={"form": token.group(1) if token else "", **fields})
        assert sent.status_code == status, (sent.status_code, sent.text[:2000])
        return self.browser.get(sent.headers["location"]).text if sent.is_redirect else sent.text
