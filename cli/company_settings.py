"""What a company chose: `crewcard-xero companies settings COMPANY`, what it may choose, and changing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import common, output
from cli.common import AsJson, By
from cli.common import CompanyId as Company

if TYPE_CHECKING:
    from worker.tools import Tools

_SETTABLE = (
    "name=value, empty: back to none. attachments, contact_ids_editable, default_account_code, default_tax_type, "
    "kinds.KIND.account_code, kinds.KIND.tax_type, invoice_status, due=day_of_next_month:20, number_prefix, "
    "tracking=Region:North, branding_theme, new_contacts=on_request or automatic, credit_notes, credit_note_status, "
    "credit_note_prefix, credit_note_account_code, sent_to_contact, "
    "daily_summary=7:Pacific/Auckland"
)
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0", "")
_DUE = "due is written like days_after_invoice:14, days_after_month_end:30, day_of_this_month:28, day_of_next_month:9"
_DAILY = "daily_summary is written like 7:Pacific/Auckland, or 7:Pacific/Auckland:always to be told of quiet days too"


def settings(
    company: Company,
    chosen: Annotated[list[str] | None, typer.Option("--set", help=_SETTABLE)] = None,
    choices: Annotated[bool, typer.Option("--choices", help="Show what the organisation offers")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say whether it could be set")] = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Show a company's settings, or change them; what its Xero organisation does not have is refused.

    Example:  crewcard-xero companies settings harbour --set default_account_code=200 --set due=day_of_next_month:20
    """
    from store import companies

    tools = common.ready_for(company)
    if choices:
        _offer(tools, company, as_json=as_json)
        return
    if chosen:
        _change(tools, company, _patch(chosen), by, check=check, as_json=as_json)
        return
    with tools.store.read() as work:
        kept = companies.settings_of(work, company)
    if as_json:
        output.print_json(kept.model_dump(mode="json"))
    else:
        _show(kept.model_dump(mode="json"))


def _patch(chosen: Sequence[str]) -> dict[str, Any]:
    from pydantic import ValidationError

    from events.settings import SettingsPatch
    from events.unreadable import sentences

    try:
        said = _typed(chosen)
        SettingsPatch.model_validate(said)
    except ValueError as broken:
        output.fail("; ".join(sentences(broken)) if isinstance(broken, ValidationError) else str(broken))
    return said


def _change(tools: Tools, company: str, said: dict[str, Any], by: str, *, check: bool, as_json: bool) -> None:
    from events.settings import CompanySettingsChanged

    if check:
        told = _checked(tools, company, said)
    else:
        told = common.file_change(tools, CompanySettingsChanged, {"company": company, "settings": said}, by)
    if as_json:
        output.print_json(told)
    elif told["state"] == "rejected":
        for problem in told["problems"]:
            output.warn(problem)
    elif told["state"] == "waiting":
        output.say("Accepted. Xero cannot be asked just now; it is checked, and counts, as soon as it can.")
    else:
        output.say("Could be set." if check else "Set. What was sent before stays as it was sent.")
        if told.get("login_due"):
            output.say(f"Contacts can be created once somebody has logged in again: crewcard-xero connect {company}")
    raise typer.Exit(1 if told["state"] == "rejected" else 0)


def _checked(tools: Tools, company: str, said: dict[str, Any]) -> dict[str, Any]:
    from events.settings import SettingsPatch
    from worker.contacts import changes, contact_answers

    with tools.store.read() as work:
        organisation = contact_answers.organisation_of(work, tools, company)
    patch = SettingsPatch.model_validate(said)
    _, problems = changes.judge_settings(tools, organisation, patch, common.wait)
    return {"state": "rejected" if problems else "usable", "problems": list(problems)}


def _offer(tools: Tools, company: str, *, as_json: bool) -> None:
    from cli import contacts
    from worker.contacts import offers

    organisation = contacts.connected(tools, company)
    found = offers.offered(tools, organisation, offers.KINDS, common.wait, at_most_old=60)
    usable = {kind: [one for one in some if one.usable] for kind, some in found.items()}
    if as_json:
        output.print_json({kind: [asdict(one) for one in some] for kind, some in usable.items()})
        return
    for kind, some in usable.items():
        output.say(f"{kind.replace('_', ' ').capitalize()} of {organisation.name}:")
        for one in sorted(some, key=lambda one: (not one.first, one.code)):
            options = f": {', '.join(one.options)}" if one.options else ""
            output.say(
                f"  {one.name}{options}" if kind in ("tracking", "branding_themes") else f"  {one.code}  {one.name}"
            )


def _show(kept: dict[str, Any]) -> None:
    columns = {"setting": itemgetter(0), "value": itemgetter(1)}
    output.listing(list(_as_typed(kept)), as_json=False, columns=columns)


def _typed(chosen: Sequence[str]) -> dict[str, Any]:
    """The settings that these name, as an event says them. Raises ValueError in a sentence."""
    said: dict[str, Any] = {}
    for one in chosen:
        name, equals, value = (part.strip() for part in one.partition("="))
        if not equals:
            raise ValueError(f"{one}: settings are written as name=value")
        if name.startswith("kinds."):
            _of_kind(said, name, value)
        else:
            said[name] = _parsed(name, value)
    return said


def _as_typed(kept: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every setting with its value, in the words in which it is typed."""
    for name, value in kept.items():
        if name == "days_until_due" and value is None:
            continue
        if name == "kinds" and value:
            for kind, defaults in value.items():
                yield from ((f"kinds.{kind}.{which}", code) for which, code in defaults.items() if code)
        else:
            yield name, _written(name, value)


def _of_kind(said: dict[str, Any], name: str, value: str) -> None:
    """`kinds.hire.account_code`; without the last part the kind is forgotten."""
    _, _, rest = name.partition(".")
    kind, dot, which = rest.rpartition(".")
    kinds = said.setdefault("kinds", {})
    if dot and which in ("account_code", "tax_type"):
        kinds[kind] = {**(kinds.get(kind) or {}), which: value or None}
    elif value:
        raise ValueError(f"{name}: a kind has kinds.{rest}.account_code and kinds.{rest}.tax_type")
    else:
        kinds[rest] = None


def _parsed(name: str, value: str) -> Any:
    if name in ("attachments", "contact_ids_editable", "credit_notes", "sent_to_contact"):
        if value.lower() not in _TRUE + _FALSE:
            raise ValueError(f"{name} is true or false")
        return value.lower() in _TRUE
    if not value:
        return None
    if name in ("invoice_status", "credit_note_status"):
        return value.upper()
    if name in ("due", "daily_summary"):
        return _due(value) if name == "due" else _daily(value)
    if name == "tracking":
        pairs = (one.partition(":") for one in value.split(";") if one.strip())
        return [{"category": category.strip(), "option": option.strip()} for category, _, option in pairs]
    return value


def _due(value: str) -> dict[str, Any]:
    kind, _, days = value.partition(":")
    if not common.is_whole(days):
        raise ValueError(_DUE)
    return {"kind": kind, "days": int(days)}


def _daily(value: str) -> dict[str, Any]:
    hour, _, rest = value.partition(":")
    zone, _, always = rest.partition(":")
    if not common.is_whole(hour) or always not in ("", "always"):
        raise ValueError(_DAILY)
    return {"hour": int(hour), "time_zone": zone, "always": bool(always)}


def _written(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if name == "due":
        return f"{value['kind']}:{value['days']}"
    if name == "daily_summary":
        return f"{value['hour']}:{value['time_zone']}{':always' if value['always'] else ''}"
    if name == "tracking":
        return "; ".join(f"{one['category']}:{one['option']}" for one in value)
    return str(value["name"]) if name == "branding_theme" else str(value)
