"""`crewcard-xero companies settings COMPANY`: what a company chose, what it may choose, and changing it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from cli import contacts, output, setting_words, submission
from cli.order_submission import AsJson, By
from events.accounting_target import Trouble
from events.companies import CompanySettingsChanged
from events.settings import SettingsPatch
from events.unreadable import sentences
from store import companies
from worker.contacts import changes, changing_settings, offers
from worker.tools import Tools

_SETTABLE = (
    "name=value, empty: back to none. contact_ids_editable, default_account_code, default_tax_type, "
    "kinds.KIND.account_code, kinds.KIND.tax_type, invoice_status, due=day_of_next_month:20, number_prefix, "
    "tracking=Region:North, branding_theme"
)


def settings(
    company: Annotated[str, typer.Argument(help="The company's id in CrewCard")],
    chosen: Annotated[list[str] | None, typer.Option("--set", help=_SETTABLE)] = None,
    choices: Annotated[bool, typer.Option("--choices", help="Show what the organisation offers")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say whether it could be set")] = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Show a company's settings, or change them; what its Xero organisation does not have is refused.

    Example:  crewcard-xero companies settings harbour --set default_account_code=200 --set due=day_of_next_month:20
    """
    tools = contacts.ready(company)
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
    try:
        said = setting_words.patch(chosen)
        SettingsPatch.model_validate(said)
    except ValueError as broken:
        output.fail("; ".join(sentences(broken)) if isinstance(broken, ValidationError) else str(broken))
    return said


def _change(tools: Tools, company: str, said: dict[str, Any], by: str, *, check: bool, as_json: bool) -> None:
    if check:
        told = _checked(tools, company, said)
    else:
        told = submission.file_change(tools, CompanySettingsChanged, {"company": company, "settings": said}, by)
    if as_json:
        output.print_json(told)
    elif told["state"] == "rejected":
        for problem in told["problems"]:
            output.warn(problem)
    elif told["state"] == "waiting":
        output.say("Accepted. Xero cannot be asked just now; it is checked, and counts, as soon as it can.")
    else:
        output.say("Could be set." if check else "Set. What was sent before stays as it was sent.")
    raise typer.Exit(1 if told["state"] == "rejected" else 0)


def _checked(tools: Tools, company: str, said: dict[str, Any]) -> dict[str, Any]:
    with tools.store.read() as work:
        organisation = changes.organisation_of(work, company)
    try:
        _, problems = changing_settings.judge(
            tools, organisation, SettingsPatch.model_validate(said), submission.wait
        )
    except Trouble as trouble:
        submission.away(trouble)
    return {"state": "rejected" if problems else "usable", "problems": list(problems)}


def _offer(tools: Tools, company: str, *, as_json: bool) -> None:
    organisation = contacts.connected(tools, company)
    try:
        found = offers.offered(tools, organisation, offers.KINDS, submission.wait, at_most_old=60)
    except Trouble as trouble:
        submission.away(trouble)
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
    table = output.table("", "setting", "value")
    for name, value in setting_words.lines(kept):
        table.add_row(output.text(name), output.text(value))
    output.results.print(table)
