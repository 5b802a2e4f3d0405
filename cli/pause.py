"""The pause switch: `pause` and `resume`."""

import time
from typing import Annotated

import typer

from cli import order_submission, output, plain_numbers
from cli.order_submission import AsJson, By
from store.pauses import EVERYBODY
from worker.decisions.rights import Effect
from worker.tools import Tools
from worker.waiting import pausing

_LOOK_SECONDS = 0.2
OfCompany = Annotated[str | None, typer.Option(help="Only this company")]
Everybody = Annotated[bool, typer.Option("--all", help="Every company")]
Why = Annotated[str, typer.Option(help="Why; kept in the audit")]


def pause(
    company: OfCompany = None,
    everybody: Everybody = False,
    why: Why = "",
    wait: Annotated[bool, typer.Option("--wait", help="Count down until nothing is in flight")] = False,
    at_most: Annotated[
        float,
        typer.Option(parser=plain_numbers.between(0, 86_400), metavar="NUMBER", help="Longest wait, in seconds"),
    ] = 300,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Let no new call to Xero begin; what is in flight ends by itself. Requests are still accepted, and wait.

    With --wait it ends with 1 if calls are still in flight after the longest wait.

    Examples:
      crewcard-xero pause --company harbour --why "books are being closed"

      crewcard-xero pause --all --wait

    """
    tools, scope = order_submission.ready(), _scope(company, everybody=everybody)
    giver = order_submission.must_be_allowed(tools, by, Effect.PAUSE, company)
    news = pausing.pause(tools, scope, giver, why)
    left = _drain(tools, scope, at_most) if wait else pausing.in_flight(tools, scope)
    if as_json:
        output.print_json({"scope": scope, "news": news, "in_flight": left})
    else:
        output.say(f"{_named(scope)} {'is paused' if news else 'was paused before'}. {_flying(left)}")
    raise typer.Exit(1 if wait and left else 0)


def resume(
    company: OfCompany = None, everybody: Everybody = False, why: Why = "", by: By = "", as_json: AsJson = False
) -> None:
    """Go on after a pause.

    Example:  crewcard-xero resume --company harbour
    """
    tools, scope = order_submission.ready(), _scope(company, everybody=everybody)
    giver = order_submission.must_be_allowed(tools, by, Effect.PAUSE, company)
    news = pausing.resume(tools, scope, giver, why)
    if as_json:
        output.print_json({"scope": scope, "news": news})
    else:
        output.say(f"{_named(scope)} {'goes on' if news else 'was not paused'}.")


def _scope(company: str | None, *, everybody: bool) -> str:
    if everybody == bool(company):
        output.fail("Say whom: --company NAME, or --all.")
    return company or EVERYBODY


def _drain(tools: Tools, scope: str, at_most: float) -> int:
    """Count down on standard error; give how many calls are left."""
    end = time.monotonic() + at_most
    with output.errors.status("") as shown:
        while left := pausing.in_flight(tools, scope):
            if time.monotonic() >= end:
                break
            shown.update(_flying(left))
            time.sleep(_LOOK_SECONDS)
    return left


def _named(scope: str) -> str:
    return "Every company" if scope == EVERYBODY else scope


def _flying(left: int) -> str:
    return f"{order_submission.count(left, 'call')} to Xero in flight." if left else "Nothing is in flight."
