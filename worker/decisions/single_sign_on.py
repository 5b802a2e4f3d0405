"""What the claims of a single sign-on say about somebody: who they are here, and their role."""

from collections.abc import Mapping
from typing import Any

from worker.decisions.roles import ROLES, Role


def user_in(claims: Mapping[str, Any], claim: str) -> tuple[str, str]:
    """The user's id and "", or "" and why there is none. An email counts only where the provider verified it."""
    said = claims.get(claim)
    if not isinstance(said, str) or not said.strip():
        return "", f"it did not say who you are here (claim “{claim}”)"
    if claim == "email" and claims.get("email_verified") not in (True, "true"):
        return "", "it did not say that your email address was verified"
    if not said.isascii():  # the Kelvin sign becomes a k: nobody is somebody else by letters that look alike
        return "", f"who you are has letters that no id here has (claim “{claim}”)"
    return said.strip().casefold(), ""


def role_in(claims: Mapping[str, Any], roles: Mapping[str, Mapping[str, Role]]) -> Role | None:
    """The highest role that a claim gives; None: none does. A claim may lie within others: `realm_access.roles`."""
    given = {
        role
        for claim, by_value in roles.items()
        for value, role in by_value.items()
        if value in _values(claims, claim)
    }
    return max(given, key=ROLES.index, default=None)


def _values(claims: Mapping[str, Any], claim: str) -> set[str]:
    found: Any = claims
    if claim in claims:
        found = claims[claim]
    else:
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return {one for one in listed if isinstance(one, str)}
