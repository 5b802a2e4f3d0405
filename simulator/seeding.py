"""Organisations out of JSON, as the control face and tests say them; every field is checked before any is taken."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from simulator.reading import guid
from simulator.wire import Json
from simulator.world import Account, Contact, Item, Option, Organisation, TaxRate, Theme, Tracking, lasting_id

_SIMPLE: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(Organisation.__annotations__[name])
    for name in (
        "name", "short_code", "base_currency", "country", "timezone", "currencies", "period_lock", "year_lock",
        "approvals_per_month", "offline", "expired", "users", "calls_per_day", "day_rates",
        "refused_numbers",
    )
}  # fmt: skip
_LISTED: dict[str, tuple[type[Any], str]] = {
    "accounts": (Account, "code"),
    "tax_rates": (TaxRate, "code"),
    "contacts": (Contact, "id"),
    "items": (Item, "code"),
    "tracking": (Tracking, "name"),
    "themes": (Theme, "name"),
}
_LISTS: dict[str, TypeAdapter[Any]] = {
    name: TypeAdapter(list[kind])  # type: ignore[valid-type]  # the class is the type
    for name, (kind, _) in _LISTED.items()
}
_KINDS: list[type[Any]] = [Option, *(kind for kind, _ in _LISTED.values())]
_FIELDS = {kind.__name__: list(kind.__dataclass_fields__) for kind in _KINDS}


def organisation(said: Json) -> Organisation:
    """A new organisation: tenant, name, and what else is said. Raises ValueError."""
    tenant = guid(str(said.get("tenant", "")))
    if tenant is None or not said.get("name"):
        raise ValueError("an organisation needs a tenant (a GUID) and a name")
    made = Organisation(tenant=tenant, name=str(said["name"]), short_code="!Sim01")
    change(made, said)
    return made


def change(books: Organisation, said: Json, now: datetime | None = None) -> None:
    """Change what is said and leave the rest; lists change or add by code, id or name. Raises ValueError.

    What is changed `now` says so where Xero would; without it, it is as old as everything.
    """
    check_names(said, {*_SIMPLE, *_LISTED, "tenant", "invoices"})
    simple = {name: _checked(kind, name, said[name]) for name, kind in _SIMPLE.items() if name in said}
    listed = {name: _entries(books, name, said[name]) for name in _LISTED if name in said}
    ZoneInfo(simple.get("timezone", books.timezone))
    for name, value in simple.items():
        setattr(books, name, value)
    for name, values in listed.items():
        getattr(books, name).update({_key(one, _LISTED[name][1]): one for one in values})
    for one in (one for values in listed.values() for one in values if now and hasattr(one, "updated")):
        one.updated = now
    _give_ids(books)


def _checked(kind: TypeAdapter[Any], name: str, value: Any) -> Any:
    """The value of a field. Raises ValueError that names the field, down to the part of it that is wrong."""
    try:
        return kind.validate_python(value)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        missing = first.get("ctx", {}).get("class_name")
        expected = f"must be an object with {', '.join(_FIELDS[missing])}" if missing in _FIELDS else first["msg"]
        raise ValueError(f"{name}{place}: {expected}") from None


def check_names(said: Iterable[str], known: Iterable[str]) -> None:
    """Every name said is one that is known. Raises ValueError."""
    unknown = set(said) - set(known)
    if unknown:
        raise ValueError(f"unknown {sorted(unknown)}; known are {sorted(known)}")


def _entries(books: Organisation, name: str, listed: Any) -> list[Any]:
    """The entries of a list, each with what is known of it already. Raises ValueError, ValidationError."""
    kind, key = _LISTED[name]
    if not isinstance(listed, list) or not all(isinstance(one, dict) and one.get(key) for one in listed):
        raise ValueError(f"{name} is a list of objects with {key!r}")
    for one in listed:
        check_names(one, kind.__dataclass_fields__)
    known = {identity: vars(entry) for identity, entry in getattr(books, name).items()}
    whole = [{**known.get(_word(one[key], key), {}), **one} for one in listed]
    return list(_checked(_LISTS[name], name, whole))


def _key(one: Any, key: str) -> str:
    if key == "id":
        one.id = one.id.lower()
        one.merged_to = one.merged_to.lower() if one.merged_to else None
    return str(getattr(one, key))


def _word(value: Any, key: str) -> str:
    return str(value).lower() if key == "id" else str(value)


def _give_ids(books: Organisation) -> None:
    """Accounts, tracking and themes get lasting ids of their own where none was said."""
    for account in books.accounts.values():
        account.id = account.id or lasting_id(books.tenant, "account", account.code)
        account.name = account.name or account.code
    for theme in books.themes.values():
        theme.id = theme.id or lasting_id(books.tenant, "theme", theme.name)
    for category in books.tracking.values():
        category.id = category.id or lasting_id(books.tenant, "tracking", category.name)
        for option in category.options:
            option.id = option.id or lasting_id(books.tenant, "tracking", category.name, option.name)
