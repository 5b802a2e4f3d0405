"""The state as a JSON document to keep and load again: books, logins, limits, keys, switches; no faults."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from simulator.idempotency import Keys
from simulator.identity import Identity
from simulator.limits import Limits
from simulator.state import State
from simulator.switches import Switches
from simulator.world import World

_VERSION = 1
_PARTS: dict[str, TypeAdapter[Any]] = {
    "world": TypeAdapter(World),
    "identity": TypeAdapter(Identity),
    "limits": TypeAdapter(Limits),
    "keys": TypeAdapter(Keys),
    "switches": TypeAdapter(Switches),
}


def document(state: State) -> dict[str, Any]:
    """The whole state. Holds secrets and tokens of the simulated apps."""
    parts = {name: kind.dump_python(getattr(state, name), mode="json") for name, kind in _PARTS.items()}
    return {"version": _VERSION, **parts}


def load(state: State, saved: Any) -> None:
    """Take over a saved state whole. Raises ValueError; then nothing changes."""
    if not isinstance(saved, dict) or saved.get("version") != _VERSION:
        raise ValueError(f"not a saved simulator of version {_VERSION}")
    try:
        parts = {name: kind.validate_python(saved.get(name, {})) for name, kind in _PARTS.items()}
    except ValidationError as wrong:
        raise ValueError(f"not a saved simulator: {wrong.error_count()} values are wrong") from None
    state.reset()
    for name, part in parts.items():
        setattr(state, name, part)
    state.limits.in_flight.clear()
