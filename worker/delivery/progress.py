"""How far requests are: looked at by people, and told to the host at a sensible pace."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import redis

from events.accounting_target import AccountingTarget, Lane, Organisation, Outlook
from events.export import InvoiceExportProgressed
from store import outbox, pauses, progress
from store.outbox import Outgoing
from store.progress import Progress
from store.status import wait_of
from store.tables import LaneState, Request
from store.unit_of_work import Work
from worker.decisions import estimating
from worker.decisions.estimating import Quota, TimeLeft, seconds_until_done
from worker.tools import Tools

_MOST_ANSWERS = 120  # the newest, two whole minutes of Xero's: speed is that of now


def progress_of(tools: Tools, company: str, request: str) -> Progress | None:
    """How far a request is and when it should be done; None when it is not known."""
    found = measured_progress(tools, company, request)
    return found[0] if found else None


def measured_progress(tools: Tools, company: str, request: str) -> tuple[Progress, TimeLeft | None] | None:
    """The same, and how long it still takes by its own speed, but no less than Xero's limits allow."""
    with tools.store.read() as work:
        row = work.session.get(Request, (company, request))
        if row is None:
            return None
        target = tools.target_of(work, company)
        limits = _limits(work, target, row)
        if limits is None:
            return progress.from_request(row), None
        answers = progress.answers_of(work, company, request)
        measured = _time_left(answers, row.total - row.exported - row.failed, work.now)
        if measured is None:
            return progress.from_request(row, _after(work.now, seconds_until_done(*limits))), None
        left = estimating.within_limits(measured, len(answers), *limits)
        return progress.from_request(row, _after(work.now, left.likely)), left


def _time_left(answers: Sequence[tuple[datetime, int]], waiting: int, now: datetime) -> TimeLeft | None:
    newest = answers[-_MOST_ANSWERS:]
    told = [((at - newest[0][0]).total_seconds(), count) for at, count in newest]
    return estimating.time_left(told, waiting, (now - newest[0][0]).total_seconds()) if newest else None


def news(work: Work, requests: Iterable[Request]) -> list[str]:
    """Those of these requests whose progress is news."""
    return [row.id for row in requests if _is_news(row, work.now)]


def tell(tools: Tools, organisation: Organisation, requests: Collection[str]) -> None:
    """Tell how far these requests are, where it still is news; each in a transaction of its own."""
    for request in requests:
        with tools.store.write() as work:
            _tell(work, tools.target(organisation), organisation.lane.company, request)
    if requests:
        tools.bells.wake_relay()


def _tell(work: Work, target: AccountingTarget, company: str, request: str) -> None:
    """Under the request's lock, where whoever completes it waits: nothing is told after `completed`."""
    row = progress.locked(work, company, request)
    if not _is_news(row, work.now):
        return
    finish = estimated_finish(work, target, row)
    said = progress.from_request(row, finish)
    event = InvoiceExportProgressed(
        company=company,
        request=request,
        total=said.total,
        exported=said.exported,
        failed=said.failed,
        waiting=said.waiting,
        estimated_finish=finish,
    )
    row.progressed, row.progressed_at = said.total - said.waiting, work.now
    work.session.flush()
    key = f"progressed/{company}/{request}/{row.progressed}"
    cause = row.caused_by or row.source_event
    outbox.publish_once(work, Outgoing(event, company, request, key, cause, row.trace, work.moment()))


def _is_news(row: Request, now: datetime) -> bool:
    answered = row.exported + row.failed
    if row.completed_at or answered >= row.total:
        return False
    arrived = row.parts_received.count(",") + 1
    whole = row.total * row.parts // arrived  # as far as the parts that are here let expect
    return estimating.worth_telling(whole, answered, row.progressed, row.progressed_at, now)


def estimated_finish(work: Work, target: AccountingTarget | None, row: Request) -> datetime | None:
    """When the request should be done; None while a person has to act first, or nobody knows the limits."""
    limits = _limits(work, target, row)
    return _after(work.now, seconds_until_done(*limits)) if limits else None


def _after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)


def _limits(work: Work, target: AccountingTarget | None, row: Request) -> tuple[int, Quota] | None:
    """How many invoices go until the last one of the request has, and what calls may do; None where nobody knows."""
    waiting = row.total - row.exported - row.failed
    lane = Lane(row.company, row.tenant)
    if target is None or row.completed_at or not row.tenant or pauses.of_company(work, row.company):
        return None
    wait = wait_of(work.session.get(LaneState, lane), work.now)
    if wait and wait.until is None:
        return None
    try:
        known = quota(target, target.pace.outlook(lane.tenant))
    except redis.RedisError:
        return None
    ahead = waiting if row.mode == "single" else max(waiting, progress.backlog(work, lane, row.created_at))
    pause = (wait.until - work.now).total_seconds() if wait and wait.until and not wait.bulk_only else 0.0
    return ahead, replace(known, paused=max(known.paused, pause))


def quota(target: AccountingTarget, seen: Outlook) -> Quota:
    """What an organisation's calls may do, as far as we know; what single sends are left of a minute, no bulk has."""
    return Quota(
        call=seen.call,
        minute_left=seen.window_left if seen.window_ends else seen.minute_left,
        per_minute=target.pace.per_minute - max(0, seen.minute_calls - seen.minute_left),
        minute=target.pace.minute,
        day_left=seen.day_left,
        per_day=seen.per_day,
        day_ends=seen.day_ends,
        day=86_400,
        paused=seen.paused,
        size=target.sizes.invoices,
        frees=seen.window_ends or seen.minute_frees,
    )
