"""A simulated Xero that says what a test wants to hear about: of an invoice, a line, or a whole call."""

from simulator import line_rules, operations, rules
from simulator.wire import as_text


def of_invoice(monkeypatch, *texts):
    """Xero says this of every invoice."""
    monkeypatch.setattr(rules, "of_invoice", lambda _context, _sent: list(texts))


def of_lines(monkeypatch, *texts):
    """Xero says one thing of each line, the first of the first; an empty text is nothing."""

    def told(_context, sent, line):
        place = sent["LineItems"].index(line)
        return [text for text in texts[place : place + 1] if text]

    monkeypatch.setattr(line_rules, "of_line", told)


def of_call(monkeypatch, reply):
    """Xero answers every write so."""
    real = operations.perform

    def perform(state, request, caller, path):
        return reply if request.method in ("PUT", "POST") else real(state, request, caller, path)

    monkeypatch.setattr(operations, "perform", perform)


def plainly(text, status):
    return as_text(text, status)
