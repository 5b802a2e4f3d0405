"""Keys of host applications as people look after them: made, rotated, ended; each act in the audit."""

import re
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from events.credentials import Scope
from events.snapshot import Id
from store import api_keys, audit, companies
from store.api_keys import Key, Listed
from store.unit_of_work import Work
from worker.tools import Tools

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAYS = re.compile(r"[0-9]{1,7}d")


class KeyRefused(Exception):
    """What was asked of a key cannot be done; the text says why, `code` how a command ends."""

    def __init__(self, text: str, code: int = 2) -> None:
        super().__init__(text)
        self.code = code


def make(
    tools: Tools,
    who: str,
    key: str,
    named: Collection[str] | None,
    scopes: Collection[Scope] | None = None,
    expires: str = "never",
) -> Key:
    """A new key, whose secret is shown this once; no companies or scopes named: all of them. Raises KeyRefused."""
    try:
        TypeAdapter(Id).validate_python(key)
    except ValidationError:
        raise KeyRefused("A key's id has letters, digits, “.”, “_”, “:” and “-”, at most 100.") from None
    with tools.store.write() as work:
        if api_keys.find(work, tools.vault, key):
            raise KeyRefused(f"There is a key “{key}” already. Rotate it for a new secret.", 1)
        for company in named or ():
            if not companies.exists(work, company):
                raise KeyRefused(f"There is no company “{company}”.", 1)
        made = api_keys.make(work, tools.vault, key, named or None, scopes or None, moment(work, expires))
        note(work, who, "key made", made)
    return made


def rotate(tools: Tools, who: str, key: str, keep_hours: float) -> Key:
    """The key with a new secret; the one before stays good for so long. Raises KeyRefused."""
    with tools.store.write() as work:
        try:
            made = api_keys.rotate(work, tools.vault, key, keep_hours * 3600)
        except LookupError:
            raise _unknown(key) from None
        note(work, who, "key rotated", made, {"keep_hours": keep_hours})
    return made


def expire(tools: Tools, who: str, key: str, when: str) -> datetime | None:
    """Say until when a key is good; None: until it is revoked. Raises KeyRefused."""
    with tools.store.write() as work:
        at, before = moment(work, when), api_keys.without_secrets(work, key)
        if before is None or not api_keys.expire(work, key, at):
            raise _unknown(key)
        note(work, who, "key's end changed", before, {"expires": at.isoformat() if at else "never"})
    return at


def rescope(tools: Tools, who: str, key: str, scopes: Collection[Scope] | None) -> bool:
    """What a key opens from now on, None: everything; False where it opened the same before. Raises KeyRefused."""
    if scopes is not None and not scopes:
        raise KeyRefused("Tick what the key may be used for, or “everything”. To end a key, revoke it.")
    with tools.store.write() as work:
        before = api_keys.without_secrets(work, key)
        if before is None or not api_keys.rescope(work, key, scopes):
            raise _unknown(key)
        changed = (sorted(scopes) if scopes else []) != list(before.scopes)
        if changed:
            note(work, who, "key's scopes changed", before, {"now": sorted(scopes) if scopes else "everything"})
    return changed


def revoke(tools: Tools, who: str, key: str) -> bool:
    """End a key for good; False where it was ended before. Raises KeyRefused."""
    with tools.store.write() as work:
        found, ended = api_keys.without_secrets(work, key), api_keys.revoke(work, key)
        if found and ended:
            note(work, who, "key revoked", found)
    if found is None:
        raise _unknown(key)
    return ended


def state(one: Listed, soon: datetime) -> str:
    """How a key stands, in words; `soon` is until when its end is near."""
    if one.revoked_at:
        return "revoked"
    if one.expired:
        return "expired"
    if one.expires_at and one.expires_at <= soon:
        return "good, expires soon"
    return "good, an old secret too" if one.former_until else "good"


def note(work: Work, who: str, what: str, key: Key | Listed, more: dict[str, Any] | None = None) -> None:
    """What was done with a key, in the audit; never its secret."""
    said = {
        "key": key.id,
        "companies": sorted(key.companies) if key.companies else "every company",
        "scopes": sorted(key.scopes) if key.scopes else "everything",
        "expires": key.expires_at.isoformat() if key.expires_at else None,
    }
    company = next(iter(key.companies)) if key.companies and len(key.companies) == 1 else ""
    audit.note(work, who, what, company, {**said, **(more or {})}, 0, "")


def moment(work: Work, text: str) -> datetime | None:
    """When a key ends: a day (its end, in UTC), so many days from now, or never. Raises KeyRefused."""
    if text == "never":
        return None
    at = None
    with suppress(ValueError, OverflowError):
        if _DAYS.fullmatch(text):
            at = work.now + timedelta(days=int(text[:-1]))
        elif _DAY.fullmatch(text):
            at = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    if at is None:
        raise KeyRefused(f"“{text}” is no day: write 2027-03-31, 90d (so many days from now), or never.")
    if at <= work.now:
        raise KeyRefused(f"{text} is over. To end a key now, revoke it.")
    return at


def _unknown(key: str) -> KeyRefused:
    return KeyRefused(f"There is no key “{key}”.", 1)
