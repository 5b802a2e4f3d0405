"""How often the progress of a request is told; pure."""

from datetime import datetime, timedelta

_STEPS = 10
_SECONDS = 30.0


def worth_telling(total: int, answered: int, told: int, told_at: datetime | None, now: datetime) -> bool:
    """Whether `answered` of `total` is news after `told`: a tenth more, or any more after half a minute.

    The first answers are always news; the last ones are not, `completed` says them.
    """
    if answered >= total or answered <= told:
        return False
    if told_at is None or (answered - told) * _STEPS >= total:
        return True
    return now - told_at >= timedelta(seconds=_SECONDS)
