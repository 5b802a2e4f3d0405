"""A company's day, told once at the hour it chose: `company.day_summarised`, exactly one a day.

What is told is read first; then one transaction ends the day and publishes, if the day is still to be ended. Killed
before its commit nothing has happened, and the next pass tells it; two clocks cannot both end a day.
"""

from datetime import datetime

from events.settings import DailySummary
from events.summaries import (
    MOST_CAUSES,
    CompanyDaySummarised,
    ConnectionNews,
    FailedCause,
    WaitingSummary,
)
from store import companies, export_log, failing, outbox, summaries
from store.export_log import LogFilter
from store.failing import Group
from store.outbox import Outgoing
from store.tables import PlannedSummary
from store.unit_of_work import Work
from worker import logs
from worker.connections import health
from worker.status import companies as statuses
from worker.status.companies import CompanyStatus
from worker.tools import Tools

PASS_SECONDS = 30.0
_SETTLED_SECONDS = 60.0  # a line of the log has the moment its transaction began: by then it is committed
_AT_ONCE = 200
_AFTER_TROUBLE_SECONDS = 600.0
_log = logs.log("summaries")


def tell_due(tools: Tools, _holder: str) -> int:
    """End each day whose hour has come, one company after the other; gives how many days were ended."""
    with tools.store.read() as work:
        due = summaries.due(work, work.after(-_SETTLED_SECONDS), _AT_ONCE)
    ended = 0
    for company, due_at in tools.while_running(due.items()):
        try:
            is_ended = end_day(tools, company)
        except Exception:
            is_ended = False
            _log.exception("summaries.failed", company=company)  # the next company is not held back by it
        if not is_ended:
            with tools.store.write() as work:  # nor are those behind it, however many fail
                summaries.put_off(work, company, due_at, work.after(_AFTER_TROUBLE_SECONDS))
        ended += is_ended
    if ended:
        tools.bells.wake_relay()
    return ended


def end_day(tools: Tools, company: str) -> bool:
    """Tell the company's day if it is due and not told yet; a quiet one ends without a word unless that is wanted."""
    with tools.store.read() as work:
        seen, chosen = summaries.of_company(work, company), companies.settings_of(work, company).daily_summary
        if seen is None or chosen is None or seen.due_at > work.after(-_SETTLED_SECONDS):
            return False
        told = _summary(tools, work, seen, chosen)
    with tools.store.write() as work:
        if not summaries.end_day(work, seen, chosen, told.until):
            return False
        if told.is_quiet and not chosen.always:
            return True
        outbox.publish_once(work, Outgoing(told, company, company, f"summary/{company}/{told.day}"))
    _log.info("summaries.told", company=company, count=told.exported)
    return True


def _summary(tools: Tools, work: Work, seen: PlannedSummary, chosen: DailySummary) -> CompanyDaySummarised:
    until = max(seen.since, work.after(-_SETTLED_SECONDS))
    status = statuses.of_company(tools, work, seen.company)
    waiting, connection = (_waiting(status), _connection(work.now, status, chosen)) if status else (None, None)
    return CompanyDaySummarised(
        company=seen.company,
        day=chosen.day_due(until),
        time_zone=str(chosen.zone),
        since=seen.since,
        until=until,
        exported=export_log.exported(work, LogFilter(seen.company, since=seen.since, until=until)),
        failed=sum(failing.counts(work, seen.company).values()),
        causes=tuple(map(_cause, failing.groups(work, seen.company, MOST_CAUSES))),
        waiting=waiting,
        connection=connection,
    ).in_words()


def _cause(group: Group) -> FailedCause:
    words = group.in_words()
    return FailedCause(
        cause=group.cause,
        reason=group.reason,
        title=words["title"],
        invoices=group.invoices,
        who=words["who"],
        steps=tuple(words["steps"]),
        link=group.link,
        since=group.oldest,
    )


def _waiting(status: CompanyStatus) -> WaitingSummary | None:
    found = status.status
    if not status.load.live:
        return None
    return WaitingSummary(
        invoices=status.load.live, cause=found.cause, message=found.sentence, who=found.who, until=found.until
    )


def _connection(now: datetime, status: CompanyStatus, chosen: DailySummary) -> ConnectionNews | None:
    """What is wrong; else how long the login lasts by the days of the company, where that is not long."""
    known, ends = status.health, status.health.login_ends_at
    if known.wrong:
        said = " ".join(part for part in (known.wrong, known.how) if part)
        return ConnectionNews(message=said, who=known.who or "")
    if ends is None:
        return None
    last = ends.astimezone(chosen.zone).date()
    days = max(0, (last - now.astimezone(chosen.zone).date()).days)
    return ConnectionNews.of_login(ends, last, days) if days < health.UNEASY_DAYS else None
