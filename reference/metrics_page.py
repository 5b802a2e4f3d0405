"""Every metric: its name, labels and meaning."""

from reference.markdown import code, page, table
from worker.measuring.catalogue import METRICS
from worker.measuring.measuring import MOST_COMPANIES

_ABOUT = f"""
`GET /metrics` answers in Prometheus' text format, from every web process alike: figures are read from the
database and Redis at that moment, so take the highest of several web processes, not their sum. Who may read them
says `METRICS_TOKEN`: the holder of that token, or without one only callers on the same machine. A scrape is a
constant number of statements, each on an index.

`crewcard_xero_http_request_seconds` is each web process's own, from its start on: have every one scraped by its own
address, not through a proxy in front of them, and take the sum. All else is the whole installation's.

Where `company` is a label, the {MOST_COMPANIES} that stand still longest have a series of their own; the others
are together as `(other)`. Counters count since the installation's first start, survive restarts, and count each
thing once. The rules that watch these figures are in `docs/operations/alerts.yml`, the dashboard in
`docs/operations/dashboard.json`.
"""


def text() -> str:
    """The page."""
    rows = [
        (code(metric.full_name), metric.kind, ", ".join(map(code, metric.labels)), metric.says) for metric in METRICS
    ]
    return page("Metrics", _ABOUT, table(("metric", "kind", "labels", "meaning"), rows))
