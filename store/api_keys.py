"""Hosts' keys to the doors: an id that may be seen, a signing secret that is encrypted."""

import base64
import secrets
from dataclasses import dataclass

from store.tables import ApiKey
from store.unit_of_work import Work
from store.vault import Vault

_EVERY_COMPANY = "*"


@dataclass(frozen=True)
class Key:
    """A host's key in the clear; `companies` is None where it speaks for all."""

    id: str
    secret: str
    companies: frozenset[str] | None

    def may_speak_for(self, company: str) -> bool:
        """Whether this key opens the company's doors."""
        return self.companies is None or company in self.companies


def make(work: Work, vault: Vault, key_id: str, companies: frozenset[str] | None = None) -> Key:
    """A new key, or the one that has this id already."""
    known = find(work, vault, key_id)
    if known:
        return known
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    allowed = _EVERY_COMPANY if companies is None else ",".join(sorted(companies))
    sealed = vault.seal(secret)
    work.session.add(ApiKey(id=key_id, secret=sealed, companies=allowed, created_at=work.now))
    work.session.flush()
    return Key(key_id, secret, companies)


def find(work: Work, vault: Vault, key_id: str) -> Key | None:
    """The key with this id, or None."""
    row = work.session.get(ApiKey, key_id)
    if row is None:
        return None
    companies = None if row.companies == _EVERY_COMPANY else frozenset(row.companies.split(","))
    return Key(row.id, vault.open(row.secret), companies)
