"""Which organisations a person may choose from after a login; pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class OfferedOrganisation:
    """One organisation in a choice. `taken`: another company holds it. `current`: it is connected already."""

    tenant: str
    name: str
    xero_id: str
    taken: bool = False
    current: bool = False


def offer(
    opened: Sequence[OfferedOrganisation], consented: Collection[str], taken: Collection[str], current: str | None
) -> Sequence[OfferedOrganisation]:
    """The organisations to show, the current one first, then by name.

    Where the person consented to some of them just now, only these: an app may be connected to others from before.
    """
    shown = [one for one in opened if one.tenant in consented] or list(opened)
    marked = [
        OfferedOrganisation(one.tenant, one.name, one.xero_id, one.tenant in taken, one.tenant == current)
        for one in shown
    ]
    return sorted(marked, key=lambda one: (not one.current, one.name.lower(), one.tenant))


def without_asking(offered: Sequence[OfferedOrganisation]) -> OfferedOrganisation | None:
    """The organisation that needs no question: the only one there is, if it is free."""
    return offered[0] if len(offered) == 1 and not offered[0].taken else None


def missing_scopes(wanted: str, granted: Collection[str]) -> list[str]:
    """Permissions the export asked for and did not get; none where Xero did not say what it granted."""
    return [scope for scope in wanted.split() if scope not in granted] if granted else []
