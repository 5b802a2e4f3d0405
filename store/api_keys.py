"""Hosts' keys to the doors: an id that may be seen, signing secrets that are encrypted, what they open.

Ids of signed requests that may be carried out once: in the database, so that no restart of Redis forgets them.
"""

import base64
import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import col, select

from events.credentials import Scope
from store import statements
from store.tables import ApiKey, MessageId
from store.unit_of_work import Work
from store.vault import Vault

_ALL = "*"
_USE_IS_NOTED_SECONDS = 60
_NO_FORMER: dict[str, Any] = {"former_secret": None, "former_until": None}


@dataclass(frozen=True)
class Key:
    """A host's key in the clear. `companies` and `scopes` are None where it has all.

    `former` is the secret before the newest, while it is still good; `use_noted` is whether its use was written
    down a moment ago; `expired` is whether `expires_at` has come: then it opens nothing. A key of this id that was
    revoked and made anew is another one, known by when it was `made_at`.
    """

    id: str
    secret: str = field(repr=False)
    companies: frozenset[str] | None
    scopes: frozenset[str] | None = None
    former: str | None = field(default=None, repr=False)
    use_noted: bool = False
    made_at: datetime | None = None
    expires_at: datetime | None = None
    expired: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that are good now, newest first."""
        return (self.secret, self.former) if self.former else (self.secret,)


def make(
    work: Work,
    vault: Vault,
    key_id: str,
    companies: Collection[str] | None = None,
    scopes: Collection[Scope] | None = None,
    expires_at: datetime | None = None,
) -> Key:
    """A new key, or the one that has this id already; a revoked one is made anew, with another secret."""
    known = find(work, vault, key_id)
    if known:
        return known
    secret = _new_secret()
    row: dict[str, Any] = {"secret": vault.seal(secret), "companies": said(companies), "scopes": said(scopes)}
    row |= {"created_at": work.now, **_NO_FORMER, "revoked_at": None, "last_used_at": None, "expires_at": expires_at}
    if not statements.insert_new(work, ApiKey, [{"id": key_id, **row}], returning="id"):
        revoked = update(ApiKey).where(col(ApiKey.id) == key_id, col(ApiKey.revoked_at).is_not(None))
        statements.run(work, revoked.values(**row))
    made = find(work, vault, key_id)
    if made is None:
        raise LookupError(key_id)
    return made


def find(work: Work, vault: Vault, key_id: str) -> Key | None:
    """The key with this id, or None; a revoked one is not found, one that expired says so."""
    row = statements.look_up(work, ApiKey, id=key_id)
    if row is None or row.revoked_at is not None:
        return None
    former = row.former_secret if row.former_until and row.former_until > work.now else None
    return Key(
        row.id,
        vault.open(row.secret),
        named(row.companies),
        named(row.scopes),
        vault.open(former) if former else None,
        bool(row.last_used_at and row.last_used_at > work.after(-_USE_IS_NOTED_SECONDS)),
        row.created_at,
        row.expires_at,
        bool(row.expires_at and row.expires_at <= work.now),
    )


def rotate(work: Work, vault: Vault, key_id: str, keep_seconds: float) -> Key:
    """The key with a new secret; the one it had stays good for so long. Raises LookupError."""
    known = find(work, vault, key_id)
    if known is None:
        raise LookupError(key_id)
    former = {"former_secret": vault.seal(known.secret), "former_until": work.after(keep_seconds)}
    secret = _new_secret()
    _change(work, key_id, secret=vault.seal(secret), **(former if keep_seconds > 0 else _NO_FORMER))
    return replace(known, secret=secret, former=known.secret if keep_seconds > 0 else None)


def revoke(work: Work, key_id: str) -> bool:
    """The key opens nothing from now on; False when there is none that does."""
    alive = update(ApiKey).where(col(ApiKey.id) == key_id, col(ApiKey.revoked_at).is_(None))
    return bool(statements.run(work, alive.values(revoked_at=work.now, **_NO_FORMER)).rowcount)


def expire(work: Work, key_id: str, at: datetime | None) -> bool:
    """The key is good until then, or (None) until it is revoked; False when there is none."""
    alive = update(ApiKey).where(col(ApiKey.id) == key_id, col(ApiKey.revoked_at).is_(None))
    return bool(statements.run(work, alive.values(expires_at=at)).rowcount)


def rescope(work: Work, key_id: str, scopes: Collection[Scope] | None) -> bool:
    """The key opens these from now on, or (None) everything; False when there is none that is not revoked."""
    alive = update(ApiKey).where(col(ApiKey.id) == key_id, col(ApiKey.revoked_at).is_(None))
    return bool(statements.run(work, alive.values(scopes=said(scopes))).rowcount)


def note_use(work: Work, key_id: str) -> None:
    """Write down that the key was used now."""
    _change(work, key_id, last_used_at=work.now)


@dataclass(frozen=True)
class Listed:
    """A key as it may be seen: without its secrets. `companies` and `scopes` are empty where it has all."""

    id: str
    companies: Sequence[str]
    scopes: Sequence[str]
    created_at: datetime
    last_used_at: datetime | None
    former_until: datetime | None
    revoked_at: datetime | None
    expires_at: datetime | None
    expired: bool


def all_keys(work: Work) -> list[Listed]:
    """Every key by id, revoked ones too."""
    return [_shown(work, row) for row in work.session.exec(select(ApiKey).order_by(col(ApiKey.id)))]


def without_secrets(work: Work, key_id: str) -> Listed | None:
    """The key with this id, revoked or not, without a look at its secrets: there where no key opens them any more."""
    row = statements.look_up(work, ApiKey, id=key_id)
    return _shown(work, row) if row else None


def _shown(work: Work, row: ApiKey) -> Listed:
    return Listed(
        row.id,
        sorted(named(row.companies) or ()),
        sorted(named(row.scopes) or ()),
        row.created_at,
        row.last_used_at,
        row.former_until if row.former_until and row.former_until > work.now else None,
        row.revoked_at,
        row.expires_at,
        bool(row.expires_at and row.expires_at <= work.now),
    )


def _change(work: Work, key_id: str, **values: Any) -> None:
    statements.run(work, update(ApiKey).where(col(ApiKey.id) == key_id).values(**values))


def _new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def said(names: Collection[str] | None) -> str:
    """Companies or scopes as they are kept; None is all."""
    return _ALL if names is None else ",".join(sorted(names))


def named(text: str) -> frozenset[str] | None:
    """Companies or scopes as they were `said`; None is all."""
    return None if text == _ALL else frozenset(text.split(",")) - {""}


# A signature is good five minutes before and after its time; the rest is for clocks that differ.
REMEMBERED_SECONDS = 3600.0


def is_new(work: Work, key_id: str, message_id: str) -> bool:
    """Note that this key came with this id; False where it had before. Of several at once one alone is new."""
    row = {
        "key_id": key_id,
        "fingerprint": hashlib.sha256(message_id.encode()).hexdigest(),
        "ends_at": work.after(REMEMBERED_SECONDS),
    }
    return bool(statements.insert_new_keys(work, MessageId, [row], "key_id", "fingerprint"))
