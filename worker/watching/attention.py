"""What needs a person now: each thing in a sentence, with who can mend it and where."""

from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from store import attention, processes, status
from store.unit_of_work import Work
from worker.status import companies
from worker.status.companies import CompanyStatus
from worker.tools import Tools

MOST = 8
_INCIDENT_SECONDS = 60.0
_OVERDUE_SECONDS = 300.0  # by then an outcome was looked up several times


@dataclass(frozen=True)
class Matter:
    """One thing that needs a person; `who` as in events.help, or ops or host; `link` a page of the console."""

    title: str
    message: str
    who: str
    how: str = ""
    link: str = ""
    link_text: str = ""
    company: str = ""


@dataclass(frozen=True)
class Attention:
    """What needs a person: the first few of each kind, and how many `more` connections there are."""

    matters: tuple[Matter, ...]
    more_connections: int = 0


def what_needs_a_person(tools: Tools, work: Work) -> Attention:
    """What stops most comes first."""
    parked = status.matching(work, "needs_person", "", "", MOST)
    every = status.counts(work)["needs_person"] if len(parked) == MOST else len(parked)
    matters = [
        *(_connection(one) for one in companies.of_companies(tools, work, parked)),
        *(_unsettled(one) for one in attention.unsettled(work, _OVERDUE_SECONDS, MOST)),
        *_refused(attention.refused(work, _INCIDENT_SECONDS)),
        *_silent(work),
        *_letters(attention.dead_letters(work)),
        *_webhooks(attention.given_up(work)),
        *(_alert(one) for one in attention.alerts(work, MOST)),
    ]
    return Attention(tuple(matters), max(0, every - len(parked)))


def _connection(one: CompanyStatus) -> Matter:
    waits = f" {_count(one.load.live, 'invoice waits', 'invoices wait')} for it." if one.load.live else ""
    return Matter(
        title=one.health.name,
        message=f"{one.status.sentence}{waits}",
        who=one.status.who or "ops",
        how=one.health.how or "",
        link=_page(one.health.company),
        link_text="Open the company",
        company=one.health.company,
    )


def _unsettled(one: attention.Unsettled) -> Matter:
    calls, invoices = _count(one.batches, "call", "calls"), _count(one.invoices, "invoice", "invoices")
    return Matter(
        title="Outcome not known yet",
        message=f"What became of {calls} to Xero with {invoices} should have been looked up by "
        f"{one.since:%Y-%m-%d %H:%M} UTC. Nothing is sent twice, but these invoices wait.",
        who="ops",
        how="See why the company waits; if Xero does not answer, it is asked again by itself.",
        link=_page(one.company),
        link_text="Open the company",
        company=one.company,
    )


def _refused(one: attention.RefusedCompanies | None) -> list[Matter]:
    """Once for all companies: it is Xero's trouble, or will be told as theirs when it is proven."""
    if one is None:
        return []
    whom = _count(one.companies, "company", "companies")
    message = (
        f"Xero has refused the logins of {whom} since {one.since:%Y-%m-%d %H:%M} UTC, and nothing proves that one of "
        "them is dead. Their invoices wait and go by themselves when it ends; nobody has to log in now."
    )
    how = "See status.xero.com. A login that Xero has really ended is told to its company within five minutes."
    return [Matter("Xero refuses logins", message, "ops", how)]


def _silent(work: Work) -> list[Matter]:
    """Processes that stopped beating without having left, by kind."""
    kinds = Counter(one.kind for one in processes.everyone(work) if processes.is_silent(work, one))
    return [
        Matter(
            title="A process is silent",
            message=f"{_count(count, f'{kind} process has', f'{kind} processes have')} not been heard of for a "
            "minute: killed, suspended or cut off. What it had in hand is taken over by others.",
            who="ops",
            how="Look at its machine and its log; start it again if others do not keep up.",
            link="/console#processes",
            link_text="See the processes",
        )
        for kind, count in sorted(kinds.items())
    ]


def _letters(count: int) -> list[Matter]:
    if not count:
        return []
    words = _count(count, "message that came in could", "messages that came in could")
    message = f"{words} not be read. Each is kept whole, with the reason."
    return [Matter("Dead letters", message, "support", "", "/console/dead-letters", "Read, mend or discard")]


def _webhooks(count: int) -> list[Matter]:
    if not count:
        return []
    message = f"{_count(count, 'event was', 'events were')} refused by the host's webhook until the last try."
    how = "Mend the host's endpoint; nothing is lost, the feed GET /v1/events gives every event again."
    return [Matter("Webhooks given up", message, "host", how)]


def _alert(one: attention.StandingAlert) -> Matter:
    alert = one.alert
    waits = _count(one.invoices, "invoice waits", "invoices wait")
    return Matter(
        title=f"{alert.title}{f': {alert.about}' if alert.about else ''}",
        message=f"{waits} for this. {alert.message}",
        who=alert.who,
        how=alert.how,
        link=f"/console/failures/{quote(alert.company, safe='')}?{urlencode({'cause': alert.cause})}",
        link_text="Open the group",
        company=alert.company,
    )


def _page(company: str) -> str:
    return f"/console/companies/{quote(company, safe='')}"


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
