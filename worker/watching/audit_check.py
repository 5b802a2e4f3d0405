"""Once a day the whole audit is read, and its head goes out: as an event, a metric and a line of the log."""

from events.audit import AuditChecked
from store import audit, duties, outbox
from store.outbox import Outgoing
from worker import logs
from worker.tools import Tools

DUTY = "audit"
PASS_SECONDS = 600.0
_LEASE_SECONDS = 3600.0
_log = logs.log("audit")


def check(tools: Tools, holder: str) -> bool:
    """Check the audit if nobody did today; whether it was done now. Killed before its commit, it is done again."""
    with tools.store.write() as work:
        if not duties.take(work, DUTY, holder, _LEASE_SECONDS):
            return False
        last = audit.newest_check(work)
        if last and last.day == f"{work.now:%Y-%m-%d}":
            duties.leave(work, DUTY, holder)
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
        duties.leave(work, DUTY, holder)
    if done:
        say = _log.info if verdict.intact else _log.error
        say("audit.checked", head=str(verdict.head), count=verdict.lines, problems=len(verdict.problems))
        tools.bells.wake_relay()
    return done
