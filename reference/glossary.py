"""The words of our own: each with the field's word for it and one sentence; `docs/reference/glossary.md` shows them.

A word of ours that stands in a name, a log line or a page and not here fails `tests/house/test_words.py`.

The words of our own, with the field's words for them.
"""

from typing import NamedTuple

from reference.markdown import page, table


class Term(NamedTuple):
    """One word of ours; `field` is what others call it, "" where they say the same."""

    word: str
    field: str
    sentence: str


GLOSSARY = (
    Term(
        "adopt", "import existing", "Take over an invoice that an older integration made in Xero, after comparing it."
    ),
    Term("answer", "result event", "The one `succeeded` or `failed` that every invoice of a request gets."),
    Term("batch", "", "Up to fifty invoices that go to Xero in one call."),
    Term(
        "breaker",
        "circuit breaker",
        "While Xero does not answer properly nothing new is sent; what is owed is looked up.",
    ),
    Term(
        "canary",
        "synthetic probe",
        "A test that the doctor sends the way of an invoice; nothing of it reaches Xero or a host, or stays.",
    ),
    Term("cause", "", "A reason together with the thing that has to be mended, such as one account."),
    Term("clock", "scheduler process", "The process that runs the periodic duties."),
    Term("dead letter", "", "A message that could not be read; it is kept whole, with the reason."),
    Term("document", "", "What an invoice of CrewCard's becomes in Xero: an invoice or a credit note."),
    Term("door", "API, ingress", "A way in for events: HTTP or the Redis Stream."),
    Term(
        "doorbell",
        "wake-up notification",
        "A queue message that says “this lane may have work”; losing one loses nothing.",
    ),
    Term("drain", "cordon", "Let all workers of a machine become quiet, so that it can be stopped."),
    Term("drift", "", "What differs in Xero from what an export left there."),
    Term("duty", "leased periodic job", "One row of the scheduler's list; a lease keeps other machines out."),
    Term(
        "erase",
        "anonymise, right to erasure",
        "Take away what names a client; ids, numbers and amounts stay, so that no invoice can be in Xero twice.",
    ),
    Term("feed", "event log", "All events in one order, which a host reads from a position on."),
    Term("fence", "fencing token", "A write about a batch counts only with the batch's id, token and state."),
    Term("freeze", "persist the request", "Body, key and attempts of a call are committed before it is sent."),
    Term("generation", "", "One life of an invoice in Xero; raising anew begins the next one."),
    Term(
        "guard",
        "precondition",
        "What has to hold before an update: nobody edited, paid or voided the invoice in Xero.",
    ),
    Term("hold", "batch lease", "A worker's right to a batch, for as long as its lease lasts."),
    Term("inbox", "", "The events that were accepted, by company, source and id: what comes twice is known."),
    Term(
        "lane",
        "partition, tenant queue",
        "One company and its Xero organisation: what is sent in order and paced together.",
    ),
    Term("lease", "", "How long a worker may hold a batch or a duty before others take it over."),
    Term("look", "read-only check", "Asking Xero how an exported invoice stands, before anything is said about it."),
    Term(
        "mark",
        "external reference",
        "Our company and invoice id in the Url of a Xero invoice: by it we know what is ours.",
    ),
    Term("marker", "status badge", "What stands beside an invoice number: exported, queued, failed and others."),
    Term("mend", "fix", "What a person does so that a failed invoice can go."),
    Term("outbox", "", "The events that are committed and have not left yet."),
    Term("pace", "rate limiter", "Counts Xero's calls of an organisation and gives leave for the next one."),
    Term("parked", "blocked", "Waits for something that has to be known or done first."),
    Term("permit", "rate-limit token", "Leave to make one call to Xero."),
    Term(
        "picture",
        "normalised snapshot",
        "An invoice, ours or Xero's, brought into one form so that the two can be compared.",
    ),
    Term("probe", "", "One call that finds out whether Xero or a limit has recovered."),
    Term("proof of match", "verification", "What was sent, compared field by field with what Xero keeps."),
    Term("pruner", "retention job", "Deletes what is over and older than the retention."),
    Term("quiet", "", "A worker that was told to finish what it has in hand and to take nothing new."),
    Term("raise anew", "recreate", "Make a further invoice for one that is voided, deleted or gone in Xero."),
    Term("reconciler", "", "Compares what we believe with what Xero has."),
    Term("relay", "outbox publisher", "Puts committed events into the feed and the stream."),
    Term("replay", "", "Send failed invoices again, as a request of its own."),
    Term("request", "", "What a host asks for at once: invoices, in one part or several."),
    Term("rescuer", "reaper", "Finds what a dead worker held and what Redis forgot."),
    Term("reserve", "", "Calls of a day that are kept for people's own sends."),
    Term("ring", "notify", "Send a doorbell to a lane."),
    Term("settle", "resolve an unknown outcome", "Ask Xero what became of a call that had no clear answer."),
    Term(
        "shard",
        "partition",
        "A part of a duty, leased by itself: the companies whose ids have the same hash.",
    ),
    Term("share", "quota", "The part of a day's calls that one purpose may use."),
    Term("stamp", "assign a sequence number", "Give an event its position in the feed."),
    Term("sweep", "reaper pass", "One round of the rescuer."),
    Term("tend", "keep alive", "Renew a login before it ends."),
    Term("thaw", "parse a frozen request", "Read back the body that a batch was sent with."),
    Term("tools", "service container", "What every move is handed: settings, store, Redis, Xero."),
    Term("turn", "job run", "What a worker does for a lane at one doorbell: one call to Xero, or a few."),
    Term("uncertain", "unknown outcome", "A call was sent and nobody knows what became of it."),
    Term("work", "unit of work", "One database transaction and its session."),
)


_ABOUT = """
Words that this project uses in a meaning of its own, in code, log lines, settings and pages. Where others have
another word for the same thing, it stands beside.
"""


def text() -> str:
    """The page."""
    rows = [(term.word, term.field, term.sentence) for term in GLOSSARY]
    return page("Glossary", _ABOUT, table(("word", "elsewhere", "what it is"), rows))
