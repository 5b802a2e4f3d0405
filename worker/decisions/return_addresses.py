"""Where a person may be sent after a login: only to addresses on the list; pure.

Addresses are compared as the servers behind them may read them: decoded as often as it goes, host and port in one
form. What could be read in two ways is on no list.
"""

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import parse_qsl, unquote_to_bytes, urlencode, urlsplit, urlunsplit

_HARMLESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?&=%+,;@!$'()*[]")
_PORTS = {"https": 443, "http": 80}
_MOST_ROUNDS = 5
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_Place = tuple[str, str, int, tuple[str, ...]]


def allowed(address: str, listed: Sequence[str]) -> bool:
    """Whether an address is one of the listed ones or lies below one of them, on the same scheme, host and port."""
    wanted = _place(address)
    return wanted is not None and any(_below(wanted, known) for known in map(_place, listed) if known)


def with_answer(address: str, **answer: str) -> str:
    """The address with an answer for the host in its query."""
    parts = urlsplit(address)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *answer.items()])
    return urlunsplit(parts._replace(query=query))


def _place(address: str) -> _Place | None:
    """Scheme, host, port and the path's parts, decoded; None for anything that others might read differently."""
    if not set(address) <= _HARMLESS:
        return None
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or "@" in parts.netloc or not _HOST.fullmatch(host) or ".." in host:
        return None
    path = _decoded(parts.path)
    if path is None or "\\" in path:
        return None
    steps = tuple(step for step in path.split("/") if step)
    if any(_leads_elsewhere(step) for step in steps):
        return None
    return parts.scheme, host, _PORTS[parts.scheme] if port is None else port, steps


def _decoded(path: str) -> str | None:
    """The path decoded until nothing is left to decode, wide signs as plain ones; None where it is no clear text."""
    for _ in range(_MOST_ROUNDS):
        if _BROKEN_ESCAPE.search(path):
            return None
        try:
            once = unicodedata.normalize("NFKC", unquote_to_bytes(path).decode())
        except UnicodeDecodeError:
            return None
        if not once.isprintable():
            return None
        if once == path:
            return path
        path = once
    return None


def _leads_elsewhere(step: str) -> bool:
    """Whether a step of a path could be a way up: dots alone, whatever parameters or spaces hang on to them."""
    return not step.partition(";")[0].strip(" .")


def _below(wanted: _Place, known: _Place) -> bool:
    return wanted[:3] == known[:3] and wanted[3][: len(known[3])] == known[3]
