"""A person at the console: a browser without JavaScript, signed in with a role."""

import html
import re

import httpx
import pyotp

from worker.users import accounts

PASSWORD = "four horses in a field"


class Person:
    """Somebody with a browser; `sign_in` uses a password, as people do; `secret` is what their app keeps.

    `address` is where on this machine they come from: 127.0.0.1 to 127.255.255.254 are as good as other machines.
    """

    def __init__(self, installation, url, role, user=None, address="127.0.0.1"):
        self.user = user or role
        self.url = url
        self.tools = installation.tools
        self.installation = installation
        self.secret = None
        self.codes = []
        self.browser = a_browser(url, address)
        if not any(one.id == self.user for one in accounts.everyone(self.tools)):
            accounts.add(self.tools, "test", self.user, self.user.title(), role)
            accounts.set_password(self.tools, self.user, PASSWORD, PASSWORD)

    def elsewhere(self, address="127.0.0.1"):
        """The same person with another browser."""
        other = Person(self.installation, self.url, None, self.user, address)
        other.secret, other.codes = self.secret, self.codes
        return other

    def sign_in(self, password=PASSWORD, back="/console"):
        said = {"user": self.user, "password": password, "back": back}
        return self.browser.post("/console/sign-in", data=said)

    def sign_in_by(self, link):
        """With what a link carries."""
        return self.browser.post("/console/enter", data={"link": link})

    def sign_in_whole(self):
        """With both steps; the app is set up at the first time."""
        assert self.sign_in().status_code == 303
        if self.secret is None:
            return self.set_up_app()
        answer = self.give_code(self.code())
        assert answer.status_code == 303, answer.text[:2000]
        return answer

    def set_up_app(self):
        """Read the key off the page, give the app's first code, keep the recovery codes."""
        page = self.browser.get("/console/factor").text
        self.secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)[1]
        said = {"form": self.token(page), "offer": hidden(page, "offer"), "code": self.code(), "back": "/console"}
        answer = self.browser.post("/console/factor", data=said)
        assert answer.status_code == 200, answer.text[:2000]
        self.codes = re.findall(r"<li><code>([\w-]+)</code></li>", answer.text)
        return answer

    def code(self, fresh=True):
        """What the app shows, `fresh`: half a minute later, so that it was not used before."""
        if fresh:
            self.installation.later(30)
        return pyotp.TOTP(self.secret).at(self.installation.now())

    def give_code(self, code, back="/console"):
        page = self.browser.get("/console/code").text
        return self.browser.post("/console/code", data={"form": self.token(page), "code": code, "back": back})

    def token(self, page=None):
        """What every form of theirs carries, from a page they see."""
        page = page or self.browser.get("/console/password").text
        return hidden(page, "form")

    def see(self, path="", status=200):
        """The page at this path of the console, as text."""
        found = self.browser.get(f"/console{path}", follow_redirects=True)
        assert found.status_code == status, (found.status_code, found.text[:2000])
        return found.text

    def post(self, path, **fields):
        """The answer to a form sent to this path."""
        return self.browser.post(f"/console{path}", data={"form": self.token(), **fields})

    def do(self, path, status=303, **fields):
        """Send a form to this path; gives the page that follows, as text."""
        sent = self.post(path, **fields)
        assert sent.status_code == status, (sent.status_code, sent.text[:2000])
        return self.browser.get(sent.headers["location"]).text if sent.is_redirect else sent.text


def a_browser(url, address="127.0.0.1", **headers):
    """A browser at this address."""
    return httpx.Client(
        base_url=url,
        timeout=20,
        headers={"origin": url, "sec-fetch-site": "same-origin", **headers},
        transport=httpx.HTTPTransport(local_address=address),
    )


def hidden(page, name):
    """The value of a hidden field on a page; empty where there is none."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return html.unescape(found[1]) if found else ""
