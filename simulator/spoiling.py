"""How a fault turns a call: into a refusal before anything is done, or into a spoiled answer after it; pure."""

import json
import random

from simulator.refusals import No, html, problem
from simulator.wire import Reply, as_json, as_text, exception

_CUTS = ("commit_then_drop", "slow_then_drop")
SLOW = ("slow", "slow_then_drop")


def before(fault: str | None) -> Reply | None:
    """The answer of a fault that keeps the call from being performed at all."""
    if fault == "drop":
        return Reply(599, fate="cut")
    if fault == "html_503":
        return html(No.EDGE(), 503)
    if fault == "gateway_504":
        return html(No.GATEWAY(), 504)
    texts = {"api_offline": No.MAINTENANCE, "api_unavailable": No.UNAVAILABLE, "offline": No.OFFLINE}
    return as_text(texts[fault](), 503) if fault in texts else None


def server_error(dice: random.Random, keys: str) -> Reply:
    """One of the two shapes of a 500 (facts §6.1 E)."""
    if dice.random() < 1 / 2:
        return problem(500, No.SERVER_ERROR(), dice, keys)
    return exception(500, "UnknownErrorException", No.MALFORMED_GUID(), 500)


def after(fault: str | None, reply: Reply, dice: random.Random) -> Reply:
    """The answer as the fault leaves it."""
    if fault in _CUTS:
        return Reply(599, fate="cut")
    if fault == "commit_then_504":
        return html(No.GATEWAY(), 504)
    if fault == "foreign_body":
        return html("Welcome", 200)
    if fault == "malformed_json":
        return Reply(reply.status, reply.body[: len(reply.body) * 2 // 3], reply.headers)
    if fault == "truncated":
        return Reply(reply.status, reply.body, reply.headers, "truncated")
    return _lacking(reply, dice) if fault == "missing_element" else reply


def _lacking(reply: Reply, dice: random.Random) -> Reply:
    """The answer without one of its elements."""
    document = json.loads(reply.body)
    listed = document.get("Invoices")
    if not listed:
        return reply
    del listed[dice.randrange(len(listed))]
    return as_json(
        document, reply.status, {name: text for name, text in reply.headers.items() if name != "content-type"}
    )
