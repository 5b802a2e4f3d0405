"""Login links: signed, short-lived, good for one login of one company.

A link is made for a person who asks for it and shown to nobody else: no event, table, stream or log has it. It is a
sealed word (Fernet: encrypted and signed, with any key still listed), so that making one writes nothing; that it
serves only once is kept where it is used (store.logins), by an id that makes no link.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from store.vault import Unopenable, Vault

_PURPOSE = "login-link"


class Forged(Exception):
    """It is no link of ours."""


@dataclass(frozen=True)
class Ticket:
    """Whose login a link begins, where the person goes afterwards, and until when it is good."""

    id: str
    company: str
    return_to: str
    ends_at: datetime


@dataclass(frozen=True)
class Link:
    """A link for a person, and until when it is good."""

    url: str
    ends_at: datetime


def link(vault: Vault, public_url: str, company: str, return_to: str, now: datetime, seconds: float) -> Link:
    """A fresh link that begins the company's login."""
    ends_at = now + timedelta(seconds=seconds)
    said = [_PURPOSE, secrets.token_urlsafe(12), company, return_to, int(ends_at.timestamp())]
    sealed = vault.seal(json.dumps(said)).decode()
    return Link(f"{page(public_url, company)}?{urlencode({'link': sealed})}", ends_at)


def page(public_url: str, company: str) -> str:
    """The address of the company's login page, where a link leads; without a link it says how to get one."""
    return f"{public_url.rstrip('/')}/connect/{quote(company, safe='')}"


def open_ticket(vault: Vault, text: str) -> Ticket:
    """The ticket in a link. Raises Forged; whether its time is over is for the caller to see."""
    try:
        purpose, id_, company, return_to, ends_at = json.loads(vault.open(text.encode()))
    except (Unopenable, ValueError, TypeError):
        raise Forged from None
    if purpose != _PURPOSE:
        raise Forged
    return Ticket(id_, company, return_to, datetime.fromtimestamp(ends_at, UTC))
