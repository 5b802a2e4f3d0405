"""Every metric: its name, what it says, its labels. Reference, alert rules and dashboard are held against this."""

from dataclasses import dataclass
from typing import Literal

PREFIX = "crewcard_xero_"


@dataclass(frozen=True)
class Metric:
    """One metric. A gauge says how it is now, a counter how often something happened since the first start.

    A histogram counts how long something took; its `buckets` end at these seconds.
    """

    name: str
    says: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter", "histogram"] = "gauge"
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as Prometheus stores it."""
        return PREFIX + self.name + ("_total" if self.kind == "counter" else "")


UP = Metric(
    "up", "1 while the part takes what is written; what comes from one that does not answer is left out", ("part",)
)
SCRAPE_SECONDS = Metric("scrape_seconds", "Seconds it took to measure all of this")

REQUESTS_OPEN = Metric("requests_open", "Requests that are not complete", ("company",))
UNANSWERED = Metric("invoices_unanswered", "Invoices of open requests that have no answer yet", ("company",))
OLDEST_REQUEST = Metric(
    "oldest_request_seconds", "Since when the oldest request with an unanswered invoice waits", ("company",)
)
IDLE = Metric(
    "idle_seconds",
    "How long a company with unanswered invoices has had no answer from Xero, and what it waits for: nothing (it "
    "ought to move), login, pause, worker or redis (none at work), limit, offline, trouble or outcome (of calls that "
    "Xero did not answer), restore",
    ("company", "waits_for"),
)
COMPANIES_WAITING = Metric(
    "companies_waiting", "Companies with unanswered invoices, by what they wait for", ("waits_for",)
)
INVOICES = Metric("invoices", "Invoices that are not exported, by state; counted up to 100,000 each", ("state",))

BATCHES = Metric("batches", "Calls to Xero that are not over, by state", ("state",))
OLDEST_BATCH = Metric("oldest_batch_seconds", "Age of the oldest call that is not over", ("state",))
ABANDONED = Metric("batches_abandoned", "Calls whose worker let its lease pass; the rescuer takes them", ("state",))
UNSETTLED = Metric(
    "unsettled_seconds", "How long the oldest unknown outcome has been overdue for its look-up in Xero"
)

UNSTAMPED = Metric("outbox_unstamped", "Events that are committed and not yet in the feed; counted up to 100,000")
UNSTAMPED_AGE = Metric("outbox_unstamped_seconds", "Age of the oldest of them")
BEHIND = Metric("door_behind", "Events a door out has not taken up", ("door",))
BEHIND_AGE = Metric("door_behind_seconds", "Age of the oldest of them", ("door",))
DOOR_FAILING = Metric(
    "door_failing_seconds",
    "Since when an endpoint takes nothing; left out while it takes what it gets",
    ("door",),
)
REDELIVERIES = Metric(
    "redeliveries", "Events a door refused: waiting for another try, or given up after three days", ("door", "state")
)

CONNECTIONS = Metric("connections", "Companies by the state of their connection to Xero", ("state",))
PAUSES = Metric("pauses", "Pauses that people ordered; one for everybody counts as one")
ASKED = Metric("asked_of_xero", "Changes and previews that wait for Xero's answer", ("kind",))
ASKED_AGE = Metric("asked_of_xero_seconds", "Age of the oldest of them", ("kind",))
DEAD_LETTERS = Metric("dead_letters", "Entries that no door could read and nobody has dealt with")

RESTORED = Metric(
    "restored_seconds", "Since when the database is a restored one, by order or noticed; if it ever was"
)
AUDIT_INTACT = Metric("audit_intact", "1 when the last daily check found every line of the audit as it was written")
AUDIT_CHECKED = Metric("audit_checked_seconds", "Age of the last daily check of the audit")
AUDIT_HEAD = Metric(
    "audit_head", "Number of the newest line of the audit at the last daily check, and its hash", ("chain",)
)

PROCESSES = Metric(
    "processes",
    "Processes by kind: running, quiet (workers that were told to take nothing new), or silent for 20 seconds "
    "without having left",
    ("kind", "state"),
)
CLOCK_SKEW = Metric(
    "clock_skew_seconds",
    "How far the clock of a running process is off that of the database (with SQLite: of Redis), the worst of each "
    "kind; left out where none could be compared",
    ("kind",),
)
VERSIONS = Metric("versions", "Running processes by version of this software, with its build", ("kind", "version"))

ANSWERS = Metric(
    "invoices_answered",
    "Answers about invoices, by outcome and by reason of failure",
    ("outcome", "reason"),
    "counter",
)
ANSWER_SECONDS = Metric(
    "answer_seconds",
    "How long invoices waited from the moment their request was accepted until they had their answer, whatever they "
    "waited for, by kind of send: single (a click) or bulk",
    ("mode",),
    "histogram",
    (1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400),
)
EVENTS = Metric("events", "Events that went into the feed, by type", ("type",), "counter")
TROUBLES = Metric(
    "troubles",
    "Calls to Xero that went wrong whole: limited (a 429, and which limit), offline, needs_login, "
    "refused (a 401 or 403 that does not prove that a login is dead), not_sent, unknown",
    ("effect", "limit"),
    "counter",
)

SIGN_IN_OUTCOMES = frozenset(
    ["signed_in", "new_place", "refused", "code_refused", "slowed", "factor_set", "factor_reset"]
)
SIGN_INS = Metric(
    "sign_ins",
    "Sign-ins to the console: signed_in, new_place (from where the user never was), refused, code_refused, slowed "
    "(not looked at after too many wrong ones), factor_set, factor_reset",
    ("outcome",),
    "counter",
)

TELEMETRY_LOST = Metric(
    "telemetry_lost",
    "Spans (traces), log lines (logs) and values of figures (metrics) that no collector took by OTLP, by kind of "
    "process",
    ("kind", "signal"),
    "counter",
)

DOORBELLS = Metric("doorbells", "Doorbells that no worker has taken yet")
DOORBELL_AGE = Metric("doorbell_seconds", "Age of the oldest of them")
LANES_DUE = Metric("lanes_due", "Lanes that want a turn, now or later")
LANE_OVERDUE = Metric("lane_overdue_seconds", "How long the lane that is due longest has waited for its turn")
TURNS = Metric("turns", "Turns that are being taken")
THREADS = Metric("threads", "Turns that all workers together can take at once")
REDIS_BYTES = Metric("redis_bytes", "Memory that Redis uses")

REQUESTS = Metric(
    "http_request_seconds",
    "How long the doors and pages of this one web process took to answer, by the address as a template, method and "
    "status: of each web process its own, since it began",
    ("route", "method", "status"),
    "histogram",
    (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)

WEBHOOKS_IN = Metric(
    "webhooks_in",
    "Webhooks that Xero posted to this one web process, since it began: taken, passed_over (nothing that is looked "
    "at: of another organisation, a new invoice), unreadable, too_large, refused (not signed by Xero)",
    ("outcome",),
    "counter",
)

METRICS = tuple(found for found in list(globals().values()) if isinstance(found, Metric))
