"""How far requests are, for people: a bar per request with its estimated finish."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli import output
from store import progress, queries
from worker.delivery import progress as moves
from worker.tools import Tools

Seen = dict[str, Any]
_POLL_SECONDS = 0.15
_MOST_FAILURES = 20


def watch(
    requests: Sequence[tuple[str, str]], look: Callable[[str, str], Seen], *, quiet: bool = False
) -> list[Seen]:
    """Show a bar per request until every invoice has its answer; give how each ended."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[tally]}"),
        TimeElapsedColumn(),
    )
    ended = []
    with Progress(*columns, console=output.errors, disable=quiet) as bars:
        for company, request in requests:
            bar = bars.add_task(output.text(request), total=None, tally="")
            while not (found := look(company, request))["complete"]:
                _show(bars, bar, found)
                time.sleep(_POLL_SECONDS)
            _show(bars, bar, found)
            ended.append(found)
    return ended


def _show(bars: Progress, bar: Any, found: Seen) -> None:
    bars.update(bar, total=found["total"], completed=found["exported"] + found["failed"], tally=tally(found))


def tally(found: Seen) -> str:
    """`120 exported, 3 failed, done in about 2 min`."""
    counts = f"{found['exported']} exported, {found['failed']} failed"
    left = _left(found.get("estimated_finish"))
    return f"{counts}, {left}" if left and not found["complete"] else counts


def _left(finish: Any) -> str:
    if not finish:
        return ""
    moment = datetime.fromisoformat(finish) if isinstance(finish, str) else finish
    seconds = max(0.0, (moment - datetime.now(UTC)).total_seconds())
    if seconds < 60:
        return f"done in about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"done in about {round(seconds / 60)} min"
    return f"done by {moment.astimezone():%Y-%m-%d %H:%M}"


def show(tools: Tools, request: str, company: str | None, *, watching: bool, as_json: bool) -> None:
    """`crewcard-xero status REQUEST`: how far it is, and what failed."""
    with tools.store.read() as work:
        found = [row.company for row in progress.named(work, request, company)]
    if not found:
        output.fail(f"There is no request “{request}”{f' of {company}' if company else ''}.", 1)
    if len(found) > 1:
        output.fail(f"Several companies have a request “{request}”: name one with --company ({', '.join(found)}).")

    def find(owner: str, named: str) -> Seen:
        seen = moves.progress_of(tools, owner, named)
        return {**seen.__dict__} if seen else {}

    seen = watch([(found[0], request)], find, quiet=as_json)[0] if watching else find(found[0], request)
    with tools.store.read() as work:
        failed = queries.invoices_of(work, found[0], request, only_failed=True) if seen["failed"] else []
    if as_json:
        output.print_json({**seen, "failures": [line.__dict__ for line in failed]})
        return
    _tell(seen, failed)


def _tell(seen: Seen, failed: Sequence[queries.InvoiceLine]) -> None:
    state = "complete" if seen["complete"] else f"{seen['waiting']} waiting"
    output.say(f"{seen['company']} {seen['request']}: {seen['total']} invoices, {tally(seen)}, {state}")
    for line in failed[:_MOST_FAILURES]:
        output.say(f"  {line.number or line.invoice}: {line.message}")
    if len(failed) > _MOST_FAILURES:
        output.say(f"  and {len(failed) - _MOST_FAILURES} more")
    if failed:
        again = f'crewcard-xero replay {seen["request"]} --company {seen["company"]} --why "..."'
        output.say(f"Send the failed ones again: {again}")
