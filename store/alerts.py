"""What was told as needing a person, and what was held back because it was told just before."""

from collections.abc import Collection, Sequence

from sqlmodel import col, func, select

from store import statements
from store.tables import Alert, FeedMark, OutboxEvent
from store.unit_of_work import Work


def behind(work: Work, reader: str) -> bool:
    """Whether the feed has something that the reader has not passed."""
    passed = select(FeedMark.position).where(FeedMark.reader == reader).scalar_subquery()
    end = select(func.max(OutboxEvent.position)).scalar_subquery()
    return bool(work.session.exec(select(func.coalesce(end, 0) > func.coalesce(passed, 0))).one())


def take(
    work: Work, reader: str, kinds: Collection[str], since_seconds: float, most: int = 500
) -> Sequence[OutboxEvent]:
    """The next events of these kinds in the feed, for this reader alone and once.

    A reader that is new begins with what was written in the last `since_seconds`.
    """
    mark = _locked_mark(work, reader, since_seconds)
    end = _end(work)
    asked = (
        select(OutboxEvent)
        .where(col(OutboxEvent.position) > mark.position, col(OutboxEvent.position) <= end)
        .where(col(OutboxEvent.type).in_(sorted(kinds)))
        .order_by(col(OutboxEvent.position))
        .limit(most)
    )
    found = work.session.exec(asked).all()
    mark.position = (found[-1].position or 0) if len(found) == most else end
    work.session.flush()
    return found


def take_stretch(work: Work, reader: str, since_seconds: float, most: int) -> tuple[int, int]:
    """The next positions of the feed, for this reader alone and once: after the first, up to the second."""
    mark = _locked_mark(work, reader, since_seconds)
    begin = mark.position
    mark.position = max(begin, min(_end(work), begin + most))
    work.session.flush()
    return begin, mark.position


def _locked_mark(work: Work, reader: str, since_seconds: float) -> FeedMark:
    fresh = select(func.min(OutboxEvent.position)).where(col(OutboxEvent.created_at) >= work.after(-since_seconds))
    if work.session.get(FeedMark, reader) is None:
        first = work.session.exec(fresh).one() or _end(work) + 1
        statements.insert_new(work, FeedMark, [{"reader": reader, "position": first - 1}], returning="reader")
    asked = select(FeedMark).where(FeedMark.reader == reader).with_for_update()
    return work.session.exec(asked.execution_options(populate_existing=True)).one()


def _end(work: Work) -> int:
    return work.session.exec(select(func.max(OutboxEvent.position))).one() or 0


def alert_of(work: Work, company: str, cause: str) -> Alert | None:
    """What was told of this cause."""
    return work.session.get(Alert, (company, cause))


def save(work: Work, alert: Alert) -> Alert:
    """Remember what was told."""
    work.session.add(alert)
    work.session.flush()
    return alert


def held_back(work: Work, seconds: float, most: int = 100) -> Sequence[Alert]:
    """Causes of which something was held back, told longer ago than this."""
    asked = select(Alert).where(col(Alert.untold) > 0, col(Alert.told_at) <= work.after(-seconds))
    return work.session.exec(asked.order_by(col(Alert.told_at)).limit(most)).all()


def told_since(work: Work, seconds: float) -> Sequence[Alert]:
    """The alerts told in the last so many seconds, the newest last."""
    asked = select(Alert).where(col(Alert.told_at) > work.after(-seconds))
    return work.session.exec(asked.order_by(col(Alert.told_at))).all()


def newest(work: Work, company: str | None = None, most: int = 50) -> Sequence[Alert]:
    """The alerts, what happened last first."""
    asked = select(Alert).order_by(col(Alert.last_at).desc(), col(Alert.cause)).limit(most)
    return work.session.exec(asked.where(Alert.company == company) if company else asked).all()
