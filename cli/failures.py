"""What failed, grouped by what has to be mended: `crewcard-xero failures …`, `alerts`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli import order_submission, output
from cli.order_submission import AsJson, By, Why, Yes
from cli.plain_numbers import Most
from events.causes import goes_by_itself, reason_of, who_mends
from events.reasons import Reason
from store import alerts as told
from store import failing, unknown_words
from store.failing import Group
from store.unknown_words import Unmatched
from worker.decisions.receipts import Receipt
from worker.decisions.rights import Effect
from worker.failing import sending_again

OfCompany = Annotated[str | None, typer.Argument(help="Only this company")]
_SHOWN = 8


class _FailuresGroup(TyperGroup):
    """`failures harbour` lists, `failures retry …` orders: what is no command is the company to list."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_FailuresGroup,
    help="What failed, by cause: who can mend it and how; and “send again”.\n\n"
    "Examples:\n\n  crewcard-xero failures harbour\n\n  crewcard-xero failures --unmatched\n\n"
    '  crewcard-xero failures retry account_archived:299 --company harbour --why "account restored"',
)


@app.command(name="list")
def list_groups(
    company: OfCompany = None,
    only: Annotated[str | None, typer.Option("--company", help="The same as naming the company")] = None,
    unmatched: Annotated[bool, typer.Option("--unmatched", help="Words of Xero's that we do not know yet")] = False,
    as_json: AsJson = False,
) -> None:
    """Failed invoices grouped by what has to be mended; what is sent again already is counted.

    Examples:
      crewcard-xero failures harbour --json | jq '.[0].cause'

      crewcard-xero failures --unmatched

    """
    with order_submission.ready().store.read() as work:
        unknown = unknown_words.unmatched(work) if unmatched else []
        groups = [] if unmatched else failing.groups(work, company or only)
    if as_json:
        output.print_json([asdict(one) for one in unknown] if unmatched else [_document(group) for group in groups])
    elif unmatched:
        _tell_unknown(unknown)
    else:
        _tell(groups)


@app.command()
def retry(
    company: Annotated[str, typer.Option(help="Whose invoices")],
    why: Why,
    group: Annotated[str | None, typer.Argument(help="The group, as `failures` names it")] = None,
    reason: Annotated[str | None, typer.Option(help="Every group with this reason")] = None,
    by: By = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Try a group again after the cause is mended. Nothing is ever sent twice by it, however often it is pressed.

    Examples:
      crewcard-xero failures retry account_archived:299 --company harbour --why "restored in Xero" --by olga

      crewcard-xero failures retry --reason period_locked --company harbour --why "books are open again" --yes

    """
    if bool(group) == bool(reason):
        output.fail("Name a group or give --reason, one of the two. See: crewcard-xero failures")
    tools = order_submission.ready()
    giver = order_submission.must_be_allowed(tools, by, Effect.REPLAY, company)
    with tools.store.read() as work:
        counted = failing.counts(work, company)
        chosen = sorted(cause for cause in counted if group == cause or reason == _code(cause))
        found = len(failing.of_causes(work, company, chosen)) if chosen else 0
    if not chosen:
        output.fail(f"{company} has no group “{group or reason}”. See: crewcard-xero failures {company}", 1)
    order_submission.sure(f"Try {order_submission.count(found)} of {company} again?", yes=yes or not found)
    receipts = [sending_again.group(tools, company, cause, giver, why) for cause in chosen]
    _report(company, receipts, as_json=as_json)


def alerts(
    company: Annotated[str | None, typer.Option(help="Only this company")] = None,
    most: Most = 30,
    as_json: AsJson = False,
) -> None:
    """What was told as needing a person, newest first. A cause that repeats is told once an hour at most.

    Example:  crewcard-xero alerts --company harbour
    """
    with order_submission.ready().store.read() as work:
        found = told.newest(work, company, most)
    if as_json:
        output.print_json([one.model_dump() for one in found])
        return
    if not found:
        output.say("Nothing has needed a person.")
    for one in found:
        about = f": {one.about}" if one.about else ""
        held = f", {one.untold} held back since" if one.untold else ""
        times = f"told {order_submission.count(one.told, 'time')}, last at {one.told_at:%Y-%m-%d %H:%M}"
        output.say(f"{one.last_at:%Y-%m-%d %H:%M}  {one.company}: {one.title}{about} ({one.cause})")
        output.say(f"  {times}{held}; for: {one.who}")
        output.say(f"  {one.message}")


def _code(cause: str) -> str:
    known = reason_of(cause)
    return known.code if known else cause


def _document(group: Group) -> dict[str, Any]:
    known = reason_of(group.cause)
    return {
        **asdict(group),
        "title": _title(known, group),
        "who": who_mends(group.cause),
        "by_itself": goes_by_itself(group.cause),
        "steps": group.how.splitlines(),
    }


def _title(known: Reason | None, group: Group) -> str:
    title = known.value.title if known else group.reason
    return f"{title}: {group.about}" if group.about else title


def _tell(groups: Sequence[Group]) -> None:
    if not groups:
        output.say("Nothing has failed.")
    for shown in map(_document, groups):
        output.say(
            f"{shown['company']}: {shown['title']} · {order_submission.count(shown['invoices'])}, {_state(shown)}"
        )
        output.say(f"  {shown['example']}")
        output.say(f"  To be mended by: {shown['who']}")
        for number, step in enumerate(shown["steps"], start=1):
            output.say(f"  {number}. {step}")
        if shown["link"]:
            output.say(f"  {shown['link']}")
        more = " …" if shown["invoices"] > _SHOWN else ""
        output.say(f"  Invoices: {', '.join(shown['numbers'][:_SHOWN])}{more}")
        output.say(f"  Group: {shown['cause']}")


def _state(shown: dict[str, Any]) -> str:
    since = f"the oldest since {shown['oldest']:%Y-%m-%d %H:%M}"
    return f"{since}, {shown['sending']} being sent again" if shown["sending"] else since


def _tell_unknown(unknown: Sequence[Unmatched]) -> None:
    if not unknown:
        output.say("Xero has said nothing that we do not know.")
    for one in unknown:
        times = order_submission.count(one.times, "time")
        output.say(
            f"{times}, {one.first_at:%Y-%m-%d} to {one.last_at:%Y-%m-%d %H:%M}, last for {one.number or one.invoice}"
        )
        output.say(f"  {one.text}")


def _report(company: str, receipts: Sequence[Receipt], *, as_json: bool) -> None:
    moved = sum(receipt.invoices for receipt in receipts)
    requests = [receipt.request for receipt in receipts if receipt.request]
    if as_json:
        output.print_json({"company": company, "moved": moved, "requests": requests})
    elif moved:
        output.say(f"{order_submission.count(moved)} asked for again ({', '.join(requests)}).")
    else:
        output.say("There was nothing to do: they are being sent again already.")
