"""The page of all failures, for support: `python -m reference.failure_page > docs/failures.md`."""

import sys
from collections.abc import Iterator

from events.connections import ConnectionProblem
from events.failures import Failure
from events.help import Help
from events.reasons import Reason

# What an invoice might say, so that every sentence can be read as people get it.
EXAMPLE = {
    "account": "299",
    "client": "ACME Ltd",
    "client_id": "acme",
    "currency": "EUR",
    "date": "29 June 2026",
    "discount": "27.83",
    "rate": "10",
    "item": "SHIP",
    "lines": "90.00",
    "lock_date": "30 June 2026",
    "month": "June 2026",
    "number": "INV-1007",
    "other": "Bolt & Co",
    "problem": "line 1, unit amount: must be a number like 12.50",
    "stated": "100.00",
    "tax": "GST on Income",
    "total": "-5.00 USD",
    "tracking": "Region “North”",
    "waited_for": "the connection to Xero",
    "document": "an invoice",
    "wanted": "a credit note",
    "why": "credit notes are not turned on for your company",
}
SAID = "The line amount is too large."
_HEAD = """# Why an invoice was not exported, and what to do

Written by `python -m reference.failure_page`, from the catalogue in `events/reasons.py`.

**What a failure says.** A title, one or two sentences with the invoice's own facts, who can mend it, how, step by
step, a link to the page where that is done if its address is known, and Xero's own words beside ours. When several
things are wrong with one invoice all are told, the most useful first. An error at a line names the line. What Xero
says and we do not know yet is shown word for word, counted, and listed by `crewcard-xero failures --unmatched`:
tell the developers.

**Groups.** Invoices that fail for one thing (a client without a contact, an archived account, a lock date) are one
group, told apart by the code and that thing: `contact_not_mapped:acme`. Fix it once, and the group goes.

    crewcard-xero failures harbour

**Sent again by itself.** What waits for a client's contact goes when the client is linked, what waits for a
default account or due date when the company's settings change, what waited too long for the connection when
somebody logs in again. It is a new request that names what removed the cause. Everything else that is mended in
Xero, where we do not see it, waits for “send again”:

    crewcard-xero failures retry account_archived:299 --company harbour --why "restored in Xero" --by olga

Pressed twice, by two people, or beside the machine: each invoice is sent once. What is marked “never send”, was
cancelled, or is in Xero is never sent by it. What an invoice said last is what goes.

**Alerts.** What needs a person is told at once (`xero.export.attention_needed`, `crewcard-xero alerts`). The same
cause in the same company is then quiet for an hour; what comes meanwhile is counted and told in the next one.

**What only waits.** Xero's limits, an organisation or the whole of Xero offline, an answer that got lost: none of
these fails an invoice. The request is told `deferred` with a time where it is known, nobody has to do anything,
and it goes on by itself.
"""


def page() -> str:
    """The page in Markdown."""
    return "\n".join([_HEAD, *_failures(), *_problems()]) + "\n"


def _failures() -> Iterator[str]:
    yield "## Failures of an invoice\n"
    yield "| code | title | mended by | sent again by itself |\n|---|---|---|---|"
    for reason in Reason:
        told = reason.value
        by_itself = "yes, once mended" if told.by_itself else "no"
        yield f"| [`{reason.code}`](#{reason.code}) | {told.title} | {told.who} | {by_itself} |"
    for reason in Reason:
        failure = Failure(reason, EXAMPLE, SAID)
        yield f"\n### `{reason.code}`\n\n**{reason.value.title}.** {failure.message()}\n"
        yield from _how(reason.value, failure.steps())


def _problems() -> Iterator[str]:
    facts = {"company": "harbour", "organisation": "Harbour Crew Ltd", "before": "Old Crew Ltd", "target": "slate"}
    yield "\n## When a company's exports wait for its connection\n"
    yield "Nothing fails; everything that waits goes on by itself once this is done.\n"
    for problem in ConnectionProblem:
        yield f"\n### `{problem.code}`\n\n**{problem.value.title}.** {problem.message(facts)}\n"
        yield from _how(problem.value, (problem.remedy(facts),))
        yield from (f"\nAt the machine: `{command}`" for command in problem.command(facts).splitlines())


def _how(told: Help, steps: tuple[str, ...]) -> Iterator[str]:
    yield f"To be mended by: {told.who}.\n"
    yield from (f"{number}. {step}" for number, step in enumerate(steps, start=1))


if __name__ == "__main__":
    sys.stdout.write(page())
