"""The pruner: what is over and older than the retention goes, in short transactions."""

from store import processes, pruning
from worker import logs
from worker.tools import Tools

DUTY = "pruner"
PASS_SECONDS = 600.0
_DAY = 86_400.0
# Days; nobody asks for these again.
_SHORT_LIVED = {"previews": 7.0, "mendings": 30.0, "logins": 30.0, "message_ids": 0.0}
_log = logs.log("pruner")


def prune(tools: Tools, holder: str) -> int:
    """Delete a little of each kind, if this process has the duty; gives how many rows went."""
    with tools.store.write() as work:
        if not processes.take_duty(work, DUTY, holder, PASS_SECONDS * 2):
            return 0
    gone = {what: _prune(tools, what) for what in pruning.RULES}
    with tools.store.write() as work:
        before = work.after(-tools.settings.retention_days * _DAY)
        gone["events_out"] = pruning.events_out(work, before, tools.settings.shut_doors)
    if sum(gone.values()):
        _log.info("pruner.pruned", **{what: count for what, count in gone.items() if count})
    return sum(gone.values())


def _prune(tools: Tools, what: str) -> int:
    days = _SHORT_LIVED.get(what, tools.settings.retention_days)
    with tools.store.write() as work:
        return pruning.RULES[what](work, work.after(-days * _DAY))
