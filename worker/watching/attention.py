"""What needs a person now: each thing in a sentence, with who can mend it and where.

That somebody read an invoice or a body is in the audit: once an hour for each person and thing.
Once a day the whole audit is read, and its head goes out: as an event, a metric and a line of the log.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from events.outgoing import AuditChecked
from store import audit, ops_summary, outbox, processes, status
from store.outbox import Outgoing
from store.unit_of_work import Work
from worker import logs
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
        *(_unsettled(one) for one in ops_summary.unsettled_batches(work, _OVERDUE_SECONDS, MOST)),
        *_refused(ops_summary.refused_companies(work, _INCIDENT_SECONDS)),
        *_silent(work),
        *_letters(ops_summary.open_dead_letters(work)),
        *_webhooks(ops_summary.given_up_deliveries(work)),
        *(_alert(one) for one in ops_summary.standing_alerts(work, MOST)),
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


def _unsettled(one: ops_summary.Unsettled) -> Matter:
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


def _refused(one: ops_summary.RefusedCompanies | None) -> list[Matter]:
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


def _alert(one: ops_summary.StandingAlert) -> Matter:
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


AGAIN_SECONDS = 3600.0


def note_view(tools: Tools, who: str, what: str, company: str, chosen: Mapping[str, Any]) -> None:
    """Note it, unless it was noted within the hour: a page that is open asks for itself again and again."""
    with tools.store.read() as work:
        if audit.was_noted(work, who, what, company, chosen, AGAIN_SECONDS):
            return
    with tools.store.write() as work:
        audit.note(work, who, what, company, chosen, 0, "")


AUDIT_DUTY = "audit"
AUDIT_PASS_SECONDS = 600.0
_LEASE_SECONDS = 3600.0
_log = logs.log("audit")


def check_audit(tools: Tools, holder: str) -> bool:
    """Check the audit if nobody did today; whether it was done now. Killed before its commit, it is done again."""
    with tools.store.write() as work:
        if not processes.take_duty(work, AUDIT_DUTY, holder, _LEASE_SECONDS):
            return False
        last = audit.newest_check(work)
        if last and last.day == f"{work.now:%Y-%m-%d}":
            processes.leave_duty(work, AUDIT_DUTY, holder)
            return False
    with tools.store.read() as work:
        verdict = audit.verify(work)
    with tools.store.write() as work:
        done = audit.keep_check(work, verdict)
        if done:
            event = AuditChecked(
                head=str(verdict.head),
                lines=verdict.lines,
                intact=verdict.intact,
                problems=tuple(verdict.problems),
                checked_at=work.now,
            )
            outbox.publish(work, [Outgoing(event, "", "audit", f"audit/{work.now:%Y-%m-%d}")])
        processes.leave_duty(work, AUDIT_DUTY, holder)
    if done:
        say = _log.info if verdict.intact else _log.error
        say("audit.checked", head=str(verdict.head), count=verdict.lines, problems=len(verdict.problems))
        tools.bells.wake_relay()
    return done
