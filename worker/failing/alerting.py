"""Quiet alerts: what needs a person is told at once, what repeats is counted and told with the next one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from events.connections import ConnectionProblem, XeroConnectionNeedsLogin
from events.export import InvoiceExportFailed
from events.failures import CONNECTION, NOT_MENDED, reason_of
from events.outgoing import XeroExportAttentionNeeded
from store import alerts, failing, outbox
from store.outbox import Outgoing
from store.tables import Alert, OutboxEvent
from store.unit_of_work import Work
from worker import logs
from worker.tools import Tools

READER = "alerts"
QUIET_SECONDS = 3600.0
_KINDS = (InvoiceExportFailed.TYPE, XeroConnectionNeedsLogin.TYPE)
_log = logs.log("alerts")


@dataclass(frozen=True)
class AlertCause:
    """Something that needs a person, as an event of ours told it."""

    company: str
    cause: str
    reason: str
    title: str
    message: str
    who: str
    how: str
    about: str | None = None
    link: str | None = None
    invoices: int = 1


def watch(tools: Tools) -> int:
    """Tell what came in the feed since the last look and what was held back long enough; gives how many were told."""
    told = 0
    with tools.store.read() as work:
        behind = alerts.behind(work, READER)
        overdue = bool(alerts.held_back(work, QUIET_SECONDS, most=1))
    if behind or overdue:
        with tools.store.write() as work:
            found = alerts.take(work, READER, _KINDS, QUIET_SECONDS)  # locks: one watcher at a time from here on
            told += sum(_note(work, seen) for seen in _by_cause(found))
            told += sum(_tell_held_back(work, alert) for alert in alerts.held_back(work, QUIET_SECONDS))
    if told:
        tools.bells.wake_relay()
    return told


def _by_cause(events: Sequence[OutboxEvent]) -> list[AlertCause]:
    """One for each company and cause, with the number of invoices; the newest words win."""
    seen: dict[tuple[str, str], list[AlertCause]] = {}
    for event in events:
        one = _cause_of(event)
        if one.reason not in NOT_MENDED:
            seen.setdefault((one.company, one.cause), []).append(one)
    return [replace(told[-1], invoices=sum(one.invoices for one in told)) for _, told in sorted(seen.items())]


def _cause_of(event: OutboxEvent) -> AlertCause:
    data: dict[str, Any] = json.loads(event.body)["data"]
    if event.type == XeroConnectionNeedsLogin.TYPE:
        problem = ConnectionProblem.by_code(data["reason"])
        words = {name: data[name] for name in ("company", "reason", "message", "who", "how")}
        return AlertCause(**words, cause=f"{CONNECTION}:{problem.code}", title=problem.value.title, invoices=0)
    reason = data["reason"]
    return AlertCause(
        company=data["company"],
        cause=data.get("cause") or reason,
        reason=reason,
        title=_title(reason),
        message=data["notification"]["message"],
        who=data["who"],
        how="\n".join(data.get("steps", ())) or data["how"],
        about=data.get("about"),
        link=data.get("link"),
    )


def _title(reason: str) -> str:
    known = reason_of(reason)
    return known.value.title if known else reason


def _note(work: Work, seen: AlertCause) -> bool:
    """Tell it, or count it quietly when it was told within the hour."""
    alert = alerts.alert_of(work, seen.company, seen.cause)
    if alert is None:
        first = Alert(**seen.__dict__, first_at=work.now, told_at=work.now, last_at=work.now)
        _tell(work, alerts.save(work, first))
        return True
    for name in ("title", "message", "who", "how", "about", "link"):
        setattr(alert, name, getattr(seen, name))
    alert.last_at, alert.untold = work.now, alert.untold + seen.invoices
    if alert.told_at > work.after(-QUIET_SECONDS):
        alerts.save(work, alert)
        return False
    _tell_again(work, alert)
    return True


def _tell_held_back(work: Work, alert: Alert) -> bool:
    """What was held back is told when the hour is over, unless it is mended meanwhile."""
    if failing.counts(work, alert.company).get(alert.cause):
        _tell_again(work, alert)
        return True
    alert.untold = 0
    alerts.save(work, alert)
    return False


def _tell_again(work: Work, alert: Alert) -> None:
    alert.invoices, alert.untold, alert.told_at, alert.told = alert.untold, 0, work.now, alert.told + 1
    _tell(work, alerts.save(work, alert))


def _tell(work: Work, alert: Alert) -> None:
    shown = alert.model_dump(include={"company", "cause", "reason", "about", "invoices", "title", "message", "link"})
    event = XeroExportAttentionNeeded(
        **shown, who=alert.who, how=alert.how, repeated=alert.told > 1, since=alert.first_at
    )
    key = f"attention/{alert.company}/{alert.cause}/{work.now.isoformat()}"
    outbox.publish_once(work, Outgoing(event, alert.company, alert.company, key))
    _log.warning("alerts.told", company=alert.company, reason=alert.reason, count=alert.invoices)
