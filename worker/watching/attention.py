"""What needs a person now: each thing in a sentence, with who can mend it and where.

That somebody read an invoice or a body is in the audit: once an hour for each person and thing.
Once a day the whole audit is read, and its head goes out: as an event, a metric and a line of the log.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote, urlencode

from events.failures import Failure, reason_of
from events.outgoing import AuditChecked
from store import audit, failing, ops_summary, outbox, processes, restores, status
from store.failing import FailureProblem
from store.outbox import Outgoing
from store.paging import PageWanted
from store.tables import Process
from store.unit_of_work import Work
from worker import logs
from worker.delivery import webhooks
from worker.delivery.webhooks import EndpointHealth
from worker.parts import Condition
from worker.status import companies
from worker.status.companies import CompanyStatus
from worker.tools import Tools

STOPPED_PAGE = "/console/companies?state=needs_person"
_ALL_WELL: Mapping[str, Condition] = {}
MOST_STOPPED = 200  # companies whose sentences are looked at; of more the number is told
_NAMED = 3  # of things that need the same
_INCIDENT_SECONDS = 60.0
_OVERDUE_SECONDS = 300.0  # by then an outcome was looked up several times
_KINDS = {
    "worker": "Invoices are accepted and wait; nothing is sent to Xero. Nothing is lost.",
    "clock": "Nothing is reported to CrewCard, looked up or sent again by itself. Nothing is lost.",
}


@dataclass(frozen=True)
class Matter:
    """One thing that needs a person; `who` as in events.help, or ops or host; `link` a page of the console.

    `kind` is company (stopped), failure, process, or other; `invoices` are held by it, the oldest since `since`.
    `runbook` is the alert whose page says what to look at and what to do.
    """

    title: str
    message: str
    who: str
    how: str = ""
    link: str = ""
    link_text: str = ""
    company: str = ""
    kind: Literal["company", "failure", "process", "other"] = "other"
    invoices: int = 0
    since: datetime | None = None
    runbook: str = ""


@dataclass(frozen=True)
class Attention:
    """What needs a person, the greatest harm first: what stops everything, then by invoices times age.

    `stopped` and `paused` count companies; `missing` are kinds of processes of which none is at work.
    """

    matters: tuple[Matter, ...]
    stopped: int
    paused: int
    missing: tuple[str, ...]

    def held(self) -> tuple[int, int]:
        """How many invoices have failed, for how many problems."""
        failed = [one.invoices for one in self.matters if one.kind == "failure"]
        return sum(failed), len(failed)


def what_needs_a_person(tools: Tools, work: Work, parts: Mapping[str, Condition] = _ALL_WELL) -> Attention:
    """Every problem there is, companies with the same one folded; `parts` as they were found a moment ago."""
    stopped = status.page_of_companies(work, "needs_person", "", PageWanted(MOST_STOPPED, counted=False))
    parked = [row.id for row in stopped.rows]
    counts = status.counts(work)
    there = processes.everyone(work)
    at_work = {one.kind for one in there if not processes.is_silent(work, one)}
    missing = tuple(kind for kind in _KINDS if kind not in at_work)
    matters = [
        *(_unwell(name, one) for name, one in parts.items() if not one.works),
        *(_missing(kind) for kind in missing),
        *_all_quiet(work, there),
        *_restored(work),
        *_connections(companies.of_companies(tools, work, parked), counts["needs_person"]),
        *_unsettled(ops_summary.unsettled_batches(work, _OVERDUE_SECONDS)),
        *_refused(ops_summary.refused_companies(work, _INCIDENT_SECONDS)),
        *_silent(work, [one for one in there if one.kind not in missing]),
        *_wrong_time(processes.with_wrong_time(work, there)),
        *_letters(ops_summary.open_dead_letters(work)),
        *_endpoints(*webhooks.failing(tools, work, _NAMED)),
        *_webhooks(ops_summary.given_up_deliveries(work)),
        *(_failure(one) for one in failing.problems(work)),
    ]
    ordered = sorted(matters, key=lambda one: (one.kind != "process", -_harm(one, work.now)))
    return Attention(tuple(ordered), counts["needs_person"], counts["paused"], missing)


def _harm(one: Matter, now: datetime) -> float:
    """Invoices times seconds; what holds none yet, or whose age is not known, comes behind."""
    return one.invoices * max(1.0, (now - one.since).total_seconds() if one.since else 1.0)


REDIS_AWAY = Matter(
    "Redis does not answer",
    "Workers are not woken. Nothing is lost; it goes on once Redis is back.",
    "ops",
    "Look at Redis and at its disk; start it again.",
    kind="process",
    runbook="PartAway",
)


def _unwell(name: str, condition: Condition) -> Matter:
    """A part that takes nothing; a database that does not answer shows no page that could tell it."""
    if name == "redis" and condition.state == "away":
        return REDIS_AWAY
    part = "Redis" if name == "redis" else "The database"
    message = (
        f"It answers, and {condition.says.removesuffix('.')}. Nothing is lost; invoices wait until it is mended."
    )
    return Matter(
        f"{part} takes nothing new", message, "ops", "See what the message names.", kind="process", runbook="PartAway"
    )


def _missing(kind: str) -> Matter:
    how = f"Start a {kind} process, and see in its log why the last one ended."
    title = f"No {kind} is running"
    where = ("/console#processes", "See the processes")
    return Matter(title, _KINDS[kind], "ops", how, *where, kind="process", runbook="NobodyAtWork")


def _all_quiet(work: Work, there: Sequence[Process]) -> list[Matter]:
    """Where there are workers, and each of them was told to take no new work."""
    workers = [one for one in there if one.kind == "worker" and not processes.is_silent(work, one)]
    if not workers or any(processes.takes_work(work, one) for one in workers):
        return []
    said = ", ".join(sorted({one.quiet_by for one in workers}))
    whom = _count(len(workers), "worker was", "workers were")
    message = f"{whom} told to take no new work, by {said}; there is no other. {_KINDS['worker']}"
    since, where = max(one.quiet_at for one in workers if one.quiet_at), ("/console/workers", "See the workers")
    how = "Let one take work again on the page Workers, or start another."
    return [Matter("Every worker is quiet", message, "ops", how, *where, kind="process", since=since)]


def _restored(work: Work) -> list[Matter]:
    """While companies are held; of whatever is older than the backup only hosts can tell."""
    last, held = restores.newest(work), len(restores.held(work))
    if not held:
        return []
    message = (
        f"The database went back in time: {last.why}. Nothing is sent for {_count(held, 'company', 'companies')} "
        f"until what Xero has since {last.since:%Y-%m-%d %H:%M} UTC was read. It goes on by itself; none is doubled."
    )
    how = "Have every host send again what it sent since then. The page “Backup and restore” of the guide says more."
    return [Matter("The database was restored", message, "ops", how, kind="process", since=last.at)]


def _connections(stopped: Sequence[CompanyStatus], every: int) -> list[Matter]:
    """Companies that nothing is sent for until a person acts, one matter for all that need the same."""
    alike: dict[tuple[str, ...], list[CompanyStatus]] = {}
    for one in stopped:
        alike.setdefault((one.health.title or "Stopped", one.status.who, one.health.how or ""), []).append(one)
    matters = [_stopped(title, some) for (title, _, _), some in alike.items()]
    if every > len(stopped):
        title = f"{_count(every - len(stopped), 'more company is', 'more companies are')} stopped"
        message = "Too many to look at each of them here."
        where = (STOPPED_PAGE, "Open the companies")
        matters.append(Matter(title, message, "ops", "", *where, kind="company", runbook="LoginWaits"))
    return matters


def _stopped(title: str, some: Sequence[CompanyStatus]) -> Matter:
    live, first = sum(one.load.live for one in some), some[0]
    waits = f" {_count(live, 'invoice waits', 'invoices wait')} for it." if live else ""
    alone = len(some) == 1
    names = ", ".join(one.health.name for one in some[:3]) + (f" and {len(some) - 3:,} more" if some[3:] else "")
    return Matter(
        title=first.health.name if alone else f"{title}: {len(some):,} companies",
        message=f"{first.status.sentence if alone else f'{names}.'}{waits}",
        who=first.status.who or "ops",
        how=first.health.how or "",
        link=_page(first.health.company) if alone else STOPPED_PAGE,
        link_text="Open the company" if alone else "Open the companies",
        company=first.health.company if alone else "",
        kind="company",
        invoices=live,
        since=min((one.status.since for one in some if one.status.since), default=None),
        runbook="LoginWaits",
    )


def _unsettled(one: ops_summary.Unsettled | None) -> list[Matter]:
    if one is None:
        return []
    calls, invoices = _count(one.batches, "call", "calls"), _count(one.invoices, "invoice", "invoices")
    whose = f" of {one.companies:,} companies" if one.companies > 1 else ""
    alone = one.companies == 1
    return [
        Matter(
            title="Outcome not known yet",
            message=f"What became of {calls} to Xero with {invoices}{whose} should have been looked up by "
            f"{one.since:%Y-%m-%d %H:%M} UTC. Nothing is sent twice, but these invoices wait.",
            who="ops",
            how="See why the company waits; if Xero does not answer, it is asked again by itself.",
            link=_page(one.company) if alone else "/console/companies?state=busy",
            link_text="Open the company" if alone else "Open the companies",
            company=one.company if alone else "",
            invoices=one.invoices,
            since=one.since,
            runbook="OutcomesStayUnknown",
        )
    ]


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
    return [Matter("Xero refuses logins", message, "ops", how, runbook="LoginsRefused")]


def _silent(work: Work, there: Sequence[Process]) -> list[Matter]:
    """Those of these processes that stopped beating without having left, by kind."""
    kinds = Counter(one.kind for one in there if processes.is_silent(work, one))
    return [
        Matter(
            title="A process is silent",
            message=f"{_count(count, f'{kind} process has', f'{kind} processes have')} not been heard of for "
            f"{processes.SILENT_SECONDS:.0f} s: killed, suspended or cut off. Others take over what was in hand.",
            who="ops",
            how="Look at its machine and its log; start it again if others do not keep up.",
            link="/console#processes",
            link_text="See the processes",
            runbook="NobodyAtWork",
        )
        for kind, count in sorted(kinds.items())
    ]


def _wrong_time(wrong: Sequence[Process]) -> list[Matter]:
    """One matter for all machines: most often they share one source of time."""
    if not wrong:
        return []
    named = ", ".join(f"{one.kind} on {one.host} is {processes.skew_in_words(one.skew_seconds)}" for one in wrong[:3])
    more = f" and {len(wrong) - 3:,} more" if wrong[3:] else ""
    refuses = any(one.kind == "web" and abs(one.skew_seconds or 0) > processes.REFUSING_SECONDS for one in wrong)
    harm = "It refuses what hosts sign." if refuses else "Signatures of hosts fail once it is off by minutes."
    return [
        Matter(
            title="The time of a machine is wrong",
            message=f"By the database's clock (on SQLite by Redis's) {named}{more}. {harm}",
            who="ops",
            how="See there whether the network sets its clock (chronyc tracking, timedatectl).\n"
            "Where all processes are off alike, it is the clock of the database's machine.",
            link="/console#processes",
            link_text="See the processes",
            runbook="ClockSkew",
        )
    ]


def _letters(count: int) -> list[Matter]:
    if not count:
        return []
    words = _count(count, "message that came in could", "messages that came in could")
    message = f"{words} not be read. Each is kept whole, with the reason."
    where = ("/console/dead-letters", "Read, fix or discard")
    return [Matter("Unreadable messages", message, "support", "", *where, runbook="EntriesUnreadable")]


def _endpoints(failing: Sequence[EndpointHealth], every: int) -> list[Matter]:
    """One matter for all endpoints: where many take nothing, it is most often our own way out."""
    if not failing:
        return []
    more = f"; and {every - len(failing):,} more" if every > len(failing) else ""
    return [
        Matter(
            title="An endpoint takes nothing" if every == 1 else f"{every:,} endpoints take nothing",
            message=f"{'; '.join(one.takes_nothing for one in failing)}{more}. Invoices are exported all the same; "
            "nothing is lost: it is tried again for three days, and the feed has every event.",
            who="host",
            how="Have whoever runs the endpoint see why: no answer, a refusal, or a secret that is not ours.\n"
            "Where many take nothing at once, see whether our own network leads out.",
            company=failing[0].company or "" if every == 1 else "",
            since=failing[0].failing_since,
            runbook="EndpointTakesNothing",
        )
    ]


def _webhooks(count: int) -> list[Matter]:
    if not count:
        return []
    message = f"{_count(count, 'event was', 'events were')} refused by the host's webhook until the last try."
    how = "Mend the host's endpoint; nothing is lost, the feed GET /v1/events gives every event again."
    return [Matter("Webhooks given up", message, "host", how, runbook="EventsGivenUp")]


def _failure(one: FailureProblem) -> Matter:
    """A reason that invoices failed for; where it is one thing of one company, in the words of that."""
    known, first = reason_of(one.reason), one.first
    waits = _count(one.invoices, "invoice waits", "invoices wait")
    if one.groups == 1:
        words = first.in_words()
        link = f"/console/failures/{quote(first.company, safe='')}?{urlencode({'cause': first.cause})}"
        what = (words["title"], f"{waits} for this. {first.example}", words["who"], first.how, link, "Open the group")
    else:
        whose = f"of {one.companies:,} companies" if one.companies > 1 else "of one company"
        who, how = (known.value.who, "\n".join(Failure(known).steps())) if known else ("support", "")
        message = f"{waits} for this, {whose}, in {one.groups:,} groups."
        link = f"/console/failures?{urlencode({'reason': one.reason})}"
        what = (known.value.title if known else one.reason, message, who, how, link, "Open the groups")
    whose = first.company if one.companies == 1 else ""
    return Matter(*what, whose, "failure", one.invoices, one.since, "MostInvoicesFail")


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
