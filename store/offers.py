"""What each organisation offers to choose from, as it was when last asked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import select

from events.accounting_target import ChoiceKind, Lane, ListedChoice
from store import statements
from store.tables import Offer
from store.unit_of_work import Work


@dataclass(frozen=True)
class OfferedChoices:
    """The choices of one kind and when they were fetched."""

    choices: Sequence[ListedChoice]
    fetched_at: datetime


def save_choices(work: Work, lane: Lane, kind: ChoiceKind, choices: Sequence[ListedChoice]) -> OfferedChoices:
    """Remember what the organisation offers now."""
    row = {
        "company": lane.company,
        "tenant": lane.tenant,
        "kind": kind,
        "choices": json.dumps([asdict(one) for one in choices], ensure_ascii=False),
        "fetched_at": work.now,
    }
    statements.upsert(work, Offer, [row], dict.fromkeys(("choices", "fetched_at"), "excluded"), ["kind"])
    return OfferedChoices(choices, work.now)


def of_lane(work: Work, lane: Lane) -> Mapping[str, OfferedChoices]:
    """What is remembered of the lane's organisation, by kind."""
    asked = select(Offer).where(Offer.company == lane.company, Offer.tenant == lane.tenant)
    return {row.kind: OfferedChoices(_parsed(row.choices), row.fetched_at) for row in work.session.exec(asked)}


def _parsed(text: str) -> list[ListedChoice]:
    return [ListedChoice(**{**one, "options": tuple(one["options"])}) for one in json.loads(text)]
