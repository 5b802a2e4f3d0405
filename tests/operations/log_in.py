"""A person in a browser, for the tutorial: `python -m tests.operations.log_in LINK` logs in to the simulated Xero."""

import re
import sys
from html import unescape
from urllib.parse import urljoin

import httpx


def log_in(link, user="anna@harbour.example"):
    """Follow the link, fill in each form, come back; gives the last page."""
    with httpx.Client(follow_redirects=True, timeout=20) as browser:
        page = send(browser, browser.get(link))  # the button of our own page
        page = send(browser, page, user=user)
        return send(browser, page, decision="allow")


def send(browser, page, **typed):
    """The answer to a page's form."""
    action, fields = form(page, **typed)
    return browser.post(action, data=fields)


def form(page, **typed):
    """Where the form of a page goes, and what it holds: hidden fields, the first choice, and what is typed."""
    page.raise_for_status()
    action = urljoin(str(page.url), re.search(r'action="([^"]+)"', page.text)[1])
    fields = {}
    for kind in ("hidden", "radio"):
        for name, value in re.findall(rf'type="{kind}" name="([^"]+)" value="([^"]*)"', page.text):
            fields.setdefault(name, unescape(value))
    return action, fields | typed


if __name__ == "__main__":
    shown = log_in(sys.argv[1])
    assert "Connected to" in shown.text, shown.text
